"""The disk, and everything that can go wrong with it: the faults are real where the machine lets us make them."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crucible_gen.diagnostics.problems import Problem, Problems
from crucible_gen.output.files import File
from crucible_gen.output.headers import sign
from crucible_gen.output.plan import Plan, plan
from crucible_gen.output.survey import temporary
from crucible_gen.output.write import apply, check_out, locked
from headers import sidecar

INPUTS = "9f2c41d07be8a35c"
ROUNDS = int(os.environ.get("GEN_KILL_ROUNDS", "30"))
NOBODY = 65534


def ours(path: str, body: str = "x = 1\n") -> File:
    return File(path, sign(body, source="recipes/a.yaml", inputs=INPUTS), "a")


def pair(path: str, body: str = "{}\n") -> list[File]:
    return [File(path, body, "a"), File(f"{path}.gen", sidecar(body, source="recipes/a.yaml", inputs=INPUTS), "a")]


def version(number: int, *, size: int = 40) -> list[File]:
    """A small project; each version has other bytes in every file, and one file that the others do not have."""
    body = f"version {number}\n" * size
    files = [ours(f"elixir/lib/{name}.ex", body) for name in "abc"] + [ours(f"only/{number}/x.txt", body)]
    return [*files, *pair("ir/a.json", f'"{body[:-1]}"\n'), *pair("ir/b.json", f"[{number}]\n"), File("same", "", None)]


def generate(files: list[File], out: Path, *, force: bool = False) -> Plan:
    with locked(out):
        found = plan(files, out, force=force)
        apply(found, out)
    return found


def tree(root: Path) -> dict[str, bytes]:
    """Every file below `root`; links and empty directories count as what they are."""
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = b"-> " + os.fsencode(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
        elif not any(path.iterdir()):
            found[name] = b"an empty directory"
    return found


def wanted(files: list[File]) -> dict[str, bytes]:
    return {file.path: file.text.encode() for file in files}


def stamps(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in root.rglob("*")}


def fork(work: Callable[[], object]) -> int:
    """Starts `work` in a process of its own that ends with it, and returns the process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    return child


def outcome(child: int) -> int:
    """The exit status of a process; a signal that ended it is a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def refused(work: Callable[[], object]) -> list[Problem]:
    with pytest.raises(Problems) as caught:
        work()
    return list(caught.value.problems)


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user can reach, which pytest's own are not."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


# What a good run does


def test_a_run_makes_the_directory_what_the_plan_says(tmp_path: Path) -> None:
    out = tmp_path / "new" / "generated"
    generate(version(1), out)
    assert tree(out) == wanted(version(1))
    generate(version(2), out)
    assert tree(out) == wanted(version(2))


def test_nothing_to_do_touches_nothing_and_a_change_touches_only_itself(tmp_path: Path) -> None:
    generate(version(1), tmp_path)
    before = stamps(tmp_path)
    assert not generate(version(1), tmp_path).changes
    assert stamps(tmp_path) == before
    files = [ours("elixir/lib/b.ex", "new\n") if file.path == "elixir/lib/b.ex" else file for file in version(1)]
    generate(files, tmp_path)
    changed = {path for path, stamp in stamps(tmp_path).items() if before[path] != stamp}
    assert changed == {str(tmp_path / "elixir/lib/b.ex"), str(tmp_path / "elixir/lib")}


def test_modes_are_kept_and_new_files_get_the_usual_one(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        generate([ours("a.sh", "old\n")], tmp_path)
        assert stat.S_IMODE((tmp_path / "a.sh").stat().st_mode) == 0o640
        (tmp_path / "a.sh").chmod(0o755)
        generate([ours("a.sh", "new\n")], tmp_path)
        assert stat.S_IMODE((tmp_path / "a.sh").stat().st_mode) == 0o755
    finally:
        os.umask(old)


def test_directories_that_deletes_empty_go_and_others_stay(tmp_path: Path) -> None:
    generate([ours("a/b/c/x.ex"), ours("a/k/x.ex"), ours("keep/x.ex")], tmp_path)
    (tmp_path / "a/k/mine").write_text("mine")
    (tmp_path / "own/empty").mkdir(parents=True)
    generate([ours("keep/x.ex")], tmp_path)
    assert tree(tmp_path) == {
        "a/k/mine": b"mine",
        "own/empty": b"an empty directory",
        "keep/x.ex": ours("x").text.encode(),
    }
    generate([], tmp_path)
    assert tmp_path.is_dir() and not (tmp_path / "keep").exists()


def test_a_plan_with_problems_changes_nothing(tmp_path: Path) -> None:
    generate(version(1), tmp_path)
    (tmp_path / "elixir/lib/b.ex").write_text("mine")
    before = tree(tmp_path)
    assert [problem.code for problem in refused(lambda: generate(version(2), tmp_path))] == ["E0603"]
    assert tree(tmp_path) == before


def test_force_overwrites_hand_edits_and_deletes_edited_left_overs(tmp_path: Path) -> None:
    generate(version(1), tmp_path)
    for path in ("elixir/lib/a.ex", "only/1/x.txt", "ir/a.json"):
        (tmp_path / path).write_text((tmp_path / path).read_text() + "edit")
    assert {p.code for p in refused(lambda: generate(version(2), tmp_path))} == {"E0604", "E0605"}
    generate(version(2), tmp_path, force=True)
    assert tree(tmp_path) == wanted(version(2))


def test_many_files_go_the_same_way(tmp_path: Path) -> None:
    for number in (1, 2):
        files = [ours(f"{index % 7}/{index}.ex", f"{number}\n") for index in range(200)]
        generate(files, tmp_path)
        assert tree(tmp_path) == wanted(files)


def test_everything_is_on_the_disk_before_the_first_file_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    for name in ("fsync", "sync", "replace", "unlink"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _n=name, _r=real, **k: (log.append(_n), _r(*a, **k))[1])
    generate([ours(name) for name in "abc"], tmp_path)
    assert log == ["fsync"] * 3 + ["replace"] * 3 + ["fsync"]
    log.clear()
    generate([ours(f"{number}") for number in range(40)], tmp_path)
    assert log == ["sync"] + ["replace"] * 40 + ["unlink"] * 3 + ["fsync"]


# Killed, interrupted, out of step

STEPS = ("open", "replace", "unlink", "fsync", "sync", "mkdir", "rmdir", "write")


def at_step(number: int, then: Callable[[], Any], *, after: bool) -> contextlib.AbstractContextManager[list[int]]:
    """Calls `then` before or after the number-th call that reaches the disk."""

    @contextlib.contextmanager
    def patched() -> Iterator[list[int]]:
        count = [0]
        real = {name: getattr(os, name) for name in STEPS}

        def step(name: str, *args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            due = count[0] == number
            if due and not after:
                then()
            result = real[name](*args, **kwargs)
            if due and after:
                then()
            return result

        try:
            for name in STEPS:
                setattr(os, name, lambda *args, _name=name, **kwargs: step(_name, *args, **kwargs))
            yield count
        finally:
            for name in STEPS:
                setattr(os, name, real[name])

    return patched()


def each_file_is_whole(out: Path, *numbers: int) -> None:
    versions = [wanted(version(number)) for number in numbers]
    for path, data in tree(out).items():
        if not Path(path).name.startswith(".gen-") and data != b"an empty directory":
            assert any(files.get(path) == data for files in versions), path


def test_killed_at_every_single_step(tmp_path: Path) -> None:
    """The next run wants a third version, so nothing that the killed one left may look like somebody's edit."""
    halves = strays = 0
    for number in range(1, 1000):
        out = tmp_path / str(number)
        generate(version(1), out)

        def die() -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        def run(number: int = number, out: Path = out) -> None:
            with at_step(number, die, after=False):
                generate(version(2), out)

        status = outcome(fork(run))
        each_file_is_whole(out, 1, 2)
        found = plan(version(3), out)
        halves += bool(found.halves)
        strays += bool(found.strays)
        assert not found.problems
        following = (3, 1, 2)[number % 3]
        generate(version(following), out)
        left = {path for path, data in tree(out).items() if data != b"an empty directory"}
        assert left == set(wanted(version(following)))
        assert all((out / path).read_bytes() == data for path, data in wanted(version(following)).items())
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert number > 30 and halves >= 2 and strays >= 7


@pytest.mark.parametrize("after", [False, True])
def test_interrupted_at_every_single_step(tmp_path: Path, after: bool) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    for number in range(1, 1000):
        out = tmp_path / str(number)
        generate(version(1), out)
        with contextlib.suppress(KeyboardInterrupt), at_step(number, interrupt, after=after) as count:
            generate(version(2), out)
        each_file_is_whole(out, 1, 2)
        assert not [path for path in tree(out) if ".gen-" in path]
        assert not plan(version(3), out).problems
        generate(version(3), out)
        assert wanted(version(3)).items() <= tree(out).items()
        if count[0] < number:
            break
    assert number > 30


def test_killed_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(7)

    def run_for_ever() -> None:
        for number in range(10**6):
            generate(version(number % 3, size=2000), tmp_path)

    for _ in range(ROUNDS):
        child = fork(run_for_ever)
        time.sleep(chance.uniform(0.001, 0.05))
        os.kill(child, signal.SIGKILL)
        assert outcome(child) == -signal.SIGKILL
        for path, data in tree(tmp_path).items():
            if not Path(path).name.startswith(".gen-") and data != b"an empty directory":
                assert any(wanted(version(n, size=2000)).get(path) == data for n in range(3)), path
    generate(version(1, size=2000), tmp_path)
    left = {path: data for path, data in tree(tmp_path).items() if data != b"an empty directory"}
    assert left == wanted(version(1, size=2000))


def test_a_file_that_changes_under_the_plan_is_left_alone(tmp_path: Path) -> None:
    generate(version(1), tmp_path)
    for path in ("elixir/lib/b.ex", "only/1/x.txt", "only/2/x.txt"):
        found = plan(version(2), tmp_path)
        before = tree(tmp_path)
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("somebody saves this now")
        problems = refused(lambda found=found: apply(found, tmp_path))
        assert [(p.code, p.place.file) for p in problems] == [("E0617", f"{tmp_path}/{path}")]
        assert tree(tmp_path) == before | {path: b"somebody saves this now"}
        (tmp_path / path).unlink()
        generate(version(1), tmp_path)


# Several at once


def test_eight_runs_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def run(number: int) -> None:
        for turn in range(10):
            files = version((number + turn) % 3)
            with locked(out):
                apply(plan(files, out), out)
                assert tree(out) == wanted(files)

    children = [fork(lambda number=number: run(number)) for number in range(8)]
    assert [outcome(child) for child in children] == [0] * 8
    assert tree(out) in [wanted(version(number)) for number in range(3)]


def test_a_run_that_waits_says_so_after_a_second_and_goes_on(tmp_path: Path) -> None:
    messages: list[str] = []
    entered = threading.Event()
    ended: list[float] = []

    def second() -> None:
        with locked(tmp_path, messages.append):
            ended.append(time.monotonic())

    def first() -> None:
        with locked(tmp_path, messages.append):
            entered.set()
            time.sleep(1.3)
            ended.append(time.monotonic())

    one, two = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    entered.wait(5)
    two.start()
    one.join()
    two.join()
    assert len(ended) == 2 and ended == sorted(ended)
    assert messages == [f"{tmp_path}: waiting for another run of gen"]
    with locked(tmp_path, messages.append):
        pass
    assert len(messages) == 1


def test_the_lock_is_on_the_directory_that_is_there_now(tmp_path: Path) -> None:
    out = tmp_path / "out"
    entered = threading.Event()
    places: list[bool] = []

    def second() -> None:
        entered.set()
        with locked(out):
            probe = os.open(out, os.O_RDONLY)
            import fcntl

            try:
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
                places.append(False)
            except BlockingIOError:
                places.append(True)
            os.close(probe)

    two = threading.Thread(target=second)
    with locked(out):
        two.start()
        entered.wait(5)
        time.sleep(0.1)
        shutil.rmtree(out)
    two.join()
    assert places == [True] and out.is_dir()


def test_a_child_process_does_not_hold_the_lock(tmp_path: Path) -> None:
    with locked(tmp_path):
        child = fork(lambda: time.sleep(20))
    messages: list[str] = []
    with locked(tmp_path, messages.append):
        os.kill(child, signal.SIGKILL)
    assert outcome(child) == -signal.SIGKILL and messages == []


def test_a_file_system_without_locks_is_named_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    messages: list[str] = []
    with locked(tmp_path, messages.append):
        apply(plan(version(1), tmp_path), tmp_path)
    assert tree(tmp_path) == wanted(version(1))
    assert len(messages) == 1 and "has no locks (No locks available)" in messages[0]
    monkeypatch.setattr("crucible_gen.output.write.fcntl", None)
    with locked(tmp_path, messages.append):
        pass
    assert "no file locks" in messages[1]


# A disk that refuses


@contextlib.contextmanager
def mounted(path: Path, *steps: list[str]) -> Iterator[bool]:
    """Whether the machine lets us mount; only root is asked, and root is told when it does not work."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        yield False
        return
    results = [subprocess.run(step, capture_output=True, check=False) for step in steps]
    try:
        yield all(result.returncode == 0 for result in results)
    finally:
        if results[0].returncode == 0:
            subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_leaves_every_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(disk)]) as real:
        out = disk / "generated"
        generate(version(1), out)
        before = stamps(out)
        if not real:
            stage = os.fdopen
            opened: list[int] = []

            def full(descriptor: int, mode: str, **kwargs: Any) -> Any:
                opened.extend([descriptor] if mode == "wb" else [])
                if len(opened) == 3:
                    os.close(descriptor)
                    raise OSError(errno.ENOSPC, "No space left on device")
                return stage(descriptor, mode, **kwargs)

            monkeypatch.setattr(os, "fdopen", full)
        problems = refused(lambda: generate(version(2, size=3000), out))
        assert [problem.code for problem in problems] == ["E0614"]
        assert problems[0].message == "cannot be written: No space left on device"
        assert problems[0].place.file.startswith(f"{out}/")
        assert tree(out) == wanted(version(1))
        assert {path: stamps(out)[path][1] for path in before} == {path: stamp[1] for path, stamp in before.items()}
        monkeypatch.undo()
        generate(version(2), out)
        assert tree(out) == wanted(version(2))


def test_a_file_size_limit_leaves_every_file_whole(tmp_path: Path) -> None:
    generate(version(1), tmp_path)

    def run() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        problems = refused(lambda: generate(version(2, size=2000), tmp_path))
        assert [(p.code, p.message) for p in problems] == [("E0614", "cannot be written: File too large")]

    assert outcome(fork(run)) == 0
    assert tree(tmp_path) == wanted(version(1))


def as_nobody(work: Callable[[], object]) -> int:
    """Permissions bind every user but root."""

    def run() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        work()

    return outcome(fork(run))


def test_a_directory_that_may_not_be_written(open_dir: Path) -> None:
    out = open_dir / "generated"
    generate(version(1), out)
    (out / "ir").chmod(0o555)
    (out / "elixir").chmod(0o777)
    (out / "elixir/lib").chmod(0o777)
    before = tree(out)

    def run() -> None:
        with locked(out):
            assert not plan(version(1), out).problems
            apply(plan(version(1), out), out)
            found = plan(version(2), out)
            problems = refused(lambda: apply(found, out))
        assert [(p.code, p.place.file) for p in problems] == [("E0615", f"{out}/ir/a.json")]
        assert problems[0].message == "cannot be written: Permission denied"

    assert as_nobody(run) == 0
    assert tree(out) == before
    (out / "ir").chmod(0o755)


def test_an_output_directory_that_cannot_be_made_or_read(open_dir: Path) -> None:
    open_dir.chmod(0o555)
    (open_dir / "closed").mkdir()
    (open_dir / "closed/a").write_text("")
    (open_dir / "closed").chmod(0o000)

    def run() -> None:
        for name in ("new", "closed"):
            problems = refused(lambda name=name: generate(version(1), open_dir / name))
            assert [(p.code, p.place.file) for p in problems] == [("E0615", f"{open_dir}/{name}")]

    assert as_nobody(run) == 0
    open_dir.chmod(0o755)
    (open_dir / "closed").chmod(0o755)


def test_a_read_only_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    generate(version(1), disk)
    steps = [["mount", "--bind", str(disk), str(disk)], ["mount", "-o", "remount,bind,ro", str(disk)]]
    with mounted(disk, *steps) as real:
        if not real:
            refuse = OSError(errno.EROFS, "Read-only file system")
            make = os.open

            def read_only(path: str, flags: int, *args: Any, **kwargs: Any) -> int:
                if flags & os.O_CREAT:
                    raise refuse
                return make(path, flags, *args, **kwargs)

            monkeypatch.setattr(os, "open", read_only)
        assert not generate(version(1), disk).changes
        problems = refused(lambda: generate([ours("elixir/lib/a.ex", "new\n")], disk))
        assert [(p.code, p.message) for p in problems] == [("E0615", "cannot be written: Read-only file system")]
        assert tree(disk) == wanted(version(1))
        monkeypatch.undo()


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    generate(version(1), tmp_path)
    problems = refused(lambda: generate([ours("x" * 300)], tmp_path))
    assert [p.code for p in problems] == ["E0608"] and "File name too long" in problems[0].message
    problems = refused(lambda: generate([ours(f"{'d' * 300}/a.ex")], tmp_path))
    assert "File name too long" in problems[0].message
    assert tree(tmp_path) == wanted(version(1))


def test_an_output_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for out in (tmp_path / "out", tmp_path / "out" / "below"):
        assert [p.code for p in refused(lambda out=out: generate(version(1), out))] == ["E0611"]
        with pytest.raises(Problems):
            apply(plan(version(1), tmp_path / "elsewhere"), out)
    assert tree(tmp_path) == {"out": b"mine"}


def test_a_failure_between_two_files_is_told_and_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(version(1), tmp_path)
    real = os.replace
    done: list[str] = []

    def fail(source: str, target: str, **kwargs: Any) -> None:
        if len(done) == 4:
            raise OSError(errno.EIO, "Input/output error")
        real(source, target, **kwargs)
        done.append(target)

    monkeypatch.setattr(os, "replace", fail)
    problems = refused(lambda: generate(version(2), tmp_path))
    assert [(p.code, p.place.file) for p in problems] == [("E0616", f"{tmp_path}/ir/a.json.gen")]
    assert done == ["a.ex", "b.ex", "c.ex", "a.json"]
    monkeypatch.undo()
    each_file_is_whole(tmp_path, 1, 2)
    generate(version(3), tmp_path)
    assert tree(tmp_path) == wanted(version(3))


def test_new_directories_of_a_run_that_fails_go_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    refused(lambda: generate([ours("a/b/c.ex"), ours("d.ex")], tmp_path))
    assert tree(tmp_path) == {}


# Links


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    generate(version(1), outside)
    out.mkdir()
    (out / "elixir").symlink_to(outside / "elixir")
    (out / "ir").mkdir()
    (out / "ir/a.json").symlink_to(outside / "ir/a.json")
    before = tree(tmp_path)
    problems = refused(lambda: generate(version(2), out, force=True))
    assert [p.code for p in problems] == ["E0606", "E0606"]
    assert tree(tmp_path) == before


@pytest.mark.parametrize("number", [1, 2])
def test_a_link_that_appears_after_the_plan_leads_nowhere(tmp_path: Path, number: int) -> None:
    """Both for files that are written and for those that are deleted."""
    outside, out = tmp_path / "outside", tmp_path / "out"
    generate(version(1), outside)
    shutil.copytree(outside, out, copy_function=shutil.copy2)
    found = plan(version(2) if number == 2 else [], out)
    shutil.rmtree(out / "elixir/lib")
    (out / "elixir/lib").symlink_to(outside / "elixir/lib")
    before = tree(tmp_path)
    assert [p.code for p in refused(lambda: apply(found, out))] == ["E0616"]
    assert tree(tmp_path) == before


def test_a_link_under_the_temporary_name_leads_nowhere(tmp_path: Path) -> None:
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.write_text("mine")
    out.mkdir()
    (out / temporary("a.ex")).symlink_to(victim)
    generate([ours("a.ex")], out)
    assert victim.read_text() == "mine" and tree(out) == wanted([ours("a.ex")])


# Where to write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    (home / "project/recipes/fragments").mkdir(parents=True)
    (home / "project/recipes/a.yaml").write_text("id: a\n")
    (home / "project/pyproject.toml").write_text("")
    (home / "project/file").write_text("")
    (home / "project/loop").symlink_to("loop")
    (home / "project/linked").symlink_to("recipes")
    monkeypatch.chdir(home / "project")
    return home


@pytest.mark.parametrize(
    ("out", "inputs", "code"),
    [
        ("generated", "recipes", ""),
        ("new/generated", "recipes", ""),
        ("generated", "recipes/a.yaml", ""),
        ("generated", "missing.yaml", ""),
        ("../elsewhere", "recipes", ""),
        ("file", "recipes", "E0611"),
        ("file/below", "recipes", "E0611"),
        ("loop", "recipes", "E0611"),
        ("recipes", "recipes", "E0612"),
        ("linked", "recipes", "E0612"),
        ("recipes", "recipes/a.yaml", "E0612"),
        ("recipes/generated", "recipes", "E0612"),
        ("recipes/fragments/../../recipes/x", "recipes", "E0612"),
        ("generated", ".", "E0612"),
        ("recipes", "recipes/fragments", "E0612"),
        (".", "recipes", "E0613"),
        ("..", "recipes", "E0613"),
        ("../..", "recipes", "E0613"),
        ("/", "recipes", "E0613"),
    ],
)
def test_check_out(project: Path, out: str, inputs: str, code: str) -> None:
    problems = check_out(Path(out), [Path(inputs)], project)
    assert [problem.code for problem in problems] == ([code] if code else [])
    assert all(problem.hint for problem in problems)


def test_check_out_names_paths_as_the_user_did(project: Path) -> None:
    problem = check_out(Path("recipes/x"), [Path("./recipes")], project)[0]
    assert (problem.place.file, problem.message) == (
        "recipes/x",
        "the output directory lies inside recipes: outputs would be read as recipes",
    )
    assert "the root" in check_out(Path("/"), [], project)[0].message
    assert "your home" in check_out(Path(".."), [], project)[0].message


# The light start


def python(code: str, *options: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, *options, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_importing_loads_nothing_heavy() -> None:
    heavy = "{'click', 'jinja2', 'pydantic', 'yaml', 'jsonschema', 'difflib', 'unicodedata', 'tempfile', 'shutil'}"
    load = "import sys, crucible_gen.output.write, crucible_gen.output.plan, crucible_gen.output.diff"
    python(f"{load}; loaded = {heavy} & set(sys.modules); assert not loaded, loaded", "-S")


def test_importing_works_without_fcntl() -> None:
    python(
        "import sys; sys.modules['fcntl'] = None; import crucible_gen.output.write as write; assert write.fcntl is None"
    )

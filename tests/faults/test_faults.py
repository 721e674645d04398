"""Whatever happens on the way, nothing is lost, and no stale file is ever called current: whole processes, real faults.

GEN_KILLS says in how many runs the process is killed (default: 20).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import SHARED, gen, in_child
from whole import command, environment, process, recipe, small, tree, whole

KILLS = int(os.environ.get("GEN_KILLS", "20"))
NAMES = tuple(f"r{number:02}" for number in range(30))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return small(tmp_path / "p", NAMES)


def wanted(root: Path, tmp_path: Path) -> dict[str, bytes]:
    """What a run that nothing disturbs writes."""
    calm = tmp_path / "calm"
    shutil.rmtree(calm, ignore_errors=True)
    shutil.copytree(root, calm, ignore=lambda folder, names: ["generated"] if folder == str(root) else [])
    ran = gen(["-q", "recipes"], calm)
    assert ran.code == 0, ran.both
    return tree(calm / "generated")


def rewrite(root: Path, epochs: int) -> None:
    for name in NAMES:
        (root / f"recipes/{name}.yaml").write_text(recipe(name, epochs=epochs))


def git(root: Path, *args: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *args], cwd=root, check=True, capture_output=True)


def test_a_run_that_is_killed_at_any_moment_leaves_whole_files_and_the_next_one_repairs(
    root: Path, tmp_path: Path
) -> None:
    chance = random.Random(6)
    cache = tmp_path / "cache"
    start = time.monotonic()
    assert process(["-q", "recipes"], root, cache).returncode == 0
    longest = time.monotonic() - start
    before = tree(root / "generated")
    for number in range(KILLS):
        rewrite(root, number % 9 + 2)
        after = wanted(root, tmp_path)
        run = subprocess.Popen(command("-q", "recipes"), cwd=root, env=environment(cache), stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, longest))
        run.send_signal(signal.SIGKILL)
        run.wait()
        for path, data in tree(root / "generated").items():
            if not path.endswith(".tmp"):
                assert data in (before.get(path), after.get(path)), (number, path)
        if chance.random() < 0.5:
            checked = process(["--check", "-q", "recipes"], root, cache)
            current = {path: data for path, data in tree(root / "generated").items() if not path.endswith(".tmp")}
            assert (checked.returncode == 0) == (current == after), (number, checked.stderr)
        ran = process(["-q", "recipes"], root, cache)
        assert ran.returncode == 0, (number, ran.stderr)
        assert tree(root / "generated") == after, number
        before = after


def test_eight_runs_at_once(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for epochs in (2, 3):
        rewrite(root, epochs)
        runs = [
            subprocess.Popen(
                command("-q", "recipes"), cwd=root, env=environment(cache), stderr=subprocess.PIPE, text=True
            )
            for _ in range(8)
        ]
        for run in runs:
            errors = run.communicate()[1]
            assert run.returncode == 0, errors
        assert tree(root / "generated") == wanted(root, tmp_path)
    assert process(["--check", "-q", "recipes"], root, cache).returncode == 0


def test_runs_while_recipes_change_never_call_a_stale_file_current(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for epochs in range(2, 7):
        runs = [
            subprocess.Popen(command("-q", "recipes"), cwd=root, env=environment(cache), stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        time.sleep(0.15)
        rewrite(root, epochs)
        for run in runs:
            run.wait()
        checked = process(["--check", "-q", "recipes"], root, cache)
        assert (checked.returncode == 0) == (tree(root / "generated") == wanted(root, tmp_path))
        assert process(["-q", "recipes"], root, cache).returncode == 0
        assert tree(root / "generated") == wanted(root, tmp_path)


def where_it_may_mount(script: str, root: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """A shell script in namespaces of its own, where it mounts what nobody else sees."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    return subprocess.run(words, cwd=root, env=environment(cache), capture_output=True, text=True, check=True)


@pytest.mark.parametrize("size", [64, 200, 400])
def test_a_full_disk_leaves_all_as_it_was(root: Path, tmp_path: Path, size: int) -> None:
    """A real one: a small file system in memory, mounted where only this test sees it."""
    mount, cache = tmp_path / "mount", tmp_path / "cache"
    mount.mkdir()
    run = " ".join(command("-q", "recipes", "--out", str(mount / "out")))
    script = f"mount -t tmpfs -o size={size}k none {mount} && {run}; echo $? && find {mount} -type f"
    ran = where_it_may_mount(script, root, cache)
    assert ran.stdout == "1\n"
    assert "error[E0614]" in ran.stderr


def test_the_cache_on_a_full_disk_is_no_matter(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "small"
    cache.mkdir()
    run = " ".join(command("recipes"))
    script = f"mount -t tmpfs -o size=8k none {cache} && {run} && {run}"
    ran = where_it_may_mount(script, root, cache)
    assert ran.stderr == ""
    assert ran.stdout.endswith(f"{SHARED + 120} unchanged\n")


def test_a_tree_that_cannot_be_written_can_be_checked(root: Path, tmp_path: Path) -> None:
    assert whole(["-q", "recipes"], root).ran.code == 0
    folders = [path for path in (root, *root.rglob("*")) if path.is_dir()]
    locked = tmp_path / "locked"
    locked.mkdir()
    os.environ["XDG_CACHE_HOME"] = str(locked)  # restored by the fixture
    for folder in (*folders, locked):
        folder.chmod(0o555)
    try:

        def check() -> tuple[int, str]:
            ran = whole(["--check", "recipes"], root).ran
            return ran.code, ran.both or ran.out

        for _ in range(2):
            code, text = in_child(check)
            assert (code, text) == (0, f"30 recipes: {SHARED + 120} files, all as the recipes say\n")
    finally:
        for folder in (*folders, locked):
            folder.chmod(0o755)


def test_no_permission_is_said_and_nothing_is_written(root: Path) -> None:
    assert whole(["-q", "recipes"], root).ran.code == 0
    before = tree(root / "generated")
    rewrite(root, 2)
    folder = root / "generated/ir"
    folder.chmod(0o555)
    try:

        def write() -> tuple[int, str]:
            ran = whole(["recipes"], root).ran
            return ran.code, ran.both

        code, text = in_child(write)
    finally:
        folder.chmod(0o755)
    assert (code, "error[E0615]" in text) == (1, True)
    assert tree(root / "generated") == before


def test_a_branch_switch_between_runs_and_during_them(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (root / ".gitignore").write_text("")
    assert process(["-q", "recipes"], root, cache).returncode == 0
    git(root, "init", "-q", "-b", "one")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "checkout", "-qb", "two")
    rewrite(root, 5)
    (root / "recipes/new.yaml").write_text(recipe("new"))
    assert process(["-q", "recipes"], root, cache).returncode == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    for branch in ("one", "two", "one", "two"):
        git(root, "checkout", "-q", branch)
        checked = process(["--check", "recipes"], root, cache)
        assert checked.returncode == 0, checked.stderr
    for number, branch in enumerate(("one", "two", "one", "two")):
        run = subprocess.Popen(command("-q", "recipes"), cwd=root, env=environment(cache), stderr=subprocess.DEVNULL)
        time.sleep(0.08 * (number + 1))
        git(root, "checkout", "-qf", branch)
        run.wait()
        checked = process(["--check", "-q", "recipes"], root, cache)
        assert (checked.returncode == 0) == (tree(root / "generated") == wanted(root, tmp_path)), branch
        git(root, "checkout", "-qf", branch)
        git(root, "clean", "-qfd")
        assert process(["--check", "-q", "recipes"], root, cache).returncode == 0


def test_two_branches_that_each_add_a_recipe_merge(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert process(["-q", "recipes"], root, cache).returncode == 0
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    for name in ("mine", "theirs"):
        git(root, "checkout", "-q", "main")
        git(root, "checkout", "-qb", name)
        (root / f"recipes/{name}.yaml").write_text(recipe(name))
        assert process(["-q", "recipes"], root, cache).returncode == 0
        git(root, "add", "-A")
        git(root, "commit", "-qm", name)
    git(root, "merge", "-q", "--no-edit", "mine")
    for args in (["--check", "recipes"], ["--check", "--no-cache", "recipes"]):
        checked = process(args, root, cache)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert checked.stdout == f"32 recipes: {SHARED + 128} files, all as the recipes say\n"


def test_a_file_system_without_locks_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import fcntl

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    ran = whole(["recipes"], root).ran
    assert ran.code == 0
    assert "this file system has no locks" in ran.err
    assert "start no second run before this one ends" in ran.err


def test_a_release_that_changes_no_output_changes_one_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crucible_gen.output import manifest

    assert gen(["-q", "recipes"], root).code == 0
    before = tree(root / "generated")
    monkeypatch.setattr(manifest, "generator", lambda *_: "0123456789abcdef")
    checked = gen(["--check", "recipes"], root)
    assert (checked.code, checked.err.split("\n")[0]) == (1, "generated/manifest.txt: changed")
    assert gen(["-q", "recipes"], root).code == 0
    after = tree(root / "generated")
    assert [path for path in after if after[path] != before[path]] == ["manifest.txt"]
    lines = zip(before["manifest.txt"].split(b"\n"), after["manifest.txt"].split(b"\n"), strict=True)
    assert sum(old != new for old, new in lines) == 1


def test_a_part_written_by_another_release_makes_the_manifest_void(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crucible_gen.languages import registry
    from crucible_gen.output import manifest

    real = manifest.generator(registry.shipped_folders())
    assert gen(["-q", "recipes"], root).code == 0
    monkeypatch.setattr(manifest, "generator", lambda *_: "0123456789abcdef")
    assert gen(["-q", "--target", "python", "recipes"], root).code == 0
    monkeypatch.setattr(manifest, "generator", lambda *_: real)
    checked = gen(["--check", "recipes"], root)
    assert (checked.code, "generated/manifest.txt" in checked.err) == (1, True)
    assert gen(["-q", "recipes"], root).code == 0
    monkeypatch.undo()
    assert gen(["-q", "--target", "python", "recipes"], root).code == 0
    assert gen(["--check", "recipes"], root).code == 0


def test_the_same_python_runs_here() -> None:
    assert command()[0] == sys.executable

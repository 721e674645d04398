"""What makes a run short: what it imports, what it opens, which recipes it lowers; and which records it believes."""

from __future__ import annotations

import contextlib
import io
import marshal
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import SHARED
from crucible_gen.documents import digest
from crucible_gen.incremental import commit, index, notes, record, reuse, session, snapshot, store
from crucible_gen.ir import lower
from hypothesis import given
from hypothesis import strategies as st
from printed import printed
from whole import STAGE, command, environment, process, recipe, small, whole

HEAVY = {"click", "jinja2", "pydantic", "yaml", "jsonschema", "jsonschema_rs", "re", "json", "pathlib", "dataclasses"}
HEAVY |= {"typing", "hashlib", "enum", "collections"}


@pytest.fixture(autouse=True)
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are on here, even where the suite runs without them."""
    monkeypatch.delenv(session.OFF, raising=False)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose outputs are written and whose record is kept; stamps are believed at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(snapshot, "MARGIN", 0)
    root = small(tmp_path / "p")
    for _ in range(3):
        assert whole(["-q", "recipes"], root).ran.code == 0
    assert whole(["recipes"], root).short
    return root


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The ids of the recipes that are lowered."""
    ids: list[str] = []
    real = lower.lower

    def spy(recipe, *args):  # type: ignore[no-untyped-def]
        ids.append(recipe.get("id").value)
        return real(recipe, *args)

    monkeypatch.setattr(lower, "lower", spy)
    yield ids


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are opened from now on."""
    opened: list[str] = []
    real = os.open

    def spy(path: str, *args: object, **kwargs: object) -> int:
        opened.append(os.fspath(path))
        return real(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", spy)
    return opened


# Warnings -------------------------------------------------------------------------------------------------------------


def odd(root: Path, line: str = "  optimizer: adamm", name: str = "b", epochs: int = 1) -> None:
    """Writes a recipe with a line that gives a warning, and runs until the record is settled."""
    (root / f"recipes/{name}.yaml").write_text(recipe(name, epochs=epochs) + f"{line}\n")


def said(root: Path, *args: str) -> tuple[bool, str]:
    """Whether a run was answered from the record, and what it wrote to standard error; the long way says the same."""
    ran = whole(["recipes", *args], root)
    long = whole(["recipes", *args, "--no-cache"], root)
    assert (ran.ran.code, ran.ran.err) == (long.ran.code, long.ran.err)
    return ran.short, ran.ran.err


def test_warnings_are_said_whichever_way_a_run_takes(root: Path, lowered: list[str]) -> None:
    odd(root)
    assert (
        whole(["recipes"], root).ran.out
        == f"3 recipes: {SHARED + 12} files, 4 updated, {SHARED + 8} unchanged; 1 warning\n"
    )
    lowered.clear()
    for _ in range(2):
        ran = whole(["recipes"], root)
        assert "b.yaml:7:14: warning[W0101]" in ran.ran.err
        assert ran.ran.out == f"3 recipes: {SHARED + 12} files, {SHARED + 12} unchanged; 1 warning\n"
    assert ran.short
    ran = whole(["recipes", "--check"], root)
    assert ran.short
    assert ran.ran.out == f"3 recipes: {SHARED + 12} files, all as the recipes say; 1 warning\n"
    assert "warning[W0101]" in ran.ran.err
    assert lowered == []
    (root / "recipes/c.yaml").write_text(recipe("c", epochs=3))
    ran = whole(["recipes"], root)
    assert lowered == ["c"]
    assert "b.yaml:7:14: warning[W0101]" in ran.ran.err
    assert ran.ran.out.endswith("; 1 warning\n")


def test_quiet_runs_are_answered_with_their_warnings(root: Path) -> None:
    odd(root)
    whole(["recipes"], root)
    for args in (["recipes", "-q"], ["recipes", "-q", "--check"]):
        ran = whole(args, root)
        assert ran.short
        assert ran.ran.out == ""
        assert ran.ran.err.endswith("1 warning; gen explain W0101 tells more\n")


def test_a_line_that_is_shown_is_the_one_that_is_there(root: Path) -> None:
    odd(root)
    whole(["recipes"], root)
    odd(root, "  optimizer: adamm # a typo")
    short, err = said(root)
    assert not short
    assert "7 |   optimizer: adamm # a typo\n" in err
    assert "7 |   optimizer: adamm # a typo\n" in said(root)[1]


@pytest.mark.parametrize("format_", ["text", "json", "github"])
def test_warnings_that_come_and_go_are_those_of_the_long_way(root: Path, format_: str) -> None:
    lines = ["  optimizer: adamm", "  device: tpu", "  device: tpu", "# none", "  learning_rate: 7.0", "# none"]
    for number, line in enumerate(lines):
        odd(root, line, name="abc"[number % 3], epochs=number + 1)
        for args in (["recipes"], ["recipes", "--check"], ["recipes", "-q"], ["recipes"]):
            ran = whole([*args, "--format", format_], root).ran
            long = whole([*args, "--format", format_, "--no-cache"], root).ran
            assert (ran.code, ran.err) == (long.code, long.err), line
            assert ran.out.rpartition("summary")[0] == long.out.rpartition("summary")[0], line


def test_a_fragment_counts_the_recipes_that_have_it_now(root: Path) -> None:
    fragment = root / "recipes/fragments/base.yaml"
    fragment.write_text(fragment.read_text() + "  optimizer: adamm\n")
    assert "(in 3 recipes)" in said(root)[1]
    assert "(in 3 recipes)" in said(root)[1]
    (root / "recipes/c.yaml").write_text(recipe("c") + "  optimizer: adam\n")
    assert "(in 2 recipes)" in said(root)[1]
    (root / "recipes/d.yaml").write_text(recipe("d"))
    assert "(in 3 recipes)" in said(root)[1]


def test_no_record_hides_warnings_that_are_errors(root: Path) -> None:
    assert whole(["recipes", "--warnings-as-errors"], root).ran.code == 0
    assert whole(["recipes", "--warnings-as-errors"], root).short
    before = (root / "generated/ir/b.json").read_bytes()
    odd(root)
    for _ in range(2):
        ran = whole(["recipes", "--warnings-as-errors"], root)
        assert (ran.short, ran.ran.code, ran.ran.out) == (False, 1, "")
        assert "error[W0101]" in ran.ran.err
        assert (root / "generated/ir/b.json").read_bytes() == before
    for _ in range(2):
        assert whole(["recipes"], root).ran.code == 0
    assert whole(["recipes", "--warnings-as-errors"], root).ran.code == 1
    settings = (root / "gen.yaml").read_text()
    (root / "gen.yaml").write_text(f"{settings}warnings_as_errors: true\n")
    assert whole(["recipes"], root).ran.code == 1


def test_an_answer_has_color_where_its_own_stream_has(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    odd(root)
    whole(["recipes"], root)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, colored in ((Terminal(), True), (io.StringIO(), False)):
        with contextlib.chdir(root), contextlib.redirect_stderr(stream), contextlib.redirect_stdout(io.StringIO()):
            assert session.Session(["recipes"]).answer() == 0
        assert ("\x1b[33;1mwarning[W0101]" in stream.getvalue()) == colored


# What it costs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [(), ("--format", "json")], ids=["text", "json"])
def test_nothing_to_do_imports_nothing_heavy(flags: tuple[str, ...], tmp_path: Path) -> None:
    root, cache = small(tmp_path / "p"), tmp_path / "cache"
    process(["-q", *flags, "recipes"], root, cache)
    time.sleep(snapshot.MARGIN / 1e9 + 0.1)
    for _ in range(2):
        process(["-q", *flags, "recipes"], root, cache)
    script = (
        f"import os, sys; before = set(sys.modules); sys.argv = {['gen', *flags, 'recipes']!r}; os._exit = sys.exit\n"
        "from crucible_gen.__main__ import main\n"
    )
    script += "try: main()\nexcept SystemExit as end: assert end.code == 0\n"
    script += "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    args = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(Path(snapshot.__file__).parents[2])!r})\n{script}",
    ]
    ran = subprocess.run(args, cwd=root, env=environment(cache), capture_output=True, text=True, check=True)
    said, modules = ran.stdout[:-1].rsplit("\n", 1)
    summary = f"3 recipes: {SHARED + 12} files, {SHARED + 12} unchanged"
    assert (printed("generate", said) if flags else said) == (
        {"summary": summary, "problems": []} if flags else summary
    )
    assert set(modules.split()) <= {"crucible_gen", "__future__", "gc", "time", "zlib"}


def test_nothing_to_do_opens_each_folder_once_and_no_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = spied(monkeypatch)
    assert whole(["recipes"], root).short
    inside = [path for path in opened if path.startswith(str(root))]
    assert len(inside) == len(set(inside))
    assert all(os.path.isdir(path) for path in inside)


def test_nobody_who_listens_is_no_traceback(tmp_path: Path) -> None:
    root, cache = small(tmp_path / "p"), tmp_path / "cache"
    process(["-q", "recipes"], root, cache)
    time.sleep(snapshot.MARGIN / 1e9 + 0.1)
    for _ in range(2):
        process(["-q", "recipes"], root, cache)
    for args in (["recipes"], ["--check", "recipes"], ["--check", "--no-cache", "recipes"]):
        read, write = os.pipe()
        os.close(read)
        ran = subprocess.run(
            command(*args),
            cwd=root,
            env=environment(cache),
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(write)
        assert (ran.returncode, ran.stderr) == (0, ""), args


def test_check_and_quiet_share_the_record(root: Path) -> None:
    ran = whole(["--check", "recipes"], root)
    assert ran.short
    assert ran.ran.out == f"3 recipes: {SHARED + 12} files, all as the recipes say\n"
    ran = whole(["recipes", "-q"], root)
    assert (ran.short, ran.ran.out) == (True, "")


def test_one_recipe_that_changed_is_lowered_alone(root: Path, lowered: list[str]) -> None:
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    ran = whole(["recipes"], root).ran
    assert ran.out == f"3 recipes: {SHARED + 12} files, 4 updated, {SHARED + 8} unchanged\n"
    assert lowered == ["b"]


def test_a_fragment_touches_those_that_extend_it(root: Path, lowered: list[str]) -> None:
    (root / "recipes/c.yaml").write_text(recipe("c", extends="[fragments/base.yaml, fragments/other.yaml]"))
    whole(["recipes"], root)
    lowered.clear()
    (root / "recipes/fragments/other.yaml").write_text("training_config:\n  batch_size: 65\n")
    assert whole(["recipes"], root).ran.code == 0
    assert lowered == ["c"]
    lowered.clear()
    base = root / "recipes/fragments/base.yaml"
    base.write_text(base.read_text() + "  learning_rate: 1.0e-5\n")
    assert whole(["recipes"], root).ran.code == 0
    assert lowered == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["stages/audit.schema.json", "templates/elixir/recipe.ex.j2", "gen.yaml"])
def test_schemas_templates_and_settings_touch_every_recipe(root: Path, name: str, lowered: list[str]) -> None:
    (root / name).write_text((root / name).read_text() + "\n")
    assert whole(["recipes"], root).ran.code == 0
    assert lowered == ["a", "b", "c"]


def test_recipes_that_come_and_go_touch_no_other(root: Path, lowered: list[str]) -> None:
    (root / "recipes/d.yaml").write_text(recipe("d"))
    (root / "recipes/a.yaml").unlink()
    assert (
        whole(["recipes"], root).ran.out
        == f"3 recipes: {SHARED + 12} files, 4 created, 4 deleted, {SHARED + 8} unchanged\n"
    )
    assert lowered == ["d"]
    assert not (root / "generated/ir/a.json").exists()


def test_an_output_that_changed_makes_its_recipe_anew(root: Path, lowered: list[str]) -> None:
    (root / "generated/ir/b.json").unlink()
    assert whole(["recipes"], root).ran.out == f"3 recipes: {SHARED + 12} files, 1 created, {SHARED + 11} unchanged\n"
    assert lowered == ["b"]


def test_check_without_a_record_makes_everything_and_keeps_one(root: Path, lowered: list[str], tmp_path: Path) -> None:
    ran = whole(["--check", "recipes", "--no-cache"], root)
    assert (ran.short, ran.ran.code, lowered) == (False, 0, ["a", "b", "c"])
    assert ran.ran.out == f"3 recipes: {SHARED + 12} files, all as the recipes say\n"
    shutil.rmtree(root.parent / "cache")
    for short in (False, False, True):
        assert whole(["--check", "recipes"], root).short >= short


def test_check_believes_no_digest_that_stands_in_the_tree(root: Path) -> None:
    """A changed body whose header was computed again passes for generated, and is not what the recipes say."""
    path = root / "generated/elixir/lib/crucible_recipes/b.ex"
    first, second, body = path.read_text().split("\n", 2)
    forged = body.replace("1.0e-8", "1.0e-9")
    assert forged != body
    path.write_text("\n".join([first, second.partition(" body=")[0] + f" body={digest(forged)}", forged]))
    for args in (["--check", "recipes"], ["--check", "--no-cache", "recipes"]):
        ran = whole(args, root).ran
        assert (ran.code, ran.err.splitlines()[0]) == (1, "generated/elixir/lib/crucible_recipes/b.ex: changed")
    shutil.rmtree(root.parent / "cache")
    assert whole(["--check", "recipes"], root).ran.code == 1


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_a_session_that_is_off_knows_and_keeps_nothing(
    root: Path, how: str, lowered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = sorted((root.parent / "cache/crucible-gen").iterdir())
    before = [path.read_bytes() for path in kept]
    if how == "environment":
        monkeypatch.setenv("GEN_NO_CACHE", "1")
    ran = whole(["recipes", *(["--no-cache"] if how == "flag" else [])], root)
    assert (ran.short, ran.ran.out, lowered) == (
        False,
        f"3 recipes: {SHARED + 12} files, {SHARED + 12} unchanged\n",
        ["a", "b", "c"],
    )
    assert sorted((root.parent / "cache/crucible-gen").iterdir()) == kept
    assert [path.read_bytes() for path in kept] == before


def test_two_processes_see_what_one_sees(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_MANY", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert whole(["recipes"], root).short
    (root / "generated/ir/a.json").write_text("{}")
    assert whole(["--check", "recipes"], root).ran.code == 1


def test_without_a_cache_the_bytes_are_the_same(root: Path, tmp_path: Path) -> None:
    from whole import tree

    before = tree(root / "generated")
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    whole(["-q", "recipes"], root)
    changed = tree(root / "generated")
    assert changed != before
    (root / "recipes/b.yaml").write_text(recipe("b"))
    assert not whole(["-q", "--no-cache", "recipes"], root).short
    assert tree(root / "generated") == before


# Which records are believed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["recipes"], (["recipes"], False, False)),
        (["--check", "recipes", "-q"], (["recipes"], True, True)),
        (["recipes", "--quiet"], (["recipes"], False, True)),
        (["--out", "--check", "recipes"], (["--out", "--check", "recipes"], False, False)),
        (["--", "-q"], (["--", "-q"], False, False)),
        (["--check", "--diff"], (["--check", "--diff"], True, False)),
        (["-q", "-v"], (["-q", "-v"], False, True)),
    ],
)
def test_the_command_line(arguments: list[str], expected: tuple[list[str], bool, bool]) -> None:
    assert session.split(arguments) == expected


def record_of(root: Path) -> Path:
    record, beside = sorted((root.parent / "cache/crucible-gen").iterdir())
    assert beside.name == record.name + store.INDEX
    return record


@pytest.mark.parametrize("damage", ["cut", "zeros", "empty", "flipped", "old", "not marshal", "no record"])
def test_a_damaged_record_is_none(root: Path, damage: str) -> None:
    record = record_of(root)
    data = record.read_bytes()
    middle = len(data) // 4
    spoilt = {
        "cut": data[:middle],
        "zeros": bytes(len(data)),
        "empty": b"",
        "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "old": b"gen record 0\n" + data[len(store._MAGIC) :],
        "not marshal": data[: store.HEAD] + b"\xff" * (len(data) - store.HEAD),
        "no record": data[: store.HEAD - 4] + zlib.crc32(b"N").to_bytes(4, "big") + b"N",
    }[damage]
    record.write_bytes(spoilt)
    ran = whole(["recipes"], root)
    assert not ran.short
    assert ran.ran.out == f"3 recipes: {SHARED + 12} files, {SHARED + 12} unchanged\n"
    assert ran.ran.err == ""


@pytest.mark.parametrize("damage", ["flipped", "zeros", "missing", "of another run"])
def test_the_memory_of_a_record_may_be_damaged_alone(root: Path, lowered: list[str], damage: str) -> None:
    path = record_of(root).with_suffix(store.INDEX)
    data = path.read_bytes()
    match damage:
        case "flipped":
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "zeros":
            path.write_bytes(bytes(len(data)))
        case "missing":
            path.unlink()
        case "of another run":
            index.write(str(path.with_suffix("")), "", {}, [])
    assert whole(["recipes"], root).short
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    assert whole(["recipes"], root).ran.out == f"3 recipes: {SHARED + 12} files, 4 updated, {SHARED + 8} unchanged\n"
    assert lowered == ["a", "b", "c"]


def test_a_record_of_another_user_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert not whole(["recipes"], root).short


@pytest.mark.parametrize("what", ["python", "generator", "machine", "home", "format", "folder"])
def test_a_record_is_of_one_python_generator_machine_and_place(
    root: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = store.place(["recipes"]) if what == "folder" else ""
    match what:
        case "python":
            monkeypatch.setattr(sys, "version", "3.99")
        case "generator":
            monkeypatch.setattr(store, "__file__", "/elsewhere/store.py")
        case "machine":
            monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "another", "", "", "")))
        case "home":
            monkeypatch.setenv("HOME", "/elsewhere")
        case "format":
            monkeypatch.setattr(store, "_MAGIC", b"gen record 0\n")
        case "folder":
            root = root.rename(root.with_name("moved"))
            os.chdir(root)
            assert store.place(["recipes"]) != place
    assert not whole(["recipes"], root).short


def test_a_new_form_of_what_is_kept_gets_a_new_number(root: Path) -> None:
    os.chdir(root)
    kept = [
        "asked",
        "color",
        "doubtful",
        "files",
        "fixed",
        "index",
        "inputs",
        "later",
        "outputs",
        "place",
        "recipes",
        "says",
    ]
    kept += ["warnings", "when", "written"]
    row = ("path", "id", "sources", "profiles", "stopped", "outputs", "digests", "warnings")
    form = (store.FORMAT, sorted(record.Record.__slots__), index.Row._fields)
    assert form == (9, kept, row), "raise FORMAT, then write it here"


def test_another_words_record_at_the_same_place_is_none(root: Path) -> None:
    os.chdir(root)
    kept = record.load(["recipes"])
    assert kept is not None
    assert kept.asked == store.identity(["recipes"])
    kept.asked = store.identity(["others"])
    kept.save()
    assert record.load(["recipes"]) is None


def test_a_cache_that_cannot_be_written_is_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = small(tmp_path / "p")
    for expected in (f"{SHARED + 12} created", f"{SHARED + 12} unchanged"):
        ran = whole(["recipes"], root)
        assert (ran.short, ran.ran.code, ran.ran.err) == (False, 0, "")
        assert expected in ran.ran.out


def test_a_cache_is_never_kept_in_a_relative_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = small(tmp_path / "p")
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert whole(["-q", "recipes"], root).ran.code == 0
    assert not (root / "cache").exists()
    assert list((tmp_path / "home/.cache/crucible-gen").iterdir())
    monkeypatch.setenv("HOME", "home")
    assert whole(["-q", "recipes"], root).ran.code == 0
    assert not (root / "home").exists()


def test_only_so_many_records_are_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "_MOST", 2)
    for name in "abc":
        assert whole(["-q", "recipes", "--only", name], root).ran.code == 0
    assert len(list((root.parent / "cache/crucible-gen").iterdir())) == 2 * 2


# What changed ---------------------------------------------------------------------------------------------------------


def test_what_was_touched_and_is_equal_is_unchanged(root: Path, lowered: list[str]) -> None:
    for name in ("recipes/a.yaml", "generated/ir/a.json", "recipes/fragments/base.yaml", "generated/elixir/mix.exs"):
        os.utime(root / name, (1, 1))
        (root / name).rename(root / "aside")
        (root / name).write_bytes((root / "aside").read_bytes())
        assert whole(["recipes"], root).short, name
    assert lowered == []


def test_files_of_one_size_and_time_that_changed_places_are_found(root: Path) -> None:
    one, two = root / "recipes/a.yaml", root / "recipes/b.yaml"
    for path in (one, two):
        os.utime(path, (10**9, 10**9))
    assert whole(["recipes"], root).short
    assert one.stat().st_size == two.stat().st_size
    one.rename(root / "spare")
    two.rename(one)
    (root / "spare").rename(two)
    ran = whole(["--check", "recipes"], root)
    assert (ran.short, ran.ran.code) == (False, 1)


def test_a_write_in_the_same_tick_is_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same inode, size and times, as two writes in one tick have them: a stamp that young is not believed."""
    monkeypatch.setattr(snapshot, "MARGIN", 2_000_000_000)
    path = root / "recipes/a.yaml"
    path.write_text(recipe("a", epochs=2))
    assert whole(["-q", "recipes"], root).ran.code == 0
    assert whole(["recipes"], root).short
    real = snapshot.scan
    frozen = real(str(root / "recipes"))
    monkeypatch.setattr(snapshot, "scan", lambda folder: frozen if folder == str(root / "recipes") else real(folder))
    path.write_text(recipe("a", epochs=3))
    assert whole(["--check", "recipes"], root).ran.code == 1


def test_a_clock_that_was_set_back_makes_every_stamp_doubtful(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 3600 * 10**9)
    ran = whole(["recipes"], root)
    assert (ran.short, ran.ran.out) == (False, f"3 recipes: {SHARED + 12} files, {SHARED + 12} unchanged\n")


def test_times_in_the_future_are_looked_behind(root: Path) -> None:
    path = root / "recipes/a.yaml"
    future = time.time() + 10**6
    os.utime(path, (future, future))
    assert whole(["recipes"], root).short
    path.write_text(recipe("a", epochs=2))
    os.utime(path, (future, future))
    assert whole(["--check", "recipes"], root).ran.code == 1


@pytest.mark.parametrize(
    "name", ["recipes/new.yaml", "generated/ir/new.json", "recipes/deep/new.yaml", "stages/new.schema.json"]
)
def test_a_file_that_came_is_looked_at(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("x")
    assert not whole(["recipes"], root).short


def test_settings_that_appear_nearer_are_found(root: Path) -> None:
    (root / "recipes/gen.yaml").write_text("out: ../other\n")
    ran = whole(["--check", "recipes"], root)
    assert (ran.short, ran.ran.code) == (False, 1)


def test_settings_that_stand_among_recipes_are_settings(root: Path) -> None:
    path = root / "recipes/gen.yaml"
    path.write_text("out: ../generated\nschemas: [../stages]\ntemplates: ../templates\n")
    for _ in range(3):
        assert whole(["-q", "recipes"], root).ran.code == 0
    assert whole(["recipes"], root).short
    path.write_text(path.read_text() + "no_such_field: 1\n")
    assert whole(["recipes"], root).ran.code == 1
    path.unlink()
    assert not whole(["recipes"], root).short


def test_a_recipe_behind_a_link_is_followed(root: Path) -> None:
    target = root / "elsewhere.yaml"
    target.write_text(recipe("linked", extends="../recipes/fragments/base.yaml"))
    (root / "recipes/linked.yaml").symlink_to(target)
    (root / "fragments").symlink_to(root / "recipes/fragments")
    for _ in range(2):
        assert whole(["-q", "recipes"], root).ran.code == 0
    assert whole(["recipes"], root).short
    target.write_text(target.read_text() + "  batch_size: 3\n")
    assert whole(["--check", "recipes"], root).ran.code == 1


def test_problems_are_never_remembered(root: Path) -> None:
    (root / "recipes/a.yaml").write_text("id: b\n")
    first, second = whole(["recipes"], root), whole(["recipes"], root)
    assert first.ran.code == second.ran.code == 1
    assert first.ran.err == second.ran.err != ""
    assert not second.short


def test_changes_that_folders_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def compared(before: list[object], now: list[object], *, unsettled: bool = False) -> snapshot.Compared:
        found = ((1, 2, 4), now) if now else ((), [])
        monkeypatch.setattr(snapshot, "scan", lambda folder: found)
        (_, changed, young) = snapshot.compare("x", ((1, 2, 3), marshal.dumps(before, 2)), unsettled, 5)
        return None, sorted(changed) if changed is not None else None, sorted(young)

    a, b, d = ("a", 0o100644, 1, 1, 1, 1), ("b", 0o100644, 2, 1, 1, 1), ("d",)
    new = ("b", 0o100600, 2, 1, 1, 9)
    assert compared([a, b, d], [d, b, a]) == (None, [], [])
    assert compared([a, b], [a, new]) == (None, ["b"], ["b"])
    assert compared([a, new], [a, new]) == (None, [], [])
    assert compared([a, new], [a, new], unsettled=True) == (None, [], ["b"])
    assert compared([a], [a, new]) == (None, None, ["b"])
    assert compared([a], [("a",)]) == (None, None, [])
    assert compared([a], [("a", 0o120777, 1, 1, 1, 1)]) == (None, None, [])
    assert compared([a], []) == (None, None, [])


# One recipe that changed ----------------------------------------------------------------------------------------------


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """For each run that tried to do with the few recipes that changed: whether that was all there was to do."""
    tried: list[bool] = []
    real = reuse.partial

    def spy(*args: object) -> object:
        result = real(*args)  # type: ignore[arg-type]
        tried.append(result is not None)
        return result

    monkeypatch.setattr(reuse, "partial", spy)
    yield tried


def test_one_recipe_that_changed_is_all_that_is_opened(
    root: Path, again: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    opened = spied(monkeypatch)
    monkeypatch.setattr(notes.Notes, "look", None)
    assert whole(["recipes"], root).ran.out == f"3 recipes: {SHARED + 12} files, 4 updated, {SHARED + 8} unchanged\n"
    assert again == [True]
    files = {os.path.basename(path) for path in opened if os.path.isfile(path)}
    assert not {name for name in files if name[:2] in ("a.", "c.")}
    assert "b.yaml" in files


def test_what_it_says_and_leaves_is_what_the_long_way_does(root: Path, again: list[bool], tmp_path: Path) -> None:
    (root / "recipes/b.yaml").write_text(recipe("b", "rl") + "  env: math\n")
    long = whole(["--check", "--no-cache", "recipes"], root).ran
    short = whole(["--check", "recipes"], root).ran
    assert (short.code, short.out, short.err) == (long.code, long.out, long.err)
    for epochs in (5, 6, 5):
        (root / "recipes/b.yaml").write_text(recipe("b", epochs=epochs))
        again.clear()
        written = whole(["recipes"], root)
        assert (written.ran.code, written.short, again) == (0, False, [True])
        assert whole(["--check", "--no-cache", "recipes"], root).ran.code == 0
        after = whole(["recipes"], root)
        assert (after.short, after.ran.out) == (True, f"3 recipes: {SHARED + 12} files, {SHARED + 12} unchanged\n")


@pytest.mark.parametrize(
    ("path", "text", "alone"),
    [
        ("recipes/b.yaml", recipe("b", epochs=7), True),
        ("recipes/b.yaml", recipe("b", epochs=7) + "# nothing\n", True),
        ("generated/ir/b.json", "{}", True),
        ("recipes/b.yaml", recipe("x"), False),  # another id: other outputs, and ids may collide
        ("recipes/b.yaml", recipe("b", extends="[fragments/base.yaml, fragments/other.yaml]"), False),
        ("recipes/b.yaml", recipe("b") + "profiles: {}\n", True),
        ("recipes/b.yaml", recipe("b") + "profiles:\n  fast: {}\n", False),
        ("recipes/b.yaml", "id: b\n", False),
        ("recipes/b.yaml", "{", False),
        ("recipes/fragments/base.yaml", "training_config: {model_ref: a/b, dataset_ref: c/d}\n", False),
        ("generated/elixir/mix.exs", "", False),
        ("gen.yaml", "schemas: [stages]\n", False),
        ("stages/audit.schema.json", STAGE % "How high.", False),
        ("recipes/new.yaml", recipe("new"), False),
        ("generated/ir/new.json", "{}", False),
    ],
)
def test_where_more_may_have_changed_all_is_looked_at(
    root: Path, path: str, text: str, alone: bool, again: list[bool]
) -> None:
    (root / path).write_text(text)
    long = whole(["--check", "--no-cache", "recipes"], root).ran
    again.clear()
    short = whole(["--check", "recipes"], root).ran
    assert (short.code, short.out, short.err) == (long.code, long.out, long.err)
    assert again == [alone]


def test_a_recipe_that_others_extend_touches_them(root: Path, again: list[bool], lowered: list[str]) -> None:
    (root / "recipes/c.yaml").write_text(recipe("c", extends="b.yaml"))
    for _ in range(2):
        assert whole(["recipes"], root).ran.code == 0
    lowered.clear()
    again.clear()
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7) + "  batch_size: 3\n")
    assert whole(["recipes"], root).ran.code == 0
    assert (sorted(lowered), again) == (["b", "c"], [True])
    assert whole(["--check", "--no-cache", "recipes"], root).ran.code == 0


def test_outputs_that_other_processes_read_count_too(
    root: Path, again: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_MANY", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    (root / "generated/ir/c.json").write_text("{}")
    long = whole(["--check", "--no-cache", "recipes"], root).ran
    short = whole(["--check", "recipes"], root).ran
    assert (short.code, short.out, short.err) == (long.code, long.out, long.err)
    assert again[-1]
    assert "ir/c.json" in short.err


def test_a_folder_that_came_with_a_changed_recipe_is_looked_into_from_then_on(root: Path) -> None:
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    extra = root / "generated/elixir/extra"
    extra.mkdir()
    (extra / "own.txt").write_text("x")
    for _ in range(2):
        assert whole(["-q", "recipes"], root).ran.code == 0
    assert whole(["recipes"], root).short
    (extra / "b.ex").write_bytes((root / "generated/elixir/lib/crucible_recipes/b.ex").read_bytes())
    ran = whole(["--check", "recipes"], root)
    assert (ran.short, ran.ran.code) == (False, 1)
    assert "generated/elixir/extra/b.ex: left over" in ran.ran.err


def test_rows_that_were_made_anew_are_put_into_the_memory_when_they_are_many(
    root: Path, again: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "_LATER", 2)
    place = record_of(root)
    sizes: list[tuple[bool, bool]] = []
    before = place.with_suffix(store.INDEX).read_bytes()
    for name, epochs in (("b", 5), ("b", 6), ("c", 7), ("a", 8), ("b", 9)):
        (root / f"recipes/{name}.yaml").write_text(recipe(name, epochs=epochs))
        assert whole(["-q", "recipes"], root).ran.code == 0
        now = place.with_suffix(store.INDEX).read_bytes()
        sizes.append((now != before, place.with_suffix(store.LATER).exists()))
        before = now
        assert whole(["recipes"], root).short
        assert whole(["--check", "--no-cache", "recipes"], root).ran.code == 0
    assert [anew for anew, _ in sizes] == [False, False, True, False, True]
    assert all(again)


def test_files_of_rows_that_were_made_anew_are_read_whatever_their_stamps(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record still has the stamps from before: a disk that does not tell that a file was put back must not matter."""
    recipes = str(root / "recipes")
    before, text = snapshot.scan(recipes), (root / "recipes/b.yaml").read_text()
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    assert whole(["-q", "recipes"], root).ran.code == 0
    (root / "recipes/b.yaml").write_text(text)
    real = snapshot.scan
    monkeypatch.setattr(snapshot, "scan", lambda folder: before if folder == recipes else real(folder))
    assert whole(["--check", "recipes"], root).ran.code == 1


def test_rows_beside_another_memory_are_not_believed(root: Path, lowered: list[str]) -> None:
    place = record_of(root)
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=5))
    assert whole(["-q", "recipes"], root).ran.code == 0
    later = place.with_suffix(store.LATER).read_bytes()
    (root / "recipes/d.yaml").write_text(recipe("d"))  # this writes another memory
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=6))
    assert whole(["-q", "recipes"], root).ran.code == 0
    place.with_suffix(store.LATER).write_bytes(later)
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=5))
    lowered.clear()
    assert whole(["recipes"], root).ran.out == f"4 recipes: {SHARED + 16} files, 4 updated, {SHARED + 12} unchanged\n"
    assert lowered == ["b"]


@given(
    st.lists(st.text(min_size=1).filter(lambda name: "/" not in name and name != "base"), unique=True, min_size=1),
    st.data(),
)
def test_rows_are_found_by_the_files_that_they_speak_of(names: list[str], data: st.DataObject) -> None:
    """Whatever the names are: those that a row speaks of are found, and packing loses nothing."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            index.Row(
                f"/r/{name}.yaml", name, ((f"/r/{name}.yaml", "0"), ("/r/base.yaml", "1")), (), (), (f"ir/{name}.json",),
                ("2",),
            )
            for name in names
        ]  # fmt: skip
        place = os.path.join(folder, "x")

        def kept(check: int) -> record.Record:
            found = record.Record([], place, files={}, inputs={}, outputs={}, fixed=[], doubtful=[])
            found.index = check
            return found

        check = index.write(place, "/out", {"/s": "3"}, [row.packed() for row in rows])
        found = index.read(kept(check))
        assert [row for _, row in found.all()] == rows
        wanted = data.draw(st.sampled_from(rows))
        for path in (wanted.path, f"/out/{wanted.outputs[0]}"):
            assert wanted in found.about([path])
            assert found.digests([path])[path] in ("0", "2")
        assert found.about(["/r/base.yaml"]) == rows
        changed = wanted._replace(digests=("9",))
        index.add(kept(check), {wanted.path: changed.packed()})
        found = index.read(kept(check))
        assert found.digests([wanted.path])[f"/out/{wanted.outputs[0]}"] == "9"
        assert [row for _, row in found.all()] == [changed if row == wanted else row for row in rows]
        assert len(index.read(kept(check + 1))) == 0


# Trust ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a link", "others may write", "of another user"])
def test_nothing_is_read_or_written_in_a_directory_of_somebody_else(
    root: Path, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache/crucible-gen"
    match what:
        case "a link":
            cache.rename(tmp_path / "theirs")
            cache.symlink_to(tmp_path / "theirs")
        case "others may write":
            cache.chmod(0o777)
        case _:
            monkeypatch.setattr(os, "getuid", lambda: 4711)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in cache.iterdir()}
    monkeypatch.setattr(commit, "_MOST", 0)
    (root / "recipes/b.yaml").write_text(recipe("b", epochs=7))
    for _ in range(3):
        ran = whole(["recipes"], root)
        assert (ran.short, ran.ran.code, ran.ran.err) == (False, 0, "")
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in cache.iterdir()} == before


def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    record = record_of(root)
    for path in (record, record.with_suffix(store.INDEX)):
        path.unlink()
        path.symlink_to(victim)
    assert not whole(["recipes"], root).short
    assert whole(["recipes"], root).short
    assert victim.read_text() == "mine"
    assert not record.is_symlink()


def flipped(data: bytes, seed: int) -> bytes:
    """The bytes of a file with a few bits changed behind its check sum, and a check sum that is right."""
    drawn = random.Random(seed)
    body = bytearray(data[store.HEAD :])
    for _ in range(drawn.choice((1, 1, 3, 40))):
        body[drawn.randrange(len(body))] ^= 1 << drawn.randrange(8)
    return data[: store.HEAD - 4] + zlib.crc32(body).to_bytes(4, "big") + bytes(body)


def resealed(data: bytes, seed: int) -> bytes:
    """The same behind the seal of a record, which is right too: whoever wrote it knew how."""
    drawn = random.Random(seed)
    body = bytearray(data[store.HEAD + store.SEAL :])
    for _ in range(drawn.choice((1, 1, 3, 40))):
        body[drawn.randrange(len(body))] ^= 1 << drawn.randrange(8)
    inner = store.sealed(bytes(body))
    return data[: store.HEAD - 4] + zlib.crc32(inner).to_bytes(4, "big") + inner


@pytest.mark.parametrize("change", ["nothing", "a recipe", "an output"])
def test_a_broken_cache_is_no_cache_whatever_is_in_it(root: Path, change: str) -> None:
    place = record_of(root).parent
    good = {path: path.read_bytes() for path in place.iterdir()}
    text = recipe("b", epochs=7) if change == "a recipe" else (root / "recipes/b.yaml").read_text()
    if change == "an output":
        (root / "generated/ir/b.json").unlink()
    (root / "recipes/b.yaml").write_text(text)
    before = {path: path.read_bytes() for path in sorted((root / "generated").rglob("*")) if path.is_file()}
    assert whole(["recipes"], root).ran.code == 0
    expected = {path: path.read_bytes() for path in sorted((root / "generated").rglob("*")) if path.is_file()}
    for seed in range(120):
        for path in place.iterdir():
            path.unlink()
        for path, data in good.items():
            wrong = data
            if seed % 3 != (path.suffix == store.INDEX):
                wrong = resealed(data, seed) if seed % 2 and not path.suffix else flipped(data, seed)
            path.write_bytes(wrong)
        for path in expected.keys() - before.keys():
            path.unlink()
        for path, data in before.items():
            path.write_bytes(data)
        ran = whole(["recipes"], root).ran
        assert (ran.code, ran.err) == (0, ""), seed
        assert {
            path: path.read_bytes() for path in sorted((root / "generated").rglob("*")) if path.is_file()
        } == expected, seed

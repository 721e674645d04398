"""Directories of input and expected output, compared byte for byte; see README.md beside this file."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import gen, in_child, project
from crucible_gen.languages import emit, registry
from crucible_gen.output import manifest
from crucible_gen.schemas import Schemas

HERE = Path(__file__).parent
RECIPES = sorted(path.name for path in (HERE / "recipes").iterdir() if path.is_dir())
ERRORS = sorted(path.name for path in (HERE / "errors").iterdir() if path.is_dir())
WARNINGS = sorted(path.name for path in (HERE / "warnings").iterdir() if path.is_dir())
SHARED_CASE = "minimal_supervised"
"""The one case that also holds the files which all recipes share."""


def set_up(case: Path, root: Path) -> list[str]:
    """A copy of the case without what is expected of it; the arguments of `gen` in it."""
    for path in case.iterdir():
        if path.name in ("expected", "expected.txt", "command"):
            continue
        (shutil.copytree if path.is_dir() else shutil.copy)(path, root / path.name)
    if not (root / "pyproject.toml").exists():
        project(root, {} if not (root / "gen.yaml").exists() else {"gen.yaml": (root / "gen.yaml").read_text()})
    if case.name in SETUPS:
        SETUPS[case.name](root)
    command = case / "command"
    if command.exists():
        return command.read_text().split()
    return sorted(path.name for path in root.iterdir() if path.suffix in (".yaml", ".json") and path.name != "gen.yaml")


@functools.cache
def shared_files() -> frozenset[str]:
    emitter = emit.Emitter(Schemas.load(), emit.Wanted(HERE, HERE, registry.BUILT_IN))
    return frozenset((*(file.path for file in emitter.shared()), manifest.NAME))


@pytest.mark.parametrize("case", RECIPES)
def test_recipes(case: str, tmp_path: Path, golden: Callable[[Path, dict[str, bytes]], None]) -> None:
    ran = gen(set_up(HERE / "recipes" / case, tmp_path), tmp_path)
    assert ran.code == 0, ran.both
    out = tmp_path / "generated"
    written = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    assert shared_files() <= set(written)
    del written[manifest.NAME]  # every change of the generator changes it
    if case != SHARED_CASE:
        written = {path: data for path, data in written.items() if path not in shared_files()}
    golden(HERE / "recipes" / case / "expected", written)


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case: str, tmp_path: Path, golden: Callable[[Path, dict[str, bytes]], None]) -> None:
    def run() -> tuple[int, str]:
        ran = gen(set_up(HERE / "errors" / case, tmp_path), tmp_path)
        return ran.code, ran.both

    code, output = in_child(run)
    assert code in (1, 2), output
    text = output.replace(str(tmp_path), "<root>")
    golden(HERE / "errors" / case / "expected.txt", {"": f"{text}exit {code}\n".encode()})


@pytest.mark.parametrize("case", WARNINGS)
def test_warnings(case: str, tmp_path: Path, golden: Callable[[Path, dict[str, bytes]], None]) -> None:
    ran = gen(set_up(HERE / "warnings" / case, tmp_path), tmp_path)
    assert ran.code == 0, ran.both
    golden(HERE / "warnings" / case / "expected.txt", {"": f"{ran.both}exit {ran.code}\n".encode()})


# What a directory under version control cannot hold -------------------------------------------------------------


def _large(root: Path) -> None:
    (root / "large.yaml").write_text("id: large\ndescription: |\n" + "  All work and no play.\n" * 450_000)


def _deep(root: Path) -> None:
    (root / "deep.yaml").write_text("id: deep\nmetadata:\n  nested: " + "[" * 10_000 + "]" * 10_000 + "\n")
    (root / "deep_json.json").write_text(
        '{"id": "deep_json", "metadata": ' + '{"a":' * 10_000 + "1" + "}" * 10_001 + "\n"
    )


def _links(root: Path) -> None:
    (root / "recipes" / "a_loop.yaml").symlink_to("b_loop.yaml")
    (root / "recipes" / "b_loop.yaml").symlink_to("a_loop.yaml")
    (root / "recipes" / "gone.yaml").symlink_to("nowhere.yaml")
    (root / "recipes" / "up").symlink_to("..")


def _unreadable(root: Path) -> None:
    (root / "recipes" / "secret.yaml").chmod(0)
    (root / "recipes" / "private").mkdir(mode=0)


def _read_only(root: Path) -> None:
    (root / "generated").mkdir(mode=0o555)


def _out_is_a_file(root: Path) -> None:
    (root / "generated").write_text("mine\n")


def _edited(root: Path) -> None:
    assert gen(["sl.yaml"], root).code == 0
    with (root / "generated/python/crucible_recipes/sl.py").open("a") as stream:
        stream.write("# mine\n")
    (root / "generated/ir/sl.json").unlink()
    (root / "generated/ir/sl.json").mkdir()


SETUPS: dict[str, Callable[[Path], None]] = {
    "deep": _deep,
    "edited_output": _edited,
    "large": _large,
    "links": _links,
    "out_is_a_file": _out_is_a_file,
    "out_read_only": _read_only,
    "unreadable": _unreadable,
}


def test_every_setup_has_its_case() -> None:
    assert set(SETUPS) <= {*ERRORS, *RECIPES}


# The option -------------------------------------------------------------------------------------------------------


def pytest_in(root: Path, *args: str, ci: bool) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "CI"} | ({"CI": "true"} if ci else {})
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *args]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def small_suite(tmp_path: Path) -> Path:
    """A directory with one golden test, the real conftest, and nothing expected yet."""
    shutil.copy(HERE.parent / "conftest.py", tmp_path)
    test = (
        "from pathlib import Path\n\n\n"
        "def test_one(golden):\n"
        '    golden(Path(__file__).parent / "expected", {"a/b.txt": b"new\\n", "empty": b""})\n'
    )
    (tmp_path / "test_small.py").write_text(test)
    return tmp_path


def test_a_difference_shows_the_diff_and_the_command_that_accepts_it(small_suite: Path) -> None:
    project(small_suite, {"expected/a/b.txt": "old\n", "expected/extra.txt": "extra\n"})
    ran = pytest_in(small_suite, ci=False)
    assert ran.returncode == 1
    for line in ("-old", "+new", "-extra", "+++ expected/extra.txt (no such file)", "(an empty file)"):
        assert line in ran.stdout.split("\n")
    assert "to accept this: pytest 'test_small.py::test_one' --update-golden" in ran.stdout


def test_update_golden_makes_the_directory_exact_and_refuses_under_ci(small_suite: Path) -> None:
    project(small_suite, {"expected/extra.txt": "extra\n"})
    refused = pytest_in(small_suite, "--update-golden", ci=True)
    assert refused.returncode == 4
    assert "--update-golden is for people" in refused.stderr
    assert (small_suite / "expected/extra.txt").exists()
    assert pytest_in(small_suite, "--update-golden", ci=False).returncode == 0
    assert not (small_suite / "expected/extra.txt").exists()
    assert (small_suite / "expected/a/b.txt").read_bytes() == b"new\n"
    assert pytest_in(small_suite, ci=True).returncode == 0


# Goldens are what the languages' own tools would leave alone ------------------------------------------------------


def expected(suffix: str) -> list[Path]:
    return sorted(path for path in (HERE / "recipes").rglob(f"expected/**/*{suffix}"))


def test_python_is_as_black_leaves_it() -> None:
    import black

    files = expected(".py")
    assert len(files) >= len(RECIPES)
    for path in files:
        text = path.read_text("utf-8")
        assert black.format_str(text, mode=black.Mode()) == text, path


@pytest.mark.elixir
def test_elixir_is_as_its_formatter_leaves_it() -> None:
    files = [str(path) for path in (*expected(".ex"), *expected(".exs"))]
    assert len(files) >= len(RECIPES)
    script = (
        "for path <- System.argv(), text = File.read!(path), "
        'text != IO.iodata_to_binary([Code.format_string!(text), "\\n"]), do: IO.puts(path)'
    )
    ran = subprocess.run(["elixir", "-e", script, *files], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_json_is_sorted_and_complete() -> None:
    for path in expected(".json"):
        text = path.read_text("utf-8")
        value = json.loads(text)
        assert list(value) == sorted(Schemas.load().record("experiment").properties)
        assert text.endswith("}\n")

"""Where settings are found, which holds, and where each comes from."""

# ruff: noqa: E501 -- a table has a line a row

from __future__ import annotations

from pathlib import Path

import pytest
from command import project
from crucible_gen.diagnostics.problems import Problem, Problems
from crucible_gen.recipes import settings

TABLE = '[project]\nname = "x"\n\n[tool.gen]\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(start: Path) -> list[Problem]:
    with pytest.raises(Problems) as caught:
        settings.find(start, {})
    return list(caught.value.problems)


def test_defaults_are_those_of_the_schema(here: Path) -> None:
    found = settings.find(here, {})
    properties = settings.schema()["properties"]
    assert {name: item.value for name, item in found.values.items()} == {
        name: raw["default"] for name, raw in properties.items()
    }
    assert {item.origin for item in found.values.values()} == {"default"}
    assert found.root == here


@pytest.mark.parametrize(
    ("name", "text"),
    [("gen.yaml", "out: built\ntargets: [ir]\n"), ("pyproject.toml", TABLE + 'out = "built"\ntargets = ["ir"]\n')],
)
def test_they_are_found_on_the_way_up_and_make_the_root(here: Path, name: str, text: str) -> None:
    project(here, {name: text, "a/b/r.yaml": ""})
    if name == "pyproject.toml":
        (here / "gen.yaml").unlink()
    found = settings.find(here / "a" / "b", {})
    assert (found.text("out"), found.texts("targets"), found.root) == ("built", ["ir"], here)
    assert found.path("out") == here / "built"
    assert found.values["out"].origin == ("gen.yaml:1:1" if name == "gen.yaml" else "pyproject.toml:5:1")
    assert found.values["format"].origin == "default"


def test_the_nearest_holds_alone(here: Path) -> None:
    project(here, {"gen.yaml": "out: outer\nformat: json\n", "a/gen.yaml": "out: inner\n"})
    found = settings.find(here / "a", {})
    assert (found.text("out"), found.text("format"), found.root) == ("inner", "text", here / "a")


def test_gen_yaml_holds_beside_pyproject(here: Path) -> None:
    project(here, {"gen.yaml": "out: yaml\n", "pyproject.toml": TABLE + 'out = "toml"\n'})
    assert settings.find(here, {}).text("out") == "yaml"


def test_an_empty_gen_yaml_is_a_root(here: Path) -> None:
    project(here, {"gen.yaml": "out: outer\n", "a/gen.yaml": ""})
    found = settings.find(here / "a", {})
    assert (found.text("out"), found.root) == ("generated", here / "a")


def test_a_pyproject_without_the_table_is_passed_over(here: Path) -> None:
    project(here, {"gen.yaml": "out: outer\n"})
    (here / "a").mkdir()
    (here / "a/pyproject.toml").write_text('[project]\nname = "x"\n')
    assert settings.find(here / "a", {}).text("out") == "outer"


def test_flags_win_and_their_paths_start_at_the_working_directory(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(here, {"gen.yaml": "out: built\nschemas: [stages]\n", "sub/x": ""})
    monkeypatch.chdir(here / "sub")
    found = settings.find(here, {"out": "mine", "targets": ["ir"]})
    assert found.path("out") == here / "sub" / "mine"
    assert (found.values["out"].origin, found.values["targets"].origin) == ("--out", "--target")
    assert found.base("schemas") == here
    assert found.optional("templates") is None


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("outt: x\n", "gen.yaml:1:1", "unknown field outt", "did you mean out?"),
        ("out: 5\n", "gen.yaml:1:6", "out must be text, found the number 5", 'quote it: "5"'),
        ("out: ''\n", "gen.yaml:1:6", "out must not be empty", "write some text, or remove the line"),
        ("targets: []\n", "gen.yaml:1:10", "targets must have at least 1 item, found an empty list", "add one, or remove the line"),
        ("- out\n", "gen.yaml:1:1", "the file must be a mapping, found a list of 1 item", "write fields below it: `name: value`"),
    ],
)  # fmt: skip
def test_mistakes_in_gen_yaml(here: Path, text: str, line: str, message: str, hint: str) -> None:
    project(here, {"gen.yaml": text})
    (problem,) = refused(here)
    assert (problem.code, str(problem.place), problem.message, problem.hint) == ("E0510", line, message, hint)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (TABLE + "out = 5\n", "pyproject.toml:5:7", "out must be text, found the number 5"),
        (TABLE + '\n  format   =   "xml"\n', "pyproject.toml:6:16", 'format must be one of text, json, github, found "xml"'),
        (TABLE + 'outt = "x"\n\n[tool.other]\nout = 5\n', "pyproject.toml:5:1", "unknown field outt"),
        (TABLE + "when = 2026-01-31\n", "pyproject.toml:5:1", "unknown field when"),
        ("[tool]\ngen = 5\n", "pyproject.toml", "tool.gen must be a table"),
        ("[tool.gen]\nout = x\n", "pyproject.toml:2:7", "this is not TOML: invalid value"),
        ("[tool.gen\n", "pyproject.toml:1:10", "this is not TOML: expected ']' at the end of a table declaration"),
    ],
)  # fmt: skip
def test_mistakes_in_pyproject_have_their_place(here: Path, text: str, place: str, message: str) -> None:
    (here / "pyproject.toml").write_text(text)
    (problem,) = refused(here)
    assert (problem.code, str(problem.place), problem.message) == ("E0510", place, message)


def test_a_pyproject_that_is_no_text_is_a_problem(here: Path) -> None:
    (here / "pyproject.toml").write_bytes(b"[tool.gen]\nout = '\xff'\n")
    (problem,) = refused(here)
    assert (problem.code, str(problem.place)) == ("E0105", "pyproject.toml:2:8") and "UTF-8" in problem.message


def test_a_broken_gen_yaml_has_the_codes_of_reading(here: Path) -> None:
    project(here, {"gen.yaml": "out: [\n"})
    assert [problem.code for problem in refused(here)] == ["E0134"]


def test_paths_are_shown_from_the_working_directory(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.shown(here / "a" / "b.yaml") == "a/b.yaml"
    (here / "x").mkdir()
    monkeypatch.chdir(here / "x")
    assert settings.shown(here / "a") == "../a"
    assert settings.shown(Path("/")) == "/"


@pytest.mark.parametrize("name", ["gen.yaml", "pyproject.toml"])
def test_a_merge_conflict_in_settings_is_named(here: Path, name: str) -> None:
    (here / name).write_text(f"<<<<<<< HEAD\n{TABLE}=======\n>>>>>>> b\n")
    (problem,) = refused(here)
    assert (problem.code, str(problem.place)) == ("E0123", f"{name}:1:1")

"""Which files at the paths that a user names are recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import project
from crucible_gen.diagnostics.problems import Problem
from crucible_gen.recipes import discover


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*paths: str, out: str = "generated") -> list[str]:
    problems: list[Problem] = []
    found = discover.recipes([Path(path) for path in paths], Path(out), problems)
    assert problems == []
    return [source.name for source in found]


def test_directories_are_read_to_the_bottom_in_order_of_name(here: Path) -> None:
    project(here, dict.fromkeys(("r/b.yaml", "r/a.yml", "r/sub/deep/c.json", "r/z.yaml", "r/sub/n.yaml"), ""))
    assert names("r") == ["r/a.yml", "r/b.yaml", "r/sub/deep/c.json", "r/sub/n.yaml", "r/z.yaml"]


def test_what_is_no_recipe_is_passed_over(here: Path) -> None:
    others = ("r/.hidden.yaml", "r/_off.yaml", "r/notes.txt", "r/yaml", "r/gen.yaml", "r/stages/x.schema.json")
    others += ("r/fragments/base.yaml", "r/.git/x.yaml", "r/_old/x.yaml", "r/sub/fragments/b.yaml", "r/pyproject.toml")
    project(here, dict.fromkeys((*others, "r/a.yaml"), ""))
    assert names("r") == ["r/a.yaml"]


@pytest.mark.parametrize("ending", [".YAML", ".Yml", ".JSON"])
def test_an_ending_in_capitals_is_a_problem(ending: str, here: Path) -> None:
    project(here, {f"r/beta{ending}": "", "r/a.yaml": "", f"r/_off{ending}": ""})
    problems: list[Problem] = []
    found = discover.recipes([Path("r")], Path("generated"), problems)
    assert [source.name for source in found] == ["r/a.yaml"]
    assert [(each.code, each.place.file) for each in problems] == [("E0442", f"r/beta{ending}")]
    assert problems[0].hint.startswith(f"rename it to beta{ending.lower()}; ")


@pytest.mark.parametrize("name", ["r/_off.yaml", "r/fragments/base.yaml", "r/notes.txt", "gone.yaml"])
def test_a_file_that_is_named_is_always_read(here: Path, name: str) -> None:
    project(here, {"r/_off.yaml": "", "r/fragments/base.yaml": "", "r/notes.txt": ""})
    assert names(name) == [name]


def test_a_directory_of_fragments_that_is_named_is_read(here: Path) -> None:
    project(here, {"r/fragments/base.yaml": ""})
    assert names("r/fragments") == ["r/fragments/base.yaml"]


def test_a_file_that_is_named_twice_is_read_once(here: Path) -> None:
    project(here, {"r/a.yaml": "", "r/b.yaml": ""})
    assert names("r", "r/a.yaml", "./r/../r/b.yaml") == ["r/a.yaml", "r/b.yaml"]


def test_outputs_are_never_recipes_however_they_are_reached(here: Path) -> None:
    project(here, {"a.yaml": "", "generated/ir/a.json": "", "r/b.yaml": ""})
    assert names(".") == ["a.yaml", "r/b.yaml"]
    (here / "r" / "outputs").symlink_to("../generated")
    (here / "r" / "up").symlink_to("..")
    assert names("r") == ["r/b.yaml", "r/up/a.yaml"]


def test_links_that_lead_in_a_circle_end(here: Path) -> None:
    project(here, {"r/a.yaml": ""})
    (here / "r/again").symlink_to(".")
    (here / "r/loop.yaml").symlink_to("loop.yaml")
    assert names("r") == ["r/a.yaml", "r/loop.yaml"]


def test_no_recipes_is_a_problem_that_names_the_places(here: Path) -> None:
    project(here, {"empty/notes.txt": "", "other/gen.yaml": ""})
    problems: list[Problem] = []
    assert discover.recipes([Path("empty"), Path("other")], Path("generated"), problems) == []
    (problem,) = problems
    assert (problem.code, problem.place.file, problem.message) == ("E0305", "empty, other", "no recipes are here")
    assert ".yaml, .yml, .json" in problem.hint


def test_a_directory_that_cannot_be_read_is_a_problem_and_the_rest_is_found(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(here, {"r/a.yaml": "", "r/private/b.yaml": ""})
    scandir = discover.os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "private":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(discover.os, "scandir", refuse)
    problems: list[Problem] = []
    assert [source.name for source in discover.recipes([Path("r")], Path("generated"), problems)] == ["r/a.yaml"]
    (problem,) = problems
    assert (problem.code, problem.place.file) == ("E0306", "r/private")
    assert problem.message == "this directory cannot be read: permission denied"

"""A project that an earlier generator wrote: its code still runs, and one run of `gen` makes it a fresh one.

`upgrade/interface_1` is such a project, as it was committed then: never regenerate it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import gen
from generated_code import python
from whole import tree

OLD = Path(__file__).parent / "upgrade" / "interface_1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return shutil.copytree(OLD, tmp_path / "p")


def fresh(root: Path) -> dict[str, bytes]:
    """What a first run writes for the project as it is now."""
    copy = shutil.copytree(root, root.with_name("fresh"), ignore=shutil.ignore_patterns("generated"))
    assert gen([], copy).code == 0
    return tree(copy / "generated")


@pytest.mark.parametrize("settings", ["", "python: {package: my_team}\n", "targets: [python, ir]\n"])
def test_one_run_makes_it_a_fresh_project(settings: str, root: Path) -> None:
    (root / "gen.yaml").write_text((root / "gen.yaml").read_text() + settings)
    elixir = {path for path in tree(root / "generated") if path.startswith("elixir/")}
    assert elixir
    assert gen([], root).code == 0
    wanted, found = fresh(root), tree(root / "generated")
    if "targets" in settings:  # what a run does not cover it leaves
        assert elixir <= found.keys()
        found = {path: data for path, data in found.items() if path not in elixir}
    assert found == wanted
    assert gen(["--check"], root).code == 0


def test_one_run_of_each_recipe_does_it_too(root: Path) -> None:
    for name in ("rl", "sl"):
        assert gen([f"recipes/{name}.yaml"], root).code == 0
    said = [line for line in gen(["--check"], root).err.splitlines() if line.startswith("generated/")]
    gone, changed = said[:-1], said[-1]
    assert changed == "generated/manifest.txt: changed"
    old = {f"{path.relative_to(OLD)}: left over" for path in (OLD / "generated/elixir").rglob("*.ex*")}
    assert set(gone) <= old  # a run of one recipe leaves what the others may need
    assert gen([], root).code == 0
    assert tree(root / "generated") == fresh(root)


def test_what_was_edited_is_named_and_nothing_is_written(root: Path) -> None:
    path = root / "generated/python/crucible_recipes/sl.py"
    path.write_text(path.read_text() + "# mine\n")
    before = tree(root / "generated")
    ran = gen([], root)
    assert (ran.code, ran.err.count("error[E0604]")) == (1, 1)
    assert tree(root / "generated") == before
    assert gen(["--force", "-q"], root).code == 0
    assert tree(root / "generated") == fresh(root)


@pytest.mark.parametrize("stem", ["rl", "sl"])
def test_its_code_runs_with_the_runtime_of_today(stem: str, root: Path) -> None:
    ran = python("-m", f"crucible_recipes.{stem}", "--json", path=root / "generated/python")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (root / f"generated/ir/{stem}.json").read_text("utf-8")
    ran = python("-m", "crucible_recipes", path=root / "generated/python")
    assert (ran.returncode, ran.stderr) == (0, "") and f"{stem}  " in ran.stdout

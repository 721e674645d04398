"""Which outputs are stale: a run deletes what its recipes produced before, and leaves the outputs of others alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import MINIMAL, gen, project
from crucible_gen.output import headers, manifest
from crucible_gen.output.headers import head, read, unescaped
from whole import tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the recipes alpha and beta, generated."""
    files = {f"recipes/{name}.yaml": f"id: {name}\n{MINIMAL}" for name in ("alpha", "beta")}
    made = project(tmp_path / "p", files)
    assert gen(["recipes"], made).code == 0
    return made


def outputs(root: Path, recipe: str) -> set[str]:
    """The files of a recipe: those whose name begins with its stem."""
    return {path for path in tree(root / "generated") if path.rpartition("/")[2].startswith(f"{recipe}.")}


def fresh(root: Path) -> dict[str, bytes]:
    """What a first run writes for the project as it is now."""
    copy = root.with_name("fresh")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("generated"))
    assert gen(["recipes"], copy).code == 0
    return tree(copy / "generated")


def test_a_run_that_names_a_recipe_leaves_the_outputs_of_the_others_alone(root: Path) -> None:
    before = tree(root / "generated")
    for path in ("recipes/alpha.yaml", "./recipes/../recipes/alpha.yaml", str(root / "recipes/alpha.yaml")):
        for arguments in ([path], ["--check", path], ["--diff", path]):
            ran = gen(arguments, root)
            assert (ran.code, "left over" in ran.both, "deleted" in ran.both) == (0, False, False), ran.both
    assert tree(root / "generated") == before


def test_an_edit_of_another_recipe_s_output_is_none_of_its_business(root: Path) -> None:
    path = root / "generated/python/crucible_recipes/beta.py"
    path.write_text(path.read_text() + "# mine\n")
    assert gen(["recipes/alpha.yaml"], root).code == 0
    assert path.read_text().endswith("# mine\n")


def test_the_outputs_of_a_recipe_that_no_longer_exists_are_stale(root: Path) -> None:
    (root / "recipes/beta.yaml").unlink()
    ran = gen(["--check", "recipes/alpha.yaml"], root)
    assert ran.code == 1
    assert {line.partition("generated/")[2].removesuffix(": left over") for line in ran.err.split("\n")[:-2]} == (
        outputs(root, "beta")
    )
    assert gen(["recipes/alpha.yaml"], root).code == 0
    assert tree(root / "generated") == fresh(root)


def test_an_id_that_changes_moves_the_outputs_of_its_recipe_alone(root: Path) -> None:
    (root / "recipes/alpha.yaml").rename(root / "recipes/gamma.yaml")
    (root / "recipes/gamma.yaml").write_text(f"id: gamma\n{MINIMAL}")
    assert gen(["recipes/gamma.yaml"], root).code == 0
    assert tree(root / "generated") == fresh(root)
    assert outputs(root, "beta") and outputs(root, "gamma") and not outputs(root, "alpha")


def test_a_recipe_that_becomes_a_fragment_has_no_outputs(root: Path) -> None:
    (root / "recipes/alpha.yaml").write_text(MINIMAL.partition("\n")[2])
    (root / "recipes/beta.yaml").write_text("id: beta\ntype: supervised\nextends: alpha.yaml\n")
    assert gen(["recipes"], root).code == 0
    assert not outputs(root, "alpha")
    assert tree(root / "generated") == fresh(root)


def test_a_setting_that_renames_moves_the_outputs_of_the_recipes_that_a_run_names(root: Path) -> None:
    (root / "gen.yaml").write_text("python: {package: my_team}\n")
    assert gen(["recipes/alpha.yaml"], root).code == 0
    found = set(tree(root / "generated/python"))
    assert {"my_team/alpha.py", "my_team/__init__.py", "crucible_recipes/beta.py"} <= found
    assert not {"crucible_recipes/alpha.py", "my_team/beta.py"} & found
    assert "crucible_recipes/__init__.py" in found, "beta still needs it"
    assert gen(["recipes"], root).code == 0
    assert tree(root / "generated") == fresh(root)
    assert not (root / "generated/python/crucible_recipes").exists()


def test_a_shared_file_that_only_another_recipe_needs_is_not_stale(root: Path) -> None:
    rl = MINIMAL.replace("supervised", "rl")
    (root / "recipes/beta.yaml").write_text(f"id: beta\n{rl}compat: [crucible_train@0.3.0]\n")
    assert gen(["recipes"], root).code == 0
    before = tree(root / "generated")
    assert gen(["recipes/alpha.yaml"], root).code == 0
    assert tree(root / "generated") == before
    (root / "recipes/beta.yaml").write_text(f"id: beta\n{rl}")
    assert gen(["recipes"], root).code == 0
    assert tree(root / "generated") == fresh(root)


def test_an_edited_output_of_a_recipe_that_no_longer_exists_is_a_problem(root: Path) -> None:
    path = root / "generated/python/crucible_recipes/beta.py"
    path.write_text(path.read_text() + "# mine\n")
    (root / "recipes/beta.yaml").unlink()
    ran = gen(["recipes/alpha.yaml"], root)
    assert (ran.code, "E0605" in ran.err) == (1, True)


@pytest.mark.parametrize("name", ["a\\b", "a\\x3a", "new\nline", "coding: latin", "ünder\u200b", "wide\u2028"])
def test_a_source_is_found_however_its_header_spells_it(name: str, root: Path) -> None:
    path = root / "recipes" / name / "gamma.yaml"
    path.parent.mkdir()
    path.write_text(f"id: gamma\n{MINIMAL}")
    signature = read(f"{head(name)}0 body=0\n")
    assert signature is not None and unescaped(signature.source) == name
    assert gen([str(path)], root).code == 0
    assert gen(["recipes/alpha.yaml"], root).code == 0
    assert outputs(root, "gamma")
    path.unlink()
    assert gen(["recipes/alpha.yaml"], root).code == 0
    assert not outputs(root, "gamma")


def test_a_run_of_a_part_says_of_no_other_generator_s_outputs_that_it_wrote_them(root: Path) -> None:
    path = root / "generated" / manifest.NAME
    own = path.read_text()
    body = own.split("\n", 2)[2]
    other = headers.sign(body, source="the generator", inputs="0123456789abcdef")
    path.write_text(other)
    assert gen(["--check", "recipes/alpha.yaml"], root).code == 0
    assert gen(["recipes/alpha.yaml"], root).code == 0
    assert path.read_text() not in (own, other)
    assert gen(["recipes"], root).code == 0
    assert path.read_text() == own
    assert gen(["recipes/alpha.yaml"], root).code == 0
    assert path.read_text() == own


def test_paths_of_several_projects_are_refused_with_both(tmp_path: Path) -> None:
    for name in ("a", "b"):
        project(tmp_path / name, {f"recipes/{name}.yaml": f"id: {name}\n{MINIMAL}"})
    ran = gen(["a/recipes", "b/recipes"], tmp_path)
    assert ran.code == 1
    assert ran.err.startswith(
        "b/recipes: error[E0512]: b/recipes has its settings from b/gen.yaml, and a/recipes from a/gen.yaml\n"
    )
    assert not (tmp_path / "a/generated").exists()
    assert gen(["a/recipes", "a/recipes/a.yaml"], tmp_path).code == 0

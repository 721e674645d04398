"""Which outputs are stale: a run deletes what its recipes produced before, and leaves the outputs of others alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import MINIMAL, SHARED, gen, project
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


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A directory with two projects, whose settings differ."""
    for name, out in (("a", "generated"), ("b", "built")):
        files = {f"recipes/{name}.yaml": f"id: {name}\n{MINIMAL}", "gen.yaml": f"recipes: [recipes]\nout: {out}\n"}
        project(tmp_path / name, files)
    return tmp_path


def test_paths_of_several_projects_go_by_the_settings_of_each(two: Path) -> None:
    one = f"1 recipe: {SHARED + 4} files"
    ran = gen(["a/recipes", "b/recipes/b.yaml"], two)
    assert (ran.code, ran.out, ran.err) == (
        0,
        f"a: {one}, {SHARED + 4} created\nb: {one}, {SHARED + 4} created\n",
        "",
    )
    assert (two / "a/generated/ir/a.json").exists() and (two / "b/built/ir/b.json").exists()
    assert not list(two.glob("*/*/ir/*.json"))[2:]
    for flag in ("--check", "--diff"):
        assert gen([flag, "a/recipes", "b/recipes"], two).code == 0
    (two / "b/built/ir/b.json").unlink()
    ran = gen(["--check", "a/recipes", "b/recipes"], two)
    assert (ran.code, ran.out) == (1, f"a: {one}, all as the recipes say\n")
    assert ran.err == f"b/built/ir/b.json: missing\nb: 1 of {SHARED + 4} files differs; run: gen b/recipes\n"


@pytest.mark.parametrize("first", ["a", "b"])
def test_nothing_is_written_where_one_of_several_projects_is_not_right(two: Path, first: str) -> None:
    (two / "b/recipes/b.yaml").write_text("id: b\n")
    paths = [f"{first}/recipes", f"{'ab'.replace(first, '')}/recipes"]
    ran = gen(paths, two)
    assert ran.code == 1 and "b/recipes/b.yaml:1:1: error[" in ran.err
    assert not (two / "a/generated").exists() and not (two / "b/built").exists()
    (two / "b/recipes/b.yaml").write_text(f"id: b\n{MINIMAL}")
    (two / "b/built/ir").mkdir(parents=True)
    (two / "b/built/ir/b.json").write_text("mine")
    ran = gen(paths, two)
    assert ran.code == 1 and "b/built/ir/b.json: error[E0603]" in ran.err
    assert not (two / "a/generated").exists()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--out", "c"], "--out is the output directory of one"),
        (["--only", "a"], "--only names recipes of one"),
        (["--format", "json"], "what --format json prints is about one"),
    ],
)
def test_what_is_about_one_project_is_refused_for_several(two: Path, flags: list[str], reason: str) -> None:
    ran = gen(["a/recipes", "b/recipes", *flags], two)
    assert ran.code == 1 and "E0512" in ran.both
    assert f"b/recipes belongs to the project b, and a/recipes to a: {reason}" in ran.both
    assert "run it for each project: with a/recipes, then with b/recipes" in ran.both
    assert not (two / "a/generated").exists()


def test_paths_of_one_project_are_one_run(two: Path) -> None:
    assert gen(["a/recipes", "a/recipes/a.yaml"], two).code == 0

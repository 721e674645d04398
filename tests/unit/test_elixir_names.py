"""The settings that name the generated Mix project, and what they cannot name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import gen, project

RECIPE = "id: one\ntype: supervised\ntraining_config: {model_ref: m, dataset_ref: d}\n"
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Audit",
    "description": "Audits.",
    "x-stage": {"name": "audit", "module": "MyTeam.Stages.Audit", "package": "my_team ~> 1.2"},
    "type": "object",
    "additionalProperties": False,
    "properties": {},
}
STAGES = {"stages/audit.schema.json": json.dumps(SCHEMA)}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("namespace: Enum", "elixir.namespace cannot be Enum: Enum is a module of Elixir"),
        ("namespace: Mix.Recipes", "elixir.namespace cannot be Mix.Recipes: Mix is a module of Elixir"),
        ("namespace: CrucibleTrain.Ours", "CrucibleTrain is the namespace of a dependency"),
        ("namespace: Crucible", "Crucible is the namespace of a dependency"),
        ("namespace: MyTeam.Stages", "the stage MyTeam.Stages.Audit is a module there"),
        ("namespace: MyTeam", "the stage MyTeam.Stages.Audit is a module there"),
        ("app: logger", "elixir.app cannot be logger: logger is an application of Erlang, of Elixir or of a"),
        ("app: crucible_train", "crucible_train is a dependency of the generated project"),
        ("app: my_team", "my_team is a dependency of the generated project"),
    ],
)
def test_a_name_that_something_else_has_is_refused(setting: str, message: str, tmp_path: Path) -> None:
    settings = f"schemas: [stages]\nelixir:\n  {setting}\n"
    root = project(tmp_path, {"one.yaml": RECIPE, "gen.yaml": settings} | STAGES)
    ran = gen(["one.yaml"], root)
    column = len(setting.partition(": ")[0]) + 5
    assert ran.code == 1 and f"gen.yaml:3:{column}: error[E0511]: elixir." in ran.both, ran.both
    assert message in ran.both
    assert not (root / "generated").exists()


@pytest.mark.parametrize("namespace", ["MyTeam.Recipes", "Enums", "MyCrucible", "MyTeam.Enum", "MyTeam.Stag"])
def test_other_names_are_free(namespace: str, tmp_path: Path) -> None:
    settings = f"schemas: [stages]\nelixir: {{namespace: {namespace}}}\n"
    ran = gen(["one.yaml"], project(tmp_path, {"one.yaml": RECIPE, "gen.yaml": settings} | STAGES))
    assert ran.code == 0, ran.both


@pytest.mark.parametrize(
    "setting",
    [
        *("namespace: my_team", "namespace: My-Team", "namespace: My..Team", "namespace: ''", "namespace: 1"),
        *("app: MyTeam", "app: 1a", "app: my-team", "application: a"),
        *(f"namespace: {'N' * 65}", f"app: {'a' * 65}"),
    ],
)
def test_what_is_no_name_is_refused(setting: str, tmp_path: Path) -> None:
    root = project(tmp_path, {"one.yaml": RECIPE, "gen.yaml": f"elixir:\n  {setting}\n"})
    ran = gen(["one.yaml"], root)
    assert ran.code == 1 and "gen.yaml:2:" in ran.both and "error[E0510]" in ran.both, ran.both


@pytest.mark.parametrize(
    ("table", "line"),
    [('[tool.gen]\nelixir = {app = "mix"}\n', 2), ('[tool.gen]\n[tool.gen.elixir]\n\napp = "mix"\n', 4)],
)
def test_the_place_in_pyproject(table: str, line: int, tmp_path: Path) -> None:
    root = project(tmp_path, {"one.yaml": RECIPE, "pyproject.toml": table})
    (root / "gen.yaml").unlink(missing_ok=True)
    ran = gen(["one.yaml"], root)
    assert ran.code == 1 and f"pyproject.toml:{line}:" in ran.both and "error[E0511]" in ran.both, ran.both


def test_renaming_moves_what_was_generated(tmp_path: Path) -> None:
    root = project(tmp_path, {"recipes/one.yaml": RECIPE, "gen.yaml": "recipes: [recipes]\n"})
    assert gen([], root).code == 0
    (root / "gen.yaml").write_text("recipes: [recipes]\nelixir: {namespace: MyTeam.Recipes, app: my_team_recipes}\n")
    assert gen(["--check"], root).code == 1
    assert gen([], root).code == 0
    out = root / "generated/elixir"
    left = [path for path in out.rglob("*") if path.is_file() and "crucible_recipes" in path.as_posix()]
    assert left == []
    assert "defmodule MyTeam.Recipes.One do" in (out / "lib/my_team/recipes/one.ex").read_text("utf-8")
    mix = (out / "mix.exs").read_text("utf-8")
    assert "defmodule MyTeam.RecipesMixProject do" in mix and "app: :my_team_recipes," in mix
    twin = (root / "generated/python/crucible_recipes/one.py").read_text("utf-8")
    assert "`MyTeam.Recipes.One.build_spec/1`" in twin

"""Random recipes, drawn from the schemas, through both languages: one experiment, and no text that becomes code."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import black
import pytest
from command import gen, project
from crucible_gen.ir.terms import List, Map, Module, Symbol, Term
from crucible_gen.languages.elixir import printer
from crucible_gen.schemas import ANY, Schemas, Shape, third_party
from elixir_project import Verdict, ask
from generated_code import compact, lint, module, python, types
from recipe_strategies import ATTACKS, Draw, Recipe, planted, stage_schemas
from strategies import THOROUGH, examples

COUNT = 40
PARTS = ("reliability", "evaluation", "mlops", "stages", "metadata", "outputs", "acme")
SCRIPT = """
import importlib, json, sys
from dataclasses import fields, is_dataclass
from crucible_runtime.experiment.canonical import canonical

def said(value):
    # What was written: a class of the evaluation without the fields that have their default.
    if type(value).__module__ == "crucible_runtime.evaluation":
        found = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: said(inner) for name, inner in found.items() if inner not in (None, ())}
    return [said(item) for item in value] if isinstance(value, (list, tuple)) else value

answers = {}
for stem, overrides in json.load(open(sys.argv[1], encoding="utf-8")):
    recipe = importlib.import_module(f"crucible_recipes.{stem}")
    evaluation = recipe.evaluation()
    answers[stem] = {
        "json": canonical(recipe.build_experiment()),
        "overridden": canonical(recipe.build_experiment(recipe.Config(training_config=overrides))),
        "evaluation": "null" if evaluation is None else canonical(said(evaluation)),
        "description": recipe.DESCRIPTION,
    }
json.dump(answers, sys.stdout)
"""
DEFAULTS = {"max_tokens": 1024, "name": "evaluation", "temperature": 0.7}
"""What Python's Evaluation says where the recipe says nothing; Elixir's map has no such key then."""

pytestmark = pytest.mark.elixir


@dataclass(frozen=True)
class Batch:
    """Recipes and overrides by stem, and where `gen` wrote what they become."""

    recipes: dict[str, Recipe]
    overrides: dict[str, dict[str, Any]]
    root: Path
    schemas: Schemas

    @property
    def generated(self) -> Path:
        return self.root / "generated"


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    root = project(tmp_path_factory.mktemp("batch"), {"gen.yaml": "schemas: [stages/]\n"})
    (root / "stages").mkdir()
    for number, drawn in enumerate(examples(stage_schemas(), 4)[-4:]):
        drawn["x-stage"]["name"] += f"_{number}"
        (root / f"stages/{number}.schema.json").write_text(json.dumps(drawn), "utf-8")
    schemas = third_party.extend(Schemas.load(), [root / "stages"])
    draw = Draw(schemas)
    recipes: dict[str, Recipe] = {}
    overrides: dict[str, dict[str, Any]] = {}
    (root / "recipes").mkdir()
    attacked: list[tuple[Recipe, dict[str, Any]]] = [(planted(attack), {}) for attack in ATTACKS]
    chosen = examples(draw.recipes(), COUNT)
    # What is drawn differs with the release of hypothesis and with what else is imported, and some of it is rare.
    for part in PARTS:
        if (lacking := COUNT // 10 - _count(part, [recipe for recipe, _ in chosen])) > 0:
            chosen += examples(draw.recipes().filter(partial(_has, part)), lacking)
    for number, (recipe, override) in enumerate([*attacked, *chosen]):
        stem = f"{recipe['id']}_{number}"
        recipes[stem] = recipe | {"id": stem}
        overrides[stem] = override
        (root / f"recipes/{stem}.json").write_text(json.dumps(recipes[stem]), "utf-8")
    ran = gen(["recipes"], root)
    errors = [line for line in ran.both.splitlines() if " error[" in line]
    assert ran.code == 0, f"the schemas allow what was drawn, and gen says: {errors[:40]}"
    return Batch(recipes, overrides, root, schemas)


@pytest.fixture(scope="module")
def in_elixir(batch: Batch) -> Verdict:
    asked = {"names": 'Enum.join(CrucibleRecipes.names(), ",")', "evil": "inspect(:code.is_loaded(Evil))"}
    for stem, recipe in batch.recipes.items():
        name = module(batch.generated / "elixir", stem)
        shape = batch.schemas.recipe(recipe["type"]).properties["training_config"]
        source = printer.text(override_term(batch.overrides[stem], shape))
        asked[f"{stem} json"] = f"CrucibleRecipes.to_json({name}.build_spec(%{{}}))"
        asked[f"{stem} overridden"] = f"CrucibleRecipes.to_json({name}.build_spec(training_config: {source}))"
        asked[f"{stem} evaluation"] = f"CrucibleRecipesRuntime.Canonical.encode({name}.evaluation())"
        asked[f"{stem} description"] = f"{name}.description()"
    return ask(batch.generated / "elixir", batch.root, asked)


def test_both_languages_build_what_the_ir_says(batch: Batch, in_elixir: Verdict) -> None:
    assert in_elixir.raised == {}
    script, asked = batch.root / "ask.py", batch.root / "asked.json"
    script.write_text(SCRIPT, "utf-8")
    asked.write_text(json.dumps(list(batch.overrides.items())), "utf-8")
    ran = python(str(script), str(asked), path=batch.generated / "python")
    assert ran.returncode == 0, ran.stderr[-4000:]
    answers = json.loads(ran.stdout)
    for stem, recipe in batch.recipes.items():
        expected = compact((batch.generated / f"ir/{stem}.json").read_text("utf-8"))
        assert in_elixir.values[f"{stem} json"] == expected
        assert answers[stem]["json"] == expected
        assert answers[stem]["overridden"] == in_elixir.values[f"{stem} overridden"], batch.overrides[stem]
        description = recipe.get("description", "")
        assert answers[stem]["description"] == in_elixir.values[f"{stem} description"] == description
        assert with_defaults(answers[stem]["evaluation"]) == with_defaults(in_elixir.values[f"{stem} evaluation"])


def test_elixir_s_tools_find_nothing(batch: Batch, in_elixir: Verdict) -> None:
    assert in_elixir.warnings == []
    assert in_elixir.unformatted == {}


def test_no_text_becomes_code(batch: Batch, in_elixir: Verdict) -> None:
    assert in_elixir.values["names"] == ",".join(sorted(batch.recipes))
    assert in_elixir.values["evil"] == "false"
    for stem in batch.recipes:
        tree = ast.parse((batch.generated / f"python/crucible_recipes/{stem}.py").read_text("utf-8"))
        names = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        assert names == ["Config", "training_config", "build_experiment", "evaluation", "run"]
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not {name for name in called if name in ("eval", "exec", "os._exit", "__import__")}


def test_python_s_tools_find_nothing(batch: Batch, tmp_path: Path) -> None:
    package = batch.generated / "python"
    for path in sorted(package.rglob("*.py")):
        text = path.read_text("utf-8")
        assert black.format_str(text, mode=black.Mode()) == text, path.name
    linted = lint(package)
    assert linted.returncode == 0, linted.stdout[-4000:]
    typed = types(package, tmp_path, "crucible_recipes")
    assert typed.returncode == 0, typed.stdout[-4000:] + typed.stderr


def test_the_batch_is_as_large_as_it_should_be(batch: Batch) -> None:
    assert len(batch.recipes) >= (10 if THOROUGH else 1) * COUNT // 2
    for part in PARTS:
        assert _count(part, batch.recipes.values()) >= COUNT // 10, part


def _has(part: str, drawn: tuple[Recipe, Any]) -> bool:
    return _count(part, [drawn[0]]) > 0


def _count(part: str, recipes: Iterable[Recipe]) -> int:
    """How many of the recipes have the part; `acme` are stages of third parties."""
    listed = (
        {*recipe, *(entry["stage"].partition("_")[0] for place in recipe.get("stages", {}).values() for entry in place)}
        for recipe in recipes
    )
    return sum(part in names for names in listed)


def override_term(value: Any, shape: Shape) -> Term:
    """An override as a caller writes it in Elixir: maps, atoms where the schema says so, and numbers as they are."""
    if isinstance(value, dict):
        free = shape if shape.kind == "text_map" else ANY
        entries = ((key, override_term(inner, shape.properties.get(key, free))) for key, inner in value.items())
        return Map(tuple(entries), symbols=shape.kind != "text_map")
    if isinstance(value, list):
        items = shape if shape.kind == "text_map" else shape.items or ANY
        return List(tuple(override_term(item, items) for item in value))
    if isinstance(value, str) and shape.kind == "symbol":
        return Symbol(value)
    if isinstance(value, str) and shape.kind == "module":
        return Module(value)
    found: Term = value
    return found


def with_defaults(evaluation: str) -> Any:
    found = json.loads(evaluation)
    return found if found is None else DEFAULTS | {key: value for key, value in found.items() if value != []}

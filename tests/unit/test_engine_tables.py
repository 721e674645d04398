"""The engine tables have the form that their schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import referencing.jsonschema

SCHEMAS = Path(__file__).parents[2] / "schemas"
TABLES = {path.stem: path for path in sorted((SCHEMAS / "engines").glob("*.json"))}
BASE = "file:///schemas/"


def validator() -> jsonschema.Draft202012Validator:
    resources = [
        (
            BASE + name,
            referencing.jsonschema.DRAFT202012.create_resource(json.loads((SCHEMAS / name).read_text("utf-8"))),
        )
        for name in ("engine.schema.json", "recipe.schema.json")
    ]
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(resources)
    return jsonschema.Draft202012Validator({"$ref": f"{BASE}engine.schema.json"}, registry=registry)


def errors(table: Any) -> list[str]:
    return [error.message for error in validator().iter_errors(table)]


def test_there_is_a_table_for_each_engine_of_the_runtime() -> None:
    engines = SCHEMAS.parent / "runtime" / "python" / "crucible_runtime" / "engines"
    assert [*TABLES] == sorted(path.parent.name for path in engines.glob("*/__init__.py"))


@pytest.mark.parametrize("engine", TABLES)
def test_a_table_has_the_form_of_its_schema(engine: str) -> None:
    assert errors(json.loads(TABLES[engine].read_text("utf-8"))) == []


def test_no_copy_of_a_table_is_committed() -> None:
    runtime = SCHEMAS.parent / "runtime"
    assert not [path for path in runtime.rglob("*.json") if path.name in {f"{name}.json" for name in TABLES}]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"how": "halved"},
        {"to": []},
        {"to": "epochs"},
        {"allow": [1]},
        {"to": ["epochs"], "allow": [1]},
        {"to": ["epochs"], "each": ["loss"]},
        {"to": ["epochs"], "instead": "leave it out"},
        {"unused": "nobody reads it", "refuse": "it cannot"},
        {"to": ["epochs"], "kinds": ["pretraining"]},
        {"to": ["epochs"], "because": "of that"},
    ],
    ids=json.dumps,
)
def test_a_wrong_rule_is_an_error(rule: dict[str, Any]) -> None:
    assert errors({"fields": {"epochs": [{"to": ["epochs"]}]}}) == []
    assert errors({"fields": {"epochs": [rule]}})


@pytest.mark.parametrize(
    "table", [{}, {"fields": {}}, {"fields": {"epochs": []}}, {"fields": {"Epochs": [{"to": ["e"]}]}}], ids=json.dumps
)
def test_a_wrong_table_is_an_error(table: dict[str, Any]) -> None:
    assert errors(table)

"""The one schema that authors and editors see: everything in it, nothing of the caller."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from crucible_gen.diagnostics.problems import Problems
from crucible_gen.schemas import Schemas, at
from crucible_gen.schemas.bundle import bundle

SCHEMAS = Schemas.load()
BUNDLE = bundle(SCHEMAS)
VALID: dict[str, Any] = {
    "id": "r",
    "type": "supervised",
    "training_config": {"model_ref": "m", "dataset_ref": {"name": "d"}, "options": {"lora_rank": 8}},
    "stages": {"before": [{"stage": "bench", "options": {"alpha": 0.05}}, {"stage": "report"}]},
    "mlops": {"register": {"model_name": "r"}, "deploy": {}},
}


def accepts(document: dict[str, Any]) -> bool:
    fast = jsonschema_rs.Draft202012Validator(BUNDLE).is_valid(document)
    slow = jsonschema.Draft202012Validator(BUNDLE).is_valid(document)
    assert fast == slow, "the two libraries judge alike"
    return fast


def changed(*path: Any, to: Any) -> dict[str, Any]:
    document = copy.deepcopy(VALID)
    part: Any = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = to
    return document


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def test_it_is_a_schema_and_every_reference_in_it_leads_to_a_part_of_it() -> None:
    jsonschema.Draft202012Validator.check_schema(BUNDLE)
    refs = [part["$ref"] for part in parts(BUNDLE) if isinstance(part.get("$ref"), str)]
    assert refs
    for ref in refs:
        assert ref.startswith("#/$defs/")
        assert at(BUNDLE, ref.removeprefix("#"))


def test_it_accepts_what_is_right() -> None:
    assert accepts(VALID)


@pytest.mark.parametrize(
    "document",
    [
        changed("tpyo", to=1),
        changed("type", to="unsupervised"),
        changed("training_config", "learning_rate", to=0),
        changed("training_config", "options", to={"beta": 0.1}),
        changed("training_config", "model_ref", to=""),
        changed("training_config", "dataset_ref", to={"split": "train"}),
        changed("stages", "before", 0, "stage", to="supervised_train"),
        changed("stages", "before", 0, "options", "alpha", to=2),
        changed("stages", "before", 1, "options", to={"x": 1}),
        changed("mlops", "register", to={}),
        changed("mlops", "deploy", "target", to="sagemaker"),
    ],
)
def test_it_refuses_what_is_wrong(document: dict[str, Any]) -> None:
    assert not accepts(document)


def test_options_are_those_of_the_type() -> None:
    def with_options(type_: str, options: dict[str, Any]) -> dict[str, Any]:
        return changed("type", to=type_) | {
            "training_config": {"model_ref": "m", "dataset_ref": "d", "options": options}
        }

    assert accepts(with_options("preference", {"beta": 0.1}))
    assert not accepts(with_options("rl", {"beta": 0.1}))
    assert accepts(with_options("rl", {"group_size": 4}))


def test_of_a_stage_an_author_says_what_neither_the_recipe_nor_the_caller_supplies() -> None:
    key = "own/audit.schema.json"
    stage = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Acme.Audit",
        "description": "Audits.",
        "x-stage": {"name": "audit", "module": "Acme.Audit"},
        "type": "object",
        "additionalProperties": False,
        "required": ["level", "rate", "token"],
        "properties": {
            "level": {"description": "L.", "type": "integer"},
            "rate": {"description": "R.", "type": "number", "x-from": "training_config.learning_rate"},
            "token": {"description": "T.", "x-inject": {"elixir": "term()", "python": "Any", "needed": True}},
        },
    }
    whole = bundle(Schemas({**SCHEMAS.documents, key: stage}))
    validator = jsonschema_rs.Draft202012Validator(whole)
    judged = [
        validator.is_valid(changed("stages", "after", to=[{"stage": "audit", **entry}]))
        for entry in ({}, {"options": {}}, {"options": {"level": 1}}, {"options": {"level": 1, "token": "x"}})
    ]
    assert judged == [False, False, True, False]
    assert "x-inject" not in json.dumps(whole)


def test_a_reference_that_leads_nowhere_is_a_problem() -> None:
    documents = {**SCHEMAS.documents, "own/a.schema.json": {"$ref": "ir/modle_ref.schema.json"}}
    documents["recipe.schema.json"] = copy.deepcopy(documents["recipe.schema.json"])
    documents["recipe.schema.json"]["properties"]["owner"] = {"$ref": "ir/experimnt.schema.json"}
    with pytest.raises(Problems) as caught:
        bundle(Schemas(documents))
    (problem,) = caught.value.problems
    assert (problem.code, problem.message) == ("E0502", "$ref ir/experimnt.schema.json leads to no schema")
    assert problem.hint == "did you mean ir/experiment.schema.json?"


def test_it_changes_no_schema_that_goes_in() -> None:
    assert SCHEMAS.documents == Schemas.load().documents
    assert bundle(SCHEMAS) == BUNDLE


@pytest.mark.parametrize("name", ["a b", "50%", "ü", "a~b"])
def test_odd_names_of_files_are_escaped(name: str) -> None:
    stage = dict(SCHEMAS.documents["stages/report.schema.json"], **{"x-stage": {"name": "odd", "module": "Odd"}})
    whole = bundle(Schemas({**SCHEMAS.documents, f"own/{name}.schema.json": stage}))
    assert jsonschema_rs.Draft202012Validator(whole).is_valid(
        changed("stages", "after", to=[{"stage": "odd", "options": {}}])
    )
    assert not jsonschema_rs.Draft202012Validator(whole).is_valid(
        changed("stages", "after", to=[{"stage": "odd", "options": {"x": 1}}])
    )

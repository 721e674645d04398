"""What the later steps read from the schema files: kinds, defaults, print order, references, stages."""

from __future__ import annotations

from typing import Any

import pytest
from crucible_gen.diagnostics.problems import Place, Problems
from crucible_gen.documents.load import parse
from crucible_gen.languages import registry
from crucible_gen.schemas import ANY, Schemas, at, normal, shipped

SCHEMAS = Schemas.load()


def shape(**document: Any) -> Any:
    return Schemas({"own/a.schema.json": document}).shape("own/a.schema.json")


@pytest.mark.parametrize(
    ("raw", "kind", "nullable"),
    [
        ({"type": "string"}, "text", False),
        ({"type": ["string", "null"]}, "text", True),
        ({"enum": ["a", "b"]}, "text", False),
        ({"type": "integer"}, "integer", False),
        ({"type": "number"}, "number", False),
        ({"type": "boolean"}, "boolean", False),
        ({"type": "array"}, "list", False),
        ({"type": "object"}, "map", False),
        ({"type": "object", "properties": {"x": {}}}, "object", False),
        ({"type": "string", "x-elixir-type": "atom"}, "symbol", False),
        ({"type": "array", "x-elixir-type": "atom"}, "list", False),
        ({"type": "string", "x-elixir-type": "module"}, "module", False),
        ({"type": "string", "x-elixir-type": "timestamp"}, "timestamp", False),
        ({"type": ["number", "null"], "x-elixir-type": "float"}, "float", True),
        ({"type": "object", "x-elixir-type": "text_map"}, "text_map", False),
        ({"type": "object", "x-elixir-type": "keyword"}, "keywords", False),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer", True),
        ({"type": ["string", "integer"]}, "any", False),
        ({}, "any", False),
    ],
)
def test_which_kind_of_term_a_value_becomes(raw: dict[str, Any], kind: str, nullable: bool) -> None:
    found = shape(type="object", properties={"x": raw}).properties["x"]
    assert (found.kind, found.nullable) == (kind, nullable)


def test_a_default_of_null_is_a_default() -> None:
    found = shape(properties={"a": {"default": None}, "b": {}, "c": {"default": 0}}).properties
    assert [(found[name].has_default, found[name].default) for name in "abc"] == [
        (True, None),
        (False, None),
        (True, 0),
    ]


def test_print_order_may_differ_from_definition_order() -> None:
    training = SCHEMAS.record("training_config")
    assert list(training.properties)[:4] == ["id", "model_ref", "dataset_ref", "validation_split"]
    assert list(training.order)[:6] == ["id", "model_ref", "dataset_ref", "epochs", "batch_size", "learning_rate"]
    assert sorted(training.order) == sorted(training.properties)


def test_every_struct_of_the_ir_is_a_record_of_its_name() -> None:
    assert len(SCHEMAS.records) == len(list((shipped("schemas") / "ir").glob("*.json")))
    for name, record in SCHEMAS.records.items():
        assert (record.kind, record.record) == ("record", name)
        assert record.names["elixir"].startswith("CrucibleIR.")
        assert record.names["python"]


def test_a_struct_may_hold_itself() -> None:
    backend = SCHEMAS.record("backend_ref")
    fallback = backend.properties["fallback"]
    assert (fallback.record, fallback.nullable, fallback.short) == ("backend_ref", True, "id")
    assert fallback.properties["fallback"].record == "backend_ref"


def test_a_reference_may_refine_what_it_refers_to() -> None:
    documents = {
        "own/a.schema.json": {
            "properties": {"x": {"$ref": "b.schema.json#/$defs/y", "description": "Mine.", "default": 2}}
        },
        "own/b.schema.json": {"$defs": {"y": {"type": "integer", "description": "Theirs.", "minimum": 1}}},
    }
    found = Schemas(documents).shape("own/a.schema.json").properties["x"]
    assert (found.kind, found.description, found.default, found.minimum) == ("integer", "Mine.", 2, 1)


def test_options_are_those_of_the_type() -> None:
    assert "beta" in SCHEMAS.options("preference").properties
    assert "beta" not in SCHEMAS.options("supervised").properties
    assert SCHEMAS.options("rl").properties["loss"].kind == "symbol"
    assert SCHEMAS.options("rl") is SCHEMAS.options("rl"), "made once"


def test_below_follows_names_and_gives_none_where_there_is_no_such_field() -> None:
    recipe = SCHEMAS.recipe("supervised")
    found = recipe.below(("training_config", "options", "lora_rank"))
    assert found is not None and found.kind == "integer"
    assert recipe.below(("training_config", "options", "beta")) is None
    assert recipe.below(("nothing", "at", "all")) is None
    assert ANY.below(("x",)) is None


def test_training_and_mlops_stages_are_found_by_what_recipes_say() -> None:
    assert {type_: stage.info.name for type_, stage in SCHEMAS.types.items()} == {
        "supervised": "supervised_train",
        "rl": "rl_train",
        "preference": "dpo_train",
        "distillation": "distillation",
    }
    assert [(key, stage.info.name) for key, stage in SCHEMAS.mlops.items()] == [
        ("register", "model_register"),
        ("deploy", "deploy"),
        ("feedback", "export_feedback"),
        ("triggers", "check_triggers"),
    ]


def test_live_values_are_listed_with_their_types() -> None:
    injected = SCHEMAS.stages["supervised_train"].injected
    assert list(injected) == ["ports", "train_dataset", "training_client", "log_path", "logger"]
    assert injected["ports"].needed and not injected["log_path"].needed
    assert injected["log_path"].kind == "path"
    assert registry.get("python").type_of(injected["log_path"]) == "Path | str | None"
    assert registry.get("elixir").type_of(injected["log_path"]) == "Path.t() | nil"


def test_references_are_looked_for_beside_the_file_and_then_among_the_shipped() -> None:
    documents: dict[str, Any] = {"own/deep/a": {}, "own/b": {}, "own/deep/b": {}, "ir/x": {}}
    schemas = Schemas(documents)
    assert schemas.resolve_ref("b#/p", "own/deep/a") == ("own/deep/b", "/p")
    assert schemas.resolve_ref("../b", "own/deep/a") == ("own/b", "")
    assert schemas.resolve_ref("ir/x", "own/deep/a") == ("ir/x", "")
    assert schemas.resolve_ref("#/here", "own/b") == ("own/b", "/here")
    assert schemas.resolve_ref("none", "own/b") is None


def test_a_reference_to_nothing_is_a_problem_with_its_place_and_the_nearest_name() -> None:
    text = b'{"properties": {"x": {"$ref": "ir/modle_ref.schema.json"}}}'
    node = parse(text, "mine.json")
    documents = {**SCHEMAS.documents, "own/a.schema.json": node.plain()}
    schemas = Schemas(documents, {"own/a.schema.json": node})  # type: ignore[arg-type]
    with pytest.raises(Problems) as caught:
        schemas.shape("own/a.schema.json")
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.file, problem.hint) == (
        "E0502",
        "mine.json",
        "did you mean ir/model_ref.schema.json?",
    )


def test_the_place_of_a_part_or_of_the_nearest_there_is() -> None:
    node = parse(b'{"a": {"b": 1}}', "mine.json")
    schemas = Schemas({"k": {}}, {"k": node})
    assert schemas.place("k", "a", "b") == Place("mine.json", 1, 13)
    assert schemas.place("k", "nothing") == Place("k")
    assert schemas.place("shipped") == Place("shipped")


def test_pointers_and_paths() -> None:
    assert at({"a/b": {"c~d": 1}}, "/a~1b/c~0d") == 1
    assert at({"a": 1}, "") == {"a": 1}
    assert normal("a/./b/../c") == "a/c"
    assert normal("../a/../../b") == "../../b"

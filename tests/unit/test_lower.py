"""Recipes become experiments of terms: what is bound by name, what feeds what, what is left to the caller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from crucible_gen.documents.load import parse
from crucible_gen.ir.lower import Experiment, complete, concrete, lower, plain_term, term, utc
from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.schemas import ANY, Schemas, Shape
from crucible_gen.schemas.third_party import extend

from recipes import SCHEMAS, resolved


def lowered(root: Path, text: str, schemas: Schemas = SCHEMAS, **options: Any) -> Experiment:
    return lower(resolved(root, text, schemas=schemas, **options).node, schemas)


def fields(value: Term) -> dict[str, Term]:
    assert isinstance(value, Record)
    return dict(value.fields)


def stage(experiment: Experiment, name: str) -> dict[str, Term]:
    pipeline = fields(experiment.body)["pipeline"]
    assert isinstance(pipeline, List)
    return next(found for item in pipeline.items if (found := fields(item))["name"] == Symbol(name))


def options(experiment: Experiment, name: str) -> dict[str, Term]:
    found = stage(experiment, name)["options"]
    assert isinstance(found, Map | Keywords)
    return dict(found.entries)


# The experiment ---------------------------------------------------------------------------------------------------


def test_every_value_of_training_stands_once_and_the_body_refers_to_it(tmp_path: Path) -> None:
    experiment = lowered(tmp_path, "")
    training = fields(experiment.training_config)
    assert training["id"] == Symbol("r")
    assert training["model_ref"] == Record("model_ref", (("id", "Qwen/Qwen3.5-9B-Base"),))
    body = fields(experiment.body)
    assert body["training_config"] == Name("training_config")
    assert body["dataset"] == Name("training_config", ("dataset_ref",))


def test_the_default_backend_is_that_of_the_type(tmp_path: Path) -> None:
    assert fields(lowered(tmp_path, "").body)["backend"] == Record("backend_ref", (("id", Symbol("tinker")),))
    said = fields(lowered(tmp_path, "backend: {id: local, profile: fast}\n").body)["backend"]
    assert said == Record("backend_ref", (("id", Symbol("local")), ("profile", Symbol("fast"))))


def test_fields_are_in_print_order_whatever_order_they_were_said_in(tmp_path: Path) -> None:
    experiment = lowered(tmp_path, "outputs: []\ntags: []\nowner: x\ndescription: d\n")
    assert [name for name, _ in experiment.body.fields] == [
        *("id", "description", "owner", "tags", "backend", "pipeline", "dataset", "outputs", "training_config")
    ]


def test_a_dataset_of_its_own_wins_over_the_one_that_is_trained_on(tmp_path: Path) -> None:
    dataset = fields(lowered(tmp_path, "dataset: {name: other, split: test}\n").body)["dataset"]
    assert dataset == Record("dataset_ref", (("name", "other"), ("split", Symbol("test"))))


def test_options_are_always_a_map_that_overrides_reach(tmp_path: Path) -> None:
    assert fields(lowered(tmp_path, "").training_config)["options"] == Map(())
    config = "training_config: {model_ref: m, dataset_ref: d, id: mine, options: {loss: ppo, max_tokens: 4}}\n"
    training = fields(lowered(tmp_path, f"type: rl\n{config}").training_config)
    assert training["options"] == Map((("loss", Symbol("ppo")), ("max_tokens", 4)))
    assert training["id"] == Symbol("mine")


# Stages -----------------------------------------------------------------------------------------------------------


def test_flat_options_read_the_fields_that_feed_them(tmp_path: Path) -> None:
    experiment = lowered(tmp_path, "")
    found = options(experiment, "supervised_train")
    assert found["training_config"] == Name("training_config")
    assert found["num_epochs"] == Name("training_config", ("epochs",))
    assert found["save_every"] == Or(Name("training_config", ("checkpoint_every",)), 0)
    assert found["lr_schedule"] == Get(Name("options"), "lr_schedule", Symbol("linear"))
    assert found["adam_eps"] == Get(Name("options"), "adam_eps", 1.0e-8)
    assert found["ports"] == Name("config", ("ports",))
    assert experiment.uses_options


def test_live_values_are_inputs_in_the_order_of_the_stage(tmp_path: Path) -> None:
    inputs = lowered(tmp_path, "type: rl\n").inputs
    assert [each.name for each in inputs] == [
        *("ports", "env_group_builder", "token_completer", "training_client", "log_path", "logger")
    ]
    assert inputs[0].inject.needed and inputs[0].description


def test_a_type_whose_stage_reads_no_option_binds_none(tmp_path: Path) -> None:
    assert not lowered(tmp_path, "type: preference\n").uses_options


def test_register_is_told_the_recipe_and_the_model_by_name(tmp_path: Path) -> None:
    found = options(lowered(tmp_path, "mlops: {register: {model_name: n, version: '7'}}\n"), "model_register")
    assert list(found) == ["model_name", "recipe", "base_model", "training_config", "version"]
    assert found["recipe"] == "r"
    assert found["base_model"] == Name("training_config", ("model_ref", "id"))
    assert found["training_config"] == Name("training_config")


def test_what_a_recipe_says_wins_over_what_feeds_an_option(tmp_path: Path) -> None:
    found = options(lowered(tmp_path, "mlops: {register: {model_name: n, recipe: mine}}\n"), "model_register")
    assert found["recipe"] == "mine"


def test_feedback_stages_take_keyword_lists(tmp_path: Path) -> None:
    text = "mlops: {register: {model_name: n}, deploy: {}, feedback: {limit: 3, storage: Acme.Store}}\n"
    experiment = lowered(tmp_path, text)
    assert stage(experiment, "export_feedback")["options"] == Keywords(
        (("limit", 3), ("storage", Module("Acme.Store")))
    )
    assert stage(experiment, "deploy")["options"] == Map(())


def test_stages_are_listed_for_documentation(tmp_path: Path) -> None:
    text = "stages: {before: [{stage: bench, name: mine}]}\nevaluation: {as: stage, module: Acme.Eval, tasks: []}\n"
    experiment = lowered(tmp_path, text)
    assert [(line.name, line.module, line.kind) for line in experiment.stages] == [
        ("mine", "Crucible.Stage.Bench", "bench"),
        ("supervised_train", "CrucibleTrain.Stages.SupervisedTrain", "supervised_train"),
        ("evaluation", "Acme.Eval", None),
    ]


def test_short_forms_that_no_merge_can_meet_are_records_too(tmp_path: Path) -> None:
    schema = """{
      "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A", "description": "A.",
      "x-stage": {"name": "audit", "module": "Acme.Audit"}, "type": "object", "additionalProperties": false,
      "properties": {
        "judge": {"description": "J.", "$ref": "ir/model_ref.schema.json"},
        "panel": {"description": "P.", "type": "array", "items": {"$ref": "ir/model_ref.schema.json"}}
      }
    }"""
    (tmp_path / "audit.schema.json").write_text(schema)
    schemas = extend(SCHEMAS, [tmp_path / "audit.schema.json"])
    text = "stages: {after: [{stage: audit, options: {judge: j, panel: [k, {id: l}]}}]}\n"
    found = options(lowered(tmp_path, text, schemas), "audit")
    assert found["judge"] == Record("model_ref", (("id", "j"),))
    assert found["panel"] == List((Record("model_ref", (("id", "k"),)), Record("model_ref", (("id", "l"),))))


# Evaluation -------------------------------------------------------------------------------------------------------

TASKS = "tasks: [{name: a, samples: [{input: i, target: t}, {id: x, input: i, target: t}, {input: i, target: t}]}]"


def test_an_evaluation_after_the_run_has_its_scorers_and_sample_ids(tmp_path: Path) -> None:
    evaluation = lowered(tmp_path, f"evaluation: {{temperature: 0, {TASKS}}}\n").evaluation
    assert evaluation is not None
    entries = dict(evaluation.entries)
    assert entries["temperature"] == 0.0 and isinstance(entries["temperature"], float)
    (task,) = entries["tasks"].items  # type: ignore[union-attr]
    found = dict(task.entries)
    assert list(found) == ["name", "scorer", "samples"]
    assert found["scorer"] == Symbol("exact_match")
    assert [dict(sample.entries)["id"] for sample in found["samples"].items] == ["1", "x", "3"]


def test_an_evaluation_stage_has_the_same_in_its_options(tmp_path: Path) -> None:
    experiment = lowered(
        tmp_path, f"evaluation: {{as: stage, module: Acme.Eval, name: mine, max_tokens: 9, {TASKS}}}\n"
    )
    assert experiment.evaluation is None
    found = options(experiment, "mine")
    assert list(found) == ["max_tokens", "tasks"]


# Values -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("x", Shape("text"), "x"),
        ("x", Shape("symbol"), Symbol("x")),
        ("A.B", Shape("module"), Module("A.B")),
        ("2026-01-31T12:00:00+02:00", Shape("timestamp"), Timestamp("2026-01-31T10:00:00Z")),
        ("1", Shape("float"), 1.0),
        ("1.5", Shape("float"), 1.5),
        ("3.0", Shape("integer"), 3),
        ("true", Shape("float"), True),
        ("null", Shape("text", nullable=True), None),
        ("1", ANY, 1),
        ("x", ANY, "x"),
        ("[a, b]", Shape("list", items=Shape("symbol")), List((Symbol("a"), Symbol("b")))),
        ("{b: 1, a: 2}", Shape("map"), Map((("b", 1), ("a", 2)))),
        ("{b: {c: 1}}", Shape("text_map"), Map((("b", Map((("c", 1),), symbols=False)),), symbols=False)),
        ("{b: 1}", Shape("keywords"), Keywords((("b", 1),))),
        ("[{a: 1}]", Shape("text_map"), List((Map((("a", 1),), symbols=False),))),
        ("m", Shape("record", record="model_ref", short="id"), Record("model_ref", (("id", "m"),))),
    ],
)  # fmt: skip
def test_values_become_terms(text: str, shape: Shape, expected: Term) -> None:
    found = term(parse(text.encode(), "f.yaml"), shape)
    assert found == expected
    assert type(found) is type(expected)


def test_a_default_of_a_schema_becomes_a_term_too() -> None:
    shape = Shape("list", items=Shape("symbol"))
    assert plain_term(["a", "b"], shape) == List((Symbol("a"), Symbol("b")))
    assert plain_term({"a": [1, {"b": None}]}, ANY) == Map((("a", List((1, Map((("b", None),))))),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.250+01:30", "2026-01-31T10:30:00.250000Z"),
        ("2026-01-01T00:00:00+01:00", "2025-12-31T23:00:00Z"),
    ],
)
def test_moments_are_in_utc(text: str, expected: str) -> None:
    assert utc(text) == expected


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00", "2026-02-30T00:00:00Z", "soon", ""])
def test_what_is_no_moment_raises(text: str) -> None:
    with pytest.raises(ValueError):
        utc(text)


# The concrete experiment --------------------------------------------------------------------------------------------


def names_in(value: Term) -> bool:
    match value:
        case Name() | Or() | Get():
            return True
        case Record(_, entries) | Map(entries) | Keywords(entries):
            return any(names_in(inner) for _, inner in entries)
        case List(items):
            return any(map(names_in, items))
    return False


def test_the_concrete_experiment_has_no_names_and_every_field(tmp_path: Path) -> None:
    text = "mlops: {register: {model_name: n}, deploy: {}, feedback: {}}\nreliability: {stats: {alpha: 0.1}}\n"
    experiment = lowered(tmp_path, text)
    assert names_in(experiment.body)
    found = concrete(experiment, SCHEMAS)
    assert not names_in(found)
    assert [name for name, _ in found.fields] == list(SCHEMAS.record("experiment").properties)
    training = fields(fields(found)["training_config"])
    assert list(training) == list(SCHEMAS.record("training_config").properties)
    assert training["epochs"] == 1 and training["metrics"] == List((Symbol("loss"), Symbol("accuracy")))


def test_names_become_what_they_name(tmp_path: Path) -> None:
    config = "training_config: {model_ref: m, dataset_ref: d, epochs: 3, checkpoint_every: 20, options: {lr_schedule: cosine}}\n"
    found = concrete(lowered(tmp_path, config), SCHEMAS)
    (item,) = fields(found)["pipeline"].items  # type: ignore[union-attr]
    entries = dict(fields(item)["options"].entries)  # type: ignore[union-attr]
    assert (entries["num_epochs"], entries["save_every"]) == (3, 20)
    assert entries["lr_schedule"] == Symbol("cosine")
    assert entries["eval_every"] == 0
    assert entries["ports"] is None
    assert entries["training_config"] == fields(found)["training_config"]


def test_complete_fills_records_wherever_they_stand() -> None:
    dataset = Record("dataset_ref", (("name", "d"),))
    nested = Map((("a", List((Keywords((("b", dataset),)),))),))
    ((_, sequence),) = complete(nested, SCHEMAS).entries  # type: ignore[union-attr]
    ((_, found),) = sequence.items[0].entries
    assert dict(found.fields)["provider"] == Symbol("crucible_datasets")

"""What a schema cannot say: ids, the order and names of stages, names that are atoms, moments that exist."""

# ruff: noqa: E501 -- a table has a line a row

from __future__ import annotations

import json
from pathlib import Path

import pytest
from crucible_gen.diagnostics.problems import Problem
from crucible_gen.languages import registry
from crucible_gen.recipes import rules
from crucible_gen.schemas.third_party import extend

from recipes import SCHEMAS, resolved

LANGUAGES = registry.built_in()


def check(root: Path, text: str, **options: str) -> list[Problem]:
    return rules.check(resolved(root, text, **options), SCHEMAS, LANGUAGES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mlops: {register: {model_name: r}, deploy: {}, feedback: {}, triggers: {}}\n",
        "stages: {before: [{stage: validate}], after: [{stage: validate, name: again}, {stage: bench}]}\n",
        "stages: {before: [{stage: model_promote, options: {stage: staging}, enabled: false}]}\n",
        "created_at: 2026-01-31T12:00:00+05:30\nmetadata: {a: {b: [x, {c: d}]}}\ntags: [a, 'b c', 'end']\n",
        "evaluation: {tasks: [{name: a, samples: [{input: i, target: t}, {input: i, target: t}]}]}\n",
    ],
)
def test_what_is_right(tmp_path: Path, text: str) -> None:
    assert check(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        ("mlops: {deploy: {}}\n", "E0412", "stage deploy needs model_register before it", "add mlops.register"),
        ("mlops: {register: {model_name: r}, feedback: {}}\n", "E0412", "stage export_feedback needs deploy before it", "add mlops.deploy"),
        ("mlops: {register: {model_name: r}}\nstages: {before: [{stage: model_promote, options: {stage: staging}}]}\n", "E0412", "stage model_promote needs model_register before it", "move model_register in front of it"),
        ("stages: {before: [{stage: bench}], after: [{stage: bench}]}\n", "E0413", "stage bench stands twice in this pipeline", "give one of them another name: {stage: ..., name: ...}"),
        ("stages: {after: [{stage: bench, name: supervised_train}]}\n", "E0413", "stage supervised_train stands twice in this pipeline", "give one of them another name: {stage: ..., name: ...}"),
        ("evaluation: {tasks: [{name: a, samples: [{input: i, target: t}]}, {name: a, samples: [{input: i, target: t}]}]}\n", "E0414", "task a stands twice", "give each task its own name"),
        ("evaluation: {tasks: [{name: a, samples: [{input: i, target: t}, {id: '1', input: i, target: t}]}]}\n", "E0414", "sample 1 stands twice", "give each sample its own id"),
        ("evaluation: {tasks: [{name: a, scorer: contains, samples: [{input: i, target: ' '}]}]}\n", "E0441", "scorer contains finds every answer right: the target is blank", "write what a right answer contains, or remove the sample"),
        ("created_at: 2026-02-30T00:00:00Z\n", "E0415", "expected a moment in time with its offset from UTC, found 2026-02-30T00:00:00Z", "write it as in 2026-01-31T12:00:00Z"),
        ("created_at: 2026-01-31T00:00:00\n", "E0415", "expected a moment in time with its offset from UTC, found 2026-01-31T00:00:00", "write it as in 2026-01-31T12:00:00Z"),
        ("created_at: soon\n", "E0415", "expected a moment in time with its offset from UTC, found soon", "write it as in 2026-01-31T12:00:00Z"),
        ("created_at: 0001-01-01T00:00:00+14:00\n", "E0415", "expected a moment in time with its offset from UTC, found 0001-01-01T00:00:00+14:00", "write it as in 2026-01-31T12:00:00Z"),
        ("tags: [nil]\n", "E0416", "this is an atom in Elixir, so it must be another name than nil, which is a value of its own in Elixir", "write another name"),
        ("metadata: {deep: [{'true': 1}]}\n", "E0416", "this is an atom in Elixir, so it must be another name than true, which is a value of its own in Elixir", "write another name"),
        (f"metadata: {{{'x' * 256}: 1}}\n", "E0416", "this is an atom in Elixir, so it must have at most 255 bytes in source, found 256", "write another name"),
        ("training_config: {epochs: 1.0e+20}\n", "E0417", "expected a whole number of 64 bits, found 1e+20", "write a smaller number"),
        ("training_config: {early_stopping: {patience: 9.3e+18}}\n", "E0417", "expected a whole number of 64 bits, found 9.3e+18", "write a smaller number"),
    ],
)  # fmt: skip
def test_what_is_wrong(tmp_path: Path, text: str, code: str, message: str, hint: str) -> None:
    (problem,) = check(tmp_path, text)
    assert (problem.code, problem.message, problem.hint) == (code, message, hint)
    assert problem.place.file == "r.yaml"
    assert problem.place.line


def test_duplicates_show_the_first_one_too(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, "stages:\n  before:\n    - {stage: bench}\n    - {stage: bench}\n")
    ((words, first),) = problem.see
    assert words == "first here"
    assert (problem.place.line - first.line, first.column) == (1, 7)


def test_text_where_elixir_has_text_may_be_anything(tmp_path: Path) -> None:
    schema = "{properties: {nil: {type: string}, 'true': {enum: [nil]}}}"
    config = f"training_config: {{model_ref: m, dataset_ref: {{name: d, schema: {schema}}}}}\n"
    assert check(tmp_path, config) == []


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ("{rows: {nil: [nil, {'true': x}]}, kind: a, at: 2026-01-31T12:00:00Z}", []),
        ("{kind: nil}", ["E0416"]),
        (f"{{kind: {'x' * 256}}}", ["E0416"]),
        ("{at: tomorrow}", ["E0415"]),
        ("{free: {nil: 1}}", ["E0416"]),
    ],
)  # fmt: skip
def test_the_options_of_a_listed_stage_are_what_its_own_schema_says(
    tmp_path: Path, options: str, codes: list[str]
) -> None:
    types = {
        "rows": {"type": "object", "x-elixir-type": "text_map"},
        "free": {"type": "object"},
        "kind": {"type": "string", "x-elixir-type": "atom"},
        "at": {"type": "string", "x-elixir-type": "timestamp"},
    }
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Audit",
        "description": "Audits.",
        "x-stage": {"name": "audit", "module": "Acme.Audit"},
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"description": "An option."} | raw for name, raw in types.items()},
    }
    (tmp_path / "audit.schema.json").write_text(json.dumps(document))
    schemas = extend(SCHEMAS, [tmp_path / "audit.schema.json"])
    recipe = resolved(tmp_path, f"stages: {{before: [{{stage: audit, options: {options}}}]}}\n", schemas=schemas)
    assert [problem.code for problem in rules.check(recipe, schemas, LANGUAGES)] == codes


def test_each_profile_is_checked(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, "profiles: {bad: {mlops: {deploy: {}}}, good: {owner: x}}\n")
    assert problem.code == "E0412"


# Ids -----------------------------------------------------------------------------------------------------------------


def test_the_id_is_the_stem_of_the_file(tmp_path: Path) -> None:
    assert rules.identity(resolved(tmp_path, "", name="a.b-c.yaml"), LANGUAGES) == []
    (problem,) = rules.identity(resolved(tmp_path, "id: other\n", name="mine.yaml"), LANGUAGES)
    assert (problem.code, problem.hint) == ("E0411", "write id: mine, or rename the file")
    assert problem.message == "id must be mine, the file's name without its ending, found other"


@pytest.mark.parametrize(("id_", "code"), [("''", "E0401"), ("a b", "E0402"), ("x" * 129, "E0403"), ("nil", "E0404")])
def test_an_id_that_cannot_be_one_has_one_problem(tmp_path: Path, id_: str, code: str) -> None:
    assert [problem.code for problem in rules.identity(resolved(tmp_path, f"id: {id_}\n"), LANGUAGES)] == [code]


@pytest.mark.parametrize("text", ["id: 5\n", "id: null\n", "id: [a]\n"])
def test_an_id_that_is_no_text_is_left_to_the_schema(tmp_path: Path, text: str) -> None:
    assert rules.identity(resolved(tmp_path, text), LANGUAGES) == []


def test_ids_collide_only_where_they_are_text(tmp_path: Path) -> None:
    named = {
        "sl_basic.yaml": "",
        "sl-basic.yaml": "",
        "n1.yaml": "id: null\n",
        "n2.yaml": "id: null\n",
        "other.yaml": "",
    }
    found = rules.check_all([resolved(tmp_path, text, name=name) for name, text in named.items()], LANGUAGES)
    assert [(problem.code, problem.place.file) for problem in found] == [("E0405", "sl-basic.yaml")]

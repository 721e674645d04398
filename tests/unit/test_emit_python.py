"""What the target `python` writes around the values that its printer prints."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from command import gen, project

BASE: dict[str, Any] = {"type": "supervised", "training_config": {"model_ref": "m", "dataset_ref": "d"}}


def recipe_module(root: Path, recipe: dict[str, Any], files: dict[str, str] | None = None) -> str:
    """The Python module of this recipe."""
    project(root, (files or {}) | {"one.json": json.dumps(BASE | {"id": "one"} | recipe)})
    ran = gen(["one.json", "--target", "python"], root)
    assert ran.code == 0, ran.both
    return (root / "generated/python/crucible_recipes/one.py").read_text("utf-8")


def imported(text: str) -> dict[str, list[str]]:
    """The names that a module imports, by module, in order."""
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    return {node.module or "": [name.name for name in node.names] for node in nodes}


def test_without_a_description_the_module_still_says_what_it_is(tmp_path: Path) -> None:
    for number, description in enumerate((None, "", " \n ")):
        text = recipe_module(tmp_path / str(number), {} if description is None else {"description": description})
        assert ast.get_docstring(ast.parse(text)) == "The recipe one.\n\nStages: supervised_train."
        assert f"DESCRIPTION = {json.dumps(description or '')}\n" in text


def test_only_what_is_used_is_imported(tmp_path: Path) -> None:
    plain = imported(recipe_module(tmp_path / "plain", {}))
    assert plain["crucible_runtime.ir"] == [
        "BackendRef",
        "DatasetRef",
        "Experiment",
        "ModelRef",
        "StageDef",
        "TrainingConfig",
    ]
    assert plain["crucible_runtime.stages"] == ["supervised_train"]
    assert "crucible_runtime.evaluation" not in plain
    tasks = [{"name": "t", "dataset": "rows", "input_column": "q", "target_column": "a"}]
    asked = imported(recipe_module(tmp_path / "asked", {"evaluation": {"tasks": tasks}}))
    assert asked["crucible_runtime.evaluation"] == ["Evaluation", "Task"]
    full = {"reliability": {"stats": {"alpha": 0.1}}, "mlops": {"register": {"model_name": "m"}}}
    more = imported(recipe_module(tmp_path / "more", full))
    assert {"ReliabilityConfig", "Stats"} <= set(more["crucible_runtime.ir"])
    assert more["crucible_runtime.stages"] == ["model_register", "supervised_train"]


def test_a_module_is_marked_where_any_text_could_stand(tmp_path: Path) -> None:
    stages = {"before": [{"stage": "guardrails", "options": {"adapter": "Acme.Guard"}}]}
    text = recipe_module(tmp_path, {"stages": stages})
    assert 'options={"adapter": Module("Acme.Guard")},' in text
    assert 'module="Crucible.Stage.Guardrails",' in text
    assert "Module" in imported(text)["crucible_runtime.ir"]


def test_options_are_bound_only_where_a_stage_reads_them(tmp_path: Path) -> None:
    assert "    options = training.options or {}\n" in recipe_module(tmp_path / "read", {})
    assert "options = training.options" not in recipe_module(tmp_path / "not", {"type": "preference"})


def test_a_run_names_its_stages_in_order(tmp_path: Path) -> None:
    name = "a stage of a name that is too long for a line of its own call, and says so"
    recipe = {
        "stages": {"before": [{"stage": "validate"}], "after": [{"stage": "report", "name": name}]},
        "mlops": {"register": {"model_name": "m"}, "deploy": {}},
    }
    text = recipe_module(tmp_path, recipe)
    run = text[text.index("def run(") :]
    order = [run.index(f'"{stage}"') for stage in ("validate", "supervised_train", "model_register", "deploy", name)]
    assert order == sorted(order)
    assert f'        pipeline.stage(\n            "{name}",\n            ' in run
    assert "return pipeline.finish()" in run


def test_a_live_value_of_a_third_party_is_a_field_of_the_configuration(tmp_path: Path) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Acme",
        "description": "Audits.",
        "x-stage": {"name": "audit", "module": "Acme.Audit"},
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "token": {
                "description": "Secret of the service.",
                "x-inject": {"elixir": "String.t() | nil", "python": "str | None", "needed": False},
            }
        },
    }
    files = {"gen.yaml": "schemas: [stages/]\n", "stages/audit.schema.json": json.dumps(schema)}
    text = recipe_module(tmp_path, {"stages": {"after": [{"stage": "audit"}]}}, files)
    assert "    token: Secret of the service.\n" in text
    assert "    token: str | None = None\n" in text
    assert 'options={"token": config.token},' in text

"""What the target `elixir` writes around the values that its printer prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command import gen, project

BASE: dict[str, Any] = {"type": "supervised", "training_config": {"model_ref": "m", "dataset_ref": "d"}}


def written(root: Path, recipe: dict[str, Any], files: dict[str, str] | None = None) -> dict[str, str]:
    """The files of a Mix project that has this one recipe, by path."""
    project(root, (files or {}) | {"one.json": json.dumps(BASE | {"id": "one"} | recipe)})
    ran = gen(["one.json", "--target", "elixir"], root)
    assert ran.code == 0, ran.both
    out = root / "generated/elixir"
    return {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in out.rglob("*.ex*") if path.is_file()}


def recipe_module(root: Path, recipe: dict[str, Any], files: dict[str, str] | None = None) -> str:
    return written(root, recipe, files)["lib/crucible_recipes/one.ex"]


@pytest.mark.parametrize(
    ("description", "attribute"),
    [
        ("Short.", '@description "Short."'),
        ("Two.\n\n  - lines\n", '@description """\n  Two.\n\n    - lines\n  """'),
        ('"""\n#{x}\n', '@description """\n  \\"\\"\\"\n  \\#{x}\n  """'),
        ("One.\n", '@description """\n  One.\n  """'),
        ("No\nend", '@description """\n  No\n  end\\\n  """'),
        ("word " * 30 + "end", '@description """\n  ' + "word " * 19 + "\\\n  " + "word " * 11 + 'end\\\n  """'),
        ("x" * 120, '@description """\n  ' + "x" * 120 + '\\\n  """'),
        ("Blank \nend\n", '@description "Blank \\nend\\n"'),
        ("Many\nends\n\n", '@description "Many\\nends\\n\\n"'),
    ],
)
def test_the_description_stands_once(description: str, attribute: str, tmp_path: Path) -> None:
    text = recipe_module(tmp_path, {"description": description})
    assert f"do\n  {attribute}\n\n  @moduledoc" in text
    assert '@moduledoc """\n  #{@description}\n\n  Stages: `CrucibleTrain.Stages.SupervisedTrain`.' in text
    assert "def description, do: @description" in text and "description: @description" in text


def test_without_a_description_the_module_still_says_what_it_is(tmp_path: Path) -> None:
    for number, description in enumerate((None, "", " \n ")):
        text = recipe_module(tmp_path / str(number), {} if description is None else {"description": description})
        assert '@moduledoc """\n  The recipe one.\n\n  Stages:' in text
    assert '@description ""' in recipe_module(tmp_path / "last", {})


def test_no_line_of_the_library_is_too_wide(tmp_path: Path) -> None:
    for path, text in written(tmp_path, {}).items():
        assert path.startswith("test/") or max(map(len, text.splitlines())) <= 98, path


def test_many_live_values_stand_one_a_line(tmp_path: Path) -> None:
    few = recipe_module(tmp_path / "few", {})
    assert "    defstruct [:ports, :train_dataset, :training_client, :log_path, :logger, training_config: %{}]\n" in few
    many = recipe_module(tmp_path / "many", {"type": "rl"})
    assert "    defstruct [\n      :ports,\n      :env_group_builder,\n" in many
    assert "\n      training_config: %{}\n    ]\n" in many


def test_options_are_bound_only_where_a_stage_reads_them(tmp_path: Path) -> None:
    bound = "options = training_config.options || %{}"
    assert bound in recipe_module(tmp_path / "read", {})
    assert bound not in recipe_module(tmp_path / "not", {"type": "preference"})


def test_the_evaluation_is_a_function_or_a_stage(tmp_path: Path) -> None:
    tasks = {"tasks": [{"name": "t", "samples": [{"input": "i", "target": "t"}]}]}
    after = recipe_module(tmp_path / "after", {"evaluation": tasks})
    assert "see `evaluation/0`" in after and "  def evaluation do\n    %{tasks: [%{name:" in after
    stage = recipe_module(tmp_path / "stage", {"evaluation": tasks | {"as": "stage", "module": "Acme.Exam"}})
    assert "module: Acme.Exam," in stage and "def evaluation, do: nil" in stage and "evaluation/0" not in stage


def test_a_struct_that_a_nested_module_would_shadow_is_written_in_full(tmp_path: Path) -> None:
    stages = {"before": [{"stage": "guardrails", "options": {"adapter": "Config.Guard"}}]}
    assert "adapter: Elixir.Config.Guard" in recipe_module(tmp_path, {"stages": stages})


def test_what_mix_fetches_comes_from_the_stage_schemas(tmp_path: Path) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Acme",
        "description": "Audits.",
        "x-stage": {"name": "audit", "module": "Acme.Audit", "package": "acme_audit ~> 1.2"},
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }
    files = {"gen.yaml": "schemas: [stages/]\n", "stages/audit.schema.json": json.dumps(schema)}
    found = written(tmp_path, {"stages": {"after": [{"stage": "audit"}]}}, files)
    deps = re.findall(r'\{:(\w+), "([^"]+)"(, optional: true)?\}', found["mix.exs"])
    assert deps[0] == ("crucible_ir", "~> 0.2.1 or ~> 0.3", "")
    assert [name for name, _, optional in deps if not optional] == [
        "crucible_ir",
        "crucible_framework",
        "crucible_train",
    ]
    assert ("acme_audit", "~> 1.2", ", optional: true") in deps
    assert "acme_audit: [Acme.Audit]" in found["lib/crucible_recipes_runtime/recipe/schema.ex"]


def test_the_rules_of_overrides_are_those_of_the_schemas(tmp_path: Path) -> None:
    table = written(tmp_path, {})["lib/crucible_recipes_runtime/recipe/schema.ex"]
    assert "      learning_rate: [type: :float, exclusive_minimum: 0],\n" in table
    assert "      weight_decay: [type: :float, minimum: 0]\n" in table
    assert "          min_delta: [type: :float, minimum: 0],\n" in table
    assert "      epochs: [type: :integer, minimum: 1],\n" in table
    assert "      model_ref: [struct: CrucibleIR.ModelRef],\n" in table

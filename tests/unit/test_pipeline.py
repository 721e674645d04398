"""The stages of a recipe, in the order in which they run."""

from __future__ import annotations

from pathlib import Path

import pytest
from crucible_gen.ir.stages import Step, steps

from recipes import SCHEMAS, resolved


def of(root: Path, text: str, type_: str = "supervised") -> list[Step]:
    return steps(resolved(root, f"type: {type_}\n{text}").node, type_, SCHEMAS)


def names(root: Path, text: str, type_: str = "supervised") -> list[str]:
    return [step.name for step in of(root, text, type_)]


@pytest.mark.parametrize(
    ("type_", "module"),
    [
        ("supervised", "CrucibleTrain.Stages.SupervisedTrain"),
        ("rl", "CrucibleTrain.Stages.RLTrain"),
        ("preference", "CrucibleTrain.Stages.DPOTrain"),
        ("distillation", "CrucibleTrain.Stages.Distillation"),
    ],
)
def test_each_type_has_one_training_stage(tmp_path: Path, type_: str, module: str) -> None:
    (step,) = of(tmp_path, "", type_)
    assert step.module == module
    assert step.stage is not None and step.stage.info.role == "training"
    assert step.options is None


def test_before_training_mlops_after_evaluation(tmp_path: Path) -> None:
    text = (
        "evaluation: {as: stage, module: Acme.Eval, tasks: []}\n"
        "stages: {after: [{stage: bench}], before: [{stage: validate}, {stage: data_checks}]}\n"
        "mlops: {triggers: {}, feedback: {}, deploy: {}, register: {model_name: x}}\n"
    )
    assert names(tmp_path, text) == [
        *("validate", "data_checks", "supervised_train"),
        *("model_register", "deploy", "export_feedback", "check_triggers"),
        *("bench", "evaluation"),
    ]


def test_a_stage_that_is_off_or_not_asked_for_is_left_out(tmp_path: Path) -> None:
    text = (
        "mlops: {register: {model_name: x}}\n"
        "stages: {before: [{stage: bench, enabled: false}, {stage: report, enabled: true}]}\n"
    )
    assert names(tmp_path, text) == ["report", "supervised_train", "model_register"]


def test_names_and_options_are_the_recipes(tmp_path: Path) -> None:
    first, *_ = of(tmp_path, "stages: {before: [{stage: bench, name: mine, options: {alpha: 0.1}}]}\n")
    assert (first.name, first.module) == ("mine", "Crucible.Stage.Bench")
    assert first.options is not None and first.options.plain() == {"alpha": 0.1}
    assert (first.place.file, first.place.column) == ("r.yaml", 19)


def test_an_evaluation_after_the_run_is_no_stage(tmp_path: Path) -> None:
    for text in ("evaluation: {tasks: []}\n", "evaluation: {as: run, tasks: []}\n"):
        assert names(tmp_path, text) == ["supervised_train"]


def test_an_evaluation_stage_has_its_own_module_and_name(tmp_path: Path) -> None:
    *_, last = of(tmp_path, "evaluation: {as: stage, module: Acme.Eval, name: acme, tasks: []}\n")
    assert (last.name, last.module, last.stage) == ("acme", "Acme.Eval", None)


def test_what_validation_refuses_is_passed_over(tmp_path: Path) -> None:
    text = "stages: {before: [{stage: nothing}, {name: x}, 5, {stage: 7}], after: 5}\n"
    assert names(tmp_path, text) == ["supervised_train"]
    assert names(tmp_path, text, "unknown") == []

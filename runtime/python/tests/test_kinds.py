"""Recipe types are data: the schemas name them, one table says what a run must know, and each engine has a strategy."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from crucible_runtime.data.forms import FORMS
from crucible_runtime.engines import tinker, trl
from crucible_runtime.errors import PipelineError
from crucible_runtime.experiment import rules
from crucible_runtime.experiment.kinds import TYPES, kind, kind_of, trained_kind, with_rows
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig

PACKAGE = Path(__file__).parents[1] / "crucible_runtime"

EXPERIMENT = Experiment(
    id="e",
    backend=BackendRef(id="b"),
    pipeline=[StageDef(name="before", module="Acme.Before"), StageDef(name="t", module="CrucibleTrain.Stages.RLTrain")],
    training_config=TrainingConfig(
        id="e", model_ref=ModelRef(id="m", provider="huggingface"), dataset_ref=DatasetRef(name="d", provider="local")
    ),
)


def test_the_types_are_those_of_the_schemas() -> None:
    assert [*TYPES] == [*rules.training_stages().values()]
    assert TYPES.keys() == rules.options().keys()


@pytest.mark.parametrize("strategies", [trl.STRATEGIES, tinker.STRATEGIES])
def test_each_engine_has_a_strategy_for_each_type(strategies: dict[str, object]) -> None:
    assert strategies.keys() == TYPES.keys()


def test_each_type_has_a_known_form_of_rows() -> None:
    assert {type_.rows for type_ in TYPES.values()} == FORMS.keys()
    assert {with_rows(form) for form in FORMS} == TYPES.keys()


def test_an_experiment_is_of_the_type_of_its_training_stage() -> None:
    assert (kind(EXPERIMENT), trained_kind(EXPERIMENT)) == ("rl", "rl")
    assert kind_of("Acme.Before") is kind_of(None) is None
    untrained = replace(EXPERIMENT, pipeline=[])
    assert kind(untrained) is None
    with pytest.raises(PipelineError, match=r"^experiment e has no stage that trains$"):
        trained_kind(untrained)


@pytest.mark.parametrize("engine", [trl.TrlEngine(), tinker.TinkerEngine()])
def test_an_engine_refuses_a_type_that_it_has_no_strategy_for(
    engine: trl.TrlEngine | tinker.TinkerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = {**rules.training_stages(), "Acme.Pretrain": "pretraining"}
    monkeypatch.setattr(rules, "training_stages", lambda: stages)
    experiment = replace(EXPERIMENT, pipeline=[StageDef(name="p", module="Acme.Pretrain")])
    (sentence,) = engine.problems(experiment, RunConfig())
    assert "does not train recipes of type pretraining; it trains supervised, rl, preference, distillation" in sentence


STRATEGIES = {
    "experiment/kinds.py",
    "engines/tinker/builders.py",
    "engines/tinker/strategies",
    "engines/trl/distillation.py",
    "engines/trl/grpo.py",
    "engines/trl/preference.py",
    "engines/trl/strategies.py",
    "engines/trl/supervised.py",
}
"""What may name a recipe type: the table, and the strategies of the engines."""
FORM = {"data/adapters.py", "data/forms.py"}
"""Where `preference` is the form of a row."""


def test_nothing_but_the_table_and_the_strategies_names_a_type() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(tuple(STRATEGIES)):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & TYPES.keys()
        assert named <= ({"preference"} if name in FORM else set()), name

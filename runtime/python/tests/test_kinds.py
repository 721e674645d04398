"""Recipe types are data: the schemas say what a run must know of each, and each engine has a strategy for it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from crucible_runtime.data.forms import FORMS
from crucible_runtime.engines import mapping, tinker, trl
from crucible_runtime.errors import PipelineError
from crucible_runtime.experiment import rules
from crucible_runtime.experiment.kinds import kind, kind_of, trained_kind, types, with_rows
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig

PROMPT = "prompt_distillation"
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
    assert types().keys() == rules.options().keys()
    assert [*dict.fromkeys(rules.training_stages().values())] == [type_ for type_ in types() if type_ != PROMPT]


@pytest.mark.parametrize("strategies", [trl.STRATEGIES, tinker.STRATEGIES])
def test_each_engine_has_a_strategy_for_each_type(strategies: dict[str, object]) -> None:
    assert strategies.keys() == types().keys()


def test_each_type_has_a_known_form_of_rows() -> None:
    assert {type_.rows for type_ in types().values()} == FORMS.keys()
    assert {types()[with_rows(form)].rows for form in FORMS} == FORMS.keys()


def test_an_experiment_is_of_the_type_of_its_training_stage() -> None:
    assert (kind(EXPERIMENT), trained_kind(EXPERIMENT)) == ("rl", "rl")
    assert kind_of("Acme.Before") is kind_of(None) is None
    untrained = replace(EXPERIMENT, pipeline=[])
    assert kind(untrained) is None
    with pytest.raises(PipelineError, match=r"^experiment e has no stage that trains$"):
        trained_kind(untrained)


def distillation(**options: str) -> Experiment:
    """An experiment that nothing generated, whose stage distills."""
    assert EXPERIMENT.training_config is not None
    stage = StageDef(name="t", module="CrucibleTrain.Stages.Distillation")
    return replace(EXPERIMENT, pipeline=[stage], training_config=replace(EXPERIMENT.training_config, options=options))


def test_an_option_tells_prompt_distillation_from_on_policy_distillation() -> None:
    assert kind(distillation()) == kind(distillation(method="on_policy")) == "distillation"
    assert kind(distillation(method="prompt")) == PROMPT
    assert kind(replace(distillation(), training_config=None)) == "distillation"
    assert kind(replace(distillation(method="prompt"), pipeline=EXPERIMENT.pipeline)) == "rl"


@pytest.mark.parametrize("engine", [trl.TrlEngine(), tinker.TinkerEngine()])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "off_policy"}, 'method "off_policy": distillation has two methods, on_policy and prompt'),
        ({"method": "prompt", "group_size": "4"}, "knows no training_config.options.group_size in recipes of type"),
        ({"teacher_prompt": "{text}"}, "knows no training_config.options.teacher_prompt in recipes of type"),
    ],
)
def test_what_belongs_to_one_method_is_refused_in_the_other(
    engine: trl.TrlEngine | tinker.TinkerEngine, options: dict[str, str], sentence: str
) -> None:
    experiment = distillation(**options)
    table = mapping.load("trl" if isinstance(engine, trl.TrlEngine) else "tinker")
    assert experiment.training_config is not None
    found = table.problems(experiment.training_config, trained_kind(experiment))
    assert any(sentence in each for each in found), found
    assert any(sentence in each for each in engine.problems(experiment, RunConfig()))


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
    "engines/tinker/builders.py",
    "engines/tinker/strategies",
    "engines/trl/distillation.py",
    "engines/trl/grpo.py",
    "engines/trl/preference.py",
    "engines/trl/prompt_distillation.py",
    "engines/trl/strategies.py",
    "engines/trl/supervised.py",
}
"""What may name a recipe type: the strategies of the engines."""
FORM = {"data/adapters.py", "data/forms.py"}
"""Where `preference` is the form of a row."""


def test_nothing_but_the_strategies_names_a_type() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(tuple(STRATEGIES)):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & types().keys()
        assert named <= ({"preference"} if name in FORM else set()), name

"""The recipe type of an experiment, and what a run must know of each type besides its schemas.

Which stage trains which type is in the schemas (`rules.json`). How a type is trained is a strategy of each engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crucible_runtime.errors import PipelineError
from crucible_runtime.experiment import rules
from crucible_runtime.ir import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """The most that a smoke run of a recipe type keeps of the recipe.

    batch_size: rows of a batch
    learning_rate: the learning rate of every smoke run of the type
    options: upper bounds of numeric options, by name
    data: the name of the generated data set; empty where the environment decides
    model: the id of the generated model; empty where the environment decides
    """

    batch_size: int
    learning_rate: float
    options: Mapping[str, int]
    data: str = ""
    model: str = "tiny"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeType:
    """What a run must know of a recipe type.

    rows: the form of the rows that it trains on: conversation, preference, prompt or problem (see `data.forms`)
    rollouts: whether the model's own answers are trained on, so that batches are counted and not epochs
    environment: whether an environment (`options.env`) sets the problems and rewards the answers
    teacher: whether a teacher (`options.teacher_model`) judges the answers
    main_metric: the metric that says most of a training: its curve comes first in a report
    """

    rows: str
    rollouts: bool = False
    environment: bool = False
    teacher: bool = False
    main_metric: str = "loss"
    smoke: Smoke


_BATCHES = 20
_HELD_OUT: Mapping[str, int] = {"max_length": 512, "eval_every": 10, "infrequent_eval_every": 10, "test_size": 8}

TYPES: Mapping[str, RecipeType] = {
    "supervised": RecipeType(
        rows="conversation",
        smoke=Smoke(batch_size=8, learning_rate=5.0e-3, options=_HELD_OUT, data="tiny-chat"),
    ),
    "rl": RecipeType(
        rows="problem",
        rollouts=True,
        environment=True,
        main_metric="reward",
        smoke=Smoke(
            batch_size=4,
            learning_rate=4.0e-4,
            options={
                "eval_every": 10,
                "group_size": 8,
                "max_length": 1024,
                "max_steps": _BATCHES,
                "max_tokens": 48,
                "max_turns": 1,
                "num_substeps": 2,
                "test_size": 8,
            },
        ),
    ),
    "preference": RecipeType(
        rows="preference",
        smoke=Smoke(batch_size=8, learning_rate=2.0e-3, options=_HELD_OUT, data="tiny-preferences"),
    ),
    "distillation": RecipeType(
        rows="prompt",
        rollouts=True,
        teacher=True,
        smoke=Smoke(
            batch_size=4,
            learning_rate=1.0e-3,
            options={
                "eval_every": 10,
                "group_size": 2,
                "max_prompt_tokens": 256,
                "max_steps": _BATCHES,
                "max_tokens": 16,
                "num_substeps": 2,
            },
            data="tiny-questions",
            model="tiny-student",
        ),
    ),
}
"""The recipe types by name, in the order of the schema; a test compares them with it."""


def with_rows(form: str) -> str:
    """The recipe type that trains on rows of a form."""
    return next(name for name, type_ in TYPES.items() if type_.rows == form)


def kind_of(module: str | None) -> str | None:
    """The recipe type that a stage trains, by the stage's Elixir module; None for a stage that does not train."""
    return rules.training_stages().get(module or "")


def kind(experiment: Experiment) -> str | None:
    """The recipe type of an experiment, by its training stage; None where it trains nothing."""
    return next((found for stage in experiment.pipeline if (found := kind_of(stage.module))), None)


def trained_kind(experiment: Experiment) -> str:
    """The recipe type of an experiment for an engine; raises PipelineError where there is nothing to train."""
    found = kind(experiment)
    if found is None:
        raise PipelineError(f"experiment {experiment.id} has no stage that trains")
    return found

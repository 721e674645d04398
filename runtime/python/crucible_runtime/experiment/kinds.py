"""The kind of recipe that an experiment is of, and what a run must know of each kind.

A kind is a recipe type, or, where an option of the type decides how it is trained, what that option says: a recipe of
type distillation with `method: prompt` is of kind prompt_distillation. All of it is in the schemas (`rules.json`). How a
kind is trained is a strategy of each engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

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
    """What a run must know of a kind of recipe.

    rows: the form of the rows that it trains on: conversation, preference, prompt or problem (see `data.forms`)
    rollouts: whether the model's own answers are trained on, so that batches are counted and not epochs
    environment: whether an environment (`options.env`) sets the problems and rewards the answers
    teacher: whether a teacher (`options.teacher_model`) judges the answers
    taught: whether a teacher (`options.teacher_model`) writes the data before the training
    main_metric: the metric that says most of a training: its curve comes first in a report
    """

    rows: str
    rollouts: bool = False
    environment: bool = False
    teacher: bool = False
    taught: bool = False
    main_metric: str = "loss"
    smoke: Smoke


@cache
def types() -> Mapping[str, RecipeType]:
    """The kinds of recipes by name, in the order of the schema; read at the first call, so that `--help` starts quickly."""
    return {name: _recipe_type(said) for name, said in rules.recipe_types().items()}


def _recipe_type(said: Mapping[str, Any]) -> RecipeType:
    return RecipeType(**{**said, "smoke": Smoke(**said["smoke"])})


def with_rows(form: str) -> str:
    """A kind of recipe that trains on rows of a form."""
    return next(name for name, type_ in types().items() if type_.rows == form)


def kind_of(module: str | None) -> str | None:
    """The recipe type that a stage trains, by the stage's Elixir module; None for a stage that does not train."""
    return rules.training_stages().get(module or "")


def kind(experiment: Experiment) -> str | None:
    """The kind of recipe of an experiment, by its training stage and its options; None where it trains nothing."""
    type_ = next((found for stage in experiment.pipeline if (found := kind_of(stage.module))), None)
    training = experiment.training_config
    return type_ and rules.kind_of(type_, training.options if training is not None else None)


def trained_kind(experiment: Experiment) -> str:
    """The kind of recipe of an experiment for an engine; raises PipelineError where there is nothing to train."""
    found = kind(experiment)
    if found is None:
        raise PipelineError(f"experiment {experiment.id} has no stage that trains")
    return found

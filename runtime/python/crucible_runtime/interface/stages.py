"""The stage interface: what a stage and an engine receive, what they return, and what a run is configured with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from crucible_runtime.errors import DivergenceError, PipelineError
from crucible_runtime.evaluation import EvaluationResult
from crucible_runtime.experiment.kinds import kind_of
from crucible_runtime.ir import Experiment, StageDef, TrainingConfig
from crucible_runtime.ports import Ports

if TYPE_CHECKING:
    from crucible_runtime.rundir.folder import Folder
    from crucible_runtime.rundir.progress import Progress

_FINITE = re.compile(
    r"(?<![a-z])(loss|losses|nll|bpb|rewards?|advantages?|margins?|kl|grad|gradients?|entropy|logps?|lp)(?![a-z])"
)
"""Words in the names of what is measured of a training and must be finite at every step: one that is not ends the run.

An engine may write more around them: `eval_loss`, `env/all/reward/total`, `surrogate_loss:sum`.
"""
_SPREAD = re.compile(r"(?<![a-z])(std|stdev|variance)(?![a-z])")
"""Words of a spread, which a single value does not have."""
Options: TypeAlias = Mapping[str, Any]
"""What a stage receives: the options of its StageDef."""
Output: TypeAlias = Mapping[str, Any]
"""What a stage leaves behind: metrics, paths, identifiers."""


def must_be_finite(name: str) -> bool:
    """Whether a metric of this name says that a training has diverged where it is not finite."""
    lower = name.lower()
    return _FINITE.search(lower) is not None and _SPREAD.search(lower) is None


class Engine(Protocol):
    """What really trains: supplied by the caller, or found among the entry points `crucible_runtime.engines`.

    An engine may have more than `train`, and is asked where it has it:
    `problems(experiment, config) -> Sequence[str]`, what of the experiment it cannot honour, before anything is loaded;
    `plan(experiment, config) -> str`, what `--dry-run` shows of it;
    `sampler(context, model) -> SamplingClient`, which asks the model that a training stage left behind.
    """

    def train(self, context: Context, options: Options) -> Output:
        """Runs the training stage `context.stage`; its metrics."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What a run of any recipe takes; a recipe's own Config adds what stages of the user's need.

    ports: the adapters of the outside world; left out, each one says so when it is used
    training_config: fields of the training configuration to override, or a whole one to use instead
    engine: what trains, or the name of an installed engine; left out, trl
    adapters: what runs a stage, by the name of its Elixir module; goes before what is installed
    log_path: the directory of the run; left out, a new one below runs/
    resume: whether to go on with the run that is in the directory
    apply: whether deploying does it, and not only writes down how; "local" serves on this machine instead
    allow_unsandboxed: whether programs that a model wrote may run without a sandbox
    base_url: the server of an engine that trains on one; left out, the engine's own
    """

    ports: Ports | None = None
    training_config: Mapping[str, Any] | TrainingConfig = field(default_factory=dict)
    engine: Engine | str | None = None
    adapters: Mapping[str, StageFunction] = field(default_factory=dict)
    log_path: Path | str | None = None
    resume: bool = False
    apply: bool | Literal["local"] = False
    allow_unsandboxed: bool = False
    base_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """One finished stage: what it received and what it left behind."""

    name: str
    module: str | None
    options: Options
    output: Output
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a stage may look at besides its options: the experiment, its own place in it, and the stages before it.

    `engine` is the engine of the run, made once; None where the run trains nothing.
    """

    experiment: Experiment
    stage: StageDef
    config: RunConfig
    ports: Ports
    finished: tuple[StageResult, ...]
    folder: Folder
    progress: Progress | None = None
    engine: Engine | None = None

    def output(self, name: str) -> Output | None:
        """What the stage `name` left behind, or None where it has not run."""
        return next((stage.output for stage in self.finished if stage.name == name), None)

    @property
    def trained(self) -> Output:
        """What the training stage left behind; raises PipelineError where none has run."""
        for stage in self.finished:
            if kind_of(stage.module) is not None:
                return stage.output
        raise PipelineError(f"stage {self.stage.name} needs a trained model, and no training stage has run")

    def step(self, step: int, total: int | None, metrics: Mapping[str, float]) -> None:
        """Records a step of this stage: a row of metrics.jsonl, and where there is a terminal, its progress.

        `metrics` holds what was measured at `step` (counted from 1) of `total`: loss, reward, learning_rate ...
        Raises DivergenceError, after it has recorded the step, where one that `must_be_finite` is not.
        """
        self.folder.metric({"stage": self.stage.name, "step": step, **metrics})
        if self.progress is not None:
            self.progress.step(step, total, metrics)
        self.check_finite(step, metrics)

    def check_finite(self, step: int | None, metrics: Mapping[str, Any]) -> None:
        """Raises DivergenceError where one of `metrics` that `must_be_finite` is not."""
        for name, value in metrics.items():
            if isinstance(value, int | float) and not math.isfinite(value) and must_be_finite(name):
                raise self.diverged(f"{name} is {value}", step)

    def diverged(self, what: str, step: int | None) -> DivergenceError:
        """The error for a training that has diverged, with the rate of learning of the run."""
        training = self.experiment.training_config
        return DivergenceError(what, step, training.learning_rate if training is not None else None)


StageFunction: TypeAlias = Callable[[Context, Options], Output]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A whole run: the experiment, its stages in order, the evaluation where there was one, and the directory."""

    experiment: Experiment
    stages: tuple[StageResult, ...]
    evaluation: EvaluationResult | None
    path: Path | None = None


Hook: TypeAlias = Callable[[Context], None]
"""What a stage does at a later moment of the run."""
F = TypeVar("F", bound=StageFunction)
_AFTER_EVALUATION = "__crucible_after_evaluation__"


def after_evaluation(hook: Hook) -> Callable[[F], F]:
    """Has `hook` called with the context of the evaluation when it has ended, in every run that has the stage.

    A stage runs before the evaluation, so what it made may lack the answers of the evaluation.
    """

    def declared(stage: F) -> F:
        setattr(stage, _AFTER_EVALUATION, hook)
        return stage

    return declared


def hook_after_evaluation(stage: StageFunction) -> Hook | None:
    """What a stage function has declared with `after_evaluation`."""
    found: Hook | None = getattr(stage, _AFTER_EVALUATION, None)
    return found

"""An experiment and a configuration in, the record of a run out.

A generated `run` names its stages one by one, so that it reads as what it does; the pipeline holds it to the
experiment: every stage, in its order, each with exactly the options that the experiment gives it. The rule that
surprises: an exception from a stage never leaves as itself, it becomes a StageError that names the stage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, TypeAlias

from crucible_runtime.errors import PipelineError, StageError
from crucible_runtime.evaluation import Evaluation, EvaluationResult, evaluate
from crucible_runtime.ir import Experiment, StageDef, TrainingConfig
from crucible_runtime.ports import Ports

Options: TypeAlias = Mapping[str, Any]
"""What a stage receives: the options of its StageDef."""
Output: TypeAlias = Mapping[str, Any]
"""What a stage leaves behind: metrics, paths, identifiers."""


class Engine(Protocol):
    """What really trains: supplied by the caller, or found among the entry points `crucible_runtime.engines`."""

    def train(self, context: Context, options: Options) -> Output:
        """Runs the training stage `context.stage`; its metrics."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every recipe takes; a recipe's own Config adds the live values that its stages need.

    ports: the adapters of the outside world; left out, each one says so when it is used
    training_config: fields of the training configuration to override, or a whole one to use instead
    engine: what trains, or the name of an installed engine; left out, the one that is installed
    adapters: what runs a stage, by the name of its Elixir module; goes before what is installed
    """

    ports: Ports | None = None
    training_config: Mapping[str, Any] | TrainingConfig = field(default_factory=dict)
    engine: Engine | str | None = None
    adapters: Mapping[str, StageFunction] = field(default_factory=dict)


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
    """What a stage may look at besides its options: the experiment, its own place in it, and the stages before it."""

    experiment: Experiment
    stage: StageDef
    config: RunConfig
    ports: Ports
    finished: tuple[StageResult, ...]

    def output(self, name: str) -> Output | None:
        """What the stage `name` left behind, or None where it has not run."""
        return next((stage.output for stage in self.finished if stage.name == name), None)


StageFunction: TypeAlias = Callable[[Context, Options], Output]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A whole run: the experiment, its stages in order, and the evaluation where there was one."""

    experiment: Experiment
    stages: tuple[StageResult, ...]
    evaluation: EvaluationResult | None


class Pipeline:
    """The run of one experiment; made by `start`, used in a `with` block."""

    def __init__(self, experiment: Experiment, config: RunConfig) -> None:
        """Takes what `start` takes."""
        self._experiment = experiment
        self._config = config
        self._ports = config.ports if config.ports is not None else Ports()
        self._finished: list[StageResult] = []
        self._done = False

    def __enter__(self) -> Pipeline:
        """The pipeline itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the run; raises PipelineError where it ended well but without `finish`."""
        if kind is None and not self._done:
            raise PipelineError("the run ended without finish")

    def stage(self, name: str, function: StageFunction) -> Output:
        """Runs `function` as the experiment's next stage, which must be the stage `name`; its output.

        Raises PipelineError where the experiment says something else comes next, StageError where the stage fails.
        """
        stage = self._next(name)
        options = MappingProxyType(dict(stage.options) if isinstance(stage.options, Mapping) else {})
        context = Context(
            experiment=self._experiment,
            stage=stage,
            config=self._config,
            ports=self._ports,
            finished=tuple(self._finished),
        )
        begin = time.monotonic()
        try:
            output = function(context, options)
        except Exception as error:
            raise StageError(name, error) from error
        if not isinstance(output, Mapping):
            raise StageError(name, PipelineError(f"it returned a {type(output).__name__}, a stage returns a mapping"))
        seconds = time.monotonic() - begin
        self._finished.append(
            StageResult(name=name, module=stage.module, options=options, output=output, seconds=seconds)
        )
        return output

    def finish(self, evaluation: Evaluation | None = None) -> Result:
        """Evaluates, where there is something to evaluate; the record of the run.

        Raises PipelineError where a stage of the experiment was left out, StageError where the evaluation fails.
        """
        left = [stage.name for stage in self._experiment.pipeline[len(self._finished) :]]
        if left:
            raise PipelineError(f"the run left out {', '.join(left)}")
        self._done = True
        result = None
        if evaluation is not None and evaluation.tasks:
            try:
                result = evaluate(evaluation, self._ports.sampling_client, self._experiment.training_config)
            except Exception as error:
                raise StageError("evaluation", error) from error
        return Result(experiment=self._experiment, stages=tuple(self._finished), evaluation=result)

    def _next(self, name: str) -> StageDef:
        if self._done:
            raise PipelineError(f"stage {name} comes after finish")
        position = len(self._finished)
        names = [stage.name for stage in self._experiment.pipeline]
        if position < len(names) and names[position] == name:
            return self._experiment.pipeline[position]
        if name not in names:
            raise PipelineError(f"the experiment has no stage {name}: it has {', '.join(names)}")
        if name not in names[position:]:
            raise PipelineError(f"stage {name} has run already")
        raise PipelineError(f"stage {name} is out of order: {names[position]} comes next")


def start(experiment: Experiment, config: RunConfig | None = None) -> Pipeline:
    """The pipeline that runs `experiment` with what `config` supplies."""
    return Pipeline(experiment, config if config is not None else RunConfig())

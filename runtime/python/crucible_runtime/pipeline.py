"""An experiment and a configuration in, the record of a run out.

A generated `run` names its stages one by one, so that it reads as what it does; the pipeline holds it to the
experiment: every stage, in its order, each with exactly the options that the experiment gives it. The rule that
surprises: an exception from a stage never leaves as itself, it becomes a StageError that names the stage.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from crucible_runtime.errors import EngineMissingError, PipelineError, StageError, UnsupportedError
from crucible_runtime.evaluation import Evaluation, EvaluationResult
from crucible_runtime.ir import Experiment, StageDef, TrainingConfig
from crucible_runtime.ports import Ports

if TYPE_CHECKING:
    from crucible_runtime.folder import Folder
    from crucible_runtime.progress import Progress

Options: TypeAlias = Mapping[str, Any]
"""What a stage receives: the options of its StageDef."""
Output: TypeAlias = Mapping[str, Any]
"""What a stage leaves behind: metrics, paths, identifiers."""


TRAINING: Mapping[str, str] = {
    "CrucibleTrain.Stages.SupervisedTrain": "supervised",
    "CrucibleTrain.Stages.RLTrain": "rl",
    "CrucibleTrain.Stages.DPOTrain": "preference",
    "CrucibleTrain.Stages.Distillation": "distillation",
}
"""The training stages by module, and the type of the recipes that have them."""


def world() -> int:
    """How many processes train together, as torchrun and accelerate say it; 1 where nobody started several."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def is_main() -> bool:
    """Whether this process is the one that writes the run, prints, and runs the stages that do not train."""
    return int(os.environ.get("RANK") or 0) == 0


def kind(experiment: Experiment) -> str | None:
    """The type of the recipe that an experiment was made of, by its training stage; None where it trains nothing."""
    return next((found for stage in experiment.pipeline if (found := TRAINING.get(stage.module or ""))), None)


def trained_kind(experiment: Experiment) -> str:
    """The same for an engine; raises PipelineError where there is nothing to train."""
    found = kind(experiment)
    if found is None:
        raise PipelineError(f"experiment {experiment.id} has no stage that trains")
    return found


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
    """What every recipe takes; a recipe's own Config adds the live values that its stages need.

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
    """What a stage may look at besides its options: the experiment, its own place in it, and the stages before it."""

    experiment: Experiment
    stage: StageDef
    config: RunConfig
    ports: Ports
    finished: tuple[StageResult, ...]
    folder: Folder
    progress: Progress | None = None

    def output(self, name: str) -> Output | None:
        """What the stage `name` left behind, or None where it has not run."""
        return next((stage.output for stage in self.finished if stage.name == name), None)

    @property
    def trained(self) -> Output:
        """What the training stage left behind; raises PipelineError where none has run."""
        for stage in self.finished:
            if stage.module in TRAINING:
                return stage.output
        raise PipelineError(f"stage {self.stage.name} needs a trained model, and no training stage has run")

    def step(self, step: int, total: int | None, metrics: Mapping[str, float]) -> None:
        """Records a step of this stage: a row of metrics.jsonl, and where there is a terminal, its progress.

        `metrics` holds what was measured at `step` (counted from 1) of `total`: loss, reward, learning_rate ...
        """
        self.folder.metric({"stage": self.stage.name, "step": step, **metrics})
        if self.progress is not None:
            self.progress.step(step, total, metrics)


StageFunction: TypeAlias = Callable[[Context, Options], Output]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A whole run: the experiment, its stages in order, the evaluation where there was one, and the directory."""

    experiment: Experiment
    stages: tuple[StageResult, ...]
    evaluation: EvaluationResult | None
    path: Path | None = None


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
        """The pipeline itself, with its directory open.

        Raises EngineMissingError, UnsupportedError with everything that the engine cannot honour, InputError where the
        directory is not to be used for this run, FolderError where it cannot be written to.
        """
        from crucible_runtime.progress import Progress
        from crucible_runtime.running import opened

        self._engine = self._asked()
        self._folder = opened(self._experiment, self._config)
        self._recorded = self._folder.records() if self._folder.resumed else []
        self._progress = Progress() if self._folder.main else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the run, and writes down how; raises PipelineError where it ended well but without `finish`."""
        from crucible_runtime.running import ended

        unfinished = PipelineError("the run ended without finish") if kind is None and not self._done else None
        try:
            if (failure := error or unfinished) is not None:
                ended(self._folder, failure)
            if unfinished is not None:
                raise unfinished
        finally:
            self._folder.__exit__(kind, error, trace)

    def stage(self, name: str, function: StageFunction) -> Output:
        """Runs `function` as the experiment's next stage, which must be the stage `name`; its output.

        A stage that a resumed run has finished is not run again: its output is what it left behind then. Of several
        processes that train together the main one alone runs stages that do not train.

        Raises PipelineError where the experiment says something else comes next, StageError where the stage fails.
        """
        stage = self._next(name)
        options = MappingProxyType(dict(stage.options) if isinstance(stage.options, Mapping) else {})
        number = len(self._finished) + 1
        if number <= len(self._recorded):
            record = self._recorded[number - 1]
            output, seconds = record.output, record.seconds
        elif not self._folder.main and stage.module not in TRAINING:
            output, seconds = {}, 0.0
        else:
            output, seconds = self._run(number, name, stage.module, lambda: function(self._context(stage), options))
        self._finished.append(
            StageResult(name=name, module=stage.module, options=options, output=output, seconds=seconds)
        )
        return output

    def finish(self, evaluation: Evaluation | None = None) -> Result:
        """Evaluates, where there is something to evaluate; the record of the run.

        Raises PipelineError where a stage of the experiment was left out, StageError where the evaluation fails.
        """
        from crucible_runtime.running import finished

        left = [stage.name for stage in self._experiment.pipeline[len(self._finished) :]]
        if left:
            raise PipelineError(f"the run left out {', '.join(left)}")
        self._done = True
        result = None
        if evaluation is not None and evaluation.tasks and self._folder.main:
            result = self._evaluated(evaluation)
        finished(self._folder)
        return Result(
            experiment=self._experiment, stages=tuple(self._finished), evaluation=result, path=self._folder.path
        )

    def _run(self, number: int, name: str, module: str | None, work: Callable[[], Output]) -> tuple[Output, float]:
        """Runs one stage at its place; its output, which from then on is written down, and its seconds."""
        if module not in TRAINING:
            self._folder.rewind(-1)
        self._folder.log(f"stage {name} begins")
        if self._progress is not None:
            self._progress.begin(name)
        begin = time.monotonic()
        word = "failed"
        try:
            output = _without_exit(work)
            if not isinstance(output, Mapping):
                raise PipelineError(f"it returned a {type(output).__name__}, a stage returns a mapping")
            seconds = round(time.monotonic() - begin, 3)
            self._folder.record(number, name, module, output, seconds)
            word = ""
        except Exception as error:
            raise StageError(name, error) from error
        except KeyboardInterrupt:
            word = "interrupted"
            raise
        finally:
            if self._progress is not None:
                self._progress.end(word)
        self._folder.log(f"stage {name} has finished")
        return output, seconds

    def _evaluated(self, evaluation: Evaluation) -> EvaluationResult:
        from crucible_runtime import running

        number = len(self._finished) + 1
        if number <= len(self._recorded):
            return running.read_evaluation(self._recorded[number - 1].output)
        stage = StageDef(name=running.EVALUATION)
        found: list[EvaluationResult] = []

        def work() -> Output:
            found.append(running.evaluated(evaluation, self._context(stage), self._engine))
            return running.written_evaluation(found[0])

        self._run(number, stage.name, None, work)
        return found[0]

    def _context(self, stage: StageDef) -> Context:
        return Context(
            experiment=self._experiment,
            stage=stage,
            config=self._config,
            ports=self._ports,
            finished=tuple(self._finished),
            folder=self._folder,
            progress=self._progress,
        )

    def _asked(self) -> Engine | None:
        """The engine, where something is to be trained, after it was asked whether it can."""
        if kind(self._experiment) is None:
            return None
        from crucible_runtime.installed import missing
        from crucible_runtime.running import engine_name
        from crucible_runtime.stages import engine

        found = engine(self._config.engine)
        if absent := missing(f"engine {engine_name(self._config)}", found):
            raise EngineMissingError(absent)
        problems = getattr(found, "problems", None)
        if problems is not None and (unsupported := problems(self._experiment, self._config)):
            raise UnsupportedError(unsupported)
        return found

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


def _without_exit(work: Callable[[], Output]) -> Output:
    """What `work` returns; a library that would end the process has failed."""
    try:
        return work()
    except SystemExit as stop:
        raise PipelineError(f"it tried to end the process: {stop}") from stop


def start(experiment: Experiment, config: RunConfig | None = None) -> Pipeline:
    """The pipeline that runs `experiment` with what `config` supplies."""
    return Pipeline(experiment, config if config is not None else RunConfig())

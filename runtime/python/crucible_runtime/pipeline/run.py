"""The run of one experiment, stage by stage.

A generated `run` names its stages one by one, so that it reads as what it does; the pipeline holds it to the
experiment: every stage, in its order, each with exactly the options that the experiment gives it. An exception from a
stage never leaves as itself: it becomes a StageError that names the stage.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

from crucible_runtime import plugins
from crucible_runtime.data import observed
from crucible_runtime.errors import DivergenceError, PipelineError, StageError
from crucible_runtime.evaluation import Evaluation, EvaluationResult
from crucible_runtime.experiment.kinds import kind_of
from crucible_runtime.experiment.override import Adjusted
from crucible_runtime.interface import leftout
from crucible_runtime.interface.stages import Context, Output, Result, RunConfig, StageFunction, StageResult
from crucible_runtime.ir import Experiment, StageDef
from crucible_runtime.pipeline import conclusion, record, weights
from crucible_runtime.pipeline.evaluation import evaluated, read_evaluation, written_evaluation
from crucible_runtime.ports import Ports
from crucible_runtime.preflight import Report, examine, inquiry
from crucible_runtime.rundir.folder import EVALUATION, Folder
from crucible_runtime.rundir.progress import Progress
from crucible_runtime.secrets import disclose


class Pipeline:
    """The run of one experiment; made by `start`, used in a `with` block."""

    def __init__(self, experiment: Experiment, config: RunConfig, evaluation: Evaluation | None = None) -> None:
        """Takes what `start` takes, and what is asked after the run where that is known before."""
        disclose(experiment, supplied=config)
        self._experiment = experiment
        self._config = config
        self._evaluation = evaluation
        self._ports = config.ports if config.ports is not None else Ports()
        self._finished: list[StageResult] = []
        self._done = False

    def __enter__(self) -> Pipeline:
        """The pipeline itself, with its directory open.

        Raises what `prepared` raises, InputError where the directory is not to be used for this run, FolderError where
        it cannot be written to.
        """
        report = prepared(self._experiment, self._config, self._evaluation)
        self._engine = report.engine
        self._folder = _opened(self._experiment, self._config)
        if unchecked := report.unchecked():
            self._folder.log(f"not checked before the run:\n{unchecked.rstrip()}")
        self._recorded = self._folder.records() if self._folder.resumed else []
        self._progress = Progress() if self._folder.main else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the run, and writes down how; raises PipelineError where it ended well but without `finish`."""
        unfinished = PipelineError("the run ended without finish") if kind is None and not self._done else None
        try:
            if (failure := error or unfinished) is not None:
                conclusion.ended(self._folder, failure)
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
            before = self._recorded[number - 1]
            output, seconds = before.output, before.seconds
        elif not self._folder.main and kind_of(stage.module) is None:
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
        left = [stage.name for stage in self._experiment.pipeline[len(self._finished) :]]
        if left:
            raise PipelineError(f"the run left out {', '.join(left)}")
        self._done = True
        result = None
        if evaluation is not None and evaluation.tasks and self._folder.main:
            result = self._evaluated(evaluation)
        conclusion.finished(self._folder)
        return Result(
            experiment=self._experiment, stages=tuple(self._finished), evaluation=result, path=self._folder.path
        )

    def _run(self, number: int, name: str, module: str | None, work: Callable[[], Output]) -> tuple[Output, float]:
        """Runs one stage at its place; its output, which from then on is written down, and its seconds."""
        trains = kind_of(module) is not None
        if not trains:
            self._folder.rewind(-1)
        self._folder.log(f"stage {name} begins")
        if self._progress is not None:
            self._progress.begin(name)
        begin = time.monotonic()
        word = "failed"
        try:
            with (
                leftout.heard(lambda told: self._left_out(name, told)),
                observed(self._folder, name, same=trains),
            ):
                output = _without_exit(work)
            if not isinstance(output, Mapping):
                raise PipelineError(f"it returned a {type(output).__name__}, a stage returns a mapping")
            if trains:
                _check_finite(output, self._experiment, self._folder)
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

    def _left_out(self, stage: str, told: leftout.LeftOut) -> None:
        """Keeps what is left out of a stage's data, and shows it; raises InputError where that is too much."""
        self._folder.note(stage, str(told))
        if self._progress is not None:
            self._progress.note(f"{stage}: {told}")
        leftout.check_share(told, self._experiment.training_config)

    def _evaluated(self, evaluation: Evaluation) -> EvaluationResult:
        number = len(self._finished) + 1
        if number <= len(self._recorded):
            return read_evaluation(self._recorded[number - 1].output)
        stage = StageDef(name=EVALUATION)
        hooks = plugins.hooks_after_evaluation(self._experiment, self._config)
        found: list[EvaluationResult] = []

        def work() -> Output:
            found.append(evaluated(evaluation, self._context(stage), hooks))
            return written_evaluation(found[0])

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
            engine=self._engine,
        )

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


def prepared(experiment: Experiment, config: RunConfig, evaluation: Evaluation | None = None) -> Report:
    """What all parts of a run say of it, and its engine, made once. Everything is asked before anything is loaded.

    Raises InputError for overrides that the recipe has no use for; EngineMissingError and AdapterMissingError for an
    engine or a stage that lacks a package on this machine; UnsupportedError with everything that the engine cannot
    honour; PreflightError for everything else that keeps the run from its end.
    """
    if isinstance(config.training_config, Adjusted):
        config.training_config.check_used()
    report = examine(inquiry(experiment, config, evaluation, begins=True))
    report.raise_problems()
    return report


def _opened(experiment: Experiment, config: RunConfig) -> Folder:
    """The directory of a run that begins or is resumed, with experiment, configuration and environment in it."""
    folder = Folder.open(config.log_path, name=experiment.id, resume=config.resume)
    try:
        if folder.main:
            record.begin(folder, experiment, config)
    except BaseException:
        folder.__exit__(None, None, None)
        raise
    return folder


def _check_finite(output: Output, experiment: Experiment, folder: Folder) -> None:
    """Raises DivergenceError where a training stage, of whatever engine, leaves a metric or weight that is not finite."""
    rate = experiment.training_config.learning_rate if experiment.training_config is not None else None
    measured = output.get("metrics")
    for name, value in {**output, **(measured if isinstance(measured, Mapping) else {})}.items():
        if isinstance(value, int | float) and not math.isfinite(value):
            raise DivergenceError(f"{name} is {value}", None, rate)
    model = output.get("model")
    path = Path(folder.resolve(model)) if isinstance(model, str) and "://" not in model else None
    if folder.main and path is not None and (where := weights.not_finite(path)) is not None:
        raise DivergenceError(f"a weight is not finite, in {where}", None, rate)


def _without_exit(work: Callable[[], Output]) -> Output:
    """What `work` returns; a library that would end the process has failed."""
    try:
        return work()
    except SystemExit as stop:
        raise PipelineError(f"it tried to end the process: {stop}") from stop

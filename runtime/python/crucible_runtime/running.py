"""A run's beginning and its end: what is written down so that it can be looked at, gone on with and compared.

Live values, secrets and places of this machine are in none of it. The rule that surprises: a run that is resumed must
be the same experiment, but where it lies, which processes it has, and what is installed may have changed.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from crucible_runtime.canonical import canonical, plain, pretty
from crucible_runtime.errors import CanonicalError, CrucibleError, FolderError, InputError, StageError
from crucible_runtime.evaluation import Answer, Evaluation, EvaluationResult, Score, messages
from crucible_runtime.folder import CONFIG, ENVIRONMENT, EXPERIMENT, REPORT, RESULT, Folder
from crucible_runtime.secret import scrub

if TYPE_CHECKING:
    from crucible_runtime.ir import Experiment, StageDef
    from crucible_runtime.pipeline import Context, Engine, Output, RunConfig

EVALUATION = "evaluation"
"""The name under which the evaluation stands after the stages."""
_TEXTUAL = (str, int, float, bool)
_MOST = 10


def opened(experiment: Experiment, config: RunConfig) -> Folder:
    """The directory of a run that begins or goes on, with experiment, configuration and environment in it.

    Raises InputError where it is not to be used for this run, FolderError where it cannot be written to.
    """
    folder = Folder.open(config.log_path, name=experiment.id, resume=config.resume)
    try:
        if folder.main:
            _written_down(folder, experiment, config)
    except BaseException:
        folder.__exit__(None, None, None)
        raise
    return folder


def finished(folder: Folder) -> None:
    """Writes result and report of a run that ended well."""
    if folder.main:
        folder.log("the run has finished")
        _concluded(folder, state="finished")


def ended(folder: Folder, error: BaseException) -> None:
    """Writes result and report of a run that did not end well, and tells with `error` how to go on."""
    if not folder.main:
        return
    interrupted = isinstance(error, KeyboardInterrupt)
    stage = error.stage if isinstance(error, StageError) else None
    message = None if interrupted else str(error) or type(error).__name__
    error.add_note(f"what is done is kept in {folder.shown}; go on with --resume --log-path {folder.shown}")
    try:
        _concluded(folder, state="interrupted" if interrupted else "failed", error=message, stage=stage)
        folder.log("interrupted" if interrupted else _trace(error))
    except FolderError as failure:
        error.add_note(f"not all of that could be written down: {failure}")


def evaluated(evaluation: Evaluation, context: Context, engine: Engine | None) -> EvaluationResult:
    """Asks the caller's client, or else the trained model through its engine; the scores."""
    from crucible_runtime.evals import evaluate
    from crucible_runtime.ports import NoopSamplingClient

    client = context.ports.sampling_client
    sampler = getattr(engine, "sampler", None)
    with context.folder.captured():
        if isinstance(client, NoopSamplingClient) and sampler is not None:
            model = context.trained.get("model")
            if not isinstance(model, str):
                raise CrucibleError("the training stage left no model that could be asked")
            client = sampler(context, model)
        result = evaluate(evaluation, client, context.experiment.training_config, context.folder)
    for row in _answers(result):
        context.folder.sample(row)
    if context.folder.main:
        from crucible_runtime.mlops.feedback import follow

        follow(context.folder)  # what was exported before holds these answers too
    return result


def written_evaluation(result: EvaluationResult) -> Output:
    """The scores as the output of a stage."""
    return asdict(result)


def read_evaluation(output: Output) -> EvaluationResult:
    """The scores that `written_evaluation` wrote."""
    scores = [
        Score(**{**score, "answers": [Answer(**answer) for answer in score["answers"]]}) for score in output["scores"]
    ]
    return EvaluationResult(name=output["name"], scores=scores)


def recorded(experiment: Experiment, config: RunConfig) -> str:
    """The experiment as canonical JSON for a reader, with null in place of what only this run has."""
    supplied = {field.name for field in fields(config)} - {"training_config"}

    def option(name: str, value: Any) -> Any:
        if name == "log_path" or (name in supplied and not isinstance(value, _TEXTUAL)):
            return None
        return _kept(value)

    def stage(each: StageDef) -> StageDef:
        if isinstance(each.options, Mapping):
            return replace(each, options={name: option(name, value) for name, value in each.options.items()})
        return replace(each, options=_kept(each.options))

    return pretty(replace(experiment, pipeline=[stage(each) for each in experiment.pipeline]))


def engine_name(config: RunConfig) -> str:
    """What a record calls the engine of a configuration."""
    from crucible_runtime.stages import DEFAULT

    if config.engine is None:
        return DEFAULT
    return config.engine if isinstance(config.engine, str) else type(config.engine).__name__


def _written_down(folder: Folder, experiment: Experiment, config: RunConfig) -> None:
    from crucible_runtime.installed import environment

    text, around = scrub(recorded(experiment, config)), environment()
    if folder.started:
        _compare(folder, text, config)
        before, now = (each.get("packages", {}) for each in (folder.read(ENVIRONMENT) or {}, around))
        changed = [
            f"{name} {before.get(name)} -> {now.get(name)}"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name)
        ]
        folder.log("the run goes on" + (f"; packages changed: {', '.join(changed)}" if changed else ""))
    else:
        folder.write(CONFIG, pretty(_settings(experiment, config)))
        folder.log("the run begins")
    folder.write(ENVIRONMENT, json.dumps(around, indent=2) + "\n")
    if not folder.started:
        folder.write(EXPERIMENT, text)


def _settings(experiment: Experiment, config: RunConfig) -> dict[str, Any]:
    """What was configured, less where the run lies and whether it goes on: no part of what it computes."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    textual = {name: value for name, value in values.items() if isinstance(value, _TEXTUAL)}
    for name in ("log_path", "resume"):
        textual.pop(name, None)
    return textual | {"engine": engine_name(config), "training_config": _kept(experiment.training_config)}


def _compare(folder: Folder, text: str, config: RunConfig) -> None:
    """Raises InputError, which names the fields, where the run in the directory is of another experiment."""
    found = list(_differences(folder.read(EXPERIMENT), json.loads(text)))
    # A stage's options repeat the training configuration.
    found = [each for each in found if each[0].startswith("training_config")] or found
    engine = (folder.read(CONFIG) or {}).get("engine")
    if engine != engine_name(config):
        found.append(("engine", engine, engine_name(config)))
    if found:
        lines = [f"{path} was {canonical(old)}, and is {canonical(new)} now" for path, old, new in found[:_MOST]]
        if len(found) > _MOST:
            lines.append(f"and {len(found) - _MOST} more fields differ")
        head = f"the run in {folder.shown} is of another experiment: resume it with what it was begun with"
        raise InputError("\n".join([head, *lines]))


def _differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif old != new:
        yield path, old, new


def _concluded(folder: Folder, *, state: str, error: str | None = None, stage: str | None = None) -> None:
    from crucible_runtime import report, runs

    run = runs.read(folder.path, {"state": state, "error": error, "stage": stage})
    folder.write(RESULT, runs.result(run))
    folder.write(REPORT, report.page(run))


def _trace(error: BaseException) -> str:
    """Where the error comes from: of a stage, what the stage raised."""
    cause = error.__cause__ if isinstance(error, StageError) and error.__cause__ is not None else error
    known = isinstance(cause, CrucibleError)
    return str(error) if known else "".join(traceback.format_exception(cause)).rstrip()


def _answers(result: EvaluationResult) -> Iterator[dict[str, Any]]:
    step = 0
    for score in result.scores:
        for answer in score.answers:
            step += 1
            yield {
                "stage": EVALUATION,
                "step": step,
                "task": score.task,
                "id": answer.id,
                "prompt": messages(answer),
                "completion": answer.output,
                "target": answer.target,
                "reward": answer.score,
                "error": answer.error,
            }


def _kept(value: Any) -> Any:
    """The value, or None for one that JSON cannot hold: it is live."""
    try:
        plain(value)
    except CanonicalError:
        return None
    return value

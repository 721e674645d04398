"""What a terminal shows of an experiment, and of a finished run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crucible_runtime.errors import CanonicalError
from crucible_runtime.evaluation import COMPARES, Evaluation, Task
from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.interface.stages import Result
from crucible_runtime.ir import DatasetRef, Experiment, TrainingConfig
from crucible_runtime.quoting import one_line, printable

_INDENT = "  "


def plan(experiment: Experiment, evaluation: Evaluation | None) -> str:
    """What a run would do: the training numbers, the stages in order with their options, the evaluation."""
    blocks = [_head(experiment)]
    if experiment.training_config is not None:
        blocks.append(["Training", *_table(_training(experiment.training_config), 1)])
    blocks.append(["Stages", *_stages(experiment)])
    if evaluation is not None:
        blocks.append(["Evaluation", *_evaluation(evaluation)])
    return printable("\n\n".join("\n".join(block) for block in blocks) + "\n")


def summary(result: Result) -> str:
    """What a run did: its stages with their times and outputs, and the scores."""
    count = len(result.stages)
    lines = [f"{result.experiment.id}: {count} stage{'' if count == 1 else 's'} done"]
    for stage in result.stages:
        lines.append(f"{_INDENT}{stage.name} in {stage.seconds:.1f} s")
        lines += _table(stage.output, 2)
    if result.evaluation is not None:
        lines.append(f"{_INDENT}{result.evaluation.name}")
        for score in result.evaluation.scores:
            lines.append(
                f"{_INDENT * 2}{score.task}: {score.correct} of {score.total} ({score.scorer}: {COMPARES[score.scorer]})"
            )
    if result.path is not None:
        from crucible_runtime.rundir.folder import REPORT, Folder, shown

        notes = Folder(result.path, resumed=False, main=False).notes()
        lines += [f"{_INDENT}{note['stage']}: {note['text']}" for note in notes]
        lines.append(f"{_INDENT}report: {shown(result.path / REPORT)}")
    return printable("\n".join(lines) + "\n")


def _head(experiment: Experiment) -> list[str]:
    title = f"{experiment.id}: {one_line(experiment.description)}" if experiment.description else str(experiment.id)
    return [title, f"Backend {experiment.backend.id}; nothing runs, this is the plan."]


def _training(config: TrainingConfig) -> dict[str, Any]:
    model, dataset = config.model_ref, config.dataset_ref
    return {
        "model": f"{model.id} ({model.provider})",
        "dataset": _dataset(dataset),
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
        "optimizer": config.optimizer,
        "loss_function": config.loss_function,
        **{
            name: value
            for name in ("validation_split", "seed", "gradient_clipping", "early_stopping", "checkpoint_every")
            if (value := getattr(config, name)) is not None
        },
        "device": config.device,
        **(config.options or {}),
    }


def _dataset(dataset: DatasetRef) -> str:
    return f"{dataset.name} ({dataset.provider}, {dataset.split})"


def _stages(experiment: Experiment) -> Iterator[str]:
    for number, stage in enumerate(experiment.pipeline, 1):
        yield f"{_INDENT}{number}. {stage.name}" + (f"  {stage.module}" if stage.module else "")
        if isinstance(stage.options, Mapping):
            yield from _table(stage.options, 3)


def _evaluation(evaluation: Evaluation) -> Iterator[str]:
    sampling: dict[str, Any] = {"temperature": evaluation.temperature, "max_tokens": evaluation.max_tokens}
    if evaluation.stop:
        sampling["stop"] = evaluation.stop
    yield from _table(sampling, 1)
    for task in evaluation.tasks:
        yield f"{_INDENT}{task.name}: {_questions(task)}, {task.scorer}: {COMPARES[task.scorer]}"


def _questions(task: Task) -> str:
    if task.dataset is not None:
        return f"{_dataset(task.dataset)}, " + (f"at most {task.limit} samples" if task.limit else "all samples")
    return f"{len(task.samples)} sample{'' if len(task.samples) == 1 else 's'}"


def _table(values: Mapping[str, Any], depth: int) -> list[str]:
    width = max(map(len, values), default=0)
    return [f"{_INDENT * depth}{name:<{width}}  {_shown(value)}" for name, value in values.items()]


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case TrainingConfig():
            return "as above"
        case str() if value.isprintable():
            return value
    try:
        return canonical(value)
    except CanonicalError:
        return f"a {type(value).__name__}"

"""Looks before a run whether its evaluation can be made: data sets, and targets that say something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from crucible_runtime.data.checks import LARGEST
from crucible_runtime.errors import CrucibleError
from crucible_runtime.evals.loop import loaded
from crucible_runtime.evals.scorers import meaningless
from crucible_runtime.evaluation import Evaluation, Task
from crucible_runtime.installation import project
from crucible_runtime.interface.preflight import Finding, Inquiry, problem, unchecked


def tasks(inquiry: Inquiry) -> Iterator[Finding]:
    """The questions of every task, and their right answers."""
    evaluation = inquiry.evaluation
    for task in evaluation.tasks if evaluation is not None else ():
        yield from _task(task, inquiry)


def _task(task: Task, inquiry: Inquiry) -> Iterator[Finding]:
    ref, training = task.dataset, inquiry.experiment.training_config
    if ref is not None:
        path = project.located(ref.name)
        if ref.provider == "huggingface" or (ref.provider == "crucible_datasets" and not path.is_file()):
            yield unchecked(
                f"data set {ref.name} of task {task.name} is on the hub: it is read when the model is asked"
            )
            return
        if path.is_file() and path.stat().st_size > LARGEST:
            yield unchecked(f"data set {ref.name} of task {task.name} is large: it is read when the model is asked")
            return
    try:
        found = loaded(Evaluation(tasks=[replace(task, limit=min(task.limit or 20, 20))]), training)
    except CrucibleError as error:
        yield problem(f"task {task.name}: {error}")
        return
    for _, samples in found:
        for sample in samples:
            if why := meaningless(task.scorer, sample.target):
                yield problem(f"task {task.name}, sample {sample.id}: {why}")

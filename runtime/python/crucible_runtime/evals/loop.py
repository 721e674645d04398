"""The plain evaluation loop: every sample of every task is asked in order.

The numbers are those of `TinkexCookbook.Eval.Runner`, with one difference on purpose: a sample that failed scores 0,
even where an empty answer would have been right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from crucible_runtime import smoke
from crucible_runtime.data import rows
from crucible_runtime.errors import CrucibleError
from crucible_runtime.evals.scorers import SCORERS, clean
from crucible_runtime.evaluation import Answer, Evaluation, EvaluationResult, Sample, Score, Task, final, messages
from crucible_runtime.experiment.kinds import with_rows
from crucible_runtime.ir import DatasetRef, TrainingConfig
from crucible_runtime.ports import Message, SamplingClient, Session
from crucible_runtime.secrets import scrub


def evaluate(evaluation: Evaluation, client: SamplingClient, config: Any = None) -> EvaluationResult:
    """Asks `client` every sample of every task, in a session for `config`; the scores.

    Raises what the client raises where no session starts, InputError where the data set of a task cannot be used, and
    CrucibleError for a task without samples or where every sample failed. A single sample that fails is an Answer with
    an error.
    """
    tasks = loaded(evaluation, config)
    session = client.start_session(config)
    try:
        scores = [
            scored(task, [answered(each, task, *ask(messages(each), evaluation, client, session)) for each in samples])
            for task, samples in tasks
        ]
        return EvaluationResult(name=evaluation.name, scores=scores)
    finally:
        client.close_session(session)


def loaded(evaluation: Evaluation, config: Any = None) -> list[tuple[Task, Sequence[Sample]]]:
    """Every task with its samples, those of a data set read; raises InputError, and CrucibleError where there are none.

    A smoke run, which a model made on the spot gives away, asks the tiny questions instead of a hub's.
    """
    tasks = [(task, task.samples or _rows(task, config)) for task in evaluation.tasks]
    for task, samples in tasks:
        if not samples:
            raise CrucibleError(f"task {task.name} has no samples and names no data set")
    return tasks


def _rows(task: Task, config: Any) -> Sequence[Sample]:
    if task.dataset is None:
        return ()
    dataset, adapter = task.dataset, None
    toy = isinstance(config, TrainingConfig) and config.model_ref.provider == smoke.PROVIDER
    if toy and dataset.provider not in ("local", "inline"):
        dataset = DatasetRef(name="tiny-gsm8k", provider=smoke.PROVIDER)
    elif task.input_column is not None and task.target_column is not None:
        adapter = "question_answer"
        columns = {"question": task.input_column, "answer": task.target_column}
        dataset = replace(dataset, options={**(dataset.options or {}), "columns": columns})
    found = rows(dataset, adapter=adapter, kind=with_rows("problem"), limit=task.limit)
    return [
        Sample(id=str(number), input=row["problem"], target=final(row["answer"])) for number, row in enumerate(found, 1)
    ]


def ask(
    said: Sequence[Message], evaluation: Evaluation, client: SamplingClient, session: Session
) -> tuple[str, str | None]:
    """The model's answer to a conversation, and None; or no answer, and why there is none."""
    params = {
        "temperature": evaluation.temperature,
        "max_tokens": evaluation.max_tokens,
        "stop": list(evaluation.stop),
    }
    try:
        response = client.await_(client.sample(session, said, params))
        return clean(str(response["sequences"][0]["text"] or "")), None
    except Exception as failure:  # noqa: BLE001 - whatever an adapter raises belongs to this one sample
        return "", scrub(f"{type(failure).__name__}: {failure}")


def answered(sample: Sample, task: Task, output: str, error: str | None) -> Answer:
    """An answer with its score, which is 0 where there is none."""
    score = 0.0 if error is not None else SCORERS[task.scorer](output, sample.target)
    return Answer(
        id=sample.id,
        input=sample.input,
        target=sample.target,
        output=output,
        score=score,
        error=error,
        system_prompt=sample.system_prompt,
    )


def scored(task: Task, answers: Sequence[Answer]) -> Score:
    """The answers to a task and what they add up to; raises CrucibleError where every sample failed."""
    if all(answer.error is not None for answer in answers):
        raise CrucibleError(f"task {task.name}: every sample failed, the first with: {answers[0].error}")
    correct = sum(answer.score == 1.0 for answer in answers)
    return Score(
        task=task.name,
        scorer=task.scorer,
        answers=answers,
        accuracy=correct / len(answers),
        correct=correct,
        total=len(answers),
    )

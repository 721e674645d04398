"""What is asked of a model after its training, and how the answers are scored.

The scorers and the numbers are those of `TinkexCookbook.Eval.Runner`, character for character: its `String.trim/1` and
`String.downcase/1` are not Python's `strip` and `lower`. One thing differs on purpose: a sample that failed scores 0,
even where an empty answer would have been right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from crucible_runtime.errors import CrucibleError
from crucible_runtime.ir import DatasetRef, TrainingConfig
from crucible_runtime.ports import Message, SamplingClient, Session
from crucible_runtime.secret import scrub

ScorerName: TypeAlias = Literal["exact_match", "contains", "case_insensitive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question and the answer that is wanted."""

    id: str
    input: str
    target: str
    system_prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Questions that are scored together: written here, or the rows of a data set."""

    name: str
    scorer: ScorerName = "exact_match"
    samples: Sequence[Sample] = ()
    dataset: DatasetRef | None = None
    input_column: str | None = None
    target_column: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Tasks and how the model is sampled for all of them."""

    name: str = "evaluation"
    tasks: Sequence[Task]
    temperature: float = 0.7
    max_tokens: int = 1024
    stop: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model said to one sample, and its score; `error` is why there is no answer."""

    id: str
    input: str
    target: str
    output: str
    score: float
    error: str | None = None
    system_prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The answers to one task and what they add up to."""

    task: str
    scorer: ScorerName
    answers: Sequence[Answer]
    accuracy: float
    correct: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """The score of every task, in order."""

    name: str
    scores: Sequence[Score]


# Unicode's White_Space, which is what Elixir trims; Python's own set has U+001C to U+001F as well.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


# What the runner cuts off an answer: each of these at most once, in this order, at the end.
_STOP_TOKENS = tuple(re.compile(re.escape(token) + "$") for token in ("<|eot_id|>", "<|end_of_text|>", "<|im_end|>"))


def exact_match(output: str, target: str) -> float:
    """1.0 where output and target are equal without the white space around them, else 0.0."""
    return float(output.strip(_SPACE) == target.strip(_SPACE))


def contains(output: str, target: str) -> float:
    """1.0 where the output has the target in it as it stands, white space and all, else 0.0."""
    return float(target in output)


def case_insensitive(output: str, target: str) -> float:
    """1.0 where output and target are equal in lower case, without the white space around them, else 0.0."""
    return float(_lower(output.strip(_SPACE)) == _lower(target.strip(_SPACE)))


def _lower(text: str) -> str:
    """Lower case letter by letter: `str.lower` on a whole text turns a sigma at a word's end into another letter."""
    return text.lower() if text.isascii() else "".join(map(str.lower, text))


SCORERS: Mapping[ScorerName, Callable[[str, str], float]] = MappingProxyType(
    {"exact_match": exact_match, "contains": contains, "case_insensitive": case_insensitive}
)


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
    from crucible_runtime.data import rows

    dataset, adapter = task.dataset, None
    toy = isinstance(config, TrainingConfig) and config.model_ref.provider == "generated"
    if toy and dataset.provider not in ("local", "inline"):
        dataset = DatasetRef(name="tiny-gsm8k", provider="generated")
    elif task.input_column is not None and task.target_column is not None:
        adapter = "question_answer"
        columns = {"question": task.input_column, "answer": task.target_column}
        dataset = replace(dataset, options={**(dataset.options or {}), "columns": columns})
    found = rows(dataset, adapter=adapter, kind="rl", limit=task.limit)
    return [Sample(id=str(number), input=row["problem"], target=row["answer"]) for number, row in enumerate(found, 1)]


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
        return _clean(str(response["sequences"][0]["text"] or "")), None
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


def messages(sample: Sample | Answer) -> list[Message]:
    """The conversation that asks a sample, or that was answered."""
    system = [] if sample.system_prompt is None else [{"role": "system", "content": sample.system_prompt}]
    return [*system, {"role": "user", "content": sample.input}]


def _clean(text: str) -> str:
    for token in _STOP_TOKENS:
        text = token.sub("", text)
    return text.strip(_SPACE)

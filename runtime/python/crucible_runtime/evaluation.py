"""What is asked of a model after its training, and what came of it: tasks, samples, answers, scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from crucible_runtime.ir import DatasetRef
from crucible_runtime.ports import Message

ScorerName: TypeAlias = Literal["exact_match", "contains", "case_insensitive"]

COMPARES: Mapping[ScorerName, str] = {
    "exact_match": "the answer is the target",
    "contains": "the answer has the target in it",
    "case_insensitive": "the answer is the target, in upper or lower case",
}
"""What each scorer takes for right, in words."""
_WORKED = re.compile(r"\n#### ?([^\n]+)\s*\Z")


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


def messages(sample: Sample | Answer) -> list[Message]:
    """The conversation that asks a sample, or that was answered."""
    system = [] if sample.system_prompt is None else [{"role": "system", "content": sample.system_prompt}]
    return [*system, {"role": "user", "content": sample.input}]


def final(target: str) -> str:
    """The answer in a target: of a worked solution as GSM8K has it, what follows #### in its last line.

    No model writes the solution word for word, so that it is no answer to compare with. The commas of thousands go.
    """
    found = _WORKED.search(target)
    return found[1].strip().replace(",", "") if found else target

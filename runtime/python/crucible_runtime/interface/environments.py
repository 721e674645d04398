"""The interface of environments: what a model is asked, and what its answer is worth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from crucible_runtime.ports import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one answer: its reward, whether that was the last turn, and what the model is told before the next.

    `metrics` are parts of the reward by name, such as `correct` and `format`.
    """

    reward: float
    stop: bool = True
    observation: Sequence[Message] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for a reward, or a part of it, that is no finite number: no model can learn from it."""
        for name, value in (("reward", self.reward), *self.metrics.items()):
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, found {value}")


class Environment(Protocol):
    """One problem, for one rollout: every answer has an environment of its own, which no other answer sees."""

    def initial_observation(self) -> Sequence[Message]:
        """The conversation that the model is asked to continue."""
        ...

    def step(self, completion: str, *, ended: bool = True) -> Outcome:
        """What the model's answer is worth; raises nothing for a bad answer.

        `ended` is whether the model came to its end, and was not cut off at the longest length.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a family is made with: the options of the recipe, and what the caller allows."""

    options: Mapping[str, Any]
    allow_unsandboxed: bool = False


class Family(Protocol):
    """All problems of one kind; made with Settings, raises InputError for options that it cannot honour.

    A family whose environments go on after the first answer says so with `multi_turn = True`; an engine that trains on
    one answer to a problem refuses it then, before anything is loaded.
    """

    adapter: str | None
    """The data adapter whose rows become problems; None where the family makes up its own."""

    def environment(self, row: Mapping[str, Any]) -> Environment:
        """The problem in a row: one that the adapter made, or one of the data set; InputError where it holds none.

        It is made anew for each answer, so that the same row must ask the same question. May be called from several
        threads.
        """
        ...

    def rows(self, seed: int) -> Iterator[Mapping[str, Any]]:
        """Rows without end where the family makes up its own; the same ones for the same seed."""
        ...

    def problems(self) -> Sequence[str]:
        """What keeps answers from being judged on this machine, such as a missing sandbox; asked before a run."""
        ...

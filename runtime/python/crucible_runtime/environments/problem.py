"""What every environment with one question and one answer has in common.

The reward is format_coef * (format - 1) + correct: a right answer gains 1, one in the wrong format loses format_coef.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crucible_runtime.interface.environments import Outcome
from crucible_runtime.ports import Message

FORMAT_COEF = 0.1
"""What an answer in the wrong format loses where the recipe does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """How an answer that has been judged becomes a reward, from the options of a recipe.

    format_coef: what an answer in the wrong format loses
    overflow: what an answer is worth that was cut off; None judges it like another, in the wrong format
    """

    format_coef: float = FORMAT_COEF
    overflow: float | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], *, overflow: float | None = None) -> Worth:
        """Takes `options.format_coef` and `options.context_overflow_reward`."""
        return cls(
            format_coef=float(options.get("format_coef", FORMAT_COEF)),
            overflow=options.get("context_overflow_reward", overflow),
        )

    def outcome(self, *, correct: bool, formed: bool, ended: bool) -> Outcome:
        """The last turn's outcome for an answer that is right or wrong, in the right form or not, whole or cut off."""
        formed = formed and ended
        metrics = {"correct": float(correct), "format": float(formed)}
        if not ended and self.overflow is not None:
            return Outcome(reward=float(self.overflow), metrics={**metrics, "correct": 0.0})
        return Outcome(reward=self.format_coef * (formed - 1) + correct, metrics=metrics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, asked once; `judge` says of an answer whether it has the right form and whether it is right."""

    observation: Sequence[Message]
    judge: Callable[[str], tuple[bool, bool]]
    worth: Worth

    def initial_observation(self) -> Sequence[Message]:
        """The examples, if there are any, and the question."""
        return self.observation

    def step(self, completion: str, *, ended: bool = True) -> Outcome:
        """The reward of an answer; there is no second turn."""
        formed, correct = self.judge(completion)
        return self.worth.outcome(correct=correct, formed=formed, ended=ended)


def said(user: str, assistant: str | None = None) -> list[Message]:
    """A question as a conversation, with its answer where there is one."""
    asked: list[Message] = [{"role": "user", "content": user}]
    return asked if assistant is None else [*asked, {"role": "assistant", "content": assistant}]

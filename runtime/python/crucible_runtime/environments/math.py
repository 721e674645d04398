"""Mathematical problems whose answer stands in \\boxed{}: gsm8k, math, deepmath, polaris.

They differ in where a row has its answer, which their data adapters know, and in whether an example goes before each
problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from crucible_runtime.data.adapters import boxed, problem_of
from crucible_runtime.environments.grading import Grader, known_grader
from crucible_runtime.environments.problem import Question, Worth, said
from crucible_runtime.errors import InputError
from crucible_runtime.interface.environments import Settings

SUFFIX = " Write your answer in \\boxed{} format."
"""What is added to every problem."""
SECONDS = 5
"""Longest run of the grader for one answer where the recipe does not say."""
_EXAMPLE = said(
    "A bus has 4 rows of 3 seats and 2 seats beside the driver. How many seats does it have?" + SUFFIX,
    "The rows have 4 * 3 = 12 seats. With the 2 beside the driver that makes 12 + 2 = 14. \\boxed{14}",
)


class Boxed:
    """Problems with an answer; a row is `{"problem": "...", "answer": "..."}` or one of the data set."""

    adapter: str | None = None
    example = True

    def __init__(self, settings: Settings) -> None:
        """Takes format_coef, context_overflow_reward, convo_prefix, grader and timeout_seconds; raises InputError."""
        options = settings.options
        self._worth = Worth.of(options)
        prefix = options.get("convo_prefix")
        if prefix == "standard" and not self.example:
            raise InputError(
                f"environment {type(self).__name__.lower()} has no example conversation of its own, so that "
                "options.convo_prefix standard means nothing; leave it out, or take none"
            )
        self._example = _EXAMPLE if self.example and prefix != "none" else []
        self._grader = Grader(
            method=known_grader(options.get("grader", "sympy")), seconds=float(options.get("timeout_seconds", SECONDS))
        )

    def environment(self, row: Mapping[str, Any]) -> Question:
        """The problem in a row; raises InputError where it has none, or no answer."""
        problem = problem_of(row, self.adapter)
        return Question(
            observation=[*self._example, *said(problem["problem"] + SUFFIX)],
            judge=partial(self._judge, problem["answer"]),
            worth=self._worth,
        )

    def rows(self, seed: int) -> Iterator[Mapping[str, Any]]:
        """None: the problems are those of a data set."""
        return iter(())

    def problems(self) -> Sequence[str]:
        """What the grader lacks."""
        return self._grader.problems()

    def _judge(self, wanted: str, answer: str) -> tuple[bool, bool]:
        found = boxed(answer)
        return found is not None, found is not None and self._grader.equal(found, wanted)


class Gsm8k(Boxed):
    """Grade-school word problems (openai/gsm8k)."""

    adapter = "gsm8k"


class Math(Boxed):
    """Competition problems (EleutherAI/hendrycks_math)."""

    adapter = "hendrycks_math"


class DeepMath(Boxed):
    """Harder problems of many fields (zwhe99/DeepMath-103K), without an example before them."""

    adapter = "deepmath"
    example = False


class Polaris(Boxed):
    """Harder problems (POLARIS-Project/Polaris-Dataset-53K), without an example before them."""

    adapter = "polaris"
    example = False

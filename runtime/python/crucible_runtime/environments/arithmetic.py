"""Sums of two numbers from 0 to 100, as many as are asked for.

What counts of an answer is the last number in it. The rows are the same for the same seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crucible_runtime.environments.problem import Question, Worth, said
from crucible_runtime.errors import InputError
from crucible_runtime.interface.environments import Settings

_EXAMPLE = said("What is 7 + 2?", "9")
_WORD = re.compile(r"[-+]?[A-Za-z_\d.,]*\d[A-Za-z_\d.,]*")
_OPERAND = re.compile(r"[0-9)}][ \t]*$")
_OPERATOR = re.compile(r"[0-9)}][ \t]*(?:[-+*/^×÷·]|\\(?:times|cdot|div))[ \t]*$")
_NUMBER = re.compile(r"[-+]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.0+)?")


class Arithmetic:
    """Makes up sums; a row is `{"x": 3, "y": 4}`."""

    adapter: str | None = None

    def __init__(self, settings: Settings) -> None:
        """Takes the options format_coef, context_overflow_reward and convo_prefix."""
        self._worth = Worth.of(settings.options)
        self._example = [] if settings.options.get("convo_prefix") == "none" else _EXAMPLE

    def environment(self, row: Mapping[str, Any]) -> Question:
        """The sum in a row; raises InputError where x or y is no whole number."""
        x, y = row.get("x"), row.get("y")
        if type(x) is not int or type(y) is not int:
            raise InputError(f"environment arithmetic expects a row with the whole numbers x and y, found {dict(row)}")
        return Question(
            observation=[*self._example, *said(f"What is {x} + {y}?")],
            judge=lambda answer: (True, last_number(answer) == x + y),
            worth=self._worth,
        )

    def rows(self, seed: int) -> Iterator[Mapping[str, Any]]:
        """Sums without end."""
        chance = random.Random(seed)  # noqa: S311 - the order of sums is no secret
        while True:
            yield {"x": chance.randint(0, 100), "y": chance.randint(0, 100)}

    def problems(self) -> Sequence[str]:
        """Nothing: a sum is judged anywhere."""
        return []


def last_number(text: str) -> int | None:
    """The last number in a text, read without the commas of thousands; None where there is none or it is not whole.

    What hangs together is one number or none: 4.43, 1_43, 0x43 and other digits than 0 to 9 are no 43. Nor is the last
    number of 3 + 40 or 86 - 43, which still have to be computed.
    """
    words = list(_WORD.finditer(text))
    if not words:
        return None
    last, before = words[-1][0].rstrip(".,"), text[: words[-1].start()]
    if _OPERATOR.search(before) or (last[0] in "-+" and _OPERAND.search(before)):
        return None
    # Python refuses to read numbers of more than 4300 digits, and no sum has 19.
    return int(last.partition(".")[0].replace(",", "")) if _NUMBER.fullmatch(last) and len(last) < 20 else None

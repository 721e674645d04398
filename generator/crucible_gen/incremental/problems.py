"""Problems as plain values, as records and their indexes keep them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crucible_gen.diagnostics import Place, Problem


def packed(problems: Iterable[Problem]) -> tuple[Any, ...]:
    """Problems as tuples that marshal takes."""
    return tuple(
        (tuple(each.place), *each[1:5], tuple((message, tuple(place)) for message, place in each.see), each.severity)
        for each in problems
    )


def unpacked(problems: Iterable[Any]) -> tuple[Problem, ...]:
    """Problems as they were before they were packed."""
    return tuple(
        Problem(Place(*place), code, message, hint, about, tuple((what, Place(*at)) for what, at in see), severity)
        for place, code, message, hint, about, see, severity in problems
    )

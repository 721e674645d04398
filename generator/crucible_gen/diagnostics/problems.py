"""What is wrong with an input, as a value: problems are collected and sorted, never raised past `build`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "notice"]
"""How severe a problem is; only errors stop a run."""


class Place(NamedTuple):
    """A position in a file: the path as a user names it, 1-based line and column in characters; 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0
    width: int = 1
    """How many characters the thing at this place covers on its line, for the caret."""

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing that is wrong, where, and how to fix it.

    `message` says what was expected and what was found; `hint` how to fix it (`did you mean ...` included); `about` is
    the description of the field from its schema; `see` are other places that matter (the first of two duplicates).
    """

    place: Place
    code: str
    message: str
    hint: str = ""
    about: str = ""
    see: tuple[tuple[str, Place], ...] = ()
    severity: Severity = "error"


class Problems(Exception):
    """Raised where a step cannot go on; carries at least one Problem. `build` is the only one that catches it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        assert self.problems, "Problems needs at least one problem"
        super().__init__("; ".join(f"{p.place}: {p.code}: {p.message}" for p in self.problems))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, or None when none is near enough."""
    import difflib

    candidates = list(known)
    lowered = {candidate.lower().replace("-", "_"): candidate for candidate in reversed(candidates)}
    if (same := lowered.get(name.lower().replace("-", "_"))) is not None:
        return same
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean X?`, or the empty string."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near is not None else ""

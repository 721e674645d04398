# A copy of generator/crucible_gen/diagnostics/problems.py, made by `make structs`: change that file, not this one.
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


def misspelled(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is a misspelling of, or None: names that are only alike are names of their own.

    That is one that differs in upper and lower case or in `-` and `_`, or by one edit (a letter more, less or other, or
    two that changed places), of names of eight letters and more by two. A short name is not misspelled by another letter,
    nor any by another digit: `dro` is not `dpo`, and `llama4` not `llama3`.
    """
    known = list(known)
    if name in known:
        return None
    found: list[tuple[int, str]] = []
    for each in known:
        if _folded(name) == _folded(each):
            return each
        if [char for char in name if char.isdigit()] != [char for char in each if char.isdigit()]:
            continue
        one, other = name.lower(), each.lower()
        most = 2 if min(len(one), len(other)) >= _LONG else 1
        if abs(len(one) - len(other)) > most or (max(len(one), len(other)) <= _SHORT and sorted(one) != sorted(other)):
            continue
        if (edits := _edits(one, other)) <= most:
            found.append((edits, each))
    return min(found)[1] if found else None


_SHORT, _LONG = 3, 8


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _edits(one: str, other: str) -> int:
    """How many letters have to be added, removed, changed or swapped with their neighbor to make one name the other."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        now = [row]
        for column, right in enumerate(other, 1):
            least = min(last[column] + 1, now[column - 1] + 1, last[column - 1] + (left != right))
            if row > 1 and column > 1 and left == other[column - 2] and right == one[row - 2]:
                least = min(least, before[column - 2] + 1)
            now.append(least)
        before, last = last, now
    return last[-1]

"""How likely one name has become another: what finds renamed fields and modules."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from crucible_gen.diagnostics import nearest

THRESHOLD = 0.6
"""From this similarity on, a new field may be an old one with another name."""

_SAME_POSITION = 0.35
"""What the same neighbors in the order of fields add to the similarity."""


def similarity(name: str, other: str, old: Sequence[str], new: Sequence[str]) -> float:
    """How similar a new name is to an old one, from 0 to 1, with the same position in the order as a bonus."""
    ratio = difflib.SequenceMatcher(None, name, other).ratio()
    before, after = old.index(name), new.index(other)
    same_position = old[:before][-1:] == new[:after][-1:] and old[before + 1 :][:1] == new[after + 1 :][:1]
    return ratio + (_SAME_POSITION if same_position else 0.0)


def most_similar(name: str, candidates: Iterable[str], old: Sequence[str], new: Sequence[str]) -> str | None:
    """The new name that is most similar to an old one; None where none is similar enough."""
    best = max(candidates, key=lambda other: similarity(name, other, old, new), default=None)
    return best if best is not None and similarity(name, best, old, new) >= THRESHOLD else None


def nearest_module(module: str, known: Iterable[str]) -> str | None:
    """The known module with the same last name, or else the most similar one, if any."""
    modules = list(known)
    last = module.rpartition(".")[2]
    return next((name for name in modules if name.rpartition(".")[2] == last), None) or nearest(module, modules)

"""The names that a recipe's id gives in Python, and the ids that cannot be used there."""

from __future__ import annotations

import keyword
from typing import Final

PACKAGE: Final = "crucible_recipes"
"""The package that holds the modules of a generated project."""

RESERVED: Final = frozenset({"__init__", "__main__"})
"""Modules of the package that are no recipes."""

_WORDS = frozenset(word.lower() for word in keyword.kwlist)


def module(stem: str) -> str:
    """A stem to the name of its module in the package, which is the stem: `taken` refuses what cannot be imported."""
    return stem


def taken(stem: str) -> str:
    """Why no recipe can have this stem, or an empty string."""
    if stem in _WORDS:
        return f"{stem} is a reserved word in Python"
    if stem in RESERVED:
        return f"the generated Python package has a module {stem} of its own"
    return ""

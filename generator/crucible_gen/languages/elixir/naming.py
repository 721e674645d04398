"""The names that a recipe's id gives in Elixir, and the ids that cannot be used there."""

from __future__ import annotations

from typing import Final

NAMESPACE: Final = "CrucibleRecipes"
"""The module below which the modules of a generated project are."""

RESERVED: Final = frozenset({"Canonical", "Recipe", "Run", "StandIns"})
"""Modules below the namespace that a generated project has besides its recipes."""

_WORDS = frozenset(
    {
        "after",
        "and",
        "catch",
        "do",
        "else",
        "end",
        "false",
        "fn",
        "in",
        "nil",
        "not",
        "or",
        "rescue",
        "true",
        "when",
    }
)


def alias(stem: str) -> str:
    """A stem to the last part of its module: what `Macro.camelize/1` makes of it."""
    return "".join(part[0].upper() + part[1:] for part in stem.split("_") if part)


def module(stem: str) -> str:
    """A stem to its module."""
    return f"{NAMESPACE}.{alias(stem)}"


def taken(stem: str) -> str:
    """Why no recipe can have this stem, or an empty string."""
    if stem in _WORDS:
        return f"{stem} is a reserved word in Elixir"
    if alias(stem) in RESERVED:
        return f"the generated Mix project has a module {module(stem)} of its own"
    return ""

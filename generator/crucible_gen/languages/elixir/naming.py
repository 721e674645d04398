"""The names that settings and a recipe's id give in Elixir, and the ids that cannot be used there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crucible_gen.documents import Plain

NAMESPACE: Final = "CrucibleRecipes"
"""The module below which a generated project has its recipes, unless the setting `elixir.namespace` names another."""

APP: Final = "crucible_recipes"
"""The name of the generated application, unless the setting `elixir.app` gives another."""

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
_WORD = re.compile(r"(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z\d])(?=[A-Z])")
"""Where a word begins within the name of a module."""


def namespace(options: Mapping[str, Plain]) -> str:
    """The namespace of the recipes under these settings: the name of the facade, `MyTeam.Recipes`."""
    return str(options.get("namespace", NAMESPACE))


def app(options: Mapping[str, Plain]) -> str:
    """The name of the application under these settings."""
    return str(options.get("app", APP))


def runtime(options: Mapping[str, Plain]) -> str:
    """The namespace of the project's copy of the runtime: beside the recipes, so that it takes no name from them."""
    return f"{namespace(options)}Runtime"


def path(module: str) -> str:
    """The path of a module's file below `lib`, without its ending, as Mix projects name it: `my_team/recipes`."""
    return _WORD.sub("_", module).replace(".", "/").lower()


def alias(stem: str) -> str:
    """A stem to the last part of its module: what `Macro.camelize/1` makes of it."""
    return "".join(part[0].upper() + part[1:] for part in stem.split("_") if part)


def module(stem: str, options: Mapping[str, Plain]) -> str:
    """A stem to its module."""
    return f"{namespace(options)}.{alias(stem)}"


def taken(stem: str) -> str:
    """Why no recipe can have this stem, or an empty string."""
    return f"{stem} is a reserved word in Elixir" if stem in _WORDS else ""

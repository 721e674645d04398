"""Names made from recipe ids, and what can be wrong with an id.

An id becomes a stem (`sl_basic`), the stem an Elixir module (`SlBasic`), a Python module and the names of files. An id
may be written as `sl_basic`, `sl-basic`, `sl.basic` or `SlBasic`; they all have the stem `sl_basic`, so only one of
them may occur in a run.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable
from typing import Final

from crucible_gen.problems import Place, Problem

CODES = {
    "E0401": "the id of a recipe is empty",
    "E0402": "the id of a recipe has a character that it cannot have",
    "E0403": "the id of a recipe is too long",
    "E0404": "the id of a recipe is taken",
    "E0405": "the ids of two recipes collide",
}

LONGEST_ID: Final = 128
"""An atom has at most 255 characters, a file name 255 bytes; both must hold the id and what is put around it."""

RESERVED_ALIASES: Final = frozenset({"Canonical", "Compat", "Recipe", "Run"})
"""Modules under `CrucibleRecipes` that a generated project has besides its recipes."""

RESERVED_MODULES: Final = frozenset({"__init__", "__main__"})
"""Modules of the Python package `crucible_recipes` that are no recipes."""

_ELIXIR_WORDS = frozenset(
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
_PYTHON_WORDS = frozenset(word.lower() for word in keyword.kwlist)
_DEVICES = frozenset({"aux", "con", "nul", "prn"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)})

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def stem(recipe_id: str) -> str:
    """A valid recipe id to the stem of its files: `SlBasic`, `sl-basic` and `sl.basic` to `sl_basic`."""
    lower = recipe_id.lower()
    if lower != recipe_id:  # else it has no hump
        lower = _HUMP.sub("_", recipe_id).lower()
    return lower.replace("-", "_").replace(".", "_")


def elixir_alias(stem: str) -> str:
    """A stem to the last part of its Elixir module: what `Macro.camelize/1` makes of it."""
    return "".join(part[0].upper() + part[1:] for part in stem.split("_") if part)


def python_module(stem: str) -> str:
    """A stem to the name of its Python module, which is the stem: `id_problems` refuses ids that cannot be imported."""
    return stem


def id_problems(
    recipe_id: str,
    place: Place,
    *,
    reserved_aliases: Collection[str] = RESERVED_ALIASES,
    reserved_modules: Collection[str] = RESERVED_MODULES,
) -> list[Problem]:
    """A recipe id and its place to what is wrong with it, at most one Problem (E0401 to E0404)."""
    if not recipe_id:
        return [Problem(place, "E0401", "a recipe id must not be empty", "give it the name of its file")]
    if not _ID.fullmatch(recipe_id):
        wanted = "a recipe id must begin with a letter and hold only letters, digits, `_`, `-` and `.`"
        return [Problem(place, "E0402", f"{wanted}, found {_shown(recipe_id)}", _suggestion(recipe_id))]
    if len(recipe_id) > LONGEST_ID:
        message = f"a recipe id must have at most {LONGEST_ID} characters, found {len(recipe_id)}"
        return [Problem(place, "E0403", message, "the id names modules and files; put the long text into description")]
    taken = _taken(stem(recipe_id), reserved_aliases, reserved_modules)
    if taken:
        return [
            Problem(place, "E0404", f"{recipe_id} cannot be a recipe id: {taken}", f"for example {recipe_id}_recipe")
        ]
    return []


def collisions(ids: Iterable[tuple[str, Place]]) -> list[Problem]:
    """The ids of a run, with their places, to a Problem (E0405) for each that would take the name of an earlier one.

    Two ids collide if they are equal, if they differ only in case (one file on some disks), or if they make one stem or
    one Elixir module.
    """
    seen: dict[str, tuple[str, Place]] = {}
    problems: list[Problem] = []
    for recipe_id, place in ids:
        its_stem = stem(recipe_id)
        alias = elixir_alias(its_stem)
        claims = (
            (f"id {recipe_id}", "are the same id"),
            (f"stem {its_stem}", f"would both be written to files named {its_stem}"),
            (f"alias {alias}", f"would both be the Elixir module CrucibleRecipes.{alias}"),
            (f"disk {recipe_id.lower()}", "would be one file on a disk that ignores case"),
        )
        clash = next(((seen[claim], what) for claim, what in claims if claim in seen), None)
        if clash is not None:
            (other, first), what = clash
            message = f"recipe ids {other} and {recipe_id} {what}"
            problems.append(Problem(place, "E0405", message, "rename one of them", see=(("the other one", first),)))
            continue
        for claim, _ in claims:
            seen[claim] = (recipe_id, place)
    return problems


def _taken(its_stem: str, aliases: Collection[str], modules: Collection[str]) -> str:
    """What else has the name of this stem, or the empty string."""
    if its_stem in _ELIXIR_WORDS:
        return f"{its_stem} is a reserved word in Elixir"
    if its_stem in _PYTHON_WORDS:
        return f"{its_stem} is a reserved word in Python"
    if its_stem in modules:
        return f"the generated Python package has a module {its_stem} of its own"
    if elixir_alias(its_stem) in aliases:
        return f"the generated Mix project has a module CrucibleRecipes.{elixir_alias(its_stem)} of its own"
    if its_stem in _DEVICES:
        return f"{its_stem} is the name of a device on Windows, so no file can have it"
    return ""


def _suggestion(recipe_id: str) -> str:
    """A hint with the valid id that is most like this one, or what an id looks like."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", recipe_id).encode("ascii", "ignore").decode()
    candidate = re.sub("_+", "_", _FOREIGN.sub("_", plain)).lstrip("0123456789_.-").rstrip("_.-")
    return f"did you mean {candidate}?" if candidate else "for example sl_basic"


def _shown(text: str) -> str:
    """Text as it can stand in a message: quoted, cut, control characters escaped."""
    return repr(text if len(text) <= 40 else text[:37] + "...")

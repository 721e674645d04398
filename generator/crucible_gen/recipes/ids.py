"""The ids of recipes: the stems that name their files, and what can be wrong with an id.

An id becomes a stem (`sl_basic`), from which each language makes the name of a module. An id may be written as
`sl_basic`, `sl-basic`, `sl.basic` or `SlBasic`; they all have the stem `sl_basic`, so only one of them may occur in a
run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from crucible_gen.diagnostics import Place, Problem
from crucible_gen.languages import Language

CODES = {
    "E0401": "the id of a recipe is empty",
    "E0402": "the id of a recipe has a character that it cannot have",
    "E0403": "the id of a recipe is too long",
    "E0404": "the id of a recipe is taken",
    "E0405": "the ids of two recipes collide",
}

LONGEST_ID: Final = 128
"""An atom has at most 255 characters, a file name 255 bytes; both must hold the id and what is put around it."""

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


def id_problems(recipe_id: str, place: Place, languages: Sequence[Language]) -> list[Problem]:
    """What is wrong with a recipe id at this place: at most one Problem (E0401 to E0404).

    An id must be possible in each of the languages.
    """
    if not recipe_id:
        return [Problem(place, "E0401", "a recipe id must not be empty", "give it the name of its file")]
    if not _ID.fullmatch(recipe_id):
        wanted = "a recipe id must begin with a letter and hold only letters, digits, `_`, `-` and `.`"
        return [Problem(place, "E0402", f"{wanted}, found {_shown(recipe_id)}", _suggestion(recipe_id))]
    if len(recipe_id) > LONGEST_ID:
        message = f"a recipe id must have at most {LONGEST_ID} characters, found {len(recipe_id)}"
        return [Problem(place, "E0403", message, "the id names modules and files; put the long text into description")]
    if taken := _taken(stem(recipe_id), languages):
        return [
            Problem(place, "E0404", f"{recipe_id} cannot be a recipe id: {taken}", f"for example {recipe_id}_recipe")
        ]
    return []


def collisions(ids: Iterable[tuple[str, Place]], languages: Sequence[Language]) -> list[Problem]:
    """The ids of a run, with their places, to a Problem (E0405) for each that would take the name of an earlier one.

    Two ids collide if they are equal, if they differ only in case (one file on some disks), or if they make one stem or
    one module in any of the languages.
    """
    seen: dict[str, tuple[str, Place]] = {}
    problems: list[Problem] = []
    for recipe_id, place in ids:
        its_stem = stem(recipe_id)
        modules = [(each.name, each.naming.kind, each.naming.module(its_stem)) for each in languages]
        claims = (
            (f"id {recipe_id}", "are the same id"),
            (f"stem {its_stem}", f"would both be written to files named {its_stem}"),
            *((f"module {language} {name}", f"would both be the {kind} {name}") for language, kind, name in modules),
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


def _taken(its_stem: str, languages: Sequence[Language]) -> str:
    """What else has the name of this stem, or the empty string."""
    for language in languages:
        if taken := language.naming.taken(its_stem):
            return taken
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

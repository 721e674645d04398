"""Paths that a user names in, the recipe files there out, sorted by name.

Directories are read recursively. What begins with `.` or `_`, what stands in a directory named `fragments`, settings
and schemas are no recipes; a file that is named itself is always read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from crucible_gen.diagnostics import Place, Problem, relative, shown
from crucible_gen.documents import Boundary
from crucible_gen.recipes.resolve import Source
from crucible_gen.recipes.settings import OWN_FILE

CODES = {
    "E0305": "no recipes were found",
    "E0306": "a directory of recipes cannot be read",
    "E0442": "the ending of a recipe file is in capitals",
}

ENDINGS = (".yaml", ".yml", ".json")
_FRAGMENTS = "fragments"
_OTHERS = (OWN_FILE, ".schema.json")


def recipes(paths: Sequence[Path], out: Path, problems: list[Problem]) -> list[Source]:
    """The recipe files at `paths`; `out` is never looked into; what cannot be read is added to `problems`."""
    return [source(file) for file in files(paths, out, problems)]


def source(file: str) -> Source:
    """The file at an absolute path, under the name that messages give it."""
    return Source(Path(file), shown(Path(file)))


def files(paths: Sequence[Path], out: Path, problems: list[Problem], boundary: Boundary | None = None) -> list[str]:
    """As `recipes`, but the absolute paths alone; links that lead out of `boundary` are problems."""
    found: dict[str, None] = {}
    for path in paths:
        absolute = os.path.normpath(path.absolute())
        found.update(
            dict.fromkeys(_below(absolute, out, problems, boundary) if os.path.isdir(absolute) else [absolute])
        )
    if not found and not problems:
        places = ", ".join(shown(path) for path in paths) or "the working directory"
        hint = f"a recipe is a file that ends in {', '.join(ENDINGS)}; gen new NAME --type TYPE writes one"
        problems.append(Problem(Place(places), "E0305", "no recipes are here", hint=hint))
    here = os.getcwd()
    if os.sep == "/" and all(file.startswith(f"{here}/") for file in found):
        return sorted(found)  # as below, without working out each name
    return sorted(found, key=lambda file: relative(file, here))


def _below(directory: str, out: Path, problems: list[Problem], boundary: Boundary | None) -> Iterable[str]:
    pending = [directory]
    seen = {_identity(out)} if os.path.isdir(out) else set()
    while pending:
        current = pending.pop()
        try:
            if (identity := _identity(current)) in seen:
                continue  # a link that leads back up, or to the outputs
            seen.add(identity)
            entries = list(os.scandir(current))
        except OSError as error:
            message = f"this directory cannot be read: {(error.strerror or str(error)).lower()}"
            hint = "allow reading it, or name the recipes one by one"
            problems.append(Problem(Place(shown(Path(current))), "E0306", message, hint=hint))
            continue
        below: list[str] = []
        for entry in entries:
            name = entry.name
            if name[0] in "._":
                continue
            if boundary is not None and entry.is_symlink() and not boundary.holds(entry.path):
                if _is_directory(entry) or name.endswith(ENDINGS):
                    problems.append(boundary.problem(Place(shown(Path(entry.path))), entry.path, "this link"))
                continue
            if _is_directory(entry):
                if name != _FRAGMENTS:
                    below.append(entry.path)
            elif name.endswith(ENDINGS) and not name.endswith(_OTHERS):
                yield entry.path
            elif name.lower().endswith(ENDINGS) and not name.endswith(ENDINGS):
                problems.append(_in_capitals(entry))
        pending += sorted(below)


def _in_capitals(entry: os.DirEntry[str]) -> Problem:
    stem, ending = os.path.splitext(entry.name)
    message = f"the ending {ending} is in capitals, and a recipe ends in {', '.join(ENDINGS)}"
    hint = f"rename it to {stem}{ending.lower()}; what begins with _ is no recipe"
    return Problem(Place(shown(Path(entry.path))), "E0442", message, hint=hint)


def _identity(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether the entry is a directory; a link that leads in a circle is a file, and reading it says what is wrong."""
    try:
        return entry.is_dir()
    except OSError:
        return False

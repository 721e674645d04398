"""Paths that a user names in, the recipe files there out, sorted by name.

Directories are read recursively. What begins with `.` or `_` and what stands in a directory named `fragments` is no
recipe; a file that is named itself is always read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from crucible_gen.problems import Place, Problem
from crucible_gen.resolve import Source
from crucible_gen.settings import shown

CODES = {
    "E0305": "no recipes were found",
    "E0306": "a directory of recipes cannot be read",
}

ENDINGS = (".yaml", ".yml", ".json")
_FRAGMENTS = "fragments"


def recipes(paths: Sequence[Path], out: Path, problems: list[Problem]) -> list[Source]:
    """The recipe files at `paths`; `out` is never looked into; what cannot be read is added to `problems`."""
    found: dict[Path, Source] = {}
    for path in paths:
        absolute = Path(os.path.abspath(path))
        files = [absolute] if not absolute.is_dir() else _below(absolute, Path(os.path.abspath(out)), problems)
        for file in files:
            found.setdefault(file, Source(file, shown(file)))
    if not found and not problems:
        places = ", ".join(shown(path) for path in paths) or "the working directory"
        hint = f"a recipe is a file that ends in {', '.join(ENDINGS)}; gen new NAME --type TYPE writes one"
        problems.append(Problem(Place(places), "E0305", "no recipes are here", hint=hint))
    return sorted(found.values(), key=lambda source: source.name)


def _below(directory: Path, out: Path, problems: list[Problem]) -> Iterable[Path]:
    pending = [directory]
    seen: set[tuple[int, int]] = set()
    while pending:
        current = pending.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue  # a link that leads back up
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            message = f"this directory cannot be read: {error.strerror}"
            problems.append(Problem(Place(shown(current)), "E0306", message))
            continue
        for entry in entries:
            path = current / entry.name
            if entry.name[0] in "._" or path == out:
                continue
            if _is_directory(entry):
                if entry.name != _FRAGMENTS:
                    pending.append(path)
            elif entry.name.endswith(ENDINGS):
                yield path


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether the entry is a directory; a link that leads in a circle is a file, and reading it says what is wrong."""
    try:
        return entry.is_dir()
    except OSError:
        return False

"""Every target language by name: the built-in ones, and the entry points `crucible_gen.languages` of installed packages.

An entry point is a `Language`, or a function that returns one. Installed packages are searched only for a name that is
not built in, because that search costs more than a short run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

from crucible_gen.languages.language import Language

ENTRY_POINTS = "crucible_gen.languages"

BUILT_IN = ("elixir", "python", "ir")
"""The built-in languages in the order in which help and settings list them; each is a package beside this module."""


@cache
def get(name: str) -> Language:
    """The language of a target. Raises KeyError for a name that no built-in language and no entry point has."""
    if name in BUILT_IN:
        language: Language = import_module(f"crucible_gen.languages.{name}").LANGUAGE
        return language
    return _installed()[name]


def known() -> tuple[str, ...]:
    """The names of all languages, the built-in ones first."""
    return (*BUILT_IN, *sorted(_installed()))


def built_in() -> tuple[Language, ...]:
    """The built-in languages, in order."""
    return tuple(get(name) for name in BUILT_IN)


def is_known(name: str) -> bool:
    """Whether a target has a language; installed packages are searched only for a name that is not built in."""
    return name in BUILT_IN or name in _installed()


def shipped_folders() -> tuple[Path, ...]:
    """The directories, besides schemas and templates, from which the built-in languages copy files into projects."""
    return tuple(folder for language in built_in() for folder in language.folders())


def folders(targets: Iterable[str]) -> list[Path]:
    """The directories, besides schemas, templates and this package, whose files go into the files of these targets."""
    found: list[Path] = []
    for target in targets:
        language = get(target)
        found += language.folders()
        if target not in BUILT_IN:
            found.append(Path(sys.modules[language.printer.__module__].__file__ or "").parent)
    return found


@cache
def _installed() -> dict[str, Language]:
    """The languages of installed packages; raises TypeError for an entry point that gives no Language of its name."""
    from importlib.metadata import entry_points

    found: dict[str, Language] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name in BUILT_IN:
            continue  # nobody replaces a built-in language
        loaded = entry.load()
        language = loaded if isinstance(loaded, Language) else loaded()
        if not isinstance(language, Language) or language.name != entry.name:
            raise TypeError(f"the entry point {entry.name} of {ENTRY_POINTS} must be a Language with this name")
        found[entry.name] = language
    return found

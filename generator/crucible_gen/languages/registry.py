"""Every target language by name: the built-in ones, and the entry points `crucible_gen.languages` of installed packages.

An entry point is a `Language`, or a function that returns one. Installed packages are searched only for a name that is
not built in, because that search costs more than a short run; of what is found only what a run asks for is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from crucible_gen.diagnostics import Place, Problem, Problems
from crucible_gen.languages.language import Language, Naming
from crucible_gen.output import headers

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

CODES = {"E0530": "an installed language cannot be used"}

ENTRY_POINTS = "crucible_gen.languages"

BUILT_IN = ("elixir", "python", "ir")
"""The built-in languages in the order in which help and settings list them; each is a package beside this module."""


@cache
def get(name: str) -> Language:
    """The language of a target.

    Raises KeyError for a name that no built-in language and no entry point has, and Problems for an entry point that
    gives no language.
    """
    if name in BUILT_IN:
        language: Language = import_module(f"crucible_gen.languages.{name}").LANGUAGE
        return language
    return loaded(name, _installed()[name])


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
    """The directories and files, besides schemas, templates and this package, that go into the files of these targets."""
    found: list[Path] = []
    for target in targets:
        found += get(target).folders()
        if target not in BUILT_IN:
            found.append(_source(_installed()[target][0]))
    return found


def _source(entry: EntryPoint) -> Path:
    """The directory of the package that an entry point is in, or the file of a module in no package."""
    top = sys.modules[entry.module.partition(".")[0]]
    own = top if top.__file__ else sys.modules[entry.module]  # a namespace package is a part of several distributions
    file = Path(own.__file__ or "")
    return file.parent if file.name == "__init__.py" else file


@cache
def _installed() -> dict[str, list[EntryPoint]]:
    """The entry points of languages by name; nobody replaces a built-in language."""
    from importlib.metadata import entry_points

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name not in BUILT_IN:
            found.setdefault(entry.name, []).append(entry)
    return found


def loaded(name: str, entries: list[EntryPoint]) -> Language:
    """The language that entry points of this name give. Raises Problems where that is none, or not one."""
    entry = entries[0]
    if len(entries) > 1:
        owners = " and ".join(sorted(map(_distribution, entries)))
        raise Problems([Problem(Place(owners), "E0530", f"both have a language {name}", hint="uninstall one of them")])
    try:
        language = entry.load()
        if callable(language):
            language = language()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - of code that is not ours, and the message says what
        _refuse(entry, f"cannot be loaded: {type(error).__name__}: {error}", error)
    if not isinstance(language, Language):
        _refuse(entry, f"must be a Language or a function that returns one, found {type(language).__name__}")
    if language.name != name:
        _refuse(entry, f"must be a Language named {name}, found one named {language.name}")
    if not callable(language.printer) or not isinstance(language.naming, Naming):
        _refuse(entry, "must be a Language with a printer and a Naming")
    try:
        headers.head("", comment=language.comment)
    except ValueError as error:
        _refuse(entry, f"is a Language that cannot be used: {error}", error)
    return language


def _refuse(entry: EntryPoint, what: str, cause: BaseException | None = None) -> NoReturn:
    owner = entry.dist.metadata["Name"] if entry.dist is not None else entry.module
    message = f"the entry point {entry.name} = {entry.value} of {ENTRY_POINTS} {what}"
    hint = f"remove {entry.name} from the targets, or install a release of {owner} that works"
    raise Problems([Problem(Place(_distribution(entry)), "E0530", message, hint=hint)]) from cause


def _distribution(entry: EntryPoint) -> str:
    """The distribution of an entry point, with its release, as messages name it."""
    return f"{entry.dist.metadata['Name']} {entry.dist.version}" if entry.dist is not None else entry.module

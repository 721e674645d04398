"""Stale outputs: unedited generated files that no recipe produces any more; and the temporary files of a killed run.

A generated file names its source in its header. A file that a run does not produce is stale if the run processed its
source, which then produces other files, or if its source no longer exists. A run that names some recipes leaves the
outputs of the others alone. A file that recipes share is stale if this run produces everything that stands in the
output directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

from crucible_gen.output import obstacles, provenance
from crucible_gen.output.headers import SIDECAR, read, unescaped
from crucible_gen.output.survey import (
    FOREIGN_FOLDERS,
    HEAD,
    Action,
    Survey,
    is_temporary,
    key,
    owner_of,
    peek,
    temporary_path,
)

_SHARED = ""
"""The source of the files that recipes share."""


class Scope(NamedTuple):
    """What a run is responsible for below the output directory.

    `covers` says of a path whether the run would have produced a file there if it were wanted. `roots` are the
    directories to which the sources in headers may be relative, in order; without any, the parent of the output
    directory. `processed` are the recipe files that the run read, by absolute path.
    """

    covers: Callable[[str], bool] = lambda path: True
    roots: tuple[Path, ...] = ()
    processed: frozenset[str] = frozenset()


def find(
    survey: Survey,
    wanted: Set[str],
    folders: frozenset[str],
    keys: dict[str, str],
    scope: Scope,
) -> bool:
    """Adds a delete for each stale file, a problem for each that was edited, and temporary files.

    Returns whether outputs of recipes that the run did not process were left alone.
    """
    sources = {
        path: source
        for path in _unwanted(survey, wanted, folders, keys)
        if scope.covers(path.removesuffix(SIDECAR)) and (source := _source(survey, path)) is not None
    }
    others = {each for each in set(sources.values()) - {_SHARED} if _is_of_another_recipe(each, survey.out, scope)}
    for path, source in sources.items():
        if source not in others and not (others and source == _SHARED):
            _delete(survey, path)
    return bool(others)


def _unwanted(survey: Survey, wanted: Set[str], folders: frozenset[str], keys: dict[str, str]) -> Iterator[str]:
    """The paths of files that are not wanted, without sidecars that have a file beside them; adds temporary files."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        start = f"{folder}/" if folder else ""
        try:
            with os.scandir(f"{survey.out}/{folder}") as entries:
                found = list(entries)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if folder in folders:
                survey.problems.append(obstacles.unreadable(survey.out, folder, error))
            continue
        names: list[str] = []
        for entry in found:
            name = entry.name
            if (path := start + name) in wanted:
                continue
            if entry.is_dir(follow_symlinks=False):
                if path in folders or not (name in FOREIGN_FOLDERS or name.startswith(".")):
                    waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                if is_temporary(name):
                    survey.strays.append(path)
                elif not _is_other_spelling(survey.out, path, keys):
                    names.append(name)
        present = set(names)
        yield from (
            start + name for name in names if (base := name.removesuffix(SIDECAR)) == name or base not in present
        )


def _source(survey: Survey, path: str) -> str | None:
    """The source of a generated file as its header names it, `_SHARED` where that is no recipe; None for other files.

    A file without a header is generated if its sidecar says so, even one that a killed run did not put in place.
    """
    found = peek(f"{survey.out}/{path}", HEAD)
    if found is None:
        return None
    signature = read(found.data)
    if signature is None:
        beside = path + SIDECAR
        header = peek(f"{survey.out}/{beside}") or peek(f"{survey.out}/{temporary_path(beside)}")
        signature = read(header.data) if header else None
    if signature is None:
        return None
    is_shared = signature.source == provenance.SHARED or "." not in signature.source
    return _SHARED if is_shared else signature.source


def _is_of_another_recipe(source: str, out: Path, scope: Scope) -> bool:
    """Whether a source, as a header names it, exists and was not processed by this run."""
    for root in (*scope.roots, out.parent):
        path = os.path.normpath(os.path.join(os.path.abspath(root), unescaped(source)))
        if path in scope.processed:
            return False
        if "\0" not in path and os.path.isfile(path):
            return True
    return False


def _delete(survey: Survey, path: str) -> None:
    """Adds the delete of one stale file and its sidecar, or the problem that it was edited."""
    found = peek(f"{survey.out}/{path}")
    if found is None:
        return
    beside = path + SIDECAR
    sidecar = peek(f"{survey.out}/{beside}")
    owner = owner_of(survey, path, found)
    if owner == "foreign":
        return
    if owner == "edited" and not survey.force:
        hint = "delete it, keep your change elsewhere, or run with --force to lose it"
        message = "nothing generates this file any more, and it was edited by hand"
        survey.problems.append(obstacles.problem(survey.out, path, "E0605", message, hint))
        return
    forced = owner == "edited"
    survey.actions.append(Action("delete", path, None, found.data, None, found.stamp, forced))
    if sidecar is not None and read(sidecar.data) is not None:
        stamp = survey.halves.get(beside, sidecar.stamp)
        survey.actions.append(Action("delete", beside, None, sidecar.data, None, stamp, forced))


def _is_other_spelling(out: Path, path: str, keys: dict[str, str]) -> bool:
    """Whether a disk that ignores case shows a wanted file under this name: then it is not stale."""
    twin = keys.get(key(path))
    try:
        return twin is not None and os.path.samestat(os.lstat(out / path), os.lstat(out / twin))
    except FileNotFoundError:
        return False

"""Generated files that nothing asks for any more, and the temporary files of a killed run."""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from pathlib import Path

from crucible_gen.output import obstacles
from crucible_gen.output.headers import SIDECAR, read
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


def find(
    survey: Survey,
    wanted: Set[str],
    folders: frozenset[str],
    keys: dict[str, str],
    covers: Callable[[str], bool],
) -> None:
    """Adds a delete for each file of ours that nothing wants, a problem for each that was edited, and the strays."""
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
        for name in names:
            base = name.removesuffix(SIDECAR)
            if covers(start + base) and (base == name or base not in present):
                _leave(survey, start + name)


def _leave(survey: Survey, path: str) -> None:
    """Adds what is to be done about one file that nothing wants; with its sidecar, when it has one."""
    found = peek(f"{survey.out}/{path}", HEAD)
    beside = path + SIDECAR
    sidecar = peek(f"{survey.out}/{beside}")
    if found is None or (read(found.data) is None and sidecar is None and not _promised(survey, beside)):
        return
    if found.stamp.size > len(found.data) and (found := peek(f"{survey.out}/{path}")) is None:
        return
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


def _promised(survey: Survey, sidecar: str) -> bool:
    """Whether a killed run left the sidecar under its temporary name."""
    return os.path.lexists(f"{survey.out}/{temporary_path(sidecar)}")


def _is_other_spelling(out: Path, path: str, keys: dict[str, str]) -> bool:
    """Whether a disk that ignores case shows a wanted file under this name: then it is not left over."""
    twin = keys.get(key(path))
    try:
        return twin is not None and os.path.samestat(os.lstat(out / path), os.lstat(out / twin))
    except FileNotFoundError:
        return False

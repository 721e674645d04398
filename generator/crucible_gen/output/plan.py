"""Files that should be, and a directory, become a Plan: create, update, delete, keep, and what is in the way.

The plan reads the disk and never writes to it, so that generate, check and diff share everything up to here. What is
ours (see `survey`) may be replaced and, when nothing asks for it any more, deleted. Everything else is somebody's work:
a Problem when it stands in the way, and otherwise not looked at twice. A file that already is what it should be is kept
whatever its header says.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crucible_gen.diagnostics import Problem
from crucible_gen.documents import content
from crucible_gen.output import obstacles, stale
from crucible_gen.output.files import File
from crucible_gen.output.stale import Scope
from crucible_gen.output.survey import Action, Seen, Survey, equals, key, look, owner_of, temporary_path

_ALL = Scope()


class Plan(NamedTuple):
    """Everything that a run does below `out`, sorted by path. With problems nothing at all is done."""

    out: Path
    actions: tuple[Action, ...]
    problems: tuple[Problem, ...]
    strays: tuple[str, ...] = ()
    """Temporary files that a killed run left."""
    halves: tuple[str, ...] = ()
    """Sidecars that a killed run had written and not yet put in place, beside a file that it had."""
    kept: int = 0
    """How many files more are what they should be, and were not looked at."""
    others: bool = False
    """Whether outputs of recipes that the run did not process stand in `out`; they are left alone."""

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that are not keep."""
        return tuple(action for action in self.actions if action.kind != "keep")

    @property
    def files(self) -> int:
        """How many files there are when the plan is done."""
        return self.kept + sum(action.kind != "delete" for action in self.actions)


def plan(
    files: Sequence[File],
    out: Path,
    *,
    complete: bool = True,
    force: bool = False,
    scope: Scope = _ALL,
    kept: frozenset[str] = frozenset(),
    rest: int = 0,
) -> Plan:
    """`files` against what stands below `out`.

    Stale files are looked for when `files` are `complete`; `scope` says which files the run is responsible for. `kept`
    are outputs besides `files` that are known to be what they should be; `rest` counts more of them, where `files` are
    not complete.
    `force` overwrites and deletes hand edits; a file that is not generated is safe from it too.
    """
    wanted, problems = _wanted(files, out)
    folders = sorted({folder for path in wanted for folder in _folders(path)})
    absent: set[str] = set()
    for folder in folders:
        if folder.rpartition("/")[0] in absent or not _is_folder(out, folder, problems):
            absent.add(folder)
    survey = Survey(out, force, [], problems, [], {})
    for path, file in wanted.items():
        _meet(survey, file, path.rpartition("/")[0] in absent)
    others = False
    if complete:
        all_ = wanted.keys() | kept
        folders = sorted({*folders, *(folder for path in kept for folder in _folders(path))})
        others = stale.find(survey, all_, frozenset(folders), {key(path): path for path in all_}, scope)
    return Plan(
        out,
        tuple(sorted(survey.actions, key=lambda action: action.path)),
        tuple(sorted(problems)),
        tuple(sorted(set(survey.strays).difference(map(temporary_path, survey.halves)))),
        tuple(sorted(survey.halves)),
        len(kept) + rest,
        others,
    )


def summary(plan: Plan, recipes: int) -> str:
    """What the plan does in one line: `10 recipes: 31 files, 2 updated, 1 created, 28 unchanged`."""
    counts = dict.fromkeys(("update", "create", "delete", "keep"), 0)
    for action in plan.actions:
        counts[action.kind] += 1
    counts["keep"] += plan.kept
    words = {"update": "updated", "create": "created", "delete": "deleted", "keep": "unchanged"}
    parts = [_count(plan.files, "file")]
    parts += [f"{count} {words[kind]}" for kind, count in counts.items() if count]
    return f"{_count(recipes, 'recipe')}: {', '.join(parts)}"


# What should be ------------------------------------------------------------------------------------------------------


def _wanted(files: Sequence[File], out: Path) -> tuple[dict[str, File], list[Problem]]:
    """The files by path, sorted, and what is wrong among themselves."""
    wanted: dict[str, File] = {}
    problems: list[Problem] = []
    keys: dict[str, File] = {}
    for file in sorted(files, key=lambda file: (file.path, file.recipe or "")):
        if not _is_inside(file.path):
            problems.append(
                obstacles.problem(out, file.path, "E0602", "expected a path below the output directory, found this")
            )
            continue
        twin = keys.setdefault(key(file.path), file)
        if twin is file:
            wanted[file.path] = file
        else:
            problems.append(_clash(out, twin, file))
    for path, file in wanted.items():
        for folder in _folders(path):
            if (first := keys.get(key(folder))) is not None:
                problems.append(_clash(out, first, file))
    return wanted, problems


def _clash(out: Path, first: File, second: File) -> Problem:
    both = " and ".join(
        sorted({f"recipe {file.recipe}" if file.recipe else "the shared files" for file in (first, second)})
    )
    how = "one path" if first.path == second.path else "paths that are one on a disk that ignores case"
    if second.path.startswith(f"{first.path}/"):
        how = "a path as a file and as a directory"
    return obstacles.problem(
        out,
        second.path,
        "E0601",
        f"{both} write {how}",
        "rename one of the recipes",
        see=(("the first", obstacles.place(out, first.path)),),
    )


def _is_inside(path: str) -> bool:
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def _folders(path: str) -> Iterator[str]:
    """The directories that `path` stands in, the outermost first."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


# What is -------------------------------------------------------------------------------------------------------------


def _is_folder(out: Path, folder: str, problems: list[Problem]) -> bool:
    """Whether a directory that outputs stand in is there; adds a problem where something else is."""
    try:
        mode = os.lstat(out / folder).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        problems.append(obstacles.unreadable(out, folder, error))
        return False
    if stat.S_ISLNK(mode):
        problems.append(obstacles.link(out, folder))
    elif not stat.S_ISDIR(mode):
        problems.append(obstacles.problem(out, folder, "E0607", "expected a directory, found a file", "move it away"))
    return stat.S_ISDIR(mode)


def _meet(survey: Survey, file: File, absent: bool) -> None:
    """Adds what is to be done about one wanted file, or what is in its way."""
    new = file.data
    path = file.path
    half = survey.halves.get(path)
    found: Seen | None = None
    if not absent:
        location = f"{survey.out}/{path}"
        try:
            equal = equals(location, new)
            found = look(location) if half or not equal else None
        except OSError as error:
            survey.problems.append(obstacles.obstacle(survey.out, path, error))
            return
        # A sidecar that is put in place first will not be what it is now.
        if half is None and (equal or (found is not None and new in (found.data, content(found.data)))):
            survey.actions.append(Action("keep", path, file.recipe))
            return
    stamp = half or (found.stamp if found else None)
    if found is None:
        survey.actions.append(Action("create", path, file.recipe, new=new, stamp=stamp))
        return
    owner = owner_of(survey, path, found)
    if owner == "ours" or (owner == "edited" and survey.force):
        forced = owner == "edited"
        survey.actions.append(Action("update", path, file.recipe, found.data, new, stamp, forced))
    elif owner == "edited":
        hint = "put the change into its source, or run with --force to lose it (--diff shows it)"
        survey.problems.append(
            obstacles.problem(survey.out, path, "E0604", "this generated file was edited by hand", hint)
        )
    else:
        hint = "move it away, or choose another output directory with --out"
        survey.problems.append(
            obstacles.problem(survey.out, path, "E0603", "expected a generated file, found one that is not", hint)
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

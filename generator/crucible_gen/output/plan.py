"""Files that should be, and a directory, become a Plan: create, update, delete, keep, and what is in the way.

The plan reads the disk and never writes to it, so that generate, check and diff share everything up to here. A file is
ours when its two lines (see `sign`) fit its body; ours may be replaced and, when nothing asks for it any more, deleted.
Everything else is somebody's work: a Problem when it stands in the way, and otherwise not looked at twice.
The surprising rule: a file that already is what it should be is kept whatever its signature says, and one that stands
beside its sidecar is judged with it, so that no moment at which a run is killed makes a generated file look foreign.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path
from typing import Literal, NamedTuple

from crucible_gen.diagnostics import Place, Problem
from crucible_gen.documents import digest
from crucible_gen.output.files import File
from crucible_gen.output.headers import SIDECAR, read

CODES = {
    "E0601": "two outputs have one path",
    "E0602": "an output leads outside the output directory",
    "E0603": "a file that is not generated is in the way",
    "E0604": "a generated file was edited by hand",
    "E0605": "a left-over file was edited by hand",
    "E0606": "a symbolic link is in the way",
    "E0607": "a directory is in the way of a file, or the other way round",
    "E0608": "a file in the output directory cannot be read",
}

FOREIGN_FOLDERS = frozenset({"_build", "build", "deps", "dist", "cover", "node_modules", "venv", "__pycache__"})
"""Where builds put copies of generated files, header and all: nothing in there is ours. So too in hidden directories."""

Kind = Literal["create", "update", "delete", "keep"]

_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_HEAD = 1 << 16
_SIDECAR_LINES = 2


class Stamp(NamedTuple):
    """Which file was read, and in which state; `write` changes nothing that has another stamp by then."""

    inode: int
    size: int
    mtime: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of what `os.stat` found."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class Action(NamedTuple):
    """What happens to one path. `old` and `new` are the bytes before and after, None for no file and for a kept one."""

    kind: Kind
    path: str
    recipe: str | None = None
    old: bytes | None = None
    new: bytes | None = None
    stamp: Stamp | None = None
    forced: bool = False
    """Whether this overwrites or deletes a hand edit."""


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
    covers: Callable[[str], bool] = lambda path: True,
    kept: frozenset[str] = frozenset(),
    rest: int = 0,
) -> Plan:
    """`files` against what stands below `out`.

    Left-over files are looked for when `files` are `complete`, and only at paths that `files` would have named if they
    were wanted: `covers` says which. `kept` are outputs besides `files` that are known to be what they should be; `rest`
    counts more of them, where `files` are not complete.
    `force` overwrites and deletes hand edits; a file that is not generated is safe from it too.
    """
    wanted, problems = _wanted(files, out)
    folders = sorted({folder for path in wanted for folder in _folders(path)})
    absent: set[str] = set()
    for folder in folders:
        if folder.rpartition("/")[0] in absent or not _is_folder(out, folder, problems):
            absent.add(folder)
    survey = _Survey(out, force, [], problems, [], {})
    for path, file in wanted.items():
        _meet(survey, file, path.rpartition("/")[0] in absent)
    if complete:
        all_ = wanted.keys() | kept
        folders = sorted({*folders, *(folder for path in kept for folder in _folders(path))})
        _leftovers(survey, all_, frozenset(folders), {_key(path): path for path in all_}, covers)
    return Plan(
        out,
        tuple(sorted(survey.actions, key=lambda action: action.path)),
        tuple(sorted(problems)),
        tuple(sorted(set(survey.strays).difference(map(_temporary_path, survey.halves)))),
        tuple(sorted(survey.halves)),
        len(kept) + rest,
    )


def temporary(name: str) -> str:
    """The name under which `name` is written before it takes its place, in the same directory.

    It depends on nothing but `name`, so that what a killed run left can be told to belong to it.
    """
    return f".gen-{digest(os.fsencode(name))}.tmp"


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
            problems.append(_problem(out, file.path, "E0602", "expected a path below the output directory, found this"))
            continue
        twin = keys.setdefault(_key(file.path), file)
        if twin is file:
            wanted[file.path] = file
        else:
            problems.append(_clash(out, twin, file))
    for path, file in wanted.items():
        for folder in _folders(path):
            if (first := keys.get(_key(folder))) is not None:
                problems.append(_clash(out, first, file))
    return wanted, problems


def _clash(out: Path, first: File, second: File) -> Problem:
    both = " and ".join(
        sorted({f"recipe {file.recipe}" if file.recipe else "the shared files" for file in (first, second)})
    )
    how = "one path" if first.path == second.path else "paths that are one on a disk that ignores case"
    if second.path.startswith(f"{first.path}/"):
        how = "a path as a file and as a directory"
    return _problem(
        out,
        second.path,
        "E0601",
        f"{both} write {how}",
        "rename one of the recipes",
        see=(("the first", _place(out, first.path)),),
    )


def _is_inside(path: str) -> bool:
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def _key(path: str) -> str:
    """What two paths share when a disk that ignores case, or one that normalises Unicode, takes them for one."""
    if path.isascii():
        return path.lower()
    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _folders(path: str) -> Iterator[str]:
    """The directories that `path` stands in, the outermost first."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


# What is -------------------------------------------------------------------------------------------------------------


class _Seen(NamedTuple):
    data: bytes
    stamp: Stamp


class _Survey(NamedTuple):
    """What is found on the way through the output directory."""

    out: Path
    force: bool
    actions: list[Action]
    problems: list[Problem]
    strays: list[str]
    halves: dict[str, Stamp]


def _is_folder(out: Path, folder: str, problems: list[Problem]) -> bool:
    """Whether a directory that outputs stand in is there; adds a problem where something else is."""
    try:
        mode = os.lstat(out / folder).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        problems.append(_unreadable(out, folder, error))
        return False
    if stat.S_ISLNK(mode):
        problems.append(_link(out, folder))
    elif not stat.S_ISDIR(mode):
        problems.append(_problem(out, folder, "E0607", "expected a directory, found a file", "move it away"))
    return stat.S_ISDIR(mode)


def _meet(survey: _Survey, file: File, absent: bool) -> None:
    """Adds what is to be done about one wanted file, or what is in its way."""
    new = file.data
    path = file.path
    half = survey.halves.get(path)
    found: _Seen | None = None
    if not absent:
        location = f"{survey.out}/{path}"
        try:
            equal = _equals(location, new)
            found = _look(location) if half or not equal else None
        except OSError as error:
            survey.problems.append(_obstacle(survey.out, path, error))
            return
        # A sidecar that is put in place first will not be what it is now.
        if half is None and (equal or (found is not None and found.data == new)):
            survey.actions.append(Action("keep", path, file.recipe))
            return
    stamp = half or (found.stamp if found else None)
    if found is None:
        survey.actions.append(Action("create", path, file.recipe, new=new, stamp=stamp))
        return
    owner = _owner(survey, path, found)
    if owner == "ours" or (owner == "edited" and survey.force):
        forced = owner == "edited"
        survey.actions.append(Action("update", path, file.recipe, found.data, new, stamp, forced))
    elif owner == "edited":
        hint = "put the change into its source, or run with --force to lose it (--diff shows it)"
        survey.problems.append(_problem(survey.out, path, "E0604", "this generated file was edited by hand", hint))
    else:
        hint = "move it away, or choose another output directory with --out"
        survey.problems.append(
            _problem(survey.out, path, "E0603", "expected a generated file, found one that is not", hint)
        )


def _owner(survey: _Survey, path: str, found: _Seen) -> Literal["ours", "edited", "foreign"]:
    """Whose the file is, by its own two lines or by those of its sidecar, be it still under its temporary name."""
    signature = read(found.data)
    if signature is not None and path.endswith(SIDECAR):
        return "edited" if found.data.count(b"\n") > _SIDECAR_LINES else "ours"
    if signature is not None:
        return "edited" if signature.edited else "ours"
    beside = path + SIDECAR
    sidecar = _peek(f"{survey.out}/{beside}")
    signature = read(sidecar.data, body=found.data) if sidecar else None
    if signature is not None and not signature.edited:
        return "ours"
    waiting = _peek(f"{survey.out}/{_temporary_path(beside)}")
    promise = read(waiting.data, body=found.data) if waiting else None
    if waiting is not None and promise is not None and not promise.edited:
        survey.halves[beside] = waiting.stamp
        return "ours"
    return "foreign" if signature is None else "edited"


def _equals(location: str, data: bytes) -> bool:
    """Whether a regular file with exactly these bytes is there; without the calls that only a difference needs."""
    try:
        descriptor = os.open(location, _OPEN)
    except FileNotFoundError:
        return False
    try:
        return bool(data) and os.read(descriptor, len(data) + 1) == data
    finally:
        os.close(descriptor)


def _look(location: str, head: int | None = None) -> _Seen | None:
    """The regular file's bytes (the first `head` of them), or None where nothing is. Raises OSError for all else."""
    try:
        descriptor = os.open(location, _OPEN)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), location)
        return _Seen((stream.readall() if head is None else stream.read(head)) or b"", Stamp.of(status))


def _peek(location: str, head: int | None = None) -> _Seen | None:
    """As `_look`, and None too for what cannot be read: then it proves nothing, and is not ours."""
    try:
        return _look(location, head)
    except OSError:
        return None


# What is left over ---------------------------------------------------------------------------------------------------


def _leftovers(
    survey: _Survey,
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
                survey.problems.append(_unreadable(survey.out, folder, error))
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
                if _is_temporary(name):
                    survey.strays.append(path)
                elif not _is_other_spelling(survey.out, path, keys):
                    names.append(name)
        present = set(names)
        for name in names:
            base = name.removesuffix(SIDECAR)
            if covers(start + base) and (base == name or base not in present):
                _leave(survey, start + name)


def _leave(survey: _Survey, path: str) -> None:
    """Adds what is to be done about one file that nothing wants; with its sidecar, when it has one."""
    found = _peek(f"{survey.out}/{path}", _HEAD)
    beside = path + SIDECAR
    sidecar = _peek(f"{survey.out}/{beside}")
    if found is None or (read(found.data) is None and sidecar is None and not _promised(survey, beside)):
        return
    if found.stamp.size > len(found.data) and (found := _peek(f"{survey.out}/{path}")) is None:
        return
    owner = _owner(survey, path, found)
    if owner == "foreign":
        return
    if owner == "edited" and not survey.force:
        hint = "delete it, keep your change elsewhere, or run with --force to lose it"
        message = "nothing generates this file any more, and it was edited by hand"
        survey.problems.append(_problem(survey.out, path, "E0605", message, hint))
        return
    forced = owner == "edited"
    survey.actions.append(Action("delete", path, None, found.data, None, found.stamp, forced))
    if sidecar is not None and read(sidecar.data) is not None:
        stamp = survey.halves.get(beside, sidecar.stamp)
        survey.actions.append(Action("delete", beside, None, sidecar.data, None, stamp, forced))


def _promised(survey: _Survey, sidecar: str) -> bool:
    """Whether a killed run left the sidecar under its temporary name."""
    return os.path.lexists(f"{survey.out}/{_temporary_path(sidecar)}")


def _is_other_spelling(out: Path, path: str, keys: dict[str, str]) -> bool:
    """Whether a disk that ignores case shows a wanted file under this name: then it is not left over."""
    twin = keys.get(_key(path))
    try:
        return twin is not None and os.path.samestat(os.lstat(out / path), os.lstat(out / twin))
    except FileNotFoundError:
        return False


def _is_temporary(name: str) -> bool:
    return (
        len(name) == 25
        and name.startswith(".gen-")
        and name.endswith(".tmp")
        and not name[5:21].strip("0123456789abcdef")
    )


def _temporary_path(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + temporary(name)


# What to say ---------------------------------------------------------------------------------------------------------


def _place(out: Path, path: str) -> Place:
    return Place((out / path).as_posix())


def _problem(
    out: Path, path: str, code: str, message: str, hint: str = "", see: tuple[tuple[str, Place], ...] = ()
) -> Problem:
    return Problem(_place(out, path), code, message, hint, see=see)


def _link(out: Path, path: str) -> Problem:
    message = "expected a generated file or directory, found a symbolic link"
    return _problem(out, path, "E0606", message, "remove the link: gen writes through none")


def _unreadable(out: Path, path: str, error: OSError) -> Problem:
    return _problem(out, path, "E0608", f"cannot be read: {error.strerror}", "make it readable, or move it away")


def _obstacle(out: Path, path: str, error: OSError) -> Problem:
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return _link(out, path)
    if error.errno in (errno.EISDIR, errno.ENXIO):
        return _problem(out, path, "E0607", "expected a file, found a directory or a device", "move it away")
    return _unreadable(out, path, error)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

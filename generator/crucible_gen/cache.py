"""What a run looked at and what it made in, the record that lets the next run do less out; and back again.

`fast` says what a record is and when it holds. Where it does not, this module tells which recipes it still holds for:
those whose sources and outputs are as they were, while settings, schemas, templates and the generator are too. The
surprising rule: stamps are read before files are, and a digest is that of the bytes that were used. So a file that
changes while a run reads it has another stamp or another digest for the next run.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crucible_gen import fast
from crucible_gen.made import Known, Made, Request, Result
from crucible_gen.plan import FOREIGN_FOLDERS, Plan
from crucible_gen.schema import shipped
from crucible_gen.settings import OWN_FILE, PYPROJECT
from crucible_gen.sign import body_digest

_LIBRARIES = ("yaml", "jsonschema_rs", "jinja2", "black")
_SHARED = ""
_MOST = 64
"""So many records are kept: each command line has one."""


@dataclass
class Notes:
    """What a run knows of the disk: from the record of an earlier run, and by itself.

    `fixed` are the files and folders in which a change touches every recipe; `inputs` and `outputs` the folders that
    are looked into, `files` the stamps of single files; `stale` is what changed since the record, `held` the recipes
    for which it holds; `alone` is set while nobody else put anything among the outputs.
    """

    words: list[str]
    record: fast.Record
    memory: fast.Record
    files: dict[str, fast.Stamp | None] = field(default_factory=dict)
    inputs: dict[str, fast.Folder] = field(default_factory=dict)
    outputs: dict[str, fast.Folder] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    alone: bool = False


def begin(start: Path) -> Notes | None:
    """The notes of a run that looks for settings from `start` on; None where no record is wanted."""
    if fast.said is None:
        return None
    record, memory = fast.found or (fast.load(fast.said), None)
    record = record or {"files": {}, "folders": {}, "doubtful": [], "fixed": []}
    notes = Notes(fast.said, record, memory or fast.memory(record), fixed=set(record["fixed"]))
    for folder in (start, *start.parents):
        for name in (OWN_FILE, PYPROJECT):
            _note(notes, str(folder / name))
            notes.fixed.add(str(folder / name))
    return notes


def look(notes: Notes, request: Request) -> Known:
    """Notes all that a run may read, and gives back what of an earlier run's work still holds."""
    own = [Path(__file__).parent, shipped("schemas"), shipped("templates")]
    for root in [*own, *request.schemas, *([request.templates] if request.templates else [])]:
        notes.fixed.update(_walk(notes, notes.inputs, _path(root), lambda name: True))
    for path in request.paths:
        _walk(notes, notes.inputs, _path(path), lambda name: name[0] not in "._")
    for path in notes.record["files"]:
        _note(notes, path)
    _walk(notes, notes.outputs, _path(request.out), _holds_outputs)
    return _known(notes, _path(request.out))


def disturbed(notes: Notes) -> bool:
    """Whether another run put something among the outputs since they were looked at: it renames files into place."""
    return any(own and _changed_at(folder) != own[2] for folder, (own, _) in notes.outputs.items())


def nothing_left(notes: Notes, result: Result) -> bool:
    """Whether no output can be left over: all that there were are still asked for, and nobody put others there."""
    now = {_SHARED: result.shared, **result.made}
    rows = notes.memory["made"].items()
    return notes.alone and all(path in now and not set(row[-1]).difference(now[path].outputs) for path, row in rows)


def keep(notes: Notes, request: Request, result: Result, planned: Plan, says: tuple[object, object]) -> None:
    """Keeps the record of a run that left everything as the recipes say; `says` is what the next one will say."""
    out = _path(request.out)
    digests: dict[str, str] = notes.memory["digests"]
    written = {f"{out}/{action.path}" for action in planned.changes}
    for path in notes.stale | written:
        digests.pop(path, None)
    made = {_SHARED: result.shared, **result.made}
    fresh = {path: each for path, each in made.items() if path not in notes.held}
    for each in fresh.values():
        digests.update(each.sources)
        digests.update((f"{out}/{file.path}", body_digest(file.data)) for file in each.files)
    for name in _LIBRARIES:
        if name in sys.modules:
            place = os.path.dirname(os.path.dirname(sys.modules[name].__file__ or ""))
            _note(notes, place)
            notes.fixed.add(place)
    for path in {path for each in fresh.values() for path, _ in each.sources}:
        if os.path.dirname(path) not in notes.inputs and path not in notes.files:
            _note(notes, path)
            if not fast.unchanged(path, digests):
                return
    if any(action.kind != "update" for action in planned.changes):
        written |= _look_again(notes, out)
    folders = notes.inputs | notes.outputs
    digests = dict(_unread(notes)) | digests | dict(_fixed_digests(notes, digests))
    rows = {path: row for path, row in notes.memory["made"].items() if path in made}
    rows.update((path, _row(each)) for path, each in fresh.items())
    record = {
        "asked": fast.identity(notes.words),
        "place": fast.place(notes.words),
        "files": notes.files,
        "folders": folders,
        "fixed": sorted(notes.fixed),
        "says": says,
    }
    fast.save(record, {"digests": digests, "made": rows}, notes.record, written)
    _forget(os.path.dirname(str(record["place"])))


# What still holds -----------------------------------------------------------------------------------------------------


def _known(notes: Notes, out: str) -> Known:
    record, folders = notes.record, notes.inputs | notes.outputs
    digests: dict[str, str] = notes.memory["digests"]
    doubtful = set(record["doubtful"])
    doubtful.update(path for path, before in record["files"].items() if notes.files[path] != before)
    doubtful.update(path for path in notes.files if path not in record["files"] and notes.files[path])
    came: set[str] = set()
    for folder in {*record["folders"], *folders}:
        before, after = record["folders"].get(folder, ((), b"")), folders.get(folder, ((), b""))
        if before == after:
            continue
        old, new = fast.entries(before), fast.entries(after)
        # The first of a stamp is the kind: a link is no file, whatever it leads to.
        came.update(
            f"{folder}/{name}" for name in old.keys() | new.keys() if old.get(name, (0,))[:1] != new.get(name, (0,))[:1]
        )
        doubtful.update(f"{folder}/{name}" for name in old.keys() & new.keys() if old[name] != new[name])
    stale = notes.stale = came | {path for path in doubtful if not fast.unchanged(path, digests)}
    if record.get("when", fast.START) > fast.START:
        return Known()  # the clock was set back: no stamp tells what came first
    if not notes.memory["made"] or any(path in notes.fixed or os.path.dirname(path) in notes.fixed for path in stale):
        return Known()
    rows: dict[str, tuple[Any, ...]] = notes.memory["made"]
    among = {path[len(out) + 1 :] for path in stale if path.startswith(f"{out}/")}
    made: dict[str, Made] = {}
    for path, row in rows.items():
        _, sources, *_, outputs = row
        if among.isdisjoint(outputs) and stale.isdisjoint([source for source, _ in sources]):
            made[path] = Made(*row)
    notes.held = set(made)
    ids = frozenset(row[0] for row in rows.values())
    notes.alone = among <= {output for row in rows.values() if not among.isdisjoint(row[-1]) for output in row[-1]}
    return Known(made, made.pop(_SHARED, None), ids)


def _row(made: Made) -> tuple[object, ...]:
    return made.id, made.sources, made.profiles, made.stopped, made.wraps, made.outputs


# What is on the disk --------------------------------------------------------------------------------------------------


def _path(path: Path) -> str:
    return os.path.normpath(path.absolute())


def _note(notes: Notes, path: str) -> None:
    notes.files.setdefault(path, fast.stamp(path))


def _walk(notes: Notes, into: dict[str, fast.Folder], root: str, enters: Callable[[str], bool]) -> list[str]:
    """Notes a folder and those below it, or a single file; gives back what it noted."""
    if not os.path.isdir(root) and into is notes.inputs:
        _note(notes, root)
        return [root]
    found: list[str] = []
    pending = [root]
    while pending:
        folder = pending.pop()
        found.append(folder)
        if folder in into:
            continue
        into[folder] = fast.seen[folder] = fast.seen.get(folder) or fast.scan(folder)
        if into[folder] == notes.record["folders"].get(folder):
            pending += [path for path in notes.record["folders"] if os.path.dirname(path) == folder]
            continue  # where its links lead is among the files of the record
        for name, at in fast.entries(into[folder]).items():
            path = f"{folder}/{name}"
            if not at and enters(name):
                pending.append(path)
            elif at and stat.S_ISLNK(at[1]) and into is notes.inputs:
                if os.path.isdir(path) and enters(name) and os.path.realpath(path) not in into:
                    pending.append(path)
                _note(notes, path)
    return found


def _look_again(notes: Notes, out: str) -> set[str]:
    """Notes the outputs again after names came and went; gives back what is not as it was, by whomever."""
    before = dict(notes.outputs)
    notes.outputs.clear()
    for folder in before:
        if not before[folder][0] or _changed_at(folder) != before[folder][0][2]:
            fast.seen.pop(folder, None)
    _walk(notes, notes.outputs, out, _holds_outputs)
    other: set[str] = set()
    for folder, found in notes.outputs.items():
        if found != before.get(folder):
            old = fast.entries(before.get(folder, ((), b"")))
            other.update(f"{folder}/{name}" for name, at in fast.entries(found).items() if at and at != old.get(name))
    return other


def _holds_outputs(name: str) -> bool:
    return name[0] != "." and name not in FOREIGN_FOLDERS


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _unread(notes: Notes) -> Iterator[tuple[str, str]]:
    """Empty digests of what is in the folders of recipes and may have any bytes, as long as no recipe says otherwise."""
    for folder in notes.inputs.keys() - notes.fixed:
        if notes.inputs[folder] == notes.record["folders"].get(folder):
            continue  # the digests of the record say so already
        yield from ((f"{folder}/{name}", "") for name, at in fast.entries(notes.inputs[folder]).items() if at)


def _fixed_digests(notes: Notes, digests: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Digests of the generator's files, of schemas, templates and settings, where they are as they were when noted."""
    old = fast.START - fast.MARGIN
    found: dict[str, fast.Stamp] = {path: at[3:] for path in notes.fixed if (at := notes.files.get(path))}
    for folder in notes.fixed & notes.inputs.keys():
        found |= {f"{folder}/{name}": at[3:] for name, at in fast.entries(notes.inputs[folder]).items() if at}
    for path, at in found.items():
        if path in digests:
            yield path, digests[path]
        elif max(at[-2:]) < old and (digest := fast.digest(path)) and (fast.stamp(path) or ())[3:] == at:
            yield path, digest


def _forget(folder: str) -> None:
    """Removes the oldest records where there are too many."""
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.stat().st_mtime_ns)
        for entry in ordered[:-_MOST]:
            os.unlink(entry.path)
    except OSError:
        pass

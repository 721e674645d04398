"""What a run looked at and what it made in, the record that lets the next run do less out; and back again.

`fast` says what a record is and when it holds. Where it does not, this module tells which recipes it still holds for:
those whose sources and outputs are as they were, while settings, schemas, templates and the generator are too. The
surprising rule: stamps are read before files are, and a digest is that of the bytes that were used. So a file that
changes while a run reads it has another stamp or another digest for the next run.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from crucible_gen import fast
from crucible_gen.made import Known, Made, Request, Result
from crucible_gen.plan import FOREIGN_FOLDERS, Plan
from crucible_gen.schema import shipped
from crucible_gen.settings import OWN_FILE, PYPROJECT
from crucible_gen.sign import body_digest

_LIBRARIES = ("yaml", "jsonschema_rs", "jinja2", "black")
_SHARED = ""
_NO_FOLDER: fast.Folder = (), b""
_NO_RECORD: fast.Record = {"files": {}, "inputs": {}, "outputs": {}, "doubtful": (), "fixed": ()}
_FEW = 100
"""With more files than these it does not pay to look at recipes one by one."""
_MOST = 64
"""So many records are kept: each command line has one."""


class Notes:
    """What a run knows of the disk: from the record of an earlier run, and by itself.

    `fixed` are the files and folders in which a change touches every recipe; `inputs` and `outputs` the folders that
    are looked into, `files` the stamps of single files; `seen` are folders that need not be read again; `stale` is what
    changed since the record, `held` the recipes for which it holds; `alone` is set while nobody else put anything among
    the outputs.
    """

    def __init__(self, words: list[str], look: fast.Look | None) -> None:
        """Takes the words of the command line, and what was seen beside their record, if they have one."""
        self.words = words
        self.look = look
        self.record: fast.Record = look.record if look else _NO_RECORD
        self.memory: fast.Record = look.memory if look else fast.EMPTY
        self.files: dict[str, fast.Stamp | None] = {}
        self.inputs: dict[str, fast.Folder] = {}
        self.outputs: dict[str, fast.Folder] = {}
        self.seen: dict[str, fast.Folder] = {}
        self.fixed: set[str] = set(self.record["fixed"])
        self.stale: set[str] = set()
        self.held: set[str] = set()
        self.alone = False


def begin(start: Path) -> Notes | None:
    """The notes of a run that looks for settings from `start` on; None where no record is wanted."""
    if fast.said is None:
        return None
    notes = Notes(fast.said, fast.look)
    for folder in (start, *start.parents):
        for name in (OWN_FILE, PYPROJECT):
            _note(notes, str(folder / name))
            notes.fixed.add(str(folder / name))
    return notes


def may_be_few(notes: Notes) -> bool:
    """Whether, by what was read so far, few files changed since the record, and none that touches every recipe."""
    look = notes.look
    few = look is not None and not look.strange and 0 < len(look.stale) <= _FEW
    return few and not any(_is_fixed(notes, path) for path in (look.stale if look else ()))


def few(notes: Notes) -> dict[str, Made] | None:
    """What the record knows of the recipes that changed, or whose outputs did; None where that is not all, or many."""
    look = notes.look.finish() if notes.look else None
    if look is None or not may_be_few(notes):
        return None
    rows = fast.about(notes.memory, look.stale)
    out = notes.memory["out"]
    changed = {
        path: row
        for path, row in rows.items()
        if not look.stale.isdisjoint([*dict(row[1]), *(f"{out}/{output}" for output in row[5])])
    }
    known = {*changed, *(f"{out}/{output}" for row in changed.values() for output in row[5])}
    if _SHARED in changed or not look.stale <= known:
        return None
    notes.files, notes.inputs, notes.outputs, notes.stale = look.files, look.inputs, look.outputs, look.stale
    notes.held, notes.alone = notes.memory["rows"].keys() - changed.keys(), True
    return {path: Made(*row[:-1]) for path, row in changed.items()}


def look(notes: Notes, request: Request) -> Known:
    """Notes all that a run may read, and gives back what of an earlier run's work still holds."""
    if notes.look:
        notes.seen = notes.look.finish().inputs | notes.look.outputs
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
    if result.rest or not notes.alone:
        return notes.alone
    now = {_SHARED: result.shared, **result.made}
    others = notes.memory["rows"].keys() - notes.held
    return notes.held <= now.keys() and all(
        path in now and not set(marshal.loads(notes.memory["rows"][path])[5]).difference(now[path].outputs)
        for path in others
    )


def keep(notes: Notes, request: Request, result: Result, planned: Plan, says: tuple[object, object]) -> None:
    """Keeps the record of a run that left everything as the recipes say; `says` is what the next one will say."""
    made = {_SHARED: result.shared, **result.made} if not result.rest else result.made
    fresh = {path: each for path, each in made.items() if each.files or path not in notes.held}
    digests = {path: digest for each in fresh.values() for path, digest in each.sources}
    for name in _LIBRARIES:
        if name in sys.modules:
            place = os.path.dirname(os.path.dirname(sys.modules[name].__file__ or ""))
            _note(notes, place)
            notes.fixed.add(place)
    for path in digests:
        if os.path.dirname(path) not in notes.inputs and path not in notes.files:
            _note(notes, path)
            if not fast.unchanged(path, digests):
                return
    out = _path(request.out)
    young = {f"{out}/{action.path}" for action in planned.changes}
    if any(action.kind != "update" for action in planned.changes):
        young |= _look_again(notes, out)
    record = {
        "asked": fast.identity(notes.words),
        "place": fast.place(notes.words),
        "files": notes.files,
        "inputs": notes.inputs,
        "outputs": notes.outputs,
        "fixed": sorted(notes.fixed),
        "recipes": result.recipes,
        "written": planned.files,
        "says": says,
    }
    rows = {
        path: row for path, row in notes.memory["rows"].items() if path in notes.held and (result.rest or path in made)
    }
    rows |= {path: _row(each) for path, each in fresh.items()}
    others = notes.memory["digests"] if result.rest else _digests(notes, made)
    memory = {"out": out, "rows": rows, "digests": others}
    fast.save(record, memory, young | (notes.look.young if notes.look and result.rest else _young(notes)))
    _forget(os.path.dirname(str(record["place"])))


# What still holds -----------------------------------------------------------------------------------------------------


def _known(notes: Notes, out: str) -> Known:
    record, folders = notes.record, notes.inputs | notes.outputs
    recorded: dict[str, fast.Folder] = record["inputs"] | record["outputs"]
    doubtful = set(record["doubtful"])
    doubtful.update(path for path, before in record["files"].items() if notes.files[path] != before)
    doubtful.update(path for path in notes.files if path not in record["files"] and notes.files[path])
    stale: set[str] = set()
    for folder in {*recorded, *folders}:
        before, after = recorded.get(folder, _NO_FOLDER), folders.get(folder, _NO_FOLDER)
        if before == after:
            continue
        old, new = fast.entries(before), fast.entries(after)
        other = fast.kinds(old - new) ^ fast.kinds(new - old)  # a link is no file, whatever it leads to
        stale.update(f"{folder}/{name}" for name, _ in other)
        doubtful.update(f"{folder}/{each[0]}" for each in new - old)
    doubtful -= stale | (notes.look.same if notes.look else set())
    digests = fast.digests(notes.memory, doubtful) if doubtful else {}
    stale.update(path for path in doubtful if not fast.unchanged(path, digests))
    notes.stale = stale
    if record.get("when", fast.START) > fast.START:
        return Known()  # the clock was set back: no stamp tells what came first
    if not notes.memory["rows"] or any(_is_fixed(notes, path) for path in stale):
        return Known()
    rows = {path: marshal.loads(row) for path, row in notes.memory["rows"].items()}
    among = {path[len(out) + 1 :] for path in stale if path.startswith(f"{out}/")}
    made: dict[str, Made] = {}
    for path, row in rows.items():
        if among.isdisjoint(row[5]) and stale.isdisjoint([source for source, _ in row[1]]):
            made[path] = Made(*row[:-1])
    notes.held = set(made)
    ids = frozenset(row[0] for row in rows.values())
    notes.alone = among <= {output for path, row in rows.items() if path not in made for output in row[5]}
    return Known(made, made.pop(_SHARED, None), ids)


def _is_fixed(notes: Notes, path: str) -> bool:
    return path in notes.fixed or os.path.dirname(path) in notes.fixed


def _row(made: Made) -> bytes:
    digests = tuple(body_digest(file.data) for file in made.files)
    row = (made.id, made.sources, made.profiles, made.stopped, made.wraps, made.outputs, digests)
    return marshal.dumps(row, 2)


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
        into[folder] = notes.seen.get(folder) or fast.scan(folder)
        recorded = notes.record["inputs" if into is notes.inputs else "outputs"]
        if into[folder] == recorded.get(folder):
            pending += [path for path in recorded if os.path.dirname(path) == folder]
            continue  # where its links lead is among the files of the record
        for name, *at in fast.entries(into[folder]):
            path = f"{folder}/{name}"
            if not at and enters(name):
                pending.append(path)
            elif at and stat.S_ISLNK(at[0]) and into is notes.inputs:
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
            notes.seen.pop(folder, None)
    _walk(notes, notes.outputs, out, _holds_outputs)
    other: set[str] = set()
    for folder, found in notes.outputs.items():
        if found != before.get(folder):
            came = fast.entries(found) - fast.entries(before.get(folder, _NO_FOLDER))
            other.update(f"{folder}/{name}" for name, *at in came if at)
    return other


def _holds_outputs(name: str) -> bool:
    return name[0] != "." and name not in FOREIGN_FOLDERS


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _young(notes: Notes) -> set[str]:
    """The files whose stamps the next run must not believe; folders that were settled and are as they were have none."""
    old = fast.START - fast.MARGIN
    young = {path for path, at in notes.files.items() if at and max(at[-2:]) > old}
    unsettled = {path.rpartition("/")[0] for path in notes.record["doubtful"]}
    for recorded, folders in (("inputs", notes.inputs), ("outputs", notes.outputs)):
        for folder, found in folders.items():
            if folder in unsettled or found != notes.record[recorded].get(folder):
                young.update(f"{folder}/{name}" for name, *at in fast.entries(found) if at and max(at[-2:]) > old)
    return young


def _digests(notes: Notes, made: Mapping[str, Made]) -> dict[str, str]:
    """Digests of what belongs to no recipe: empty ones of what may have any bytes, as long as no recipe says otherwise.

    Of the generator's files, of schemas, templates and settings there are digests where they are as they were when noted.
    """
    digests: dict[str, str] = {
        path: digest for path, digest in notes.memory["digests"].items() if path not in notes.stale
    }
    sources = {path for each in made.values() for path, _ in each.sources}
    for folder in notes.inputs.keys() - notes.fixed:
        if notes.inputs[folder] != notes.record["inputs"].get(folder):
            paths = (f"{folder}/{name}" for name, *at in fast.entries(notes.inputs[folder]) if at)
            digests.update((path, "") for path in paths if path not in sources)
    old = fast.START - fast.MARGIN
    found: dict[str, fast.Stamp] = {path: at[3:] for path in notes.fixed if (at := notes.files.get(path))}
    for folder in notes.fixed & notes.inputs.keys():
        found |= {f"{folder}/{name}": tuple(at[2:]) for name, *at in fast.entries(notes.inputs[folder]) if at}
    for path, at in found.items():
        if path not in digests and max(at[-2:]) < old:
            digest = fast.digest(path)
            if digest and (fast.stamp(path) or ())[3:] == at:
                digests[path] = digest
    return digests


def _forget(folder: str) -> None:
    """Removes the oldest records where there are too many."""
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.stat().st_mtime_ns)
        for entry in ordered[:-_MOST]:
            os.unlink(entry.path)
    except OSError:
        pass

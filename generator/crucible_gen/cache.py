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
from collections.abc import Callable, Mapping
from pathlib import Path

from crucible_gen import elixir_runtime, fast, memory, store
from crucible_gen.made import Known, Made, Request, Result
from crucible_gen.memory import Memory, Row
from crucible_gen.outputs import FOREIGN_FOLDERS
from crucible_gen.plan import Plan
from crucible_gen.schema import shipped
from crucible_gen.settings import OWN_FILE, PYPROJECT
from crucible_gen.sign import body_digest

_LIBRARIES = ("yaml", "jsonschema_rs", "jinja2", "black")
_SHARED = ""
_NO_FOLDER: fast.Folder = (), b""
_NO_RECORD: store.Record = {"files": {}, "inputs": {}, "outputs": {}, "doubtful": (), "fixed": ()}
_LATER = 1000
"""So many rows of later runs stand beside a memory before they are put into it."""
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
        self.record: store.Record = look.record if look else _NO_RECORD
        self.memory = look.memory if look else Memory()
        self.files: dict[str, fast.Stamp | None] = {}
        self.inputs: dict[str, fast.Folder] = {}
        self.outputs: dict[str, fast.Folder] = {}
        self.seen: dict[str, fast.Folder] = {}
        self.fixed: set[str] = set(self.record["fixed"])
        self.stale: set[str] = set()
        self.held: set[str] = set()
        self.alone = False


def begin(words: list[str], start: Path) -> Notes:
    """The notes of a run with these words that looks for settings from `start` on."""
    notes = Notes(words, fast.look)
    for folder in (start, *start.parents):
        for name in (OWN_FILE, PYPROJECT):
            _note(notes, str(folder / name))
            notes.fixed.add(str(folder / name))
    return notes


def may_be_few(notes: Notes) -> bool:
    """Whether, by what was read so far, few files changed since the record, and none that touches every recipe."""
    look = notes.look
    if look is None or look.strange or not 0 < len(look.stale) <= _FEW:
        return False
    return not any(_is_fixed(notes, path) for path in look.stale)


def few(notes: Notes) -> dict[str, Made] | None:
    """What the record knows of the recipes that changed, or whose outputs did, by what was read so far.

    None where that is not all that changed, or too much.
    """
    look = notes.look
    if look is None or not may_be_few(notes):
        return None
    out = notes.memory.out
    changed = {
        row.path: row
        for row in notes.memory.about(look.stale)
        if not look.stale.isdisjoint([*dict(row.sources), *(f"{out}/{output}" for output in row.outputs)])
    }
    known = {*changed, *(f"{out}/{output}" for row in changed.values() for output in row.outputs)}
    if _SHARED in changed or not look.stale <= known:
        return None
    notes.files, notes.inputs, notes.outputs, notes.stale = look.files, look.inputs, look.outputs, look.stale
    notes.alone = True
    return {path: _made(row) for path, row in changed.items()}


def finish(notes: Notes) -> None:
    """Waits until everything is read that the record names."""
    if notes.look:
        notes.look.finish()


def look(notes: Notes, request: Request) -> Known:
    """Notes all that a run may read, and gives back what of an earlier run's work still holds."""
    if notes.look:
        notes.seen = notes.look.finish().inputs | notes.look.outputs
    notes.inputs, notes.outputs, notes.alone = {}, {}, False  # whatever `few` took for all there is
    runtime = [elixir_runtime.root() / folder for folder in elixir_runtime.FOLDERS]
    own = [Path(__file__).parent, shipped("schemas"), shipped("templates"), *runtime]
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
    return all(
        row.path in now and not set(row.outputs).difference(now[row.path].outputs) for _, row in notes.memory.all()
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
    rows = {path: _row(path, each).packed() for path, each in fresh.items()}
    if result.rest and notes.files.keys() <= notes.record["files"].keys():
        later = {**notes.memory.later, **rows}
        if len(later) < _LATER:
            memory.add(notes.record, later)  # the record says of each file what it was, and that is still so
            return
    out = _path(request.out)
    young = {f"{out}/{action.path}" for action in planned.changes}
    if any(action.kind != "update" for action in planned.changes):
        young |= _look_again(notes, out)
    record: store.Record = {
        "asked": store.identity(notes.words),
        "place": store.place(notes.words),
        "files": notes.files,
        "inputs": notes.inputs,
        "outputs": notes.outputs,
        "fixed": sorted(notes.fixed),
        "recipes": result.recipes,
        "written": planned.files,
        "says": says,
        "when": fast.START,
        "later": notes.look.later if notes.look else store.check(f"{store.place(notes.words)}{store.LATER}"),
    }
    held = (packed for packed, row in notes.memory.all() if row.path not in fresh and _is_held(notes, result, row.path))
    others = notes.memory.others if result.rest else _digests(notes, made)
    record["memory"] = memory.write(record["place"], out, others, [*held, *rows.values()])
    store.save(record, young | (notes.look.young if notes.look and result.rest else _young(notes)))
    _forget(os.path.dirname(str(record["place"])))


def _is_held(notes: Notes, result: Result, path: str) -> bool:
    return bool(result.rest) or (path in notes.held and (path in result.made or path == _SHARED))


# What still holds -----------------------------------------------------------------------------------------------------


def _known(notes: Notes, out: str) -> Known:
    record, folders = notes.record, notes.inputs | notes.outputs
    recorded: dict[str, fast.Folder] = record["inputs"] | record["outputs"]
    doubtful = set(record["doubtful"])
    doubtful.update(path for path, before in record["files"].items() if notes.files[path] != before)
    doubtful.update(path for path in notes.files if path not in record["files"] and notes.files[path])
    stale, same = (set(notes.look.stale), notes.look.same) if notes.look else (set(), set())
    for folder in {*recorded, *folders}:
        before, after = recorded.get(folder, _NO_FOLDER), folders.get(folder, _NO_FOLDER)
        if before == after:
            continue
        came, went = fast.differences(fast.entries(before), fast.entries(after))
        other = fast.kinds(came) ^ fast.kinds(went)  # a link is no file, whatever it leads to
        stale.update(f"{folder}/{name}" for name, _ in other)
        doubtful.update(f"{folder}/{each[0]}" for each in came)
    doubtful -= stale | same
    digests = notes.memory.digests(doubtful) if doubtful else {}
    stale.update(path for path in doubtful if not fast.unchanged(path, digests))
    notes.stale = stale
    if record.get("when", fast.START) > fast.START:
        return Known()  # the clock was set back: no stamp tells what came first
    if not len(notes.memory) or any(_is_fixed(notes, path) for path in stale):
        return Known()
    rows = [row for _, row in notes.memory.all()]
    among = {path[len(out) + 1 :] for path in stale if path.startswith(f"{out}/")}
    made: dict[str, Made] = {}
    for row in rows:
        if among.isdisjoint(row.outputs) and stale.isdisjoint([source for source, _ in row.sources]):
            made[row.path] = _made(row)
    notes.held = set(made)
    ids = frozenset(row.id for row in rows)
    notes.alone = among <= {output for row in rows if row.path not in made for output in row.outputs}
    return Known(made, made.pop(_SHARED, None), ids)


def _is_fixed(notes: Notes, path: str) -> bool:
    return path in notes.fixed or os.path.dirname(path) in notes.fixed


def _row(path: str, made: Made) -> Row:
    digests = tuple(body_digest(file.data) for file in made.files)
    return Row(path, made.id, made.sources, made.profiles, made.stopped, made.wraps, made.outputs, digests)


def _made(row: Row) -> Made:
    return Made(row.id, row.sources, row.profiles, row.stopped, row.wraps, row.outputs)


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
        into[folder] = notes.seen.get(folder) or fast.packed(*fast.scan(folder))
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
            came, _ = fast.differences(fast.entries(before.get(folder, _NO_FOLDER)), fast.entries(found))
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
    young = {path for path, at in notes.files.items() if at and fast.is_young(at)}
    unsettled = {path.rpartition("/")[0] for path in notes.record["doubtful"]}
    for recorded, folders in (("inputs", notes.inputs), ("outputs", notes.outputs)):
        for folder, found in folders.items():
            if folder in unsettled or found != notes.record[recorded].get(folder):
                young.update(f"{folder}/{name}" for name, *at in fast.entries(found) if at and fast.is_young(at))
    return young


def _digests(notes: Notes, made: Mapping[str, Made]) -> dict[str, str]:
    """Digests of what belongs to no recipe: empty ones of what may have any bytes, as long as no recipe says otherwise.

    Of the generator's files, of schemas, templates and settings there are digests where they are as they were when noted.
    """
    known = ((path, digest) for path, digest in notes.memory.others.items() if path not in notes.stale)
    digests = {path: digest for path, digest in known if digest or not _is_fixed(notes, path)}
    sources = {path for each in made.values() for path, _ in each.sources}
    for folder in notes.inputs.keys() - notes.fixed:
        if notes.inputs[folder] != notes.record["inputs"].get(folder):
            paths = (f"{folder}/{name}" for name, *at in fast.entries(notes.inputs[folder]) if at)
            digests.update((path, "") for path in paths if path not in sources and path not in notes.fixed)
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
    """Removes the oldest records, and their memories, where there are too many."""
    try:
        with os.scandir(folder) as entries:
            records = [entry for entry in entries if not entry.name.endswith((store.MEMORY, store.LATER))]
        if len(records) > _MOST:
            for entry in sorted(records, key=lambda entry: entry.stat().st_mtime_ns)[:-_MOST]:
                for path in (entry.path, entry.path + store.MEMORY, entry.path + store.LATER):
                    if os.path.exists(path):
                        os.unlink(path)
    except OSError:
        pass

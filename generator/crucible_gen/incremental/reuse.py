"""Which recipes of an earlier run still hold: those whose sources and outputs are as they were.

None does where settings, schemas, templates or the generator changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from crucible_gen.incremental import problems
from crucible_gen.incremental import snapshot as disk
from crucible_gen.incremental.index import Row
from crucible_gen.incremental.notes import NO_FOLDER, Notes, absolute
from crucible_gen.results import Product, Request, Result, Reusable

if TYPE_CHECKING:
    from crucible_gen.incremental.record import Folder

SHARED = ""
"""The path under which the index has the files that all recipes share."""
_FEW = 100
"""With more changed files than these it does not pay to look at recipes one by one."""


def partial(notes: Notes, remake: Callable[[Sequence[str]], Mapping[str, Product] | None]) -> Reusable | None:
    """The few recipes that changed since the record, made again; None where that is not all that has to be done.

    Other processes may still be reading outputs when this begins: what they find is asked for after the recipes that
    are known to have changed are made, and if there are more, all of them are made.
    """
    if not _may_be_few(notes):
        return None
    known: dict[str, Product] = {}
    made: Mapping[str, Product] | None = None
    while (before := _few(notes)) and before != known:
        known, made = before, remake(list(before))
        if made is None or any(product.interface != before[path].interface for path, product in made.items()):
            return None
        if notes.snapshot:
            notes.snapshot.finish()
    if not before or made is None:
        return None
    rest = notes.record.written - sum(len(each.outputs) for each in known.values())
    return Reusable(made, rest=rest, recipes=notes.record.recipes, warnings=problems.unpacked(notes.record.warnings))


def whole(notes: Notes, request: Request) -> Reusable:
    """Everything that still holds, after all that a run may read was looked at."""
    notes.look(request)
    out = absolute(request.out)
    _find_stale(notes)
    if notes.record.when > notes.started:
        return Reusable()  # the clock was set back: no stamp tells what came first
    if not len(notes.index) or any(notes.is_fixed(path) for path in notes.stale):
        return Reusable()
    rows = [row for _, row in notes.index.all()]
    among = {path[len(out) + 1 :] for path in notes.stale if path.startswith(f"{out}/")}
    held: dict[str, Product] = {}
    for row in rows:
        if among.isdisjoint(row.outputs) and notes.stale.isdisjoint([source for source, _ in row.sources]):
            held[row.path] = _product(row)
    notes.held = set(held)
    ids = frozenset(row.id for row in rows)
    notes.alone = among <= {output for row in rows if row.path not in held for output in row.outputs}
    return Reusable(held, held.pop(SHARED, None), ids)


def leaves_nothing(notes: Notes, result: Result) -> bool:
    """Whether no output can be stale: all that there were are still asked for, and nobody put others there."""
    if result.rest or not notes.alone:
        return notes.alone
    now = {SHARED: result.shared, **result.products}
    return all(
        row.path in now and not set(row.outputs).difference(now[row.path].outputs) for _, row in notes.index.all()
    )


def _may_be_few(notes: Notes) -> bool:
    """Whether, by what was read so far, few files changed since the record, and none that touches every recipe."""
    seen = notes.snapshot
    if seen is None or seen.strange or not 0 < len(seen.stale) <= _FEW:
        return False
    return not any(notes.is_fixed(path) for path in seen.stale)


def _few(notes: Notes) -> dict[str, Product] | None:
    """What the record knows of the recipes that changed, or whose outputs did, by what was read so far.

    None where that is not all that changed, or too much.
    """
    seen = notes.snapshot
    if seen is None or not _may_be_few(notes):
        return None
    out = notes.index.out
    changed = {
        row.path: row
        for row in notes.index.about(seen.stale)
        if not seen.stale.isdisjoint([*dict(row.sources), *(f"{out}/{output}" for output in row.outputs)])
    }
    known = {*changed, *(f"{out}/{output}" for row in changed.values() for output in row.outputs)}
    if SHARED in changed or not seen.stale <= known:
        return None
    notes.files, notes.inputs, notes.outputs, notes.stale = seen.files, seen.inputs, seen.outputs, seen.stale
    notes.alone = True
    return {path: _product(row) for path, row in changed.items()}


def _find_stale(notes: Notes) -> None:
    """Finds what changed since the record."""
    record, folders = notes.record, notes.inputs | notes.outputs
    recorded: dict[str, Folder] = record.inputs | record.outputs
    doubtful = set(record.doubtful)
    doubtful.update(path for path, before in record.files.items() if notes.files[path] != before)
    doubtful.update(path for path in notes.files if path not in record.files and notes.files[path])
    seen = notes.snapshot
    stale, same = (set(seen.stale), seen.same) if seen else (set[str](), set[str]())
    for folder in {*recorded, *folders}:
        before, after = recorded.get(folder, NO_FOLDER), folders.get(folder, NO_FOLDER)
        if before == after:
            continue
        came, went = disk.differences(disk.entries(before), disk.entries(after))
        other = disk.kinds(came) ^ disk.kinds(went)  # a link is no file, whatever it leads to
        stale.update(f"{folder}/{name}" for name, _ in other)
        doubtful.update(f"{folder}/{each[0]}" for each in came)
    doubtful -= stale | same
    digests = notes.index.digests(doubtful) if doubtful else {}
    stale.update(path for path in doubtful if not disk.unchanged(path, digests))
    notes.stale = stale


def _product(row: Row) -> Product:
    warnings = problems.unpacked(row.warnings)
    return Product(row.id, row.sources, row.profiles, row.stopped, row.outputs, warnings=warnings)

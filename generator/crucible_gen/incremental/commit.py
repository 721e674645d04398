"""The record of a run that left everything as the recipes say, for the next run with the same command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from crucible_gen.documents import digest
from crucible_gen.incremental import index, problems, store
from crucible_gen.incremental import snapshot as disk
from crucible_gen.incremental.index import Row
from crucible_gen.incremental.notes import Notes, absolute
from crucible_gen.incremental.record import Record
from crucible_gen.incremental.reuse import SHARED
from crucible_gen.output.plan import Plan
from crucible_gen.results import Answers, Product, Request, Result

if TYPE_CHECKING:
    from crucible_gen.incremental.record import Stamp

_LIBRARIES = ("yaml", "jsonschema_rs", "jinja2", "black")
"""The libraries whose releases may change what a run says or writes."""
_LATER = 1000
"""So many rows of later runs stand beside an index before they are put into it."""
_MOST = 64
"""So many records are kept: each command line has one."""


def commit(notes: Notes, request: Request, result: Result, plan: Plan, answers: Answers) -> None:
    """Keeps the record; nothing where a file changed since it was read."""
    products = {SHARED: result.shared, **result.products} if not result.rest else dict(result.products)
    fresh = {path: each for path, each in products.items() if each.files or path not in notes.held}
    _note_libraries(notes)
    if not _note_sources(notes, fresh):
        return
    rows = {path: _row(path, each).packed() for path, each in fresh.items()}
    if result.rest and notes.files.keys() <= notes.record.files.keys():
        later = {**notes.index.later, **rows}
        if len(later) < _LATER:
            index.add(notes.record, later)  # the record says of each file what it was, and that is still so
            return
    out = absolute(request.out)
    young = {f"{out}/{action.path}" for action in plan.changes}
    if any(action.kind != "update" for action in plan.changes):
        young |= notes.look_again(out)
    young |= notes.snapshot.young if notes.snapshot and result.rest else notes.young()
    record = Record(
        store.identity(notes.words),
        store.place(notes.words),
        files=notes.files,
        inputs=notes.inputs,
        outputs=notes.outputs,
        fixed=sorted(notes.fixed),
        doubtful=sorted(young),
        recipes=result.recipes,
        written=plan.files,
        says=(answers.generate, answers.check, answers.quiet),
        warnings=problems.packed(result.warnings),
        color=answers.color,
        when=notes.started,
        later=notes.snapshot.later if notes.snapshot else store.check(f"{store.place(notes.words)}{store.LATER}"),
    )
    held = (packed for packed, row in notes.index.all() if row.path not in fresh and _is_held(notes, result, row.path))
    others = notes.index.others if result.rest else _digests(notes, products)
    record.index = index.write(record.place, out, others, [*held, *rows.values()])
    record.save()
    store.forget(os.path.dirname(record.place), _MOST)


def _note_libraries(notes: Notes) -> None:
    for name in _LIBRARIES:
        if name in sys.modules:
            place = os.path.dirname(os.path.dirname(sys.modules[name].__file__ or ""))
            notes.note(place)
            notes.fixed.add(place)


def _note_sources(notes: Notes, fresh: Mapping[str, Product]) -> bool:
    """Notes the sources outside the directories that were looked into; False where one changed since it was read."""
    digests = {path: of for each in fresh.values() for path, of in each.sources}
    for path in digests:
        if os.path.dirname(path) not in notes.inputs and path not in notes.files:
            notes.note(path)
            if not disk.unchanged(path, digests):
                return False
    return True


def _is_held(notes: Notes, result: Result, path: str) -> bool:
    return bool(result.rest) or (path in notes.held and (path in result.products or path == SHARED))


def _row(path: str, product: Product) -> Row:
    digests = tuple(digest(file.data) for file in product.files)
    each = product
    warnings = problems.packed(each.warnings)
    return Row(path, each.id, each.sources, each.profiles, each.stopped, each.outputs, digests, warnings)


def _digests(notes: Notes, products: Mapping[str, Product]) -> dict[str, str]:
    """Digests of what belongs to no recipe: empty ones of what may have any bytes, as long as no recipe says otherwise.

    Of the generator's files, of schemas, templates and settings there are digests where they are as they were when noted.
    """
    known = ((path, of) for path, of in notes.index.others.items() if path not in notes.stale)
    digests = {path: of for path, of in known if of or not notes.is_fixed(path)}
    sources = {path for each in products.values() for path, _ in each.sources}
    for folder in notes.inputs.keys() - notes.fixed:
        if notes.inputs[folder] != notes.record.inputs.get(folder):
            paths = (f"{folder}/{name}" for name, *at in disk.entries(notes.inputs[folder]) if at)
            digests.update((path, "") for path in paths if path not in sources and path not in notes.fixed)
    found: dict[str, Stamp] = {path: at[3:] for path in notes.fixed if (at := notes.files.get(path))}
    for folder in notes.fixed & notes.inputs.keys():
        found |= {f"{folder}/{name}": tuple(at[2:]) for name, *at in disk.entries(notes.inputs[folder]) if at}
    for path, at in found.items():
        if path not in digests and max(at[-2:]) < notes.since:
            of = disk.digest(path)
            if of and (disk.stamp(path) or ())[3:] == at:
                digests[path] = of
    return digests

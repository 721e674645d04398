"""Records the rows that a stage of a run sees; the pipeline listens while a stage runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from crucible_runtime.experiment.digests import rows_digest
from crucible_runtime.ir import DatasetRef
from crucible_runtime.rundir.data_record import DataRecord, Seen
from crucible_runtime.rundir.folder import Folder

_LISTENER: ContextVar[DataRecord | None] = ContextVar("listener", default=None)


@contextmanager
def observed(folder: Folder, stage: str, *, same: bool) -> Iterator[None]:
    """While it lasts, the rows that are read are recorded as those of a stage of the run in `folder`.

    same: whether a resumed stage must see the rows that it saw before
    """
    token = _LISTENER.set(DataRecord(folder, stage, same=same))
    try:
        yield
    finally:
        _LISTENER.reset(token)


def see(ref: DatasetRef, rows: Sequence[Any], *, split: str | None = None, limit: int | None = None) -> None:
    """Records the rows that a stage is given; `limit` is how many it asked for.

    Raises InputError where a resumed stage was given other rows before.
    """
    if (listener := _LISTENER.get()) is not None:
        found = rows_digest(rows)
        listener.see(Seen(name=ref.name, split=split or ref.split, limit=limit, rows=len(rows), digest=found))

"""What a run has seen of data sets, in its file data.json: how many rows, and their digest.

A run is its configuration and these rows. One that is resumed must see the same rows again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from crucible_runtime.errors import InputError
from crucible_runtime.experiment.digests import rows_digest
from crucible_runtime.rundir.folder import DATA, Folder

SHORT = 12
"""So many digits of a digest are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a stage has seen of one split of a data set.

    limit: how many rows were asked for; None for all
    rows: how many the stage was given; digest: the digest of these, see `rows_digest`
    """

    name: str
    split: str | None = None
    limit: int | None = None
    rows: int = 0
    digest: str = ""

    @property
    def key(self) -> tuple[str, str | None, int | None]:
        """What was asked for."""
        return self.name, self.split, self.limit

    def changed(self, now: Seen) -> str:
        """How the rows that are seen `now` differ from these, as a sentence; empty where they are the same."""
        if self.digest == now.digest:
            return ""
        return (
            f"the data has changed since the run began: {self.name} had {self.rows} rows (digest {self.digest[:SHORT]}), "
            f"and has {now.rows} now (digest {now.digest[:SHORT]}); put the rows back to resume, or start a new run"
        )


class DataRecord:
    """Keeps what one stage sees."""

    def __init__(self, folder: Folder, stage: str, *, same: bool) -> None:
        """`same`: whether a resumed stage must see the rows that it saw before."""
        self._folder, self._stage = folder, stage
        self._found = {each.key: each for each in recorded(folder, stage)} if folder.main else {}
        self._before = dict(self._found) if same and folder.resumed else {}

    def see(self, seen: Seen) -> None:
        """Takes rows that were read; raises InputError where a resumed stage saw other ones before."""
        path = Path(seen.name)
        if path.is_relative_to(self._folder.path):  # the directory may be moved
            seen = replace(seen, name=str(path.relative_to(self._folder.path)))
        if seen.key in self._before and (why := self._before[seen.key].changed(seen)):
            raise InputError(why)
        self._found[seen.key] = seen
        whole = dict(self._folder.read(DATA) or {}) if self._folder.main else {}
        whole[self._stage] = [asdict(each) for each in self._found.values()]
        self._folder.write_json(DATA, whole)


def recorded(folder: Folder, stage: str) -> list[Seen]:
    """What a stage of the run in `folder` has seen."""
    return [Seen(**each) for each in (folder.read(DATA) or {}).get(stage, ())]


def digest(folder: Folder, stage: str) -> str | None:
    """The one digest of all rows that a stage was given; None where it read none through this package."""
    found = [each.digest for each in recorded(folder, stage)]
    return found[0] if len(found) == 1 else rows_digest(found) if found else None

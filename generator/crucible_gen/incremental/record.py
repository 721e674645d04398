"""What a run leaves behind for the next one with the same command line."""

from __future__ import annotations

import marshal

from crucible_gen.incremental import store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Stamp: TypeAlias = tuple[int, ...]
    """Mode, device, inode, size, and both times of a file, in nanoseconds."""
    Folder: TypeAlias = tuple[Stamp, bytes]
    """A directory's own stamp, and what stands in it, packed."""


class Record:
    """A run's record: what it looked at, and what it would say if nothing changes.

    `asked` identifies the command line, directory, Python, generator and machine; `place` is the file that holds the
    record. `files` are the stamps of single files (None for one that was missing), `inputs` and `outputs` the
    directories that were looked into. A change to a path in `fixed` touches every recipe. `doubtful` are files whose
    stamps the next run must not believe. `recipes` and `written` count recipes and outputs; `says` is what `gen`,
    `gen --check` and either with `-q` print, each to standard output and standard error; `warnings` are those of all
    recipes, packed, which are printed as text where `color`, the setting, is not empty. `when` is the time at which the
    run began, in nanoseconds; `index` and `later` are the checksums of the index and of the rows that later runs replaced.
    """

    __slots__ = (
        "asked", "color", "doubtful", "files", "fixed", "index", "inputs", "later", "outputs", "place", "recipes", "says",
        "warnings", "when", "written",
    )  # fmt: skip

    def __init__(
        self,
        asked: list[str],
        place: str,
        *,
        files: dict[str, Stamp | None],
        inputs: dict[str, Folder],
        outputs: dict[str, Folder],
        fixed: list[str],
        doubtful: list[str],
        recipes: int = 0,
        written: int = 0,
        says: tuple[tuple[str, str], ...] = (("", ""), ("", ""), ("", "")),
        warnings: tuple[Any, ...] = (),
        color: str = "",
        when: int = 0,
        index: int = 0,
        later: int = 0,
    ) -> None:
        """Takes every field."""
        self.asked = asked
        self.place = place
        self.files = files
        self.inputs = inputs
        self.outputs = outputs
        self.fixed = fixed
        self.doubtful = doubtful
        self.recipes = recipes
        self.written = written
        self.says = says
        self.warnings = warnings
        self.color = color
        self.when = when
        self.index = index
        self.later = later

    def save(self) -> None:
        """Writes the record in its place; a disk that refuses it is no error."""
        values = {name: getattr(self, name) for name in self.__slots__}
        store.write(self.place, store.sealed(marshal.dumps(values, 2)))


def load(words: list[str]) -> Record | None:
    """The record of the last good run with these words; None if there is none, or it cannot be trusted."""
    data = store.read(store.place(words))
    try:
        record = Record(**marshal.loads(store.unsealed(memoryview(data)[store.HEAD :]))) if data else None
    except Exception:  # noqa: BLE001 - whatever is in it
        return None
    return record if record is not None and record.asked == store.identity(words) else None


def empty(words: list[str]) -> Record:
    """A record that knows nothing."""
    return Record(store.identity(words), store.place(words), files={}, inputs={}, outputs={}, fixed=[], doubtful=[])

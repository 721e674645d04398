"""What came of every recipe in an earlier run, in one file, of which a run with little to do reads a few rows.

A row is what became of one recipe file, packed: `Row` says of what it consists. The rows stand behind each other and are
searched as bytes, because unpacking ten thousand takes longer than making one recipe anew; those that later runs made
anew stand in a small file beside them. A row that speaks of a file has the file's name somewhere among its bytes; one that
has it by chance is looked at for nothing.
"""

from __future__ import annotations

import marshal
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from crucible_gen.incremental import store
from crucible_gen.incremental.record import Record

_FEW = 50
_SIZE = 4


class Row(NamedTuple):
    """A recipe's file, and the product that came of it; `digests` are those of its outputs, in their order."""

    path: str
    id: str
    sources: tuple[tuple[str, str], ...]
    profiles: tuple[str, ...]
    stopped: tuple[str, ...]
    outputs: tuple[str, ...]
    digests: tuple[str, ...]
    warnings: tuple[Any, ...] = ()
    """The warnings of the recipe, as `record` packs them."""

    def packed(self) -> bytes:
        """The row as it is kept."""
        return store.sealed(marshal.dumps(tuple(self), 2))


class Index:
    """The rows of an earlier run, the directory that outputs are below, and digests of files that no row speaks of."""

    def __init__(
        self,
        out: str = "",
        others: Mapping[str, str] | None = None,
        data: bytes = b"",
        starts: Sequence[int] = (0,),
        later: Mapping[str, bytes] | None = None,
    ) -> None:
        """Takes the data that rows stand in, and where each starts, with the end; `later` replace rows of their paths."""
        self.out = out
        self.others = others or {}
        self.later = later or {}
        self._data = data
        self._starts = starts
        self._found: dict[bytes, list[int]] = {}

    def __len__(self) -> int:
        return len(self._starts) - 1

    def all(self) -> Iterator[tuple[bytes, Row]]:
        """Every row, packed and unpacked."""
        for number in range(len(self)):
            packed = self._packed(number)
            row = unpacked(packed)
            if row.path in self.later:
                packed = self.later[row.path]
                row = unpacked(packed)
            yield packed, row

    def about(self, paths: Iterable[str]) -> list[Row]:
        """The rows that speak of these files, and maybe others."""
        names = {path.rpartition("/")[2].encode(errors="surrogatepass") for path in paths}
        if len(names) > _FEW:
            return [row for _, row in self.all()]
        numbers = {number for name in names for number in self._having(name)}
        rows = [unpacked(self._packed(number)) for number in sorted(numbers)]
        later = [unpacked(row) for row in self.later.values() if any(name in row for name in names)]
        return [row for row in rows if row.path not in self.later] + later

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """What is known of the bytes of these files, and maybe of others."""
        known = dict(self.others)
        for row in self.about(paths):
            known.update(row.sources)
            known.update((f"{self.out}/{path}", of) for path, of in zip(row.outputs, row.digests, strict=True))
        return known

    def files_of_later(self) -> set[str]:
        """The files of the rows that were made anew later: recipes and outputs."""
        rows = [unpacked(row) for row in self.later.values()]
        return {path for row in rows for path in (row.path, *(f"{self.out}/{output}" for output in row.outputs))}

    def _packed(self, number: int) -> bytes:
        return self._data[self._starts[number] : self._starts[number + 1]]

    def _having(self, name: bytes) -> list[int]:
        """The numbers of the rows that have the name among their bytes; a name is looked for once."""
        if name not in self._found:
            numbers = self._found[name] = []
            at = self._data.find(name, self._starts[0])
            while at >= 0:
                numbers.append(bisect(self._starts, at) - 1)
                at = self._data.find(name, self._starts[numbers[-1] + 1])
        return self._found[name]


def unpacked(packed: bytes) -> Row:
    """A row as it was before it was packed. Raises ValueError and others where it is broken."""
    return Row(*marshal.loads(store.unsealed(packed)))


def read(record: Record) -> Index:
    """The index of a record; one of nothing if it is damaged, or of another run."""
    data = store.read(f"{record.place}{store.INDEX}", record.index)
    if data is None:
        return Index()
    first = store.HEAD + _SIZE + int.from_bytes(data[store.HEAD : store.HEAD + _SIZE], "big")
    out, others, starts = marshal.loads(store.unsealed(data[store.HEAD + _SIZE : first]))
    beside = store.read(f"{record.place}{store.LATER}")
    of, later = marshal.loads(store.unsealed(beside[store.HEAD :])) if beside else (None, {})
    return Index(out, others, data, [first + start for start in starts], later if of == record.index else {})


def add(record: Record, later: Mapping[str, bytes]) -> None:
    """Keeps rows that were made anew, by their paths, beside the index of a record."""
    store.write(f"{record.place}{store.LATER}", store.sealed(marshal.dumps((record.index, dict(later)), 2)))


def write(place: str, out: str, others: Mapping[str, str], rows: Iterable[bytes]) -> int:
    """Keeps an index for the record at this place; the check sum by which the record names it."""
    packed = list(rows)
    starts = [0, *accumulate(map(len, packed))]
    head = store.sealed(marshal.dumps((out, dict(others), starts), 2))
    return store.write(f"{place}{store.INDEX}", b"".join((len(head).to_bytes(_SIZE, "big"), head, *packed)))

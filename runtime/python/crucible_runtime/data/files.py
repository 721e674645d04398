"""The rows of a file with their places: JSONL, JSON, CSV, TSV, Parquet, Arrow; any of them packed with gzip or zstd.

Text is UTF-8, with or without a byte order mark. JSON and CSV need nothing but Python.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from crucible_runtime.data import contents
from crucible_runtime.data.row import BadRow, Placed, Row, nearest_of, shown
from crucible_runtime.errors import EngineMissingError, InputError, did_you_mean
from crucible_runtime.installation import project
from crucible_runtime.installation.distribution import install_command

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]").search
_ESCAPES = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.", re.DOTALL).finditer
"""Escapes of JSON: pairs of surrogates, one alone as the group, and all others."""


def read(name: str, format_: str | None) -> Iterator[Placed]:
    """The rows of a file; its format is `format_`, or else what its suffix says.

    Raises InputError for a file that is not there, cannot be read, is empty, or is of a format that there is not.
    """
    path = project.located(name)
    if not path.is_file():
        raise InputError(_no_file(path))
    suffix = (format_ or contents.bare_suffix(path)).lower()
    if suffix not in _FORMATS:
        if format_ is not None:
            raise nearest_of("format", format_, _FORMATS)
        raise InputError(
            f"data set {name}: its suffix says no format; set dataset_ref.format to one of {', '.join(_FORMATS)}"
        )
    try:
        if path.stat().st_size == 0:
            raise InputError(f"data set {name}: the file is empty")
        return _FORMATS[suffix](path)
    except OSError as error:
        raise InputError(f"data set {name}: the file cannot be read: {error.strerror}") from error


def _no_file(path: Path) -> str:
    if path.is_dir():
        return f"data set {path}: this is a directory; name one file in it"
    beside = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file()) if path.parent.is_dir() else []
    where = f"; {did_you_mean(path.name, beside[:20])}" if beside else ""
    return f"data set {path}: there is no such file in {path.parent.resolve()}{where}"


def _jsonl(path: Path) -> Iterator[Placed]:
    written = contents.text(path)
    contents.refuse_conflict(written, path)
    if (first := written.lstrip()[:1]) and first in "[{" and (whole := _whole(written)) is not None:
        if isinstance(whole, list):  # a list of rows, which no line of JSONL is
            yield from _rows(whole, path, written)
            return
        if "\n" in written.strip():
            raise InputError(
                f"{path}: one JSON object over several lines, and the format jsonl has an object a line; "
                "put each row on a line of its own, or make the file a list of rows with the format json"
            )
    # Not splitlines: it also splits at letters that JSON may hold, such as U+2028.
    for number, line in enumerate(written.split("\n"), 1):
        if line.strip():
            yield _parsed(line, f"{path}:{number}")


def _whole(written: str) -> Any:
    """The list or object that a text is as a whole; None for any other text."""
    begin = written.lstrip().partition("\n")[0]
    try:
        json.loads(begin)
    except (ValueError, RecursionError):
        pass
    else:
        if not begin.startswith("["):
            return None  # the first line is a row
    try:
        return _loaded(written)
    except (ValueError, RecursionError):
        return None


def _loaded(written: str) -> Any:
    return json.loads(written, parse_constant=_constant, parse_float=_float, object_pairs_hook=_once)


def _parsed(line: str, place: str) -> Placed:
    try:
        row = _loaded(line)
    except json.JSONDecodeError as error:
        return Placed(f"{place}:{error.colno}", BadRow(f"not JSON: {error.msg}"))
    except (ValueError, RecursionError) as error:
        return Placed(place, BadRow(str(error) if isinstance(error, ValueError) else "nested too deep to read"))
    if (at := _half_pair(line)) is not None:
        return Placed(f"{place}:{at + 1}", BadRow(f"{line[at : at + 6]} is half of a character: write both halves"))
    return _object(row, place)


def _half_pair(written: str) -> int | None:
    """Where a text of JSON has the escape of one surrogate without the other, which is no character; None for nowhere."""
    if not _SURROGATE(written):
        return None
    return next((found.start() for found in _ESCAPES(written) if found[1]), None)


def _object(row: Any, place: str) -> Placed:
    if not isinstance(row, dict):
        return Placed(place, BadRow(f"expected an object with columns by name, found {shown(row)}"))
    return Placed(place, row)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the column {next(name for name in names if names.count(name) > 1)} is there twice")
    return found


def _float(written: str) -> float:
    value = float(written)
    if not math.isfinite(value):
        raise ValueError(f"the number {written} is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _json(path: Path) -> Iterator[Placed]:
    written = contents.text(path)
    contents.refuse_conflict(written, path)
    try:
        rows = _loaded(written)
    except json.JSONDecodeError as error:
        hint = "; a file with one row a line has the format jsonl" if error.msg == "Extra data" else ""
        raise InputError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}{hint}") from error
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "nested too deep to read"
        raise InputError(f"{path}: {why}") from error
    if not isinstance(rows, list):
        raise InputError(f"{path}: expected a list of rows, found {shown(rows)}")
    return _rows(rows, path, written)


def _rows(rows: list[Any], path: Path, written: str) -> Iterator[Placed]:
    """The rows of a list in JSON; where it has half of a character, that is all that there is to say."""
    if (at := _half_pair(written)) is not None:
        line, column = written.count("\n", 0, at) + 1, at - written.rfind("\n", 0, at)
        half = written[at : at + 6]
        raise InputError(f"{path}:{line}:{column}: {half} is half of a character: write both halves")
    return (_object(row, f"{path} row {number}") for number, row in enumerate(rows, 1))


def _csv(path: Path, delimiter: str = ",") -> Iterator[Placed]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(contents.text(path), newline=""), delimiter=delimiter, strict=True)
    header = [name.strip() for name in next(reader, [])]
    if not header:
        raise InputError(f"{path}:1: expected a line with the names of the columns, found an empty one")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{path}:1: the columns {', '.join(name or '(no name)' for name in twice)} are there twice")
    return _lines(path, reader, header)


def _lines(path: Path, reader: Any, header: list[str]) -> Iterator[Placed]:
    line = reader.line_num + 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield Placed(f"{path}:{line}", BadRow(f"not CSV: {error}"))
            return
        if fields is None:
            return
        if len(fields) == len(header):
            # A table has no other way to say that nothing is there.
            yield Placed(f"{path}:{line}", {name: cell or None for name, cell in zip(header, fields, strict=True)})
        elif fields:
            expected = f"expected {len(header)} columns ({', '.join(header)}), found {len(fields)}"
            yield Placed(f"{path}:{line}", BadRow(expected))
        line = reader.line_num + 1


def _tsv(path: Path) -> Iterator[Placed]:
    return _csv(path, "\t")


def _parquet(path: Path) -> Iterator[Placed]:
    arrow = _arrow_library()
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(arrow.BufferReader(contents.unpacked(path)) if _is_packed(path) else path)
    except arrow.ArrowException as error:
        raise InputError(f"data set {path}: not a Parquet file: {error}") from error
    return _batches(path, file.iter_batches())


def _arrow(path: Path) -> Iterator[Placed]:
    arrow = _arrow_library()
    # There are two forms, and `datasets` writes the one for streams.
    for reader in (arrow.ipc.open_stream, arrow.ipc.open_file):
        try:
            return _batches(path, reader(contents.unpacked(path)).read_all().to_batches())
        except arrow.ArrowException as error:
            last = error
    raise InputError(f"data set {path}: not an Arrow file: {last}")


def _arrow_library() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise EngineMissingError(
            "Parquet and Arrow files are read by pyarrow, which is not installed: " + install_command("local")
        ) from error
    return pyarrow


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in contents.PACKED


def _batches(path: Path, batches: Any) -> Iterator[Placed]:
    number = 0
    for batch in batches:
        try:
            rows = batch.to_pylist(maps_as_pydicts="strict")
        except (UnicodeDecodeError, KeyError):
            rows = [_row(batch.slice(index, 1)) for index in range(batch.num_rows)]
        for row in rows:
            number += 1
            yield Placed(f"{path} row {number}", row)


def _row(batch: Any) -> Row | BadRow:
    """The only row of a batch, or what is wrong with it."""
    try:
        row: Row = batch.to_pylist(maps_as_pydicts="strict")[0]
    except UnicodeDecodeError as error:
        return BadRow(f"a text that is not UTF-8, from the byte 0x{error.object[error.start]:02x} on")
    except KeyError as error:
        return BadRow(f"the key {error} is twice in one map")
    return row


_FORMATS: Mapping[str, Callable[[Path], Iterator[Placed]]] = {
    "jsonl": _jsonl,
    "ndjson": _jsonl,
    "json": _json,
    "csv": _csv,
    "tsv": _tsv,
    "parquet": _parquet,
    "arrow": _arrow,
}

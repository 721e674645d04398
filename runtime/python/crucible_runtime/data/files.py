"""The rows of a file with their places: JSONL, JSON, CSV, TSV, Parquet, Arrow.

Text is UTF-8, with or without a byte order mark. JSON and CSV need nothing but Python.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from crucible_runtime.data.row import BadRow, Placed, nearest_of, shown
from crucible_runtime.errors import EngineMissingError, InputError, did_you_mean
from crucible_runtime.installation.distribution import install_command


def read(name: str, format_: str | None) -> Iterator[Placed]:
    """The rows of a file; its format is `format_`, or else what its suffix says.

    Raises InputError for a file that is not there, cannot be read, is empty, or is of a format that there is not.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(_no_file(path))
    suffix = (format_ or path.suffix.removeprefix(".")).lower()
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


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    for mark, name in (
        (codecs.BOM_UTF32_LE, "UTF-32"),
        (codecs.BOM_UTF16_LE, "UTF-16"),
        (codecs.BOM_UTF16_BE, "UTF-16"),
    ):
        if data.startswith(mark):
            raise InputError(f"data set {path}: the file is in {name}, and data sets are in UTF-8: save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}: the byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        ) from error


def _jsonl(path: Path) -> Iterator[Placed]:
    # Not splitlines: it also splits at letters that JSON may hold, such as U+2028.
    for number, line in enumerate(_decoded(path).split("\n"), 1):
        if line.strip():
            yield _parsed(line, f"{path}:{number}")


def _parsed(line: str, place: str) -> Placed:
    try:
        row = json.loads(line, parse_constant=_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        return Placed(f"{place}:{error.colno}", BadRow(f"not JSON: {error.msg}"))
    except (ValueError, RecursionError) as error:
        return Placed(place, BadRow(str(error) if isinstance(error, ValueError) else "nested too deep to read"))
    return _object(row, place)


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


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _json(path: Path) -> Iterator[Placed]:
    written = _decoded(path)
    try:
        rows = json.loads(written, parse_constant=_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        hint = "; a file with one row a line has the format jsonl" if error.msg == "Extra data" else ""
        raise InputError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}{hint}") from error
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "nested too deep to read"
        raise InputError(f"{path}: {why}") from error
    if not isinstance(rows, list):
        raise InputError(f"{path}: expected a list of rows, found {shown(rows)}")
    return (_object(row, f"{path} row {number}") for number, row in enumerate(rows, 1))


def _csv(path: Path, delimiter: str = ",") -> Iterator[Placed]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), delimiter=delimiter, strict=True)
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
            yield Placed(f"{path}:{line}", dict(zip(header, fields, strict=True)))
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
        file = parquet.ParquetFile(path)
    except arrow.ArrowException as error:
        raise InputError(f"data set {path}: not a Parquet file: {error}") from error
    return _batches(path, file.iter_batches())


def _arrow(path: Path) -> Iterator[Placed]:
    arrow = _arrow_library()
    # There are two forms, and `datasets` writes the one for streams.
    for reader in (arrow.ipc.open_stream, arrow.ipc.open_file):
        try:
            return _batches(path, reader(path.read_bytes()).read_all().to_batches())
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


def _batches(path: Path, batches: Any) -> Iterator[Placed]:
    number = 0
    for batch in batches:
        for row in batch.to_pylist():
            number += 1
            yield Placed(f"{path} row {number}", row)


_FORMATS: Mapping[str, Callable[[Path], Iterator[Placed]]] = {
    "jsonl": _jsonl,
    "ndjson": _jsonl,
    "json": _json,
    "csv": _csv,
    "tsv": _tsv,
    "parquet": _parquet,
    "arrow": _arrow,
}

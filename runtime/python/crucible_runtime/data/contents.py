"""The bytes and the text of a data file: unpacked, recognized, and decoded, with the place of what cannot be.

Text is UTF-8, with or without a byte order mark. Files that are packed with gzip or zstd are unpacked, whatever their
name; other files that are no text are named in one message.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from pathlib import Path

from crucible_runtime.errors import EngineMissingError, InputError
from crucible_runtime.installation.distribution import install_command

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PACKED = {".gz": _GZIP, ".gzip": _GZIP, ".zst": _ZSTD, ".zstd": _ZSTD}
"""The endings of packed files, and how each begins."""

_KINDS = (
    (b"PAR1", "a Parquet file", "set dataset_ref.format to parquet"),
    (b"ARROW1", "an Arrow file", "set dataset_ref.format to arrow"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it"),
    (b"BZh", "packed with bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\x00", "packed with xz", "unpack it, or pack it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"SQLite format 3\x00", "an SQLite database", "export its rows as JSONL"),
    (b"%PDF-", "a PDF document", "name a file of rows"),
    (b"\x80\x04\x95", "a Python pickle", "write its rows as JSONL"),
    (b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS, not the file itself", "run: git lfs pull"),
    (b"<!DOCTYPE", "a web page, perhaps of a failed download", "download the file again"),
    (b"<!doctype", "a web page, perhaps of a failed download", "download the file again"),
    (b"<html", "a web page, perhaps of a failed download", "download the file again"),
)
"""How files begin that are no text of rows, what they are, and what to do."""
_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_CONFLICT = re.compile(r"^<{7} .*$|^>{7} .*$", re.MULTILINE)


def bare_suffix(path: Path) -> str:
    """The ending that says the format of a file, without the dot: `jsonl` of `train.jsonl.gz`."""
    path = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return path.suffix.removeprefix(".").lower()


def unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked where it is packed; raises InputError for a broken one, OSError from the disk."""
    data = path.read_bytes()
    packed = path.suffix.lower() in PACKED
    if data.startswith(_GZIP):
        try:
            return gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"data set {path}: packed with gzip, and cannot be unpacked: {error}") from error
    if data.startswith(_ZSTD):
        return _unzstd(data, path)
    if packed and data:
        name = "zstd" if PACKED[path.suffix.lower()] == _ZSTD else "gzip"
        raise InputError(f"data set {path}: its name says that it is packed with {name}, and it is not: rename it")
    return data


def _unzstd(data: bytes, path: Path) -> bytes:
    try:
        import pyarrow
    except ImportError as error:
        raise EngineMissingError(
            f"data set {path}: packed with zstd, which pyarrow unpacks, and it is not installed: "
            f"{install_command('local')}. Or unpack the file: unzstd {path}"
        ) from error
    try:
        with pyarrow.CompressedInputStream(pyarrow.BufferReader(data), "zstd") as stream:
            return bytes(stream.read())
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"data set {path}: packed with zstd, and cannot be unpacked: {error}") from error


def text(path: Path) -> str:
    """The text of a file, unpacked and without its byte order mark.

    Raises InputError for what is no text in UTF-8; it says what the file is, where that is known.
    """
    data = unpacked(path)
    for start, kind, fix in _KINDS:
        if data.startswith(start):
            raise InputError(f"data set {path}: the file is {kind}: {fix}")
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise InputError(f"data set {path}: the file is in {name}, and data sets are in UTF-8: save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        begin = data.rfind(b"\n", 0, error.start) + 1
        line, column = data.count(b"\n", 0, error.start) + 1, len(data[begin : error.start].decode("utf-8")) + 1
        byte = data[error.start]
        latin = f" ({chr(byte)} in Latin-1)" if byte >= 0xA0 else ""
        raise InputError(
            f"{path}:{line}:{column}: the byte 0x{byte:02x}{latin} is not UTF-8: save the file as UTF-8"
        ) from error


def lines(path: Path) -> list[str]:
    """The lines of a text file, without their ends; those of blanks too, so that their numbers are right.

    Lines end with LF, CR or CRLF, and nowhere else: U+2028 and a form feed are letters of a line.

    Raises InputError as `text` does, and for a merge conflict.
    """
    written = text(path)
    refuse_conflict(written, path)
    return io.StringIO(written, newline=None).read().split("\n")


def refuse_conflict(written: str, path: Path) -> None:
    """Raises InputError where git left the marker of a merge conflict at the beginning of a line."""
    if found := _CONFLICT.search(written):
        line = written.count("\n", 0, found.start()) + 1
        raise InputError(f"{path}:{line}: the merge-conflict marker {found[0].strip()}: keep the lines of one version")

# A copy of generator/crucible_gen/documents/load.py, made by `make structs`: change that file, not this one.
"""Bytes of a recipe file in, a `Node` that knows where every value stands out; or every problem of the file at once.

YAML is read under the core schema of YAML 1.2, so that `no`, `1:30` and `2025-01-01` are text, as a reader of JSON
expects; `.json` files are read as JSON, strictly. No text of a file can become anything but plain data.

The surprising rule: an empty file is a `Node` with the value None, not a problem; `validate` says what belongs there.
"""

from __future__ import annotations

import os
import re
import stat
from errno import EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM
from pathlib import Path

from crucible_runtime.documents.diagnostics import Place, Problem, Problems
from crucible_runtime.documents.document import Node
from crucible_runtime.documents.merge_conflicts import conflicts
from crucible_runtime.documents.places import place_at

MAX_BYTES = 4 * 1024 * 1024
"""A file longer than this is refused before it is read: recipes have a few kilobytes."""

CODES: dict[str, str] = {
    "E0101": "the file does not exist",
    "E0102": "the path is not a regular file",
    "E0103": "the file cannot be read",
    "E0104": "the file is too large",
    "E0105": "the file is not UTF-8",
    "E0106": "the file is UTF-16 or UTF-32",
    "E0107": "a character that may not stand in the file",
    "E0108": "values are nested too deep",
    "E0109": "aliases repeat too many values",
    "E0110": "the file holds several documents",
    "E0111": "a key stands twice in one mapping",
    "E0112": "a key is not text",
    "E0113": "a key is a mapping or a list",
    "E0114": "an integer does not fit 64 bits",
    "E0115": "a number is infinite or not a number",
    "E0116": "a tag that is not known",
    "E0117": "a value does not fit its tag",
    "E0118": "an alias without an anchor",
    "E0119": "an alias inside the value it names",
    "E0120": "`<<` without a mapping",
    "E0121": "an escape that is no character",
    "E0122": "a directive that is not understood",
    "E0123": "a merge-conflict marker",
    "E0124": "a comment without a blank before it",
    "E0131": "a tab indents a line",
    "E0132": "wrong indentation",
    "E0133": "`: ` where no key can stand",
    "E0134": "a bracket without its partner, or an entry without its comma",
    "E0135": "a quote that is never closed",
    "E0136": "an escape that does not exist",
    "E0137": "a character that cannot begin a value",
    "E0138": "a line without `:`",
    "E0139": "text after the end of a value",
    "E0140": "a list item where none can stand",
    "E0141": "a block of text with a wrong header",
    "E0142": "an anchor, alias or tag without a name",
    "E0143": "YAML that cannot be understood",
    "E0151": "a JSON value is missing or not JSON",
    "E0152": "a JSON comma or colon is missing or misplaced",
    "E0153": "a JSON key is not in double quotes",
    "E0154": "text after the end of the JSON value",
}
"""What each code of this step means, in a line."""

_UTF8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
# ASCII text in a wide encoding has its zero bytes at fixed positions; no other text begins like this.
_WIDE_STARTS = (
    (re.compile(rb"\x00\x00\x00[^\x00]|[^\x00]\x00\x00\x00"), "UTF-32"),
    (re.compile(rb"\x00[^\x00]\x00[^\x00]|[^\x00]\x00[^\x00]\x00"), "UTF-16"),
)
_UNREADABLE = {
    ENOENT: ("E0101", "the file does not exist", "check the name"),
    ENOTDIR: ("E0101", "the file does not exist: a part of its path is not a directory", "check the name"),
    EACCES: ("E0103", "the file cannot be read: permission denied", "allow reading it"),
    EPERM: ("E0103", "the file cannot be read: permission denied", "allow reading it"),
    ELOOP: ("E0103", "the file cannot be read: its symbolic links form a loop", "point the link at a file"),
    ENAMETOOLONG: ("E0103", "the file cannot be read: its name is too long", "shorten the name"),
}


def load(path: Path, file: str) -> Node:
    """A file on disk, named `file` in messages, to its Node.

    Raises Problems: the file cannot be read, or what `parse` raises.
    """
    return parse(read(path, file), file)


def parse(data: bytes, file: str) -> Node:
    """The bytes of a file named `file` to its Node; a name that ends in .json is read as JSON, any other as YAML.

    Raises Problems: everything that is wrong in the file, sorted by place; after a syntax error nothing further is
    looked at, for what follows it means nothing.
    """
    text = decode(data, file)
    if found := conflicts(text, file):
        raise Problems(found)
    # The readers are imported here: PyYAML costs more than the rest of a run that finds nothing to do.
    if file.lower().endswith(".json"):
        from crucible_runtime.documents.json_reader import read_json

        return read_json(text, file)
    if not text.strip(" \r\n"):
        return Node(None, Place(file, 1, 1))
    try:
        from crucible_runtime.documents.yaml_reader import read_yaml
    except ModuleNotFoundError as error:
        if error.name != "yaml._yaml":
            raise
        hint = "install PyYAML from its wheel: pip install --force-reinstall --only-binary :all: pyyaml"
        message = "the file cannot be read: this PyYAML was built without libyaml"
        raise _whole_file(file, "E0103", message, hint) from None
    return read_yaml(text, file)


def read(path: Path, file: str) -> bytes:
    """The bytes of a file on disk, named `file` in messages; one byte more than may be, of one that is too long.

    Raises Problems: the file cannot be read.
    """
    try:
        with open(path, "rb", opener=open_at_once) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _whole_file(file, "E0102", "expected a file, found a pipe, a socket or a device", "name a file")
            return stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise _whole_file(file, "E0102", "expected a file, found a directory", "name a file") from None
    except OSError as error:
        usual = ("E0103", f"the file cannot be read: {os.strerror(error.errno or 0)}", "")
        raise _whole_file(file, *_UNREADABLE.get(error.errno or 0, usual)) from None
    except ValueError:
        raise _whole_file(file, "E0101", "the file does not exist: its name holds a zero byte", "check it") from None


def open_at_once(path: str, flags: int) -> int:
    """An opener for `open` that does not wait for the writer of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def decode(data: bytes, file: str) -> str:
    """The bytes of a file named `file` to its text. Raises Problems: it is too large, or not UTF-8."""
    if len(data) > MAX_BYTES:
        limit = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        raise _whole_file(file, "E0104", limit, "split the recipe, or move the data out of it")
    data = data.removeprefix(_UTF8_MARK)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse_wide(data, file)
        place = place_at(data[: error.start].decode("utf-8"), error.start, file)
        byte = data[error.start]
        latin = f" ({chr(byte)} in Latin-1)" if byte >= 0xA0 else ""
        message = f"expected UTF-8, found the byte 0x{byte:02X}{latin}"
        raise Problems([Problem(place, "E0105", message, "save the file as UTF-8")]) from None
    if "\0" in text:
        _refuse_wide(data, file)
    return text


def _refuse_wide(data: bytes, file: str) -> None:
    found = next((name for mark, name in _WIDE_MARKS if data.startswith(mark)), None)
    found = found or next((name for start, name in _WIDE_STARTS if start.match(data)), None)
    if found:
        raise _whole_file(file, "E0106", f"expected UTF-8, found {found}", "save the file as UTF-8")


def _whole_file(file: str, code: str, message: str, hint: str) -> Problems:
    return Problems([Problem(Place(file), code, message, hint)])

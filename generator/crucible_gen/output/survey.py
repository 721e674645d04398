"""What stands in an output directory, and whose it is.

A file is ours when its two header lines fit its body. One that stands beside its header file is judged with it, so that
no moment at which a run is killed makes a generated file look foreign.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Literal, NamedTuple

from crucible_gen.diagnostics import Problem
from crucible_gen.documents import digest
from crucible_gen.output.headers import SIDECAR, read

FOREIGN_FOLDERS = frozenset({"_build", "build", "deps", "dist", "cover", "node_modules", "venv", "__pycache__"})
"""Where builds put copies of generated files, header and all: nothing in there is ours. So too in hidden directories."""

Kind = Literal["create", "update", "delete", "keep"]

_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
HEAD = 1 << 16
_SIDECAR_LINES = 2


class Stamp(NamedTuple):
    """Which file was read, and in which state; `write` changes nothing that has another stamp by then."""

    inode: int
    size: int
    mtime: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of what `os.stat` found."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class Action(NamedTuple):
    """What happens to one path. `old` and `new` are the bytes before and after, None for no file and for a kept one."""

    kind: Kind
    path: str
    recipe: str | None = None
    old: bytes | None = None
    new: bytes | None = None
    stamp: Stamp | None = None
    forced: bool = False
    """Whether this overwrites or deletes a hand edit."""


class Seen(NamedTuple):
    """A file that was read: its bytes, or the first of them, and its stamp."""

    data: bytes
    stamp: Stamp


class Survey(NamedTuple):
    """What is found on the way through the output directory."""

    out: Path
    force: bool
    actions: list[Action]
    problems: list[Problem]
    strays: list[str]
    halves: dict[str, Stamp]


def temporary(name: str) -> str:
    """The name under which `name` is written before it takes its place, in the same directory.

    It depends on nothing but `name`, so that what a killed run left can be told to belong to it.
    """
    return f".gen-{digest(os.fsencode(name))}.tmp"


def is_temporary(name: str) -> bool:
    """Whether a name is one that `temporary` gives."""
    return (
        len(name) == 25
        and name.startswith(".gen-")
        and name.endswith(".tmp")
        and not name[5:21].strip("0123456789abcdef")
    )


def temporary_path(path: str) -> str:
    """The path under which the file at `path` is written before it takes its place."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + temporary(name)


def key(path: str) -> str:
    """What two paths share when a disk that ignores case, or one that normalises Unicode, takes them for one."""
    if path.isascii():
        return path.lower()
    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def owner_of(survey: Survey, path: str, found: Seen) -> Literal["ours", "edited", "foreign"]:
    """Whose the file is, by its own two lines or by those of its sidecar, be it still under its temporary name."""
    signature = read(found.data)
    if signature is not None and path.endswith(SIDECAR):
        return "edited" if found.data.count(b"\n") > _SIDECAR_LINES else "ours"
    if signature is not None:
        return "edited" if signature.edited else "ours"
    beside = path + SIDECAR
    sidecar = peek(f"{survey.out}/{beside}")
    signature = read(sidecar.data, body=found.data) if sidecar else None
    if signature is not None and not signature.edited:
        return "ours"
    waiting = peek(f"{survey.out}/{temporary_path(beside)}")
    promise = read(waiting.data, body=found.data) if waiting else None
    if waiting is not None and promise is not None and not promise.edited:
        survey.halves[beside] = waiting.stamp
        return "ours"
    return "foreign" if signature is None else "edited"


def equals(location: str, data: bytes) -> bool:
    """Whether a regular file with exactly these bytes is there; without the calls that only a difference needs."""
    try:
        descriptor = os.open(location, _OPEN)
    except FileNotFoundError:
        return False
    try:
        return bool(data) and os.read(descriptor, len(data) + 1) == data
    finally:
        os.close(descriptor)


def look(location: str, head: int | None = None) -> Seen | None:
    """The regular file's bytes (the first `head` of them), or None where nothing is. Raises OSError for all else."""
    try:
        descriptor = os.open(location, _OPEN)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), location)
        return Seen((stream.readall() if head is None else stream.read(head)) or b"", Stamp.of(status))


def peek(location: str, head: int | None = None) -> Seen | None:
    """As `look`, and None too for what cannot be read: then it proves nothing, and is not ours."""
    try:
        return look(location, head)
    except OSError:
        return None

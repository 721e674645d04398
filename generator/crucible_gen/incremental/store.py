"""The private files that records of earlier runs are kept in, one set for each command line and directory.

A file begins with what it is and the checksum of what follows, and is replaced as a whole, so that runs that share it
take turns. It is believed only if it and its directory belong to this user, if neither is a link and nobody else can write
to the directory; nothing is written through a link either. A record is believed only if it was kept for the same words in the
same directory, by the same generator on the same machine and Python.
"""

from __future__ import annotations

import os
import stat
import sys
import time
import zlib

FORMAT = 9
"""The number of the form of what files hold: raised whenever that changes, so that no other form is ever read."""

_MAGIC = b"gen record %d\n" % FORMAT
HEAD = len(_MAGIC) + 4
"""So many bytes of a file come before what it holds."""
SEAL = 4
"""So many bytes a seal has."""
_SEAL = 0x67656E
_ALONE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
INDEX, LATER = ".index", ".later"
"""What stands behind the name of a record's file in those of its index, and of rows that were made anew later."""


def read(path: str, check: int | None = None) -> bytes | None:
    """The bytes of a file of ours, HEAD of them included, if it is whole and, where one is given, has this check sum."""
    data = _read(path)
    if data is None:
        return None
    found = int.from_bytes(data[len(_MAGIC) : HEAD], "big")
    whole = data.startswith(_MAGIC) and zlib.crc32(memoryview(data)[HEAD:]) == found
    return data if whole and check in (None, found) else None


def check(path: str) -> int:
    """The check sum in front of a file of ours; 0 where there is no such file."""
    return int.from_bytes((_read(path, HEAD) or b"")[len(_MAGIC) :], "big")


def write(path: str, body: bytes) -> int:
    """Puts a file of ours in place, whole or not at all; its check sum. A disk that refuses is no matter."""
    check = zlib.crc32(body)
    folder, name = os.path.split(path)
    temporary = f"{name}.{os.getpid()}.{time.time_ns():x}"
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        at = _opened(folder)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALONE, 0o600, dir_fd=at)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines((_MAGIC, check.to_bytes(HEAD - len(_MAGIC), "big"), body))
            os.replace(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        finally:
            if at is not None:
                os.close(at)
    except OSError:
        pass
    return check


def forget(folder: str, most: int) -> None:
    """Removes the oldest records, and what stands beside them, where there are more than `most`."""
    try:
        at = _opened(folder)
        try:
            with os.scandir(folder if at is None else at) as entries:
                there = {entry.name: entry.stat(follow_symlinks=False).st_mtime_ns for entry in entries}
            records = sorted((name for name in there if not name.endswith((INDEX, LATER))), key=there.__getitem__)
            for record in records[: max(0, len(records) - most)]:
                for name in {record, record + INDEX, record + LATER} & there.keys():
                    os.unlink(os.path.join(folder, name) if at is None else name, dir_fd=at)
        finally:
            if at is not None:
                os.close(at)
    except OSError:
        pass


def sealed(data: bytes) -> bytes:
    """Data behind a check sum of its own: the one of a whole file says nothing of who put it together."""
    return zlib.crc32(data, _SEAL).to_bytes(SEAL, "big") + data


def unsealed(data: bytes | memoryview) -> bytes | memoryview:
    """The data behind its seal. Raises ValueError where it is broken."""
    inner = data[SEAL:]
    if zlib.crc32(inner, _SEAL) != int.from_bytes(data[:SEAL], "big"):
        raise ValueError("the seal is broken")
    return inner


def _read(path: str, most: int = -1) -> bytes | None:
    """The bytes of a regular file of this user, in a directory that only this user can change; None otherwise."""
    folder, name = os.path.split(path)
    try:
        at = _opened(folder)
        try:
            descriptor = os.open(path if at is None else name, os.O_RDONLY | _ALONE, dir_fd=at)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode) or status.st_uid != _user(status.st_uid):
                    return None
                return file.readall() if most < 0 else file.read(most)
        finally:
            if at is not None:
                os.close(at)
    except OSError:
        return None


def _user(unknown: int) -> int:
    return os.getuid() if hasattr(os, "getuid") else unknown


def _opened(folder: str) -> int | None:
    """A descriptor of the directory of our files; None on systems without them.

    Raises OSError where it is a link, somebody else's, or where others may write to it.
    """
    if not hasattr(os, "getuid") or os.open not in os.supports_dir_fd:
        return None
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _ALONE)
    status = os.fstat(at)
    if status.st_uid != _user(0) or status.st_mode & 0o022:
        os.close(at)
        raise PermissionError(folder)
    return at


def identity(words: list[str]) -> list[str]:
    """What a record is of: the words, where they were said, and the Python, its packages and the generator that ran."""
    home, packages = os.environ.get("HOME", ""), (sys.prefix, os.environ.get("PYTHONPATH", ""))
    machine = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    workspace = os.environ.get("GITHUB_WORKSPACE", "")  # annotations name files from there
    return [*words, os.getcwd(), workspace, home, sys.version, *packages, os.path.dirname(__file__), machine]


def place(words: list[str]) -> str:
    """Where the record for these words is; two that share a place take turns, for each names its own."""
    given = (os.environ.get("XDG_CACHE_HOME", ""), os.path.join(os.path.expanduser("~"), ".cache"))
    # The specification of these directories wants relative ones ignored; where there is no other, nothing is kept.
    cache = next((path for path in given if os.path.isabs(path)), os.devnull)
    name = "\0".join(identity(words)).encode("utf-8", "surrogateescape")
    return os.path.join(cache, "crucible-gen", f"{zlib.crc32(name):08x}{zlib.adler32(name):08x}")

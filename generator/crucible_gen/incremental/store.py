"""The private files that records of earlier runs are kept in, one set for each command line and directory.

A file begins with what it is and the checksum of what follows, and is replaced as a whole, so that runs that share it
take turns. It is believed only if it belongs to this user, and a record only if it was kept for the same words in the
same directory, by the same generator on the same machine and Python.
"""

from __future__ import annotations

import os
import sys
import zlib

FORMAT = 8
"""The number of the form of what files hold: raised whenever that changes, so that no other form is ever read."""

_MAGIC = b"gen record %d\n" % FORMAT
HEAD = len(_MAGIC) + 4
"""So many bytes of a file come before what it holds."""
INDEX, LATER = ".index", ".later"
"""What stands behind the name of a record's file in those of its index, and of rows that were made anew later."""


def read(path: str, check: int | None = None) -> bytes | None:
    """The bytes of a file of ours, HEAD of them included, if it is whole and, where one is given, has this check sum."""
    try:
        with open(path, "rb", buffering=0) as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            data = file.readall()
    except OSError:
        return None
    found = int.from_bytes(data[len(_MAGIC) : HEAD], "big")
    whole = data.startswith(_MAGIC) and zlib.crc32(memoryview(data)[HEAD:]) == found
    return data if whole and check in (None, found) else None


def check(path: str) -> int:
    """The check sum in front of a file of ours; 0 where there is no such file."""
    try:
        with open(path, "rb", buffering=0) as file:
            return int.from_bytes(file.read(HEAD)[len(_MAGIC) :], "big")
    except OSError:
        return 0


def write(path: str, body: bytes) -> int:
    """Puts a file of ours in place, whole or not at all; its check sum. A disk that refuses is no matter."""
    check = zlib.crc32(body)
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(temporary, "wb") as file:
            file.writelines((_MAGIC, check.to_bytes(HEAD - len(_MAGIC), "big"), body))
        os.replace(temporary, path)
    except OSError:
        pass
    return check


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

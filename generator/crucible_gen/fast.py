"""A command line in; the whole run out, if it has nothing to do, and None if the long way has to look.

A run that leaves everything as the recipes say (`cache` sees to it) keeps a record of what it looked at: for each folder,
what stands in it; for each single file, its stamp, or that it is missing; and what it would say. If all of that is still
so, then so is the answer. Nothing heavy is imported here, and every folder is read once.

The surprising rule: a stamp (inode, size, times) is believed only when it is older than the record by some seconds;
else two writes in one tick of the clock would look like one. A file whose stamp is too young, or is another one, counts
as unchanged when its bytes have the digest that the record has. So this is a hint and never the truth: a record that is
missing, damaged, somebody else's or out of date means the long way, and nothing else.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    Stamp: TypeAlias = tuple[int, ...]
    Folder: TypeAlias = tuple[Stamp, bytes]
    Record: TypeAlias = dict[str, Any]

START = time.time_ns()
"""Before anything was read: what is younger may have changed since it was."""
FORMAT = 2
MARGIN = 2_000_000_000
"""How much older than the record, in nanoseconds, a stamp must be: the coarsest clock of a file system has two seconds."""

_MAGIC = b"gen record\n"
_HEAD = len(_MAGIC) + 16
_MANY = 1_000_000
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

said: list[str] | None = None
"""The words of the command line, where a record may be read and kept."""
seen: dict[str, Folder] = {}
"""The folders that were read in this process, so that the long way need not read them again."""
found: tuple[Record, Record] | None = None
"""The record that was read in this process and its memory, where both were needed to see that there is something to do."""


def run(arguments: list[str]) -> int | None:
    """The exit code of a run that has nothing to do, with all of it said; None when that is not sure."""
    if "--no-cache" in arguments or "--regenerate" in arguments:
        return None
    global said, found
    found = None
    said, check, quiet = asked(arguments)
    record = load(said)
    if record is None or not holds(record):
        return None
    out, error = record["says"][check]
    if not quiet:
        sys.stderr.write(error)
        sys.stdout.write(out)
        sys.stdout.flush()
    return 0


def asked(arguments: list[str]) -> tuple[list[str], bool, bool]:
    """The command line without `--check` and `-q`, and whether they were there: both see the same files.

    Behind another option such a word may be its value, so that it stays.
    """
    words: list[str] = []
    check = quiet = False
    for word in arguments:
        if word not in ("--check", "-q", "--quiet") or (words and words[-1].startswith("-")):
            words.append(word)
        elif word == "--check":
            check = True
        else:
            quiet = True
    if (check and "--diff" in words) or (quiet and {"-v", "--verbose"} & set(words)):
        return arguments, check, quiet  # wrong usage: no record has these words
    return words, check, quiet


# What the disk has ----------------------------------------------------------------------------------------------------


def holds(record: Record) -> bool:
    """Whether everything that the record names is as it was."""
    if time.time_ns() < record["when"]:
        return False  # the clock was set back: no stamp tells what came first
    doubtful = set(record["doubtful"])
    files = {path: stamp(path) for path in record["files"]}
    doubtful.update(path for path, before in record["files"].items() if files[path] != before)
    folders = record["folders"]
    seen.update(scan_all(folders))
    for folder, before in folders.items():
        if seen[folder] != before:
            changed = changes(before, seen[folder])
            if changed is None:
                return False
            doubtful.update(f"{folder}/{name}" for name in changed)
    if not doubtful and seen == folders:
        return True
    global found
    found = record, memory(record)
    known = found[1]
    if not all(unchanged(path, known["digests"]) for path in doubtful):
        return False
    save(record | {"files": files, "folders": dict(seen)}, known, record)
    return True


def unchanged(path: str, digests: dict[str, str]) -> bool:
    """Whether a file has the bytes that a record knows; of a file that nobody read it knows an empty digest."""
    known = digests.get(path)
    return known is not None and known in ("", digest(path))


def scan(folder: str) -> Folder:
    """A folder's own stamp, and what stands in it: name and stamp of each file, the name of each folder.

    Both are empty for a folder that cannot be read.
    """
    found: list[object] = []
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            own = os.fstat(descriptor)
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != "__pycache__":
                            found.append(entry.name)
                    else:
                        at = entry.stat(follow_symlinks=False)
                        found.append((entry.name, at.st_mode, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns))
        finally:
            os.close(descriptor)
    except OSError:
        return (), b""
    return (own.st_dev, own.st_ino, own.st_mtime_ns), marshal.dumps(found, 2)


def scan_all(folders: dict[str, Folder]) -> dict[str, Folder]:
    """Each folder as it is now; a second process reads one half where there were very many files."""
    waiting = sorted(folders, key=lambda folder: len(folders[folder][1]))
    total = sum(len(found) for _, found in folders.values())
    if total < _MANY or not hasattr(os, "fork") or (os.cpu_count() or 1) < 2:
        return {folder: scan(folder) for folder in waiting}
    half: list[str] = []
    while 2 * sum(len(folders[folder][1]) for folder in half) < total:
        half.append(waiting.pop())
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        with os.fdopen(write, "wb") as pipe:
            pipe.write(marshal.dumps({folder: scan(folder) for folder in half}, 2))
        os._exit(0)
    os.close(write)
    found = {folder: scan(folder) for folder in waiting}
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    failed = os.waitpid(child, 0)[1]
    return found | ({folder: scan(folder) for folder in half} if failed else marshal.loads(data))


def changes(before: Folder, after: Folder) -> list[str] | None:
    """The names of files with another stamp than before; None if any name came, went or became something else."""
    if before[0][:1] != after[0][:1]:
        return None
    old, new = entries(before), entries(after)
    if old.keys() != new.keys() or any(old[name][:1] != new[name][:1] for name in old):
        return None
    return [name for name in old if old[name] != new[name]]


def entries(folder: Folder) -> dict[str, Stamp]:
    """The stamps of a folder's files by name, the kind of the file in front; an empty stamp for each folder in it."""
    found = marshal.loads(folder[1]) if folder[1] else ()
    return {
        **{each: () for each in found if isinstance(each, str)},
        **{each[0]: (each[1] >> 12, *each[1:]) for each in found if not isinstance(each, str)},
    }


def stamp(path: str) -> Stamp | None:
    """The stamp of what is at the path, behind links; None where nothing is."""
    try:
        at = os.stat(path)
    except OSError:
        return None
    return (at.st_mode, at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns)


def digest(path: str) -> str | None:
    """The digest of a file's bytes, or None for what cannot be read."""
    from hashlib import sha256

    try:
        with open(path, "rb", opener=lambda path, flags: os.open(path, _READ)) as file:
            return sha256(file.read()).hexdigest()[:16]
    except OSError:
        return None


# The record -----------------------------------------------------------------------------------------------------------


def load(words: list[str]) -> Record | None:
    """The record of the last good run with these words; None if there is none, or it cannot be trusted."""
    try:
        with open(place(words), "rb") as file:
            at = os.fstat(file.fileno())
            head = file.read(_HEAD)
            size, check = int.from_bytes(head[-16:-8], "big"), int.from_bytes(head[-8:], "big")
            ours = not hasattr(os, "getuid") or at.st_uid == os.getuid()
            if not ours or not head.startswith(_MAGIC) or size > at.st_size:
                return None
            body = file.read(size)
            if zlib.crc32(body) != check:
                return None
            record = marshal.loads(body)
            return {**record, "head": head} if record["asked"] == identity(words) else None
    except (OSError, ValueError, EOFError, TypeError, KeyError):
        return None


def memory(record: Record) -> Record:
    """The part of a record that only a run with something to do needs; empty if it is damaged, or not of this record."""
    try:
        with open(record["place"], "rb") as file:
            head = file.read(_HEAD)
            file.seek(int.from_bytes(head[-16:-8], "big"), os.SEEK_CUR)
            check, rest = file.read(8), file.read()
            if head == record["head"] and check == zlib.crc32(rest).to_bytes(8, "big"):
                loaded: Record = marshal.loads(rest)
                return loaded
    except (OSError, ValueError, EOFError, TypeError, KeyError):
        pass
    return {"digests": {}, "made": {}}


def save(record: Record, memory: Record, before: Record, written: Iterable[str] = ()) -> None:
    """Keeps a record, whole or not at all; a disk that refuses is no matter.

    What is too young to be believed is worked out here, and so is what was written after its stamp was read. Folders
    that are as they were, and in which nothing was doubtful, are passed over.
    """
    old = START - MARGIN
    doubtful = {path for path, at in record["files"].items() if at and max(at[-2:]) > old}
    doubtful.update(written)
    unsettled = {path.rpartition("/")[0] for path in before["doubtful"]}
    for folder, found in record["folders"].items():
        if folder not in unsettled and found == before["folders"].get(folder):
            continue
        doubtful.update(f"{folder}/{name}" for name, at in entries(found).items() if at and max(at[-2:]) > old)
    rest = marshal.dumps(memory, 2)
    body = marshal.dumps({**record, "when": START, "doubtful": sorted(doubtful), "head": None}, 2)
    head = _MAGIC + len(body).to_bytes(8, "big") + zlib.crc32(body).to_bytes(8, "big")
    path = record["place"]
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(b"".join((head, body, zlib.crc32(rest).to_bytes(8, "big"), rest)))
        os.replace(temporary, path)
    except OSError:
        pass


def identity(words: list[str]) -> list[str]:
    """What a record is of: the words, where they were said, and the Python and the generator that ran."""
    home = os.environ.get("HOME", "")
    machine = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return [*words, os.getcwd(), home, sys.version, os.path.dirname(__file__), machine, str(FORMAT)]


def place(words: list[str]) -> str:
    """Where the record for these words is; two that share a place take turns, for each names its own."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    name = "\0".join(identity(words)).encode("utf-8", "surrogateescape")
    return os.path.join(cache, "crucible-gen", f"{zlib.crc32(name):08x}{zlib.adler32(name):08x}")

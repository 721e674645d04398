"""What a record names, as it is on the disk now, and what of it is not as it was.

Each directory is read once, and no file as long as its stamp is believed. A stamp (inode, size, times) is believed only
when it is older than the record by some seconds, since two writes in one tick of the clock look alike. A file whose stamp
is too young, or has changed, counts as unchanged when its bytes have the digest that the record knows.
"""

from __future__ import annotations

import marshal
import os
import time

from crucible_gen.incremental import store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeAlias

    from crucible_gen.incremental.index import Index
    from crucible_gen.incremental.record import Folder, Record, Stamp

    Entry: TypeAlias = tuple[Any, ...]
    """What stands in a directory: the name and stamp of a file, or the name alone of a directory."""
    Compared: TypeAlias = tuple[Folder | None, list[str] | None, list[str]]

MARGIN = 2_000_000_000
"""How much older than the record, in nanoseconds, a stamp must be: the coarsest clock of a file system has two seconds."""

_MANY = 500_000
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Snapshot:
    """Everything that a record names as it is now, and what of it is not as it was.

    `strange` is set where that cannot be told file by file: names came or went, or the clock was set back. Of the files
    whose stamp is another one or too young, `stale` have other bytes than the record knows, and `same` have not. `young`
    are those whose stamp the next run must not believe; `moved` is set where a new record would save it work. A run that
    made few recipes anew adds their rows and leaves the record as it is (`later` tells): their files are doubtful too.
    """

    def __init__(self, record: Record, started: int) -> None:
        """Begins to read the folders of outputs; reads those of inputs, and single files."""
        self.record = record
        self.since = started - MARGIN
        self.strange = time.time_ns() < record.when  # set back: no stamp tells what came first
        self.moved = False
        self.stale: set[str] = set()
        self.same: set[str] = set()
        self.inputs: dict[str, Folder] = {}
        self.outputs: dict[str, Folder] = {}
        self.later = store.check(f"{record.place}{store.LATER}")
        self._index: Index | None = None
        self._doubtful = {*record.doubtful, *(self.index.files_of_later() if self.later != record.later else ())}
        self._unsettled = {path.rpartition("/")[0] for path in self._doubtful}
        self._waiting = self._begin(record.outputs)
        self.files = {path: stamp(path) for path in record.files}
        self.young = {path for path, at in self.files.items() if at and is_young(at, self.since)}
        doubtful = {path for path, before in record.files.items() if self.files[path] != before}
        doubtful.update(path for path in self._doubtful if path in self.files)
        self._take(self._compare(record.inputs), record.inputs, self.inputs, doubtful)

    @property
    def index(self) -> Index:
        """What the run before knew of every file, read when it is first asked for."""
        if self._index is None:
            from crucible_gen.incremental import index

            self._index = index.read(self.record)
        return self._index

    def differs(self) -> bool:
        """Whether anything that was read so far is not as it was."""
        return self.strange or bool(self.stale)

    def finish(self) -> Snapshot:
        """Reads what is left."""
        for result in self._waiting:
            self._take(result(), self.record.outputs, self.outputs, set())
        self._waiting = []
        return self

    def _begin(self, folders: dict[str, Folder]) -> list[Callable[[], dict[str, Compared]]]:
        """Two processes each begin with one half of the folders, where there are very many files."""
        many = sum(len(found) for _, found in folders.values()) > _MANY
        if not many or not hasattr(os, "fork") or (os.cpu_count() or 1) < 2:
            return [lambda: self._compare(folders)]
        halves: tuple[dict[str, Folder], dict[str, Folder]] = {}, {}
        for folder in sorted(folders, key=lambda folder: -len(folders[folder][1])):
            half = min(halves, key=lambda half: sum(len(found) for _, found in half.values()))
            half[folder] = folders[folder]
        return [elsewhere(self._compare, half) for half in halves]

    def _compare(self, folders: dict[str, Folder]) -> dict[str, Compared]:
        unsettled, since = self._unsettled, self.since
        return {folder: compare(folder, before, folder in unsettled, since) for folder, before in folders.items()}

    def _take(
        self, found: dict[str, Compared], before: dict[str, Folder], into: dict[str, Folder], doubtful: set[str]
    ) -> None:
        for folder, (now, changed, young) in found.items():
            into[folder] = now or before[folder]
            self.moved = self.moved or now is not None
            self.strange = self.strange or changed is None
            self.young.update(f"{folder}/{name}" for name in young)
            doubtful.update(f"{folder}/{name}" for name in changed or ())
        doubtful.update(path for path in self._doubtful if path.rpartition("/")[0] in found)
        known = self.index.digests(doubtful) if doubtful else {}
        self.same.update(path for path in doubtful if unchanged(path, known))
        self.stale |= doubtful - self.same
        self.moved = self.moved or bool(doubtful)


def compare(folder: str, before: Folder, unsettled: bool, since: int) -> Compared:
    """A folder as it is now, or None for as before; the names of files with another stamp, and of those with a young one.

    For the names with another stamp there is None where any came, went or became something else. Young ones are looked
    for among those, and among all in a folder that had some.
    """
    own, found = scan(folder)
    now = packed(own, found)
    if now == before and not unsettled:
        return None, [], []
    came, went = differences(entries(before), found)
    doubtful = found if unsettled else came
    young = [each[0] for each in doubtful if len(each) > 1 and is_young(each, since)]
    if now[0][:1] != before[0][:1] or kinds(came) != kinds(went):
        return now, None, young
    return now if now != before else None, [each[0] for each in came], young


def differences(old: list[Entry], new: list[Entry]) -> tuple[set[Entry], set[Entry]]:
    """What stands in a folder now and did not before, and what did and does not now."""
    if len(old) == len(new):  # as a rule most stand where they stood: only the others are looked up
        pairs = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
        old, new = [one for one, _ in pairs], [other for _, other in pairs]
    return set(new).difference(old), set(old).difference(new)


def kinds(entries: Iterable[Entry]) -> set[tuple[str, int]]:
    """The name of each entry, and whether it is a file, a link or what else."""
    return {(each[0], each[1] >> 12) if len(each) > 1 else (each[0], 0) for each in entries}


def entries(folder: Folder) -> list[Entry]:
    """What stands in a folder: the name and stamp of each file, the name alone of each folder."""
    found: list[Entry] = marshal.loads(folder[1]) if folder[1] else []
    return found


def scan(folder: str) -> tuple[Stamp, list[Entry]]:
    """A folder's own stamp, and what stands in it; both are empty for a folder that cannot be read."""
    found: list[Entry] = []
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            own = os.fstat(descriptor)
            with os.scandir(descriptor) as inside:
                for entry in inside:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != "__pycache__":
                            found.append((entry.name,))
                    else:
                        at = entry.stat(follow_symlinks=False)
                        found.append((entry.name, at.st_mode, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns))
        finally:
            os.close(descriptor)
    except OSError:
        return (), []
    return (own.st_dev, own.st_ino, own.st_mtime_ns), found


def packed(own: Stamp, found: list[Entry]) -> Folder:
    """A folder as a record has it."""
    return own, marshal.dumps(found, 2)


def elsewhere(
    work: Callable[[dict[str, Folder]], dict[str, Compared]], folders: dict[str, Folder]
) -> Callable[[], dict[str, Compared]]:
    """Begins work in another process; gives back what waits for its result, or does the work here where that failed."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.nice(19)  # what goes on in the other one meanwhile comes first
            with os.fdopen(write, "wb") as pipe:
                pipe.write(marshal.dumps(work(folders), 2))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)

    def result() -> dict[str, Compared]:
        with os.fdopen(read, "rb") as pipe:
            data = pipe.read()
        failed = os.waitpid(child, 0)[1]
        found: dict[str, Compared] = work(folders) if failed else marshal.loads(data)
        return found

    return result


def stamp(path: str) -> Stamp | None:
    """The stamp of what is at the path, behind links; None where nothing is."""
    try:
        at = os.stat(path)
    except OSError:
        return None
    return (at.st_mode, at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns)


def is_young(at: Sequence[Any], since: int) -> bool:
    """Whether a stamp, or an entry that ends in one, is too young to be believed by the next run: younger than `since`."""
    young: bool = max(at[-2:]) > since
    return young


def unchanged(path: str, digests: Mapping[str, str]) -> bool:
    """Whether a file says what a record knows; of a file that nobody read it knows an empty digest."""
    known = digests.get(path)
    return known is not None and known in ("", digest(path))


def digest(path: str) -> str | None:
    """The digest of what a file says, or None for what cannot be read."""
    from hashlib import sha256

    try:
        with open(path, "rb", opener=lambda path, flags: os.open(path, _READ)) as file:
            # As `documents.content`, whose package takes longer to import than a run with nothing to do.
            data = file.read().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
            return sha256(data).hexdigest()[:16]
    except OSError:
        return None

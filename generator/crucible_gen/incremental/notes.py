"""What a run knows of the disk: from the record of an earlier run, and from its own look at it.

Stamps are read before files are, and a digest is that of the bytes that were used, so that a file which changes while a
run reads it has another stamp or another digest for the next run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from crucible_gen.incremental import snapshot as disk
from crucible_gen.incremental.index import Index
from crucible_gen.incremental.record import Record, empty
from crucible_gen.incremental.snapshot import Snapshot
from crucible_gen.languages import registry
from crucible_gen.output.survey import FOREIGN_FOLDERS
from crucible_gen.results import Request
from crucible_gen.schemas import shipped

if TYPE_CHECKING:
    from crucible_gen.documents import Boundary
    from crucible_gen.incremental.record import Folder, Stamp

NO_FOLDER: Folder = (), b""
_PACKAGE = Path(__file__).parents[1]


class Notes:
    """What a run knows of the disk.

    `fixed` are the files and directories in which a change touches every recipe; `inputs` and `outputs` the directories
    that are looked into, `files` the stamps of single files; `seen` are directories that need not be read again. `stale`
    is what changed since the record, `held` the recipes for which it holds; `alone` is set while nobody else put
    anything among the outputs.
    """

    def __init__(
        self, words: list[str], snapshot: Snapshot | None, settings: dict[str, Stamp | None], started: int
    ) -> None:
        """Takes the words of the command line, what was seen beside their record, and the settings files with stamps."""
        self.words = words
        self.snapshot = snapshot
        self.started = started
        self.since = started - disk.MARGIN
        self.record: Record = snapshot.record if snapshot else empty(words)
        self.index = snapshot.index if snapshot else Index()
        self.files = dict(settings)
        self.inputs: dict[str, Folder] = {}
        self.outputs: dict[str, Folder] = {}
        self.seen: dict[str, Folder] = {}
        self.fixed: set[str] = {*self.record.fixed, *settings}
        self.stale: set[str] = set()
        self.held: set[str] = set()
        self.alone = False

    def note(self, path: str) -> None:
        """Notes the stamp of a single file, or that it is missing."""
        self.files.setdefault(path, disk.stamp(path))

    def is_fixed(self, path: str) -> bool:
        """Whether a change to this file touches every recipe."""
        return path in self.fixed or os.path.dirname(path) in self.fixed

    def look(self, request: Request) -> None:
        """Notes everything that a run for this request may read, and what stands among its outputs."""
        if self.snapshot:
            self.seen = self.snapshot.finish().inputs | self.snapshot.outputs
        self.inputs, self.outputs, self.alone = {}, {}, False
        own = [_PACKAGE, shipped("schemas"), shipped("templates"), *registry.folders(request.targets)]
        for root in [*own, *request.schemas, *([request.templates] if request.templates else [])]:
            self.fixed.update(self._walk(self.inputs, absolute(root), lambda name: True))
        for path in request.paths:
            self._walk(self.inputs, absolute(path), lambda name: name[0] not in "._", request.boundary)
        for recorded in self.record.files:
            self.note(recorded)
        self._walk(self.outputs, absolute(request.out), _holds_outputs)

    def look_again(self, out: str) -> set[str]:
        """Notes the outputs again after names came and went; what is not as it was, by whomever."""
        before = dict(self.outputs)
        self.outputs.clear()
        for folder in before:
            if not before[folder][0] or _changed_at(folder) != before[folder][0][2]:
                self.seen.pop(folder, None)
        self._walk(self.outputs, out, _holds_outputs)
        other: set[str] = set()
        for folder, found in self.outputs.items():
            if found != before.get(folder):
                came, _ = disk.differences(disk.entries(before.get(folder, NO_FOLDER)), disk.entries(found))
                other.update(f"{folder}/{name}" for name, *at in came if at)
        return other

    def disturbed(self) -> bool:
        """Whether another run put something among the outputs since they were looked at: it renames files into place."""
        return any(own and _changed_at(folder) != own[2] for folder, (own, _) in self.outputs.items())

    def young(self) -> set[str]:
        """The files whose stamps the next run must not believe.

        Directories that were settled and are as they were have none.
        """
        young = {path for path, at in self.files.items() if at and disk.is_young(at, self.since)}
        unsettled = {path.rpartition("/")[0] for path in self.record.doubtful}
        for recorded, folders in ((self.record.inputs, self.inputs), (self.record.outputs, self.outputs)):
            for folder, found in folders.items():
                if folder in unsettled or found != recorded.get(folder):
                    each = ((name, at) for name, *at in disk.entries(found))
                    young.update(f"{folder}/{name}" for name, at in each if at and disk.is_young(at, self.since))
        return young

    def _walk(
        self, into: dict[str, Folder], root: str, enters: Callable[[str], bool], boundary: Boundary | None = None
    ) -> list[str]:
        """Notes a directory and those below it, or a single file; gives back what it noted.

        A link to a directory is followed where `boundary` holds that: elsewhere it is a problem of the run.
        """
        if not os.path.isdir(root) and into is self.inputs:
            self.note(root)
            return [root]
        recorded = self.record.inputs if into is self.inputs else self.record.outputs
        found: list[str] = []
        pending = [root]
        while pending:
            folder = pending.pop()
            found.append(folder)
            if folder in into:
                continue
            into[folder] = self.seen.get(folder) or disk.packed(*disk.scan(folder))
            if into[folder] == recorded.get(folder):
                pending += [path for path in recorded if os.path.dirname(path) == folder]
                continue  # where its links lead is among the files of the record
            for name, *at in disk.entries(into[folder]):
                path = f"{folder}/{name}"
                if not at and enters(name):
                    pending.append(path)
                elif at and stat.S_ISLNK(at[0]) and into is self.inputs:
                    known = not os.path.isdir(path) or not enters(name) or os.path.realpath(path) in into
                    if not known and (boundary is None or boundary.holds(path)):
                        pending.append(path)
                    self.note(path)
        return found


def absolute(path: Path) -> str:
    """A path as records name it: absolute, and without steps up."""
    return os.path.normpath(path.absolute())


def _holds_outputs(name: str) -> bool:
    return name[0] != "." and name not in FOREIGN_FOLDERS


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0

"""Where a run keeps what it makes: one directory, opened by `Folder.open`, closed at the end of the run.

Everything in it is named relative to it, so that it can be moved. Files are written whole or not at all, rows are
appended; so a run can be killed at any moment and gone on with. Of several processes of one run only the main one
writes; on the others every write is left undone. The rows that a stage wrote are its own only when it has finished. A
resumed stage that comes to a step again first drops its rows from that step on.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from crucible_runtime.errors import FolderError, InputError, PipelineError
from crucible_runtime.processes import is_main, world
from crucible_runtime.quoting import file_name, printable
from crucible_runtime.rundir import lock
from crucible_runtime.rundir.capture import captured
from crucible_runtime.rundir.files import add, as_number, finite, guarded, replace
from crucible_runtime.secrets import hidden, scrub

RUNS = "runs"
"""Where runs are kept that nobody named a directory for."""
EXPERIMENT, CONFIG, ENVIRONMENT, RESULT = "experiment.json", "config.json", "environment.json", "result.json"
METRICS, SAMPLES, LOG, REPORT = "metrics.jsonl", "samples.jsonl", "run.log", "report.html"
NOTES = "notes.json"
"""What a reader of a run should know: a list of `{"stage", "text"}`."""
EVALUATION = "evaluation"
"""The name under which the evaluation stands after the stages."""
_ROWS = (METRICS, SAMPLES)
_STAGES = "stages"
_OWN = (EXPERIMENT, CONFIG, ENVIRONMENT, RESULT, METRICS, SAMPLES, LOG, REPORT, NOTES, _STAGES, "checkpoints", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the folder keeps of a finished stage: what it left behind, and how long the files of rows were by then."""

    name: str
    module: str | None
    output: Mapping[str, Any]
    seconds: float
    rows: Mapping[str, int]


class Folder:
    """The directory of one run."""

    def __init__(self, path: Path, *, resumed: bool, main: bool) -> None:
        """Takes what `open` found out."""
        self.path = path
        self.resumed = resumed
        self.main = main
        self._floor = dict.fromkeys(_ROWS, 0)
        self._stale = {*_ROWS} if resumed else set()
        self._lock: int | None = None

    @classmethod
    def open(cls, path: Path | str | None, *, name: str, resume: bool) -> Folder:
        """The directory at `path`, held until the `with` block ends; by default a new one for `name` below runs/.

        With `resume` there must be a run in it; by default that is the latest unfinished one for `name`.

        Raises InputError where it is in use, holds a run already, or holds none to resume, and FolderError where it
        cannot be written to.
        """
        main = is_main()
        if path is None and world() > 1:
            raise InputError("several processes train together: name the directory of their run with --log-path")
        if path is None:
            path = latest(name) if resume else _new(Path(RUNS), name)
        folder = cls(Path(os.path.abspath(path)), resumed=resume, main=main)
        if main:
            folder._take()
        return folder

    @property
    def root(self) -> Path:
        """The directory that holds this run and its neighbours."""
        return self.path.parent

    @property
    def checkpoints(self) -> Path:
        """Where the engine keeps its checkpoints."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Where the engine leaves the trained weights."""
        return self.path / "model"

    @property
    def artifacts(self) -> Path:
        """Where stages leave files for others, such as manifests."""
        return self.path / "artifacts"

    @property
    def started(self) -> bool:
        """Whether a run is in the directory: its experiment is the last that a beginning run writes."""
        return (self.path / EXPERIMENT).exists()

    @property
    def shown(self) -> str:
        """The path as a message names it: relative, where it lies below the current directory."""
        return shown(self.path)

    def resolve(self, name: str) -> str:
        """A place that a stage's output names: a path in this directory in full, a URI as it is."""
        return name if "://" in name else str(self.path / name)

    def metric(self, row: Mapping[str, Any]) -> None:
        """Adds a row to metrics.jsonl: stage, step, and what was measured; a number that is not finite as null."""
        self._append(METRICS, row)

    def sample(self, row: Mapping[str, Any]) -> None:
        """Adds a row to samples.jsonl: stage, step, prompt (messages), completion, reward."""
        self._append(SAMPLES, row)

    def log(self, text: str) -> None:
        """Adds a line to run.log, after the time of day."""
        if self.main:
            with guarded(self.path / LOG) as path:
                add(path, f"{time.strftime('%H:%M:%S')} {printable(scrub(text))}\n")

    def note(self, stage: str, text: str) -> None:
        """Adds to notes.json what a reader should know of a stage, once, and to run.log."""
        note, known = {"stage": stage, "text": scrub(text)}, self.notes()
        self.log(f"{stage}: {text}")
        if note not in known:
            self.write(NOTES, json.dumps([*known, note], ensure_ascii=False, indent=2) + "\n")

    def notes(self) -> list[dict[str, str]]:
        """What `note` has written."""
        found: list[dict[str, str]] = self.read(NOTES) or []
        return found

    def write(self, name: str, text: str) -> None:
        """Writes a text for a reader, whole or not at all, with the secrets in it hidden."""
        self.write_exact(name, scrub(text))

    def write_exact(self, name: str, text: str) -> None:
        """The same for what is executed, hashed or free of secrets: the text as it is."""
        if self.main:
            with guarded(self.path / name) as path:
                path.parent.mkdir(parents=True, exist_ok=True)
                replace(path, text)

    def write_json(self, name: str, value: Any) -> None:
        """The same for a record: a value as JSON, with the secrets in its texts hidden; raises TypeError."""
        self.write_exact(name, json.dumps(hidden(value), ensure_ascii=False, indent=2, default=as_number) + "\n")

    def read(self, name: str) -> Any:
        """The value in a JSON file of this directory, or None where it is not there; raises FolderError."""
        with guarded(self.path / name) as path:
            return json.loads(path.read_text("utf-8")) if path.exists() else None

    def captured(self) -> AbstractContextManager[None]:
        """While it lasts, what anything prints goes into run.log, from below Python too (on the main process)."""
        return captured(self.log if self.main else None)

    def rewind(self, step: int) -> None:
        """Drops what the stage under way has in metrics.jsonl and samples.jsonl after `step`: it starts from there."""
        if self.main:
            for name in _ROWS:
                self._cut(name, lambda found: found > step)

    def records(self) -> list[Record]:
        """The finished stages, in order; where one is missing, those before it."""
        found: list[Record] = []
        while record := next((self.path / _STAGES).glob(f"{len(found) + 1}-*.json"), None):
            found.append(Record(**self.read(f"{_STAGES}/{record.name}")))
        return found

    def record(self, number: int, name: str, module: str | None, output: Mapping[str, Any], seconds: float) -> None:
        """Writes down that the stage at place `number`, counted from 1, has finished, so that it never runs again.

        Raises PipelineError where JSON cannot hold its output.
        """
        sizes = {file: self._size(file) for file in _ROWS}
        row = {"name": name, "module": module, "output": finite(output), "seconds": seconds, "rows": sizes}
        try:
            self.write_json(f"{_STAGES}/{number}-{file_name(name)}.json", row)
        except TypeError as error:
            raise PipelineError(
                f"what it returned is not for JSON, and a later run could not go on: {error}"
            ) from error
        self._floor, self._stale = sizes, set()

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        if not self.main:
            return
        if name in self._stale:
            self._cut(name, lambda found: found >= row.get("step", 0))
        with guarded(self.path / name) as path:
            add(path, json.dumps(hidden(finite(row)), ensure_ascii=False, default=as_number) + "\n")

    def _cut(self, name: str, drop: Callable[[float], bool]) -> None:
        """Ends the file before the first row of the stage under way whose step is to be dropped."""
        self._stale.discard(name)
        with guarded(self.path / name) as path:
            if not path.exists():
                return
            data = path.read_bytes()
            end = start = self._floor[name]
            while (newline := data.find(b"\n", start)) >= 0:
                if drop(json.loads(data[start:newline]).get("step", 0)):
                    break
                end = start = newline + 1
            if end < len(data):
                os.truncate(path, end)

    def _size(self, name: str) -> int:
        path = self.path / name
        return path.stat().st_size if path.exists() else 0

    def _take(self) -> None:
        """Makes the directory and locks it; raises InputError where the run in it is not the caller's to go on with."""
        if self.resumed and not self.path.is_dir():
            raise InputError(f"there is no run in {self.shown} to resume")
        begun = (self.path / lock.NAME).exists()
        with guarded(self.path) as path:
            path.mkdir(parents=True, exist_ok=True)
        with guarded(self.path / lock.NAME) as path:
            self._lock = lock.take(path)
        try:
            self._check(begun)
        except InputError:
            self._release()
            raise
        for name in _ROWS if self.resumed else ():
            self._mend(name)
        if self.resumed and (records := self.records()):
            self._floor = dict(records[-1].rows)

    def _check(self, begun: bool) -> None:
        """`begun`: whether some run has held the directory before."""
        if self._lock is None:
            raise InputError(f"another run is in {self.shown}: wait for its end, or name another directory")
        if self.started:
            if not self.resumed:
                raise InputError(
                    f"there is a run in {self.shown} already: go on with it with --resume, or name another directory"
                )
            return
        # What a run leaves that was killed while it began is no more than this, and is simply written again.
        strange = [name for name in _OWN if name not in (CONFIG, ENVIRONMENT, LOG) and (self.path / name).exists()]
        if strange:
            raise InputError(f"{self.shown} holds {strange[0]}, which is of no run: name another directory")
        if self.resumed and not begun:
            raise InputError(f"there is no run in {self.shown} to resume")

    def _mend(self, name: str) -> None:
        """Drops the last line where a kill tore it."""
        with guarded(self.path / name) as path:
            if path.exists():
                data = path.read_bytes()
                if (end := data.rfind(b"\n") + 1) < len(data):
                    os.truncate(path, end)

    def _release(self) -> None:
        if self._lock is not None:
            lock.release(self._lock)
            self._lock = None

    def __enter__(self) -> Folder:
        """The folder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the directory back."""
        self._release()


def latest(name: str) -> Path:
    """The directory of the latest unfinished run for `name` below runs/; raises InputError where there is none."""
    found = [path for path in _numbered(Path(RUNS), name) if (path / EXPERIMENT).exists()]
    unfinished = [path for path in found if state(path) not in ("finished", "running")]
    if not unfinished:
        running = next((f": {shown(path)} is running" for path in reversed(found) if state(path) == "running"), "")
        raise InputError(f"no run of {name} below {RUNS}/ is there to resume{running}")
    return unfinished[-1]


def state(path: Path) -> str:
    """How far the run in `path` is: running, finished, failed, interrupted, or killed where it could not say."""
    if lock.held(path):
        return "running"
    try:
        return str(json.loads((path / RESULT).read_text("utf-8"))["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return "killed"


def shown(path: Path) -> str:
    """A path as a message names it: relative, where it lies below the current directory."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _numbered(root: Path, name: str) -> list[Path]:
    """The directories that `_new` has made for `name`, the oldest first."""
    pattern = re.compile(re.escape(file_name(name)) + r"-([0-9]+)")
    found = {int(match[1]): path for path in root.glob("*") if (match := pattern.fullmatch(path.name))}
    return [found[number] for number in sorted(found)]


def _new(root: Path, name: str) -> Path:
    """A directory that was not there before; two runs that begin at once get two."""
    with guarded(root) as path:
        path.mkdir(parents=True, exist_ok=True)
    number = max((int(path.name.rpartition("-")[2]) for path in _numbered(root, name)), default=0)
    while True:
        number += 1
        try:
            with guarded(root / f"{file_name(name)}-{number}") as path:
                path.mkdir()
        except FolderError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise
        else:
            return path

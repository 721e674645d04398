"""What earlier runs with the same command line left behind for this one, and what this one leaves for the next.

A session has three verbs. `answer` is the whole run, where nothing has changed. `reusable` says which recipes need not be
made again. `commit` keeps a record of a run that left everything as the recipes say. A record is a hint and never the
truth: one that is missing, damaged, somebody else's or out of date makes a run longer, and changes nothing else.

Nothing heavy is imported here: a run with nothing to do consists of this module and those that it imports at the top.
"""

from __future__ import annotations

import os
import sys
import time

from crucible_gen.incremental import record as records
from crucible_gen.incremental.snapshot import Snapshot, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from crucible_gen.incremental.notes import Notes
    from crucible_gen.incremental.record import Stamp
    from crucible_gen.output.plan import Plan
    from crucible_gen.results import Answers, Product, Request, Result, Reusable

    T = TypeVar("T")

OFF = "GEN_NO_CACHE"
"""The environment variable that turns every session off, as `--no-cache` does for one run."""


class Session:
    """One run's dealings with the records of earlier runs; with `enabled` false it knows and keeps nothing."""

    def __init__(self, arguments: list[str], *, enabled: bool = True) -> None:
        """Takes the command line, without the name of the program."""
        self.started = time.time_ns()  # before anything is read: what is younger may have changed since it was read
        self.words, self.check, self.quiet = split(arguments)
        self.enabled = enabled and "--no-cache" not in arguments and not os.environ.get(OFF)
        self.snapshot: Snapshot | None = None
        self.files: dict[str, Stamp | None] = {}
        self._notes: Notes | None = None

    def answer(self) -> int | None:
        """The exit code of a run that has nothing to do, with all of it said; None when that is not sure."""
        try:
            return self._answer() if self.enabled else None
        except Exception:  # noqa: BLE001 - a record that is broken is none, whatever is in it
            self.snapshot = None
            return None

    def _answer(self) -> int | None:
        record = records.load(self.words)
        if record is None:
            return None
        self.snapshot = snapshot = Snapshot(record, self.started)
        if snapshot.differs() or snapshot.finish().differs():
            return None
        out, error = record.says[2 if self.quiet else self.check]
        if record.warnings and record.color:
            error = _text(record) + error
        try:
            sys.stderr.write(error)
            sys.stdout.write(out)
            sys.stdout.flush()
        except OSError:
            return None  # nobody listens any more, or a disk is full: the long way knows what to say
        if snapshot.moved:
            self._keep(record, snapshot)
        return 0

    def _keep(self, record: records.Record, snapshot: Snapshot) -> None:
        """Keeps what was seen, which saves the next run work; all is said by now."""
        record.files, record.inputs, record.outputs = snapshot.files, snapshot.inputs, snapshot.outputs
        record.later, record.when, record.doubtful = snapshot.later, self.started, sorted(snapshot.young)
        record.save()

    def note(self, path: str) -> None:
        """Notes the state of a settings file that is about to be read; a change to it touches every recipe."""
        if self.enabled:
            self.files.setdefault(path, stamp(path))

    def reusable(self, request: Request, remake: Callable[[Sequence[str]], Mapping[str, Product] | None]) -> Reusable:
        """What of an earlier run's work still holds for this request.

        Where only a few recipes changed, `remake` makes these recipe files again; it returns None where that changes
        what other recipes depend on. Then, and where more has changed, all that still holds is returned.
        """
        if not self.enabled:
            from crucible_gen.results import Reusable

            return Reusable()
        from crucible_gen.incremental import reuse

        return self._believing(
            lambda: reuse.partial(self.notes, remake) or reuse.whole(self.notes, request),
            lambda: reuse.whole(self.notes, request),
        )

    def said_before(self) -> str:
        """What the run that left the record behind printed to standard error."""
        return self.snapshot.record.says[0][1] if self.snapshot else ""

    def disturbed(self) -> bool:
        """Whether another run put something among the outputs since they were looked at: it renames files into place."""
        return self.enabled and self._believing(self.notes.disturbed, lambda: True)

    def leaves_nothing(self, result: Result) -> bool:
        """Whether no output can be stale: all that there were are still asked for, and nobody put others there."""
        if not self.enabled:
            return False
        from crucible_gen.incremental import reuse

        return self._believing(lambda: reuse.leaves_nothing(self.notes, result), lambda: False)

    def commit(self, request: Request, result: Result, plan: Plan, answers: Answers) -> None:
        """Keeps the record of a run that left everything as the recipes say; `answers` is what the next one will say."""
        if self.enabled:
            from crucible_gen.incremental import commit

            self._believing(
                lambda: commit.commit(self.notes, request, result, plan, answers),
                lambda: None,
            )

    def _believing(self, ask: Callable[[], T], otherwise: Callable[[], T]) -> T:
        """What a record says, or, where it is broken in a way that nobody foresaw, what holds without it.

        Problems are of the recipes, which are made meanwhile, and are raised.
        """
        try:
            return ask()
        except Exception as error:
            from crucible_gen.diagnostics import Problems

            if isinstance(error, Problems) or self.snapshot is None:
                raise
            self.snapshot = self._notes = None
            return otherwise()

    @property
    def notes(self) -> Notes:
        """What this run knows of the disk, begun when it is first asked for."""
        if self._notes is None:
            from crucible_gen.incremental.notes import Notes

            self._notes = Notes(self.words, self.snapshot, self.files, self.started)
        return self._notes


def _text(record: records.Record) -> str:
    """The warnings of a record as text; the rare run that has some takes the time to render them."""
    from crucible_gen.diagnostics import report
    from crucible_gen.incremental import problems

    return report.text(problems.unpacked(record.warnings), color=report.wants_color(record.color, sys.stderr))


def off() -> Session:
    """A session that knows and keeps nothing."""
    return Session([], enabled=False)


def split(arguments: list[str]) -> tuple[list[str], bool, bool]:
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

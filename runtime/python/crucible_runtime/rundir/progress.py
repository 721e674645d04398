"""One line on a terminal while a run lasts: how far it is, loss or reward, rate, and the time left.

Where the errors of the process go to no terminal, nothing is shown. The line is written to a descriptor of its own, so
that it can be seen while everything that libraries print is captured.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from crucible_runtime.quoting import printable
from crucible_runtime.secrets import scrub

FIRST = ("loss", "reward", "kl", "accuracy", "eval_loss", "learning_rate")
"""What is shown of the metrics: the first two that there are, and the others as far as there is room."""
_EVERY = 0.1


class Progress:
    """The line; made once for a run."""

    def __init__(self, stream: TextIO | None = None, width: int | None = None) -> None:
        """Shows on `stream`, by default standard error, where that is a terminal; `width` by default the terminal's."""
        stream = sys.stderr if stream is None else stream
        self._stream: TextIO | None = stream if stream is not None and stream.isatty() else None
        self._width = width
        self._shown = 0.0
        self._line = ""
        if self._stream is not None and stream is sys.stderr:
            try:
                self._stream = os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", errors="replace")
            except OSError:
                self._stream = stream

    def begin(self, stage: str) -> None:
        """Says that a stage begins; its steps are counted from the first that is shown."""
        self._stage, self._begin = stage, time.monotonic()
        self._first: tuple[int, float] | None = None
        self._last = ""
        self._show(f"{stage} ...", at_once=True)

    def step(self, step: int, total: int | None, metrics: Mapping[str, float]) -> None:
        """Shows a step of the stage."""
        if self._stream is None:
            return
        now = time.monotonic()
        if self._first is None:
            self._first = (step, now)
        done, passed = step - self._first[0], now - self._first[1]
        named = [name for name in FIRST if name in metrics] or [*metrics]
        measured = [f"{name} {metrics[name]:.4g}" for name in named if isinstance(metrics[name], int | float)]
        parts = [f"{step}/{total}" if total else f"step {step}", *measured[:2]]
        if named != ["eval_loss"]:
            self._last = ", ".join(parts[:2])
        if done and passed:
            parts.append(f"{done / passed:.3g} steps/s" if done > passed else f"{passed / done:.3g} s/step")
            if total and total > step:
                parts.append(f"{duration((total - step) * passed / done)} left")
        parts += measured[2:]
        self._show(f"{self._stage}  " + "  ".join(parts), at_once=bool(total and step >= total))

    def note(self, text: str) -> None:
        """Shows a line that stays."""
        self._show(text, at_once=True)
        if self._stream is not None:
            self._stream.write("\n")

    def end(self, word: str = "") -> None:
        """Leaves the stage's line behind, with the time that it took, and `word` where it did not end well."""
        took = duration(time.monotonic() - self._begin)
        self._show("  ".join(part for part in (self._stage, self._last, word or took) if part), at_once=True)
        if self._stream is not None:
            self._stream.write("\n")
            self._stream.flush()

    def _show(self, line: str, *, at_once: bool) -> None:
        now = time.monotonic()
        if self._stream is None or (not at_once and now - self._shown < _EVERY):
            return
        self._shown = now
        line = printable(scrub(line)).replace("\n", " ")
        room = (self._width or _columns(self._stream)) - 1
        # Cleared from the end of the line on, so that it does not flicker.
        self._stream.write(f"\r{line[:room]}\x1b[K")
        self._stream.flush()


def duration(seconds: float) -> str:
    """A time as people say it: `4.2 s`, `3:05 min`, `2:10 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02} h"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80

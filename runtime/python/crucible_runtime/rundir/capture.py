"""A block in which all that is printed goes to a function that takes lines.

What libraries print would garble a line of progress, and belongs into the log. Python's own streams are replaced, and
the descriptors below them too, for what C code and child processes print. A stream that a library keeps goes on
working after the block, and still writes to the log.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Sink = Callable[[str], None]
_WAIT = 1.0


@contextmanager
def captured(sink: Sink | None) -> Iterator[None]:
    """Hands `sink` every line that is printed until the block ends; without one, nothing changes."""
    if sink is None or isinstance(sys.stderr, _Lines):
        yield
        return
    before = sys.stdout, sys.stderr
    for stream in before:
        stream.flush()
    lines = _Lines(sink), _Lines(sink)
    sys.stdout, sys.stderr = lines
    try:
        with _below(sink):
            yield
    finally:
        sys.stdout, sys.stderr = before
        for each in lines:
            each.close_line()


class _Lines(io.TextIOBase):
    """A text stream that hands on whole lines; of a line that was written over, as bars are, the last state."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rest = ""
        self._turn = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._turn:
            *lines, self._rest = (self._rest + text).split("\n")
            # A bar without an end would otherwise grow here for hours.
            self._rest = self._rest[self._rest.rfind("\r", 0, -1) + 1 :]
            for line in lines:
                self._hand_on(line)
        return len(text)

    def close_line(self) -> None:
        with self._turn:
            self._hand_on(self._rest)
            self._rest = ""

    def _hand_on(self, line: str) -> None:
        line = line.rstrip("\r")
        if shown := line[line.rfind("\r") + 1 :].rstrip():
            self._sink(shown)


@contextmanager
def _below(sink: Sink) -> Iterator[None]:
    """The same for descriptors 1 and 2."""
    try:
        kept = os.dup(1), os.dup(2)
    except OSError:  # the process was started without them
        yield
        return
    source, target = os.pipe()
    failures: list[Exception] = []
    reader = threading.Thread(target=_read, args=(source, _Lines(sink), failures), daemon=True)
    reader.start()
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    try:
        yield
    finally:
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        reader.join(_WAIT)  # a child process that is left running still holds the other end
    if failures:
        raise failures[0]


def _read(source: int, lines: _Lines, failures: list[Exception]) -> None:
    """Hands on what comes out of the pipe until nobody can write to it any more.

    It is read to the end even where it can no longer be handed on: who writes to a full pipe waits for ever.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with os.fdopen(source, "rb", buffering=0) as pipe:
        while data := pipe.read(65536):
            if not failures:
                try:
                    lines.write(decoder.decode(data))
                except Exception as error:  # noqa: BLE001 - it is raised where the block ends
                    failures.append(error)
    if not failures:
        lines.close_line()

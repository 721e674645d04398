"""Chunks of work in, their results in order out; further processes help where there is enough to do.

A worker is a fork of this process, so that it starts with all that was read and compiled before. It keeps its results in
a file without a name, not in a pipe, so that nobody waits for anybody, and no process holds more than one chunk of
another's. What a worker could not do, for whatever reason, is done here: the results are those of one process.
Checks that hold or not have no results to keep: each process says by its exit code whether all that it did held.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST = 8


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in pieces of this size, the last one shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def spread(work: Callable[[Sequence[T]], R], pieces: Sequence[Sequence[T]]) -> Iterator[R]:
    """The result of the work on each piece, in order; results must be what pickle can hold."""
    count = min(os.cpu_count() or 1, MOST, len(pieces)) if hasattr(os, "fork") else 1
    if count < 2:
        yield from map(work, pieces)
        return
    import pickle
    import tempfile

    files = [tempfile.TemporaryFile() for _ in range(count - 1)]  # noqa: SIM115 - closed below, or with the generator
    started = [_start(work, pieces[number::count], file) for number, file in enumerate(files, 1)]
    try:
        own = [work(piece) for piece in pieces[::count]]
    finally:
        failed = [os.waitpid(child, 0)[1] for child in started]
    for file in files:
        file.seek(0)
    for index, piece in enumerate(pieces):
        turn, number = divmod(index, count)
        if number == 0:
            yield own[turn]
        else:
            yield work(piece) if failed[number - 1] else pickle.load(files[number - 1])  # noqa: S301 - our own
    for file in files:
        file.close()


def all_hold(checks: Sequence[Callable[[], bool]], most: int) -> bool:
    """Whether each of these checks (at most 256) holds; up to `most` processes take one after the other, whoever is free.

    What a worker could not do does not hold.
    """
    numbers, write = os.pipe()
    os.write(write, bytes(range(len(checks))))
    os.close(write)
    started: list[int] = []
    try:
        for _ in range(1, min(os.cpu_count() or 1, MOST, most) if hasattr(os, "fork") else 1):
            started.append(_fork(lambda: _take(checks, numbers)))
        held = _take(checks, numbers)
    finally:
        failed = [os.waitpid(child, 0)[1] for child in started]
        os.close(numbers)
    return held and not any(failed)


def _take(checks: Sequence[Callable[[], bool]], numbers: int) -> bool:
    """Does the checks whose numbers nobody took before; if one does not hold, takes all others too, and leaves them."""
    try:
        while number := os.read(numbers, 1):
            if not checks[number[0]]():
                return False
        return True
    finally:
        os.read(numbers, len(checks))


def _start(work: Callable[[Sequence[T]], R], pieces: Sequence[Sequence[T]], file: IO[bytes]) -> int:
    import pickle

    def dump() -> bool:
        for piece in pieces:
            pickle.dump(work(piece), file, pickle.HIGHEST_PROTOCOL)
        file.flush()
        return True

    return _fork(dump)


def _fork(work: Callable[[], bool]) -> int:
    """A worker that does this work and ends with 0 where it went well."""
    if child := os.fork():
        return child
    code = 1
    try:
        code = 0 if work() else 1
    finally:
        os._exit(code)  # this process owns nothing else: not the terminal, the lock or the tests around it

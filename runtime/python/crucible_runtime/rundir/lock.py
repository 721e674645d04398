"""The lock of a run directory, held by the run that is in it."""

from __future__ import annotations

import os
import time
from pathlib import Path

NAME = ".lock"
_PATIENCE = 0.3

_HELD: set[int] = set()


def _forget() -> None:
    while _HELD:
        os.close(_HELD.pop())


# Workers that a library forks would otherwise hold the lock for as long as they live.
os.register_at_fork(after_in_child=_forget)


def take(path: Path) -> int | None:
    """A descriptor that holds the lock until it is closed or the process ends; None where another holds it."""
    import fcntl

    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _HELD.add(descriptor)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                return None
            time.sleep(0.02)  # it may be somebody who only looks whether it is held


def release(descriptor: int) -> None:
    """Gives a lock back."""
    _HELD.discard(descriptor)
    os.close(descriptor)


def held(path: Path) -> bool:
    """Whether a run is in the directory just now."""
    import fcntl

    try:
        descriptor = os.open(path / NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False

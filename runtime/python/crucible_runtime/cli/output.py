"""What a command prints, and its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from crucible_runtime.errors import CrucibleError, InputError, StageError, Terminated
from crucible_runtime.processes import is_main
from crucible_runtime.quoting import printable
from crucible_runtime.secrets import Clean, scrub


def open_streams() -> None:
    """Lets what is printed go nowhere where a stream is closed; the first file of the run would take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the end


def guarded(work: Callable[[], Iterable[str]]) -> int:
    """Prints what `work` returns, or why it could not; an exit code.

    Of several processes of one run the main one alone prints; the others say only what went wrong in a stage of theirs.
    """
    main = is_main()
    try:
        for text in work():
            if main:
                _print(text if isinstance(text, Clean) else printable(scrub(text)))
    except CrucibleError as error:
        if main or isinstance(error, StageError):
            _say(error)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt as error:
        if main:
            print("interrupted", file=sys.stderr)
            _note(error)
        return 143 if isinstance(error, Terminated) else 130
    return 0


def _print(text: str) -> None:
    """Raises BrokenPipeError where the reader has gone, and InputError where standard output takes no more."""
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"the output cannot be printed: {(error.strerror or str(error)).lower()}") from error


def _say(error: CrucibleError) -> None:
    for line in str(error).splitlines():
        print(f"error: {printable(scrub(line))}", file=sys.stderr)
    _note(error)


def _note(error: BaseException) -> None:
    for line in getattr(error, "__notes__", ()):
        print(f"note: {printable(scrub(line))}", file=sys.stderr)

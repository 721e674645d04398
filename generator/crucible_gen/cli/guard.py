"""What a command raises, as output and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping

from crucible_gen.diagnostics import Problems

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""Of errors without a file name, those of printing: files are written elsewhere, and say which they are."""


def guarded(work: Callable[[], int], flags: Mapping[str, object], through: tuple[type[BaseException], ...] = ()) -> int:
    """Does the work of a command and turns what it raises into output and an exit code, but for `through`.

    This is the only place that catches everything.
    """
    try:
        return work()
    except Problems as error:
        from crucible_gen.diagnostics import report

        return report.complain(error.problems, flags.get("format_"), flags.get("color"))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; every file is whole\n")
        return 130
    except BrokenPipeError:
        _hush()
        return 0
    except through:
        raise
    except Exception as error:
        if isinstance(error, OSError) and (code := unprinted(error)):
            return code
        if isinstance(error, FileNotFoundError) and error.filename is None and _is_nowhere():
            sys.stderr.write("gen: the working directory is not there any more; change to one that is\n")
            return 1
        if os.environ.get("GEN_TRACEBACK"):
            raise
        from crucible_gen.diagnostics.quoting import line

        what = line(f"{type(error).__name__}: {error}")
        sys.stderr.write(f"gen: internal error: {what}\nThis is a defect of gen; GEN_TRACEBACK=1 shows where.\n")
        return 70


def unprinted(error: OSError) -> int:
    """Says why standard output takes no more, and gives the exit code of that; 0 for an error that is another."""
    if error.filename is not None or error.errno not in _FULL:
        return 0
    _hush()
    sys.stderr.write(f"gen: the output cannot be printed: {(error.strerror or str(error)).lower()}\n")
    return 74


def _is_nowhere() -> bool:
    """Whether the working directory was deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _hush() -> None:
    """Lets what is still to be printed go nowhere; Python would complain of it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

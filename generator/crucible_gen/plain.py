"""The most usual command line in, paths and switches alone, its exit code out; None for any other, which `cli` reads.

Taking a command line apart by `cli` costs more than all that a run with little to do does besides.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from crucible_gen.problems import Problems

COMMANDS = frozenset({"contracts", "explain", "generate", "new", "resolve", "schema", "settings", "structs", "verify"})
SWITCHES = {
    "--check": "check",
    "--diff": "diff",
    "--force": "force",
    "--no-cache": "no_cache",
    "--quiet": "quiet",
    "--regenerate": "regenerate",
    "--verbose": "verbose",
    "-q": "quiet",
    "-v": "verbose",
}
"""The options without a value of the main command; `fast` sees to --no-cache."""

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""Of errors without a file name, those of printing: files are written elsewhere, and say which they are."""


def run(arguments: list[str]) -> int | None:
    """Runs the main command if the command line names it, existing paths and switches, and nothing else."""
    paths = [word for word in arguments if word not in SWITCHES]
    on = {SWITCHES[word] for word in arguments if word in SWITCHES}
    if not paths or arguments[0] in COMMANDS or not all(word[:1] != "-" and os.path.exists(word) for word in paths):
        return None
    if on >= {"check", "diff"} or on >= {"quiet", "verbose"}:
        return None
    from crucible_gen import run

    options = run.Options(
        paths=[Path(path) for path in paths],
        check="check" in on,
        diff="diff" in on,
        force="force" in on,
        quiet="quiet" in on,
        verbose="verbose" in on,
        regenerate="regenerate" in on,
    )
    return guarded(lambda: run.generate(options, {}), {})


def guarded(work: Callable[[], int], flags: Mapping[str, object], through: tuple[type[BaseException], ...] = ()) -> int:
    """Does the work of a command and turns what it raises into output and an exit code, but for `through`.

    This is the only place that catches everything.
    """
    try:
        return work()
    except Problems as error:
        from crucible_gen import report

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
        if os.environ.get("GEN_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"gen: internal error: {what}\nThis is a defect of gen; GEN_TRACEBACK=1 shows where.\n")
        return 70


def unprinted(error: OSError) -> int:
    """Says why standard output takes no more, and gives the exit code of that; 0 for an error that is another."""
    if error.filename is not None or error.errno not in _FULL:
        return 0
    _hush()
    sys.stderr.write(f"gen: the output cannot be printed: {(error.strerror or str(error)).lower()}\n")
    return 74


def _hush() -> None:
    """Lets what is still to be printed go nowhere; Python would complain of it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

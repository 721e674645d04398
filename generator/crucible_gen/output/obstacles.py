"""What is in the way of an output, as problems at its place."""

from __future__ import annotations

import errno
from pathlib import Path

from crucible_gen.diagnostics import Place, Problem

CODES = {
    "E0601": "two outputs have one path",
    "E0602": "an output leads outside the output directory",
    "E0603": "a file that is not generated is in the way",
    "E0604": "a generated file was edited by hand",
    "E0605": "a left-over file was edited by hand",
    "E0606": "a symbolic link is in the way",
    "E0607": "a directory is in the way of a file, or the other way round",
    "E0608": "a file in the output directory cannot be read",
}


def place(out: Path, path: str) -> Place:
    """Where a path below the output directory stands, for messages."""
    return Place((out / path).as_posix())


def problem(
    out: Path, path: str, code: str, message: str, hint: str = "", see: tuple[tuple[str, Place], ...] = ()
) -> Problem:
    """A problem at a path below the output directory."""
    return Problem(place(out, path), code, message, hint, see=see)


def link(out: Path, path: str) -> Problem:
    """The problem of a symbolic link where a file or directory should be."""
    message = "expected a generated file or directory, found a symbolic link"
    return problem(out, path, "E0606", message, "remove the link: gen writes through none")


def unreadable(out: Path, path: str, error: OSError) -> Problem:
    """The problem of something that cannot be read."""
    return problem(out, path, "E0608", f"cannot be read: {error.strerror}", "make it readable, or move it away")


def obstacle(out: Path, path: str, error: OSError) -> Problem:
    """The problem of what an error found where a file should be."""
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return link(out, path)
    if error.errno in (errno.EISDIR, errno.ENXIO):
        return problem(out, path, "E0607", "expected a file, found a directory or a device", "move it away")
    return unreadable(out, path, error)

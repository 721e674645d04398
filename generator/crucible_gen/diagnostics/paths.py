"""Paths as messages and headers name them, and why a path cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

from crucible_gen.diagnostics.problems import Place, Problem


def shown(path: Path) -> str:
    """A path as messages name it: relative to the working directory where that is below or near it."""
    relative = os.path.relpath(path)
    return str(path) if relative.count("..") > 3 else relative.replace(os.sep, "/")


def in_repository(file: str) -> str:
    """A file that messages name by a path from the working directory, by its path from the root of the repository.

    That is the directory which GITHUB_WORKSPACE names, or the nearest with `.git` in it. A file that is outside of both,
    and a name that is no path of a file, stay as they are.
    """
    path = os.path.abspath(file)
    workspace = os.path.abspath(os.environ.get("GITHUB_WORKSPACE") or path)
    root = workspace if path.startswith(workspace + os.sep) else _repository(os.path.dirname(path))
    if root is None or not (os.path.dirname(file) or os.path.exists(path)):
        return file
    return path[len(root) + 1 :].replace(os.sep, "/")


def _repository(folder: str) -> str | None:
    """The nearest directory, on the way up, with `.git` in it; in a worktree that is a file."""
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    return folder.rstrip(os.sep)


def relative(path: str, root: str) -> str:
    """A path as headers name it: from the project root, with slashes."""
    if path.startswith(root + os.sep):
        return path[len(root) + 1 :].replace(os.sep, "/")
    return os.path.relpath(path, root).replace(os.sep, "/")


def unreadable(error: OSError, code: str, missing: str, hint: str) -> Problem:
    """The problem of a file or directory that the settings name and that cannot be read.

    `missing` and `hint` are the message and the fix where nothing is there.
    """
    place = Place(shown(Path(error.filename)))
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Problem(place, code, missing, hint)
    reason = (error.strerror or str(error)).lower()
    return Problem(place, code, f"this cannot be read: {reason}", "allow reading it, or move it away")

"""Which files a run may read: those of the project, so that a recipe or settings file shows nobody what lies elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from crucible_gen.diagnostics import Place, Problem, shown

CODES = {"E0541": "a file outside of the project is named"}

_OF_THE_SYSTEM = ("/proc", "/sys", "/dev")


class Boundary(NamedTuple):
    """The directories, by their real paths, below which files may be read; links count by what they lead to."""

    roots: tuple[str, ...]

    @classmethod
    def around(cls, root: Path, paths: Iterable[Path], further: Iterable[Path] = ()) -> Boundary:
        """The project at `root`, the repository that it is in, what is beside recipes at `paths`, and `further`."""
        home = os.path.realpath(os.path.expanduser("~"))
        named: set[str] = set()
        places = {os.path.realpath(path) for path in (Path.cwd(), *(repository(each) for each in (root, Path.cwd())))}
        for path in paths:
            real = os.path.realpath(path)
            folder = real if os.path.isdir(real) else os.path.dirname(real)
            places |= {os.path.dirname(folder), os.path.realpath(repository(Path(folder)))}
            named |= {real, folder}
        places -= {os.path.dirname(home), home}
        return cls(tuple(sorted((places | named) - {os.sep} | {os.path.realpath(path) for path in (root, *further)})))

    def holds(self, path: str | Path) -> bool:
        """Whether a file may be read; one of the system only where its directory itself is named."""
        real = os.path.realpath(path)
        ours = [root for root in self.roots if real == root or real.startswith(root.rstrip(os.sep) + os.sep)]
        if real.startswith(tuple(f"{each}/" for each in _OF_THE_SYSTEM)):
            return any(root.startswith(_OF_THE_SYSTEM) for root in ours)
        return bool(ours)

    def problem(self, place: Place, path: str | Path, what: str) -> Problem:
        """The problem of a path that may not be read; `what` says who names it, such as `extends x`."""
        real = os.path.realpath(path)
        message = f"{what}: {shown(Path(path))} is outside of the project"
        message += f", it leads to {shown(Path(real))}" if real != os.path.abspath(path) else ""
        hint = f"move it into the project, or allow its directory with the setting outside: [{os.path.dirname(real)}]"
        return Problem(place, "E0541", message, hint=hint)


def repository(folder: Path) -> Path:
    """The nearest directory, on the way up, with `.git` in it; the directory itself where there is none."""
    absolute = folder.absolute()
    return next((each for each in (absolute, *absolute.parents) if (each / ".git").exists()), absolute)

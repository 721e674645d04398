"""The files below a directory that the user names."""

from __future__ import annotations

import os
from pathlib import Path


def below(directory: Path, ending: str) -> list[Path]:
    """The files below a directory whose names end so, sorted; links to directories are not followed.

    Raises OSError where there is no directory, or where one below it cannot be read: its files must not be overlooked.
    """

    def refuse(error: OSError) -> None:
        raise error

    walk = os.walk(directory, onerror=refuse)
    return sorted(Path(at, name) for at, folders, files in walk for name in folders + files if name.endswith(ending))

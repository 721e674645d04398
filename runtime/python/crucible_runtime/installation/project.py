"""The project that a recipe belongs to: where the relative paths of its data begin.

`gen` writes into the pyproject.toml beside a generated package where the project is, as `tool.crucible-runtime.project`,
relative to that file. The variable CRUCIBLE_PROJECT takes precedence; without either, as with a package that was
installed from a wheel, the working directory stands for the project.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "CRUCIBLE_PROJECT"

_module: list[Path] = []
"""The file of the generated module that runs; one process runs one recipe at a time."""


def enter(namespace: Mapping[str, Any]) -> None:
    """Remembers the module with these globals as the one that runs; its project is looked for when it is asked for."""
    file = namespace.get("__file__")
    _module[:] = [Path(file).absolute()] if isinstance(file, str) else []


def root() -> Path | None:
    """The directory of the project of the recipe that runs; None where nothing says which it is."""
    if stated := os.environ.get(VARIABLE):
        return Path(stated).expanduser()
    for module in _module:
        settings = module.parent.parent / "pyproject.toml"
        stated = _stated(settings)
        if stated is not None and (settings.parent / stated).is_dir():
            return Path(os.path.normpath(settings.parent / stated))
    return None


def located(name: str) -> Path:
    """The file that a recipe names: in its project, else in the working directory; where it is in neither, the former.

    It is given relative to the working directory where the name is relative, for messages.
    """
    path = Path(name).expanduser()
    project = None if path.is_absolute() else root()
    if project is None or (path.exists() and not (project / path).exists()):
        return path
    return Path(os.path.relpath(project / path))


def _stated(settings: Path) -> str | None:
    """What a pyproject.toml says of the project; None where there is none, or it says nothing."""
    import tomllib

    try:
        found = tomllib.loads(settings.read_text("utf-8")).get("tool", {}).get("crucible-runtime", {}).get("project")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None

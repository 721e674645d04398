"""The Elixir runtime as files of a generated project: read from its Mix project, renamed for the project.

The runtime's modules are `CrucibleRuntime` and those under it; a project gets them under another name (see
`naming.runtime`), with the tests below `test/crucible_runtime/`. It does not get the module of the schemas, which is
printed for each project (see `schema_module`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crucible_gen.languages.elixir import naming
from crucible_gen.schemas import shipped

if TYPE_CHECKING:
    from crucible_gen.languages.language import Project

NAMESPACE, PACKAGE = "CrucibleRuntime", "crucible_runtime"
SCHEMA = "lib/crucible_runtime/recipe/schema.ex"
"""The module of the runtime that is printed from the schemas."""
FOLDERS = ("lib", "test/crucible_runtime")
"""The folders of the runtime that a project gets."""
_ENDINGS = (".ex", ".exs")
_MODULE = re.compile(rf"\b{NAMESPACE}\b")


def root() -> Path:
    """The directory of the runtime's Mix project; in an installed package it has nothing but `FOLDERS`."""
    return shipped("runtime/elixir")


def files(namespace: str) -> list[tuple[str, str]]:
    """The runtime's files for a project that has its modules under `namespace`, such as `MyTeam.RecipesRuntime`.

    Returns pairs of path, relative to the generated Mix project, and text; sorted by the runtime's own paths.
    """
    project = root()
    folder = naming.path(namespace)
    found = []
    for path in _paths(project):
        top, _, rest = path.relative_to(project).as_posix().partition(f"/{PACKAGE}")
        found.append((f"{top}/{folder}{rest}", renamed(path.read_text("utf-8"), namespace)))
    return found


def dependency(project: Project) -> dict[str, str]:
    """The setting `elixir.runtime` as options of a dependency of the Mix project; empty where the runtime is copied.

    A relative path starts at the directory of the settings there, and in a Mix project at that project.
    """
    options = project.options.get("runtime")
    if not isinstance(options, dict):
        return {}
    found: dict[str, str] = {
        name: str(options[name]) for name in ("hex", "path", "git", "ref", "subdir") if name in options
    }
    if "path" in found and not os.path.isabs(found["path"]):
        found["path"] = os.path.relpath(project.root / found["path"], project.folder).replace(os.sep, "/")
    return found


def renamed(text: str, namespace: str) -> str:
    """Source text of the runtime with its modules under another namespace."""
    return _MODULE.sub(namespace, text)


def _paths(project: Path) -> Iterator[Path]:
    for each in FOLDERS:
        for path in sorted((project / each).rglob("*")):
            if path.suffix in _ENDINGS and path != project / SCHEMA:
                yield path

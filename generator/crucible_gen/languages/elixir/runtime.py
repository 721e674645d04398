"""The Elixir runtime as files of a generated project: read from its Mix project, renamed to the project's namespace.

The runtime's modules are under `CrucibleRuntime`. A project gets those below `lib/crucible_runtime/` and the tests below
`test/crucible_runtime/`. It does not get the module of its schemas, which is printed for each project (see
`schema_module`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crucible_gen.schemas import shipped

if TYPE_CHECKING:
    from crucible_gen.languages.language import Project

NAMESPACE, PACKAGE = "CrucibleRuntime", "crucible_runtime"
SCHEMA = "lib/crucible_runtime/recipe/schema.ex"
"""The module of the runtime that is printed from the schemas."""
FOLDERS = ("lib/crucible_runtime", "test/crucible_runtime")
"""The folders of the runtime that a project gets."""
_ENDINGS = (".ex", ".exs")
_MODULE = re.compile(rf"\b{NAMESPACE}\b")
_WORD = re.compile(r"(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z\d])(?=[A-Z])")
"""Where a word begins within the name of a module."""


def root() -> Path:
    """The directory of the runtime's Mix project; in an installed package it has nothing but `FOLDERS`."""
    return shipped("runtime/elixir")


def files(namespace: str) -> list[tuple[str, str]]:
    """The runtime's files for a project whose modules are under `namespace`, such as `MyTeam.Recipes`.

    Returns pairs of path, relative to the generated Mix project, and text; sorted by the runtime's own paths.
    """
    project = root()
    found = []
    for path in _paths(project):
        top, _, rest = path.relative_to(project).as_posix().partition("/crucible_runtime/")
        found.append((f"{top}/{folder(namespace)}/{rest}", renamed(path.read_text("utf-8"), namespace)))
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


def folder(namespace: str) -> str:
    """The folder of a namespace's modules below `lib`, as Mix projects name it: `my_team/recipes`."""
    return _WORD.sub("_", namespace).replace(".", "/").lower()


def renamed(text: str, namespace: str) -> str:
    """Source text of the runtime with its modules under another namespace."""
    return _MODULE.sub(namespace, text)


def _paths(project: Path) -> Iterator[Path]:
    for each in FOLDERS:
        for path in sorted((project / each).rglob("*")):
            if path.suffix in _ENDINGS and path != project / SCHEMA:
                yield path

"""Find compiled Elixir packages: the directories of their modules, and their releases."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from crucible_gen.conformance.process import module_directories
from crucible_gen.diagnostics import Place, Problem, Problems, shown

CODES = {"E0903": "the Mix project is not compiled"}
"""What each code of this step means, in a line."""

_VERSION = re.compile(r'\{vsn,\s*"([^"]+)"\}')


def code_paths(project: Path | None, paths: Sequence[Path]) -> list[Path]:
    """The directories of compiled modules of a Mix project and of `paths`. Raises Problems where there are none."""
    directories = list(_build_directories(project)) if project is not None else []
    for path in paths:
        found = module_directories(path)
        if not found:
            hint = (
                "name a directory of .beam files, such as _build/dev/lib/crucible_ir/ebin, or one of such directories"
            )
            raise Problems([Problem(Place(shown(path)), "E0903", "no compiled modules are here", hint=hint)])
        directories += found
    return [path.resolve() for path in dict.fromkeys(directories)]


def _build_directories(project: Path) -> Iterator[Path]:
    """The `ebin` directories of the project's build; Problems without mix.exs or without a build."""
    if not os.path.isfile(project / "mix.exs"):
        hint = "name the directory of a Mix project, or compiled modules with --code-path"
        raise Problems([Problem(Place(shown(project)), "E0903", "there is no mix.exs here", hint=hint)])
    builds = _builds(project)
    for build in builds:
        if directories := sorted(build.glob("lib/*/ebin")):
            yield from directories
            return
    message = f"nothing is compiled in {shown(builds[0])}"
    hint = f"run mix deps.get and mix compile in {shown(project)}"
    raise Problems([Problem(Place(shown(project)), "E0903", message, hint=hint)])


def _builds(project: Path) -> list[Path]:
    """Where Mix puts the build of MIX_ENV, or of dev; an app of an umbrella is built above it."""
    env = os.environ.get("MIX_ENV") or "dev"
    builds = [project / "_build" / env, project / ".." / ".." / "_build" / env]
    if root := os.environ.get("MIX_BUILD_ROOT"):
        builds.insert(0, Path(root) / env)
    if path := os.environ.get("MIX_BUILD_PATH"):
        builds.insert(0, Path(path))
    return builds


def releases(directories: Sequence[Path]) -> dict[str, str]:
    """The versions of the packages in these directories, by name, as their `.app` files say; empty where they do not."""
    found: dict[str, str] = {}
    for directory in directories:
        for file in sorted(directory.glob("*.app")):
            version = _VERSION.search(file.read_text("utf-8", "replace"))
            found.setdefault(file.stem, version[1] if version else "")
    return found

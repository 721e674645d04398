"""What is installed: what a run runs on, and whether an engine or a stage has what it imports when it runs.

No host, no user, no path and no value of an environment variable is in it: it can be shown to anybody.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import distributions
from importlib.util import find_spec
from typing import Any, TypeVar

from crucible_runtime.installation.distribution import install_command
from crucible_runtime.processes import world

T = TypeVar("T")
_NEEDS = "__crucible_needs__"


def environment() -> dict[str, Any]:
    """The environment of this process, for environment.json."""
    found: dict[str, str] = {}
    for each in distributions():
        # What comes first on the path is what is imported.
        if each.metadata is not None and (name := each.metadata["Name"]):
            found.setdefault(name, each.version)
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "processes": world(),
        "packages": dict(sorted(found.items(), key=lambda item: item[0].lower())),
    }


def needs(extra: str, *modules: str) -> Callable[[T], T]:
    """Says of an engine or a stage function which modules it imports when it runs, and which extra brings them."""

    def said(thing: T) -> T:
        setattr(thing, _NEEDS, (extra, modules))
        return thing

    return said


def missing(name: str, thing: object) -> str:
    """Which modules `thing`, under the name that messages give it, lacks here, and the remedy; empty if none.

    Nothing is imported: a run that would fail in its last stage can be refused before its first.
    """
    extra, modules = getattr(thing, _NEEDS, ("", ()))
    absent = [module for module in modules if find_spec(module) is None]
    if not absent:
        return ""
    return f"{name} needs packages that are not installed ({', '.join(absent)}): {install_command(extra)}"

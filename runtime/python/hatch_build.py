"""Puts the engine tables into what is built: their one home is `schemas/engines` of the repository.

A source distribution carries them as `schemas/engines`, so that a wheel can be built from it; a wheel carries them inside
the package. An editable install reads those of the checkout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TABLES = Path("schemas") / "engines"
PLACES = {"sdist": TABLES.as_posix(), "wheel": "crucible_runtime/engines/tables"}


class Tables(BuildHookInterface[Any]):
    """The hook of both targets."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the tables; raises FileNotFoundError where there are none."""
        if version == "editable":
            return
        root = Path(self.root)
        found = [place for place in (root / TABLES, root.parents[1] / TABLES) if place.is_dir()]
        if not found:
            raise FileNotFoundError(
                f"the engine tables are neither in {root / TABLES} nor in the repository's {TABLES}"
            )
        build_data["force_include"][str(found[0])] = PLACES[self.target_name]

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
        root = Path(self.root)
        places = (root / TABLES, root.parent.parent / TABLES)
        tables = next((place for place in places if place.is_dir()), None)
        if tables is None:
            raise FileNotFoundError(
                f"the engine tables are neither in {places[0]} nor in the repository's {TABLES}: build the project in a "
                "whole checkout of its repository, or from a source distribution"
            )
        if version != "editable":
            build_data["force_include"][str(tables)] = PLACES[self.target_name]

"""Schema files as typed shapes: what is known of recipes, of the IR's structs, of stages and of their options.

`third_party` adds the stages of a user, `bundle` makes one schema for editors and for validation of all.
"""

from __future__ import annotations

from crucible_gen.schemas.catalog import META, Schemas
from crucible_gen.schemas.compiler import RECIPE, at, normal
from crucible_gen.schemas.shapes import ANY, Inject, Kind, Plausible, Raw, Shape, Stage, StageInfo
from crucible_gen.schemas.shipped import shipped

__all__ = [
    "ANY",
    "META",
    "RECIPE",
    "Inject",
    "Kind",
    "Plausible",
    "Raw",
    "Schemas",
    "Shape",
    "Stage",
    "StageInfo",
    "at",
    "bundle",
    "editor",
    "engines",
    "keywords",
    "normal",
    "shipped",
    "third_party",
]

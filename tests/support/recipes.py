"""Recipes in memory, for tests of the steps between reading and writing."""

from __future__ import annotations

from pathlib import Path

from command import MINIMAL
from crucible_gen.recipes.resolve import Reader, Recipe, Source
from crucible_gen.schemas import Schemas

SCHEMAS = Schemas.load()
_NEEDED = ("type: supervised\n", MINIMAL.removeprefix("type: supervised\n"))


def resolved(
    root: Path, text: str, *, name: str = "r.yaml", profile: str | None = None, schemas: Schemas = SCHEMAS
) -> Recipe:
    """A recipe from its text; what every recipe must say is there where the text does not say it."""
    parts = [f"id: {Path(name).stem}\n", *_NEEDED]
    said = {line.partition(":")[0] for line in text.splitlines()}
    whole = "".join(part for part in parts if part.partition(":")[0] not in said) + text
    (root / name).write_text(whole, "utf-8")
    return Reader(schemas).recipe(Source(root / name, name), profile)

"""Where the files lie that are shipped with the generator."""

from __future__ import annotations

from pathlib import Path


def shipped(kind: str) -> Path:
    """The directory of the shipped `schemas`, `templates` or `contracts`: in an installed package, or in a checkout."""
    inside = Path(__file__).parents[1] / "data" / kind
    return inside if inside.is_dir() else Path(__file__).parents[3] / kind

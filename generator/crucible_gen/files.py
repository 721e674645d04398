"""What the languages give and the plan takes: outputs as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """One output: posix path relative to the output directory, its text, its recipe (None where recipes share it)."""

    path: str
    text: str
    recipe: str | None

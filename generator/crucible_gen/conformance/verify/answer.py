"""What a process answered, as text, in; the same as checked data out, or a ValidationError.

The two sides of a proof are processes of the user's: what they hand back is checked before anything is judged by it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Told(_Strict):
    """The canonical JSON of one experiment, or why there is none."""

    json_: str | None
    error: str | None

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", alias_generator=lambda name: name.rstrip("_"))


class PythonAnswer(_Strict):
    """The version of the Python that was asked, and what it told of each recipe: as it is, then with each override."""

    python: str
    recipes: dict[str, list[Told]]


class ElixirAnswer(_Strict):
    """The version of the Elixir that was asked, the modules that it lacks, and otherwise the facts of each recipe."""

    elixir: str
    missing: list[str]
    said: list[dict[str, Any]] = []
    recipes: dict[str, dict[str, Any]] = {}
    probes: dict[str, Any] = {}


def python(text: str) -> dict[str, Any]:
    """The answer of the Python process. Raises ValueError where it is none."""
    return PythonAnswer.model_validate_json(text).model_dump(by_alias=True)


def elixir(text: str) -> dict[str, Any]:
    """The answer of the Elixir process. Raises ValueError where it is none."""
    return ElixirAnswer.model_validate_json(text).model_dump()

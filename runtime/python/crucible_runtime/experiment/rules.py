"""What the schemas say, as far as the runtime needs it: `rules.json`, which the generator writes from `schemas/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Rule: TypeAlias = Mapping[str, Any]
"""A JSON Schema in which `struct` stands for a reference to an IR struct."""


def options() -> Mapping[str, Mapping[str, Rule]]:
    """The rules of `training_config.options` by recipe type."""
    found: Mapping[str, Mapping[str, Rule]] = _rules()["options"]
    return found


def structs() -> Mapping[str, Mapping[str, Rule]]:
    """The rules of the fields of TrainingConfig and of the structs that it refers to, by Python class."""
    found: Mapping[str, Mapping[str, Rule]] = _rules()["structs"]
    return found


def training_stages() -> Mapping[str, str]:
    """The recipe type that each training stage belongs to, by the stage's Elixir module."""
    found: Mapping[str, str] = _rules()["training"]
    return found


def recipe_types() -> Mapping[str, Mapping[str, Any]]:
    """What the schema of its training stage says of each recipe type (`x-stage.training`), in the order of the schemas."""
    found: Mapping[str, Mapping[str, Any]] = _rules()["types"]
    return found


@cache
def _rules() -> Mapping[str, Any]:
    import json

    rules: dict[str, Any] = json.loads((Path(__file__).parents[1] / "rules.json").read_text("utf-8"))
    return rules

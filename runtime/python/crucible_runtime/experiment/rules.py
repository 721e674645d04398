"""What the schemas say, as far as the runtime needs it: `rules.json`, which the generator writes from `schemas/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Rule: TypeAlias = Mapping[str, Any]
"""A JSON Schema in which `struct` stands for a reference to an IR struct."""


def options() -> Mapping[str, Mapping[str, Rule]]:
    """The rules of `training_config.options` by kind of recipe."""
    found: Mapping[str, Mapping[str, Rule]] = _rules()["options"]
    return found


def structs() -> Mapping[str, Mapping[str, Rule]]:
    """The rules of the fields of TrainingConfig and of the structs that it refers to, by Python class."""
    found: Mapping[str, Mapping[str, Rule]] = _rules()["structs"]
    return found


def types_at(path: Sequence[str]) -> frozenset[str] | None:
    """The JSON types of a value below `training_config`, by its path there; None where any may be, or none is known.

    An option that several kinds of recipes have is of one type in all of them.
    """
    rule: Rule = {"struct": "TrainingConfig"}
    removable = False
    for step in path:
        removable = "struct" not in rule
        rule = _below(rule, step)
    types = _types(rule)
    return types | {"null"} if types and removable else types


def _below(rule: Rule, step: str) -> Rule:
    """The rule of a part of a value; an empty one where nothing is said of it."""
    if "anyOf" in rule:
        return next((found for choice in rule["anyOf"] if (found := _below(choice, step))), {})
    if "struct" in rule:
        if (rule["struct"], step) == ("TrainingConfig", "options"):
            return {
                "type": ["object", "null"],
                "properties": {name: r for k in options().values() for name, r in k.items()},
            }
        return structs()[rule["struct"]].get(step, {})
    others = rule.get("additionalProperties")
    part: Rule = rule.get("properties", {}).get(step, others if isinstance(others, Mapping) else {})
    return part


def _types(rule: Rule) -> frozenset[str] | None:
    if "struct" in rule:
        return frozenset({"object"})
    if "anyOf" in rule:
        choices = [_types(choice) for choice in rule["anyOf"]]
        return None if None in choices else frozenset().union(*filter(None, choices))
    types = rule.get("type")
    return None if types is None else frozenset([types] if isinstance(types, str) else types)


def training_stages() -> Mapping[str, str]:
    """The recipe type that each training stage belongs to, by the stage's Elixir module."""
    found: Mapping[str, str] = _rules()["training"]
    return found


def repeated(module: str | None) -> Mapping[str, Mapping[str, Any]]:
    """The options of a training stage that repeat a field of the experiment: its `path` there, and its `default`."""
    found: Mapping[str, Mapping[str, Any]] = _rules()["stages"].get(module or "", {}).get("from", {})
    return found


def live(module: str | None) -> Sequence[str]:
    """The options of a training stage that hold live values, which only the caller can supply."""
    found: Sequence[str] = _rules()["stages"].get(module or "", {}).get("live", ())
    return found


def recipe_types() -> Mapping[str, Mapping[str, Any]]:
    """What the schemas say of each kind of recipe (`x-stage.training`, `x-training`), in their order."""
    found: Mapping[str, Mapping[str, Any]] = _rules()["types"]
    return found


def kind_of(type_: str, options: Mapping[str, Any] | None) -> str:
    """The kind of recipe that `training_config.options` make of a type: the type itself, or what an option of it says.

    A value of that option which no schema knows makes a recipe of the kind that leaves the option out.
    """
    decides = _rules()["kinds"].get(type_)
    if decides is None:
        return type_
    kinds: Mapping[str, str] = decides["kinds"]
    value = (options or {}).get(decides["option"])
    return kinds.get(value if isinstance(value, str) else "", kinds[""])


def deciding_option(kind: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str | None:
    """The option that makes recipes of `kind` such ones, where `before` has a value of it that does and `after` has not."""
    for type_, decides in _rules()["kinds"].items():
        if kind_of(type_, before) == kind != kind_of(type_, after):
            option: str = decides["option"]
            return option
    return None


@cache
def _rules() -> Mapping[str, Any]:
    import json

    rules: dict[str, Any] = json.loads((Path(__file__).parents[1] / "rules.json").read_text("utf-8"))
    return rules

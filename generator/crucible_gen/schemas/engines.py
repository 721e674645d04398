"""The engine tables: what each training engine makes of a field of the training configuration, ignores or refuses.

A table is `schemas/engines/<engine>.json`, held to `engine.schema.json`. The runtime reads the same files when it trains.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from crucible_gen.schemas.shipped import shipped

Fields = Mapping[str, Sequence["Rule"]]
"""The rules of each field by its path, such as `epochs` or `options.lora_rank`."""


class Rule(NamedTuple):
    """What an engine makes of a field in recipes of some types, the first one that holds for a recipe's type.

    `kinds` are these types, empty for all. A rule passes the field on (`to` names the engine's arguments, `how` says how
    it is changed), says why it is not used (`unused`), or refuses (`refuse`) every value but those in `allow`, and every
    item of a list but those in `each`; `instead` says what works.
    """

    kinds: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    how: str = ""
    each: tuple[Any, ...] = ()
    unused: str = ""
    refuse: str = ""
    allow: tuple[Any, ...] = ()
    instead: str = ""

    @property
    def values(self) -> tuple[Any, ...]:
        """The values that the engine takes, where the rule lists them."""
        return self.each or self.allow

    def takes(self, value: object) -> bool:
        """Whether the engine uses this value, or does what it says; of a list, whether it does so with every item."""
        if self.each:
            return isinstance(value, list) and all(item in self.each for item in value)
        return value in self.allow if self.allow else not (self.unused or self.refuse)


@cache
def tables() -> Mapping[str, Fields]:
    """The fields of every shipped engine table, by engine."""
    folder = shipped("schemas") / "engines"
    return {path.stem: _fields(json.loads(path.read_text("utf-8"))["fields"]) for path in sorted(folder.glob("*.json"))}


def restricted(kind: str) -> Mapping[str, Mapping[str, Rule]]:
    """The fields of which no engine takes every value in recipes of this kind, with the rule of each engine."""
    found: dict[str, Mapping[str, Rule]] = {}
    for field in sorted(set.intersection(*(set(fields) for fields in tables().values()))):
        rules: dict[str, Rule] = {}
        for engine, fields in tables().items():
            rule = next((rule for rule in fields[field] if not rule.kinds or kind in rule.kinds), None)
            if rule is None or not (rule.unused or rule.refuse):
                break
            rules[engine] = rule
        else:
            found[field] = rules
    return found


@cache
def names() -> Mapping[str, frozenset[str]]:
    """The texts that any engine takes, by field: known names, whatever the recipe's kind."""
    found: dict[str, set[str]] = {}
    for fields in tables().values():
        for field, each in fields.items():
            texts = {value for rule in each for value in rule.values if isinstance(value, str)}
            if texts:
                found.setdefault(field, set()).update(texts)
    return {field: frozenset(texts) for field, texts in found.items()}


def _fields(raw: Mapping[str, Any]) -> Fields:
    return {name: tuple(_rule(each) for each in rules) for name, rules in raw.items()}


def _rule(raw: Mapping[str, Any]) -> Rule:
    said: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    return Rule(**said)

"""What is probably not meant in a recipe that is valid: misspelled names, implausible values, values without a use.

What is known and what is plausible stands in the schemas (`examples`, `x-known`, `x-plausible`), what engines make of a
value in their tables. A warning is a problem of severity `warning`, at the place of the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from crucible_gen.diagnostics import Problem, misspelled
from crucible_gen.documents import Node, shorten
from crucible_gen.recipes.resolve import Recipe
from crucible_gen.schemas import ANY, Plausible, Schemas, Shape, engines

CODES = {
    "W0101": "a value is like a known one, and is none of them",
    "W0102": "a value is implausible",
    "W0103": "no engine uses a value",
}

_CONFIG = "training_config"
_FEW = 9
"""So many known values a message names."""

_Path = tuple[str, ...]


def reported(found: Iterable[Iterable[Problem]]) -> tuple[Problem, ...]:
    """The warnings of recipes, each once and in order of place; those that several recipes have say how many."""
    reach: dict[Problem, int] = {}
    for each in found:
        for warning in each:
            reach[warning] = reach.get(warning, 0) + 1
    return tuple(
        sorted(
            each if count == 1 else each._replace(message=f"{each.message} (in {count} recipes)")
            for each, count in reach.items()
        )
    )


class Checker:
    """Finds the warnings of recipes; what it needs of schemas and tables is looked up once."""

    def __init__(self, schemas: Schemas, *, engines_run: bool = True) -> None:
        """Takes the schemas that the recipes are valid by, and whether engines run what is generated."""
        self._schemas = schemas
        self._engines_run = engines_run
        self._watched: dict[tuple[int, _Path], tuple[tuple[str, Shape, _Path], ...]] = {}
        self._idle: dict[str, tuple[tuple[_Path, str, Shape], ...]] = {}

    def check(self, recipe: Recipe) -> tuple[Problem, ...]:
        """The warnings of a valid recipe, as it is written and under each of its profiles, in order of place."""
        found: set[Problem] = set()
        for node in (recipe.written, *(variant for _, variant in recipe.variants)):
            found.update(self._of_values(node, self._schemas.recipe(recipe.type), ()))
            found.update(self._of_stages(node, recipe.type))
            if self._engines_run:
                misspelled_at = {each.place for each in found if each.code == "W0101"}
                found.update(each for each in self._of_engines(node, recipe.type) if each.place not in misspelled_at)
        return tuple(sorted(found)) if found else ()

    # Values by themselves

    def _of_stages(self, node: Node, type_: str) -> Iterator[Problem]:
        """The warnings of listed stages, whose own schemas say what their options are."""
        listed = node.get("stages")
        for place in listed.value if listed is not None and isinstance(listed.value, dict) else ():
            entries = listed.get(place) if listed is not None else None
            for entry in entries.value if entries is not None and isinstance(entries.value, tuple) else ():
                name, options = entry.get("stage"), entry.get("options")
                stage = self._schemas.stages.get(str(name.value)) if name is not None else None
                if stage is not None and options is not None:
                    yield from self._of_values(options, stage.shape, ("stages", stage.info.name))

    def _of_values(self, node: Node, shape: Shape, path: _Path) -> Iterator[Problem]:
        """The warnings of a value, which its shape describes, and of all below it."""
        value = node.value
        if isinstance(value, dict):
            for name, inner, below in self._below(shape, path):
                if name in value:
                    yield from self._of_values(value[name].node, inner, below)
        elif isinstance(value, tuple):
            for item in value:
                yield from self._of_values(item, shape.items or ANY, path)
        elif value is not None:
            if shape.plausible is not None and not _is_plausible(value, shape.plausible):
                yield _implausible(node, path, shape, shape.plausible)
            if isinstance(value, str) and not shape.enum:
                yield from self._misspelled(node, value, path, shape)

    def _misspelled(self, node: Node, value: str, path: _Path, shape: Shape) -> Iterator[Problem]:
        known = {*shape.known, *self._named.get(path, ())}
        near = misspelled(value, sorted(known))
        if near is not None:
            message = f"{_name(path)} {_show(node)} is not among the known values"
            message += f": {', '.join(sorted(known))}" if len(known) <= _FEW else ""
            yield _warning(node, "W0101", message, f"did you mean {near}?", shape)

    def _below(self, shape: Shape, path: _Path) -> tuple[tuple[str, Shape, _Path], ...]:
        """The fields of a mapping that warnings are possible in."""
        key = (id(shape.properties), path)
        if key not in self._watched:
            below = ((name, inner, (*path, name)) for name, inner in shape.properties.items())
            self._watched[key] = tuple(each for each in below if self._matters(each[1], each[2], set()))
        return self._watched[key]

    def _matters(self, shape: Shape, path: _Path, seen: set[int]) -> bool:
        """Whether anything in the value can be misspelled or implausible; a struct may hold itself."""
        if shape.known or shape.plausible or path in self._named:
            return True
        if id(shape.properties) in seen:
            return False
        seen.add(id(shape.properties))
        inner = any(self._matters(each, (*path, name), seen) for name, each in shape.properties.items())
        return inner or (shape.items is not None and self._matters(shape.items, path, seen))

    @cached_property
    def _named(self) -> Mapping[_Path, Collection[str]]:
        """The texts that engine tables name, by the path of the field: they are known whatever the recipe's type."""
        return {(_CONFIG, *field.split(".")): names for field, names in engines.names().items()}

    # What engines make of values

    def _of_engines(self, node: Node, type_: str) -> Iterator[Problem]:
        """A warning for each value that no engine uses in recipes of this type."""
        for path, field, shape in self._restricted(type_):
            value = node.get(*path)
            if value is None or value.value is None:
                continue
            for each, plain in _separate(value, field, type_):
                rules = {engine: rule for engine, rule in engines.rules(field, type_).items() if not rule.takes(plain)}
                if len(rules) == len(engines.tables()):
                    yield _unused(each, field, type_, rules, shape)

    def _restricted(self, type_: str) -> tuple[tuple[_Path, str, Shape], ...]:
        """The fields of which no engine takes every value."""
        if type_ not in self._idle:
            recipe = self._schemas.recipe(type_)
            found = [
                (path, field, shape)
                for field in engines.restricted(type_)
                if (shape := recipe.below(path := (_CONFIG, *field.split(".")))) is not None and not shape.no_engine
            ]
            self._idle[type_] = tuple(found)
        return self._idle[type_]


def _separate(value: Node, field: str, type_: str) -> list[tuple[Node, object]]:
    """The values that engines take or refuse, each with its plain form: one, or where a rule is for items, each item."""
    if isinstance(value.value, tuple) and any(rule.each for rule in engines.rules(field, type_).values()):
        return [(item, [item.plain()]) for item in value.value]
    return [(value, value.plain())]


def _is_plausible(value: object, plausible: Plausible) -> bool:
    if isinstance(value, str) and plausible.pattern is not None:
        return re.search(plausible.pattern, value) is not None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = plausible.minimum, plausible.maximum
        return (low is None or value >= low) and (high is None or value <= high)
    return True


def _implausible(node: Node, path: _Path, shape: Shape, plausible: Plausible) -> Problem:
    low, high = plausible.minimum, plausible.maximum
    if isinstance(node.value, str):
        hint = plausible.hint
    elif low is not None and high is not None:
        hint = f"give a number from {_number(low)} to {_number(high)}"
    else:
        hint = (
            f"give a number of at most {_number(high)}" if low is None else f"give a number of at least {_number(low)}"
        )
    message = f"{_name(path)} {_show(node)} is implausible: {plausible.reason}"
    return _warning(node, "W0102", message, hint, shape)


def _unused(node: Node, field: str, type_: str, rules: Mapping[str, engines.Rule], shape: Shape) -> Problem:
    reasons = "; ".join(f"{engine}: {rule.unused or rule.refuse}" for engine, rule in rules.items())
    message = f"no engine uses {field} {_show(node)} in recipes of type {type_} ({reasons})"
    instead = {engine: rule.instead for engine, rule in rules.items() if rule.instead}
    if len(instead) == len(rules) and len(set(instead.values())) == 1:
        hint = next(iter(instead.values()))
    else:
        hint = "; ".join(f"with engine {engine}: {words}" for engine, words in instead.items()) or "leave it out"
    return _warning(node, "W0103", message, hint, shape)


def _warning(node: Node, code: str, message: str, hint: str, shape: Shape) -> Problem:
    return Problem(node.place, code, message, hint, shape.description, severity="warning")


def _name(path: _Path) -> str:
    """The end of the path that a reader recognizes: `learning_rate`, `model_ref.id`."""
    return ".".join(path[-2:]) if path[-1] in ("id", "name") else path[-1]


def _show(node: Node) -> str:
    """A value as messages show it."""
    value = node.plain()
    if isinstance(value, str) and value.isprintable() and value and not any(map(str.isspace, value)):
        return shorten(value, 60)
    return shorten(json.dumps(value, ensure_ascii=False), 60) if not isinstance(value, str) else json.dumps(value)


def _number(value: float | None) -> str:
    return str(value)

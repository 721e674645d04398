"""What is probably not meant in a recipe that is valid: misspelled names, implausible values, values without a use.

What is known and what is plausible stands in the schemas (`examples`, `x-known`, `x-plausible`), what engines make of a
value in their tables. A warning is a problem of severity `warning`, at the place of the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from typing import NamedTuple, TypeAlias

from crucible_gen.diagnostics import Problem, misspelled
from crucible_gen.documents import Node, shorten
from crucible_gen.recipes.resolve import Recipe
from crucible_gen.schemas import ANY, Plausible, Schemas, Shape, engines

CODES = {
    "W0101": "a value is like a known one, and is none of them",
    "W0102": "a value is implausible",
    "W0103": "no engine uses a value",
    "W0104": "a name is known to nothing that is installed",
}

_CONFIG = "training_config"
_FEW = 9
"""So many known values a message names."""

_Path: TypeAlias = tuple[str, ...]


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
        self._kinds: dict[str, _Watch] = {}
        self._stages: dict[str, _Watch] = {}
        self._restricted: dict[str, list[_Restricted]] = {}

    def check(self, recipe: Recipe) -> tuple[Problem, ...]:
        """The warnings of a valid recipe, as it is written and under each of its profiles, in order of place."""
        found: set[Problem] = set()
        seen: set[tuple[int, int]] = set()  # profiles share most of the recipe
        for node in (recipe.written, *(variant for _, variant in recipe.variants)):
            kind = self._schemas.kind_of(node)
            if kind not in self._kinds:
                self._kinds[kind] = _Watch("", self._schemas.recipe(kind), ())
            _check(node, self._kinds[kind], seen, found)
            if (stages := node.get("stages")) is not None:
                self._check_stages(stages, seen, found)
            if self._engines_run and (config := node.get(_CONFIG)) is not None:
                misspelled_at = {each.place for each in found if each.code == "W0101"}
                found.update(each for each in self._unused(config, kind) if each.place not in misspelled_at)
        return tuple(sorted(found)) if found else ()

    def _check_stages(self, stages: Node, seen: set[tuple[int, int]], found: set[Problem]) -> None:
        """Adds the warnings of listed stages, whose own schemas say what their options are."""
        for entry in stages.value.values() if isinstance(stages.value, dict) else ():
            for listed in entry.node.value if isinstance(entry.node.value, tuple) else ():
                named, options = listed.get("stage"), listed.get("options")
                if named is None or options is None:
                    continue
                name = str(named.value)
                if name not in self._stages:
                    self._stages[name] = _Watch("", self._schemas.stages[name].shape, ("stages", name))
                _check(options, self._stages[name], seen, found)

    def _unused(self, config: Node, kind: str) -> Iterator[Problem]:
        """A warning for each value of a training configuration that no engine uses in recipes of this kind."""
        if kind not in self._restricted:
            self._restricted[kind] = self._fields(kind)
        for each in self._restricted[kind]:
            value = config.get(*each.path)
            if value is None or value.value is None:
                continue
            items = value.value if each.of_items and isinstance(value.value, tuple) else (value,)
            for item in items:
                plain = [item.plain()] if each.of_items else item.plain()
                if not any(rule.takes(plain) for rule in each.rules.values()):
                    yield _without_use(item, each, kind)

    def _fields(self, kind: str) -> list[_Restricted]:
        """The fields of which no engine takes every value, but for those that have a use without one."""
        recipe = self._schemas.recipe(kind)
        fields = []
        for field, rules in engines.restricted(kind).items():
            path = tuple(field.split("."))
            shape = recipe.below((_CONFIG, *path))
            if shape is not None and not shape.no_engine:
                of_items = any(rule.each for rule in rules.values())
                fields.append(_Restricted(path, field, shape.description, rules, of_items))
        return fields


class _Restricted(NamedTuple):
    """A field of which no engine takes every value, and what each makes of it; `of_items` says that rules are for items."""

    path: _Path
    field: str
    about: str
    rules: Mapping[str, engines.Rule]
    of_items: bool


class _Watch:
    """A value that warnings are possible in, or below: what is known of it, and the fields that matter.

    `known` is empty where no text is a misspelling. Fields and items are looked up when a recipe has them: a struct may
    hold itself.
    """

    def __init__(self, name: str, shape: Shape, path: _Path) -> None:
        self.name = name
        self.shape = shape
        self.path = path
        self.known = frozenset() if shape.enum else frozenset((*shape.known, *_named().get(path, ())))
        self.plausible = shape.plausible

    @cached_property
    def fields(self) -> tuple[_Watch, ...]:
        """The fields of a mapping that warnings are possible in, or below."""
        each = [_Watch(name, shape, (*self.path, name)) for name, shape in self.shape.properties.items()]
        return tuple(field for field in each if field.matters)

    @property
    def matters(self) -> bool:
        """Whether a value of its own, or of what is below, may give a warning."""
        return bool(self.known or self.plausible or self.shape.properties or self.shape.items)

    @cached_property
    def items(self) -> _Watch:
        """What each item of a list is."""
        return _Watch(self.name, self.shape.items or ANY, self.path)


@cache
def _named() -> Mapping[_Path, frozenset[str]]:
    """The texts that engine tables name, by the path of the field: they are known whatever the recipe's type."""
    return {(_CONFIG, *field.split(".")): names for field, names in engines.names().items()}


def _check(node: Node, watch: _Watch, seen: set[tuple[int, int]], found: set[Problem]) -> None:
    """Adds the warnings of a value and of all below it; a mapping that was seen as the same field adds none."""
    value = node.value
    if isinstance(value, dict):
        if (key := (id(node), id(watch))) in seen:
            return
        seen.add(key)
        for field in watch.fields:
            if (entry := value.get(field.name)) is not None:
                _check(entry.node, field, seen, found)
    elif isinstance(value, tuple):
        for item in value:
            _check(item, watch.items, seen, found)
    elif value is not None:
        if watch.plausible is not None and not _is_plausible(value, watch.plausible):
            found.add(_implausible(node, watch.path, watch.shape, watch.plausible))
        if watch.known and isinstance(value, str) and value not in watch.known:
            found.update(_unknown(node, watch, value))


def _is_plausible(value: object, plausible: Plausible) -> bool:
    if isinstance(value, str) and plausible.pattern is not None:
        return re.search(plausible.pattern, value) is not None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = plausible.minimum, plausible.maximum
        return (low is None or value >= low) and (high is None or value <= high)
    return True


def _unknown(node: Node, watch: _Watch, value: str) -> Iterator[Problem]:
    near = misspelled(value, sorted(watch.known))
    if near is None:
        if watch.shape.plugin and value not in _installed(watch.shape.plugin):
            known = f"known are {', '.join(sorted(watch.known))}"
            message = f"{_name(watch.path)} {_show(node)} is neither known nor installed"
            hint = f"{known}; one of your own is an entry point of that name in {watch.shape.plugin}"
            yield _warning(node, "W0104", message, hint, watch.shape.description)
        return
    message = f"{_name(watch.path)} {_show(node)} is not among the known values"
    message += f": {', '.join(sorted(watch.known))}" if len(watch.known) <= _FEW else ""
    yield _warning(node, "W0101", message, f"did you mean {near}?", watch.shape.description)


@cache
def _installed(group: str) -> frozenset[str]:
    """The names of the entry points of a group that are installed beside this program."""
    from importlib.metadata import entry_points  # most recipes name nothing of their own

    return frozenset(point.name for point in entry_points(group=group))


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
    return _warning(node, "W0102", message, hint, shape.description)


def _without_use(node: Node, each: _Restricted, kind: str) -> Problem:
    reasons = "; ".join(f"{engine}: {rule.unused or rule.refuse}" for engine, rule in each.rules.items())
    message = f"no engine uses {each.field} {_show(node)} in recipes of kind {kind} ({reasons})"
    instead = {engine: rule.instead for engine, rule in each.rules.items() if rule.instead}
    if len(instead) == len(each.rules) and len(set(instead.values())) == 1:
        hint = next(iter(instead.values()))
    else:
        hint = "; ".join(f"with engine {engine}: {words}" for engine, words in instead.items()) or "leave it out"
    return _warning(node, "W0103", message, hint, each.about)


def _warning(node: Node, code: str, message: str, hint: str, about: str) -> Problem:
    return Problem(node.place, code, message, hint, about, severity="warning")


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

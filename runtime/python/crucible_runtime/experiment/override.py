"""A training configuration with overrides in place, or every reason why not.

Mappings merge as deep as the structure goes; in a map that is no struct (`options` above all) null removes a key. Each
value is held to the recipe's own schemas (`rules.json`, generated from them). Only what is overridden is checked: the
rest was checked when the recipe was generated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from crucible_runtime.errors import CanonicalError, InputError, OverrideError, did_you_mean
from crucible_runtime.experiment import rules
from crucible_runtime.experiment.canonical import canonical, plain
from crucible_runtime.experiment.rules import Rule
from crucible_runtime.ir import STRUCTS, Module, TrainingConfig

_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_BOUNDS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "minimum": ("at least", lambda value, bound: value >= bound),
    "exclusiveMinimum": ("greater than", lambda value, bound: value > bound),
    "maximum": ("at most", lambda value, bound: value <= bound),
    "exclusiveMaximum": ("less than", lambda value, bound: value < bound),
}
_SIZES: Mapping[str, tuple[str, Callable[[int, int], bool]]] = {
    "minLength": ("at least {} characters long", int.__ge__),
    "maxLength": ("at most {} characters long", int.__le__),
    "minItems": ("a list of at least {}", int.__ge__),
    "maxItems": ("a list of at most {}", int.__le__),
    "minProperties": ("a mapping of at least {}", int.__ge__),
}


_FORMS = {r"\S": "more than blanks"}
"""Patterns in words."""

Adjust = Callable[[TrainingConfig, str], Mapping[str, Any]]
"""Makes the overrides of a recipe's training configuration; takes also the recipe type."""


class Adjusted(dict[str, Any]):
    """Overrides that follow from the recipe's own training configuration, such as those of a smoke run.

    As a mapping it holds what the caller overrides; `adjust` is called with the configuration that this makes, and what
    it returns is applied in its place. `unused` is the message for a recipe that has no training configuration.
    """

    def __init__(self, wanted: Mapping[str, Any], adjust: Adjust, *, unused: str) -> None:
        """Takes the caller's overrides, and what makes the whole of them."""
        super().__init__(wanted)
        self._adjust = adjust
        self._unused: str | None = unused

    def overrides(self, training_config: TrainingConfig, kind: str) -> Mapping[str, Any]:
        """The whole overrides for a configuration that the caller's are in."""
        self._unused = None
        return self._adjust(training_config, kind)

    def check_used(self) -> None:
        """Raises InputError where no training configuration was ever made with these overrides."""
        if self._unused is not None:
            raise InputError(self._unused)


def override(
    training_config: TrainingConfig, overrides: Mapping[str, Any] | TrainingConfig | None, *, kind: str
) -> TrainingConfig:
    """`training_config` with `overrides` in place; `kind` is the kind of recipe, which says what `options` may hold.

    A whole configuration takes its place, and is not checked.

    Raises OverrideError, with all problems, for a field or an option that there is not and a value out of bounds.
    """
    if isinstance(overrides, Adjusted):
        overrides = overrides.overrides(override(training_config, dict(overrides), kind=kind), kind)
    if not overrides:
        return training_config
    types = rules.options()
    if kind not in types:
        raise OverrideError([f"there is no kind of recipe {kind}; {did_you_mean(kind, types)}"])
    merge = _Merge()
    rule = {"struct": "TrainingConfig", "options": types[kind]}
    merged = merge.value(training_config, rule, overrides, "training_config")
    if not merge.problems and (option := rules.deciding_option(kind, training_config.options, merged.options)):
        name = f"training_config.options.{option}"
        merge.problems.append(
            f"{name} decides what kind of recipe this is, and cannot be overridden: change the recipe"
        )
    if merge.problems:
        raise OverrideError(merge.problems)
    assert isinstance(merged, TrainingConfig)
    return merged


class _Merge:
    """Merges new values into old ones under rules; where a value breaks its rule, `problems` grows.

    What a method returns means nothing where it has added a problem.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def value(self, old: Any, rule: Rule, new: Any, path: str) -> Any:
        """What `new` makes of `old`."""
        if "anyOf" in rule:
            return self._any_of(old, rule["anyOf"], new, path)
        if "struct" in rule:
            return self._struct(old, rule, new, path)
        types = _types(rule)
        if types is not None and not _kinds(new) & types.keys():
            return self._refuse(path, " or ".join(types.values()), new)
        if isinstance(new, Mapping):
            return self._map(old, rule, new, path)
        if isinstance(new, list | tuple):
            items = [self.value(None, rule.get("items", {}), item, f"{path}[{i}]") for i, item in enumerate(new)]
            return self._bounded(items, rule, path)
        return self._scalar(rule, new, path)

    def _any_of(self, old: Any, choices: Sequence[Rule], new: Any, path: str) -> Any:
        """The first rule that holds; where none does, the problems of the one that came furthest."""
        attempts: list[list[str]] = []
        for rule in choices:
            attempt = _Merge()
            merged = attempt.value(old, rule, new, path)
            if not attempt.problems:
                return merged
            if rule.get("type") != "null":
                attempts.append(attempt.problems)
        deepest = [found for found in attempts if not all(problem.startswith(f"{path} must be") for problem in found)]
        self.problems += (deepest or attempts)[0]
        return new

    def _struct(self, old: Any, rule: Rule, new: Any, path: str) -> Any:
        name = rule["struct"]
        class_ = STRUCTS[name]
        if isinstance(new, class_):
            return new
        if not isinstance(new, Mapping):
            return self._refuse(path, f"a mapping of {name}'s fields", new)
        known = dict(rules.structs()[name])
        if "options" in rule:
            known["options"] = {
                "type": ["object", "null"],
                "properties": rule["options"],
                "additionalProperties": False,
            }
        changed = {}
        for field, value in new.items():
            if field in known:
                before = getattr(old, field) if isinstance(old, class_) else None
                changed[field] = self.value(before, known[field], value, f"{path}.{field}")
            else:
                self.problems.append(f"{path} has no field {field}; {did_you_mean(str(field), known)}")
        if isinstance(old, class_):
            return replace(old, **changed)
        needed = [f.name for f in fields(class_) if f.default is MISSING and f.default_factory is MISSING]
        if missing := [field for field in needed if field not in new]:
            self.problems.append(f"{path} must have {', '.join(missing)}")
            return None
        return class_(**changed)

    def _map(self, old: Any, rule: Rule, new: Mapping[Any, Any], path: str) -> Any:
        known = rule.get("properties", {})
        others = rule.get("additionalProperties", True)
        merged = dict(old) if isinstance(old, Mapping) else {}
        for key, value in new.items():
            if not isinstance(key, str):
                self.problems.append(f"{path} has the key {_shown(key)}, and keys are text")
            elif key not in known and others is False:
                self.problems.append(
                    f"{path} has no {path.rpartition('.')[2].removesuffix('s')} {key}; {did_you_mean(key, known)}"
                )
            elif value is None:
                merged.pop(key, None)
            else:
                below = known.get(key, others if isinstance(others, Mapping) else {})
                merged[key] = self.value(merged.get(key), below, value, f"{path}.{key}")
        if missing := [key for key in rule.get("required", ()) if key not in merged]:
            self.problems.append(f"{path} must have {', '.join(missing)}")
        return self._bounded(merged, rule, path)

    def _scalar(self, rule: Rule, new: Any, path: str) -> Any:
        """A value that holds no others, as the type that its rule gives it in Elixir."""
        try:
            plain(new, path)
        except CanonicalError as error:
            self.problems.append(str(error))
            return new
        types = _types(rule)
        if isinstance(new, float) and new.is_integer() and types is not None and "number" not in types:
            new = int(new)  # JSON Schema counts 3.0 as an integer
        if isinstance(new, int) and not -(2**63) <= new < 2**63:
            return self._refuse(path, "a number of 64 bits", new)
        if rule.get("x-elixir-type") == "module" and isinstance(new, str):
            new = Module(new)
        if rule.get("x-elixir-type") == "float" and isinstance(new, int) and not isinstance(new, bool):
            new = float(new)
        return self._bounded(new, rule, path)

    def _bounded(self, value: Any, rule: Rule, path: str) -> Any:
        """`value`, whose type is right, held to everything else that `rule` says of it."""
        wanted = next(_broken(value, rule), None)
        return value if wanted is None else self._refuse(path, wanted, value)

    def _refuse(self, path: str, wanted: str, found: Any) -> Any:
        self.problems.append(f"{path} must be {wanted}, found {_shown(found)}")
        return found


def _types(rule: Rule) -> dict[str, str] | None:
    """The types that a rule allows, each with its name in messages; None where it allows any."""
    types = rule.get("type")
    if types is None:
        return None
    return {type_: _NAMES[type_] for type_ in ([types] if isinstance(types, str) else types)}


def _broken(value: Any, rule: Rule) -> Iterator[str]:
    """What the value must be and is not, for each keyword of the rule."""
    if "const" in rule and value != rule["const"]:
        yield _shown(rule["const"])
    if "enum" in rule and value not in rule["enum"]:
        yield f"one of {', '.join(map(_shown, rule['enum']))}"
    if isinstance(value, int | float):
        for keyword, (words, holds) in _BOUNDS.items():
            if keyword in rule and not holds(value, rule[keyword]):
                yield f"{words} {rule[keyword]}"
    elif value is not None:
        for keyword, (words, fits) in _SIZES.items():
            if keyword in rule and not fits(len(value), rule[keyword]):
                yield words.format(rule[keyword])
    if isinstance(value, str) and "pattern" in rule and not re.search(rule["pattern"], value):
        yield _FORMS.get(rule["pattern"], f"text of the form {rule['pattern']}")
    if isinstance(value, str) and rule.get("format") == "regex" and (why := _regex_error(value)):
        yield f"a regular expression ({why})"
    if isinstance(value, list) and rule.get("uniqueItems") and len({canonical(item) for item in value}) < len(value):
        yield "a list without repetitions"


def _regex_error(text: str) -> str:
    """Why a text is no regular expression; empty where it is one."""
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return ""


def _kinds(value: Any) -> set[str]:
    """JSON Schema's types that the value is of."""
    match value:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"integer", "number"} if value.is_integer() else {"number"}
        case str():
            return {"string"}
        case list() | tuple():
            return {"array"}
        case Mapping():
            return {"object"}
        case _:
            return set()


def _shown(value: Any) -> str:
    """A value as a message shows it: JSON on one line, not too long."""
    try:
        text = canonical(value)
    except CanonicalError:
        text = str(value) if isinstance(value, float) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."

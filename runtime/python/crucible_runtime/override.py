"""A training configuration and overrides in, the overridden configuration out, or every reason why not.

Mappings merge as deep as the structure goes; in a map that is no struct (`options` above all) null removes a key. Each
value is held to the recipe's own schemas (`rules.json`, generated from them). The rule that surprises: only what is
overridden is checked, the rest was checked when the recipe was generated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from crucible_runtime.canonical import canonical, plain
from crucible_runtime.errors import CanonicalError, OverrideError, did_you_mean
from crucible_runtime.ir import STRUCTS, Module, TrainingConfig

Rule: TypeAlias = Mapping[str, Any]
"""A JSON Schema in which `struct` stands for a reference to an IR struct."""
Problems: TypeAlias = list[str]

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


def override(
    training_config: TrainingConfig, overrides: Mapping[str, Any] | TrainingConfig | None, *, kind: str
) -> TrainingConfig:
    """`training_config` with `overrides` in place; `kind` is the recipe's type, which says what `options` may hold.

    A whole configuration takes its place, and is not checked.

    Raises OverrideError, with all problems, for a field or an option that there is not and a value out of bounds.
    """
    if not overrides:
        return training_config
    types = _rules()["options"]
    if kind not in types:
        raise OverrideError([f"there is no recipe type {kind}; {did_you_mean(kind, types)}"])
    problems: Problems = []
    rule = {"struct": "TrainingConfig", "options": types[kind]}
    merged = _merged(training_config, rule, overrides, "training_config", problems)
    if problems:
        raise OverrideError(problems)
    assert isinstance(merged, TrainingConfig)
    return merged


@cache
def _rules() -> Mapping[str, Mapping[str, Mapping[str, Rule]]]:
    import json

    rules: dict[str, Any] = json.loads(Path(__file__).with_name("rules.json").read_text("utf-8"))
    return rules


def _merged(old: Any, rule: Rule, new: Any, path: str, problems: Problems) -> Any:
    """What `new` makes of `old` under `rule`; where it breaks it, `problems` grows and the answer means nothing."""
    if "anyOf" in rule:
        return _any_of(old, rule["anyOf"], new, path, problems)
    if "struct" in rule:
        return _struct(old, rule, new, path, problems)
    types = [rule["type"]] if isinstance(rule.get("type"), str) else rule.get("type")
    if types is not None and not _kinds(new) & set(types):
        return _refuse(path, " or ".join(_NAMES[type_] for type_ in types), new, problems)
    if isinstance(new, Mapping):
        return _map(old, rule, new, path, problems)
    if isinstance(new, list | tuple):
        items = [_merged(None, rule.get("items", {}), item, f"{path}[{i}]", problems) for i, item in enumerate(new)]
        return _bounded(items, rule, path, problems)
    try:
        plain(new, path)
    except CanonicalError as error:
        problems.append(str(error))
        return new
    if isinstance(new, float) and new.is_integer() and types is not None and "number" not in types:
        new = int(new)  # JSON Schema counts 3.0 as an integer
    if isinstance(new, int) and not -(2**63) <= new < 2**63:
        return _refuse(path, "a number of 64 bits", new, problems)
    if rule.get("x-elixir-type") == "module" and isinstance(new, str):
        new = Module(new)
    if rule.get("x-elixir-type") == "float" and isinstance(new, int) and not isinstance(new, bool):
        new = float(new)
    return _bounded(new, rule, path, problems)


def _any_of(old: Any, rules: Sequence[Rule], new: Any, path: str, problems: Problems) -> Any:
    """The first rule that holds; where none does, the problems of the one that came furthest."""
    attempts: list[Problems] = []
    for rule in rules:
        found: Problems = []
        merged = _merged(old, rule, new, path, found)
        if not found:
            return merged
        if rule.get("type") != "null":
            attempts.append(found)
    deepest = [found for found in attempts if not all(problem.startswith(f"{path} must be") for problem in found)]
    problems += (deepest or attempts)[0]
    return new


def _struct(old: Any, rule: Rule, new: Any, path: str, problems: Problems) -> Any:
    name = rule["struct"]
    class_ = STRUCTS[name]
    if isinstance(new, class_):
        return new
    if not isinstance(new, Mapping):
        return _refuse(path, f"a mapping of {name}'s fields", new, problems)
    rules = dict(_rules()["structs"][name])
    if "options" in rule:
        rules["options"] = {"type": ["object", "null"], "properties": rule["options"], "additionalProperties": False}
    changed = {}
    for field, value in new.items():
        if field in rules:
            before = getattr(old, field) if isinstance(old, class_) else None
            changed[field] = _merged(before, rules[field], value, f"{path}.{field}", problems)
        else:
            problems.append(f"{path} has no field {field}; {did_you_mean(str(field), rules)}")
    if isinstance(old, class_):
        return replace(old, **changed)
    needed = [f.name for f in fields(class_) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [field for field in needed if field not in new]:
        problems.append(f"{path} must have {', '.join(missing)}")
        return None
    return class_(**changed)


def _map(old: Any, rule: Rule, new: Mapping[Any, Any], path: str, problems: Problems) -> Any:
    known = rule.get("properties", {})
    others = rule.get("additionalProperties", True)
    merged = dict(old) if isinstance(old, Mapping) else {}
    for key, value in new.items():
        if not isinstance(key, str):
            problems.append(f"{path} has the key {_shown(key)}, and keys are text")
        elif key not in known and others is False:
            problems.append(
                f"{path} has no {path.rpartition('.')[2].removesuffix('s')} {key}; {did_you_mean(key, known)}"
            )
        elif value is None:
            merged.pop(key, None)
        else:
            below = known.get(key, others if isinstance(others, Mapping) else {})
            merged[key] = _merged(merged.get(key), below, value, f"{path}.{key}", problems)
    if missing := [key for key in rule.get("required", ()) if key not in merged]:
        problems.append(f"{path} must have {', '.join(missing)}")
    return _bounded(merged, rule, path, problems)


def _bounded(value: Any, rule: Rule, path: str, problems: Problems) -> Any:
    """`value`, whose type is right, held to everything else that `rule` says of it."""
    if "const" in rule and value != rule["const"]:
        return _refuse(path, _shown(rule["const"]), value, problems)
    if "enum" in rule and value not in rule["enum"]:
        return _refuse(path, f"one of {', '.join(map(_shown, rule['enum']))}", value, problems)
    if isinstance(value, int | float):
        for keyword, (words, holds) in _BOUNDS.items():
            if keyword in rule and not holds(value, rule[keyword]):
                return _refuse(path, f"{words} {rule[keyword]}", value, problems)
    elif value is not None:
        for keyword, (words, fits) in _SIZES.items():
            if keyword in rule and not fits(len(value), rule[keyword]):
                return _refuse(path, words.format(rule[keyword]), value, problems)
    if isinstance(value, str) and "pattern" in rule and not re.search(rule["pattern"], value):
        return _refuse(path, f"text of the form {rule['pattern']}", value, problems)
    if isinstance(value, list) and rule.get("uniqueItems") and len({canonical(item) for item in value}) < len(value):
        return _refuse(path, "a list without repetitions", value, problems)
    return value


def _refuse(path: str, wanted: str, found: Any, problems: Problems) -> Any:
    problems.append(f"{path} must be {wanted}, found {_shown(found)}")
    return found


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

"""A Document and a JSON Schema in, Problems with places out.

jsonschema-rs decides and says which keyword failed where; this module turns its paths into places, and its errors into
sentences with the value that was found, the names that would have fitted, and the field's own description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from crucible_gen.diagnostics import Place, Problem, did_you_mean
from crucible_gen.documents.document import Node

CODES = {
    "E0201": "a field that the schema does not know",
    "E0202": "a field is missing",
    "E0203": "a number is out of range",
    "E0204": "a value has the wrong type",
    "E0205": "a value is none of those allowed",
    "E0206": "a text does not have the form that is asked for",
    "E0207": "a list or map has the wrong size",
    "E0208": "fields do not fit together",
}

Raw: TypeAlias = dict[str, Any]

Advise: TypeAlias = Callable[[str, Sequence[str | int], Node], str]
"""A field that is not allowed, the path where it stands, and the document, to a hint where it belongs, or no text."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_BOUNDS = {
    "Minimum": "at least",
    "Maximum": "at most",
    "ExclusiveMinimum": "greater than",
    "ExclusiveMaximum": "less than",
}


_OF = {"at least": "of at least", "at most": "of at most"}
_FORMS = {
    "object": "fields below it: `name: value`",
    "array": "a list: [...]",
    "integer": "a whole number",
    "number": "a number",
}
_PATTERNS = {
    r"^[A-Z][A-Za-z0-9_]*(\.[A-Z][A-Za-z0-9_]*)*$": (
        "be the name of an Elixir module",
        "begin each part with a capital letter: Acme.Checker",
    ),
    "^[a-z_][a-z0-9_]*$": ("be a word of small letters, digits and `_`", "write it as in max_tokens"),
    "^[A-Za-z][A-Za-z0-9_.-]*$": (
        "begin with a letter and hold only letters, digits, `_`, `-` and `.`",
        "write it as in smoke_test",
    ),
}
"""The forms that schemas ask for, in words: what a value must do, and how to get there."""

_TRANSPARENT = ("anyOf", "oneOf", "allOf", "then", "else", "items")


class Validator:
    """A JSON Schema, compiled once; `check` may be called for any number of documents."""

    def __init__(self, schema: Raw, code: str | None = None, advise: Advise = lambda name, path, document: "") -> None:
        """`schema` is self-contained; `code` replaces the code of every problem (schema files have one of their own).

        `advise` may know where a field belongs that the schema does not allow where it stands.
        """
        import jsonschema_rs

        self._schema = schema
        self._code = code
        self._advise = advise
        self._compiled = jsonschema_rs.Draft202012Validator(schema)

    def check(self, node: Node, known: Sequence[Problem] = ()) -> list[Problem]:
        """Every problem of the document, in order of place; nothing is raised.

        `known` are problems that were found in another way: they come back too, and no more is said at their places.
        """
        plain = node.plain()
        if self._compiled.is_valid(plain):
            return list(known)
        taken = {problem.place for problem in known}
        problems: dict[tuple[Place, str], Problem] = {(problem.place, problem.message): problem for problem in known}
        errors = sorted(_leaves(self._compiled.iter_errors(plain)), key=_priority)
        wrong_type = {tuple(error.instance_path) for error in errors if error.kind.name == "type"}
        for error in errors:
            if error.kind.name != "type" and tuple(error.instance_path) in wrong_type:
                continue  # one sentence a value: what its type should be comes before what it should be
            for problem in self._problems(node, error):
                if problem.place not in taken:
                    problems.setdefault((problem.place, problem.message), problem)
        return sorted(problems.values())

    def _problems(self, document: Node, error: Any) -> Iterator[Problem]:
        path = _path(document, error.instance_path, error.instance)
        assert path is not None
        node, parent = document.get(*path), document.get(*path[:-1])
        assert node is not None and parent is not None
        part = _walk(self._schema, error.schema_path[:-1])
        name = _name(path)
        kind = error.kind
        about = self._about(error.schema_path)
        place, found = node.place, _show(node)
        match type(kind).__name__:
            case "AdditionalProperties" | "UnevaluatedProperties":
                known = list(part.get("properties", {}))
                for key in sorted(kind.unexpected):
                    hint = self._advise(key, path, document) or did_you_mean(key, known) or _known(known)
                    message = f"unknown field {_word(key)}" + (f" in {name}" if path else "")
                    yield self._problem(_key_place(node, key), "E0201", message, hint=hint)
            case "Required":
                wanted = self._property(error.schema_path, kind.property)
                where = f" in {name}" if path else ""
                message = f"{kind.property} is missing{where}"
                about, hint = wanted.get("description", ""), f"add {kind.property}: {_example(wanted)}"
                yield self._problem(place, "E0202", message, hint=hint, about=about)
            case "Minimum" | "Maximum" | "ExclusiveMinimum" | "ExclusiveMaximum":
                bound = _BOUNDS[type(kind).__name__]
                limit = _number(kind.limit)
                message = f"{name} must be {bound} {limit}, found {found}"
                hint = f"give a number {_OF.get(bound, bound)} {limit}"
                yield self._problem(place, "E0203", message, about=about, hint=hint)
            case "Type":
                if not path and node.value is None:
                    message, hint = "expected a mapping, found nothing: the file is empty", "write `key: value` lines"
                    yield self._problem(place, "E0204", message, hint=hint)
                    return
                types = _type_names(part.get("type", kind.types))
                message = f"{name} must be {types}, found {_typed(node)}"
                hint = _type_hint(part.get("type", ()), node)
                yield self._problem(place, "E0204", message, about=about, hint=hint)
            case "Enum" | "Constant":
                values = part["enum"] if "enum" in part else [part["const"]]
                names = [value for value in values if isinstance(value, str)]
                message = f"{name} must be {_one_of(values)}, found {found}"
                near = did_you_mean(node.value, names) if isinstance(node.value, str) else ""
                yield self._problem(place, "E0205", message, about=about, hint=near or _write_one_of(values))
            case "Pattern" | "MinLength" | "MaxLength" | "Format":
                message, hint = _form(name, part, found)
                yield self._problem(place, "E0206", message, about=about, hint=hint)
            case "MinItems" | "MaxItems" | "UniqueItems" | "MinProperties" | "MaxProperties" | "Contains":
                size, hint = _size(error.schema_path[-1], part)
                yield self._problem(place, "E0207", f"{name} {size}, found {found}", about=about, hint=hint)
            case "PropertyNames":
                pattern = part.get("pattern", "")
                for key in _wrong_names(node, pattern):
                    form, hint = _PATTERNS.get(pattern, (f"match {pattern}", "write another name"))
                    message = f"the names in {name} must {form}, found {_word(key)}"
                    yield self._problem(_key_place(node, key), "E0201", message, about=about, hint=hint)
            case "FalseSchema":
                key = path[-1] if path else ""
                place = _key_place(parent, key) if isinstance(key, str) else place
                yield self._problem(place, "E0201", f"{name} cannot stand here", about=about, hint=f"remove {name}")
            case _:
                fields, hint = _alternatives(part, node)
                message = f"{name} must have {fields}" if fields else f"{name}: {error.message}"
                yield self._problem(place, "E0208", message, about=about, hint=hint)

    def _problem(self, place: Place, code: str, message: str, *, hint: str = "", about: str = "") -> Problem:
        return Problem(place, self._code or code, message, hint=hint, about=about)

    def _about(self, path: Sequence[str | int]) -> str:
        """The description nearest to the keyword that failed."""
        for end in range(len(path) - 1, 0, -1):
            part = _walk(self._schema, path[:end])
            if isinstance(part.get("description"), str):
                return str(part["description"])
            if path[end - 1] not in _TRANSPARENT and not isinstance(path[end - 1], int):
                break
        return ""

    def _property(self, path: Sequence[str | int], name: str) -> Raw:
        """What the schema says of a property that is missing: beside `required`, or around the condition that asks."""
        for end in range(len(path) - 1, -1, -1):
            part = _walk(self._schema, path[:end])
            wanted = self._target(part.get("properties", {}).get(name, {}))
            if "description" in wanted:
                return wanted
        return {}

    def _target(self, raw: Raw) -> Raw:
        """The schema that `raw` refers to, if it refers to one; its own keywords win."""
        if "$ref" not in raw:
            return raw
        return {**_walk(self._schema, raw["$ref"].removeprefix("#/").split("/")), **raw}


def _leaves(errors: Iterable[Any]) -> Iterator[Any]:
    """The errors that a person can act on: inside `anyOf` and `oneOf` those of the branch that fits best."""
    for error in errors:
        branches: Sequence[Sequence[Any]] = getattr(error.kind, "context", ())
        candidates = [branch for branch in branches if not any(_is_own_type(leaf, error) for leaf in branch)]
        if len(candidates) == 1 and candidates[0]:
            yield from _leaves(candidates[0])
        elif branches and not candidates:
            yield from _widest_type(branches)
        else:
            yield error


def _is_own_type(leaf: Any, error: Any) -> bool:
    return type(leaf.kind).__name__ == "Type" and list(leaf.instance_path) == list(error.instance_path)


def _widest_type(branches: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """All branches ask for another type: the one that asks for most stands for them."""
    leaves = [leaf for branch in branches for leaf in branch if type(leaf.kind).__name__ == "Type"]
    yield max(leaves, key=lambda leaf: ("null" not in leaf.kind.types, len(leaf.kind.types)))


def _priority(error: Any) -> tuple[list[str], int]:
    return [str(step).rjust(6) for step in error.instance_path], error.kind.name != "type"


def _walk(schema: Any, path: Sequence[str | int]) -> Raw:
    for step in path:
        if isinstance(schema, list):
            schema = schema[int(step)]
        else:
            schema = schema[str(step).replace("~1", "/").replace("~0", "~")]
    return schema if isinstance(schema, dict) else {}


def _path(node: Node, steps: Sequence[str | int], found: Any) -> tuple[str | int, ...] | None:
    """The way to the value `found`, which jsonschema-rs says in `steps`: without keys that are empty, and with numbers
    for keys that look like one. None where the steps lead elsewhere.
    """
    if not steps and node.plain() == found:
        return ()
    ways: list[tuple[str | int, Sequence[str | int]]] = []
    if isinstance(node.value, tuple):
        ways = [(step, steps[1:]) for step in steps[:1] if isinstance(step, int)]
    elif isinstance(node.value, dict):
        ways = [(key, steps[1:]) for key in node.value if steps and _is_step(key, steps[0])]
        ways += [("", steps)] if "" in node.value else []
    for step, rest in ways:
        below = node.get(step)
        if below is not None and (path := _path(below, rest, found)) is not None:
            return step, *path
    return None


def _is_step(key: str, step: str | int) -> bool:
    looks = isinstance(step, int) and re.fullmatch(r"\+?[0-9]+", key) is not None
    return key == step or (looks and (key.lstrip("+0") or "0") == str(step))


def _name(path: Sequence[str | int]) -> str:
    """`learning_rate`, or `tasks[0].scorer` inside a list: the end of the path that a reader recognises."""
    first = next((index for index, step in enumerate(path) if isinstance(step, int)), len(path))
    name = ""
    for step in path[max(first - 1, 0) :]:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else _word(step)
    return name or "the file"


def _key_place(node: Node, key: str) -> Place:
    entry = node.value.get(key) if isinstance(node.value, dict) else None
    return entry.key if entry else node.place


def _show(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping" if node.value else "an empty mapping"
    if isinstance(node.value, tuple):
        return f"a list of {_count(len(node.value), 'item')}" if node.value else "an empty list"
    text = _dumps(node.value)
    return text if len(text) <= 60 else text[:57] + "..."


def _typed(node: Node) -> str:
    value = node.value
    if value is None or isinstance(value, (dict, tuple)):
        return _show(node)
    if isinstance(value, bool):
        return _show(node)
    name = "the text " if isinstance(value, str) else "the number "
    return name + _show(node)


def _type_names(types: str | Sequence[str]) -> str:
    names = [_TYPES[type_] for type_ in ([types] if isinstance(types, str) else types) if type_ != "null"]
    return " or ".join(names) or "null"


def _type_hint(types: str | Sequence[str], node: Node) -> str:
    value = node.value
    if isinstance(value, str) and ("number" in types or "integer" in types):
        try:
            float(value)
        except ValueError:
            return "write a number" if "number" in types else "write a whole number"
        return "write the number without quotes"
    if isinstance(value, (int, float)) and "string" in types:
        return f'quote it: "{_show(node)}"'
    if isinstance(value, float) and "integer" in types:
        return "write it without a fraction"
    if isinstance(value, str) and "boolean" in types:
        return "write true or false, without quotes"
    if isinstance(value, (str, int, float)) and "array" in types:
        return f"write a list: [{_show(node)}]"
    return f"write {_FORMS[kind]}" if (kind := next((kind for kind in _FORMS if kind in types), None)) else ""


def _one_of(values: Sequence[Any]) -> str:
    shown = [value if isinstance(value, str) else _dumps(value) for value in values]
    return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"


def _write_one_of(values: Sequence[Any]) -> str:
    return "write this value" if len(values) == 1 else "write one of these values"


def _word(key: str) -> str:
    """A key as a message can hold it: as it is, or quoted and cut where it is no plain word."""
    return key if key.isprintable() and " " not in key and 0 < len(key) <= 60 else _show(Node(key, Place("")))


def _example(wanted: Raw) -> str:
    """What might stand behind a key that is missing: a value that the schema names, or dots."""
    values = [wanted[key] for key in ("enum", "examples") if wanted.get(key)]
    return _dumps(values[0][0]).strip('"') if values else "..."


def _wrong_names(node: Node, pattern: str) -> list[str]:
    matches = re.compile(pattern).search
    return [key for key in node.value if not matches(key)] if isinstance(node.value, dict) else []


def _known(names: Sequence[str]) -> str:
    if not names:
        return "no field is allowed here"
    return f"fields here: {', '.join(names)}"


def _number(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value)


def _form(name: str, part: Raw, found: str) -> tuple[str, str]:
    low, high = part.get("minLength"), part.get("maxLength")
    if low == 1 and found == '""':
        return f"{name} must not be empty", "write some text, or remove the line"
    if (pattern := part.get("pattern")) is not None:
        form, hint = _PATTERNS.get(pattern, (f"match {pattern}", "write text of this form"))
        return f"{name} must {form}, found {found}", hint
    bounds = [f"at least {low}"] if low is not None else []
    bounds += [f"at most {high}"] if high is not None else []
    if not bounds:
        return f"{name} must be a {part.get('format', 'text of its form')}, found {found}", "write text of this form"
    hint = "write more" if high is None else "shorten it"
    return f"{name} must have {' and '.join(bounds)} characters, found {found}", hint


def _size(keyword: Any, part: Raw) -> tuple[str, str]:
    match keyword:
        case "minItems":
            return f"must have at least {_count(part['minItems'], 'item')}", "add one, or remove the line"
        case "maxItems":
            return f"must have at most {_count(part['maxItems'], 'item')}", "remove some"
        case "minProperties":
            return f"must have at least {_count(part['minProperties'], 'field')}", "add one, or remove the line"
        case "maxProperties":
            return f"must have at most {_count(part['maxProperties'], 'field')}", "remove some"
    return "must not have the same item twice", "remove one of them"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _alternatives(part: Raw, node: Node) -> tuple[str, str]:
    """`exactly one of samples, dataset` for a oneOf or anyOf of `required` lists, and which to add or remove."""
    for combiner, words in (("oneOf", "exactly one of"), ("anyOf", "one of")):
        lists = [choice.get("required") for choice in part.get(combiner, ())]
        if lists and all(lists):
            there = [field for fields in lists for field in fields if node.get(field) is not None]
            hint = f"remove {' or '.join(there)}" if there else f"add {' or '.join(fields[0] for fields in lists)}"
            return f"{words} {', '.join(' and '.join(fields) for fields in lists)}", hint
    return "", ""


def _dumps(value: object) -> str:
    """A value as JSON has it; imported here because most runs have nothing to complain of."""
    import json

    return json.dumps(value, ensure_ascii=False)

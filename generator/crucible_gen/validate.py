"""A Document and a JSON Schema in, Problems with places out.

jsonschema-rs decides and says which keyword failed where; this module turns its paths into places, and its errors into
sentences with the value that was found, the names that would have fitted, and the field's own description.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from crucible_gen.document import Node
from crucible_gen.problems import Place, Problem, did_you_mean
from crucible_gen.schema import Raw

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


class Validator:
    """A JSON Schema, compiled once; `check` may be called for any number of documents."""

    def __init__(self, schema: Raw, code: str | None = None) -> None:
        """`schema` is self-contained; `code` replaces the code of every problem (schema files have one of their own)."""
        import jsonschema_rs

        self._schema = schema
        self._code = code
        self._compiled = jsonschema_rs.Draft202012Validator(schema)

    def check(self, node: Node) -> list[Problem]:
        """Every problem of the document, in order of place; nothing is raised."""
        plain = node.plain()
        if self._compiled.is_valid(plain):
            return []
        problems: dict[tuple[Place, str], Problem] = {}
        errors = sorted(_leaves(self._compiled.iter_errors(plain)), key=_priority)
        wrong_type = {tuple(error.instance_path) for error in errors if error.kind.name == "type"}
        for error in errors:
            if error.kind.name != "type" and tuple(error.instance_path) in wrong_type:
                continue  # one sentence a value: what its type should be comes before what it should be
            for problem in self._problems(node, error):
                problems.setdefault((problem.place, problem.message), problem)
        return sorted(problems.values())

    def _problems(self, document: Node, error: Any) -> Iterator[Problem]:
        path = list(error.instance_path)
        node, parent = document.get(*path), document.get(*path[:-1])
        assert node is not None and parent is not None
        part = _walk(self._schema, error.schema_path[:-1])
        name = _name(path)
        kind = error.kind
        about = _description(self._schema, error.schema_path)
        place, found = node.place, _show(node)
        match type(kind).__name__:
            case "AdditionalProperties" | "UnevaluatedProperties":
                known = list(part.get("properties", {}))
                for key in sorted(kind.unexpected):
                    yield self._problem(
                        _key_place(node, key),
                        "E0201",
                        f"unknown field {key}" + (f" in {name}" if path else ""),
                        hint=did_you_mean(key, known) or _known(known),
                    )
            case "Required":
                wanted = part.get("properties", {}).get(kind.property, {})
                wanted = self._target(wanted)
                what = wanted.get("description", "")
                where = f" in {name}" if path else ""
                message = f"{kind.property} is missing{where}"
                yield self._problem(place, "E0202", message, hint=f"add {kind.property}: ...", about=what)
            case "Minimum" | "Maximum" | "ExclusiveMinimum" | "ExclusiveMaximum":
                bound = _BOUNDS[type(kind).__name__]
                limit = _number(kind.limit)
                message = f"{name} must be {bound} {limit}, found {found}"
                yield self._problem(place, "E0203", message, about=about, hint=f"give a number {bound} {limit}")
            case "Type":
                types = _type_names(part.get("type", kind.types))
                message = f"{name} must be {types}, found {_typed(node)}"
                yield self._problem(place, "E0204", message, about=about, hint=_type_hint(part, node))
            case "Enum" | "Constant":
                values = part["enum"] if "enum" in part else [part["const"]]
                names = [value for value in values if isinstance(value, str)]
                message = f"{name} must be {_one_of(values)}, found {found}"
                near = did_you_mean(node.value, names) if isinstance(node.value, str) else ""
                yield self._problem(place, "E0205", message, about=about, hint=near or "use one of these values")
            case "Pattern" | "MinLength" | "MaxLength" | "Format":
                message, hint = _form(name, part, found)
                yield self._problem(place, "E0206", message, about=about, hint=hint)
            case "MinItems" | "MaxItems" | "UniqueItems" | "MinProperties" | "MaxProperties" | "Contains":
                keyword = error.schema_path[-1]
                yield self._problem(place, "E0207", f"{name} {_size(keyword, part)}, found {found}", about=about)
            case "PropertyNames":
                message = f"{name} has a key that is not allowed: {error.message}"
                yield self._problem(place, "E0201", message, about=about)
            case "FalseSchema":
                key = path[-1] if path else ""
                place = _key_place(parent, key) if isinstance(key, str) else place
                yield self._problem(place, "E0201", f"{name} cannot stand here", about=about, hint=f"remove {name}")
            case _:
                fields = _alternatives(part)
                message = f"{name or 'the recipe'} must have {fields}" if fields else f"{name}: {error.message}"
                yield self._problem(place, "E0208", message, about=about)

    def _problem(self, place: Place, code: str, message: str, *, hint: str = "", about: str = "") -> Problem:
        return Problem(place, self._code or code, message, hint=hint, about=about)

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


def _description(schema: Raw, path: Sequence[str | int]) -> str:
    """The description nearest to the keyword that failed."""
    for end in range(len(path) - 1, 0, -1):
        part = _walk(schema, path[:end])
        if isinstance(part.get("description"), str):
            return str(part["description"])
        if path[end - 1] not in ("anyOf", "oneOf", "allOf", "then", "else") and not isinstance(path[end - 1], int):
            break
    return ""


def _name(path: Sequence[str | int]) -> str:
    """`learning_rate`, or `tasks[0].scorer` inside a list: the end of the path that a reader recognises."""
    name = ""
    for step in path[-3:] if len(path) > 1 and any(isinstance(step, int) for step in path[-3:]) else path[-1:]:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else step
    return name or "the file"


def _key_place(node: Node, key: str) -> Place:
    entry = node.value.get(key) if isinstance(node.value, dict) else None
    return entry.key if entry else node.place


def _show(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping" if node.value else "an empty mapping"
    if isinstance(node.value, tuple):
        return f"a list of {len(node.value)}" if node.value else "an empty list"
    text = json.dumps(node.value, ensure_ascii=False)
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


def _type_hint(part: Raw, node: Node) -> str:
    types = part.get("type", ())
    if isinstance(node.value, str) and ("number" in types or "integer" in types):
        return "write the number without quotes"
    if isinstance(node.value, (int, float)) and "string" in types:
        return f'quote it: "{_show(node)}"'
    if isinstance(node.value, float) and "integer" in types and node.value.is_integer():
        return f"write {int(node.value)}"
    return ""


def _one_of(values: Sequence[Any]) -> str:
    shown = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"


def _known(names: Sequence[str]) -> str:
    if not names:
        return "no field is allowed here"
    return f"fields here: {', '.join(names)}"


def _number(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value)


def _form(name: str, part: Raw, found: str) -> tuple[str, str]:
    if "pattern" in part:
        return f"{name} must match {part['pattern']}, found {found}", ""
    low, high = part.get("minLength"), part.get("maxLength")
    if low == 1 and found == '""':
        return f"{name} must not be empty", "write some text, or remove the line"
    bounds = [f"at least {low}"] if low is not None else []
    bounds += [f"at most {high}"] if high is not None else []
    if not bounds:
        return f"{name} must be {part.get('format', 'well formed')}, found {found}", ""
    return f"{name} must have {' and '.join(bounds)} characters, found {found}", ""


def _size(keyword: Any, part: Raw) -> str:
    match keyword:
        case "minItems":
            return f"must have at least {part['minItems']} items"
        case "maxItems":
            return f"must have at most {part['maxItems']} items"
        case "minProperties":
            return f"must have at least {part['minProperties']} entries"
        case "maxProperties":
            return f"must have at most {part['maxProperties']} entries"
    return "must not have the same item twice"


def _alternatives(part: Raw) -> str:
    """`exactly one of samples, dataset` for a oneOf or anyOf of `required` lists."""
    for combiner, words in (("oneOf", "exactly one of"), ("anyOf", "one of")):
        lists = [choice.get("required") for choice in part.get(combiner, ())]
        if lists and all(lists):
            return f"{words} {', '.join(' and '.join(fields) for fields in lists)}"
    return ""

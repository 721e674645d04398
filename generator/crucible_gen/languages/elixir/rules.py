"""What overrides of a training configuration may say: the schemas' own rules, as terms that the runtime is printed with.

A rule is a keyword list: `type` (`:integer`, or a list of such names), `nullable`, the bounds, `enum`, `properties`,
`additional` (a rule for other keys, or false), `items`, or `struct` (a module) for a struct of the IR.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crucible_gen.ir.terms import Keywords, List, Module, Symbol, Term
from crucible_gen.schemas import Raw, Schemas, at
from crucible_gen.schemas.keywords import STRUCT, TYPE

_TYPES: Final = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "map",
}
_NARROWED: Final = {"atom": "atom", "module": "module", "float": "float"}
"""What `x-elixir-type` makes of a type; the others are types of containers."""

_BOUNDS: Final = {
    "minimum": "minimum",
    "exclusiveMinimum": "exclusive_minimum",
    "maximum": "maximum",
    "exclusiveMaximum": "exclusive_maximum",
    "minLength": "min_length",
    "pattern": "pattern",
}
_IGNORED: Final = {"$schema", "$defs", "$ref", "title", "description", "default", "examples", "format"}


def options(schemas: Schemas) -> Keywords:
    """The rules of the options, by kind of recipe and name."""
    return Keywords(
        tuple((kind, _properties(schemas, f"options/{kind}.schema.json")) for kind in sorted(schemas.kinds))
    )


def structs(schemas: Schemas) -> dict[str, Term]:
    """The rules of the fields of the training configuration, and of the structs that it holds, by their modules."""
    keys = ["ir/training_config.schema.json"]
    found: dict[str, Term] = {}
    for key in keys:
        document = schemas.documents[key]
        found[document[STRUCT]] = _properties(schemas, key)
        keys += [each for each in _held(schemas, document, key) if each not in keys]
    return found


def _held(schemas: Schemas, document: Raw, key: str) -> Iterator[str]:
    for value in document["properties"].values():
        if "$ref" in value and (target := schemas.resolve_ref(value["$ref"], key)):
            yield target[0]


def _properties(schemas: Schemas, key: str, raw: Raw | None = None) -> Keywords:
    properties = (schemas.documents[key] if raw is None else raw)["properties"]
    return Keywords(tuple((name, _rule(schemas, value, key)) for name, value in sorted(properties.items())))


def _rule(schemas: Schemas, raw: Raw, key: str) -> Keywords:
    """The rule of one value. Raises ValueError for a keyword that the runtime does not check."""
    rule: dict[str, Term] = {}
    if "$ref" in raw:
        target = schemas.resolve_ref(raw["$ref"], key)
        assert target is not None, raw["$ref"]
        document = at(schemas.documents[target[0]], target[1])
        if STRUCT in document:
            return Keywords((("struct", Module(document[STRUCT])),))
        rule |= dict(_rule(schemas, document, target[0]).entries)
    for keyword, value in raw.items():
        if keyword == "type":
            rule |= _types(value, raw)
        elif keyword == "enum":
            rule["enum"] = List(tuple(_literal(each, raw) for each in value))
        elif keyword == "properties":
            rule["properties"] = _properties(schemas, key, raw)
        elif keyword == "items":
            rule["items"] = _rule(schemas, value, key)
        elif keyword == "additionalProperties":
            rule["additional"] = _rule(schemas, value, key) if isinstance(value, dict) else bool(value)
        elif keyword in _BOUNDS:
            rule[_BOUNDS[keyword]] = value
        elif keyword not in _IGNORED and not keyword.startswith("x-"):
            raise ValueError(f"{key}: the Elixir runtime does not check the keyword {keyword}")
    return Keywords(tuple(rule.items()))


def _types(declared: str | list[str], raw: Raw) -> dict[str, Term]:
    names = [declared] if isinstance(declared, str) else declared
    types = [Symbol(_NARROWED.get(raw.get(TYPE, ""), _TYPES[name])) for name in names if name != "null"]
    found: dict[str, Term] = {"type": types[0] if len(types) == 1 else List(tuple(types))}
    return found | ({"nullable": True} if "null" in names else {})


def _literal(value: Term, raw: Raw) -> Term:
    return Symbol(value) if isinstance(value, str) and raw.get(TYPE) == "atom" else value

"""Which values a JSON Schema allows, and how that differs from what a type of the package allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from crucible_gen.conformance.contracts.elixir_types import ANY, Allowed, joined_atoms
from crucible_gen.conformance.contracts.facts import Document
from crucible_gen.schemas import Schemas, at

Severity: TypeAlias = Literal["error", "warning"]

_STRING_KINDS = {"atom": "atom", "module": "module", "timestamp": "timestamp"}
"""The kind of a string with this `x-elixir-type`."""

_KIND_NAMES = {
    "text": "text",
    "atom": "a name (an atom)",
    "integer": "an integer",
    "float": "a float",
    "map": "a map",
    "keywords": "a keyword list",
    "list": "a list",
    "module": "a module",
    "timestamp": "a timestamp",
    "struct": "a struct",
    "boolean": "true and false",
}
"""The kinds as messages name them."""


class TypeDifference(NamedTuple):
    """One way in which a schema's type differs from the package's, in words, and how bad that is."""

    severity: Severity
    text: str


def schema_allows(schema: Document, key: str, schemas: Schemas) -> Allowed:
    """The values that a schema in document `key` allows; any where it says nothing of their type."""
    if "$ref" in schema:
        return _reference_allows(schema["$ref"], key, schemas)
    if choices := schema.get("anyOf", schema.get("oneOf")):
        return _any_of([schema_allows(choice, key, schemas) for choice in choices])
    declared = schema.get("type", ())
    types = [declared] if isinstance(declared, str) else list(declared)
    if not types:
        return ANY
    elixir_type = schema.get("x-elixir-type", "")
    kinds = frozenset[str]().union(*(_kinds(type_, elixir_type) for type_ in types))
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    atoms = frozenset(str(value) for value in listed if value is not None) if listed and "atom" in kinds else None
    items = schema_allows(schema["items"], key, schemas) if isinstance(schema.get("items"), dict) else None
    minimum = schema.get("minimum", schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else None)
    return Allowed(kinds, atoms, items=items, minimum=minimum if "integer" in kinds else None)


def _reference_allows(reference: str, key: str, schemas: Schemas) -> Allowed:
    target = schemas.resolve_ref(reference, key)
    if target is None:
        return ANY
    target_key, pointer = target
    document = schemas.documents[target_key]
    if not pointer and "x-elixir-struct" in document:
        return Allowed(frozenset({"struct"}), structs=frozenset({document["x-elixir-struct"]}))
    return schema_allows(at(document, pointer), target_key, schemas)


def _kinds(type_: str, elixir_type: str) -> set[str]:
    """The kinds of a type of JSON Schema, as `x-elixir-type` refines it."""
    match type_:
        case "string":
            return {_STRING_KINDS.get(elixir_type, "text")}
        case "number":
            return {"float"} if elixir_type == "float" else {"integer", "float"}
        case "array":
            return {"list"}
        case "object":
            return {"keywords"} if elixir_type == "keyword" else {"map"}
    return {type_}


def _any_of(parts: Sequence[Allowed]) -> Allowed:
    """The values of any part; items and bounds are those of the first part that has them."""
    return Allowed(
        kinds=frozenset[str]().union(*(part.kinds for part in parts)),
        atoms=joined_atoms(parts),
        structs=frozenset[str]().union(*(part.structs for part in parts)),
        items=next((part.items for part in parts if part.items is not None), None),
        minimum=next((part.minimum for part in parts if part.minimum is not None), None),
    )


def type_differences(ours: Allowed, theirs: Allowed, *, nil_default: bool) -> Iterator[TypeDifference]:
    """How a schema's type differs from the package's; `nil_default` says that the field's default is nil.

    A schema may allow less than the package, but for null and for a choice that has grown.
    """
    if "any" in theirs.kinds or "any" in ours.kinds:
        return
    yield from _kind_differences(ours, theirs, nil_default)
    both = ours.kinds & theirs.kinds
    if "struct" in both and theirs.structs and (others := sorted(ours.structs - theirs.structs)):
        yield TypeDifference("error", f"the schema allows {', '.join(others)}")
    if "atom" in both and theirs.atoms is not None:
        yield from _atom_differences(ours.atoms, theirs.atoms)
    if "integer" in both and "float" not in theirs.kinds and _is_below(ours.minimum, theirs.minimum):
        yield TypeDifference("warning", f"the schema allows numbers below {theirs.minimum}")
    if "list" in both and ours.items is not None and theirs.items is not None:
        for severity, text in type_differences(ours.items, theirs.items, nil_default=False):
            yield TypeDifference(severity, f"in items, {text}")


def _kind_differences(ours: Allowed, theirs: Allowed, nil_default: bool) -> Iterator[TypeDifference]:
    for kind in sorted(ours.kinds - theirs.kinds):
        if kind == "null":
            yield TypeDifference("warning" if nil_default else "error", "the schema allows null")
        elif not (kind == "struct" and "map" in theirs.kinds):
            yield TypeDifference("error", f"the schema allows {_KIND_NAMES.get(kind, kind)}")
    if "null" in theirs.kinds - ours.kinds:
        yield TypeDifference("warning", "the schema does not allow null")


def _atom_differences(ours: frozenset[str] | None, theirs: frozenset[str]) -> Iterator[TypeDifference]:
    if ours is None:
        yield TypeDifference("warning", "the schema allows any name")
        return
    if gone := sorted(ours - theirs):
        yield TypeDifference("error", f"the schema allows {', '.join(gone)}")
    if new := sorted(theirs - ours):
        yield TypeDifference("warning", f"the schema does not know {', '.join(new)}")


def _is_below(ours: float | None, theirs: float | None) -> bool:
    return theirs is not None and (ours is None or ours < theirs)

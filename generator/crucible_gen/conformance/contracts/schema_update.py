"""Adapt schemas to the contract of their package, and keep what people wrote in them.

Fields and their order, defaults, enforced keys, nullability, and a type that does not fit any more come from the
package. Descriptions, bounds, `x-from`, `x-inject`, `x-short`, the order of printing and everything else are somebody's
work: they move with a renamed field, and go only with a field that is gone. Where nothing differs, the text stays
the same, byte for byte.
"""

from __future__ import annotations

import copy
import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.elixir_types import Allowed, kinds
from crucible_gen.conformance.contracts.elixir_values import Atom, Value, as_json, has_json, parse_value
from crucible_gen.conformance.contracts.elixir_values import Struct as StructValue
from crucible_gen.conformance.contracts.facts import Document, Field, OptionRead
from crucible_gen.conformance.contracts.schema_types import type_differences
from crucible_gen.conformance.contracts.subject import (
    Context,
    SchemaFiles,
    StageSubject,
    Subject,
    default_of,
    described_package,
)
from crucible_gen.schemas import Schemas, shipped

_Schema: TypeAlias = dict[str, Any]
"""A JSON Schema that is being written."""

_TYPES = ("type", "$ref", "anyOf", "oneOf", "enum", "const", "examples", "items", "x-elixir-type", "format", "pattern")
_BOUNDS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "properties", "required", "additionalProperties",
)  # fmt: skip
_PRINTED = frozenset({"text", "atom", "module", "integer", "float", "boolean", "list", "map", "keywords", "timestamp"})
"""The kinds of values that can be printed."""

_ALWAYS_INJECTED = ("ports", "logger", "log_path")
"""Options of a stage that are live values whatever their type."""


class FileChange(NamedTuple):
    """The bytes of a schema file before and after."""

    old: bytes
    new: bytes


def update(schemas: Schemas, contracts: Mapping[str, Contract]) -> dict[Path, FileChange]:
    """The schema files that would change; nothing is written."""
    changes: dict[Path, FileChange] = {}
    for key, document in sorted(schemas.documents.items()):
        contract = contracts.get(described_package(document) or "")
        if contract is None or contract.language != "elixir":
            continue
        changed = updated(key, document, schemas, contract)
        if changed != document:
            path = path_of(key, schemas)
            changes[path] = FileChange(path.read_bytes(), dumps(changed).encode())
    return changes


def path_of(key: str, schemas: Schemas) -> Path:
    """The file of a schema: a third party's by its path, ours below the shipped schemas."""
    return Path(schemas.places[key].place.file) if key in schemas.places else shipped("schemas") / key


def dumps(document: Document) -> str:
    """The text of a schema file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def updated(key: str, document: Document, schemas: Schemas, contract: Contract) -> dict[str, Any]:
    """The schema document adapted to the contract; an equal one where nothing differs or the package lost it."""
    new: _Schema = copy.deepcopy(dict(document))
    context = Context(schemas, SchemaFiles(schemas), contract)
    if "x-elixir-struct" in document:
        struct = contract.structs.get(document["x-elixir-struct"])
        if struct is None:
            return new
        _update_struct(Subject.of_struct(context, key, document, struct), new)
    elif "x-stage" in document:
        stage = contract.stages.get(document["x-stage"]["module"])
        if stage is None:
            return new
        _update_stage(StageSubject.of_stage(context, key, document, stage), new)
    new["x-contract"] = contract.name
    return new


# Whole schemas --------------------------------------------------------------------------------------------------------


def _update_struct(subject: Subject, document: _Schema) -> None:
    """Adapt the schema of a struct in place."""
    renamed, theirs = subject.renamed, subject.fields
    previous = {new: name for name, new in renamed.items()}
    document["properties"] = {
        name: _property(subject, subject.properties.get(previous.get(name, name)), field)
        for name, field in theirs.items()
    }
    was, now = subject.document["x-enforce"], list(subject.struct.enforce_keys)
    document["x-enforce"] = now
    names = [renamed.get(name, name) for name in document.get("required", ())]
    follows = document.get("required", []) == was
    _set_required(document, now if follows else [name for name in names if name in theirs])
    if first := document.get("x-print-first"):
        document["x-print-first"] = [renamed.get(name, name) for name in first if renamed.get(name, name) in theirs]
    if (short := document.get("x-short")) is not None:
        document["x-short"] = renamed.get(short, short)


def _update_stage(subject: StageSubject, document: _Schema) -> None:
    """Adapt the schema of a stage in place."""
    properties = _options(subject)
    document["properties"] = properties
    enforced = subject.struct.enforce_keys
    needed = [name for name in enforced if {"x-from", "x-inject"}.isdisjoint(properties[name])]
    required = [subject.renamed.get(name, name) for name in document.get("required", ())]
    required += [name for name in needed if name not in required]
    _set_required(document, [name for name in required if name in properties])
    if subject.stage.takes is not None:
        document["x-stage"]["options"] = subject.stage.takes


def _options(subject: StageSubject) -> dict[str, _Schema]:
    """The properties of a stage: those that it takes, then new fields of its options struct."""
    theirs, reads = subject.fields, subject.stage.options_read
    properties: dict[str, _Schema] = {}
    for name, schema in subject.properties.items():
        new_name = subject.renamed.get(name, name)
        if new_name in theirs:
            properties[new_name] = _property(subject, schema, theirs[new_name])
        elif name in reads:
            properties[name] = _read_key(subject, schema, reads[name])
        elif subject.stage.unknown_keys != "raise":
            properties[name] = dict(schema)
    for name, field in theirs.items():
        if name not in properties:
            properties[name] = _property(subject, None, field)
    return properties


def _set_required(document: _Schema, required: Sequence[str]) -> None:
    """Set `required`, or remove it where nothing is; a new one stands behind `additionalProperties`."""
    if not required:
        document.pop("required", None)
    elif "required" in document:
        document["required"] = list(required)
    else:
        items = list(document.items())
        document.clear()
        for key, item in items:
            document[key] = item
            if key == "additionalProperties":
                document["required"] = list(required)
        document.setdefault("required", list(required))


# Properties -----------------------------------------------------------------------------------------------------------


def _read_key(subject: Subject, schema: Document, read: OptionRead) -> _Schema:
    """An option that the stage reads by name, with the default that the code gives it."""
    changed = dict(schema)
    if read.default is not None and "default" in schema:
        value = parse_value(read.default)
        if not subject.context.is_default(schema, value, is_stage=True):
            changed.pop("default")
            if has_json(value):
                changed["default"] = as_json(value)
    return changed


def _property(subject: Subject, schema: Document | None, field: Field) -> _Schema:
    """A property adapted to its field; a new one where the schema has none yet."""
    value = default_of(field)
    if schema is None:
        changed = _new_property(subject, field, value)
    elif "x-inject" in schema or "x-contract-type" in schema:
        changed = dict(schema)
    else:
        changed = _retyped(subject, dict(schema), field)
    if "x-inject" not in changed and not subject.context.is_default(changed, value, is_stage=subject.is_stage):
        _set_default(subject, changed, value)
    return changed


def _set_default(subject: Subject, schema: _Schema, value: Value) -> None:
    """Set the default in place, or remove it for nil and for what JSON cannot express."""
    if isinstance(value, StructValue) and subject.context.is_default({"default": {}}, value, is_stage=False):
        value = {}
    if value is None or not has_json(value):
        schema.pop("default", None)
    else:
        schema["default"] = as_json(value)


def _new_property(subject: Subject, field: Field, default: Value) -> _Schema:
    """A property for a field that the schema does not have; a live value where it cannot be printed."""
    wanted = subject.wanted(field)
    wanted = _type_of(default) if wanted.kinds == {"any"} else wanted
    description = {"description": f"New in {subject.release}."}
    printed = wanted.kinds & _PRINTED and has_json(default)
    if subject.is_stage and (not printed or field.name in _ALWAYS_INJECTED):
        return {**description, "x-inject": {"elixir": "term()", "python": "Any", "needed": False}}
    return description | _Derivation(subject).schema(wanted, field.type or "")


def _type_of(default: Value) -> Allowed:
    """The values that a field without a type allows, inferred from its default."""
    match default:
        case bool():
            return kinds("boolean")
        case int():
            return kinds("integer")
        case float():
            return kinds("float")
        case str():
            return kinds("text")
        case Atom():
            return kinds("atom")
        case list():
            return kinds("list")
        case dict():
            return kinds("map")
    return kinds("any")


def _retyped(subject: Subject, schema: _Schema, field: Field) -> _Schema:
    """The property with null allowed or not as the type says, and with another type where its own does not fit."""
    ours, wanted = subject.allows(schema), subject.wanted(field)
    if "any" in ours.kinds or "any" in wanted.kinds:
        return schema
    differences = type_differences(ours.without_null, wanted.without_null, nil_default=True)
    if any(severity == "error" for severity, _ in differences):
        kept = {name: value for name, value in schema.items() if name not in (*_TYPES, *_BOUNDS)}
        head = {"description": kept.pop("description")} if "description" in kept else {}
        return head | _Derivation(subject).schema(wanted, field.type or "") | kept
    if ("null" in ours.kinds) != ("null" in wanted.kinds):
        return _with_null(schema) if "null" in wanted.kinds else _without_null(schema)
    return schema


def _with_null(schema: Document) -> _Schema:
    """The schema with null allowed."""
    changed = dict(schema)
    if "$ref" in schema:
        return _replaced(changed, "$ref", "anyOf", [{"$ref": schema["$ref"]}, {"type": "null"}])
    if "anyOf" in schema:
        changed["anyOf"] = [*schema["anyOf"], {"type": "null"}]
        return changed
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    changed["type"] = [*types, "null"]
    if "enum" in schema:
        changed["enum"] = [*schema["enum"], None]
    return changed


def _without_null(schema: Document) -> _Schema:
    """The schema with null not allowed."""
    changed = dict(schema)
    if "anyOf" in schema:
        rest = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
        if len(rest) == 1 and set(rest[0]) == {"$ref"}:
            return _replaced(changed, "anyOf", "$ref", rest[0]["$ref"])
        changed["anyOf"] = rest
        return changed
    rest_types = [type_ for type_ in schema["type"] if type_ != "null"]
    changed["type"] = rest_types[0] if len(rest_types) == 1 else rest_types
    if "enum" in schema:
        changed["enum"] = [value for value in schema["enum"] if value is not None]
    return changed


def _replaced(schema: Document, old: str, new: str, value: object) -> _Schema:
    """The schema with another keyword in the place of one."""
    return {(new if name == old else name): (value if name == old else item) for name, item in schema.items()}


# Schemas from types ---------------------------------------------------------------------------------------------------

_SIMPLE: dict[frozenset[str], Document] = {
    frozenset({"module"}): {"type": "string", "x-elixir-type": "module"},
    frozenset({"timestamp"}): {"type": "string", "x-elixir-type": "timestamp", "format": "date-time"},
    frozenset({"boolean"}): {"type": "boolean"},
    frozenset({"integer"}): {"type": "integer"},
    frozenset({"float"}): {"type": "number", "x-elixir-type": "float"},
    frozenset({"integer", "float"}): {"type": "number"},
}
"""The schemas of kinds that need no more than their names."""


@dataclass(frozen=True, slots=True)
class _Derivation:
    """Makes schemas from types, for properties of one schema file."""

    subject: Subject

    def schema(self, wanted: Allowed, text: str) -> _Schema:
        """A schema for the values of a type (`text` is its source); of anything where JSON Schema cannot say it."""
        schema = self._schema(wanted.without_null)
        if schema is None:
            return {"$comment": f"Elixir type: {text}"} if text else {}
        return _with_null(schema) if "null" in wanted.kinds else schema

    def _schema(self, wanted: Allowed) -> _Schema | None:
        """A schema for values other than null; None where JSON Schema cannot say it."""
        allowed = wanted.kinds
        if allowed >= {"atom"} and allowed <= {"atom", "module"}:
            choices = {"enum": sorted(wanted.atoms)} if wanted.atoms else {}
            return {"type": "string", **choices, "x-elixir-type": "atom"}
        if allowed == {"struct"} and len(wanted.structs) == 1:
            return self._reference(next(iter(wanted.structs)))
        if allowed == {"list"}:
            items = self.schema(wanted.items, "") if wanted.items is not None else {}
            return {"type": "array", **({"items": items} if items else {})}
        if "text" in allowed and allowed <= {"text", "atom", "module"}:
            return {"type": "string"}
        if allowed and allowed <= {"list", "keywords"}:
            return {"type": "object", "x-elixir-type": "keyword"}
        if "map" in allowed and allowed <= {"map", "struct"}:
            return {"type": "object", "x-elixir-type": "map"}
        simple = _SIMPLE.get(allowed)
        if simple is not None and allowed == {"integer"} and wanted.minimum is not None:
            return {**simple, "minimum": wanted.minimum}
        return None if simple is None else dict(simple)

    def _reference(self, module: str) -> _Schema | None:
        """A reference to the schema of a struct; None where no schema describes it."""
        key, schemas = self.subject.key, self.subject.context.schemas
        documents = schemas.documents.items()
        file = next((name for name, document in documents if document.get("x-elixir-struct") == module), None)
        if file is None:
            return None
        relative = posixpath.relpath(file, posixpath.dirname(key) or ".")
        return {"$ref": file if key in schemas.places else relative}

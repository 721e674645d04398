"""One schema file beside the contract of its package: what checks compare and updates adapt.

A subject finds the fields that both sides have, pairs renamed ones, and knows the place of each fact in both files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.elixir_types import Allowed, TypeScope
from crucible_gen.conformance.contracts.elixir_values import Struct as StructValue
from crucible_gen.conformance.contracts.elixir_values import Value, as_json, has_json, parse_value
from crucible_gen.conformance.contracts.facts import Document, Field, Stage, Struct
from crucible_gen.conformance.contracts.schema_types import Severity, schema_allows, type_differences
from crucible_gen.conformance.contracts.similarity import most_similar
from crucible_gen.diagnostics import Place, Problem, shown
from crucible_gen.documents import Node, load
from crucible_gen.schemas import Schemas, shipped


@dataclass(frozen=True)
class SchemaFiles:
    """The schema files with places; each is read when a problem first points into it."""

    schemas: Schemas
    _nodes: dict[str, Node] = field(default_factory=dict)

    def place(self, key: str, *path: str) -> Place:
        """Where a part of a schema stands; the nearest part around it where it stands nowhere."""
        node = self._node(key)
        for depth in range(len(path), -1, -1):
            if (part := node.get(*path[:depth])) is not None:
                return part.place
        return Place(key)

    def key_place(self, key: str, *path: str) -> Place:
        """Where the key of a part of a schema stands; the place of the nearest key around it where it has none."""
        node = self._node(key)
        for depth in range(len(path), 0, -1):
            parent = node.get(*path[: depth - 1])
            entry = parent.value.get(path[depth - 1]) if parent and isinstance(parent.value, dict) else None
            if entry is not None:
                return entry.key._replace(width=len(path[depth - 1]) + 2)
        return node.place

    def _node(self, key: str) -> Node:
        if key not in self._nodes:
            own = self.schemas.places.get(key)
            path = shipped("schemas") / key
            self._nodes[key] = own if own is not None else load.load(path, shown(path))
        return self._nodes[key]


@dataclass(frozen=True)
class Context:
    """What the checks of one package share: every schema, and the package's contract.

    `baseline` is the contract of the release that the schemas or the runtime were written for, where it is known.
    """

    schemas: Schemas
    files: SchemaFiles
    contract: Contract
    baseline: Contract | None = None

    @property
    def release(self) -> str:
        """The release, as messages name it."""
        return self.contract.release

    def is_default(self, schema: Document, value: Value, *, is_stage: bool) -> bool:
        """Whether a property of a schema has the default that the contract gives as `value`."""
        ours = schema.get("default")
        fed = "default" not in schema and ("x-from" in schema or "x-inject" in schema)
        if is_stage and fed and value in ({}, [], None):
            return True  # the option is always given, so that the stage's own empty value is never used
        if not has_json(value):
            return "default" not in schema  # no schema can say it; who leaves the field out gets it all the same
        theirs = as_json(value)
        if isinstance(value, StructValue):
            return ours == {} if self._has_only_defaults(value) else ours == theirs
        return ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)

    def _has_only_defaults(self, value: StructValue) -> bool:
        """Whether a struct literal gives every field of its struct the default of that field."""
        struct = self.contract.structs.get(value.module)
        return struct is not None and all(
            default_of(each) == value.fields.get(each.name) for each in struct.by_name.values()
        )


class Upgrade(NamedTuple):
    """A release beside the baseline, the release that the schemas or the runtime were written for."""

    contract: Contract
    baseline: Contract

    @property
    def release(self) -> str:
        """The release, as messages name it."""
        return self.contract.release

    def see(self, *path: str | int) -> tuple[tuple[str, Place]]:
        """The place of a fact in the baseline, as problems show it."""
        return ((f"the contract of {self.baseline.release}", self.baseline.place(*path)),)


def default_of(field_: Field) -> Value:
    """The default of a field of an Elixir struct; the contract always gives one."""
    assert field_.default is not None
    return parse_value(field_.default)


def described_package(document: Document) -> str | None:
    """The package whose release a schema describes, or None."""
    return str(document["x-contract"]).partition("@")[0] if "x-contract" in document else None


def quoted(value: object) -> str:
    """A value as JSON, for messages."""
    return json.dumps(value, ensure_ascii=False)


class SchemaPart(NamedTuple):
    """The part of a schema file that a problem is about: its place, and the description that is shown with it."""

    place: Place
    description: str = ""


@dataclass(frozen=True)
class Subject:
    """A schema file, the module that it describes, and the struct whose fields its properties are.

    `struct_path` is where the struct stands in the contract. `read_by_name` are properties that a stage reads by name,
    which need not be fields of the struct. `is_stage` says that the properties are options of a stage; their defaults
    are written out in what is generated, while those of a struct are what recipes run with.
    """

    context: Context
    key: str
    document: Document
    module: str
    struct: Struct
    struct_path: tuple[str, ...]
    read_by_name: Set[str] = frozenset()
    is_stage: bool = False

    @classmethod
    def of_struct(cls, context: Context, key: str, document: Document, struct: Struct) -> Subject:
        """The schema of a struct beside that struct."""
        module = document["x-elixir-struct"]
        return cls(context, key, document, module, struct, ("structs", module))

    # The schema

    @property
    def properties(self) -> Mapping[str, Document]:
        """The schema's properties by name."""
        found: Mapping[str, Document] = self.document["properties"]
        return found

    def allows(self, schema: Document) -> Allowed:
        """The values that a property of this schema allows."""
        return schema_allows(schema, self.key, self.context.schemas)

    def is_given(self, name: str) -> bool:
        """Whether an option always has a value: it is required, fed by the recipe, injected or has a default."""
        schema = self.properties[name]
        return name in self.document.get("required", ()) or not {"x-from", "x-inject", "default"}.isdisjoint(schema)

    # Its fields

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The fields of the struct by name."""
        return self.struct.by_name

    def wanted(self, field_: Field) -> Allowed:
        """The values that the package's type of a field allows."""
        return TypeScope(self.struct.types, self.struct.module or self.module).allowed(field_.type or "term()")

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Properties whose fields are gone, with the fields that replace them: alike in type, and in name or position."""
        ours = [name for name in self.properties if name not in self.read_by_name]
        new = [name for name in self.fields if name not in ours]
        renamed: dict[str, str] = {}
        for name in (name for name in ours if name not in self.fields):
            best = most_similar(name, new, ours, list(self.fields))
            if best is not None and self._fits(self.properties[name], self.fields[best]):
                renamed[name] = best
                new.remove(best)
        return renamed

    @property
    def paired(self) -> dict[str, str]:
        """Every property with the field that it describes: those of one name, then the renamed ones."""
        return {name: name for name in self.properties if name in self.fields} | self.renamed

    @property
    def new_fields(self) -> list[str]:
        """The fields that no property describes."""
        described = {*self.properties, *self.renamed.values()}
        return [name for name in self.fields if name not in described]

    def _fits(self, schema: Document, field_: Field) -> bool:
        """Whether a property's values are of the field's type."""
        differences = type_differences(self.allows(schema), self.wanted(field_), nil_default=True)
        return "x-inject" in schema or not list(differences)

    # Problems

    @property
    def release(self) -> str:
        """The release, as messages name it."""
        return self.context.release

    def keyword(self, *path: str) -> SchemaPart:
        """A keyword of the schema, shown with the description of the schema."""
        return SchemaPart(self.context.files.place(self.key, *path), str(self.document.get("description", "")))

    def whole(self) -> SchemaPart:
        """The schema as a whole."""
        return SchemaPart(self.context.files.place(self.key, "x-stage" if self.is_stage else "x-elixir-struct"))

    def property(self, name: str, keyword: str = "") -> SchemaPart:
        """A property of the schema, or one of its keywords where it has that."""
        schema = self.properties.get(name, {})
        files = self.context.files
        if keyword and keyword in schema:
            place = files.place(self.key, "properties", name, keyword)
        else:
            place = files.key_place(self.key, "properties", name)
        return SchemaPart(place, str(schema.get("description", "")))

    def fact(self, name: str) -> Place:
        """Where a field of the struct stands in the contract."""
        return self.context.contract.field_place(self.struct_path, name)

    def problem(
        self, code: str, message: str, hint: str, *, at: SchemaPart, fact: Place, severity: Severity = "error"
    ) -> Problem:
        """A problem at a part of the schema, which also shows the fact of the contract."""
        see = ((f"the contract of {self.release}", fact),)
        return Problem(at.place, code, message, hint, at.description, see, severity)


@dataclass(frozen=True)
class StageSubject(Subject):
    """The schema of a stage beside the stage of the contract; the struct is the one that its options go into."""

    stage: Stage = field(default_factory=Stage)

    @classmethod
    def of_stage(cls, context: Context, key: str, document: Document, stage: Stage) -> StageSubject:
        """The schema of a stage beside that stage."""
        module = document["x-stage"]["module"]
        path = ("stages", module, "options_struct")
        return cls(context, key, document, module, stage.struct, path, stage.options_read.keys(), True, stage)

    def stage_fact(self, *path: str) -> Place:
        """Where a fact about the stage itself stands in the contract."""
        return self.context.contract.place("stages", self.module, *path)

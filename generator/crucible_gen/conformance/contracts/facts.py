"""The facts of a contract file as typed values: structs, stages, interfaces and Python objects of one release.

`contract.schema.json` describes the file; what it does not require has a default here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

Document: TypeAlias = Mapping[str, Any]
"""A JSON object as it stands in a contract file."""

_Fact = TypeVar("_Fact")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct or class, or a parameter of a function; defaults and types are source text.

    `munged` says that the class changes the value that it is given.
    """

    name: str
    default: str | None = None
    default_factory: str | None = None
    required: bool = False
    munged: bool = False
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Struct:
    """An Elixir struct: its fields in the order of definition, and the local types of its module.

    `module` is empty where the contract names the struct by its key.
    """

    module: str = ""
    fields: tuple[Field, ...] = ()
    enforce_keys: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, document: Document) -> Struct:
        """The struct that a part of a contract describes."""
        return cls(
            module=document.get("module", ""),
            fields=_fields(document.get("fields", ())),
            enforce_keys=tuple(document.get("enforce_keys", ())),
            types=document.get("types", {}),
        )

    @property
    def by_name(self) -> dict[str, Field]:
        """The fields by name, in the order of definition."""
        return {each.name: each for each in self.fields}


@dataclass(frozen=True, slots=True)
class OptionRead:
    """A key that a stage reads: the default where it stands in the code, and whether the stage fails without the key."""

    default: str | None
    required: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage says of itself in `describe/1`, and what its code does with its options; None where nothing is known.

    `describe` is `ok` or the reason why there is no description. `unknown_keys` is `raise`, `ignored` or `unknown`;
    `takes` is `map`, `keyword` or None for either; `raises` are described keys for which the stage raises KeyError;
    `escapes` are places where the options as a whole are handed on, so that more keys may be read elsewhere.
    """

    describe: str | None = None
    name: str | None = None
    required: tuple[str, ...] | None = None
    optional: tuple[str, ...] | None = None
    types: Mapping[str, str] | None = None
    defaults: Mapping[str, str] | None = None
    options_struct: Struct | None = None
    options_read: Mapping[str, OptionRead] = field(default_factory=dict)
    unknown_keys: str | None = None
    raises: tuple[str, ...] | None = None
    takes: str | None = None
    escapes: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Document) -> Stage:
        """The stage that a part of a contract describes."""
        struct = document.get("options_struct")
        return cls(
            describe=document.get("describe"),
            name=document.get("name"),
            required=_names(document.get("required")),
            optional=_names(document.get("optional")),
            types=document.get("types"),
            defaults=document.get("defaults"),
            options_struct=Struct.read(struct) if struct else None,
            options_read={
                name: OptionRead(read["default"], read["required"])
                for name, read in document.get("options_read", {}).items()
            },
            unknown_keys=document.get("unknown_keys"),
            raises=_names(document.get("raises")),
            takes=document.get("takes"),
            escapes=tuple(document.get("escapes", ())),
        )

    @property
    def is_described(self) -> bool:
        """Whether `describe/1` answers, as far as the contract says."""
        return self.describe in (None, "ok")

    @property
    def struct(self) -> Struct:
        """The struct that the options go into; an empty one where there is none."""
        return self.options_struct or Struct()


@dataclass(frozen=True, slots=True)
class Callback:
    """A function that an implementation of a behaviour has to offer."""

    name: str
    arity: int
    optional: bool = False
    spec: str | None = None

    @property
    def label(self) -> str:
        """`name/arity`, as Elixir writes it."""
        return f"{self.name}/{self.arity}"


@dataclass(frozen=True, slots=True)
class Interface:
    """A port or a behaviour: the callbacks of its adapters; a port also names its behaviour and a default adapter."""

    callbacks: tuple[Callback, ...]
    behaviour: str | None = None
    default_adapter: str | None = None

    @classmethod
    def read(cls, document: Document) -> Interface:
        """The port or behaviour that a part of a contract describes."""
        callbacks = tuple(
            Callback(each["name"], each["arity"], bool(each.get("optional")), each.get("spec"))
            for each in document["callbacks"]
        )
        return cls(callbacks, document.get("behaviour"), document.get("default_adapter"))

    @property
    def by_function(self) -> dict[tuple[str, int], Callback]:
        """The callbacks by name and arity, in order."""
        return {(each.name, each.arity): each for each in self.callbacks}


@dataclass(frozen=True, slots=True)
class PythonObject:
    """A config class with its fields, or an entry point: its kind and parameters, or the source of a value."""

    members: tuple[Field, ...] = ()
    kind: str | None = None
    value: str | None = None

    @classmethod
    def read(cls, document: Document) -> PythonObject:
        """The class or entry point that a part of a contract describes."""
        members = document.get("fields", document.get("parameters", ()))
        return cls(_fields(members), document.get("kind"), document.get("value"))

    @property
    def by_name(self) -> dict[str, Field]:
        """The fields or parameters by name, in order."""
        return {each.name: each for each in self.members}


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _fields(documents: Sequence[Document]) -> tuple[Field, ...]:
    return tuple(
        Field(
            name=each["name"],
            default=each.get("default"),
            default_factory=each.get("default_factory"),
            required=bool(each.get("required")),
            munged=bool(each.get("munged")),
            type=each.get("type"),
        )
        for each in documents
    )


def one_line(text: str | None) -> str | None:
    """Source text on one line: releases of Elixir break the same type in different places."""
    if text is None:
        return None
    flat = re.sub(r"\s+", " ", text)
    return re.sub(r"(?<=[(\[{]) | (?=[)\]}])", "", flat)


def pairs(old: Mapping[str, _Fact], new: Mapping[str, _Fact]) -> Iterator[tuple[str, _Fact | None, _Fact | None]]:
    """Every key of either mapping, sorted, with the value in each (None where it has none)."""
    for key in sorted({*old, *new}):
        yield key, old.get(key), new.get(key)

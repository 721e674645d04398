"""The closed set of values that every target language can print.

A `Term` is None, bool, int, float, str or one of the classes below; nothing else reaches a printer. Terms are immutable
and hashable, and the order of fields and entries is the order in which they are printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name that is data: an atom in Elixir (`:linear`), text in Python and JSON (`"linear"`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """An Elixir module, without the `Elixir.` prefix: an alias in Elixir, text in Python, `"Elixir.A.B"` in JSON."""

    name: str


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment in UTC as ISO 8601 text that ends in Z: a `~U` sigil in Elixir, text in Python and JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A variable and the attributes read from it: `Name("training_config", ("model_ref", "id"))`.

    `variable` is a name in both languages; a printer may rename it (`training_config` is `training` in Python).
    """

    variable: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """`name`, or `default` where it is nil. `default` itself is never nil."""

    name: Name
    default: Term


@dataclass(frozen=True, slots=True)
class Get:
    """The entry `key` of the symbol-keyed map that `name` holds, or `default` where the map has no such key.

    A variable holds a map; a name with a path may hold nil, which counts as a map without keys.
    """

    name: Name
    key: str
    default: Term


@dataclass(frozen=True, slots=True)
class Record:
    """A value of an IR struct: `type` names its schema (`training_config`); a field left out has its default."""

    type: str
    fields: tuple[tuple[str, Term], ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map. With `symbols` its keys are atoms in Elixir (`%{a: 1}`), else text (`%{"a" => 1}`)."""

    entries: tuple[tuple[str, Term], ...]
    symbols: bool = True


@dataclass(frozen=True, slots=True)
class Keywords:
    """A keyword list in Elixir (`[a: 1]`), a dict in Python, an object in JSON; empty it is `[]` everywhere."""

    entries: tuple[tuple[str, Term], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list in every language."""

    items: tuple[Term, ...]


Term: TypeAlias = (
    "None | bool | int | float | str"
    " | Symbol | Module | Timestamp | Name | Or | Get | Record | Mapping | Keywords | Sequence"
)

"""The closed set of values that every target language can print.

A `Term` is None, bool, int, float, str or one of the classes below; nothing else reaches a printer. Terms are immutable
and hashable, and the order of fields and entries is the order in which they are printed.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, TypeVar

_T = TypeVar("_T")


def _term(cls: type[_T]) -> type[_T]:
    """A class of terms of which none equals a term of another class, though the fields of both be equal."""

    def equal(self: tuple[object, ...], other: object) -> bool:
        return other.__class__ is cls and tuple.__eq__(self, other)

    def unequal(self: tuple[object, ...], other: object) -> bool:
        return not equal(self, other)

    cls.__eq__ = equal  # type: ignore[method-assign,assignment]
    cls.__ne__ = unequal  # type: ignore[method-assign,assignment]
    return cls


@_term
class Symbol(NamedTuple):
    """A name that is data: an atom in Elixir (`:linear`), text in Python and JSON (`"linear"`)."""

    name: str


@_term
class Module(NamedTuple):
    """An Elixir module, without the `Elixir.` prefix: an alias in Elixir, text in Python, `"Elixir.A.B"` in JSON."""

    name: str


@_term
class Timestamp(NamedTuple):
    """A moment in UTC as ISO 8601 text that ends in Z: a `~U` sigil in Elixir, text in Python and JSON."""

    text: str


@_term
class Name(NamedTuple):
    """A variable and the attributes read from it: `Name("training_config", ("model_ref", "id"))`.

    `variable` is a name in both languages; a printer may rename it (`training_config` is `training` in Python).
    """

    variable: str
    path: tuple[str, ...] = ()


@_term
class Or(NamedTuple):
    """`name`, or `default` where it is nil. `default` itself is never nil."""

    name: Name
    default: Term


@_term
class Get(NamedTuple):
    """The entry `key` of the symbol-keyed map that `name` holds, or `default` where the map has no such key.

    A variable holds a map; a name with a path may hold nil, which counts as a map without keys.
    """

    name: Name
    key: str
    default: Term


@_term
class Record(NamedTuple):
    """A value of an IR struct: `type` names its schema (`training_config`); a field left out has its default."""

    type: str
    fields: tuple[tuple[str, Term], ...]


@_term
class Map(NamedTuple):
    """A map. With `symbols` its keys are atoms in Elixir (`%{a: 1}`), else text (`%{"a" => 1}`)."""

    entries: tuple[tuple[str, Term], ...]
    symbols: bool = True


@_term
class Keywords(NamedTuple):
    """A keyword list in Elixir (`[a: 1]`), a dict in Python, an object in JSON; empty it is `[]` everywhere."""

    entries: tuple[tuple[str, Term], ...]


@_term
class List(NamedTuple):
    """A list in every language."""

    items: tuple[Term, ...]


Term: TypeAlias = (
    "None | bool | int | float | str | Symbol | Module | Timestamp | Name | Or | Get | Record | Map | Keywords | List"
)

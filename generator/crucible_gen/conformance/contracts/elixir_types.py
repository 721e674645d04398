"""Parse Elixir types into terms, and compute which values a type allows.

`Allowed` is the common ground of Elixir types and JSON Schema, so that the one can be compared with the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from crucible_gen.conformance.contracts.elixir_values import as_json, parse_value

# Type terms -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AtomType:
    """One atom, such as `:linear`."""

    name: str


@dataclass(frozen=True, slots=True)
class IntegerType:
    """One integer or a range of integers, by its lower bound."""

    minimum: int


@dataclass(frozen=True, slots=True)
class ListType:
    """`[...]` or `list(...)` with the type of its items; `keywords` says that the items have keys (`[a: integer()]`)."""

    items: UnionType | None
    keywords: bool = False


@dataclass(frozen=True, slots=True)
class MapType:
    """`%{...}`."""


@dataclass(frozen=True, slots=True)
class StructType:
    """`%Module{...}`."""

    module: str


@dataclass(frozen=True, slots=True)
class TupleType:
    """`{...}`."""


@dataclass(frozen=True, slots=True)
class FunctionType:
    """`(... -> ...)`."""


@dataclass(frozen=True, slots=True)
class NamedType:
    """A type by name, such as `integer()`, `String.t()` or a local type; `arguments` is the text in parentheses.

    `arguments` is None where there are no parentheses, as in `nil`.
    """

    name: str
    arguments: str | None = None


@dataclass(frozen=True, slots=True)
class UnionType:
    """The alternatives of `a | b`; of any other type, the one that it is."""

    alternatives: tuple[TypeTerm, ...]


TypeTerm: TypeAlias = AtomType | IntegerType | ListType | MapType | StructType | TupleType | FunctionType | NamedType

_CALL = re.compile(r"([A-Za-z_][\w.]*?)\((.*)\)\Z", re.DOTALL)
_RANGE = re.compile(r"(-?\d+)(?:\.\.-?\d+)?\Z")
_KEYWORDS = re.compile(r"\[\s*\w+:")


def parse_type(text: str) -> UnionType:
    """The term of a type's source text; what cannot be read is a NamedType that no package knows."""
    return UnionType(tuple(_parse(part.strip()) for part in split(text, "|")))


def _parse(text: str) -> TypeTerm:
    """The term of a type without alternatives."""
    match text[:1]:
        case ":":
            return AtomType(str(as_json(parse_value(text))))
        case "[":
            items = text[1:-1]
            keywords = text == "[...]" or _KEYWORDS.match(text) is not None
            return ListType(parse_type(items) if items.strip() else None, keywords)
        case "%" if text.startswith("%{"):
            return MapType()
        case "%":
            return StructType(text[1 : text.index("{")])
        case "{":
            return TupleType()
        case "(" if "->" in text:
            return FunctionType()
    if bounds := _RANGE.match(text):
        return IntegerType(int(bounds[1]))
    call = _CALL.match(text)
    return NamedType(call[1], call[2].strip()) if call else NamedType(text)


def split(text: str, separator: str) -> Iterator[str]:
    """The parts of a type between the separators that stand in no brackets and in no string."""
    depth, start, quoted = 0, 0, False
    for index, char in enumerate(text):
        if quoted:
            quoted = char != '"' or text[index - 1] == "\\"
        elif char == '"':
            quoted = True
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == separator and depth == 0:
            yield text[start:index]
            start = index + 1
    yield text[start:]


# Allowed values -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowed:
    """The values that a type or a schema allows: their kinds (`null`, `integer`, `text`, `atom`, `any` ...).

    `atoms` are the only ones allowed, or None for any; `structs` are modules; `items` are the values in a list, None
    where nothing is known of them; `minimum` bounds integers.
    """

    kinds: frozenset[str]
    atoms: frozenset[str] | None = None
    structs: frozenset[str] = frozenset()
    items: Allowed | None = None
    minimum: float | None = None

    @property
    def without_null(self) -> Allowed:
        """The same values but null."""
        return Allowed(self.kinds - {"null"}, self.atoms, self.structs, self.items, self.minimum)

    @property
    def any_atom(self) -> bool:
        """Whether every atom is allowed."""
        return "atom" in self.kinds and self.atoms is None


def kinds(*names: str) -> Allowed:
    """All values of these kinds."""
    return Allowed(frozenset(names))


ANY = kinds("any")

_BUILT_IN: dict[str, Allowed] = {
    "nil": kinds("null"),
    "true": kinds("boolean"),
    "false": kinds("boolean"),
    "boolean": kinds("boolean"),
    "atom": kinds("atom", "module"),
    "module": kinds("module"),
    "String.t": kinds("text"),
    "binary": kinds("text"),
    "Path.t": kinds("text"),
    "bitstring": kinds("text"),
    "integer": kinds("integer"),
    "pos_integer": Allowed(frozenset({"integer"}), minimum=1),
    "non_neg_integer": Allowed(frozenset({"integer"}), minimum=0),
    "neg_integer": kinds("integer"),
    "byte": Allowed(frozenset({"integer"}), minimum=0),
    "char": Allowed(frozenset({"integer"}), minimum=0),
    "timeout": Allowed(frozenset({"integer", "atom"}), minimum=0),
    "float": kinds("float"),
    "number": kinds("integer", "float"),
    "map": kinds("map", "struct"),
    "struct": kinds("struct"),
    "keyword": kinds("keywords"),
    "Keyword.t": kinds("keywords"),
    "list": kinds("list", "keywords"),
    "tuple": kinds("tuple"),
    "DateTime.t": kinds("timestamp"),
    "function": kinds("function"),
    "fun": kinds("function"),
    "pid": kinds("live"),
    "reference": kinds("live"),
    "port": kinds("live"),
}
"""Types of Elixir itself by name."""


@dataclass(frozen=True, slots=True)
class TypeScope:
    """The local types of a module by name, with their source text; `t()` without one is the module's struct."""

    types: Mapping[str, str]
    module: str

    def allowed(self, text: str) -> Allowed:
        """The values that a type allows."""
        return self._union(parse_type(text), ())

    def _union(self, term: UnionType, open_types: tuple[str, ...]) -> Allowed:
        """The values of any alternative; `open_types` are the local types around this one."""
        parts = [self._allowed(alternative, open_types) for alternative in term.alternatives]
        minimums = [part.minimum for part in parts if "integer" in part.kinds]
        known = [minimum for minimum in minimums if minimum is not None]
        items = [part.items for part in parts if part.items is not None]
        return Allowed(
            kinds=_joined(part.kinds for part in parts),
            atoms=joined_atoms(parts),
            structs=_joined(part.structs for part in parts),
            items=_joined_items(items) if items else None,
            minimum=min(known) if known and len(known) == len(minimums) else None,
        )

    def _allowed(self, term: TypeTerm, open_types: tuple[str, ...]) -> Allowed:
        match term:
            case AtomType(name):
                return Allowed(frozenset({"atom"}), atoms=frozenset({name}))
            case IntegerType(minimum):
                return Allowed(frozenset({"integer"}), minimum=minimum)
            case ListType(items, keywords):
                inner = self._union(items, open_types) if items is not None else ANY
                return Allowed(frozenset({"list", "keywords"} if keywords else {"list"}), items=inner)
            case MapType():
                return kinds("map")
            case StructType(module):
                return Allowed(frozenset({"struct"}), structs=frozenset({module}))
            case TupleType():
                return kinds("tuple")
            case FunctionType():
                return kinds("function")
            case NamedType():
                return self._named(term, open_types)

    def _named(self, term: NamedType, open_types: tuple[str, ...]) -> Allowed:
        """The values of a named type: a local one, one of Elixir, a struct's `t()`; anything for an unknown one."""
        name, arguments = term.name, term.arguments
        if arguments == "" and name in self.types and name not in open_types:
            return self._union(parse_type(self.types[name]), (*open_types, name))
        if arguments and name in ("list", "nonempty_list"):
            return Allowed(frozenset({"list"}), items=self._union(parse_type(arguments), open_types))
        if name in _BUILT_IN:
            return _BUILT_IN[name]
        if name == "t":
            return Allowed(frozenset({"struct"}), structs=frozenset({self.module}))
        if name.endswith(".t") and arguments == "":
            return Allowed(frozenset({"struct"}), structs=frozenset({name.removesuffix(".t")}))
        return ANY


def joined_atoms(parts: Iterable[Allowed]) -> frozenset[str] | None:
    """The atoms that any of the parts allows; None for any atom, or where no atom is listed."""
    listed = list(parts)
    if any(part.any_atom for part in listed):
        return None
    return _joined(part.atoms or frozenset() for part in listed) or None


def _joined(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _joined_items(items: list[Allowed]) -> Allowed:
    """The items of several list types; of more than one, nothing is known of lists in them or of bounds."""
    if len(items) == 1:
        return items[0]
    return Allowed(_joined(item.kinds for item in items), joined_atoms(items), _joined(item.structs for item in items))

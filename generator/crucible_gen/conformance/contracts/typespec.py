"""Elixir source of a default or of a type in, what it means for JSON out.

A contract holds both as text, for that is what a person compares. `value` reads a literal; `union` reads a type as the
set of kinds that it allows, so that it can be held against what a schema allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = Any

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<atom>:"(?:[^"\\]|\\.)*"|:[A-Za-z_][A-Za-z0-9_@]*[?!]?)
    | (?P<quoted_key>"(?:[^"\\]|\\.)*":(?=\s))
    | (?P<key>[A-Za-z_][A-Za-z0-9_@]*[?!]?:(?=\s))
    | (?P<struct>%[A-Z][A-Za-z0-9_.]*\{)
    | (?P<map>%\{)
    | (?P<number>-?\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?)
    | (?P<word>[a-z_]+|[A-Z][A-Za-z0-9_.]*)
    | (?P<arrow>=>)
    | (?P<mark>[\[\]{},])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "e": "\x1b", "s": " "}


@dataclass(frozen=True, slots=True)
class Atom:
    """An atom or a module, which JSON writes as text."""

    name: str


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct literal with the fields that it names."""

    module: str
    fields: Mapping[str, Value] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that has no literal: a function, a process, a reference."""

    text: str


def value(text: str) -> Value:
    """The value of an Elixir literal: Atom, Struct, tuple, list, dict or a scalar of Python; Opaque for any other."""
    try:
        reader = _Reader(text)
        found = reader.value()
        return found if reader.at_end() else Opaque(text)
    except _UnreadableError:
        return Opaque(text)


def has_json(read: Value) -> bool:
    """Whether JSON can say a value: a function, a process or a reference it cannot, wherever in the value they are."""
    match read:
        case Struct(_, fields):
            return all(map(has_json, fields.values()))
        case dict():
            return all(map(has_json, (*read, *read.values())))
        case list() | tuple():
            return all(map(has_json, read))
    return not isinstance(read, Opaque)


def as_json(read: Value) -> Value:
    """What JSON writes for a value: atoms as text, structs as objects, tuples as lists."""
    match read:
        case Atom(name):
            return name
        case Struct(_, fields):
            return {key: as_json(item) for key, item in fields.items()}
        case dict():
            return {str(as_json(key)): as_json(item) for key, item in read.items()}
        case list() | tuple():
            return [as_json(item) for item in read]
    return read


class _UnreadableError(Exception):
    pass


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def at_end(self) -> bool:
        return not self.text[self.at :].strip()

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            raise _UnreadableError
        self.at = match.end()
        return match.lastgroup, match[match.lastgroup]

    def _peek(self) -> tuple[str, str]:
        at = self.at
        token = self._next()
        self.at = at
        return token

    def value(self) -> Value:
        kind, text = self._next()
        match kind:
            case "string":
                return _unescaped(text[1:-1])
            case "atom":
                return Atom(_unescaped(text[2:-1]) if text[1] == '"' else text[1:])
            case "number":
                digits = text.replace("_", "")
                return float(digits) if "." in digits or "e" in digits else int(digits)
            case "word":
                words: dict[str, Value] = {"nil": None, "true": True, "false": False}
                if text in words or text[0].isupper():
                    return words[text] if text in words else Atom(text)
            case "struct":
                return Struct(text[1:-1], {str(as_json(key)): item for key, item in self._pairs()})
            case "map":
                return dict(self._pairs())
            case "mark" if text in "[{":
                return self._items(text)
        raise _UnreadableError

    def _items(self, opener: str) -> Value:
        closer = "]" if opener == "[" else "}"
        items: list[Value] = []
        keywords = False
        while self._peek() != ("mark", closer):
            if self._peek()[0] in ("key", "quoted_key"):
                keywords = True
                items.append(self._pair())
            else:
                items.append(self.value())
            self._comma(closer)
        self._next()
        if keywords:
            return dict(items) if all(isinstance(item, tuple) and len(item) == 2 for item in items) else items
        return items if opener == "[" else tuple(items)

    def _pairs(self) -> list[tuple[Value, Value]]:
        found = []
        while self._peek() != ("mark", "}"):
            found.append(self._pair())
            self._comma("}")
        self._next()
        return found

    def _pair(self) -> tuple[Value, Value]:
        if self._peek()[0] in ("key", "quoted_key"):
            kind, text = self._next()
            key: Value = Atom(text[:-1] if kind == "key" else _unescaped(text[1:-2]))
        else:
            key = self.value()
            if self._next()[0] != "arrow":
                raise _UnreadableError
        return key, self.value()

    def _comma(self, closer: str) -> None:
        if self._peek() == ("mark", ","):
            self._next()
        elif self._peek() != ("mark", closer):
            raise _UnreadableError


_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)


def _unescaped(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _ESCAPES.get(match[4], match[4])

    return _ESCAPE.sub(replaced, text) if "\\" in text else text


# Types


@dataclass(frozen=True, slots=True)
class Union:
    """What a type allows: kinds (`null`, `integer`, `text`, `atom`, `any` ...), and more of some of them.

    `atoms` are the only ones that are allowed, or None for any; `structs` are modules; `minimum` bounds integers.
    """

    kinds: frozenset[str]
    atoms: frozenset[str] | None = None
    structs: frozenset[str] = frozenset()
    items: Union | None = None
    minimum: int | None = None


_NAMED: dict[str, tuple[str, ...]] = {
    "nil": ("null",),
    "true": ("boolean",),
    "false": ("boolean",),
    "boolean": ("boolean",),
    "atom": ("atom", "module"),
    "module": ("module",),
    "String.t": ("text",),
    "binary": ("text",),
    "Path.t": ("text",),
    "bitstring": ("text",),
    "integer": ("integer",),
    "pos_integer": ("integer",),
    "non_neg_integer": ("integer",),
    "neg_integer": ("integer",),
    "byte": ("integer",),
    "char": ("integer",),
    "timeout": ("integer", "atom"),
    "float": ("float",),
    "number": ("integer", "float"),
    "map": ("map", "struct"),
    "struct": ("struct",),
    "keyword": ("keywords",),
    "Keyword.t": ("keywords",),
    "list": ("list", "keywords"),
    "tuple": ("tuple",),
    "DateTime.t": ("timestamp",),
    "function": ("function",),
    "fun": ("function",),
    "pid": ("live",),
    "reference": ("live",),
    "port": ("live",),
}
_MINIMUM = {"pos_integer": 1, "non_neg_integer": 0, "byte": 0, "char": 0, "timeout": 0}
_CALL = re.compile(r"([A-Za-z_][\w.]*?)\((.*)\)\Z", re.DOTALL)
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)\Z")


def union(text: str, named: Mapping[str, str], module: str) -> Union:
    """What a type means; `named` are the local types of `module`, which `t()` is."""
    return _union(text, named, module, ())


def _union(text: str, named: Mapping[str, str], module: str, seen: tuple[str, ...]) -> Union:
    kinds: set[str] = set()
    atoms: set[str] = set()
    structs: set[str] = set()
    items: list[Union] = []
    minimum: list[int | None] = []
    for part in (alternative.strip() for alternative in split(text, "|")):
        call = _CALL.match(part)
        name = call[1] if call else part
        if part.startswith(":"):
            kinds.add("atom")
            atoms.add(str(as_json(value(part))))
        elif part.startswith("["):
            kinds |= {"list"} if not re.match(r"\[\s*\w+:", part) and part != "[...]" else {"list", "keywords"}
            items.append(_union(part[1:-1], named, module, seen) if part[1:-1].strip() else Union(frozenset({"any"})))
        elif part.startswith("%{"):
            kinds.add("map")
        elif part.startswith("%"):
            structs.add(part[1 : part.index("{")])
            kinds.add("struct")
        elif part.startswith("{"):
            kinds.add("tuple")
        elif part.startswith("("):
            kinds.add("function" if "->" in part else "any")
        elif match := _RANGE.match(part):
            kinds.add("integer")
            minimum.append(int(match[1]))
        elif re.match(r"-?\d+\Z", part):
            kinds.add("integer")
            minimum.append(int(part))
        elif call and not call[2].strip() and name in named and name not in seen:
            inner = _union(named[name], named, module, (*seen, name))
            kinds |= inner.kinds
            atoms |= inner.atoms or set()
            structs |= inner.structs
            items += [inner.items] if inner.items else []
            minimum.append(inner.minimum) if "integer" in inner.kinds else None
            if "atom" in inner.kinds and inner.atoms is None:
                atoms.add("*")
        elif name in ("list", "nonempty_list") and call and call[2].strip():
            kinds.add("list")
            items.append(_union(call[2], named, module, seen))
        elif name in ("keyword", "Keyword.t"):
            kinds.add("keywords")
        elif name in _NAMED:
            kinds |= set(_NAMED[name])
            if name in ("atom", "timeout"):
                atoms.add("*")
            if "integer" in _NAMED[name]:
                minimum.append(_MINIMUM.get(name))
        elif name == "t" or (name.endswith(".t") and call and not call[2].strip()):
            kinds.add("struct")
            structs.add(module if name == "t" else name.removesuffix(".t"))
        else:
            kinds.add("any")  # term(), any(), and what a package names elsewhere
    lowest = None if not minimum or None in minimum else min(bound for bound in minimum if bound is not None)
    closed = None if not atoms or "*" in atoms else frozenset(atoms)
    joined = _joined(items) if items else None
    return Union(frozenset(kinds), closed, frozenset(structs), joined, lowest)


def _joined(unions: list[Union]) -> Union:
    if len(unions) == 1:
        return unions[0]
    open_atoms = any("atom" in item.kinds and item.atoms is None for item in unions)
    atoms = frozenset[str]().union(*(item.atoms or () for item in unions))
    structs = frozenset[str]().union(*(item.structs for item in unions))
    kinds = frozenset[str]().union(*(item.kinds for item in unions))
    return Union(kinds, None if open_atoms or not atoms else atoms, structs)


def split(text: str, separator: str) -> list[str]:
    """The parts of a type between the separators that stand in no bracket and no text."""
    parts, depth, start, quoted = [], 0, 0, False
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
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]

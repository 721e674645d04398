"""Read Elixir literals, as contracts hold defaults, and convert them to JSON values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, Union

Value: TypeAlias = Union[
    None, bool, int, float, str, "Atom", "Struct", "Opaque", "list[Value]", "tuple[Value, ...]", "dict[Value, Value]"
]
"""An Elixir value: keyword lists and maps are dictionaries."""

Json: TypeAlias = Union[None, bool, int, float, str, "list[Json]", "dict[str, Json]"]

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
    """An atom or a module, which JSON writes as a string."""

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


def parse_value(text: str) -> Value:
    """The value of an Elixir literal; Opaque for any other source text."""
    try:
        reader = _Reader(text)
        value = reader.value()
        return value if reader.at_end() else Opaque(text)
    except _UnreadableError:
        return Opaque(text)


def has_json(value: Value) -> bool:
    """Whether JSON can express a value: it cannot where the value is or contains a function, process or reference."""
    match value:
        case Opaque():
            return False
        case Struct(_, fields):
            return all(map(has_json, fields.values()))
        case dict():
            return all(map(has_json, (*value, *value.values())))
        case list() | tuple():
            return all(map(has_json, value))
    return True


def as_json(value: Value) -> Json:
    """The JSON of a value: atoms become strings, structs objects, tuples arrays; of an Opaque its source text."""
    match value:
        case Atom(name):
            return name
        case Opaque(text):
            return text
        case Struct(_, fields):
            return {key: as_json(item) for key, item in fields.items()}
        case dict():
            return {str(as_json(key)): as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
    return value


class _UnreadableError(Exception):
    """The text is no literal."""


class _Reader:
    """A recursive-descent reader of one literal."""

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
            case "word" if text in _WORDS:
                return _WORDS[text]
            case "word" if text[0].isupper():
                return Atom(text)
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
        entries: list[tuple[Value, Value]] = []
        while self._peek() != ("mark", closer):
            if self._peek()[0] in ("key", "quoted_key"):
                entries.append(self._pair())
                items.append(entries[-1])
            else:
                items.append(self.value())
            self._comma(closer)
        self._next()
        if entries:
            return _keywords(items)
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


def _keywords(items: list[Value]) -> Value:
    """A list that ends in keywords as a dictionary; as it is where not every item is a pair."""
    entries: dict[Value, Value] = {}
    for item in items:
        match item:
            case (key, value) if isinstance(item, tuple):
                entries[key] = value
            case _:
                return items
    return entries


_WORDS: dict[str, Value] = {"nil": None, "true": True, "false": False}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)


def _unescaped(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _ESCAPES.get(match[4], match[4])

    return _ESCAPE.sub(replaced, text) if "\\" in text else text

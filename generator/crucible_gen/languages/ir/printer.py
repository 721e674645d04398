"""A resolved term to canonical JSON: byte for byte what Elixir's Jason writes, with sorted keys.

Terms must hold values only (no Name, Or, Get), and each Record every field of its schema: what is left out here is left
out of the JSON. A term object that occurs several times (the training configuration of an experiment) is printed once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.languages.source import KEPT, decimal, scientific

_ESCAPED: Final = re.compile(r'["\\\x00-\x1f]')
_ESCAPES: Final = {chr(code): f"\\u{code:04X}" for code in range(32)} | {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}
_LARGEST_WHOLE: Final = 2.0**53


def compact(term: Term) -> str:
    """A term to canonical JSON without spaces: what is hashed. Raises TypeError for a name, ValueError for NaN."""
    return _Printer("", ":").value(term, "")


def pretty(term: Term) -> str:
    """A term to canonical JSON indented by two, with a newline at the end: what is reviewed. Raises as `compact`."""
    return _Printer("\n", ": ").value(term, "\n") + "\n"


class _Printer:
    """Prints with one way to separate elements; remembers composite terms by identity and line start."""

    __slots__ = ("colon", "done", "newline")

    def __init__(self, newline: str, colon: str) -> None:
        self.newline = newline
        self.colon = colon
        self.done: dict[tuple[int, str], str] = {}

    def value(self, term: Term, start: str) -> str:
        """A term, on lines that begin with `start` (a newline and the indentation, or nothing)."""
        match term:
            case str():
                return string(term)
            case None:
                return "null"
            case True:
                return "true"
            case False:
                return "false"
            case int():
                return str(term)
            case float():
                return floating(term)
            case Symbol(name):
                return string(name)
            case Module(name):
                return string(f"Elixir.{name}")
            case Timestamp(text):
                return string(text)
            case Name() | Or() | Get():
                raise TypeError(f"{term} has no value before the program runs")
            case _:
                key = (id(term), start)
                if key not in self.done:
                    self.done[key] = self.composite(term, start)
                return self.done[key]

    def composite(self, term: Record | Map | Keywords | List, start: str) -> str:
        """A record, map or list."""
        inner = start + "  " if self.newline else ""
        if isinstance(term, List):
            if not term.items:
                return "[]"
            items = [self.value(item, inner) for item in term.items]
            return f"[{inner}{f',{inner}'.join(items)}{start}]"
        entries = term.fields if isinstance(term, Record) else term.entries
        if not entries:
            return "[]" if isinstance(term, Keywords) else "{}"
        by_key = dict(entries)
        items = [f"{string(key)}{self.colon}{self.value(by_key[key], inner)}" for key in sorted(by_key)]
        return f"{{{inner}{f',{inner}'.join(items)}{start}}}"


@lru_cache(KEPT)
def string(text: str) -> str:
    """Text to a JSON string; only quotes, backslashes and control characters are escaped."""
    if _ESCAPED.search(text):
        text = _ESCAPED.sub(lambda match: _ESCAPES[match[0]], text)
    return f'"{text}"'


def floating(value: float) -> str:
    """A float to what Erlang's `float_to_binary(F, [short])` gives: the shorter of the decimal and the exponent form.

    Raises ValueError for infinities and NaN.
    """
    if value == 0:
        return repr(value)
    sign, digits, point = decimal(value)
    length = len(digits)
    cost = len(str(point - 1)) + (3 if length == 1 else 2)
    if 0 < point < length:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if point == 0 or (point < 0 and 2 - point <= cost):
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= length and abs(value) < _LARGEST_WHOLE and point - length + 2 <= cost:
        return f"{sign}{digits}{'0' * (point - length)}.0"
    return sign + scientific(digits, point)

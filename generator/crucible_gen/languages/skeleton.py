"""The text of a simple template in, its lines and holes out; what jinja2 would give, without jinja2.

Simple is `{{ name }}`, `{% if name %}`, `{% else %}`, `{% endif %}` and comments: every shipped template is. Any other
is for jinja2, whose import costs more than ten recipes do; tests hold the two to the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Part: TypeAlias = "str | _Hole | _Choice"

_TOKEN = re.compile(r"({{ ?\w+ ?}}|{% ?(?:if \w+|else|endif) ?%}|{#(?:(?!{#).)*?#})", re.DOTALL)
_MARK = re.compile(r"{(?:[{%#]|\Z)")


class _Hole(str):
    """The name of a hole."""

    __slots__ = ()


class _Choice:
    """What stands there if the named hole has a true value, and if not."""

    __slots__ = ("no", "test", "yes")

    def __init__(self, test: str) -> None:
        self.test = test
        self.yes: list[Part] = []
        self.no: list[Part] = []


def parts(text: str) -> list[Part] | None:
    """The template's parts, or None for one that is not simple."""
    tokens = _TOKEN.split(text)
    if "\r" in text or any(_MARK.search(literal) for literal in tokens[::2]):
        return None
    root: list[Part] = []
    open_: list[tuple[_Choice, list[Part]]] = []
    into = root
    for number, token in enumerate(tokens):
        if number % 2 == 0:
            into.append(_trimmed(tokens, number))
        elif token.startswith("{{"):
            into.append(_Hole(token[2:-2].strip()))
        elif token.startswith("{%"):
            word, _, name = token[2:-2].strip().partition(" ")
            if word == "if":
                choice = _Choice(name)
                into.append(choice)
                open_.append((choice, into))
                into = choice.yes
            elif not open_ or (word == "else" and into is open_[-1][0].no):
                return None
            elif word == "else":
                into = open_[-1][0].no
            else:
                into = open_.pop()[1]
    return None if open_ else root


def fill(parts: list[Part], holes: Mapping[str, object]) -> str:
    """The parts with their holes filled. Raises KeyError for a hole that is not given."""
    pieces: list[str] = []
    _fill(parts, holes, pieces)
    return "".join(pieces)


def _fill(parts: list[Part], holes: Mapping[str, object], pieces: list[str]) -> None:
    for part in parts:
        if isinstance(part, _Choice):
            _fill(part.yes if holes[part.test] else part.no, holes, pieces)
        else:
            pieces.append(str(holes[part]) if isinstance(part, _Hole) else part)


def _trimmed(tokens: list[str], number: int) -> str:
    """A literal without the rest of the line behind a block or comment, and without the indentation before one."""
    literal = tokens[number]
    starts_line = number == 0
    if number and tokens[number - 1][1] in "%#" and literal.startswith("\n"):
        literal, starts_line = literal[1:], True
    if number + 1 < len(tokens) and tokens[number + 1][1] in "%#":
        line = literal.rfind("\n") + 1
        if (line or starts_line) and not literal[line:].strip(" \t"):
            literal = literal[:line]
    return literal


def names(parts: list[Part]) -> Iterator[str]:
    """The names that the parts ask for."""
    for part in parts:
        if isinstance(part, _Hole):
            yield str(part)
        elif isinstance(part, _Choice):
            yield part.test
            yield from names(part.yes)
            yield from names(part.no)

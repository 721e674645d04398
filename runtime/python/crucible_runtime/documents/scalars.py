# A copy of generator/crucible_gen/documents/scalars.py, made by `make structs`: change that file, not this one.
"""The text of a scalar to its value: the core schema of YAML 1.2, and the numbers that JSON shares with it.

Values are kept only if both target languages and JSON hold them exactly: integers of 64 bits with a sign, and finite
floats. The surprising rule: `0123` is the decimal integer 123; an octal number is written `0o123`.
"""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

Scalar: TypeAlias = bool | int | float | str | None

MAX_DEPTH = 100
"""Deeper nesting is refused by every reader, so that whoever walks a Node may recurse."""

_WORDS: dict[str, bool | None] = {
    "": None,
    **dict.fromkeys(("~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Almost every plain scalar is a word: one look at its first character spares it the patterns.
_BEGINS_NON_TEXT = frozenset("~nNtTfF+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+").fullmatch
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)").fullmatch
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?").fullmatch
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)").fullmatch
_TAGS = "tag:yaml.org,2002:"
MAX_QUOTED = 80
"""A value of more characters is not repeated in a hint."""
SCALAR_TAGS = tuple(_TAGS + name for name in ("str", "int", "float", "bool", "null"))
_MAX_DIGITS = 64  # in any base: no 64-bit number is longer, and Python refuses to convert thousands of digits


class Refused(NamedTuple):
    """Why a text is no value that can be kept: what a Problem needs, but for the place."""

    code: str
    message: str
    hint: str


def plain_scalar(text: str) -> Scalar | Refused:
    """An unquoted YAML scalar without a tag to its value, or Refused: a number that does not fit."""
    if text and text[0] not in _BEGINS_NON_TEXT:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER(text):
        return integer(text)
    if _FLOAT(text):
        return floating(text)
    if _BASED(text):
        return integer(text, 0)
    if _NOT_FINITE(text):
        return not_finite(text)
    return text


def tagged_scalar(tag: str, text: str) -> Scalar | Refused:
    """A YAML scalar with one of SCALAR_TAGS to its value, or Refused: it is none of this kind, or does not fit."""
    kind = tag.removeprefix(_TAGS)
    if kind == "str":
        return text
    value = plain_scalar(text)
    if kind == "float" and type(value) is int:
        return floating(text) if _INTEGER(text) else float(value)
    expected = {"int": int, "float": float, "bool": bool, "null": type(None)}[kind]
    if type(value) is not expected and not isinstance(value, Refused):
        return Refused("E0117", f"expected a value for the tag !!{kind}, found `{shorten(text)}`", "remove the tag")
    return value


def integer(text: str, base: int = 10) -> int | Refused:
    """Digits with or without a sign to the integer, or Refused: it does not fit 64 bits. Base 0 reads the prefix."""
    if len(text) > _MAX_DIGITS:
        sign = text[0] if text[0] in "+-" else ""
        prefix = text[:2] if base == 0 else ""
        text = sign + prefix + (text[len(sign) + len(prefix) :].lstrip("0") or "0")
    if len(text) <= _MAX_DIGITS + 3:
        value = int(text, base)
        if -(2**63) <= value < 2**63:
            return value
    return Refused("E0114", f"the integer {shorten(text)} does not fit 64 bits", "quote it if it is text")


def floating(text: str) -> float | Refused:
    """A decimal number to the float next to it, or Refused: it is beyond the largest float."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return Refused("E0115", f"the number {shorten(text)} is too large for a float", "quote it if it is text")
    return value


def not_finite(text: str) -> Refused:
    """The refusal of an infinity or of not-a-number, written as `text`."""
    return Refused("E0115", f"expected a finite number, found {text}: JSON has no such value", "use a finite number")


def shorten(text: str, width: int = 40) -> str:
    """`text` on one line, cut to about `width` characters, for a message."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 3] + "..."


def quoted(value: str) -> str:
    """`value` as YAML and JSON write it in double quotes, whatever is in it."""
    import json

    return json.dumps(value, ensure_ascii=False)


def quoting(what: str, value: str) -> str:
    """A hint to quote a value that stands on one line: as it is to be written, or how to where that would be long."""
    if len(value) <= MAX_QUOTED:
        return f"quote {what}: {quoted(value)}"
    return f"quote {what}: put it between single quotes, and write each ' in it twice"

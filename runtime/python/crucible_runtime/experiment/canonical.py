"""The canonical JSON text of a value: the same bytes as Jason writes in Elixir for sorted keys.

IR dataclasses give every field, null ones too; keys are sorted by code point; the name of an Elixir module gets its
`Elixir.` back; floats are written as Erlang writes them. What JSON cannot hold raises CanonicalError with its path: a
live value must not slip into a hash.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import PurePath
from typing import Any, TypeAlias

from crucible_runtime.errors import CanonicalError
from crucible_runtime.ir import MODULE_FIELDS, STRUCTS, Module

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = "\n"


def canonical(value: Any) -> str:
    """The compact text, the one that is hashed; raises CanonicalError."""
    return "".join(_written(plain(value), None))


def pretty(value: Any) -> str:
    """The same for a reader: indented by two, with a newline at the end; raises CanonicalError."""
    return "".join(_written(plain(value), _NEWLINE)) + _NEWLINE


def config_hash(training_config: Any) -> str:
    """The key under which CrucibleModelRegistry knows a training configuration: SHA-256 of its compact text, in hex."""
    import hashlib

    return hashlib.sha256(canonical(training_config).encode()).hexdigest()


def plain(value: Any, path: str = "") -> Json:
    """The value as JSON's own types, every field there and every key in order; raises CanonicalError."""
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case float():
            raise CanonicalError(f"{path or 'value'}: {value} is no number in JSON")
        case str() if _SURROGATE.search(value):
            raise CanonicalError(f"{path or 'value'}: {value!r} is no Unicode text")
        case Module():
            return f"Elixir.{value}"
        case str():
            return value
        case PurePath():
            return plain(str(value), path)
        case Mapping():
            return _object(value.items(), path, frozenset())
        case list() | tuple():
            return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    name = type(value).__name__
    if (struct := STRUCTS.get(name)) is type(value) and struct is not None:
        entries = ((field.name, getattr(value, field.name)) for field in fields(struct))
        return _object(entries, path, MODULE_FIELDS.get(name, frozenset()))
    raise CanonicalError(f"{path or 'value'}: {name} is a live value, and JSON cannot hold it")


def _object(entries: Iterable[tuple[Any, Any]], path: str, modules: frozenset[str]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for key, value in entries:
        below = f"{path}.{key}" if path else str(key)
        if not isinstance(key, str):
            raise CanonicalError(f"{below}: the key is of type {type(key).__name__}, and JSON has text keys only")
        plain(key, below)
        result[key] = plain(Module(value) if key in modules and isinstance(value, str) else value, below)
    return dict(sorted(result.items()))


def _written(value: Json, margin: str | None) -> Iterator[str]:
    """The pieces of the text; `margin` is the newline and indentation before the closing bracket, None for compact."""
    inner = None if margin is None else margin + "  "
    if isinstance(value, dict) and value:
        opening, colon = "{", ":" if margin is None else ": "
        for key, item in value.items():
            yield f"{opening}{inner or ''}{_text(key)}{colon}"
            yield from _written(item, inner)
            opening = ","
        yield f"{margin or ''}}}"
    elif isinstance(value, list) and value:
        opening = "["
        for item in value:
            yield f"{opening}{inner or ''}"
            yield from _written(item, inner)
            opening = ","
        yield f"{margin or ''}]"
    else:
        yield _scalar(value)


def _scalar(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return int.__repr__(value)
        case float():
            return _float(value)
        case str():
            return _text(value)
        case list():
            return "[]"
        case dict():
            return "{}"


def _text(text: str) -> str:
    """Only what JSON must escape is escaped, with upper-case digits; all else stays as it is."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04X}"


def _float(value: float) -> str:
    """The shortest digits that read back as `value`, in the shorter of Erlang's two notations.

    The digits are `0.DIGITS x 10^point`. A point among the digits is always written out; else the exponent form is
    taken where it is shorter, and for whole numbers from 2^53 on, which Erlang never writes out.
    """
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    mantissa, _, exponent = float.__repr__(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0.0"
    count = len(digits)
    if 0 < point < count:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    cost = len(str(point - 1)) + 1 + (2 if count == 1 else 1)
    if point == 0 or (point < 0 and 2 - point <= cost):
        return f"{sign}0.{'0' * -point}{digits}"
    if point > 0 and abs(value) < 2**53 and point - count + 2 <= cost:
        return f"{sign}{digits}{'0' * (point - count)}.0"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}e{point - 1}"

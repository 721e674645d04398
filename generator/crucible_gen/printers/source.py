"""What the printers of source text share: numbers, and the characters that must not stand in source as they are."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

INVISIBLE: Final = (
    "\x00-\x1f\x7f-\xa0\xad"  # controls, no-break space, soft hyphen
    "\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180b-\u180f"  # joiners, signs before numbers, selectors
    "\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U0001193f\U00011941\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02"
    "\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff"  # parts of Hangul syllables
    "\u1680\u17b4\u17b5\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\uffa0"  # spaces, fillers, bidi
    "\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff0-\ufffb\ufffe\uffff"  # private use, selectors, byte order marks
    "\U0001107f\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
)
"""The inside of a class of a regular expression: characters that no reader sees, that change the direction of text, or
that join their neighbours by rules of which only large tables can tell. The list is fixed: all machines print alike.
"""

KEPT: Final = 4096
"""How many results the printers keep of what recipes say again and again: names, short texts, descriptions."""

_JOINED: Final = frozenset("\u0e33\u0eb3\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
"""Characters that join the one before them although they are no marks: vowels, voicing signs, skin tones."""


class Special:
    """What a text cannot hold as it is: characters that no reader sees, and marks of the language.

    A pattern of all invisible characters takes a millisecond to compile, so it is made for the first text that is not
    ASCII, which almost every text is.
    """

    __slots__ = ("_all", "_ascii", "_pattern")

    def __init__(self, *marks: str) -> None:
        """Takes the patterns of the marks."""
        self._ascii = re.compile("|".join([r"[\x00-\x1f\x7f]", *marks]))
        self._pattern = "|".join([f"[{INVISIBLE}]", *marks])
        self._all: re.Pattern[str] | None = None

    def of(self, text: str) -> re.Pattern[str]:
        """The pattern to look with through this text."""
        if text.isascii():
            return self._ascii
        if self._all is None:
            self._all = re.compile(self._pattern)
        return self._all


_INVISIBLE: Final = Special()


def joins(character: str) -> bool:
    """Whether a character is drawn onto the one before it, or into it."""
    return unicodedata.category(character)[0] == "M" or character in _JOINED


def escape(text: str, special: Special, spell: Callable[[str], str]) -> str:
    """Text to the inside of a literal: spelled out are what `special` matches and what would join the opening quote."""
    pattern = special.of(text)
    inside = pattern.sub(lambda match: spell(match[0]), text) if pattern.search(text) else text
    if not inside.isascii() and joins(inside[0]):
        inside = spell(inside[0]) + inside[1:]
    return inside


@lru_cache(KEPT)
def wrapped(text: str, width: int, indent: str = "") -> tuple[str, ...]:
    """Text to lines of at most this width, where words allow it; all but the first begin with the indentation."""
    import textwrap

    return tuple(textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def lines(text: str) -> list[str]:
    """Text to its lines, without the whitespace at their ends and without empty lines around them."""
    found = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while found and not found[0]:
        del found[0]
    while found and not found[-1]:
        del found[-1]
    return found


def comment(text: str, spell: Callable[[str], str]) -> str:
    """Text to one line that can stand in a comment: invisible characters are spelled out, line ends become spaces."""
    line = " ".join(line.strip() for line in lines(text) if line)
    return _INVISIBLE.of(line).sub(lambda match: spell(match[0]), line)


def integer(value: int) -> str:
    """An integer to text, in groups of three digits where it has six or more: `32768`, `1_000_000`."""
    return f"{value:_}" if abs(value) >= 100_000 else str(value)


def floating(value: float) -> str:
    """A float to the shortest text that is read back as the same value, a literal of both languages: `0.95`, `2.0e-4`.

    Raises ValueError for infinities and NaN, which no literal and no JSON can say.
    """
    if value == 0:
        return repr(value)
    sign, digits, point = decimal(value)
    if not -2 <= point <= 6:
        return f"{sign}{scientific(digits, point)}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    whole = integer(int(digits[:point].ljust(point, "0")))
    return f"{sign}{whole}.{digits[point:] or '0'}"


@lru_cache(KEPT)
def decimal(value: float) -> tuple[str, str, int]:
    """A finite float other than zero to sign, shortest digits S and exponent P, so that it is 0.S times ten to the P.

    Raises ValueError for infinities and NaN.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number that can be written down")
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    return ("-" if value < 0 else ""), digits.rstrip("0"), point


def scientific(digits: str, point: int) -> str:
    """Digits and exponent to `d.ddde-n`, with at least one digit behind the point."""
    return f"{digits[0]}.{digits[1:] or '0'}e{point - 1}"

"""What the printers of source text share: numbers, and the characters that must not stand in source as they are."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
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
    # Marks of Unicode 15 to 18, which an Elixir or a Python may know of or not, and what joins as they do.
    "\u05c8-\u05c9\u0897\u0b53-\u0b54\u0cf3\u0ece\u1acf-\u1af0\U00010d69-\U00010d6d\U00010ecb-\U00010ecf"
    "\U00010ef0-\U00010eff\U00011241\U000113b8-\U000113d2\U000113e1-\U000113e2\U00011b60-\U00011b67\U00011df0"
    "\U00011f00-\U00011f03\U00011f34-\U00011f42\U00011f5a\U0001611e-\U0001612f\U00016d63\U00016d67-\U00016d6a"
    "\U0001d127-\U0001d128\U0001d250-\U0001d252\U0001d25b-\U0001d25c\U0001d25f\U0001d280-\U0001d281\U0001e08f"
    "\U0001e4ec-\U0001e4ef\U0001e5ee-\U0001e5ef\U0001e6e3\U0001e6e6\U0001e6ee-\U0001e6ef\U0001e6f5"
)
"""The inside of a class of a regular expression: characters that no reader sees, that change the direction of text, or
that join their neighbours by rules of which only large tables can tell. The list is fixed: all machines print alike.
"""

KEPT: Final = 4096
"""How many results the printers keep of what recipes say again and again: names, short texts, descriptions."""


class Characters:
    """Many characters, in runs: where each begins and ends (first, behind the last, first, ...), in hexadecimal."""

    __slots__ = ("_ends",)

    def __init__(self, runs: str) -> None:
        """Takes the runs in order."""
        self._ends = [int(code, 16) for code in runs.split()]

    def __contains__(self, character: str) -> bool:
        """Whether a character lies in a run."""
        return bool(bisect_right(self._ends, ord(character)) & 1)


_JOINING: Final = Characters("""
    300 370 483 48A 591 5BE 5BF 5C0 5C1 5C3 5C4 5C6 5C7 5C8 610 61B 64B 660 670 671 6D6 6DD 6DF 6E5 6E7 6E9 6EA
    6EE 711 712 730 74B 7A6 7B1 7EB 7F4 7FD 7FE 816 81A 81B 824 825 828 829 82E 859 85C 898 8A0 8CA 904 93A 93D
    93E 950 951 958 962 964 981 984 9BC 9BD 9BE 9CE 9D7 9D8 9E2 9E4 9FE A04 A3C A52 A70 A72 A75 A76 A81 A84 ABC
    ABD ABE ACE AE2 AE4 AFA B04 B3C B3D B3E B58 B62 B64 B82 B83 BBE BCE BD7 BD8 C00 C05 C3C C3D C3E C57 C62 C64
    C81 C84 CBC CBD CBE CD7 CE2 CE4 D00 D04 D3B D3D D3E D4E D57 D58 D62 D64 D81 D84 DCA DE0 DF2 DF4 E31 E32 E33
    E3B E47 E4F EB1 EB2 EB3 EBD EC8 ECE F18 F1A F35 F36 F37 F38 F39 F3A F3E F40 F71 F85 F86 F88 F8D FBD FC6 FC7
    102B 103F 1056 105A 105E 1061 1062 1065 1067 106E 1071 1075 1082 108E 108F 1090 109A 109E 135D 1360 1712 1716
    1732 1735 1752 1754 1772 1774 17B6 17D4 17DD 17DE 1885 1887 18A9 18AA 1920 193C 1A17 1A1C 1A55 1A80 1AB0 1B05
    1B34 1B45 1B6B 1B74 1B80 1B83 1BA1 1BAE 1BE6 1BF4 1C24 1C38 1CD0 1CD3 1CD4 1CE9 1CED 1CEE 1CF4 1CF5 1CF7 1CFA
    1DC0 1E00 20D0 20F1 2CEF 2CF2 2D7F 2D80 2DE0 2E00 302A 3030 3099 309B A66F A673 A674 A67E A69E A6A0 A6F0 A6F2
    A802 A803 A806 A807 A80B A80C A823 A828 A82C A82D A880 A882 A8B4 A8C6 A8E0 A8F2 A8FF A900 A926 A92E A947 A954
    A980 A984 A9B3 A9C1 A9E5 A9E6 AA29 AA37 AA43 AA44 AA4C AA4E AA7B AA7E AAB0 AAB1 AAB2 AAB5 AAB7 AAB9 AABE AAC0
    AAC1 AAC2 AAEB AAF0 AAF5 AAF7 ABE3 ABEB ABEC ABEE FB1E FB1F FE20 FE30 FF9E FFA0 101FD 101FE 102E0 102E1 10376
    1037B 10A01 10A10 10A38 10A40 10AE5 10AE7 10D24 10D28 10EAB 10EAD 10F46 10F51 10F82 10F86 11000 11003 11038
    11047 11070 11071 11073 11075 11080 11083 110B0 110BB 110C2 110C3 11100 11103 11127 11135 11145 11147 11173
    11174 11180 11183 111B3 111C1 111C9 111CD 111CE 111D0 1122C 11238 1123E 1123F 112DF 112EB 11300 11304 1133B
    1133D 1133E 1134E 11357 11358 11362 11375 11435 11447 1145E 1145F 114B0 114C4 115AF 115C1 115DC 115DE 11630
    11641 116AB 116B8 1171D 1172C 1182C 1183B 11930 11944 119D1 119E1 119E4 119E5 11A01 11A0B 11A33 11A3F 11A47
    11A48 11A51 11A5C 11A8A 11A9A 11C2F 11C40 11C92 11CB7 11D31 11D48 11D8A 11D98 11EF3 11EF7 16AF0 16AF5 16B30
    16B37 16F4F 16F50 16F51 16F93 16FE4 16FF2 1BC9D 1BC9F 1CF00 1CF47 1D165 1D16A 1D16D 1D183 1D185 1D18C 1D1AA
    1D1AE 1D242 1D245 1DA00 1DA37 1DA3B 1DA6D 1DA75 1DA76 1DA84 1DA85 1DA9B 1DAB0 1E000 1E02B 1E130 1E137 1E2AE
    1E2AF 1E2EC 1E2F0 1E8D0 1E8D7 1E944 1E94B 1F3FB 1F400
""")
"""Those that join the one before them: marks, vowels, voicing signs, skin tones. It is what Unicode 14 says of those
that `INVISIBLE` does not hold.
"""


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
    return character in _JOINING


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


GROUPED: Final = 100_000
"""The least number whose digits stand in groups of three, where a language has no other."""


def integer(value: int, grouped: int = GROUPED) -> str:
    """An integer to text, in groups of three digits from `grouped` on: `32768`, `1_000_000`."""
    return f"{value:_}" if abs(value) >= grouped else str(value)


def floating(value: float, grouped: int = GROUPED) -> str:
    """A float to the shortest text that is read back as the same value, a literal of both languages: `0.95`, `2.0e-4`.

    `grouped` is as in `integer`. Raises ValueError for infinities and NaN, which no literal and no JSON can say.
    """
    if value == 0:
        return repr(value)
    sign, digits, point = decimal(value)
    if not -2 <= point <= 6:
        return f"{sign}{scientific(digits, point)}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    whole = integer(int(digits[:point].ljust(point, "0")), grouped)
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

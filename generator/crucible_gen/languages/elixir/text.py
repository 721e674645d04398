"""Text in Elixir source: escapes, how wide it is, and heredocs."""

from __future__ import annotations

import re
from typing import Final

from crucible_gen.languages import source
from crucible_gen.languages.layout import Node, Page

LINE: Final = 98
STEP: Final = 2

WIDEST: Final = 120
"""The column that lines of a text may end at, which reads better as its author broke it; Credo allows no more."""

SHORT: Final = 40
"""The length up to which text in a container stays on one line, whatever is in it."""

_MARK = '"""'
_WIDER_THAN_ALL: Final = 1 << 20
_LINES = re.compile(r"\S *\n+ *\S")
"""A line end between two lines that say something."""
_WORDS = re.compile(r"\S+(?: \S+)+")
"""Words with one space between them, which can be put on several lines."""

SPECIAL = source.Special(r"\\", '"', r"#(?=\{)")
SPECIAL_IN_DOC = source.Special(r"\\", r"#(?=\{)", '"{3,}')
_SPELLED = {
    "#": "\\#",
    "\\": "\\\\",
    "\0": "\\0",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}

_APART = re.compile(
    "[\u102b\u102c\u1038\u1062-\u1064\u1067-\u106d\u1083\u1087-\u108c\u108f\u109a-\u109c\u1a61\u1a63\u1a64\uaa7b\uaa7d"
    "\U00011720\U00011721]"
)
"""Marks that count as a grapheme of their own."""


class Heredoc(Node):
    """Text on lines of its own, between marks. A backslash at the end of a line says that it goes on without a newline."""

    __slots__ = ("lines", "widest")

    def __init__(self, text: str, widest: int = LINE) -> None:
        """`widest` is the column that lines of words end at."""
        self.lines = text.split("\n")
        self.widest = widest
        self.width = _WIDER_THAN_ALL

    @property
    def head(self) -> int:
        """The opening mark."""
        return len(_MARK)

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints the marks and the lines as deep as the line that the heredoc starts on."""
        page.pieces.append(_MARK)
        ended = self.lines[-1] == ""
        for number, line in enumerate(self.lines[:-1] if ended else self.lines):
            goes_on = "" if ended or number < len(self.lines) - 1 else "\\"
            for part in _parts(line, self.widest - indent - len(" \\"), goes_on):
                page.pieces.append("\n")
                if part:
                    page.pieces.append(" " * indent + part)
        page.line(indent)
        page.pieces.append(_MARK)


def has_lines(text: str) -> bool:
    """Whether a text in a container reads better on lines: it has several that say something, or is longer than a line."""
    if len(text) <= SHORT:
        return False
    return bool(_LINES.search(text)) or (len(text) > LINE and bool(_WORDS.fullmatch(text)))


def _parts(line: str, width: int, goes_on: str) -> list[str]:
    """A line of text to lines of a heredoc: several where it is longer than `width` and has nothing but words."""
    if not _WORDS.fullmatch(line) or len(line) <= width:
        spaces = len(line) - len(line.rstrip(" "))
        inside = line[: len(line) - spaces]
        escaped = source.escape(inside, SPECIAL_IN_DOC, spell) if inside else ""
        # An editor may take spaces at the end of a line away, and the formatter those of an empty one.
        return [escaped + (" " * (spaces - 1) + "\\s" if spaces else "") + goes_on]
    parts = [source.escape(part, SPECIAL_IN_DOC, spell) for part in source.wrapped(line, width)]
    return [*(f"{part} \\" for part in parts[:-1]), parts[-1] + goes_on]


def graphemes(text: str) -> int:
    """How many graphemes text has: what `String.length/1` counts and the formatter measures.

    It needs no rule for joiners, selectors and parts of Hangul syllables: `source.INVISIBLE` lets none of them through.
    """
    count = 0
    half_flag = False
    for character in text:
        if "\U0001f1e6" <= character <= "\U0001f1ff":
            half_flag = not half_flag
            count += half_flag
        elif character < "\u0300" or _APART.match(character) or not source.joins(character):
            half_flag = False
            count += 1
        else:
            half_flag = False
    return count


def spell(found: str) -> str:
    """Characters that cannot stand in source to their escape."""
    if found[0] == '"':
        return '\\"' * len(found)
    return _SPELLED.get(found) or code(found)


def spell_in_name(found: str) -> str:
    """The same in a name: the formatter of Elixir 1.14 takes the backslash away from a quote in a key."""
    return code(found) if found == '"' else spell(found)


def code(character: str) -> str:
    """A character to its escape by number."""
    point = ord(character)
    return f"\\u{point:04X}" if point <= 0xFFFF else f"\\u{{{point:X}}}"

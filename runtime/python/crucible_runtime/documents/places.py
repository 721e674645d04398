# A copy of generator/crucible_gen/documents/places.py, made by `make structs`: change that file, not this one.
"""Offsets into a text to places: lines end in LF, CR or CRLF, columns count characters, both begin at 1."""

from __future__ import annotations

import re

from crucible_runtime.documents.diagnostics import Place

_REST_OF_LINE = re.compile(r"[^\r\n]*").match


def place_at(text: str, offset: int, file: str, width: int = 1) -> Place:
    """The place of `text[offset]`. It reads all that stands before: for the one error that ends a step, not for values.

    An offset past the end is the place just after the last character.
    """
    offset = min(offset, len(text))
    line, column = moved(1, 1, text[:offset])
    return Place(file, line, column, max(width, 1))


def moved(line: int, column: int, passed: str) -> tuple[int, int]:
    """The line and column after passing over the text `passed`."""
    breaks = passed.count("\n") + passed.count("\r") - passed.count("\r\n")
    if not breaks:
        return line, column + len(passed)
    return line + breaks, len(passed) - max(passed.rfind("\n"), passed.rfind("\r"))


def line_from(text: str, offset: int) -> str:
    """What stands in `text` from `offset` to the end of that line, without trailing blanks."""
    found = _REST_OF_LINE(text, offset)
    return found.group().rstrip(" \t") if found else ""


def line_before(text: str, offset: int) -> str:
    """What stands in `text` from the beginning of the line to `offset`."""
    return text[max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1 : offset]

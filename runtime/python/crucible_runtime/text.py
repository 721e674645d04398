"""Text as a terminal shows it."""

from __future__ import annotations


def one_line(text: str) -> str:
    """`text` with every run of white space as one space."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """`text` with everything but newlines that a terminal would not show as itself escaped."""
    shown = (c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return text if text.isprintable() else "".join(shown)

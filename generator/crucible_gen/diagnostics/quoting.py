"""How text of a recipe, a file name or a program is written where it is printed: a function for each place.

No other module writes to the standard streams or into workflow commands: `tests/unit/test_quoting.py` reads the sources.
Text in generated source is printed by its language, see `languages`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Cs")
"""The categories of characters that hide themselves, or change what a terminal shows around them."""
_LINE_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
"""A line that a workflow runner would obey: it skips white space before the two colons."""
_INNER_COMMAND = re.compile(r"#(?=#\[)")
"""The older form of such a command, which is obeyed anywhere on a line."""


class Escaped(str):
    """Text that may be printed as it is: its values were written by functions of this module."""

    __slots__ = ()


def line(text: str) -> str:
    """`text` on one line, for people: what hides itself or moves others is spelled out; tabs stay."""
    if not (text.isascii() and text.isprintable()):
        hides = [char != "\t" and unicodedata.category(char) in INVISIBLE for char in text]
        text = "".join(_spelled(char) if hidden else char for char, hidden in zip(text, hides, strict=True))
    return _without_commands(text)


def printable(text: str) -> str:
    """As `line`, of several lines; none of them is a command for a workflow runner."""
    if isinstance(text, Escaped):
        return text
    return _without_commands(text) if text.isprintable() else "\n".join(map(line, text.split("\n")))


def json_text(text: str) -> Escaped:
    """JSON as it may be printed: the same value, with escapes for what a terminal or a runner would obey."""
    if not text.isprintable():
        text = "".join(
            _in_json(char) if char != "\n" and unicodedata.category(char) in INVISIBLE else char for char in text
        )
    return Escaped(text.replace("##[", "\\u0023#["))


def workflow_data(text: str) -> str:
    """The message of a workflow command."""
    shown = "\n".join(map(line, text.replace("\r\n", "\n").split("\n")))
    return shown.replace("%", "%25").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """A property of a workflow command, such as a file."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def shell(words: Iterable[str]) -> str:
    """A command as a person copies it into a shell, on one line."""
    import shlex

    return line(shlex.join(words))


def watched(stream: Any) -> bool:
    """Whether somebody obeys what a stream gets: a terminal, or the runner of a workflow."""
    return bool(stream.isatty()) or any(os.environ.get(name) for name in ("CI", "GITHUB_ACTIONS"))


def _without_commands(text: str) -> str:
    if "::" not in text and "##[" not in text:
        return text
    return _INNER_COMMAND.sub(r"\\u{23}", _LINE_COMMAND.sub(r"\1\\u{3A}", text))


def _spelled(char: str) -> str:
    return f"\\u{{{ord(char):X}}}"


def _in_json(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))

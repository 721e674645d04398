"""How text of a recipe, a model or a user is written where it stands among text that has a meaning of its own.

A function for each place: terminal, JSON on a terminal, shell, Modelfile, Kubernetes, file and object names. No other
module of this package writes into these places: `tests/test_quoting.py` reads the sources and sends hostile text through
every place. HTML is escaped by Jinja2 (`report.rendering`), YAML and JSON are written by their libraries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_LINE_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
"""A line that a workflow runner would obey: it skips white space before the two colons."""
_INNER_COMMAND = re.compile(r"#(?=#\[)")
"""The older form of such a command, which is obeyed anywhere on a line."""
_LABEL = 40
_SUFFIXES = ("-stable", "-canary", "-blue", "-green", "-a", "-b", "-preview")
"""What deployments append to a name."""


# Terminal


def one_line(text: str) -> str:
    """`text` with every run of white space as one space."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """`text` for a terminal or a log: only newlines and tabs keep a meaning, everything that hides itself is escaped.

    A terminal gets no control sequence and no mark that changes the direction, a workflow runner no command.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)
    return _INNER_COMMAND.sub(r"\\x23", _LINE_COMMAND.sub(r"\1\\x3a", text)) if "::" in text or "##[" in text else text


def printable_json(text: str) -> str:
    """JSON for a terminal or a log: the same value, with escapes for what a terminal or a runner would obey."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else _json_escaped(c) for c in text)
    return text.replace("##[", "\\u0023#[")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _json_escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


# Shell


def shell(words: Sequence[str]) -> str:
    """A command of a POSIX shell: each word is one argument, whatever is in it.

    Raises ValueError for a NUL character, which no argument can hold.
    """
    import shlex

    if any("\0" in word for word in words):
        raise ValueError("an argument of a command cannot hold a NUL character")
    return shlex.join(words)


def operand(word: str) -> str:
    """A path or name that stands where a command would also accept an option: it never begins with a hyphen."""
    return f"./{word}" if word.startswith("-") else word


def option(flag: str, value: str) -> list[str]:
    """An option with its value: in one word where the value would be read as another option."""
    return [f"{flag}={value}"] if value.startswith("-") else [flag, value]


def comment(text: str) -> str:
    """A comment on one line, for files where `#` begins one."""
    return f"# {one_line(printable(text))}"


# Files of servers


def modelfile(instruction: str, value: str) -> str:
    """A line of an Ollama Modelfile; the value stays on it."""
    shown = printable(value).replace("\n", "\\n")
    return f'{instruction} "{shown}"' if shown != shown.strip() or " " in shown else f"{instruction} {shown}"


def kubernetes_word(word: str) -> str:
    """A word of a container's command: Kubernetes replaces `$(NAME)` by a variable, `$$(NAME)` stands for itself."""
    return word.replace("$(", "$$(")


# Names


def label(text: str) -> str:
    """The name of a Kubernetes object: lower case, digits and hyphens, at most 40 characters, so that a suffix fits.

    Where that alters `text`, or `text` ends like a name with a suffix, a digest of it keeps two names apart.
    """
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if found == text and len(text) <= _LABEL and text[:1].isalpha() and not text.endswith(_SUFFIXES):
        return text
    stem = found if found[:1].isalpha() else f"m-{found}"
    return f"{stem[: _LABEL - 9].strip('-')}-{_digest(text)}"


def file_name(text: str) -> str:
    """A name that is a single part of a path; where that alters `text`, a digest of it keeps two names apart."""
    found = re.sub(r"[^\w.+-]", "_", text).strip(".")[:100] or "run"
    return found if found == text else f"{found}-{_digest(text)}"


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


PLACES: dict[str, Callable[[str], str]] = {
    "terminal": printable,
    "json": printable_json,
    "shell": lambda text: shell([text]),
    "comment": comment,
    "modelfile": lambda text: modelfile("FROM", text),
    "kubernetes_word": kubernetes_word,
    "label": label,
    "file_name": file_name,
}
"""Every place, for the test that sends hostile text through all of them."""

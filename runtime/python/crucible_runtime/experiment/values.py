"""Reads text that a user wrote as plain values: files as recipes are read, flags as the type of their field asks.

In a file, `no` is text, `1e-4` is a number and `0123` is 123. A flag of a field that holds text is that text, whatever
is in it; elsewhere it is a number, a word such as `true`, or a list or a mapping in brackets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crucible_runtime.errors import InputError

if TYPE_CHECKING:
    from crucible_runtime.documents.diagnostics import Problems
    from crucible_runtime.documents.document import Node

_BRACKETS = ("[", "{", '"', "'")


@dataclass(frozen=True, slots=True)
class Written:
    """How a file has a value: the line of its key, counted from 1, and the text of a number, true or false."""

    line: int
    text: str | None


def read(path: Path) -> tuple[Any, Mapping[str, Written]]:
    """The value in a YAML or JSON file, and how the file has what is in it, by its path with dots.

    Raises InputError, with every problem, where the file cannot be read.
    """
    from crucible_runtime.documents import load
    from crucible_runtime.documents.diagnostics import Problems

    try:
        node = load.load(path, str(path))
    except Problems as error:
        raise _refused(error) from None
    return node.plain(), dict(_written(node, ""))


def flag(text: str, types: frozenset[str] | None, where: str) -> Any:
    """The value of a flag or of a variable whose field is of one of these JSON types (None: of any).

    Raises InputError, which says `where` the text comes from, for one that stands for no value.
    """
    if types is not None and "string" in types and types <= {"string", "null"}:
        return None if text == "null" and "null" in types else text
    if text.lstrip().startswith(_BRACKETS):
        return parse(text, where)
    from crucible_runtime.documents.scalars import Refused, plain_scalar

    value = plain_scalar(text.strip())
    if isinstance(value, Refused):
        raise InputError(f"{where}: {value.message}")
    return text if isinstance(value, str) else value


def parse(text: str, where: str) -> Any:
    """The value of one line of YAML, which has no comments; raises InputError, which says `where` it comes from."""
    from crucible_runtime.documents.diagnostics import Problems
    from crucible_runtime.documents.yaml_reader import read_yaml
    from crucible_runtime.documents.yaml_strict import comment_at

    if not text.strip():
        return None
    if (at := comment_at(text)) is not None:
        raise InputError(f"{where}:1:{at + 1}: a value has no comments; quote the text that holds the `#`")
    try:
        return read_yaml(text, where).plain()
    except Problems as error:
        raise _refused(error) from None


def _written(node: Node, path: str) -> Iterator[tuple[str, Written]]:
    if isinstance(node.value, dict):
        for key, entry in node.value.items():
            below = f"{path}.{key}" if path else key
            yield below, Written(entry.key.line, entry.node.written)
            yield from _written(entry.node, below)


def _refused(error: Problems) -> InputError:
    """All problems of a text as one error, a line each."""
    told = (f"{each.place}: {each.message}" + (f"; {each.hint}" if each.hint else "") for each in error.problems)
    return InputError("\n".join(told))

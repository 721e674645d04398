"""Reads text that a user wrote as plain values: YAML 1.2, and with it JSON, as recipes are read.

`no` is text, `1e-4` is a number and `0123` is 123. Where a key stands twice it is an error, and so is a tag.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crucible_runtime.errors import InputError

if TYPE_CHECKING:
    from yaml.nodes import Node

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+").fullmatch
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?").fullmatch
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)").fullmatch
_LONGEST = 64
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}


def read(path: Path) -> Any:
    """The value in a YAML or JSON file; raises InputError where it cannot be read."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from error
    return parse(text, str(path))


def lines(path: Path) -> dict[str, int]:
    """The line, counted from 1, on which each value of a file that `read` could read stands, by its path with dots."""
    node = _node(path.read_text("utf-8-sig"), str(path))
    return {} if node is None else dict(_lines(node, ""))


def _lines(node: Node, path: str) -> Iterator[tuple[str, int]]:
    from yaml.nodes import MappingNode

    if isinstance(node, MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            yield below, key.start_mark.line + 1
            yield from _lines(value, below)


def parse(text: str, where: str) -> Any:
    """The value that `text` stands for; raises InputError, which says `where` it comes from."""
    node = _node(text, where)
    return None if node is None else _value(node, where, ())


def _node(text: str, where: str) -> Node | None:
    import yaml

    class Loader(yaml.SafeLoader):
        """Resolves no plain scalar: YAML 1.1 would read `no` as false."""

    Loader.yaml_implicit_resolvers = {}

    try:
        node: Node | None = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark is not None else where
        reason = getattr(error, "problem", None) or getattr(error, "reason", None)
        raise InputError(f"{place}: {reason or 'this is no YAML'}") from error
    except RecursionError as error:
        raise InputError(f"{where}: nested too deep") from error
    return node


def _value(node: Node, where: str, above: tuple[Node, ...]) -> Any:
    from yaml.nodes import ScalarNode, SequenceNode

    place = f"{where}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    if any(node is outer for outer in above):
        raise InputError(f"{place}: an alias inside of what it stands for")
    if node.tag not in _TAGS:
        raise InputError(f"{place}: tags have no meaning here")
    if isinstance(node, ScalarNode):
        return _scalar(node.value, place) if node.style is None else node.value
    if isinstance(node, SequenceNode):
        return [_value(item, where, (*above, node)) for item in node.value]
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _value(key_node, where, (*above, node))
        if isinstance(key, list | Mapping):
            raise InputError(f"{place}: a key must be text")
        if key in result:
            raise InputError(f"{where}:{key_node.start_mark.line + 1}: the key {key} stands twice")
        result[key] = _value(value_node, where, (*above, node))
    return result


def _scalar(text: str, place: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE(text) or (_FLOAT(text) and not math.isfinite(float(text))):
        raise InputError(f"{place}: expected a finite number, found {text}")
    if _INTEGER(text):
        if len(text) > _LONGEST:
            raise InputError(f"{place}: the integer does not fit 64 bits")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT(text) else text

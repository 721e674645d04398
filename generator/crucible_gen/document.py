"""A recipe file as data that knows where each of its values stands.

`Node` is what `load` returns, what `resolve` merges and what `validate` points into. `Node.value` is None, bool, int,
float, str, a tuple of Nodes (a sequence) or a dict from key to Entry (a mapping, in file order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, Union

from crucible_gen.problems import Place

Plain: TypeAlias = Union[None, bool, int, float, str, "list[Plain]", "dict[str, Plain]"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping: where the key stands, and its value."""

    key: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the place where it begins."""

    value: None | bool | int | float | str | tuple[Node, ...] | dict[str, Entry]
    place: Place

    def get(self, *path: str | int) -> Node | None:
        """The node at `path` (keys and indices), or None where the path leads nowhere."""
        node = self
        for step in path:
            if isinstance(node.value, dict) and isinstance(step, str) and step in node.value:
                node = node.value[step].node
            elif isinstance(node.value, tuple) and isinstance(step, int) and 0 <= step < len(node.value):
                node = node.value[step]
            else:
                return None
        return node

    def plain(self) -> Plain:
        """The value without places: dicts, lists and scalars, as a JSON Schema library wants it."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

"""A recipe file as data that knows where each of its values stands.

`Node` is what `load` returns, what `resolve` merges and what `validate` points into. `Node.value` is None, bool, int,
float, str, a tuple of Nodes (a sequence) or a dict from key to Entry (a mapping, in file order).
"""

from __future__ import annotations

from typing import TypeAlias, Union

from crucible_gen.diagnostics import Place

Plain: TypeAlias = Union[None, bool, int, float, str, "list[Plain]", "dict[str, Plain]"]


class Entry:
    """One key of a mapping: where the key stands, and its value."""

    __slots__ = ("key", "node")

    def __init__(self, key: Place, node: Node) -> None:
        """Takes the place of the key, and the value."""
        self.key = key
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and (self.key, self.node) == (other.key, other.node)

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, {self.node!r})"


class Node:
    """A value and the place where it begins. Nobody changes one: what is merged is made anew.

    It is no tuple, although it looks like one, because `value` may be a tuple of nodes.
    """

    __slots__ = ("place", "value", "written")

    def __init__(
        self,
        value: None | bool | int | float | str | tuple[Node, ...] | dict[str, Entry],
        place: Place,
        written: str | None = None,
    ) -> None:
        """Takes the value, where it begins, and how the file has a scalar that is no string: `1.10`, not `1.1`."""
        self.value = value
        self.place = place
        self.written = written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and (self.value, self.place) == (other.value, other.place)

    def __repr__(self) -> str:
        return f"Node({self.value!r}, {self.place!r})"

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

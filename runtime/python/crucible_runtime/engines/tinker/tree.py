"""The config that tinker_cookbook trains with, as data: without importing it.

The config is a tree of Nodes: a class by name, and every one of its fields. No default of the installed version can
drift in, because nothing is left out; `objects` holds the tree to the real classes before it makes anything of it. What
is known only when a run begins (its directory, the renderer that is recommended for a model, the data that a teacher
wrote) is a Given, in words where nothing runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crucible_runtime.experiment.canonical import canonical

OLDEST = "0.5.8"
"""The version whose fields are shown where none is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An object to be made: `class_` as `module:Name`, and every field; `since` are fields of later versions."""

    class_: str
    fields: Mapping[str, Any]
    since: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def at(self, version: str) -> Mapping[str, Any]:
        """The fields that the class has in a version of tinker_cookbook such as `0.5.8`."""
        later = [new for since, new in self.since.items() if numbers(since) <= numbers(version)]
        return {name: value for group in (self.fields, *later) for name, value in group.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A member of an enumeration, by the enumeration's name and the member's value."""

    class_: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is known when a run begins; where nothing runs, in words.

    log_path: where the cookbook writes its own files
    base_url: the service; None for the client's own
    renderer_name: the renderer to take where the recipe names none
    data_file: the data that a teacher wrote, in the place of dataset_ref.name
    allow_unsandboxed: whether programs that a model wrote may run without a sandbox
    """

    log_path: str
    base_url: str | None = None
    renderer_name: str = ""
    data_file: str | None = None
    allow_unsandboxed: bool = False


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: (0, 5, 8) of `0.5.8`."""
    parts = version.replace("-", ".").replace("+", ".").split(".")
    count = next((i for i, part in enumerate(parts) if not part.isdigit()), len(parts))
    return tuple(map(int, parts[:count]))


def shown(value: Any, version: str = OLDEST, indent: int = 0) -> str:
    """A tree as text, a field a line, as Python would write it."""
    space = " " * 4 * indent
    match value:
        case Node():
            rows = value.at(version).items()
            body = "".join(f"{space}    {name}={shown(inner, version, indent + 1)},\n" for name, inner in rows)
            return f"{value.class_}(\n{body}{space})"
        case Choice():
            return f"{value.class_}({canonical(value.value)})"
        case [Node(), *_]:
            body = "".join(f"{space}    {shown(inner, version, indent + 1)},\n" for inner in value)
            return f"[\n{body}{space}]"
        case str():
            return canonical(value)
        case Mapping():
            return canonical(value)
    return repr(value)


def nodes(value: Any) -> Sequence[Node]:
    """Every Node of a tree, from the top."""
    match value:
        case Node():
            groups = (value.fields, *value.since.values())
            return [value, *(node for group in groups for inner in group.values() for node in nodes(inner))]
        case list():
            return [node for inner in value for node in nodes(inner)]
    return []

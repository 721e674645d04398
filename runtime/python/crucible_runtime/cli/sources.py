"""The values of a recipe's Config from the environment, a file and flags, each with the place that it came from.

The environment counts least, then the file, then `--set`; mappings merge, as deep as they go.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from crucible_runtime.errors import InputError
from crucible_runtime.experiment import values

PREFIX = "CRUCIBLE_SET_"
"""Variables that override: `CRUCIBLE_SET_TRAINING_CONFIG__LEARNING_RATE=1e-5`, two underscores between the steps."""
Types: TypeAlias = Callable[[Sequence[str]], "frozenset[str] | None"]
_ABOUT = re.compile(r"([^\s:]+)(?: has no \w+ ([^\s;]+);)?")


@dataclass(frozen=True)
class Supplied:
    """Values by the name of their field, and where each of them came from, by its path with dots."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    def put(self, steps: Sequence[str], value: Any, place: Place) -> None:
        """Adds a value at a path; a mapping is merged with what is there."""
        below = self.values
        for step in steps[:-1]:
            if not isinstance(below.get(step), dict):
                below[step] = {}
            below = below[step]
        old = below.get(steps[-1])
        below[steps[-1]] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        for path in _paths(value, ".".join(map(str, steps))):
            self.places[path] = place

    def said(self, problem: str, path: str | None = None) -> str:
        """`problem` with the place that the value at `path`, or else at the path that it begins with, came from.

        A number is shown as it is written there.
        """
        if path is None:
            about = _ABOUT.match(problem)
            path = ".".join(filter(None, about.groups())) if about else ""
        near = [known for known in self.places if _within(path, known) or _within(known, path)]
        if not near:
            return problem
        place = self.places[near[-1]]
        if path in self.places and (text := place.text(path)) is not None and ", found " in problem:
            problem = f"{problem.rpartition(', found ')[0]}, found {text}"
            if " must be text" in problem:
                problem += f'; quote it: "{text}"'
        return f"{problem} (from {place.shown(path)})"


@dataclass(frozen=True)
class Place:
    """Where values came from: a flag, a variable, or a file, with how the file has each of them."""

    name: str
    written: Mapping[str, values.Written] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        """How a file has the number, true or false at a path; None for any other value."""
        found = self.written.get(path)
        return found.text if found is not None else None

    def shown(self, path: str) -> str:
        """The place as a message shows it: of a file, with the line."""
        steps = path.split(".")
        known = (".".join(steps[:count]) for count in range(len(steps), 0, -1))
        line = next((self.written[each].line for each in known if each in self.written), None)
        return self.name if line is None else f"{self.name}:{line}"


def gather(config: Path | None, sets: Sequence[tuple[Sequence[str], str]], types: Types) -> Supplied:
    """What the environment, a file and `--set` supply; raises InputError for what cannot be read.

    `types` are the JSON types of the value at a path, by which texts are read.
    """
    supplied = Supplied()
    for name in sorted(name for name in os.environ if name.startswith(PREFIX)):
        steps = name.removeprefix(PREFIX).lower().split("__")
        if not all(steps):
            raise InputError(f"{name}: expected {PREFIX} and a path such as TRAINING_CONFIG__EPOCHS")
        supplied.put(steps, values.flag(os.environ[name], types(steps), name), Place(name))
    if config is not None:
        loaded, written = values.read(config)
        if not isinstance(loaded, dict | None):
            raise InputError(f"{config}: expected a mapping such as training_config: {{epochs: 2}}")
        for name, value in (loaded or {}).items():
            supplied.put([name], value, Place(str(config), written))
    for path, text in sets:
        supplied.put(path, values.flag(text, types(path), f"--set {'.'.join(path)}"), Place("--set"))
    return supplied


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one; where both have a value that is no mapping, that of `above`."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides that turn `old` into `new`: what differs, and null for what is gone."""
    result: dict[str, Any] = {}
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key), new.get(key)
        if before != after or type(before) is not type(after):
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                result[key] = changes(before, after)
            else:
                result[key] = after
    return result


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _paths(item, f"{path}.{key}")
    else:
        yield path


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))

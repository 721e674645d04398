"""The IR's structs as their schemas describe them, for the definitions that each language prints.

A struct is one schema file; its properties are the fields, in order, and `x-enforce` lists those without a default. This
module reads plain JSON and nothing of what the package `schemas` makes of it, so that the tests which rest on printed
definitions do not rest on the code under test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from crucible_gen.schemas.keywords import STRUCT, TYPE

Raw: TypeAlias = Mapping[str, Any]


def structs(folder: Path) -> dict[str, Raw]:
    """Every struct by file name, each after those that its defaults and types need."""
    files = {path.name: _read(path) for path in sorted(folder.glob("*.schema.json"))}
    files = {key: raw for key, raw in files.items() if STRUCT in raw}
    ordered: dict[str, Raw] = {}

    def place(key: str, above: tuple[str, ...]) -> None:
        if key in ordered or key in above or key not in files:
            return
        for value in files[key]["properties"].values():
            for ref in _refs(value):
                place(ref, (*above, key))
        ordered[key] = files[key]

    for key in files:
        place(key, ())
    return ordered


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for part in value.values():
            yield from _refs(part)
    elif isinstance(value, list):
        for part in value:
            yield from _refs(part)


def choices(value: Raw) -> list[Raw]:
    """The alternatives of a property, null left out."""
    return [choice for choice in value.get("anyOf", [value]) if choice.get("type") != "null"]


def types(value: Raw) -> list[str]:
    """The JSON types that a property declares."""
    declared = value.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def native_type(value: Raw) -> str | None:
    """The type of a property in the IR, where its schema says one that JSON does not have."""
    return next((choice[TYPE] for choice in choices(value) if TYPE in choice), None)


def nullable(name: str, value: Raw, raw: Raw) -> bool:
    """Whether a field of the struct that `raw` describes may be nil."""
    optional = name not in raw["x-enforce"] and value.get("default") is None
    return optional or any("null" in types(choice) for choice in value.get("anyOf", [value]))

"""The schema of recipes for editors: of files as people write them, where gen validates what came of them.

A file may leave to a base what a recipe must have: one with `extends`, and a fragment, which has no id. And null removes
an entry, wherever it stands in a mapping. Entries of lists are replaced as wholes, so in them everything is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crucible_gen.schemas.keywords import EDITOR_KEY
from crucible_gen.schemas.shapes import Raw

_CHOICES: Final = ("allOf", "anyOf", "oneOf")
_DEFINITIONS: Final = "#/$defs/"
_NULL: Final = {"type": "null"}


def editor(bundle: Raw) -> Raw:
    """What holds for a file, made of the self-contained schema (see `bundle`) that holds for a resolved recipe."""
    definitions = dict(bundle["$defs"])
    root = {name: value for name, value in bundle.items() if name != "$defs"}
    whole = _Relaxed(bundle["$defs"], "whole", required=True)
    part = _Relaxed(bundle["$defs"], "part", required=False)
    definitions["recipe"] = whole.schema({name: root[name] for name in ("properties", *_CHOICES) if name in root})
    found = part.schema(root)
    for each in (found, definitions["recipe"]):
        about = "Where an editor finds the schema of recipes; gen looks at its own."
        each["properties"] = {EDITOR_KEY: {"description": about, "type": "string"}, **each["properties"]}
    found["allOf"] = [
        *found.get("allOf", ()),
        {"if": {"required": ["id"], "not": {"required": ["extends"]}}, "then": {"$ref": f"{_DEFINITIONS}recipe"}},
    ]
    definitions |= whole.definitions | part.definitions
    return found | {"$defs": {name: definitions[name] for name in sorted(_used(found, definitions))}}


def _used(root: Raw, definitions: Raw) -> set[str]:
    """The definitions that a schema refers to, and those that these refer to."""
    found: set[str] = set()
    waiting = [*_references(root)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _references(raw: object) -> Iterator[str]:
    if isinstance(raw, list):
        for each in raw:
            yield from _references(each)
    elif isinstance(raw, dict):
        for keyword, value in raw.items():
            if keyword == "$ref":
                yield value.removeprefix(_DEFINITIONS)
            else:
                yield from _references(value)


class _Relaxed:
    """Makes schemas whose values may be null where they stand in mappings; the definitions that they use are its own."""

    def __init__(self, definitions: Raw, suffix: str, *, required: bool) -> None:
        """`suffix` ends the names of the definitions; without `required`, nothing is asked for in mappings."""
        self.definitions: dict[str, Raw] = {}
        self._original = definitions
        self._suffix = suffix
        self._required = required

    def schema(self, raw: Raw) -> Raw:
        """A schema with the values of its mappings relaxed. Conditions stay: they say when something holds, not what."""
        found: Raw = {}
        for keyword, value in raw.items():
            if keyword == "$ref":
                found[keyword] = self._reference(value)
            elif keyword == "properties":
                found[keyword] = {name: self._or_null(sub) for name, sub in value.items()}
            elif keyword == "additionalProperties" and isinstance(value, dict):
                found[keyword] = self._or_null(value)
            elif keyword in _CHOICES:
                found[keyword] = [self.schema(each) for each in value]
            elif keyword in ("then", "else"):
                found[keyword] = self.schema(value)
            elif keyword != "required" or self._required:
                found[keyword] = value
        return found

    def _reference(self, reference: str) -> str:
        name = reference.removeprefix(_DEFINITIONS)
        own = f"{name}.{self._suffix}"
        if own not in self.definitions:
            self.definitions[own] = {}  # before its parts: a definition may refer to itself
            self.definitions[own].update(self.schema(self._original[name]))
        return _DEFINITIONS + own

    def _or_null(self, raw: Raw) -> Raw:
        found = self.schema(raw)
        if "type" in found and "const" not in found:
            types = found["type"] if isinstance(found["type"], list) else [found["type"]]
            found["type"] = [*types, *({"null"} - {*types})]
            if "enum" in found:
                found["enum"] = [*found["enum"], *([] if None in found["enum"] else [None])]
            return found
        about = {name: found[name] for name in ("title", "description", "default") if name in found}
        return about | {"anyOf": [_NULL, found]} if found else found

"""One self-contained JSON Schema of what an author may write: it validates recipes and serves editors.

Every `$ref` becomes a name under `$defs`. Stages of third parties are in it: an entry of `stages` is checked against
the schema of the stage that it names. What the caller injects cannot stand in a recipe, so it is left out here.
"""

from __future__ import annotations

import copy
import re

from crucible_gen.diagnostics import Problems
from crucible_gen.schemas.catalog import Schemas
from crucible_gen.schemas.compiler import RECIPE, at
from crucible_gen.schemas.shapes import Raw

_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]")  # a JSON pointer in a `$ref` has to escape those
_CHOICES = ("allOf", "anyOf", "oneOf")
_DATA = (
    "default",
    "const",
    "enum",
    "examples",
    "x-stage",
    "x-inject",
    "x-removed",
    "x-training",
    "x-plausible",
    "x-known",
)


def bundle(schemas: Schemas) -> Raw:
    """The recipe schema with all that it refers to. Raises Problems for a `$ref` that leads nowhere."""
    return _Bundle(schemas).whole()


class _Bundle:
    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self.definitions: dict[str, Raw] = {}

    def whole(self) -> Raw:
        root = self._part(self.schemas.documents[RECIPE], RECIPE)
        places = root["properties"]["stages"]["properties"]
        item = next(iter(places.values()))["items"]
        entry = self._stage_entry(at(root | {"$defs": self.definitions}, item["$ref"].removeprefix("#")))
        for place in places.values():
            place["items"] = {"$ref": "#/$defs/stage_entry"}
        root["$defs"] = {"stage_entry": entry, **dict(sorted(self.definitions.items()))}
        return root

    def _stage_entry(self, item: Raw) -> Raw:
        """One entry of `stages`: the name of a stage, and options that fit that stage."""
        stages = self.schemas.stages
        names = sorted(name for name, stage in stages.items() if stage.info.role != "training")
        entry = copy.deepcopy(item)
        entry["properties"]["stage"]["enum"] = names
        entry["allOf"] = []
        for name in names:
            then: Raw = {"properties": {"options": {"$ref": self._define(stages[name].key, "")}}}
            if _author_required(self.schemas.documents[stages[name].key]):
                then["required"] = ["options"]
            condition = {"properties": {"stage": {"const": name}}, "required": ["stage"]}
            entry["allOf"].append({"if": condition, "then": then})
        return entry

    def _define(self, key: str, pointer: str) -> str:
        name = key.removesuffix(".schema.json").replace("/", ".") + pointer.replace("/", ".")
        name = _FOREIGN.sub(lambda char: f"_{ord(char[0]):x}_", name)
        if name not in self.definitions:
            self.definitions[name] = {}  # before its parts: a struct may refer to itself
            self.definitions[name].update(self._part(at(self.schemas.documents[key], pointer), key))
        return f"#/$defs/{name}"

    def _part(self, raw: Raw, base: str) -> Raw:
        part: Raw = {}
        for keyword, value in raw.items():
            if keyword == "$ref":
                target = self.schemas.resolve_ref(value, base)
                if target is None:
                    raise Problems([self.schemas.bad_ref(value, base)])
                part[keyword] = self._define(*target)
            elif keyword == "properties":
                kept = {name: sub for name, sub in value.items() if "x-inject" not in sub}
                part[keyword] = {name: self._part(sub, base) for name, sub in kept.items()}
            elif keyword == "required" and "x-stage" in raw:
                part[keyword] = _author_required(raw)
            elif keyword in _CHOICES:
                part[keyword] = [self._part(sub, base) for sub in value]
            elif isinstance(value, dict) and keyword not in _DATA and keyword != "$defs":
                part[keyword] = self._part(value, base)
            elif keyword != "$defs":
                part[keyword] = value
        return part


def _author_required(raw: Raw) -> list[str]:
    """What an author of a recipe must say of a stage: required, and fed neither by the IR nor by the caller."""
    fed = {name for name, sub in raw.get("properties", {}).items() if "x-from" in sub or "x-inject" in sub}
    return [name for name in raw.get("required", ()) if name not in fed]

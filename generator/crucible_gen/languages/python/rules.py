"""Writes `crucible_runtime/rules.json` from the schemas: what overrides of a training configuration may say.

`options` holds the properties that `training_config.options` may have, by kind of recipe; `structs` those of
TrainingConfig and of the structs that it refers to, by Python class; `training` names the recipe type of each training
stage, by its module, and `stages` which of its options repeat a field of the experiment (`from`, with its default) and
which are live values (`live`); `kinds` the kinds of a type whose recipes an option tells apart; `types` what a run must
know of each kind. A rule is the schema itself, without what the runtime does not check, and with `struct` in place of a reference
to a struct.

    python -m crucible_gen.languages.python.rules > runtime/python/crucible_runtime/rules.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from crucible_gen.schemas import Schemas

Raw: TypeAlias = Mapping[str, Any]

_CHECKED = {
    *("type", "enum", "const", "required", "additionalProperties", "x-elixir-type"),
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "format"),
}
_IGNORED = {"$schema", "$defs", "$ref", "title", "description", "default", "examples"}
_IGNORED |= {"x-known", "x-plausible", "x-no-engine", "x-plugin"}  # what gen only warns of, a run accepts


def rules(schemas: Path) -> str:
    """The directory of the schemas to the text of `rules.json`; raises ValueError for a keyword that nobody checks."""
    return _Rules(schemas).text()


class _Rules:
    def __init__(self, schemas: Path) -> None:
        self._documents = {
            path.relative_to(schemas).as_posix(): json.loads(path.read_text("utf-8"))
            for path in sorted(schemas.rglob("*.schema.json"))
        }
        self._kinds = Schemas(self._documents).kinds
        self._structs: dict[str, Raw] = {}

    def text(self) -> str:
        self._struct("ir/training_config.schema.json")
        options = {
            key.removeprefix("options/").removesuffix(".schema.json"): self._properties(document, key)
            for key, document in self._documents.items()
            if key.startswith("options/") and "properties" in document
        }
        training = self._training()
        found = {
            "options": options,
            "structs": self._structs,
            "training": {stage["module"]: type_ for type_, stage in training.items()},
            "stages": {stage["module"]: self._options(stage["module"]) for stage in training.values()},
            "kinds": self._deciding(),
            "types": {
                kind.name: self._documents[f"options/{kind.name}.schema.json"].get("x-training")
                or training[kind.type]["training"]
                for kind in self._kinds.values()
            },
        }
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"

    def _training(self) -> dict[str, Raw]:
        """What `x-stage` says of the stage that trains each recipe type, in the order of the schema of recipes."""
        types: list[str] = self._documents["recipe.schema.json"]["properties"]["type"]["enum"]
        stages = [each["x-stage"] for key, each in self._documents.items() if key.startswith("stages/")]
        return {
            type_: stage
            for type_ in types
            for stage in stages
            if stage["role"] == "training" and type_ in stage["types"]
        }

    def _options(self, module: str) -> Raw:
        """Of the options of a stage, those that repeat a field of the experiment, and those that are live values."""
        stage = next(each for each in self._documents.values() if each.get("x-stage", {}).get("module") == module)
        options: Mapping[str, Raw] = stage["properties"]
        return {
            "from": {
                name: {"path": option["x-from"], "default": option.get("default")}
                for name, option in options.items()
                if "x-from" in option
            },
            "live": [name for name, option in options.items() if "x-inject" in option],
        }

    def _deciding(self) -> Raw:
        """By recipe type: the option that decides of which kind a recipe is, and the kind that each of its values makes.

        The value "" stands for a recipe that leaves the option out.
        """
        found: dict[str, Any] = {}
        for kind in self._kinds.values():
            if kind.option:
                of_type = found.setdefault(kind.type, {"option": kind.option, "kinds": {}})
                of_type["kinds"] |= dict.fromkeys((kind.value, *([""] if kind.default else [])), kind.name)
        return found

    def _struct(self, key: str) -> str:
        """The class of the struct that document `key` describes; its properties are there when this returns."""
        document = self._documents[key]
        name: str = document["x-python-class"]
        if name not in self._structs:
            self._structs[name] = {}  # a struct may refer to itself
            self._structs[name] = self._properties(document, key)
        return name

    def _properties(self, schema: Raw, key: str) -> Raw:
        return {name: self._rule(value, key) for name, value in schema["properties"].items()}

    def _rule(self, schema: Raw, key: str) -> Raw:
        rule: dict[str, Any] = self._reference(schema["$ref"], key) if "$ref" in schema else {}
        for keyword, value in schema.items():
            if keyword == "properties":
                rule[keyword] = self._properties(schema, key)
            elif keyword in ("items", "additionalProperties") and isinstance(value, dict):
                rule[keyword] = self._rule(value, key)
            elif keyword in ("anyOf", "oneOf"):
                rule["anyOf"] = [self._rule(choice, key) for choice in value]
            elif keyword in _CHECKED:
                rule[keyword] = value
            elif keyword not in _IGNORED and not keyword.startswith("x-"):
                raise ValueError(f"{key}: the runtime does not check the keyword {keyword}")
        return rule

    def _reference(self, ref: str, key: str) -> dict[str, Any]:
        path, _, pointer = ref.partition("#")
        folder = key.rpartition("/")[0]
        target = (f"{folder}/{path}" if f"{folder}/{path}" in self._documents else path) if path else key
        document = self._documents[target]
        if "x-elixir-struct" in document and not pointer:
            return {"struct": self._struct(target)}
        for step in pointer.split("/")[1:]:
            document = document[step]
        return dict(self._rule(document, target))


if __name__ == "__main__":
    import sys

    from crucible_gen.schemas import shipped

    sys.stdout.write(rules(shipped("schemas")))

"""Every schema of a run, and what they mean together: stages, recipe types, structs, options."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property

from crucible_gen.diagnostics import Problem, Problems
from crucible_gen.documents import digest
from crucible_gen.schemas import checks
from crucible_gen.schemas.compiler import RECIPE, Compiler
from crucible_gen.schemas.shapes import Raw, Shape, Stage, StageInfo
from crucible_gen.schemas.shipped import shipped

META = "meta.schema.json"


class Schemas(Compiler):
    """The schema documents of a run by key, and everything that recipes can name in them."""

    @classmethod
    def load(cls) -> Schemas:
        """The shipped schemas; `third_party.extend` adds those of a user."""
        root = shipped("schemas")
        documents: dict[str, Raw] = {}
        for path in sorted(root.rglob("*.schema.json")):
            key = path.relative_to(root).as_posix()
            if key != META:
                documents[key] = json.loads(path.read_text("utf-8"))
        return cls(documents)

    def own(self) -> list[tuple[str, str]]:
        """The user's schemas: key and digest, sorted."""
        return [(key, digest(repr(node.plain()))) for key, node in sorted(self.places.items())]

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """Every stage by name. Raises Problems for a name that stands twice or an `x-from` that feeds nothing."""
        stages: dict[str, Stage] = {}
        problems: list[Problem] = []
        for key, document in self.documents.items():
            if "x-stage" not in document:
                continue
            info = StageInfo(**document["x-stage"])
            if info.name in stages:
                problems.append(checks.described_twice(self, info.name, key, stages[info.name].key))
                continue
            stages[info.name] = Stage(info, self.shape(key), key)
        for stage in stages.values():
            if stage.key in self.places:  # of the shipped ones tests say that they are right
                problems += checks.sources(self, stage)
            problems += checks.names(self, stage, stages)
        if problems:
            raise Problems(problems)
        return stages

    @property
    def type_names(self) -> list[str]:
        """The recipe types, in the order of the recipe schema."""
        return list(self.documents[RECIPE]["properties"]["type"]["enum"])

    @cached_property
    def types(self) -> dict[str, Stage]:
        """The training stage of each recipe type."""
        training = [stage for stage in self.stages.values() if stage.info.role == "training"]
        return {type_: stage for stage in training for type_ in stage.info.types}

    @cached_property
    def mlops(self) -> dict[str, Stage]:
        """The stages of `mlops`, by the key that a recipe writes, in pipeline order."""
        properties = self.documents["recipe.schema.json"]["properties"]["mlops"]["properties"]
        by_key = {stage.key: stage for stage in self.stages.values()}
        return {name: by_key[ref] for name, raw in properties.items() for ref in _refs(raw)}

    @cached_property
    def releases(self) -> dict[str, str]:
        """The release of each package that these schemas were checked against, as `x-contract` says."""
        named = (document["x-contract"] for document in self.documents.values() if "x-contract" in document)
        return {package: version for package, _, version in (name.partition("@") for name in named)}

    def record(self, name: str) -> Shape:
        """The shape of an IR struct, by the name that `Record.type` holds (`training_config`)."""
        return self.shape(f"ir/{name}.schema.json")

    @cached_property
    def records(self) -> dict[str, Shape]:
        """Every IR struct by name, sorted."""
        keys = sorted(key for key in self.documents if key.startswith("ir/"))
        return {name: self.record(name) for name in (key[3:].removesuffix(".schema.json") for key in keys)}

    @property
    def removed(self) -> Mapping[str, str]:
        """The fields that recipes of earlier releases had, each with what to do about it now."""
        found: Mapping[str, str] = self.documents[RECIPE].get("x-removed", {})
        return found

    def options(self, kind: str) -> Shape:
        """The shape of `training_config.options` in recipes of this kind."""
        shape = self.recipe(kind).below(("training_config", "options"))
        assert shape is not None
        return shape


def _refs(raw: Raw) -> Iterator[str]:
    """The references of a property that may be null: its own, or that of a choice."""
    for choice in (raw, *raw.get("anyOf", ())):
        if "$ref" in choice:
            yield choice["$ref"]

"""The schemas in, advice out: where a field belongs that was written where it cannot stand.

An author who writes `epochs` beside `training_config`, an option of another type of recipe, or a live value gets told
so, and not only that the field is unknown. The surprising rule: a name is looked up only from where such mistakes are
made, since deeper in a recipe an equal name is another field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from crucible_gen.documents import Node
from crucible_gen.schemas import RECIPE, Schemas, Shape, Stage

_MISTAKEN = ((), ("training_config",), ("training_config", "options"), ("mlops",))
"""Where fields are written that belong to another of these."""


class Advice:
    """Where every field of a recipe belongs; the tables are made when the first mistake asks for them."""

    def __init__(self, schemas: Schemas) -> None:
        """Takes the schemas of the run."""
        self.schemas = schemas

    def __call__(self, name: str, path: Sequence[str | int], document: Node) -> str:
        """A hint about the unknown field `name` at `path` of this recipe; no text for a name that belongs nowhere."""
        if tuple(path) not in _MISTAKEN:
            return ""
        named = document.get("type")
        type_ = named.value if named is not None and isinstance(named.value, str) else ""
        options = self._options.get(type_, {})
        if name in options:
            return f"{name} belongs in training_config.options"
        for place, fields in self._fields.items():
            if name in fields:
                return f"{name} belongs {place}"
        if owners := [owner for owner, fields in self._options.items() if name in fields]:
            but = f", not of {type_} ones" if options else ""
            return f"{name} is an option of {' and '.join(owners)} recipes{but}: remove it"
        training = self.schemas.types.get(type_)
        shape = training.shape.properties.get(name) if training is not None else None
        if shape is not None and shape.source is not None:
            return f"write {shape.source}: the training stage takes {name} from there"
        if any(name in stage.injected for stage in self._stages(training)):
            return f"{name} is a live value, which the caller supplies at run time: remove it"
        return ""

    def _stages(self, training: Stage | None) -> list[Stage]:
        return [training] if training is not None else list(self.schemas.stages.values())

    @cached_property
    def _options(self) -> Mapping[str, Mapping[str, Shape]]:
        return {type_: self.schemas.options(type_).properties for type_ in self.schemas.types}

    @cached_property
    def _fields(self) -> Mapping[str, Mapping[str, object]]:
        recipe = self.schemas.shape(RECIPE).properties
        config, mlops = recipe["training_config"].properties, self.schemas.mlops
        return {"at the top level of the recipe": recipe, "in training_config": config, "in mlops": mlops}

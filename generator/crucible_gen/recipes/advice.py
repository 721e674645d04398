"""Tells an author where a field belongs that was written where it cannot stand.

An author who writes `epochs` beside `training_config`, an option of another kind of recipe, or a live value gets told
so, and not only that the field is unknown. A name is looked up only from where such mistakes are made, since deeper in
a recipe an equal name is another field.
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
        in_recipe = not path or (len(path) == 2 and path[0] == "profiles")
        if in_recipe and name in (removed := self.schemas.removed):
            return removed[name]
        if tuple(path) not in _MISTAKEN:
            return ""
        named = document.get("type")
        type_ = named.value if named is not None and isinstance(named.value, str) else ""
        kind = self.schemas.kind_of(document)
        options = self._options.get(kind, {})
        if name in options:
            return f"{name} belongs in training_config.options"
        for place, fields in self._fields.items():
            if name in fields:
                return f"{name} belongs {place}"
        if owners := [owner for owner, fields in self._options.items() if name in fields]:
            return self._elsewhere(name, kind, owners, document)
        training = self.schemas.types.get(type_)
        shape = training.shape.properties.get(name) if training is not None else None
        if shape is not None and shape.source is not None:
            return f"write {shape.source}: the training stage takes {name} from there"
        if any(name in stage.injected for stage in self._stages(training)):
            return f"{name} is a live value, which the caller supplies at run time: remove it"
        return ""

    def _elsewhere(self, name: str, kind: str, owners: Sequence[str], document: Node) -> str:
        """Where an option of other kinds of recipes belongs: in a recipe of such a kind, if this one may be meant as one."""
        kinds = self.schemas.kinds
        meant = next((kinds[owner] for owner in owners if self._is_meant(owner, kind, document)), None)
        if meant is not None:
            wanted = f"write {meant.option}: {meant.value} in training_config.options"
            if meant.type != kinds[kind].type:
                wanted = f"write type: {meant.type}, and {wanted.removeprefix('write ')}"
            return f"{wanted}, since {name} is an option of such recipes"
        but = f", not of {kinds[kind].recipes.removesuffix(' recipes')} ones" if kind in kinds else ""
        if kind in kinds and kinds[kind].option:
            but = f", not of {kinds[kind].recipes}"
        return f"{name} is an option of {_all_of([kinds[owner].recipes for owner in owners])}{but}: remove it"

    def _is_meant(self, owner: str, kind: str, document: Node) -> bool:
        """Whether a recipe of `kind` may be meant as one of `owner`, which an option tells from others of its type.

        It may if it has no option that `owner` lacks, and if `owner` is of the same type or has all options of `kind`.
        """
        other, kinds = self.schemas.kinds[owner], self.schemas.kinds
        if kind not in kinds or not other.option or other.default:
            return False
        known = self._options[owner].keys()
        written = document.get("training_config", "options")
        named = written.value.keys() if written is not None and isinstance(written.value, dict) else set()
        lacks = self._options[kind].keys() - known
        return not lacks or (other.type == kinds[kind].type and lacks.isdisjoint(named))

    def _stages(self, training: Stage | None) -> list[Stage]:
        return [training] if training is not None else list(self.schemas.stages.values())

    @cached_property
    def _options(self) -> Mapping[str, Mapping[str, Shape]]:
        return {kind: self.schemas.options(kind).properties for kind in self.schemas.kinds}

    @cached_property
    def _fields(self) -> Mapping[str, Mapping[str, object]]:
        recipe = self.schemas.shape(RECIPE).properties
        config, mlops = recipe["training_config"].properties, self.schemas.mlops
        return {"at the top level of the recipe": recipe, "in training_config": config, "in mlops": mlops}


def _all_of(recipes: Sequence[str]) -> str:
    """Several kinds of recipes in words: `rl and preference recipes`."""
    plain = [each.removesuffix(" recipes") for each in recipes if each.endswith(" recipes")]
    others = [each for each in recipes if not each.endswith(" recipes")]
    return " and ".join([*([f"{' and '.join(plain)} recipes"] if plain else []), *others])

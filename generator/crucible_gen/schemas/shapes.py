"""What later steps need of a schema: which kind of term a value becomes, its properties in print order, its defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from crucible_gen.documents import Plain

Raw: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal[
    "text", "symbol", "module", "timestamp", "boolean", "integer", "float", "number",
    "list", "record", "object", "map", "text_map", "keywords", "any",
]  # fmt: skip


class Inject(NamedTuple):
    """A live value that only the caller can supply, and whether a run needs it.

    `types` are its types by language, `kind` names a type that every language knows; a schema has one or the other.
    `languages` are those in which there is such a value, all where it is empty.
    """

    types: Mapping[str, str] = MappingProxyType({})
    kind: str | None = None
    needed: bool = False
    languages: Sequence[str] = ()

    def exists_in(self, language: str) -> bool:
        """Whether a caller supplies the value in a language; in any other one the option is null."""
        return not self.languages or language in self.languages


class Plausible(NamedTuple):
    """What a value usually is: a number between two, or text that matches a pattern; `reason` says why."""

    reason: str
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    hint: str = ""


class StageInfo(NamedTuple):
    """What `x-stage` says: the stage's name and module, and where in a pipeline it may stand.

    `types` are the recipe types that a training stage trains, `backend` the id of their default backend; `options` says
    whether the stage takes a map or a keyword list; `requires` names stages that must stand before it.
    `training` is what a run must know of these types; only the runtime reads it. `configuration` lists keys of the
    package's application that must be set, each with the option that may take its place.
    """

    name: str
    module: str
    package: str | None = None
    role: Literal["training", "mlops", "stage"] = "stage"
    types: Sequence[str] = ()
    backend: str | None = None
    options: Literal["map", "keyword"] = "map"
    requires: Sequence[str] = ()
    training: Mapping[str, Plain] = MappingProxyType({})
    configuration: Sequence[Mapping[str, str]] = ()


class RecipeKind(NamedTuple):
    """How recipes are trained: those of a type, or, where an option of the type decides, those with one value of it.

    A kind is named after the schema of its options. `default` says that a recipe which leaves the option out is of it.
    """

    name: str
    type: str
    option: str = ""
    value: str = ""
    default: bool = True

    @property
    def recipes(self) -> str:
        """How messages name its recipes: `rl recipes`, `distillation recipes with method: prompt`."""
        return f"{self.type} recipes" + (f" with {self.option}: {self.value}" if self.option else "")


class Shape(NamedTuple):
    """How one value is read, checked for order, and printed.

    `properties` is in definition order (the struct's own), `order` the names in print order. `has_default` tells a
    default of null from none; `source` is the IR path of `x-from`.
    """

    kind: Kind
    nullable: bool = False
    record: str | None = None
    properties: Mapping[str, Shape] = MappingProxyType({})
    order: Sequence[str] = ()
    items: Shape | None = None
    short: str | None = None
    description: str = ""
    default: Plain = None
    has_default: bool = False
    enum: tuple[Plain, ...] = ()
    minimum: float | None = None
    source: str | None = None
    inject: Inject | None = None
    define: bool = False
    names: Mapping[str, str] = MappingProxyType({})
    """What each language calls the struct, for an IR struct."""
    required: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    """Values of an open type that the schema names: its `examples` and `x-known`."""
    plugin: str = ""
    """The group of entry points whose names the value may be besides those that are known."""
    plausible: Plausible | None = None
    no_engine: bool = False
    """Whether the value has its use even where no engine passes it on."""

    def below(self, path: Iterable[str]) -> Shape | None:
        """The shape below `path`, or None where a step names no property."""
        shape: Shape | None = self
        for step in path:
            shape = shape.properties.get(step) if shape is not None else None
        return shape


ANY = Shape("any", nullable=True)


class Stage(NamedTuple):
    """A stage that recipes can name: what `x-stage` says, the shape of its options, and its schema's key."""

    info: StageInfo
    shape: Shape
    key: str

    @property
    def injected(self) -> dict[str, Inject]:
        """The live values, by option name, in order."""
        return {name: shape.inject for name, shape in self.shape.properties.items() if shape.inject}

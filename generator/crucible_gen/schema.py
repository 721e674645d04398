"""Schema files in, the shape of every value out.

The schema documents are JSON Schema 2020-12 with keywords of our own (`x-...`, listed in `meta.schema.json`). A `Shape`
is what the later steps need of one: which kind of term a value becomes, its properties in print order, its defaults.
A schema of a third party is a stage schema; it may `$ref` files beside it, and the shipped ones by their keys
(`ir/model_ref.schema.json`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from crucible_gen.document import Node, Plain
from crucible_gen.problems import Place, Problem, Problems, did_you_mean
from crucible_gen.sign import body_digest

CODES = {
    "E0501": "a schema file is not what the meta-schema allows",
    "E0502": "a $ref leads nowhere",
    "E0503": "two stage schemas describe the same stage",
    "E0504": "x-from names no field that can feed an option",
    "E0506": "a stage requires one that there is not",
}
META = "meta.schema.json"

Raw: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal[
    "text", "symbol", "module", "timestamp", "boolean", "integer", "float", "number",
    "list", "record", "object", "map", "text_map", "keywords", "any",
]  # fmt: skip

_ELIXIR_KINDS: dict[str, Kind] = {
    "atom": "symbol",
    "module": "module",
    "float": "float",
    "timestamp": "timestamp",
    "map": "map",
    "text_map": "text_map",
    "keyword": "keywords",
}
_JSON_KINDS: dict[str, Kind] = {
    "string": "text",
    "boolean": "boolean",
    "integer": "integer",
    "number": "number",
    "array": "list",
    "object": "map",
}
_REFINES = ("description", "default", "x-from", "x-inject", "x-define", "x-no-effect")


class Inject(NamedTuple):
    """A live value that only the caller can supply: its type in both languages, and whether a run needs it."""

    elixir: str
    python: str
    needed: bool = False


class StageInfo(NamedTuple):
    """What `x-stage` says: the stage's name and module, and where in a pipeline it may stand.

    `types` are the recipe types that a training stage trains, `backend` the id of their default backend; `options` says
    whether the stage takes a map or a keyword list; `requires` names stages that must stand before it.
    """

    name: str
    module: str
    package: str | None = None
    role: Literal["training", "mlops", "stage"] = "stage"
    types: Sequence[str] = ()
    backend: str | None = None
    options: Literal["map", "keyword"] = "map"
    requires: Sequence[str] = ()


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
    struct: str | None = None
    python_class: str | None = None
    required: tuple[str, ...] = ()

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


def shipped(kind: str) -> Path:
    """The directory of the shipped `schemas`, `templates` or `contracts`: in an installed package, or in a checkout."""
    inside = Path(__file__).parent / "data" / kind
    return inside if inside.is_dir() else Path(__file__).parents[2] / kind


class Schemas:
    """Every schema document by key (`ir/model_ref.schema.json`; a third party's by its path), and what they mean.

    `places` are the user's schema files with places, for messages; the shipped ones are held right by tests.
    """

    def __init__(self, documents: Mapping[str, Raw], places: Mapping[str, Node] | None = None) -> None:
        """Takes the documents by key, and the user's ones once more with places."""
        self.documents = documents
        self.places = places or {}
        self._memo: dict[tuple[str, str], Shape] = {}

    def own(self) -> list[tuple[str, str]]:
        """The user's schemas: key and digest, sorted."""
        return [(key, body_digest(repr(node.plain()))) for key, node in sorted(self.places.items())]

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
                other = stages[info.name].key
                other = self.place(other).file if other in self.places else "the shipped schemas"
                problems.append(
                    Problem(
                        self.place(key, "x-stage", "name"),
                        "E0503",
                        f"stage {info.name} is described twice: here and in {other}",
                        hint="give this stage another name",
                    )
                )
                continue
            stages[info.name] = Stage(info, self.shape(key), key)
        for stage in stages.values():
            if stage.key in self.places:  # of the shipped ones tests say that they are right
                problems += self._check_sources(stage)
            problems += self._check_names(stage, stages)
        if problems:
            raise Problems(problems)
        return stages

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

    def recipe(self, type_: str) -> Shape:
        """The shape of a recipe of this type: the conditional parts of the recipe schema for it are in place."""
        memo = ("recipe", type_)
        if memo not in self._memo:
            document = self.documents["recipe.schema.json"]
            overlay: Raw = {}
            for rule in document.get("allOf", ()):
                condition = rule.get("if", {}).get("properties", {}).get("type", {})
                if condition.get("const") == type_ or type_ in condition.get("enum", ()):
                    overlay = _merged(overlay, rule.get("then", {}))
            raw = _merged({"$ref": "recipe.schema.json"}, {"properties": overlay.get("properties", {})})
            self._memo[memo] = self._compile(raw, "recipe.schema.json")
        return self._memo[memo]

    def options(self, type_: str) -> Shape:
        """The shape of `training_config.options` in recipes of this type."""
        shape = self.recipe(type_).below(("training_config", "options"))
        assert shape is not None
        return shape

    def shape(self, key: str, pointer: str = "") -> Shape:
        """The shape of the schema at `key#pointer`; made once."""
        memo = (key, pointer)
        if memo not in self._memo:
            self._memo[memo] = self._compile(at(self.documents[key], pointer), key, memo)
        return self._memo[memo]

    def resolve_ref(self, ref: str, base: str) -> tuple[str, str] | None:
        """(key, JSON pointer) that `ref` in document `base` names, or None."""
        path, _, pointer = ref.partition("#")
        if not path:
            return base, pointer
        folder = base.rpartition("/")[0]
        for candidate in (normal(f"{folder}/{path}" if folder else path), normal(path)):
            if candidate in self.documents:
                return candidate, pointer
        return None

    def _compile(self, raw: Raw, base: str, memo: tuple[str, str] | None = None) -> Shape:
        if "$ref" in raw:
            return self._compile_ref(raw, base)
        for combiner in ("anyOf", "oneOf"):
            choices = [choice for choice in raw.get(combiner, ()) if choice.get("type") != "null"]
            if choices and ("type" not in raw and "properties" not in raw):
                # A value that may be null, or short text for an object: the richest choice decides how it is printed.
                shapes = [self._compile(choice, base) for choice in choices]
                best = max(shapes, key=lambda shape: len(shape.properties))
                nullable = best.nullable or len(choices) < len(raw[combiner])
                return best._replace(nullable=nullable, **self._refined(raw))
        declared = raw.get("type", ())
        types = [declared] if isinstance(declared, str) else list(declared)
        properties: dict[str, Shape] = {}
        order: list[str] = []
        shape = Shape(
            kind=_kind(raw, types),
            nullable="null" in types or None in raw.get("enum", ()),
            record=base.removeprefix("ir/").removesuffix(".schema.json") if "x-elixir-struct" in raw else None,
            properties=properties,
            order=order,
            items=self._compile(raw["items"], base) if isinstance(raw.get("items"), dict) else None,
            short=raw.get("x-short"),
            enum=tuple(raw.get("enum", ())),
            minimum=raw.get("minimum", raw.get("exclusiveMinimum")),
            struct=raw.get("x-elixir-struct"),
            python_class=raw.get("x-python-class"),
            required=tuple(raw.get("required", ())),
            **self._refined(raw),
        )
        if memo is not None:
            self._memo[memo] = shape  # before its properties: a struct may hold itself (BackendRef.fallback)
        for name, value in raw.get("properties", {}).items():
            properties[name] = self._compile(value, base)
        first = [name for name in raw.get("x-print-first", ()) if name in properties]
        order += first + [name for name in properties if name not in first]
        return shape

    def _compile_ref(self, raw: Raw, base: str) -> Shape:
        target = self.resolve_ref(raw["$ref"], base)
        if target is None:
            raise Problems([self.bad_ref(raw["$ref"], base)])
        shape = self.shape(*target)
        refined = self._refined(raw)
        if overlay := raw.get("properties"):
            changed = dict(shape.properties)
            for name, value in overlay.items():
                changed[name] = self._overlaid(changed.get(name), value, base)
            order = [*shape.order, *(name for name in overlay if name not in shape.properties)]
            refined |= {"properties": changed, "order": order}
        return shape._replace(**refined) if refined else shape

    def _overlaid(self, shape: Shape | None, raw: Raw, base: str) -> Shape:
        """`shape` with the properties that `raw` says more about; a `$ref` or a type of its own replaces it."""
        if shape is None or "$ref" in raw or "type" in raw:
            return self._compile(raw, base)
        changed = dict(shape.properties)
        for name, value in raw.get("properties", {}).items():
            changed[name] = self._overlaid(changed.get(name), value, base)
        return shape._replace(properties=changed)

    def _refined(self, raw: Raw) -> dict[str, Any]:
        refined: dict[str, Any] = {}
        for keyword in _REFINES:
            if keyword not in raw:
                continue
            value = raw[keyword]
            match keyword:
                case "default":
                    refined |= {"default": value, "has_default": True}
                case "x-from":
                    refined["source"] = value
                case "x-inject":
                    refined["inject"] = Inject(**value)
                case "x-define":
                    refined["define"] = bool(value)
                case "description":
                    refined["description"] = value
        return refined

    def _check_sources(self, stage: Stage) -> Iterator[Problem]:
        """`x-from` must name a field of every recipe type that a training stage trains; for others, of some type."""
        for name, shape in stage.shape.properties.items():
            if shape.source is None:
                continue
            path = shape.source.split(".")
            unknown = {type_: self._unknown_step(type_, path) for type_ in stage.info.types or self._type_names()}
            if not stage.info.types and None in unknown.values():
                continue
            for type_, found in unknown.items():
                if found is None:
                    continue
                known, step = found
                yield Problem(
                    self.place(stage.key, "properties", name, "x-from"),
                    "E0504",
                    f"x-from {shape.source} of option {name}: a {type_} recipe has no field {step}",
                    hint=did_you_mean(step, known) or f"fields here: {', '.join(sorted(known))}",
                )
                break

    def _check_names(self, stage: Stage, stages: Mapping[str, Stage]) -> Iterator[Problem]:
        """What a stage requires must be a stage; a recipe type has one training stage."""
        for number, needed in enumerate(stage.info.requires):
            if needed not in stages:
                place = self.place(stage.key, "x-stage", "requires", number)
                hint = did_you_mean(needed, stages) or f"stages: {', '.join(sorted(stages))}"
                message = f"stage {stage.info.name} requires {needed}, which is no stage"
                yield Problem(place, "E0506", message, hint=hint)
        for number, type_ in enumerate(stage.info.types):
            first = next(other for other in stages.values() if type_ in other.info.types)
            if first is not stage:
                place = self.place(stage.key, "x-stage", "types", number)
                message = f"{type_} recipes are trained by stage {first.info.name} already"
                yield Problem(place, "E0503", message, hint='let this stage have the role "stage"')

    def _unknown_step(self, type_: str, path: Sequence[str]) -> tuple[Iterable[str], str] | None:
        shape = self.recipe(type_)
        for step in path:
            if step not in shape.properties:
                return shape.properties, step
            shape = shape.properties[step]
        return None

    def _type_names(self) -> list[str]:
        return list(self.documents["recipe.schema.json"]["properties"]["type"]["enum"])

    def bad_ref(self, ref: str, base: str) -> Problem:
        """The problem of a `$ref` in document `base` that leads nowhere."""
        known = [*self.documents]
        return Problem(
            self.place(base),
            "E0502",
            f"$ref {ref} leads to no schema",
            hint=did_you_mean(ref.partition("#")[0], known) or "a $ref is a path beside this file or a shipped schema",
        )

    def place(self, key: str, *path: str | int) -> Place:
        """Where a part of a schema file stands; the file alone for a shipped one."""
        node = self.places.get(key)
        found = node.get(*path) if node else None
        return found.place if found else Place(key)


def load() -> Schemas:
    """The shipped schemas; `extend` adds those of third parties."""
    root = shipped("schemas")
    documents: dict[str, Raw] = {}
    for path in sorted(root.rglob("*.schema.json")):
        key = path.relative_to(root).as_posix()
        if key != META:
            documents[key] = json.loads(path.read_text("utf-8"))
    return Schemas(documents)


def _refs(raw: Raw) -> Iterator[str]:
    """The references of a property that may be null: its own, or that of a choice."""
    for choice in (raw, *raw.get("anyOf", ())):
        if "$ref" in choice:
            yield choice["$ref"]


def _kind(raw: Raw, types: Sequence[str]) -> Kind:
    if "x-elixir-struct" in raw:
        return "record"
    if (elixir := raw.get("x-elixir-type")) is not None:
        if elixir in ("map", "keyword") and raw.get("properties"):
            return "object"
        if elixir == "atom" and "array" in types:
            return "list"
        return _ELIXIR_KINDS[elixir]
    if raw.get("properties"):
        return "object"
    values = [type_ for type_ in types if type_ != "null"]
    if len(values) == 1:
        return _JSON_KINDS[values[0]]
    if not values and all(isinstance(value, str) for value in raw.get("enum", (0,))):
        return "text"
    return "any"


def _merged(base: Raw, over: Raw) -> Raw:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def at(document: Raw, pointer: str) -> Raw:
    """The part of a schema document that a JSON pointer names."""
    node: Any = document
    for step in pointer.split("/")[1:]:
        node = node[step.replace("~1", "/").replace("~0", "~")]
    return node  # type: ignore[no-any-return]


def normal(path: str) -> str:
    """A posix path without `.` and `..` steps."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)

"""Schema documents into shapes.

The documents are JSON Schema 2020-12 with keywords of our own (see `keywords`). A schema of a third party is a stage
schema; it may `$ref` files beside it, and the shipped ones by their keys (`ir/model_ref.schema.json`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from crucible_gen.diagnostics import Place, Problem, Problems, did_you_mean
from crucible_gen.documents import Node
from crucible_gen.schemas.keywords import KINDS, REFINES, STRUCT, STRUCT_NAME, TYPE
from crucible_gen.schemas.shapes import Inject, Kind, Plausible, Raw, RecipeKind, Shape

CODES = {"E0502": "a $ref leads nowhere"}

RECIPE = "recipe.schema.json"
"""The key of the schema of recipes."""

_JSON_KINDS: dict[str, Kind] = {
    "string": "text",
    "boolean": "boolean",
    "integer": "integer",
    "number": "number",
    "array": "list",
    "object": "map",
}


class Compiler:
    """Schema documents by key (`ir/model_ref.schema.json`; a third party's by its path), and the shape of each part.

    `places` are the user's schema files with places, for messages; the shipped ones are held right by tests.
    """

    def __init__(self, documents: Mapping[str, Raw], places: Mapping[str, Node] | None = None) -> None:
        """Takes the documents by key, and the user's ones once more with places."""
        self.documents = documents
        self.places = places or {}
        self._memo: dict[tuple[str, str], Shape] = {}

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
            record=base.removeprefix("ir/").removesuffix(".schema.json") if STRUCT in raw else None,
            properties=properties,
            order=order,
            items=self._compile(raw["items"], base) if isinstance(raw.get("items"), dict) else None,
            short=raw.get("x-short"),
            enum=tuple(raw.get("enum", ())),
            minimum=raw.get("minimum", raw.get("exclusiveMinimum")),
            names={found[1]: value for keyword, value in raw.items() if (found := STRUCT_NAME(keyword))},
            required=tuple(raw.get("required", ())),
            known=_known(raw),
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
        for keyword in REFINES:
            if keyword not in raw:
                continue
            value = raw[keyword]
            match keyword:
                case "default":
                    refined |= {"default": value, "has_default": True}
                case "x-from":
                    refined["source"] = value
                case "x-inject":
                    refined["inject"] = _inject(value)
                case "x-define":
                    refined["define"] = bool(value)
                case "description":
                    refined["description"] = value
                case "x-plausible":
                    refined["plausible"] = Plausible(**value)
                case "x-plugin":
                    refined["plugin"] = value
                case "x-no-engine":
                    refined["no_engine"] = bool(value)
        return refined

    @cached_property
    def kinds(self) -> Mapping[str, RecipeKind]:
        """The kinds of recipes by name, in the order of the recipe schema: each has a schema of its options there."""
        found = {}
        for rule in self.documents[RECIPE].get("allOf", ()):
            options = _options(rule.get("then", {}))
            if "$ref" in options:
                name = options["$ref"].removeprefix("options/").removesuffix(".schema.json")
                found[name] = self._kind(name, rule["if"])
        return found

    def _kind(self, name: str, condition: Raw) -> RecipeKind:
        type_ = condition["properties"]["type"]["const"]
        for option, wanted in _options(condition).get("properties", {}).items():
            default = self.documents[f"options/{name}.schema.json"]["properties"][option].get("default")
            return RecipeKind(name, type_, option, wanted["const"], default == wanted["const"])
        return RecipeKind(name, type_)

    def kind_of(self, recipe: Node) -> str:
        """The kind of a recipe; that of its type alone where the value of the option that decides is none of those known."""
        named = recipe.get("type")
        type_ = named.value if named is not None and isinstance(named.value, str) else ""
        for kind in self.kinds.values():
            option = recipe.get("training_config", "options", kind.option) if kind.option else None
            if kind.type == type_ and option is not None and option.value == kind.value:
                return kind.name
        return next((kind.name for kind in self.kinds.values() if kind.type == type_ and kind.default), type_)

    def recipe(self, kind: str) -> Shape:
        """The shape of a recipe of this kind: its type's part of the recipe schema, with the options of the kind."""
        memo = ("recipe", kind)
        if memo not in self._memo:
            overlay: Raw = {"properties": {"training_config": {"properties": {"options": {}}}}}
            if kind in self.kinds:
                _options(overlay)["$ref"] = f"options/{kind}.schema.json"
            self._memo[memo] = self._compile({"$ref": RECIPE, **overlay}, RECIPE)
        return self._memo[memo]

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


def _known(raw: Raw) -> tuple[str, ...]:
    """The texts that a schema names where others are allowed too."""
    named = (*raw.get("examples", ()), *raw.get("x-known", ()))
    return tuple(value for value in named if isinstance(value, str)) if "enum" not in raw else ()


def _inject(raw: Mapping[str, Any]) -> Inject:
    """What `x-inject` says: a kind of live value, or its type in each language."""
    types = {name: value for name, value in raw.items() if name not in ("type", "needed", "languages")}
    return Inject(types, raw.get("type"), bool(raw.get("needed", False)), tuple(raw.get("languages", ())))


def _kind(raw: Raw, types: Sequence[str]) -> Kind:
    if STRUCT in raw:
        return "record"
    if (type_ := raw.get(TYPE)) is not None:
        if type_ in ("map", "keyword") and raw.get("properties"):
            return "object"
        if type_ == "atom" and "array" in types:
            return "list"
        return KINDS[type_]
    if raw.get("properties"):
        return "object"
    values = [each for each in types if each != "null"]
    if len(values) == 1:
        return _JSON_KINDS[values[0]]
    if not values and all(isinstance(value, str) for value in raw.get("enum", (0,))):
        return "text"
    return "any"


def _options(part: Raw) -> Raw:
    """What a part of the recipe schema says of `training_config.options`."""
    for step in ("training_config", "options"):
        part = part.get("properties", {}).get(step, {})
    return part


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

"""A resolved recipe becomes an Experiment of terms.

The training configuration is a record of literals; everything else reads from it by name, so that a value stands once
and an override reaches every place. What only the caller can supply is read from `config`. `concrete` gives the same
experiment with every name replaced by its value and every field present: what canonical JSON is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from crucible_gen.diagnostics import Place
from crucible_gen.documents import Entry, Node, Plain
from crucible_gen.ir import stages
from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.schemas import ANY, Inject, Schemas, Shape

CONFIG, TRAINING, OPTIONS = "config", "training_config", "options"
TEXT_MAP = Shape("text_map")


class Input(NamedTuple):
    """A live value that the caller supplies under `name`."""

    name: str
    inject: Inject
    description: str


class StageLine(NamedTuple):
    """A stage as documentation and runners name it; `kind` is the name that its schema gives it, None without one."""

    name: str
    module: str
    kind: str | None


class Experiment(NamedTuple):
    """What both languages print: `training_config` stands alone, `body` refers to it by name.

    `kind` is the kind of recipe, which says what `training_config.options` may hold (see `Schemas.kinds`).
    `uses_options` says whether `body` reads the names in `training_config.options`.
    """

    id: str
    type: str
    kind: str
    description: str
    training_config: Record
    body: Record
    inputs: tuple[Input, ...]
    stages: tuple[StageLine, ...]
    evaluation: Map | None
    uses_options: bool


def lower(recipe: Node, schemas: Schemas) -> Experiment:
    """The experiment of a resolved recipe that its schema and `rules` accept; nothing is raised for such a recipe."""
    return _Lowering(recipe, schemas).experiment()


def concrete(experiment: Experiment, schemas: Schemas) -> Record:
    """The experiment without names: overrides none, live values nil, every record with all of its fields."""
    training = complete(experiment.training_config, schemas)
    assert isinstance(training, Record)
    options = dict(training.fields)[OPTIONS]
    bound = {TRAINING: training, OPTIONS: options, CONFIG: None}
    body = _replace_names(experiment.body, bound)
    done = complete(body, schemas, skip=training)
    assert isinstance(done, Record)
    return done


def complete(term: Term, schemas: Schemas, skip: Record | None = None) -> Term:
    """The term with every record's missing fields set to the struct's defaults; `skip` is complete already."""
    if not isinstance(term, tuple) or term is skip:
        return term
    match term:
        case Record(type_, fields):
            said = {name: complete(value, schemas, skip) for name, value in fields}
            defaults = _defaults(type_, schemas).items()
            return Record(type_, tuple([(name, said.get(name, default)) for name, default in defaults]))
        case Map(entries, symbols):
            return Map(tuple((key, complete(value, schemas, skip)) for key, value in entries), symbols)
        case Keywords(entries):
            return Keywords(tuple((key, complete(value, schemas, skip)) for key, value in entries))
        case List(items):
            return List(tuple(complete(item, schemas, skip) for item in items))
    return term


@lru_cache(256)
def _defaults(type_: str, schemas: Schemas) -> dict[str, Term]:
    """The complete default of each field of a struct, in the struct's order."""
    properties = schemas.record(type_).properties.items()
    return {
        name: complete(plain_term(shape.default, shape), schemas) if shape.default is not None else None
        for name, shape in properties
    }


def plain_term(value: Plain, shape: Shape) -> Term:
    """A value without places (a schema's default) as a term of this shape."""
    return term(_node(value), shape)


def term(node: Node, shape: Shape) -> Term:
    """A valid value as a term of this shape; properties come in the shape's print order."""
    value = node.value
    if value is None:
        return None
    if isinstance(value, str) and shape.short is not None:
        value = {shape.short: Entry(node.place, node)}  # `resolve` writes out those that could be merged, not all
    if isinstance(value, dict):
        return _mapping_term(value, shape)
    if isinstance(value, tuple):
        inner = TEXT_MAP if shape.kind == "text_map" else shape.items or ANY
        return List(tuple(term(item, inner) for item in value))
    match shape.kind:
        case "symbol" if isinstance(value, str):
            return Symbol(value)
        case "module" if isinstance(value, str):
            return Module(value)
        case "timestamp" if isinstance(value, str):
            return Timestamp(utc(value))
        case "float" if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        case "integer" if isinstance(value, float):
            return int(value)  # JSON Schema counts 3.0 as an integer
    return value


def utc(text: str) -> str:
    """ISO 8601 text with any offset as the same moment in UTC, ending in Z. Raises ValueError for no such moment."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset from UTC")
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _mapping_term(said: dict[str, Entry], shape: Shape) -> Term:
    free = TEXT_MAP if shape.kind == "text_map" else ANY
    order = [name for name in shape.order if name in said]
    order += [name for name in said if name not in shape.properties]
    entries = tuple((name, term(said[name].node, shape.properties.get(name, free))) for name in order)
    if shape.record is not None:
        return Record(shape.record, entries)
    if shape.kind == "keywords":
        return Keywords(entries)
    return Map(entries, symbols=shape.kind != "text_map")


class _Lowering:
    def __init__(self, recipe: Node, schemas: Schemas) -> None:
        self.id = _text(recipe, "id")
        self.type = _text(recipe, "type")
        self.node = _with_backend(recipe, schemas.types[self.type].info.backend or "")
        self.schemas = schemas
        self.kind = schemas.kind_of(recipe)
        self.shape = schemas.recipe(self.kind)
        self.inputs: dict[str, Input] = {}
        self.uses_options = False

    def experiment(self) -> Experiment:
        steps = stages.steps(self.node, self.type, self.schemas)
        pipeline = List(tuple(self.stage(step) for step in steps))
        return Experiment(
            id=self.id,
            type=self.type,
            kind=self.kind,
            description=_text(self.node, "description"),
            training_config=self.training_config(),
            body=self.body(pipeline),
            inputs=tuple(self.inputs.values()),
            stages=tuple(_line(step) for step in steps),
            evaluation=self.evaluation(),
            uses_options=self.uses_options,
        )

    def training_config(self) -> Record:
        """The record; its id is the recipe's unless it says one, and `options` is always a map that overrides reach."""
        shape = self.shape.properties[TRAINING]
        node = self.node.get(TRAINING)
        assert node is not None
        record = term(node, shape)
        assert isinstance(record, Record)
        fields = {"id": Symbol(self.id), OPTIONS: Map(()), **dict(record.fields)}
        return Record(record.type, tuple((name, fields[name]) for name in shape.order if name in fields))

    def body(self, stages: List) -> Record:
        experiment = self.schemas.record("experiment")
        fields: dict[str, Term] = {
            "id": Symbol(self.id),
            "pipeline": stages,
            "dataset": Name(TRAINING, ("dataset_ref",)),
            TRAINING: Name(TRAINING),
        }
        for name, shape in self.shape.properties.items():
            node = self.node.get(name)
            if name in experiment.properties and name not in ("id", TRAINING) and node is not None:
                fields[name] = term(node, shape)
        return Record("experiment", tuple((name, fields[name]) for name in experiment.order if name in fields))

    def stage(self, step: stages.Step) -> Record:
        options = self.options(step)
        fields: list[tuple[str, Term]] = [("name", Symbol(step.name)), ("module", Module(step.module))]
        return Record("stage_def", (*fields, ("options", options)))

    def options(self, step: stages.Step) -> Map | Keywords:
        if step.stage is None:
            entries = self.evaluation_entries()
            return Map(tuple((key, value) for key, value in entries if key not in ("as", "module", "name")))
        given = step.options
        options: list[tuple[str, Term]] = []
        for name in step.stage.shape.order:
            shape = step.stage.shape.properties[name]
            said = given.get(name) if given is not None else None
            if said is not None:
                options.append((name, term(said, shape)))
            elif shape.source is not None:
                options.append((name, self.fed(shape)))
            elif shape.inject is not None:
                before = self.inputs.get(name)
                if before is None or (before.inject.languages and not shape.inject.languages):
                    self.inputs[name] = Input(name, shape.inject, shape.description)
                options.append((name, Name(CONFIG, (name,))))
        keyword = step.stage.info.options == "keyword"
        return Keywords(tuple(options)) if keyword else Map(tuple(options))

    def fed(self, shape: Shape) -> Term:
        """The term that feeds an option from the IR (`x-from`), or the stage's default where the IR value is nil."""
        path = tuple((shape.source or "").split("."))
        default = plain_term(shape.default, shape)
        if path[0] == "dataset" and self.node.get("dataset") is None:
            path = (TRAINING, "dataset_ref", *path[1:])
        fed, holder = self.shape.below(path) or ANY, self.shape.below(path[:-1])
        if path[0] == TRAINING:
            if path[:-1] == (TRAINING, OPTIONS):
                if holder is not None and path[-1] not in holder.properties:
                    return default  # an option of another kind of recipe, which this one cannot have
                self.uses_options = True
                return Get(Name(OPTIONS), path[-1], default)
            if len(path) > 1 and holder is not None and holder.record is None:
                return Get(Name(TRAINING, path[1:-1]), path[-1], default)
            name = Name(TRAINING, path[1:])
            return Or(name, default) if fed.nullable and default is not None else name
        shape = fed if _says_no_more(shape) else shape
        node = self.node.get(*path)
        if node is None and fed.default is not None and self.node.get(*path[:-1]) is not None:
            return plain_term(fed.default, shape)
        return term(node, shape) if node is not None else default

    def evaluation(self) -> Map | None:
        node = self.node.get("evaluation")
        kind = node.get("as") if node is not None else None
        if node is None or (kind is not None and kind.value == "stage"):
            return None
        return Map(tuple((key, value) for key, value in self.evaluation_entries() if key != "as"))

    def evaluation_entries(self) -> tuple[tuple[str, Term], ...]:
        node = self.node.get("evaluation")
        assert node is not None
        mapping = term(node, self.shape.properties["evaluation"])
        assert isinstance(mapping, Map)
        return tuple((key, _with_ids(value) if key == "tasks" else value) for key, value in mapping.entries)


def _text(node: Node, key: str) -> str:
    """The text at a key; empty where there is none."""
    found = node.get(key)
    return found.value if found is not None and isinstance(found.value, str) else ""


def _with_backend(node: Node, id_: str) -> Node:
    """The recipe with a backend, which an experiment must have: that of its own or, where it names none, this one."""
    assert isinstance(node.value, dict)
    if node.get("backend") is not None:
        return node
    return Node({**node.value, "backend": Entry(node.place, _node({"id": id_}))}, node.place)


def _says_no_more(shape: Shape) -> bool:
    """Whether a shape leaves open what its parts are: then a value looks as where it comes from."""
    return shape.kind in ("any", "map") or (shape.kind == "list" and shape.items is None)


def _line(step: stages.Step) -> StageLine:
    return StageLine(step.name, step.module, step.stage.info.name if step.stage is not None else None)


def _with_ids(tasks: Term) -> Term:
    """Tasks whose scorer is said and whose samples all have ids: their number where the recipe gives none."""
    return _each(tasks, _with_sample_ids)


def _with_sample_ids(task: Map) -> Map:
    entries = dict(task.entries)
    entries.setdefault("scorer", Symbol("exact_match"))
    if isinstance(samples := entries.get("samples"), List):
        numbered = []
        for number, sample in enumerate(samples.items, 1):
            assert isinstance(sample, Map)
            has_id = any(key == "id" for key, _ in sample.entries)
            numbered.append(sample if has_id else Map((("id", str(number)), *sample.entries)))
        entries["samples"] = List(tuple(numbered))
    order = [key for key in ("name", "scorer") if key in entries]
    return Map(tuple((key, entries[key]) for key in [*order, *(key for key in entries if key not in order)]))


def _each(items: Term, change: Callable[[Map], Map]) -> Term:
    assert isinstance(items, List)
    return List(tuple(change(item) if isinstance(item, Map) else item for item in items.items))


def _replace_names(value: Term, bound: Mapping[str, Term]) -> Term:
    if not isinstance(value, tuple):
        return value
    match value:
        case Name(variable, path):
            found = bound[variable]
            for step in path:
                found = dict(found.fields)[step] if isinstance(found, Record) else None
            return found
        case Or(name, default):
            found = _replace_names(name, bound)
            return default if found is None else found
        case Get(name, key, default):
            entries = _replace_names(name, bound)
            return dict(entries.entries).get(key, default) if isinstance(entries, Map) else default
        case Record(type_, fields):
            return Record(type_, tuple((name, _replace_names(inner, bound)) for name, inner in fields))
        case Map(entries, symbols):
            return Map(tuple((key, _replace_names(inner, bound)) for key, inner in entries), symbols)
        case Keywords(entries):
            return Keywords(tuple((key, _replace_names(inner, bound)) for key, inner in entries))
        case List(items):
            return List(tuple(_replace_names(item, bound) for item in items))
    return value


def _node(value: Plain) -> Node:
    place = Place("")
    if isinstance(value, dict):
        return Node({key: Entry(place, _node(inner)) for key, inner in value.items()}, place)
    if isinstance(value, list):
        return Node(tuple(_node(item) for item in value), place)
    return Node(value, place)

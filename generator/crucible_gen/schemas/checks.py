"""What must hold between the schemas of a run and no JSON Schema can say: names are unique, references lead somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crucible_gen.diagnostics import Problem, did_you_mean
from crucible_gen.schemas.compiler import Compiler
from crucible_gen.schemas.shapes import Stage

CODES = {
    "E0503": "two stage schemas describe the same stage",
    "E0504": "x-from names no field that can feed an option",
    "E0506": "a stage requires one that there is not",
}


def described_twice(schemas: Compiler, name: str, key: str, first: str) -> Problem:
    """The problem of a schema file that describes a stage which the schema at `first` describes already."""
    other = schemas.place(first).file if first in schemas.places else "the shipped schemas"
    return Problem(
        schemas.place(key, "x-stage", "name"),
        "E0503",
        f"stage {name} is described twice: here and in {other}",
        hint="give this stage another name",
    )


def sources(schemas: Compiler, stage: Stage) -> Iterator[Problem]:
    """`x-from` must name a field of some kind of recipe; for a training stage, of one of every type that it trains."""
    for name, shape in stage.shape.properties.items():
        if shape.source is None:
            continue
        path = shape.source.split(".")
        unknown = {kind.name: _unknown_step(schemas, kind.name, path) for kind in schemas.kinds.values()}
        fed = {schemas.kinds[kind].type for kind, found in unknown.items() if found is None}
        if fed if not stage.info.types else fed.issuperset(stage.info.types):
            continue
        for type_ in stage.info.types or schemas.kinds:
            found = unknown[type_]
            if found is None or type_ in fed:
                continue
            known, step = found
            yield Problem(
                schemas.place(stage.key, "properties", name, "x-from"),
                "E0504",
                f"x-from {shape.source} of option {name}: a {type_} recipe has no field {step}",
                hint=did_you_mean(step, known) or f"fields here: {', '.join(sorted(known))}",
            )
            break


def names(schemas: Compiler, stage: Stage, stages: Mapping[str, Stage]) -> Iterator[Problem]:
    """What a stage requires must be a stage; a recipe type has one training stage."""
    for number, needed in enumerate(stage.info.requires):
        if needed not in stages:
            place = schemas.place(stage.key, "x-stage", "requires", number)
            hint = did_you_mean(needed, stages) or f"stages: {', '.join(sorted(stages))}"
            message = f"stage {stage.info.name} requires {needed}, which is no stage"
            yield Problem(place, "E0506", message, hint=hint)
    for number, type_ in enumerate(stage.info.types):
        first = next(other for other in stages.values() if type_ in other.info.types)
        if first is not stage:
            place = schemas.place(stage.key, "x-stage", "types", number)
            message = f"{type_} recipes are trained by stage {first.info.name} already"
            yield Problem(place, "E0503", message, hint='let this stage have the role "stage"')


def _unknown_step(schemas: Compiler, kind: str, path: Sequence[str]) -> tuple[Iterable[str], str] | None:
    shape = schemas.recipe(kind)
    for step in path:
        if step not in shape.properties:
            return shape.properties, step
        shape = shape.properties[step]
    return None

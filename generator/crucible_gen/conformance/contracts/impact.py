"""Which recipes a change of a package concerns, read from the experiments that the recipes become.

A field that is gone concerns the recipes that write it, a default those that leave it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from crucible_gen.conformance.contracts.changes import Change
from crucible_gen.ir.lower import Experiment
from crucible_gen.ir.terms import Keywords, List, Map, Module, Record, Term
from crucible_gen.schemas import Schemas


@dataclass(frozen=True, slots=True)
class Use:
    """Where an experiment uses a struct or a stage, with the fields or options that it writes there."""

    kind: Literal["structs", "stages"]
    owner: str
    fields: frozenset[str]


def uses(experiment: Experiment, schemas: Schemas) -> list[Use]:
    """Every struct and stage of an experiment, its training configuration included."""
    return [*_uses(experiment.training_config, schemas), *_uses(experiment.body, schemas)]


def _uses(term: Term, schemas: Schemas) -> Iterator[Use]:
    match term:
        case Record(type_, entries):
            struct = schemas.record(type_).names.get("elixir")
            yield Use("structs", struct or type_, frozenset(name for name, _ in entries))
            if type_ == "stage_def":
                yield from _stage_use(dict(entries))
            for _, value in entries:
                yield from _uses(value, schemas)
        case Map(entries, _) | Keywords(entries):
            for _, value in entries:
                yield from _uses(value, schemas)
        case List(items):
            for value in items:
                yield from _uses(value, schemas)


def _stage_use(fields: Mapping[str, Term]) -> Iterator[Use]:
    """The stage of a pipeline entry, with its options."""
    match fields.get("module"), fields.get("options"):
        case Module(module), (Map(entries) | Keywords(entries)):
            yield Use("stages", module, frozenset(name for name, _ in entries))
        case Module(module), _:
            yield Use("stages", module, frozenset())


def concerned(change: Change, uses_by_recipe: Mapping[str, Sequence[Use]]) -> list[str]:
    """The ids of the recipes that a change concerns, sorted."""
    return sorted(recipe for recipe, used in uses_by_recipe.items() if _concerns(change, used))


def _concerns(change: Change, used: Iterable[Use]) -> bool:
    if change.touches == "none":
        return False
    owned = [use for use in used if (use.kind, use.owner) == (change.kind, change.owner)]
    if change.touches == "all":
        return bool(owned)
    return any((change.field in use.fields) == (change.touches == "written") for use in owned)

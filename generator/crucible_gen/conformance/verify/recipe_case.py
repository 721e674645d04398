"""A recipe with all that its verification needs: its configuration, the overrides to try, and its stages.

Overrides go to every place that a value can go: a field that a stage takes flat, one that nothing takes, a part of a
struct, an option, and an option that goes away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crucible_gen.conformance.verify import expectations
from crucible_gen.conformance.verify.expectations import Config
from crucible_gen.ir import stages
from crucible_gen.ir.lower import Experiment, complete, plain_term
from crucible_gen.ir.terms import Keywords, List, Map, Module, Record, Symbol, Term, Timestamp
from crucible_gen.recipes import ids
from crucible_gen.recipes.resolve import Recipe
from crucible_gen.schemas import Schemas, Shape, Stage


@dataclass(frozen=True)
class RecipeCase:
    """A recipe that is verified.

    `stem` names its files, `module` is its Python module. `config` is its whole training configuration as plain values,
    `overrides` the sets that both languages are given, `runs` what it is run with; `stages` and `modules` are those of
    its pipeline by name, `training` the names of the stages that train; `values` has another value for each option of
    the training stage that the IR feeds.
    """

    id: str
    kind: str
    file: str
    stem: str
    module: str
    config: Config
    overrides: tuple[Config, ...]
    runs: tuple[Config, ...]
    stages: Mapping[str, Stage | None]
    modules: Mapping[str, str]
    training: tuple[str, ...]
    values: Mapping[str, Term]

    def expected(self, overrides: Config, schedule: str | None = None) -> expectations.Expectation:
        """What a client must see of a run with these overrides; `schedule` replaces the one that the recipe names."""
        return expectations.expected(self.kind, self.merged(overrides), schedule)

    def merged(self, overrides: Config) -> dict[str, Any]:
        """The training configuration with these overrides."""
        return expectations.merged(self.config, overrides)


def recipe_case(recipe: Recipe, experiment: Experiment, schemas: Schemas, package: str) -> RecipeCase:
    """The case of a valid recipe and its experiment; `package` is the generated Python package."""
    steps = stages.steps(recipe.node, recipe.type, schemas)
    by_name = {step.name: step.stage for step in steps}
    training = tuple(name for name, stage in by_name.items() if stage is not None and stage.info.role == "training")
    record = complete(experiment.training_config, schemas)
    config = _plain(record)
    assert isinstance(config, dict)
    kind = experiment.kind
    few = expectations.fewer(kind) if expectations.steps(kind, config) > expectations.MOST else {}
    sets = _overrides(kind, config, schemas)
    return RecipeCase(
        id=recipe.id,
        kind=kind,
        file=recipe.source.name,
        stem=ids.stem(recipe.id),
        module=f"{package}.{ids.stem(recipe.id)}",
        config=config,
        overrides=sets,
        runs=(few, sets[0]),
        stages=by_name,
        modules={line.name: line.module for line in experiment.stages},
        training=training,
        values=_other_values(schemas.types[recipe.type], expectations.merged(config, few)),
    )


def _overrides(kind: str, config: Config, schemas: Schemas) -> tuple[Config, ...]:
    """Two sets of overrides: values in every place that can hold one, and values that go away."""
    options = config.get("options") or {}
    known = schemas.options(kind).properties
    decides = schemas.kinds[kind].option
    changed: dict[str, Any] = {"num_batches": 2} if "num_batches" in known else {}
    everywhere = {
        "epochs": int(config.get("epochs") or 1) % 3 + 1,
        "batch_size": int(config.get("batch_size") or 1) + 1,
        "learning_rate": float(config.get("learning_rate") or 1.0e-4) / 2,
        "checkpoint_every": 7,
        "model_ref": {"id": "verify/model"},
        **({"options": changed} if changed else {}),
    }
    removable = options.keys() - {decides}
    gone = {"seed": 7, **({"options": {min(removable): None}} if removable else {})}
    return everywhere, gone


def _other_values(stage: Stage, config: Config) -> dict[str, Term]:
    """Another value for each option of a training stage that a field of the configuration feeds."""
    found: dict[str, Term] = {}
    for name, shape in stage.shape.properties.items():
        if shape.source is None or name == "training_config":
            continue
        now = _at(config, shape.source) if shape.source.startswith("training_config.") else None
        other = _other(shape, shape.default if now is None else now)
        if other is not None:
            found[name] = plain_term(other, shape)
    return found


def _other(shape: Shape, now: Any) -> Any:
    """A value that the shape allows and that is not the one it has now, or None."""
    if shape.enum:
        return next((value for value in shape.enum if value is not None and value != now), None)
    match shape.kind:
        case "integer":
            return (now or 0) + 1
        case "float" | "number":
            return (now or 0.5) / 2
        case "boolean":
            return not now
        case "text" | "symbol":
            return f"{now or 'verify'}_other"
    return None


def _at(config: Config, source: str) -> Any:
    """The value of the configuration that an `x-from` path names, or None."""
    value: Any = config
    for step in source.split(".")[1:]:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _plain(term: Term) -> Any:
    """A term without names as plain values; what is a name in Elixir is text."""
    match term:
        case Record(_, entries) | Map(entries) | Keywords(entries):
            return {name: _plain(value) for name, value in entries}
        case List(items):
            return [_plain(item) for item in items]
        case Symbol(name) | Module(name):
            return name
        case Timestamp(text):
            return text
    return term

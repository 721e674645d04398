"""Recipes and what was generated for them in, what to ask of both languages out.

Overrides go to every place that a value can go: a field that a stage takes flat, one that nothing takes, a part of a
struct, an option, and an option that goes away.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crucible_gen import defects, names, pipeline
from crucible_gen.conformance.verify import numbers
from crucible_gen.lower import Experiment, complete, plain_term
from crucible_gen.problems import Place, Problem, Problems
from crucible_gen.resolve import Recipe
from crucible_gen.schema import Schemas, Shape, Stage
from crucible_gen.settings import shown
from crucible_gen.terms import Keywords, Module, Record, Symbol, Term, Timestamp
from crucible_gen.terms import Mapping as Map
from crucible_gen.terms import Sequence as Items

CODES = {"E0901": "a generated file that is to be proven is not there"}
"""What each code of this step means, in a line."""

_LIB, _FOLDER = "elixir/lib", "elixir/lib/crucible_recipes"


@dataclass(frozen=True)
class Asked:
    """A recipe with all that the questions and the judgement need of it.

    `config` is its whole training configuration as plain values, `overrides` the sets that both languages are given,
    `runs` what it is run with; `training` are the stages of its pipeline that train, by name.
    """

    id: str
    type: str
    file: str
    stem: str
    config: Mapping[str, Any]
    overrides: tuple[Mapping[str, Any], ...]
    runs: tuple[Mapping[str, Any], ...]
    stages: Mapping[str, Stage | None]
    modules: Mapping[str, str]
    training: tuple[str, ...]
    values: Mapping[str, Term]
    """Another value for each option of the training stage that the IR feeds."""


def asked(recipe: Recipe, experiment: Experiment, schemas: Schemas) -> Asked:
    """A valid recipe and its experiment to what is asked about it."""
    steps = pipeline.steps(recipe.node, recipe.type, schemas)
    stages = {step.name: step.stage for step in steps}
    training = tuple(name for name, stage in stages.items() if stage is not None and stage.info.role == "training")
    record = complete(experiment.training_config, schemas)
    config = _plain(record)
    assert isinstance(config, dict)
    few = numbers.fewer(recipe.type) if numbers.steps(recipe.type, config) > numbers.MOST else {}
    sets = _overrides(recipe.type, config, schemas)
    return Asked(
        id=recipe.id,
        type=recipe.type,
        file=recipe.source.name,
        stem=names.stem(recipe.id),
        config=config,
        overrides=sets,
        runs=(few, sets[0]),
        stages=stages,
        modules={line.name: line.module for line in experiment.stages},
        training=training,
        values=_other_values(schemas.types[recipe.type], numbers.merged(config, few)),
    )


def _overrides(type_: str, config: Mapping[str, Any], schemas: Schemas) -> tuple[Mapping[str, Any], ...]:
    options = config.get("options") or {}
    known = schemas.options(type_).properties
    changed: dict[str, Any] = {"num_batches": 2} if "num_batches" in known else {}
    everywhere = {
        "epochs": int(config.get("epochs") or 1) % 3 + 1,
        "batch_size": int(config.get("batch_size") or 1) + 1,
        "learning_rate": float(config.get("learning_rate") or 1.0e-4) / 2,
        "checkpoint_every": 7,
        "model_ref": {"id": "verify/model"},
        **({"options": changed} if changed else {}),
    }
    gone = {"seed": 7, **({"options": {min(options): None}} if options else {})}
    return everywhere, gone


def _other_values(stage: Stage, config: Mapping[str, Any]) -> dict[str, Term]:
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


def _at(config: Mapping[str, Any], source: str) -> Any:
    value: Any = config
    for step in source.split(".")[1:]:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _plain(term: Term) -> Any:
    """A term without names as plain values; what is a name in Elixir is text."""
    match term:
        case Record(_, entries) | Map(entries) | Keywords(entries):
            return {name: _plain(value) for name, value in entries}
        case Items(items):
            return [_plain(item) for item in items]
        case Symbol(name) | Module(name):
            return name
        case Timestamp(text):
            return text
    return term


# What is written into the question ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Files:
    """The generated files that are proven: those that recipes share, and each recipe's by its id."""

    shared: tuple[Path, ...]
    own: Mapping[str, Path]


def files(out: Path, recipes: Sequence[Asked], command: str) -> Files:
    """The files below `out`. Raises Problems for those that are not there; `command` is what writes them."""
    own = {recipe.id: out / _FOLDER / f"{recipe.stem}.ex" for recipe in recipes}
    python = [out / "python" / "crucible_recipes" / f"{recipe.stem}.py" for recipe in recipes]
    wanted = [out / _LIB / "crucible_recipes.ex", *own.values(), *python]
    if missing := [path for path in wanted if not os.path.isfile(path)]:
        hint = f"run: {command}"
        raise Problems([Problem(Place(shown(path)), "E0901", "there is no such file", hint=hint) for path in missing])
    shared = [path for path in sorted((out / _LIB).rglob("*.ex")) if _is_shared(path, out)]
    return Files(tuple(shared), own)


def _is_shared(path: Path, out: Path) -> bool:
    return path.parent != out / _FOLDER or names.elixir_alias(path.stem) in names.RESERVED_ALIASES


def elixir(
    recipes: Sequence[Asked],
    found: Files,
    paths: Sequence[Path],
    needs: Sequence[str],
    probes: Sequence[defects.Defect],
    run: bool,
) -> str:
    """The question for Elixir, as source text of one term."""
    from crucible_gen.printers import elixir as printer

    measured = _measured(recipes)
    term = _map(
        paths=_texts(paths),
        needs=_texts(needs),
        shared=_texts(found.shared),
        run=run,
        probes=Items(tuple(_probe(defect) for defect in probes)),
        recipes=Items(tuple(_recipe(recipe, found.own[recipe.id], measured.get(recipe.id, ())) for recipe in recipes)),
    )
    return printer.text(term) + "\n"


def _recipe(recipe: Asked, path: Path, measured: Sequence[str]) -> Map:
    runs = [_map(overrides=_term(each), rounds=_rounds(recipe, each)) for each in recipe.runs]
    packages = {name: stage.info.package for name, stage in recipe.stages.items() if stage is not None}
    base = numbers.merged(recipe.config, recipe.runs[0])
    last = numbers.steps(recipe.type, base) - 1
    failing = [("start_session", 0), ("forward_backward", 0), ("await", 0)]
    failing += [("optim_step", last), ("forward_backward", last)]
    return _map(
        id=recipe.id,
        module=f"CrucibleRecipes.{names.elixir_alias(recipe.stem)}",
        file=str(path),
        training=Items(tuple(Symbol(name) for name in recipe.training)),
        packages=Keywords(tuple((name, (package or "").partition(" ")[0]) for name, package in packages.items())),
        overrides=Items(tuple(_term(each) for each in recipe.overrides)),
        runs=Items(tuple(runs)),
        failures=Items(tuple(_map(function=Symbol(name), nth=nth) for name, nth in dict.fromkeys(failing))),
        effects=Keywords(tuple((name, Keywords(tuple(recipe.values.items()))) for name in measured)),
    )


def _rounds(recipe: Asked, overrides: Mapping[str, Any]) -> int:
    return numbers.expected(recipe.type, numbers.merged(recipe.config, overrides)).rounds


def _measured(recipes: Sequence[Asked]) -> dict[str, list[str]]:
    """Recipe to stages whose options are measured in it: every module once, where it takes the fewest steps."""
    best: dict[str, tuple[int, str, str]] = {}
    for recipe in recipes:
        for name in recipe.training:
            candidate = (numbers.steps(recipe.type, recipe.config), recipe.id, name)
            best[recipe.modules[name]] = min(best.get(recipe.modules[name], candidate), candidate)
    found: dict[str, list[str]] = {}
    for _, id_, name in best.values():
        found.setdefault(id_, []).append(name)
    return found


def _probe(defect: defects.Defect) -> Map:
    probe = defect.probe
    return _map(
        id=defect.id,
        shows=probe["shows"],
        stage=probe["stage"],
        live=_symbols(probe.get("live", ())),
        keys=_symbols(probe.get("keys", ())),
        function=probe.get("function", ""),
        described=probe.get("described", ""),
    )


def _map(**entries: Term) -> Map:
    return Map(tuple(entries.items()))


def _symbols(names_: Sequence[str]) -> Items:
    return Items(tuple(Symbol(name) for name in names_))


def _texts(values: Sequence[object]) -> Items:
    return Items(tuple(str(value) for value in values))


def _term(value: Any) -> Term:
    if isinstance(value, Mapping):
        return Map(tuple((key, _term(inner)) for key, inner in value.items()))
    assert value is None or isinstance(value, (str, int, float))
    return value


def python(recipes: Sequence[Asked]) -> dict[str, Any]:
    """The question for Python, as JSON."""
    return {
        "recipes": [
            {"id": recipe.id, "module": f"crucible_recipes.{recipe.stem}", "overrides": list(recipe.overrides)}
            for recipe in recipes
        ]
    }

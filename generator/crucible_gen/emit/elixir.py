"""An experiment in, the Mix project out: a module a recipe, and around them the facade that runs any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from crucible_gen import elixir_runtime, names, outputs
from crucible_gen.emit.templates import Templates
from crucible_gen.lower import Experiment, Input
from crucible_gen.printers import elixir, source
from crucible_gen.problems import Problem, Problems
from crucible_gen.schema import Schemas, Shape
from crucible_gen.terms import Keywords, Module, Symbol, Term
from crucible_gen.terms import Sequence as Items

NAMESPACE, FOLDER = "CrucibleRecipes", "lib/crucible_recipes"
FACADE_TEMPLATE = "elixir/lib/crucible_recipes.ex.j2"
SCHEMA_TEMPLATE = "elixir/lib/crucible_recipes/recipe/schema.ex.j2"
_NONE: Mapping[str, str] = MappingProxyType({})
_SHADOWED = ("Config",)
"""First segments that an alias in a recipe's module takes: a module `Config` is nested in it."""
_RUNNER = "crucible_framework ~> 0.5"
"""The package of the pipeline runner: no stage of a recipe need be in it."""
_WIDTH = 98


class Elixir:
    """The target `elixir`."""

    def __init__(self, schemas: Schemas, templates: Templates, dependency: Mapping[str, str] = _NONE) -> None:
        """Struct modules come from the schemas' `x-elixir-struct`; `dependency` is `made.Request.elixir_runtime`.

        Raises Problems for a custom template of the module that then comes with the dependency.
        """
        if dependency and templates.is_own(SCHEMA_TEMPLATE):
            message = "this template is not used: elixir_runtime names a package, which has this module"
            hint = "remove the template, or the setting elixir_runtime"
            raise Problems([Problem(templates.place(SCHEMA_TEMPLATE), "E0522", message, hint=hint)])
        self._dependency = dependency
        self._runtime = elixir_runtime.NAMESPACE if dependency else NAMESPACE
        self._schemas = schemas
        self._templates = templates
        self._structs = {name: shape.struct or "" for name, shape in schemas.records.items()}

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[tuple[str, str]]:
        """The recipe's module."""
        inputs = experiment.inputs
        needed = Items(tuple(Symbol(each.name) for each in inputs if each.inject.needed))
        holes = {
            "module": f"{NAMESPACE}.{names.elixir_alias(stem)}",
            "runtime": self._runtime,
            "summary": elixir.doc("\n".join(_summary(experiment)), 2),
            "stages": elixir.doc("\n".join(_stages(experiment)), 2),
            "inputs": elixir.doc("\n".join(_input_docs(inputs)), 4),
            "types": ",\n            ".join(_types(inputs)),
            "fields": _fields(inputs),
            "name": elixir.function("def name", experiment.id),
            "description": elixir.function("def description", experiment.description),
            "needs": elixir.function("def needs", needed),
            "type": elixir.atom(experiment.type),
            "training_config": self._text(experiment.training_config, column=6, after=1),
            "uses_options": experiment.uses_options,
            "experiment": self._text(experiment.body, column=4),
            "evaluation": self._function("def evaluation", experiment.evaluation) if experiment.evaluation else "",
        }
        yield f"{FOLDER}/{stem}.ex", self._templates.render("elixir/recipe.ex.j2", holes)

    def shared(self, wraps: bool) -> Iterable[tuple[str, str]]:
        """The project around the recipes, with the wrapper stages if a recipe names one."""
        runtime = dict(elixir_runtime.files(NAMESPACE))
        holes: dict[str, dict[str, Any]] = {
            "elixir/mix.exs.j2": {"deps": _deps(self._schemas, self._dependency)},
            FACADE_TEMPLATE: {"runtime": self._runtime, "depends": bool(self._dependency)},
            SCHEMA_TEMPLATE: tables(self._schemas),
        }
        for path in outputs.elixir(wraps=wraps, copied=not self._dependency):
            template = _template(path)
            copied = path in runtime and not self._templates.is_own(template)
            yield path, runtime[path] if copied else self._templates.render(template, holes.get(template, {}))

    def _text(self, term: Term, *, column: int, after: int = 0) -> str:
        return elixir.text(term, column=column, after=after, structs=self._structs, shadowed=_SHADOWED)

    def _function(self, head: str, term: Term) -> str:
        return elixir.function(head, term, structs=self._structs, shadowed=_SHADOWED)


def replaceable() -> list[str]:
    """The names under which templates replace files of the runtime in a generated project."""
    return [_template(path) for path, _ in elixir_runtime.files(NAMESPACE)]


def _template(path: str) -> str:
    """The name of the template of a shared file."""
    return f"elixir/{path.removeprefix('.')}.j2"


def _summary(experiment: Experiment) -> list[str]:
    """The description; a line of it that is too long goes on below, as far in as it began."""
    text = experiment.description.strip() or f"The recipe {experiment.id}."
    lines: list[str] = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines += source.wrapped(line, _WIDTH - 2, indent) if len(line) > _WIDTH - 2 else [line]
    return lines


def _stages(experiment: Experiment) -> list[str]:
    """The stages as a sentence, filled to the width of a line."""
    modules = ", ".join(f"`{stage.module}`" for stage in experiment.stages)
    after = " Evaluation follows the run: see `evaluation/0`." if experiment.evaluation else ""
    return list(source.wrapped(f"Stages: {modules}.{after}", _WIDTH - 2))


def _input_docs(inputs: Sequence[Input]) -> list[str]:
    about = {each.name: each.description + (" Needed to run." if each.inject.needed else "") for each in inputs}
    about["training_config"] = "Fields of `CrucibleIR.Training.Config` to override, or a whole one to use instead."
    return [line for name, text in about.items() for line in source.wrapped(f"- `:{name}` - {text}", _WIDTH - 4, "  ")]


def _types(inputs: Sequence[Input]) -> list[str]:
    return [*(f"{each.name}: {each.inject.elixir}" for each in inputs), "training_config: map() | keyword() | struct()"]


def _fields(inputs: Sequence[Input]) -> str:
    """The statement `defstruct`: the live values, nil until supplied, and the overrides."""
    atoms = [elixir.atom(each.name) for each in inputs]
    line = f"defstruct [{', '.join([*atoms, 'training_config: %{}'])}]"
    if len(line) + 4 <= _WIDTH:
        return line
    return "defstruct [\n" + "".join(f"      {atom},\n" for atom in atoms) + "      training_config: %{}\n    ]"


def _deps(schemas: Schemas, runtime: Mapping[str, str]) -> str:
    """The dependencies besides crucible_ir: what a training needs, then, optional, what other stages need.

    `runtime` has the options of the dependency that the runtime is, if it is one.
    """
    stages = [stage.info for stage in schemas.stages.values()]
    needed = {stage.package for stage in stages if stage.package and stage.role == "training"} | {_RUNNER}
    others = {stage.package for stage in stages if stage.package} - needed
    lines = []
    for package in [*sorted(needed), *sorted(others)]:
        name, _, requirement = package.partition(" ")
        optional = ", optional: true" if package in others else ""
        lines.append(f"{{{elixir.atom(name)}, {elixir.string(requirement)}{optional}}}")
    return ",\n      ".join([*([_dependency(runtime)] if runtime else []), *lines])


def _dependency(options: Mapping[str, str]) -> str:
    """The runtime as a dependency of a Mix project, at column 6."""
    package = elixir.atom(elixir_runtime.PACKAGE)
    parts = [
        elixir.string(value) if name == "hex" else f"{name}: {elixir.string(value)}" for name, value in options.items()
    ]
    line = f"{{{', '.join([package, *parts])}}}"
    if len(line) + 7 <= _WIDTH:
        return line
    rest = ", ".join(parts)
    if len(rest) + 8 > _WIDTH:
        rest = ",\n        ".join(parts)
    return f"{{\n        {package},\n        {rest}\n      }}"


def tables(schemas: Schemas) -> dict[str, str]:
    """What the schemas say and no struct does, as attributes of a module."""
    options = {type_: schemas.options(type_).properties for type_ in sorted(schemas.types)}
    configs = [
        schemas.record("training_config"),
        *(schemas.recipe(type_).properties["training_config"] for type_ in options),
    ]
    floats = {path for shape in configs for path in _floats(shape, ())}
    packages: dict[str, list[str]] = {}
    for stage in schemas.stages.values():
        if stage.info.package:
            packages.setdefault(stage.info.package.partition(" ")[0], []).append(stage.info.module)
    terms: dict[str, Term] = {
        "options": Keywords(tuple((type_, _symbols(names)) for type_, names in options.items())),
        "floats": Items(tuple(Items(tuple(map(Symbol, path))) for path in sorted(floats))),
        "packages": Keywords(tuple((name, _modules(modules)) for name, modules in sorted(packages.items()))),
    }
    return {name: elixir.text(term, column=len(f"  @{name} "), indent=2) for name, term in terms.items()}


def _floats(shape: Shape, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of the floats below a shape."""
    for name, inner in shape.properties.items():
        if inner.kind == "float":
            yield (*above, name)
        yield from _floats(inner, (*above, name))


def _symbols(names: Iterable[str]) -> Items:
    return Items(tuple(Symbol(name) for name in sorted(names)))


def _modules(names: Iterable[str]) -> Items:
    return Items(tuple(Module(name) for name in sorted(names)))

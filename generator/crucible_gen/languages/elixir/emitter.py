"""The Mix project: a module for each recipe, and around them the facade that runs any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crucible_gen.diagnostics import Problem, Problems
from crucible_gen.ir import defects
from crucible_gen.ir.lower import Experiment, Input
from crucible_gen.ir.terms import Keywords, List, Map, Module, Symbol, Term
from crucible_gen.languages import source
from crucible_gen.languages.elixir import naming, printer, runtime
from crucible_gen.languages.language import Body, Language, Project
from crucible_gen.schemas import Schemas, Shape

FACADE_TEMPLATE = "elixir/lib/crucible_recipes.ex.j2"
SCHEMA_TEMPLATE = "elixir/lib/crucible_recipes/recipe/schema.ex.j2"

_FOLDER = "lib/crucible_recipes"
_SHARED = (
    ".formatter.exs",
    "mix.exs",
    "lib/crucible_recipes.ex",
    "test/test_helper.exs",
    "test/crucible_recipes_test.exs",
)
"""The files that every project has and no recipe changes, besides the copy of the runtime."""
_SCHEMA = "lib/crucible_recipes/recipe/schema.ex"
"""The module of the schemas, which a project with a copy of the runtime has too."""
_SHADOWED = ("Config",)
"""First segments that an alias in a recipe's module takes: a module `Config` is nested in it."""
_RUNNER = "crucible_framework ~> 0.5"
"""The package of the pipeline runner: no stage of a recipe need be in it."""
_WIDTH = 98


class Elixir:
    """Prints the modules of recipes and the project around them."""

    def __init__(self, language: Language, project: Project) -> None:
        """Takes the project, in whose options `runtime` says where the runtime comes from if it is not copied.

        Raises Problems for a custom template of the module that then comes with the runtime.
        """
        self._language = language
        self._schemas = project.schemas
        self._templates = project.templates
        self._dependency = runtime.dependency(project)
        self._runtime = runtime.NAMESPACE if self._dependency else naming.NAMESPACE
        self._structs = {name: shape.names.get(language.name, "") for name, shape in self._schemas.records.items()}
        if self._dependency and self._templates.is_own(SCHEMA_TEMPLATE):
            message = "this template is not used: elixir.runtime names a package, which has this module"
            hint = "remove the template, or the setting elixir.runtime"
            raise Problems([Problem(self._templates.place(SCHEMA_TEMPLATE), "E0522", message, hint=hint)])

    @property
    def provenance(self) -> Sequence[str]:
        """Where the runtime comes from, if it is not copied."""
        return [f"elixir runtime {name} {value}" for name, value in self._dependency.items()]

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[Body]:
        """The recipe's module."""
        inputs = experiment.inputs
        needed = List(tuple(Symbol(each.name) for each in inputs if each.inject.needed))
        holes = {
            "module": naming.module(stem),
            "runtime": self._runtime,
            "summary": printer.doc("\n".join(_summary(experiment)), 2),
            "stages": printer.doc("\n".join(_stages(experiment)), 2),
            "inputs": printer.doc("\n".join(_input_docs(inputs)), 4),
            "types": ",\n            ".join(_types(inputs, self._language)),
            "fields": _fields(inputs),
            "name": printer.function("def name", experiment.id),
            "description": printer.function("def description", experiment.description),
            "needs": printer.function("def needs", needed),
            "type": printer.atom(experiment.kind),
            "training_config": self._text(experiment.training_config, column=6, after=1),
            "uses_options": experiment.uses_options,
            "experiment": self._text(experiment.body, column=4),
            "evaluation": self._function("def evaluation", experiment.evaluation) if experiment.evaluation else "",
        }
        yield Body(f"{_FOLDER}/{stem}.ex", self._templates.render("elixir/recipe.ex.j2", holes))

    def shared(self) -> Iterable[Body]:
        """The project around the recipes."""
        copied = dict(runtime.files(naming.NAMESPACE))
        holes: dict[str, dict[str, Any]] = {
            _template("mix.exs"): {"deps": _deps(self._schemas, self._dependency)},
            FACADE_TEMPLATE: {"runtime": self._runtime, "depends": bool(self._dependency)},
            SCHEMA_TEMPLATE: tables(self._schemas),
        }
        for path in _SHARED if self._dependency else (*_SHARED, _SCHEMA, *copied):
            template = _template(path)
            text = copied.get(path)
            if text is None or self._templates.is_own(template):
                text = self._templates.render(template, holes.get(template, {}))
            yield Body(path, text)

    def _text(self, term: Term, *, column: int, after: int = 0) -> str:
        return printer.text(term, column=column, after=after, structs=self._structs, shadowed=_SHADOWED)

    def _function(self, head: str, term: Term) -> str:
        return printer.function(head, term, structs=self._structs, shadowed=_SHADOWED)


def replaceable() -> list[str]:
    """The names under which templates replace files of the runtime in a generated project."""
    return [_template(path) for path, _ in runtime.files(naming.NAMESPACE)]


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


def _types(inputs: Sequence[Input], language: Language) -> list[str]:
    return [
        *(f"{each.name}: {language.type_of(each.inject)}" for each in inputs),
        "training_config: map() | keyword() | struct()",
    ]


def _fields(inputs: Sequence[Input]) -> str:
    """The statement `defstruct`: the live values, nil until supplied, and the overrides."""
    atoms = [printer.atom(each.name) for each in inputs]
    line = f"defstruct [{', '.join([*atoms, 'training_config: %{}'])}]"
    if len(line) + 4 <= _WIDTH:
        return line
    return "defstruct [\n" + "".join(f"      {atom},\n" for atom in atoms) + "      training_config: %{}\n    ]"


def _deps(schemas: Schemas, dependency: Mapping[str, str]) -> str:
    """The dependencies besides crucible_ir: what a training needs, then, optional, what other stages need.

    `dependency` has the options of the dependency that the runtime is, if it is one.
    """
    stages = [stage.info for stage in schemas.stages.values()]
    needed = {stage.package for stage in stages if stage.package and stage.role == "training"} | {_RUNNER}
    others = {stage.package for stage in stages if stage.package} - needed
    lines = []
    for package in [*sorted(needed), *sorted(others)]:
        name, _, requirement = package.partition(" ")
        optional = ", optional: true" if package in others else ""
        lines.append(f"{{{printer.atom(name)}, {printer.string(requirement)}{optional}}}")
    return ",\n      ".join([*([_dependency(dependency)] if dependency else []), *lines])


def _dependency(options: Mapping[str, str]) -> str:
    """The runtime as a dependency of a Mix project, at column 6."""
    package = printer.atom(runtime.PACKAGE)
    parts = [
        printer.string(value) if name == "hex" else f"{name}: {printer.string(value)}"
        for name, value in options.items()
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
    options = {kind: schemas.options(kind).properties for kind in sorted(schemas.kinds)}
    configs = [
        schemas.record("training_config"),
        *(schemas.recipe(kind).properties["training_config"] for kind in options),
    ]
    floats = {path for shape in configs for path in _floats(shape, ())}
    packages: dict[str, list[str]] = {}
    for stage in schemas.stages.values():
        if stage.info.package:
            packages.setdefault(stage.info.package.partition(" ")[0], []).append(stage.info.module)
    terms: dict[str, Term] = {
        "options": Keywords(tuple((kind, _symbols(names)) for kind, names in options.items())),
        "floats": List(tuple(List(tuple(map(Symbol, path))) for path in sorted(floats))),
        "packages": Keywords(tuple((name, _modules(modules)) for name, modules in sorted(packages.items()))),
        "defects": List(tuple(_defects())),
    }
    return {name: printer.text(term, column=len(f"  @{name} "), indent=2) for name, term in terms.items()}


def _defects() -> Iterator[Map]:
    """The known defects that keep a stage from running to its end, one entry for each such stage."""
    for defect in defects.defects().values():
        for stage in defect.stages if defect.stops else ():
            package = Symbol(defect.package)
            values = (defect.id, Module(stage), package, defect.versions, defect.title)
            yield Map(tuple(zip(("id", "stage", "package", "versions", "title"), values, strict=True)))


def _floats(shape: Shape, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of the floats below a shape."""
    for name, inner in shape.properties.items():
        if inner.kind == "float":
            yield (*above, name)
        yield from _floats(inner, (*above, name))


def _symbols(names: Iterable[str]) -> List:
    return List(tuple(Symbol(name) for name in sorted(names)))


def _modules(names: Iterable[str]) -> List:
    return List(tuple(Module(name) for name in sorted(names)))

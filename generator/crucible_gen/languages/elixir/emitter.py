"""The Mix project: a module for each recipe, and around them the facade that runs any of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crucible_gen.diagnostics import Problem, Problems
from crucible_gen.ir import defects
from crucible_gen.ir.lower import Experiment, Input
from crucible_gen.ir.terms import Keywords, List, Map, Module, Name, Record, Symbol, Term
from crucible_gen.languages import source
from crucible_gen.languages.elixir import collisions, naming, printer, rules, runtime
from crucible_gen.languages.language import Body, Language, Project
from crucible_gen.schemas import Schemas

FACADE_TEMPLATE = "elixir/lib/crucible_recipes.ex.j2"
SCHEMA_TEMPLATE = "elixir/lib/crucible_recipes_runtime/recipe/schema.ex.j2"
"""Templates are named after the files of a project with the default settings."""

_SHARED = (
    ".formatter.exs",
    ".gitignore",
    "README.md",
    "mix.exs",
    "lib/crucible_recipes.ex",
    "test/test_helper.exs",
    "test/crucible_recipes_test.exs",
)
"""The files that every project has and no recipe changes, besides the copy of the runtime."""
_SCHEMA = "lib/crucible_recipes_runtime/recipe/schema.ex"
"""The module of the schemas, which a project with a copy of the runtime has too."""
_SHADOWED = ("Config", "Recipe")
"""First segments of modules that mean something else in a recipe's module: a nested module, and an alias."""
_RUNNER = "crucible_framework ~> 0.5"
"""The package of the pipeline runner: no stage of a recipe need be in it."""
_WIDTH = 98


class Elixir:
    """Prints the modules of recipes and the project around them."""

    def __init__(self, language: Language, project: Project) -> None:
        """Takes the project, whose options name its modules and say where the runtime comes from if it is not copied.

        Raises Problems for a custom template of the module that then comes with the runtime, and for names that
        something else has.
        """
        if problems := collisions.problems(project):
            raise Problems(problems)
        self._language = language
        self._options = project.options
        self._schemas = project.schemas
        self._templates = project.templates
        self._namespace = naming.namespace(project.options)
        self._dependency = runtime.dependency(project)
        self._runtime = runtime.NAMESPACE if self._dependency else naming.runtime(project.options)
        self._structs = {name: shape.names.get(language.name, "") for name, shape in self._schemas.records.items()}
        if self._dependency and self._templates.is_own(SCHEMA_TEMPLATE):
            message = "this template is not used: elixir.runtime names a package, which has this module"
            hint = "remove the template, or the setting elixir.runtime"
            raise Problems([Problem(self._templates.place(SCHEMA_TEMPLATE), "E0522", message, hint=hint)])

    @property
    def provenance(self) -> Sequence[str]:
        """The names of the project, if they are not the default ones, and where the runtime comes from if not copied."""
        names = [f"elixir {name} {self._options[name]}" for name in ("namespace", "app") if name in self._options]
        return [*names, *(f"elixir runtime {name} {value}" for name, value in self._dependency.items())]

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[Body]:
        """The recipe's module."""
        inputs = experiment.inputs
        needed = List(tuple(Symbol(each.name) for each in inputs if each.inject.needed))
        described = bool(experiment.description.strip())
        holes = {
            "module": naming.module(stem, self._options),
            "namespace": self._namespace,
            "runtime": self._runtime,
            "description": printer.attribute("description", experiment.description),
            "summary": "#{@description}" if described else f"The recipe {experiment.id}.",
            "stages": printer.doc("\n".join(_stages(experiment)), 2),
            "inputs": printer.doc("\n".join(_input_docs(inputs)), 4),
            "types": ",\n            ".join(_types(inputs, self._language)),
            "fields": _fields(inputs),
            "name": printer.function("def name", experiment.id),
            "needs": printer.function("def needs", needed),
            "type": printer.atom(experiment.kind),
            "training_config": self._text(experiment.training_config, column=6, after=1),
            "uses_options": experiment.uses_options,
            "experiment": self._text(_described_once(experiment), column=4),
            "evaluation": self._function("def evaluation", experiment.evaluation) if experiment.evaluation else "",
        }
        path = f"lib/{naming.path(self._namespace)}/{stem}.ex"
        yield Body(path, self._templates.render("elixir/recipe.ex.j2", holes))

    def shared(self) -> Iterable[Body]:
        """The project around the recipes."""
        copied = dict(runtime.files(naming.runtime(self._options)))
        templates = {self._path(path): _template(path) for path in (*_SHARED, _SCHEMA)} | dict(
            zip(copied, replaceable(), strict=True)
        )
        holes = self._holes()
        shared = [self._path(path) for path in _SHARED]
        if not self._dependency:
            shared += [self._path(_SCHEMA), *copied]
        for path in shared:
            template = templates[path]
            text = copied.get(path)
            if text is None or self._templates.is_own(template):
                text = self._templates.render(template, holes)
            yield Body(path, text)

    def _holes(self) -> dict[str, Any]:
        """What the templates of shared files can name."""
        path = naming.path(self._namespace)
        app = naming.app(self._options)
        return tables(self._schemas) | {
            "namespace": self._namespace,
            "runtime": self._runtime,
            "app": printer.atom(app),
            "package": app,
            "path": path,
            "ir": "/".join([".."] * (path.count("/") + 2) + ["ir"]),
            "deps": _deps(self._schemas, self._dependency),
        }

    def _path(self, path: str) -> str:
        """The path that a shared file of the default project has in this one."""
        folder = naming.path(self._namespace)
        return re.sub(rf"(?<=/){naming.path(naming.NAMESPACE)}(?=[/._])", folder, path, count=1)

    def _text(self, term: Term, *, column: int, after: int = 0) -> str:
        return printer.text(term, column=column, after=after, structs=self._structs, shadowed=_SHADOWED)

    def _function(self, head: str, term: Term) -> str:
        return printer.function(head, term, structs=self._structs, shadowed=_SHADOWED)


def replaceable() -> list[str]:
    """The names under which templates replace files of the runtime in a generated project."""
    return [_template(path) for path, _ in runtime.files(naming.runtime({}))]


def _template(path: str) -> str:
    """The name of the template of a shared file."""
    return f"elixir/{path.removeprefix('.')}.j2"


def _described_once(experiment: Experiment) -> Term:
    """The experiment, whose description is the attribute that the module has for it."""
    body = experiment.body
    assert isinstance(body, Record)
    attribute = Name("@description")
    return body._replace(
        fields=tuple((name, attribute if name == "description" and value else value) for name, value in body.fields)
    )


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
        "training_config: Recipe.overrides()",
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
    packages: dict[str, list[str]] = {}
    for stage in schemas.stages.values():
        if stage.info.package:
            packages.setdefault(stage.info.package.partition(" ")[0], []).append(stage.info.module)
    terms: dict[str, Term] = {
        "options": rules.options(schemas),
        "packages": Keywords(tuple((name, _modules(modules)) for name, modules in sorted(packages.items()))),
        "defects": List(tuple(_defects())),
        "configuration": List(tuple(_configuration(schemas))),
    }
    found = {name: printer.text(term, column=len(f"  @{name} "), indent=2) for name, term in terms.items()}
    return found | {"structs": _structs(rules.structs(schemas))}


def _defects() -> Iterator[Map]:
    """The known defects that keep a stage from running to its end, one entry for each such stage."""
    for defect in defects.defects().values():
        for stage in defect.stages if defect.stops else ():
            package = Symbol(defect.package)
            values = (defect.id, Module(stage), package, defect.versions, defect.title)
            yield Map(tuple(zip(("id", "stage", "package", "versions", "title"), values, strict=True)))


def _configuration(schemas: Schemas) -> Iterator[Map]:
    """What the applications of stages must be configured with, one entry for each stage and key."""
    for stage in sorted(schemas.stages.values(), key=lambda each: each.info.module):
        for wanted in stage.info.configuration if stage.info.package else ():
            application = Symbol((stage.info.package or "").partition(" ")[0])
            option = Symbol(wanted["option"]) if "option" in wanted else None
            values = (Module(stage.info.module), application, Symbol(wanted["key"]), option)
            yield Map(tuple(zip(("stage", "application", "key", "option"), values, strict=True)))


def _structs(structs: Mapping[str, Term]) -> str:
    """The rules of structs as a map from modules, which is no term that recipes have."""
    entries = [
        f"    {module} => {printer.text(term, column=len(module) + 8, indent=4)}" for module, term in structs.items()
    ]
    return "%{\n" + ",\n".join(entries) + "\n  }"


def _modules(names: Iterable[str]) -> List:
    return List(tuple(Module(name) for name in sorted(names)))

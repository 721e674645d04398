"""The Python package: a module for each recipe, which reads against its Elixir twin line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from crucible_gen.diagnostics import Place, Problem, Problems
from crucible_gen.documents import shorten
from crucible_gen.ir import lower
from crucible_gen.ir.lower import Experiment, Input
from crucible_gen.ir.terms import Keywords, List, Map, Module, Name, Record, Term
from crucible_gen.languages import registry, source
from crucible_gen.languages.language import Body, Language, Project
from crucible_gen.languages.python import naming, printer
from crucible_gen.languages.python.types import ABSTRACT
from crucible_gen.languages.python.types import names as type_names

_WIDTH = 88
_VARIABLES = {"training_config": "training"}
_EVALUATION = {"evaluation": "Evaluation", "task": "Task", "sample": "Sample"}
_RUN_CONFIG = ("ports", "training_config", "log_path")
"""Fields that every Config has from the runtime's RunConfig."""


class Python:
    """Prints the modules of recipes and the package around them."""

    def __init__(self, language: Language, project: Project) -> None:
        """Class names come from the schemas' `x-python-class`. Raises Problems for a package that cannot have its name."""
        self._package = naming.package(project.options)
        if problem := naming.package_problem(self._package):
            hint = f"for example {self._package}_recipes"
            message = f"{self._package} cannot be the name of the generated package: {problem}"
            raise Problems([Problem(project.place("package"), "E0510", message, hint)])
        self.provenance = () if self._package == naming.PACKAGE else (f"package {self._package}",)
        self._language = language
        self._schemas = project.schemas
        self._templates = project.templates
        self._root = _way_to(project.root, project.folder)
        self._elixir = registry.get("elixir").under(project.settings.get("elixir", {})).naming
        self._ir = {name: shape.names.get(language.name, "") for name, shape in project.schemas.records.items()}
        self._classes = self._ir | _EVALUATION

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[Body]:
        """The recipe's module."""
        name = "recipe.py.j2"
        absent = {each.name for each in experiment.inputs if not each.inject.exists_in(self._language.name)}
        body = _in_python(experiment.body, absent)
        training = _in_python(experiment.training_config)
        evaluation = _evaluation(experiment.evaluation) if experiment.evaluation is not None else None
        fields = [each for each in experiment.inputs if each.name not in _RUN_CONFIG and each.name not in absent]
        holes = {
            "docstring": printer.docstring(_module_doc(experiment), 0),
            "imports": self._imports(experiment, fields, (body, training, evaluation)),
            "name": printer.assign("NAME", experiment.id),
            "description": printer.assign("DESCRIPTION", experiment.description),
            "twin": self._elixir.module(stem),
            "type": printer.string(experiment.kind),
            "config_doc": printer.docstring(_config_doc(fields), 4),
            "config_fields": "\n".join(
                f"    {each.name}: {self._language.type_of(each.inject)} = None" for each in fields
            ),
            "training_config": printer.text(training, column=8, after=1, classes=self._classes),
            "experiment": self._returned(body),
            "uses_options": experiment.uses_options,
            "evaluation": self._returned(evaluation) if evaluation is not None else "",
            "stages": "\n".join(_stage_call(stage.name, self._function(stage.kind)) for stage in experiment.stages),
        }
        yield Body(f"{self._package}/{naming.module(stem)}.py", self._render(name, holes))

    def shared(self) -> Iterable[Body]:
        """The package around the modules."""
        holes: dict[str, object] = {"package": self._package, "project": naming.project(self._package)}
        yield Body("pyproject.toml", self._templates.render("python/pyproject.toml.j2", holes | {"root": self._root}))
        for name in ("__init__.py", "__main__.py"):
            yield Body(f"{self._package}/{name}", self._render(f"{name}.j2", holes))
        yield Body(f"{self._package}/py.typed", "")

    def _render(self, name: str, holes: dict[str, object]) -> str:
        text = self._templates.render(f"python/{name}", holes)
        own = f"python/{name}"
        return _formatted(text, self._templates.place(own)) if self._templates.is_own(own) else text

    def _returned(self, term: Term) -> str:
        return printer.assign("return", term, column=4, classes=self._classes, names=_VARIABLES)

    def _function(self, kind: str | None) -> str:
        """The stage function of the runtime: one of its own for the stages that recipes have tables for."""
        stage = self._schemas.stages.get(kind or "")
        known = stage is not None and stage.info.role != "stage" and stage.key not in self._schemas.places
        return str(kind) if known else "external"

    def _imports(self, experiment: Experiment, fields: Sequence[Input], terms: Iterable[Term]) -> str:
        types = {name for each in fields for name in type_names(self._language.type_of(each.inject))}
        used = {"experiment", "training_config"}
        for term in terms:
            _add_types(term, used)
        runtime = {"Result", "RunConfig", "main", "override", "start"}
        runtime |= {"Ports"} & types
        functions = {self._function(stage.kind) for stage in experiment.stages}
        ir = {self._ir[name] for name in used if name in self._ir}
        ir |= {"Module"} if "module" in used else set()
        standard = [
            _import("collections.abc", {"Mapping"} | (types & ABSTRACT)),
            "from dataclasses import dataclass",
            *(["from pathlib import Path"] if "Path" in types else []),
            "from typing import Any",
        ]
        own = [("crucible_runtime", runtime)]
        if evaluation := {_EVALUATION[name] for name in used if name in _EVALUATION}:
            own.append(("crucible_runtime.evaluation", evaluation))
        own += [("crucible_runtime.ir", ir), ("crucible_runtime.stages", functions)]
        return "\n".join([*standard, "", *(_import(module, imported) for module, imported in own)])


def _way_to(root: Path, folder: Path) -> str:
    """The way from the generated project up to the directory of the settings; empty where it does not lie below that."""
    if not folder.is_relative_to(root):
        return ""
    return "/".join(".." for _ in folder.relative_to(root).parts)


def _import(module: str, imported: Iterable[str]) -> str:
    """An import in the order that isort keeps: classes before functions, each by name."""
    ordered = sorted(imported, key=lambda name: (name[0].islower(), name.lower()))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= _WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"


def _stage_call(name: str, function: str) -> str:
    call = f"        pipeline.stage({printer.string(name)}, {function})"
    if len(call) <= _WIDTH:
        return call
    return f"        pipeline.stage(\n            {printer.string(name)},\n            {function},\n        )"


def _module_doc(experiment: Experiment) -> str:
    stages = ", ".join(stage.name for stage in experiment.stages)
    after = "; evaluation follows the run" if experiment.evaluation is not None else ""
    lines = source.wrapped(f"Stages: {stages}{after}.", _WIDTH)
    description = experiment.description.strip() or f"The recipe {experiment.id}."
    return "\n".join([*_paragraphs(description), "", *lines])


def _paragraphs(text: str) -> list[str]:
    return [line for part in text.split("\n") for line in (source.wrapped(part, _WIDTH - 3) or ("",))]


def _config_doc(fields: Sequence[Input]) -> str:
    title = "What a run of this recipe takes"
    common = "The fields of `RunConfig`: `training_config` with overrides, `engine`, `log_path` and others"
    if not fields:
        return "\n".join([f"{title}.", "", *source.wrapped(f"{common}.", _WIDTH - 4)])
    lines = [line for each in fields for line in source.wrapped(f"{each.name}: {each.description}", _WIDTH - 4, "    ")]
    return "\n".join([f"{title}, besides the fields of `RunConfig`.", "", *lines])


def _in_python(term: Term, absent: Set[str] = frozenset()) -> Term:
    """The term as Python has it, where `absent` live values are None.

    A stage's module is plain text, since its field has the type; elsewhere it says so.
    """
    match term:
        case Name(lower.CONFIG, (name,)) if name in absent:
            return None
        case Record("stage_def", fields):
            return Record(
                "stage_def",
                tuple(
                    (name, value.name if isinstance(value, Module) else _in_python(value, absent))
                    for name, value in fields
                ),
            )
        case Record(type_, fields):
            return Record(type_, tuple((name, _in_python(value, absent)) for name, value in fields))
        case Map(entries, symbols):
            return Map(tuple((key, _in_python(value, absent)) for key, value in entries), symbols)
        case Keywords(entries):
            return Keywords(tuple((key, _in_python(value, absent)) for key, value in entries))
        case List(items):
            return List(tuple(_in_python(item, absent) for item in items))
    return term


def _evaluation(evaluation: Map) -> Record:
    """The evaluation, which is a map in Elixir, in the classes of the runtime."""
    fields = tuple((key, _listed("task", value) if key == "tasks" else value) for key, value in evaluation.entries)
    return Record("evaluation", fields)


def _listed(type_: str, items: Term) -> Term:
    assert isinstance(items, List)
    return List(tuple(_classed(type_, item) for item in items.items))


def _classed(type_: str, item: Term) -> Term:
    assert isinstance(item, Map)
    fields = tuple((key, _listed("sample", value) if key == "samples" else value) for key, value in item.entries)
    return Record(type_, fields)


def _add_types(term: Term, types: set[str]) -> None:
    """Adds the types of the records in a term, and `module` for a module that stands as one."""
    match term:
        case Record(type_, fields):
            types.add(type_)
            for _, value in fields:
                _add_types(value, types)
        case Map(entries) | Keywords(entries):
            for _, value in entries:
                _add_types(value, types)
        case List(items):
            for item in items:
                _add_types(item, types)
        case Module():
            types.add("module")


def _formatted(text: str, place: Place) -> str:
    """What a user's template gives, as black leaves it. Raises Problems for text that is no Python."""
    import ast

    import black

    try:
        ast.parse(text)
        return black.format_str(text, mode=black.Mode())
    except (SyntaxError, ValueError) as error:  # ValueError: a null character, or black's InvalidInput
        # Where it is wrong, and not in whose words: those of Python and black change from release to release.
        line = getattr(error, "lineno", None) or 0
        written = "".join(text.split("\n")[line - 1 : line])
        where = f", from line {line} of its output on: `{shorten(written)}`" if line else ""
        hint = "gen --diff without the template shows what the shipped one gives"
        raise Problems([Problem(place, "E0523", f"this template gives no Python{where}", hint=hint)]) from error

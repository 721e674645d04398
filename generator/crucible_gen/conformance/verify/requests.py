"""Build the requests that the Elixir and the Python script read: an Elixir term as source text, and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from crucible_gen.conformance.verify import expectations
from crucible_gen.conformance.verify.expectations import Config
from crucible_gen.conformance.verify.generated import GeneratedFiles
from crucible_gen.conformance.verify.recipe_case import RecipeCase
from crucible_gen.documents import Plain
from crucible_gen.ir.defects import Defect
from crucible_gen.ir.terms import Keywords, List, Map, Symbol, Term
from crucible_gen.languages.elixir import naming, printer


class PythonRecipe(TypedDict):
    """A recipe of the Python request."""

    id: str
    module: str
    overrides: list[Config]


class PythonRequest(TypedDict):
    """The request for Python."""

    recipes: list[PythonRecipe]


def python_request(cases: Sequence[RecipeCase]) -> PythonRequest:
    """The request for Python: the modules of the recipes, with the overrides to try."""
    recipes: list[PythonRecipe] = [
        {"id": case.id, "module": case.module, "overrides": list(case.overrides)} for case in cases
    ]
    return {"recipes": recipes}


@dataclass(frozen=True)
class ElixirRequest:
    """The request for Elixir.

    `directories` hold compiled modules; `probes` are the defects to look for; `run` says that the recipes are run;
    `options` are the settings of the language.
    """

    cases: Sequence[RecipeCase]
    files: GeneratedFiles
    directories: Sequence[Path]
    probes: Sequence[Defect]
    run: bool
    options: Mapping[str, Plain]

    def text(self) -> str:
        """The source text of the request."""
        measured = _measured(self.cases)
        recipes = [
            _recipe(case, naming.module(case.stem, self.options), self.files.own[case.id], measured.get(case.id, ()))
            for case in self.cases
        ]
        term = _map(
            paths=_texts(self.directories),
            needs=_texts(sorted(set(self._needed_modules()))),
            shared=_texts(self.files.shared),
            run=self.run,
            facade=naming.namespace(self.options),
            probes=List(tuple(map(_probe, self.probes))),
            recipes=List(tuple(recipes)),
        )
        return printer.text(term) + "\n"

    def _needed_modules(self) -> Iterator[str]:
        """The modules without which nothing can be proven."""
        yield "CrucibleIR.Experiment"
        if self.run:
            yield from ("CrucibleFramework", "CrucibleTrain.Ports")
            for case in self.cases:
                stages = (stage for name, stage in case.stages.items() if name in case.training)
                yield from (stage.info.module for stage in stages if stage is not None)


def _recipe(case: RecipeCase, module: str, path: Path, measured: Sequence[str]) -> Map:
    """A recipe of the request; the options of the stages `measured` are changed one by one."""
    runs = [_map(overrides=_term(each), rounds=case.expected(each).rounds) for each in case.runs]
    packages = {name: stage.info.package for name, stage in case.stages.items() if stage is not None}
    return _map(
        id=case.id,
        module=module,
        file=str(path),
        training=_symbols(case.training),
        packages=Keywords(tuple((name, (package or "").partition(" ")[0]) for name, package in packages.items())),
        overrides=List(tuple(map(_term, case.overrides))),
        runs=List(tuple(runs)),
        failures=List(tuple(_map(function=Symbol(name), nth=nth) for name, nth in _failing_calls(case))),
        effects=Keywords(tuple((name, Keywords(tuple(case.values.items()))) for name in measured)),
    )


def _failing_calls(case: RecipeCase) -> list[tuple[str, int]]:
    """The calls of the training client that fail, one in each run: the function, and which call of it from 0."""
    last = expectations.steps(case.kind, case.merged(case.runs[0])) - 1
    calls = [("start_session", 0), ("forward_backward", 0), ("await", 0)]
    calls += [("optim_step", last), ("forward_backward", last)]
    return list(dict.fromkeys(calls))


def _measured(cases: Sequence[RecipeCase]) -> dict[str, list[str]]:
    """Recipe to stages whose options are measured in it: every module once, where it takes the fewest steps."""
    best: dict[str, tuple[int, str, str]] = {}
    for case in cases:
        for name in case.training:
            candidate = (expectations.steps(case.kind, case.config), case.id, name)
            best[case.modules[name]] = min(best.get(case.modules[name], candidate), candidate)
    measured: dict[str, list[str]] = {}
    for _, id_, name in best.values():
        measured.setdefault(id_, []).append(name)
    return measured


def _probe(defect: Defect) -> Map:
    probe = defect.probe
    return _map(
        id=defect.id,
        shows=probe.shows,
        stage=probe.stage,
        live=_symbols(probe.live),
        keys=_symbols(probe.keys),
        function=probe.function,
        described=probe.described,
    )


def _map(**entries: Term) -> Map:
    return Map(tuple(entries.items()))


def _symbols(names_: Sequence[str]) -> List:
    return List(tuple(Symbol(name) for name in names_))


def _texts(values: Sequence[object]) -> List:
    return List(tuple(str(value) for value in values))


def _term(value: object) -> Term:
    """Overrides as a term."""
    if isinstance(value, Mapping):
        return Map(tuple((key, _term(inner)) for key, inner in value.items()))
    assert value is None or isinstance(value, (str, int, float))
    return value

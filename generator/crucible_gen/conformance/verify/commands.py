"""`gen verify`: what was asked for in, a report printed and an exit code out. Raises Problems.

What is proven is what lies in the output directory, not what would be generated now: that the two are the same is what
`gen --check` says.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from crucible_gen.conformance.verify.question import Asked
from crucible_gen.document import Plain
from crucible_gen.problems import Problem
from crucible_gen.schema import Schemas
from crucible_gen.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be proven (recipes), and against what: a compiled Mix project, or directories of compiled modules."""

    paths: Sequence[Path]
    mix_project: Path | None = None
    code_paths: Sequence[Path] = ()
    python: Path | None = None
    run: bool = False
    only: Sequence[str] = ()


def verify(request: Request, flags: Mapping[str, Plain]) -> int:
    """Proves, prints, and answers 1 where a proof failed."""
    from crucible_gen import build, extend, lower, schema
    from crucible_gen.conformance.verify import question
    from crucible_gen.run import recipe_paths, settings_of

    settings = settings_of(request.paths, flags)
    asked_for = build.Request(
        paths=recipe_paths(request.paths, settings),
        root=settings.root,
        out=settings.path("out"),
        only=request.only,
        profile=settings.optional("profile"),
        schemas=[settings.base("schemas") / path for path in settings.texts("schemas")],
        compat=tuple(settings.texts("compat")),
    )
    schemas = extend.extend(schema.load(), asked_for.schemas)
    recipes = [
        question.asked(recipe, lower.lower(recipe, schemas, asked_for.compat), schemas)
        for recipe in build.read(asked_for, schemas)
    ]
    return _say(_report(request, recipes, schemas, settings), settings)


def _report(request: Request, recipes: Sequence[Asked], schemas: Schemas, settings: Settings) -> Any:
    from crucible_gen import defects
    from crucible_gen.conformance.verify import ask, judge, question

    out = settings.path("out").resolve()
    found = question.files(out, recipes, _generate(request, settings))
    paths = ask.code_paths(request.mix_project, request.code_paths) if ask.has_elixir() else []
    releases = ask.releases(paths)
    problems: list[Problem] = []
    facts = None
    with tempfile.TemporaryDirectory(prefix="gen-verify-") as name:
        scratch = Path(name)
        python = ask.python(question.python(recipes), out / "python", request.python, scratch)
        if ask.has_elixir():
            probes = [
                defect for defect in defects.defects().values() if defect.covers(releases.get(defect.package, ""))
            ]
            needs = sorted(set(_needs(recipes, request.run)))
            facts = ask.elixir(question.elixir(recipes, found, paths, needs, probes, request.run), scratch)
        else:
            problems.append(ask.no_elixir())
    contracts = _contracts(releases, settings)
    return judge.Judge(schemas, out, found, releases, python, facts, contracts, request.run).report(recipes, problems)


def _generate(request: Request, settings: Settings) -> str:
    """The command that writes what is to be proven."""
    import shlex

    words = ["gen", *map(str, request.paths)]
    for name, flag in (("out", "--out"), ("profile", "--profile")):
        if settings.values[name].origin.startswith("--"):
            words += [flag, settings.text(name)]
    for name in ("schemas", "compat"):
        if settings.values[name].origin.startswith("--"):
            words += [word for value in settings.texts(name) for word in (f"--{name}", value)]
    return shlex.join(words)


def _needs(recipes: Sequence[Asked], run: bool) -> Iterator[str]:
    """The modules without which nothing can be proven."""
    yield "CrucibleIR.Experiment"
    if run:
        yield from ("CrucibleFramework", "CrucibleTrain.Ports")
        for recipe in recipes:
            yield from (stage.info.module for name, stage in recipe.stages.items() if stage and name in recipe.training)


def _contracts(releases: Mapping[str, str], settings: Settings) -> dict[str, Mapping[str, Any]]:
    """What the contracts of these releases say of stages, by module; the project's own go before the shipped ones."""
    import json

    from crucible_gen.schema import shipped

    found: dict[str, Mapping[str, Any]] = {}
    for folder in (shipped("contracts"), settings.root / "contracts"):
        for package, version in releases.items():
            path = folder / f"{package}-{version}.json"
            if os.path.isfile(path):
                found |= json.loads(path.read_text("utf-8")).get("stages", {})
    return found


def _say(report: Any, settings: Settings) -> int:
    from crucible_gen import report as printing
    from crucible_gen.conformance.verify import table

    problems = sorted(table.problems(report))
    match settings.text("format"):
        case "json":
            everything = printing.as_json([*problems, *report.findings])
            click.echo(printing.dumps(table.data(report) | {"problems": everything}), nl=False)
        case "github":
            click.echo(printing.github([*problems, *report.findings]), nl=False)
        case _:
            colored = printing.wants_color(settings.text("color"), sys.stdout)
            click.echo(table.text(report, printing.painter(colored)), nl=False, color=colored)
            if problems:
                color = printing.wants_color(settings.text("color"), sys.stderr)
                click.echo(printing.text(problems, color=color), err=True, nl=False, color=color)
    return 1 if report.failed else 0

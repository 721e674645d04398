"""The `gen verify` command: it prints a report and returns the exit code.

What is proven is what lies in the output directory, not what would be generated now: that the two are the same is what
`gen --check` says.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crucible_gen import factory
from crucible_gen.conformance.contracts import Stage as StageContract
from crucible_gen.conformance.verify import interpreters, text
from crucible_gen.conformance.verify.generated import generated_files
from crucible_gen.conformance.verify.packages import code_paths, releases
from crucible_gen.conformance.verify.proofs import prove
from crucible_gen.conformance.verify.proofs.evidence import Evidence, Packages
from crucible_gen.conformance.verify.recipe_case import RecipeCase, recipe_case
from crucible_gen.conformance.verify.report import Report
from crucible_gen.conformance.verify.requests import ElixirRequest, python_request
from crucible_gen.diagnostics import quoting
from crucible_gen.diagnostics import report as printing
from crucible_gen.documents import Plain
from crucible_gen.ir import lower
from crucible_gen.ir.defects import defects
from crucible_gen.languages.elixir import naming
from crucible_gen.languages.python import package as python_package
from crucible_gen.recipes import vocabulary
from crucible_gen.recipes.settings import Settings, for_paths, recipe_paths
from crucible_gen.results import requested
from crucible_gen.schemas import Schemas, shipped


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is proven (recipes), and against what: a compiled Mix project, or directories of compiled modules.

    `python` is the interpreter or virtual environment with the runtime, None for the one that runs this program.
    """

    paths: Sequence[Path]
    mix_project: Path | None = None
    code_paths: Sequence[Path] = ()
    python: Path | None = None
    run: bool = False
    only: Sequence[str] = ()


def verify(request: VerifyRequest, flags: Mapping[str, Plain]) -> int:
    """Prove the recipes and print the report; 1 where a proof failed. Raises Problems."""
    settings = for_paths(request.paths, flags)
    wanted = requested(settings, recipe_paths(request.paths, settings), request.only)
    schemas = vocabulary.load(wanted.schemas)
    package = python_package(wanted.options.get("python", {}))
    cases = [
        recipe_case(recipe, lower.lower(recipe.node, schemas), schemas, package)
        for recipe in factory.read(wanted, schemas)
    ]
    report = _report(request, cases, schemas, settings)
    _print(report, settings)
    return 1 if report.failed else 0


def _report(request: VerifyRequest, cases: Sequence[RecipeCase], schemas: Schemas, settings: Settings) -> Report:
    out = settings.path("out").resolve()
    options = settings.of_languages().get("elixir", {})
    files = generated_files(out, cases, naming.namespace(options), _generate_command(request, settings))
    has_elixir = interpreters.has_elixir()
    directories = code_paths(request.mix_project, request.code_paths) if has_elixir else []
    versions = releases(directories)
    probes = [defect for defect in defects().values() if defect.covers(versions.get(defect.package, ""))]
    elixir = None
    with tempfile.TemporaryDirectory(prefix="gen-verify-") as name:
        scratch = Path(name)
        python = interpreters.run_python(python_request(cases), out / "python", request.python, scratch)
        if has_elixir:
            elixir_request = ElixirRequest(cases, files, directories, probes, request.run, options)
            elixir = interpreters.run_elixir(elixir_request.text(), scratch)
    packages = Packages(versions, _stage_contracts(versions, settings))
    evidence = Evidence(schemas, out, files, packages, python, elixir, request.run)
    return prove(evidence, cases, [] if has_elixir else [interpreters.no_elixir()])


def _generate_command(request: VerifyRequest, settings: Settings) -> str:
    """The command that writes what is to be proven."""
    words = ["gen", *map(str, request.paths)]
    for name, flag in (("out", "--out"), ("profile", "--profile")):
        if settings.values[name].origin.startswith("--"):
            words += [flag, settings.text(name)]
    if settings.values["schemas"].origin.startswith("--"):
        words += [word for value in settings.texts("schemas") for word in ("--schemas", value)]
    return quoting.shell(words)


def _stage_contracts(versions: Mapping[str, str], settings: Settings) -> dict[str, StageContract]:
    """What the contracts of these releases say of stages, by module; the project's own replace the shipped ones."""
    stages: dict[str, StageContract] = {}
    for folder in (shipped("contracts"), settings.root / "contracts"):
        for package, version in versions.items():
            path = folder / f"{package}-{version}.json"
            if os.path.isfile(path):
                documents = json.loads(path.read_text("utf-8")).get("stages", {})
                stages |= {module: StageContract.read(document) for module, document in documents.items()}
    return stages


def _print(report: Report, settings: Settings) -> None:
    """Print the report in the format that the settings name; problems of a report for people go to standard error."""
    problems = sorted(text.problems(report))
    match settings.text("format"):
        case "json":
            from crucible_gen.conformance.verify.output import verify_output

            printing.say(verify_output(report, [*problems, *report.findings]).text())
        case "github":
            printing.say(printing.github([*problems, *report.findings]))
        case _:
            colored = printing.wants_color(settings.text("color"), sys.stdout)
            printing.say(text.text(report, printing.painter(colored)))
            if problems:
                color = printing.wants_color(settings.text("color"), sys.stderr)
                printing.say(printing.text(problems, color=color), error=True)

"""The `gen contracts` commands: each prints its result and returns the exit code. All raise Problems."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crucible_gen.conformance.contracts import contract as contract_files
from crucible_gen.conformance.contracts.changes import Change, changes
from crucible_gen.conformance.contracts.checks import check as check_contracts
from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.extraction import PullRequest, extract
from crucible_gen.conformance.contracts.impact import concerned
from crucible_gen.conformance.contracts.project import Project, RecipeUses, plan_files
from crucible_gen.conformance.contracts.schema_update import update as update_schemas
from crucible_gen.conformance.contracts.text import change_lines, contents, counted
from crucible_gen.diagnostics import Place, Problem, Problems, report, shown
from crucible_gen.diagnostics.quoting import json_text, line, printable
from crucible_gen.diagnostics.report import say
from crucible_gen.output import diff as plan_diff
from crucible_gen.output import write
from crucible_gen.output.plan import Plan

if TYPE_CHECKING:
    from crucible_gen.conformance.contracts.output import CheckOutput, DiffOutput, PullOutput

CODES = {"E0808": "a schema belongs to the installed package"}
"""What each code of this step means, in a line."""

_WRITTEN = {"create": "wrote", "update": "updated", "keep": "unchanged:"}


# pull -----------------------------------------------------------------------------------------------------------------


def pull(request: PullRequest, out: str | None, format_: str) -> int:
    """Write what a project or an environment offers as contract files; with `out` as `-`, print it."""
    project = Project.find()
    extraction = extract(request, project.schemas)
    for note in extraction.notes:
        say(f"note: {line(note)}\n", error=True)
    if out == "-":
        say(json_text("".join(contract_files.dumps(contract.data) for contract in extraction.contracts)))
        return 0
    target = Path(out) if out is not None else project.settings.root / "contracts"
    files = _contract_files(extraction.contracts, target)
    folder = target.parent if target.suffix == ".json" else target
    plan = plan_files(folder, {path: contract_files.dumps(each.data).encode() for path, each in files.items()})
    write.apply(plan, folder)
    if format_ == "json":
        say(_pull_output(files, plan, extraction.notes).text())
        return 0
    kinds = _kinds(plan)
    for path, contract in files.items():
        say(f"{_WRITTEN[kinds[path.name]]} {line(shown(path))} ({contents(contract)})\n")
    return 0


def _contract_files(contracts: Sequence[Contract], target: Path) -> dict[Path, Contract]:
    """The file of each contract: `target` itself for the only one where that is a JSON file, else files in it."""
    if target.suffix != ".json":
        return {target / contract_files.file_name(contract.data): contract for contract in contracts}
    if len(contracts) > 1:
        several = ", ".join(contract.name for contract in contracts)
        raise click.UsageError(
            f"--out names one file, and there are contracts of {several}; name a directory, or --package"
        )
    return dict(zip([target], contracts, strict=True))


def _kinds(plan: Plan) -> dict[str, str]:
    """What the plan does to each file, by name."""
    return {action.path: action.kind for action in plan.actions}


def _pull_output(files: Mapping[Path, Contract], plan: Plan, notes: Sequence[str]) -> PullOutput:
    from crucible_gen.conformance.contracts.output import PulledContract, PullOutput

    kinds = _kinds(plan)
    contracts = [
        PulledContract.model_validate({"contract": contract.name, "file": shown(path), "kind": kinds[path.name]})
        for path, contract in files.items()
    ]
    return PullOutput(contracts=contracts, notes=list(notes))


# show, check ----------------------------------------------------------------------------------------------------------


def show(name: str, out: Path | None) -> int:
    """Print a contract, or write it to a file."""
    text = contract_files.dumps(Project.find().contract(name).data)
    if out is None:
        say(json_text(text))
    else:
        write.apply(plan_files(out.parent, {out: text.encode()}), out.parent)
    return 0


def check(paths: Sequence[Path], against: Sequence[str], strict: bool, flags: Mapping[str, object]) -> int:
    """Print every difference between schemas and contracts; 1 for an error, with `strict` for a warning too."""
    project = Project.find()
    contracts = project.chosen_contracts(paths, against)
    problems = check_contracts(project.schemas, contracts, project.baselines())
    names = [contract.name for contract in contracts.values()]
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    match flags.get("format_") or project.settings.text("format"):
        case "json":
            say(_check_output(names, problems).text())
        case "github":
            say(report.github(problems))
        case _:
            if problems:
                color = report.wants_color(flags.get("color") or project.settings.text("color"), sys.stderr)
                say(report.text(problems, color=color), error=True)
            counts = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
            say(f"checked against {line(', '.join(names))}: {counts}\n")
    return 1 if errors or (strict and warnings) else 0


def _check_output(names: Sequence[str], problems: Sequence[Problem]) -> CheckOutput:
    from crucible_gen.conformance.contracts.output import CheckOutput
    from crucible_gen.diagnostics.output import problem_outputs

    return CheckOutput(contracts=list(names), problems=problem_outputs(problems))


# diff -----------------------------------------------------------------------------------------------------------------


def diff(old: str, new: str, format_: str) -> int:
    """Print what changed between two contracts, and which recipes and generated files that concerns."""
    project = Project.find()
    before, after = project.contract(old), project.contract(new)
    if before.package != after.package:
        raise click.UsageError(f"{old} is of {before.package} and {new} of {after.package}: they cannot be compared")
    found = changes(before, after)
    used = project.recipe_uses() if any(change.touches != "none" for change in found) else RecipeUses({}, {})
    recipes = {change: concerned(change, used.uses) for change in found}
    files = {recipe: used.files[recipe] for recipe in sorted({id_ for ids in recipes.values() for id_ in ids})}
    if format_ == "json":
        say(_diff_output((before, after), recipes, files).text())
    else:
        for each in change_lines((before, after), recipes, files):
            say(f"{printable(each)}\n")
    return 0


def _diff_output(
    contracts: tuple[Contract, Contract], recipes: Mapping[Change, list[str]], files: Mapping[str, Sequence[str]]
) -> DiffOutput:
    from crucible_gen.conformance.contracts.output import ChangeOutput, DiffOutput

    found = [
        ChangeOutput(
            kind=change.kind,
            owner=change.owner,
            field=change.field,
            change=change.text,
            breaks=change.breaks,
            recipes=ids,
        )
        for change, ids in recipes.items()
    ]
    old, new = (contract.name for contract in contracts)
    paths = sorted(path for recipe_files in files.values() for path in recipe_files)
    return DiffOutput(old=old, new=new, changes=found, recipes=list(files), files=paths)


# update ---------------------------------------------------------------------------------------------------------------


def update(paths: Sequence[Path], against: Sequence[str], write_: bool) -> int:
    """Print the diff of the schemas that the contracts require (exit code 1 if there is one), or write them."""
    project = Project.find()
    changed = update_schemas(project.schemas, project.chosen_contracts(paths, against))
    root = project.settings.root
    if write_:
        _require_own(changed, root)
    plan = plan_files(Path(shown(root)), {path: change.new for path, change in changed.items()})
    if not write_:
        report.say_diff(plan_diff.diff(plan), exact=True)
        return 1 if changed else 0
    write.apply(plan, Path(shown(root)))
    for action in plan.changes:
        say(f"updated {line(shown(root / action.path))}\n")
    if not changed:
        say("every schema is as its contract says\n")
    return 0


def _require_own(paths: Mapping[Path, object], root: Path) -> None:
    """Raise Problems for the schemas that are not part of the project."""
    message = "this schema comes with gen and is not part of the project"
    hint = "install the release of gen that knows the package, or keep a changed copy and name it in `schemas`"
    foreign = sorted(path for path in paths if not path.absolute().is_relative_to(root.absolute()))
    if foreign:
        raise Problems([Problem(Place(shown(path)), "E0808", message, hint=hint) for path in foreign])

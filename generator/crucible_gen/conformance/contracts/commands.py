"""The work of each `gen contracts` command: the request in, output printed and an exit code out. Raises Problems."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crucible_gen.conformance.contracts import contract as files
from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.problems import Place, Problem, Problems

if TYPE_CHECKING:
    from crucible_gen.conformance.contracts.compare import Change
    from crucible_gen.conformance.contracts.pull import Request
    from crucible_gen.plan import Plan
    from crucible_gen.schema import Schemas
    from crucible_gen.settings import Settings

CODES = {"E0808": "a schema belongs to the installed package"}
"""What each code of this step means, in a line."""


def pull(request: Request, out: str | None, format_: str) -> int:
    """Writes what a project or an environment offers as contract files (`-`: prints it)."""
    from crucible_gen import report, settings, write
    from crucible_gen.conformance.contracts import pull as asking

    found, schemas = _project()
    pulled = asking.pull(request, schemas)
    for note in pulled.notes:
        click.echo(f"note: {note}", err=True)
    if out == "-":
        click.echo("".join(files.dumps(contract.data) for contract in pulled.contracts), nl=False)
        return 0
    target = Path(out) if out is not None else found.root / "contracts"
    if target.suffix == ".json" and len(pulled.contracts) > 1:
        several = ", ".join(contract.name for contract in pulled.contracts)
        raise click.UsageError(
            f"--out names one file, and there are contracts of {several}; name a directory, or --package"
        )
    folder = target.parent if target.suffix == ".json" else target
    names = {contract.name: _file(contract, target) for contract in pulled.contracts}
    texts = {folder / names[contract.name]: files.dumps(contract.data).encode() for contract in pulled.contracts}
    plan = _plan(folder, texts)
    write.apply(plan, folder)
    kinds = {action.path: action.kind for action in plan.actions}
    done = [(contract, kinds[names[contract.name]]) for contract in pulled.contracts]
    if format_ == "json":
        data = [
            {"contract": each.name, "file": settings.shown(folder / names[each.name]), "kind": kind}
            for each, kind in done
        ]
        click.echo(report.dumps({"contracts": data, "notes": list(pulled.notes)}), nl=False)
        return 0
    for each, kind in done:
        words = {"create": "wrote", "update": "updated", "keep": "unchanged:"}[kind]
        click.echo(f"{words} {settings.shown(folder / names[each.name])} ({_contents(each)})")
    return 0


def _file(contract: Contract, target: Path) -> str:
    return target.name if target.suffix == ".json" else files.file_name(contract.data)


_WORDS = {
    "structs": "struct", "stages": "stage", "ports": "port", "behaviours": "behaviour", "classes": "class",
    "entry_points": "entry point",
}  # fmt: skip


def _contents(contract: Contract) -> str:
    counts = [(len(contract.part(kind)), word) for kind, word in _WORDS.items()]
    return ", ".join(f"{count} {_plural(word, count)}" for count, word in counts if count) or "nothing"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}es" if word.endswith("s") else f"{word}s"


def show(name: str, out: Path | None) -> int:
    """Prints a contract, or writes it to a file."""
    from crucible_gen import write

    found, _ = _project()
    text = files.dumps(files.find(name, files.folders(found.root)).data)
    if out is None:
        click.echo(text, nl=False)
    else:
        write.apply(_plan(out.parent, {out: text.encode()}), out.parent)
    return 0


def check(paths: Sequence[Path], against: Sequence[str], strict: bool, flags: Mapping[str, object]) -> int:
    """Prints everything in which schemas and contracts differ; 1 for an error, with `strict` for a warning too."""
    from crucible_gen import report
    from crucible_gen.conformance.contracts import check as checking
    from crucible_gen.report import wants_color

    found, schemas = _project()
    contracts = _chosen(found, schemas, paths, against)
    problems = checking.check(schemas, contracts, _baselines(found, schemas))
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    names = [contract.name for contract in contracts.values()]
    match flags.get("format_") or found.text("format"):
        case "json":
            click.echo(report.dumps({"contracts": names, "problems": report.as_json(problems)}), nl=False)
        case "github":
            click.echo(report.github(problems), nl=False)
        case _:
            if problems:
                color = wants_color(flags.get("color") or found.text("color"), sys.stderr)
                click.echo(report.text(problems, color=color), err=True, nl=False)
            counts = f"{errors} {_plural('error', errors)}, {warnings} {_plural('warning', warnings)}"
            click.echo(f"checked against {', '.join(names)}: {counts}")
    return 1 if errors or (strict and warnings) else 0


def diff(old: str, new: str, format_: str) -> int:
    """Prints what changed between two contracts, and which recipes and generated files it touches."""
    from crucible_gen import report
    from crucible_gen.conformance.contracts import compare

    found, schemas = _project()
    folders = files.folders(found.root)
    before, after = files.find(old, folders), files.find(new, folders)
    if before.package != after.package:
        raise click.UsageError(f"{old} is of {before.package} and {new} of {after.package}: they cannot be compared")
    changes = compare.changes(before, after)
    used, outputs = _uses(found, schemas) if any(change.touches != "none" for change in changes) else ({}, {})
    touched = {change: compare.touched(change, used) for change in changes}
    recipes = sorted({recipe for found_ in touched.values() for recipe in found_})
    paths = sorted(path for recipe in recipes for path in outputs[recipe])
    if format_ == "json":
        data = [
            {
                "kind": change.kind, "owner": change.owner, "field": change.field, "change": change.text,
                "breaks": change.breaks, "recipes": touched[change],
            }
            for change in changes
        ]  # fmt: skip
        answer = {"old": before.name, "new": after.name, "changes": data, "recipes": recipes, "files": paths}
        click.echo(report.dumps(answer), nl=False)
        return 0
    for line in _diff_lines(before, after, changes, touched, recipes, paths):
        click.echo(line)
    return 0


def _diff_lines(
    old: Contract,
    new: Contract,
    changes: Sequence[Change],
    touched: Mapping[Change, list[str]],
    recipes: Sequence[str],
    paths: Sequence[str],
) -> Iterable[str]:
    if not changes:
        yield f"{old.name} and {new.name} offer the same"
        return
    breaking = sum(change.breaks for change in changes)
    count = f"{len(changes)} {_plural('change', len(changes))}"
    yield f"{old.name} -> {new.name}: {count}, {breaking} of them can break what runs"
    owner = None
    for change in changes:
        if (change.kind, change.owner) != owner:
            owner = (change.kind, change.owner)
            yield f"\n{_WORDS[change.kind]} {change.owner}"
        subject = f"{change.field} " if change.field else ""
        feels = f"  [{', '.join(touched[change])}]" if touched[change] else ""
        yield f"  {'!' if change.breaks else ' '} {subject}{change.text}{feels}"
    if recipes:
        yield f"\ntouches {len(recipes)} {_plural('recipe', len(recipes))}: {', '.join(recipes)}"
        yield from (f"  {path}" for path in paths)


def update(paths: Sequence[Path], against: Sequence[str], write_: bool) -> int:
    """Prints the diff of the schemas that the contracts ask for (exit code 1 if there is one), or writes them."""
    from crucible_gen import diff as differ
    from crucible_gen import settings, write
    from crucible_gen.conformance.contracts import update as updating

    found, schemas = _project()
    contracts = _chosen(found, schemas, paths, against)
    changed = updating.update(schemas, contracts)
    folder = Path(settings.shown(found.root))
    inside = {path: texts for path, texts in changed.items() if path.absolute().is_relative_to(found.root.absolute())}
    if write_ and (others := sorted(set(changed) - set(inside))):
        message = "this schema comes with gen and is not part of the project"
        hint = "install the release of gen that knows the package, or keep a changed copy and name it in `schemas`"
        raise Problems([Problem(Place(settings.shown(path)), "E0808", message, hint=hint) for path in others])
    plan = _plan(folder, {path: new for path, (_, new) in (inside if write_ else changed).items()})
    if not write_:
        click.echo(differ.diff(plan), nl=False)
        return 1 if changed else 0
    write.apply(plan, folder)
    for action in plan.changes:
        click.echo(f"updated {settings.shown(found.root / action.path)}")
    if not changed:
        click.echo("every schema is as its contract says")
    return 0


def _project() -> tuple[Settings, Schemas]:
    from crucible_gen import extend, schema, settings

    found = settings.find(Path.cwd(), {})
    paths = [found.base("schemas") / path for path in found.texts("schemas")]
    return found, extend.extend(schema.load(), paths)


def _chosen(found: Settings, schemas: Schemas, paths: Sequence[Path], against: Sequence[str]) -> dict[str, Contract]:
    """By package, the contract to compare with: those named, else the newest of the directories named, else of ours.

    Of a Python package the release that the runtime is written for is taken, unless another one is named: which one
    runs is decided by the environment, not by the files that lie here.
    """
    folders = files.folders(found.root)
    if against:
        return {contract.package: contract for contract in (files.find(name, folders) for name in against)}
    if paths:
        return files.newest(contract for path in paths for contract in files.folder(path))
    ours = files.newest(contract for folder in folders for contract in files.folder(folder))
    for package, baseline in _baselines(found, schemas).items():
        if baseline.language == "python":
            ours[package] = baseline
    return dict(sorted(ours.items()))


def _baselines(found: Settings, schemas: Schemas) -> dict[str, Contract]:
    """By package, the contract of the release that our schemas or our runtime were written for, where it is known.

    The shipped one, if there is one: what lies in the project may be what somebody has just pulled.
    """
    names = {str(raw["x-contract"]) for raw in schemas.documents.values() if "x-contract" in raw}
    names |= {f"{package}@{asked['written_for']}" for package, asked in files.asked_packages().items()}
    baselines: dict[str, Contract] = {}
    for name in sorted(names):
        package, _, version = name.partition("@")
        for folder in reversed(files.folders(found.root)):
            path = folder / f"{package}-{version}.json"
            if os.path.isfile(path):
                baselines[package] = files.read(path)
                break
    return baselines


def _uses(found: Settings, schemas: Schemas) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What each recipe of the settings uses, and the files that are generated from it."""
    from crucible_gen import build, emit, lower, settings
    from crucible_gen.conformance.contracts import compare

    paths = [found.base("recipes") / path for path in found.texts("recipes")]
    if not paths:
        return {}, {}
    request = build.Request(paths=paths, root=found.root, out=found.path("out"))
    recipes = build.read(request, schemas)
    emitter = emit.Emitter(schemas, found.root, None, None)
    used, outputs = {}, {}
    for recipe in recipes:
        experiment = lower.lower(recipe, schemas)
        used[recipe.id] = compare.uses(experiment, schemas)
        made = emitter.recipe(recipe, experiment, request.targets)
        outputs[recipe.id] = [f"{settings.shown(request.out)}/{file.path}" for file in made]
    return used, outputs


def _plan(folder: Path, texts: Mapping[Path, bytes]) -> Plan:
    """The files as they should be against the disk; what is there already is kept."""
    from crucible_gen.plan import Action, Plan, Stamp

    actions = []
    for path, new in sorted(texts.items()):
        name = Path(os.path.relpath(path, folder)).as_posix()
        if not os.path.isfile(path):
            actions.append(Action("create", name, new=new))
            continue
        old = path.read_bytes()
        kind = "keep" if old == new else "update"
        actions.append(Action(kind, name, old=old, new=new, stamp=Stamp.of(path.stat())))  # type: ignore[arg-type]
    return Plan(folder, tuple(actions), ())

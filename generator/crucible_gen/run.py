"""The work of each command: what was asked for in, output printed and an exit code out. Raises Problems.

`generate`, `--check` and `--diff` share everything up to the plan.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crucible_gen.document import Plain
from crucible_gen.problems import Place, Problem, Problems, did_you_mean
from crucible_gen.report import say, wants_color
from crucible_gen.settings import Settings, shown

if TYPE_CHECKING:
    from crucible_gen.cache import Notes
    from crucible_gen.made import Known, Request, Result
    from crucible_gen.plan import Plan

CODES = {
    "E0701": "there is no such error code",
    "E0702": "there is no such schema",
    "E0703": "the new recipe's file exists already",
    "E0610": "a generated file is not what the recipes say",
    "E0704": "no paths are given, and no settings name recipes",
}

_KINDS = {"create": "missing", "update": "changed", "delete": "left over"}


class Options(NamedTuple):
    """The options of the main command that are no settings."""

    paths: Sequence[Path]
    check: bool = False
    diff: bool = False
    only: Sequence[str] = ()
    force: bool = False
    quiet: bool = False
    verbose: bool = False
    regenerate: bool = False


def generate(options: Options, flags: Mapping[str, Plain]) -> int:
    """Writes, checks or diffs what the recipes say. Raises Problems for settings that are not right."""
    from crucible_gen import fast, report

    notes: Notes | None = None
    if fast.said is not None:
        from crucible_gen import cache

        notes = cache.begin(fast.said, _start(options.paths))
    settings = settings_of(options.paths, flags)
    try:
        return _generate(options, settings, notes)
    except Problems as error:
        return report.complain(error.problems, settings.text("format"), settings.text("color"))


def _generate(options: Options, settings: Settings, notes: Notes | None) -> int:
    from crucible_gen import elixir_runtime, made, write

    paths = recipe_paths(options.paths, settings)
    out = settings.path("out")
    if problems := write.check_out(Path(shown(out)), paths, Path.home()):
        raise Problems(problems)
    targets = tuple(dict.fromkeys(settings.texts("targets")))
    request = made.Request(
        paths=paths,
        root=settings.root,
        out=out,
        targets=targets,
        only=options.only,
        profile=settings.optional("profile"),
        schemas=[settings.base("schemas") / path for path in settings.texts("schemas")],
        templates=settings.path("templates") if settings.optional("templates") else None,
        compat=tuple(settings.texts("compat")),
        elixir_runtime=elixir_runtime.dependency(
            settings.mapping("elixir_runtime"), settings.base("elixir_runtime"), out / "elixir"
        ),
        whole=not options.only and not settings.values["targets"].origin.startswith("--"),
    )
    result = _again(notes, request) if notes else None
    if result is None:
        known = _known(notes, request) if notes else made.Known()
        if options.check and not options.regenerate and not known.made:
            from crucible_gen import proof

            if proved := proof.prove(request):
                if not options.quiet:
                    say(_fits(settings, *proved))
                return 0
        from crucible_gen import build

        result = build.build(request, known)
    if result.problems:
        raise Problems(result.problems)
    work = _Work(options, settings, request, result, notes)
    return work.check() if options.check else work.show_diff() if options.diff else work.write()


def _known(notes: Notes, request: Request) -> Known:
    from crucible_gen import cache

    return cache.look(notes, request)


def _again(notes: Notes, request: Request) -> Result | None:
    """What comes of the few recipes that changed since the record; None where that is not all that has to be done."""
    from crucible_gen import cache

    if not cache.may_be_few(notes):
        return None
    from crucible_gen import build, made

    workshop = build.Workshop(request)
    known: dict[str, made.Made] = {}
    done = None
    while (before := cache.few(notes)) and before != known:
        known, done = before, build.again(workshop, before)
        if done is None:
            return None
        cache.finish(notes)  # other processes may have been reading outputs meanwhile: there may be more
    if not before or done is None:
        return None
    new, files = done
    rest = notes.record["written"] - sum(len(each.outputs) for each in known.values())
    return made.Result(notes.record["recipes"], files, made=new, rest=rest)


class _Work(NamedTuple):
    options: Options
    settings: Settings
    request: Request
    result: Result
    notes: Notes | None

    @property
    def shown_out(self) -> Path:
        """The output directory as messages name it."""
        return Path(shown(self.request.out))

    def plan(self, force: bool = False) -> Plan:
        from crucible_gen import cache, manifest, plan

        files, kept = self.result.files, self.result.kept
        if not (self.request.whole or self.options.check or self.options.diff) and manifest.bears_another(
            self.shown_out
        ):
            files = (*files, manifest.void())
        complete = not self.options.only and not (self.notes and cache.nothing_left(self.notes, self.result))
        covers: Callable[[str], bool] = lambda path: path.partition("/")[0] in self.request.targets  # noqa: E731
        return plan.plan(
            files, self.shown_out, complete=complete, force=force, covers=covers, kept=kept, rest=self.result.rest
        )

    @property
    def notice(self) -> str:
        """What is said of known defects that stop recipes; as before, where no other recipes were looked at."""
        from crucible_gen import defects

        if self.notes and self.result.rest:
            return str(self.notes.record["says"][0][1])
        return f"{defects.notice(self.result.stopped)}\n" if self.result.stopped else ""

    def keep(self, planned: Plan) -> None:
        """Keeps a record of a run that leaves everything as it should be, so that the next one can be short."""
        from crucible_gen import cache, plan

        if self.notes is None:
            return
        count = self.result.recipes
        done = plan.summary(planned._replace(actions=(), kept=planned.files), count)
        fits = _fits(self.settings, count, planned.files)
        says = (_said(self.settings, {"summary": done}, done), self.notice), (fits, "")
        silent = ("", ""), ("", "")
        cache.keep(self.notes, self.request, self.result, planned, silent if self.options.diff else says)

    def write(self) -> int:
        from crucible_gen import build, cache, write

        with write.locked(self.shown_out, lambda message: say(f"{message}\n", error=True)):
            if self.notes and cache.disturbed(self.notes):
                return self._replace(result=build.build(self.request), notes=None)._write()
            return self._write()

    def _write(self) -> int:
        from crucible_gen import plan, write

        if self.result.problems:
            raise Problems(self.result.problems)
        planned = self.plan(self.options.force)
        if planned.problems:
            raise Problems(planned.problems)
        forced = tuple(action for action in planned.actions if action.forced)
        if forced and not self.options.quiet:
            from crucible_gen import diff

            say(diff.diff(planned._replace(actions=forced)))
        write.apply(planned, planned.out)
        self.keep(planned)
        self._say_changes(planned)
        if not self.options.quiet:
            say(self.notice, error=True)
            done = plan.summary(planned, self.result.recipes)
            say(_said(self.settings, {"summary": done}, done))
        return 0

    def check(self) -> int:
        from crucible_gen import report

        planned = self.plan(force=True)
        foreign = [problem for problem in planned.problems if problem.code != "E0604"]
        changes = planned.changes
        if not changes and not foreign:
            if not (planned.strays or planned.halves):
                self.keep(planned)
            if not self.options.quiet:
                say(_fits(self.settings, self.result.recipes, planned.files))
            return 0
        names = [(f"{planned.out.as_posix()}/{action.path}", _why(action)) for action in changes]
        match self.settings.text("format"):
            case "json":
                differ = [{"file": name, "kind": kind} for name, kind in names]
                say(report.dumps({"differ": differ, "problems": report.as_json(foreign)}))
                return 1
            case "github":
                problems = [Problem(Place(name), "E0610", f"this file is {kind}") for name, kind in names]
                say(report.github([*problems, *foreign]))
                return 1
        for name, kind in names:
            say(f"{name}: {kind}\n", error=True)
        if foreign:
            color = wants_color(self.settings.text("color"), sys.stderr)
            say(report.text(foreign, color=color), error=True)
        if names:
            verb = "differs" if len(names) == 1 else "differ"
            files = _count(planned.kept + len(planned.actions), "file")
            command = self.command(any(action.forced for action in changes))
            say(f"{len(names)} of {files} {verb}; run: {command}\n", error=True)
        return 1

    def show_diff(self) -> int:
        from crucible_gen import diff

        planned = self.plan(force=True)
        if planned.problems:
            raise Problems(planned.problems)
        found = diff.diff(planned)
        color = wants_color(self.settings.text("color"), sys.stdout)
        say(_colored(found) if color else found)
        if not found and not (planned.strays or planned.halves):
            self.keep(planned)
        return 1 if found else 0

    def command(self, force: bool) -> str:
        """The one command that writes what this run found to differ; hand edits are lost in it, so `force` says so."""
        import shlex

        words = ["gen", *(str(path) for path in self.options.paths)]
        for name, flag in (("out", "--out"), ("profile", "--profile"), ("templates", "--templates")):
            if self.settings.values[name].origin.startswith("--"):
                words += [flag, self.settings.text(name)]
        for name, flag in (("targets", "--target"), ("schemas", "--schemas")):
            if self.settings.values[name].origin.startswith("--"):
                words += [word for value in self.settings.texts(name) for word in (flag, value)]
        if self.settings.values["elixir_runtime"].origin.startswith("--"):
            pairs = self.settings.mapping("elixir_runtime").items()
            words += [word for key, value in pairs for word in ("--elixir-runtime", f"{key}={value}")]
        words += [word for name in self.options.only for word in ("--only", name)]
        words += ["--force"] if force else []
        return shlex.join(words)

    def _say_changes(self, planned: Plan) -> None:
        if self.options.verbose and self.settings.text("format") == "text":
            for action in planned.changes:
                say(f"{action.kind} {planned.out.as_posix()}/{action.path}\n")


def _fits(settings: Settings, recipes: int, files: int) -> str:
    """What `--check` says when nothing differs."""
    return _said(
        settings, {"differ": []}, f"{_count(recipes, 'recipe')}: {_count(files, 'file')}, all as the recipes say"
    )


def _said(settings: Settings, data: dict[str, object], text: str) -> str:
    """What a run that went well says, as data or in words."""
    from crucible_gen import report

    return report.dumps(data | {"problems": []}) if settings.text("format") == "json" else f"{text}\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _why(action: object) -> str:
    forced = getattr(action, "forced", False)
    return "edited by hand" if forced else _KINDS[getattr(action, "kind", "update")]


def _colored(diff: str) -> str:
    colors = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
    lines = diff.splitlines(keepends=True)
    return "".join(f"{colors[line[0]]}{line.rstrip()}\x1b[0m\n" if line[0] in colors else line for line in lines)


def settings_of(paths: Sequence[Path], flags: Mapping[str, Plain]) -> Settings:
    """The settings that hold for these paths, or for the working directory. Raises Problems."""
    from crucible_gen import settings

    return settings.find(_start(paths), flags)


def _start(paths: Sequence[Path]) -> Path:
    """The directory from which on settings are looked for."""
    start = Path(paths[0]).absolute() if paths else Path.cwd()
    return start if os.path.isdir(start) else start.parent


def recipe_paths(paths: Sequence[Path], settings: Settings) -> list[Path]:
    """Where recipes are: the paths that were given, else those of the settings. Raises Problems without either."""
    found = list(paths) or [settings.base("recipes") / path for path in settings.texts("recipes")]
    if not found:
        message = "no paths are given, and no settings name recipes"
        raise Problems([Problem(Place("gen"), "E0704", message, hint="run gen recipes/, or set recipes in [tool.gen]")])
    return found


def new(name: str, type_: str, directory: Path | None) -> int:
    """Writes a recipe of this type that generates as it is; never over a file that exists."""
    from crucible_gen import names, schema, settings, write

    if problems := names.id_problems(name, Place("gen new", 0, 0)):
        raise Problems(problems)
    if directory is None:
        found = settings.find(Path.cwd(), {})
        recipes = found.texts("recipes")
        directory = found.base("recipes") / recipes[0] if recipes else Path("recipes")
    path = directory / f"{name}.yaml"
    text = (schema.shipped("templates") / "new" / f"{type_}.yaml").read_text("utf-8").replace("NAME", name)
    editor = directory.parent / "schemas" / "recipe.schema.json"
    if os.path.isfile(editor):
        text = f"# yaml-language-server: $schema=../schemas/recipe.schema.json\n{text}"
    if os.path.exists(path):
        message, hint = f"{settings.shown(path)} exists already", "choose another name, or edit that file"
        raise Problems([Problem(Place(settings.shown(path)), "E0703", message, hint=hint)])
    write.create(path, text)
    say(f"wrote {settings.shown(path)}; run: gen {settings.shown(directory)}\n")
    return 0


def print_schema(name: str) -> int:
    """Prints the schema of recipes (self-contained, with the stages of third parties), of settings, or of a stage."""
    from crucible_gen import bundle, extend, report, schema, settings

    if name in ("settings", "meta"):
        say((schema.shipped("schemas") / f"{name}.schema.json").read_text("utf-8"))
        return 0
    found = settings.find(Path.cwd(), {})
    paths = [found.base("schemas") / path for path in found.texts("schemas")]
    schemas = extend.extend(schema.load(), paths)
    if name == "recipe":
        say(report.dumps(bundle.bundle(schemas)))
        return 0
    if name not in schemas.stages:
        known = ["recipe", "settings", "meta", *sorted(schemas.stages)]
        hint = did_you_mean(name, known) or f"schemas: {', '.join(known)}"
        raise Problems([Problem(Place("gen schema"), "E0702", f"there is no schema {name}", hint=hint)])
    say(report.dumps(schemas.documents[schemas.stages[name].key]))
    return 0


def explain(code: str | None) -> int:
    """Prints what the code of an error or of a known defect means, or the list of all of them."""
    from crucible_gen import defects, explanations

    known = defects.defects()
    if code is None:
        for error, title in explanations.titles().items():
            say(f"{error}  {title}\n")
        for defect in known.values():
            say(f"{defect.id}  {defect.title}\n")
        return 0
    found = known.get(code.upper())
    text = defects.story(found) if found is not None else explanations.text(code.upper())
    if text is None:
        hint = "codes stand in brackets behind the word error; gen explain lists them all"
        raise Problems([Problem(Place("gen explain"), "E0701", f"there is no error code {code}", hint=hint)])
    say(text)
    return 0


def print_settings(path: Path | None, format_: str) -> int:
    """Prints each setting with its value and its origin."""
    import json

    from crucible_gen import report

    found = settings_of([path] if path else [], {})
    if format_ == "json":
        values = {name: {"value": item.value, "from": item.origin} for name, item in found.values.items()}
        say(report.dumps(values))
        return 0
    shown = {name: json.dumps(item.value, ensure_ascii=False) for name, item in found.values.items()}
    width, value_width = max(map(len, shown)), max(map(len, shown.values()))
    for name, item in found.values.items():
        say(f"{name.ljust(width)}  {shown[name].ljust(value_width)}  {item.origin}\n")
    return 0


def print_resolved(path: Path, profile: str | None) -> int:
    """Prints a recipe with its bases and profile merged; behind each value the place that it comes from."""
    from crucible_gen import build, extend, resolve, schema, settings

    found = settings.find(path.absolute().parent, {})
    schemas = extend.extend(schema.load(), [found.base("schemas") / item for item in found.texts("schemas")])
    reader = resolve.Reader(schemas)
    recipe = reader.recipe(resolve.Source(path.absolute(), settings.shown(path)), profile)
    if problems := build.profile_problems([[name for name, _ in recipe.variants]], profile):
        raise Problems(problems)
    say(resolve.text(recipe.node))
    return 0


def print_structs(language: str) -> int:
    """Prints the IR structs as Elixir modules or Python dataclasses."""
    from crucible_gen import schema
    from crucible_gen.emit import structs

    directory = schema.shipped("schemas")
    say(structs.elixir(directory) if language == "elixir" else structs.python(directory))
    return 0

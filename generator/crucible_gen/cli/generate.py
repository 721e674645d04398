"""The main command: `gen PATH...`, `gen --check` and `gen --diff`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crucible_gen.diagnostics import Place, Problem, Problems, report, shown
from crucible_gen.diagnostics.quoting import line, printable, shell
from crucible_gen.diagnostics.report import say, wants_color
from crucible_gen.documents import Plain
from crucible_gen.incremental import Session, off
from crucible_gen.recipes import settings
from crucible_gen.results import Answers, Request, Result, requested

if TYPE_CHECKING:
    from crucible_gen.cli.output import Difference
    from crucible_gen.output.plan import Plan
    from crucible_gen.output.survey import Action
    from crucible_gen.recipes.settings import Settings

CODES = {"E0610": "a generated file is not what the recipes say"}

_KINDS: Mapping[str, Difference] = {"create": "missing", "update": "changed", "delete": "left over"}


class Options(NamedTuple):
    """The options of the main command that are no settings."""

    paths: Sequence[Path]
    check: bool = False
    diff: bool = False
    only: Sequence[str] = ()
    force: bool = False
    quiet: bool = False
    verbose: bool = False


def generate(options: Options, flags: Mapping[str, Plain], session: Session) -> int:
    """Writes, checks or shows what the recipes say; the exit code. Raises Problems for settings that are not right."""
    projects = settings.by_project(options.paths, session.note)
    if len(projects) > 1:
        return _each_project(projects, options, flags)
    found = settings.of_project(options.paths, flags, session.note)
    try:
        return _Run(options, found, _request(options, found), session).run()
    except Problems as error:
        return _complain(error, found)


def _each_project(projects: Sequence[tuple[Path, Sequence[Path]]], options: Options, flags: Mapping[str, Plain]) -> int:
    """One run for each project, under its own settings; nothing is written where a recipe of any is not right.

    Raises Problems for settings that are not right, and for what several projects cannot be asked for at once.
    """
    found = [settings.of_project(paths, flags) for _, paths in projects]
    if reason := _about_one(options, flags, found):
        raise Problems([settings.several_projects(projects, reason)])
    codes, runs = [0], []
    for each, (root, paths) in zip(found, projects, strict=True):
        try:
            own = options._replace(paths=paths)
            runs.append(_Run(own, each, _request(own, each), off(), f"{shown(root)}: "))
            runs[-1].build()
        except Problems as error:
            codes.append(_complain(error, each))
    for run in runs if max(codes) == 0 else ():
        try:
            codes.append(run.run())
        except Problems as error:
            codes.append(_complain(error, run.settings))
    return max(codes)


def _about_one(options: Options, flags: Mapping[str, Plain], found: Sequence[Settings]) -> str:
    """Why one run cannot be about several projects, or an empty string."""
    if "out" in flags:
        return "--out is the output directory of one"
    if options.only:
        return "--only names recipes of one"
    if any(each.text("format") == "json" for each in found):
        return "what --format json prints is about one"
    return ""


def _complain(error: Problems, found: Settings) -> int:
    return report.complain(error.problems, found.text("format"), found.text("color"))


def _request(options: Options, found: Settings) -> Request:
    """What the settings and options ask for. Raises Problems for an output directory that cannot be one."""
    from crucible_gen.output import write

    request = requested(found, settings.recipe_paths(options.paths, found), options.only)
    if problems := write.check_out(Path(shown(request.out)), request.paths, Path.home()):
        raise Problems(problems)
    return request


class _Run:
    """One run of the main command, and what it prints."""

    def __init__(
        self, options: Options, found: Settings, request: Request, session: Session, project: str = ""
    ) -> None:
        """Takes what summaries begin with where the run is of one of several projects."""
        self._options = options
        self._settings = found
        self._request = request
        self._session = session
        self._project = line(project)
        self._built: Result | None = None

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return self._settings

    def build(self) -> None:
        """Does what comes before anything is written. Raises Problems of recipes, and of the output directory."""
        from crucible_gen import build

        self._built = build.sound(build.build(self._request))
        if not (self._options.check or self._options.diff):
            build.writable(self._request, self._built, force=self._options.force)

    def run(self) -> int:
        """Does what the options ask for; the exit code. Raises Problems."""
        return self.check() if self._options.check else self.show_diff() if self._options.diff else self.write()

    def write(self) -> int:
        """Writes what the recipes say."""
        from crucible_gen import build
        from crucible_gen.output import plan

        result, planned = build.generate(
            self._request, self, self._session, force=self._options.force, built=self._built
        )
        if self._options.verbose and self._settings.text("format") == "text":
            for action in planned.changes:
                path = line(f"{planned.out.as_posix()}/{action.path}")
                say(f"{action.kind} {path}\n")
        self._warn(result.warnings)
        if not self._options.quiet:
            say(self._notice(result), error=True)
            say(self._done(plan.summary(planned, result.recipes), result.warnings))
        return 0

    def check(self) -> int:
        """Says which files differ from what the recipes say; 1 if any does."""
        from crucible_gen import build

        result, planned = build.compare(self._request, self, self._session, built=self._built)
        foreign = [problem for problem in planned.problems if problem.code != "E0604"]
        if not planned.changes and not foreign:
            self._warn(result.warnings)
            if not self._options.quiet:
                say(self._fits(result, planned.files))
            return 0
        match self._settings.text("format"):
            case "json":
                say(_check_json(_differences(planned), sorted([*foreign, *result.warnings])))
            case "github":
                self._warn(result.warnings)
                problems = [
                    Problem(Place(name), "E0610", f"this file is {kind}") for name, kind in _differences(planned)
                ]
                say(report.github([*problems, *foreign]))
            case _:
                self._warn(result.warnings)
                self._say_differences(planned, foreign)
        return 1

    def show_diff(self) -> int:
        """Prints what would change; 1 if anything would."""
        from crucible_gen import build
        from crucible_gen.output import diff

        result, planned = build.compare(self._request, self, self._session, built=self._built)
        if planned.problems:
            raise Problems((*planned.problems, *result.warnings))
        if result.warnings:  # standard output is for the diff
            say(self._shown(result.warnings), error=True)
        found = diff.diff(planned)
        report.say_diff(found, color=wants_color(self._settings.text("color"), sys.stdout), exact=True)
        return 1 if found else 0

    # What the build tells

    def waiting(self, message: str) -> None:
        """Says that another run has to be waited for."""
        say(f"{line(message)}\n", error=True)

    def overwriting(self, planned: Plan) -> None:
        """Shows the hand edits that are about to be lost."""
        if not self._options.quiet:
            from crucible_gen.output import diff

            report.say_diff(diff.diff(planned))

    def answers(self, result: Result, planned: Plan) -> Answers:
        """What the next run says if nothing changes until then, escaped as it is printed; records keep plain text."""
        from crucible_gen.output import plan

        text = self._settings.text("format") == "text"
        color = self._settings.text("color") if text else ""
        if self._options.diff:
            warned = ("", str(self._shown(result.warnings)) if result.warnings and not text else "")
            return Answers(warned, warned, warned, color)
        done = plan.summary(planned._replace(actions=(), kept=planned.files), result.recipes)
        loud, quiet = (str(self._ahead(result.warnings, quiet=each)) for each in (False, True))
        generate = loud + self._done(done, result.warnings), str(printable(self._notice(result)))
        return Answers(generate, (loud + self._fits(result, planned.files), ""), (quiet, ""), color)

    # Words

    def _notice(self, result: Result) -> str:
        """What the languages say of known defects that stop recipes; as before, where no others were looked at."""
        from crucible_gen.languages import registry

        if result.rest:
            return self._session.said_before()
        notices = [registry.get(target).notice(result.stopped) for target in self._request.targets]
        return "".join(f"{notice}\n" for notice in notices if notice)

    def _done(self, summary: str, warnings: Sequence[Problem]) -> str:
        """What is printed when everything is written."""
        done = _with_count(summary, warnings)
        if not self._prints_json:
            return f"{self._project}{done}\n"
        from crucible_gen.cli.output import GenerateOutput
        from crucible_gen.diagnostics.output import problem_outputs

        return GenerateOutput(summary=done, problems=problem_outputs(warnings)).text()

    def _fits(self, result: Result, files: int) -> str:
        """What `--check` prints when nothing differs."""
        if not self._prints_json:
            text = f"{_count(result.recipes, 'recipe')}: {_count(files, 'file')}, all as the recipes say"
            return f"{self._project}{_with_count(text, result.warnings)}\n"
        return _check_json([], result.warnings)

    @property
    def _prints_json(self) -> bool:
        return self._settings.text("format") == "json"

    def _warn(self, warnings: Sequence[Problem]) -> None:
        """Says the warnings of a run that went well, if there are any; as data they stand in what follows, if that is."""
        if warnings and self._settings.text("format") == "text":
            say(self._shown(warnings), error=True)
        else:
            say(self._ahead(warnings, quiet=self._options.quiet))

    def _ahead(self, warnings: Sequence[Problem], *, quiet: bool) -> str:
        """The warnings that standard output begins with: none as text, and as data only where nothing follows."""
        format_ = self._settings.text("format")
        return self._shown(warnings) if warnings and (format_ == "github" or (format_ == "json" and quiet)) else ""

    def _shown(self, warnings: Sequence[Problem]) -> str:
        """The warnings in the format that was asked for."""
        found = self._settings
        return report.rendered(warnings, found.text("format"), found.text("color"), sys.stderr)

    def _say_differences(self, planned: Plan, foreign: Sequence[Problem]) -> None:
        names = list(_differences(planned))
        for name, kind in names:
            say(f"{line(name)}: {kind}\n", error=True)
        if foreign:
            color = wants_color(self._settings.text("color"), sys.stderr)
            say(report.text(foreign, color=color), error=True)
        if names:
            verb = "differs" if len(names) == 1 else "differ"
            files = _count(planned.kept + len(planned.actions), "file")
            command = self._command(any(action.forced for action in planned.changes))
            say(f"{self._project}{len(names)} of {files} {verb}; run: {command}\n", error=True)

    def _command(self, force: bool) -> str:
        """The one command that writes what this run found to differ; hand edits are lost in it, so `force` says so."""
        found = self._settings
        words = ["gen", *(str(path) for path in self._options.paths)]
        for name, flag in (("out", "--out"), ("profile", "--profile"), ("templates", "--templates")):
            if found.values[name].origin.startswith("--"):
                words += [flag, found.text(name)]
        for name, flag in (("targets", "--target"), ("schemas", "--schemas"), ("outside", "--outside")):
            if found.values[name].origin.startswith("--"):
                words += [word for value in found.texts(name) for word in (flag, value)]
        words += [word for name in self._options.only for word in ("--only", name)]
        words += ["--warnings-as-errors"] if found.values["warnings_as_errors"].origin.startswith("--") else []
        words += ["--force"] if force else []
        return shell(words)


def _check_json(differences: Sequence[tuple[str, Difference]], problems: Sequence[Problem]) -> str:
    """What `--check` prints for programs."""
    from crucible_gen.cli.output import CheckOutput
    from crucible_gen.diagnostics.output import problem_outputs

    return CheckOutput.of(differences, problem_outputs(problems)).text()


def _differences(planned: Plan) -> list[tuple[str, Difference]]:
    """Each file that differs, and how."""
    return [(f"{planned.out.as_posix()}/{action.path}", _why(action)) for action in planned.changes]


def _why(action: Action) -> Difference:
    return "edited by hand" if action.forced else _KINDS[action.kind]


def _with_count(text: str, warnings: Sequence[Problem]) -> str:
    """A summary with the number of warnings, if there are any."""
    return f"{text}; {_count(len(warnings), 'warning')}" if warnings else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""The main command: `gen PATH...`, `gen --check` and `gen --diff`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crucible_gen.diagnostics import Place, Problem, Problems, report, shown
from crucible_gen.diagnostics.report import say, wants_color
from crucible_gen.documents import Plain
from crucible_gen.incremental import Session
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
    found = settings.for_paths(options.paths, flags, session.note)
    try:
        request = _request(options, found)
        run = _Run(options, found, request, session)
        return run.check() if options.check else run.show_diff() if options.diff else run.write()
    except Problems as error:
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

    def __init__(self, options: Options, found: Settings, request: Request, session: Session) -> None:
        self._options = options
        self._settings = found
        self._request = request
        self._session = session

    def write(self) -> int:
        """Writes what the recipes say."""
        from crucible_gen import build
        from crucible_gen.output import plan

        result, planned = build.generate(self._request, self, self._session, force=self._options.force)
        if self._options.verbose and self._settings.text("format") == "text":
            for action in planned.changes:
                say(f"{action.kind} {planned.out.as_posix()}/{action.path}\n")
        if not self._options.quiet:
            say(self._notice(result), error=True)
            say(self._done(plan.summary(planned, result.recipes)))
        return 0

    def check(self) -> int:
        """Says which files differ from what the recipes say; 1 if any does."""
        from crucible_gen import build

        result, planned = build.compare(self._request, self, self._session)
        foreign = [problem for problem in planned.problems if problem.code != "E0604"]
        if not planned.changes and not foreign:
            if not self._options.quiet:
                say(self._fits(result.recipes, planned.files))
            return 0
        match self._settings.text("format"):
            case "json":
                say(_check_json(planned, foreign))
            case "github":
                problems = [
                    Problem(Place(name), "E0610", f"this file is {kind}") for name, kind in _differences(planned)
                ]
                say(report.github([*problems, *foreign]))
            case _:
                self._say_differences(planned, foreign)
        return 1

    def show_diff(self) -> int:
        """Prints what would change; 1 if anything would."""
        from crucible_gen import build
        from crucible_gen.output import diff

        _, planned = build.compare(self._request, self, self._session)
        if planned.problems:
            raise Problems(planned.problems)
        found = diff.diff(planned)
        say(_colored(found) if wants_color(self._settings.text("color"), sys.stdout) else found)
        return 1 if found else 0

    # What the build tells

    def waiting(self, message: str) -> None:
        """Says that another run has to be waited for."""
        say(f"{message}\n", error=True)

    def overwriting(self, planned: Plan) -> None:
        """Shows the hand edits that are about to be lost."""
        if not self._options.quiet:
            from crucible_gen.output import diff

            say(diff.diff(planned))

    def answers(self, result: Result, planned: Plan) -> Answers:
        """What the next run says if nothing changes until then."""
        from crucible_gen.output import plan

        if self._options.diff:
            return Answers(("", ""), ("", ""))
        said = self._done(plan.summary(planned._replace(actions=(), kept=planned.files), result.recipes))
        return Answers((said, self._notice(result)), (self._fits(result.recipes, planned.files), ""))

    # Words

    def _notice(self, result: Result) -> str:
        """What is said of known defects that stop recipes; as before, where no other recipes were looked at."""
        from crucible_gen.ir import defects

        if result.rest:
            return self._session.said_before()
        return f"{defects.notice(result.stopped)}\n" if result.stopped else ""

    def _done(self, summary: str) -> str:
        """What is printed when everything is written."""
        if not self._prints_json:
            return f"{summary}\n"
        from crucible_gen.cli.output import GenerateOutput

        return GenerateOutput(summary=summary, problems=[]).text()

    def _fits(self, recipes: int, files: int) -> str:
        """What `--check` prints when nothing differs."""
        if not self._prints_json:
            return f"{_count(recipes, 'recipe')}: {_count(files, 'file')}, all as the recipes say\n"
        from crucible_gen.cli.output import CheckOutput

        return CheckOutput(differ=[], problems=[]).text()

    @property
    def _prints_json(self) -> bool:
        return self._settings.text("format") == "json"

    def _say_differences(self, planned: Plan, foreign: Sequence[Problem]) -> None:
        names = list(_differences(planned))
        for name, kind in names:
            say(f"{name}: {kind}\n", error=True)
        if foreign:
            color = wants_color(self._settings.text("color"), sys.stderr)
            say(report.text(foreign, color=color), error=True)
        if names:
            verb = "differs" if len(names) == 1 else "differ"
            files = _count(planned.kept + len(planned.actions), "file")
            command = self._command(any(action.forced for action in planned.changes))
            say(f"{len(names)} of {files} {verb}; run: {command}\n", error=True)

    def _command(self, force: bool) -> str:
        """The one command that writes what this run found to differ; hand edits are lost in it, so `force` says so."""
        import shlex

        found = self._settings
        words = ["gen", *(str(path) for path in self._options.paths)]
        for name, flag in (("out", "--out"), ("profile", "--profile"), ("templates", "--templates")):
            if found.values[name].origin.startswith("--"):
                words += [flag, found.text(name)]
        for name, flag in (("targets", "--target"), ("schemas", "--schemas")):
            if found.values[name].origin.startswith("--"):
                words += [word for value in found.texts(name) for word in (flag, value)]
        words += [word for name in self._options.only for word in ("--only", name)]
        words += ["--force"] if force else []
        return shlex.join(words)


def _check_json(planned: Plan, foreign: Sequence[Problem]) -> str:
    """What `--check` prints for programs when something differs or is in the way."""
    from crucible_gen.cli.output import CheckOutput
    from crucible_gen.diagnostics.output import problem_outputs

    return CheckOutput.of(_differences(planned), problem_outputs(foreign)).text()


def _differences(planned: Plan) -> list[tuple[str, Difference]]:
    """Each file that differs, and how."""
    return [(f"{planned.out.as_posix()}/{action.path}", _why(action)) for action in planned.changes]


def _why(action: Action) -> Difference:
    return "edited by hand" if action.forced else _KINDS[action.kind]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _colored(diff: str) -> str:
    colors = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
    lines = diff.splitlines(keepends=True)
    return "".join(f"{colors[line[0]]}{line.rstrip()}\x1b[0m\n" if line[0] in colors else line for line in lines)

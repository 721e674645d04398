"""The command line in, exit codes and messages out; no logic of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from crucible_gen.document import Plain
from crucible_gen.problems import Problem, Problems

TYPES = ("supervised", "rl", "preference", "distillation")
TARGETS = ("elixir", "python", "ir")


class _Gen(click.Group):
    """`gen PATH...` is `gen generate PATH...`: what is no command's name is a path."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, with the command `generate` in front where none is named."""
        if not (args and (args[0] in self.commands or args[0] in ("--help", "-h", "--version"))):
            args = ["generate", *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, after the options of the main one."""
        generate = self.commands["generate"]
        with click.Context(generate, info_name="gen") as inner:
            generate.format_options(inner, formatter)
        super().format_commands(ctx, formatter)


_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_FORMAT = click.Choice(["text", "json", "github"])
_COLOR = click.Choice(["auto", "always", "never"])


@click.group(cls=_Gen, context_settings=_CONTEXT, subcommand_metavar="PATH... | COMMAND ...")
@click.version_option(package_name="crucible-gen", prog_name="gen")
def gen() -> None:
    """Write Elixir experiments, Python runners and canonical JSON from recipes.

    \b
    gen recipes/                 write what the recipes say into generated/
    gen --check recipes/         exit 1 and say which files differ
    gen --diff recipes/          print what would change
    """


@gen.command(context_settings=_CONTEXT)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; list the files that differ and exit 1 if any does.")
@click.option(
    "--diff", "show_diff", is_flag=True, help="Write nothing; print the unified diff and exit 1 if there is one."
)
@click.option("--out", metavar="DIR", help="The directory to write (default: generated).")
@click.option("--only", metavar="RECIPE", multiple=True, help="Only the recipe with this id (repeatable).")
@click.option("--target", "targets", type=click.Choice(TARGETS), multiple=True, help="Only this target (repeatable).")
@click.option("--profile", metavar="NAME", help="Lay this profile over every recipe that has it.")
@click.option(
    "--schemas", metavar="PATH", multiple=True, help="Stage schemas of your own: a directory or file (repeatable)."
)
@click.option("--templates", metavar="DIR", help="Templates that replace shipped ones of the same name.")
@click.option(
    "--force", is_flag=True, help="Overwrite generated files that were edited by hand, after showing the diff."
)
@click.option("--format", "format_", type=_FORMAT, help="How problems are printed.")
@click.option("--color", type=_COLOR, help="When output has colours (NO_COLOR is honoured).")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but problems.")
@click.option("-v", "--verbose", is_flag=True, help="Name every file that changes.")
def generate(
    paths: tuple[Path, ...],
    check: bool,
    show_diff: bool,
    only: tuple[str, ...],
    force: bool,
    quiet: bool,
    verbose: bool,
    **flags: object,
) -> None:
    """Generate from the recipes in PATHS (files or directories; default: the setting `recipes`)."""
    from crucible_gen import run

    if check and show_diff:
        raise click.UsageError("--check and --diff exclude each other")
    if quiet and verbose:
        raise click.UsageError("-q and -v exclude each other")
    options = run.Options(paths, check, show_diff, only, force, quiet, verbose)
    _guarded(lambda: run.generate(options, _given(flags)), flags)


@gen.command(context_settings=_CONTEXT)
@click.argument("name")
@click.option("--type", "type_", type=click.Choice(TYPES), required=True, help="The kind of training.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    help="Where to write it (default: the first of the setting `recipes`).",
)
def new(name: str, type_: str, directory: Path | None) -> None:
    """Write a recipe that generates as it is."""
    from crucible_gen import run

    _guarded(lambda: run.new(name, type_, directory), {})


@gen.command(context_settings=_CONTEXT)
@click.argument("name", metavar="recipe|settings|meta|STAGE", default="recipe")
def schema(name: str) -> None:
    """Print a JSON Schema: `recipe` is the one for editors, stages of your own included."""
    from crucible_gen import run

    _guarded(lambda: run.print_schema(name), {})


@gen.command(context_settings=_CONTEXT)
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain an error code, with a wrong and a right example; without CODE, list them all."""
    from crucible_gen import run

    _guarded(lambda: run.explain(code), {})


@gen.command(context_settings=_CONTEXT)
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "format_", type=click.Choice(["text", "json"]), help="How they are printed.")
def settings(path: Path | None, format_: str | None) -> None:
    """Show each setting, its value, and where it comes from."""
    from crucible_gen import run

    _guarded(lambda: run.print_settings(path, format_ or "text"), {})


@gen.command(context_settings=_CONTEXT)
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--profile", metavar="NAME", help="Lay this profile over the recipe.")
def resolve(path: Path, profile: str | None) -> None:
    """Print a recipe with nothing left to look up, and the place that each value comes from."""
    from crucible_gen import run

    _guarded(lambda: run.print_resolved(path, profile), {})


@gen.command(context_settings=_CONTEXT)
@click.argument("language", type=click.Choice(["elixir", "python"]))
def structs(language: str) -> None:
    """Print the definitions of the IR structs, from their schemas."""
    from crucible_gen import run

    _guarded(lambda: run.print_structs(language), {})


def _given(flags: Mapping[str, object]) -> dict[str, Plain]:
    """The flags that were given, under the names of the settings."""
    given: dict[str, Plain] = {}
    for name, value in flags.items():
        if isinstance(value, tuple) and value:
            given[name] = [str(item) for item in value]
        elif isinstance(value, str):
            given[name.rstrip("_")] = value
    return given


def _guarded(work: Any, flags: Mapping[str, object]) -> None:
    """Runs `work` and turns what it says into output and an exit code: the only place that catches everything."""
    try:
        code = work()
    except Problems as error:
        code = complain(error.problems, flags)
    except KeyboardInterrupt:
        click.echo("interrupted; every file is whole", err=True)
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (click.ClickException, click.exceptions.Exit):
        raise
    except Exception as error:
        if os.environ.get("GEN_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {error}"
        click.echo(f"gen: internal error: {what}\nThis is a defect of gen; GEN_TRACEBACK=1 shows where.", err=True)
        code = 70
    sys.exit(code)


def complain(problems: Sequence[Problem], flags: Mapping[str, object]) -> int:
    """Prints problems in the format that was asked for; returns the exit code."""
    from crucible_gen import report

    ordered = sorted(set(problems))
    match flags.get("format_") or flags.get("format") or "text":
        case "json":
            click.echo(report.dumps({"problems": report.as_json(ordered)}), nl=False)
        case "github":
            click.echo(report.github(ordered), nl=False)
        case _:
            click.echo(report.text(ordered, color=wants_color(flags.get("color"), sys.stderr)), err=True, nl=False)
    return 1


def wants_color(setting: object, stream: Any) -> bool:
    """Whether output to `stream` has colours: `always`, `never`, or a terminal where NO_COLOR is not set."""
    if setting in ("always", "never"):
        return setting == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and bool(stream.isatty())

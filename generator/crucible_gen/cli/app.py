"""The command line: its commands, a module for each family, and the main one, which needs no name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from crucible_gen.cli import contracts, explain, recipes, schemas, settings, verify
from crucible_gen.cli.options import COLOR, CONTEXT, FORMAT, Target, given, guarded, session
from crucible_gen.diagnostics import did_you_mean
from crucible_gen.diagnostics.quoting import line
from crucible_gen.diagnostics.report import say


@contextmanager
def _shown_safely() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        error.__dict__["message"] = line(error.message)  # final in click
        raise


class _Gen(click.Group):
    """`gen PATH...` is `gen generate PATH...`: what is no command's name is a path."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, with the command `generate` in front where none is named."""
        if not (args and (args[0] in self.commands or args[0] in ("--help", "-h", "--version"))):
            if args and not os.path.lexists(args[0]) and (near := did_you_mean(args[0], self.commands)):
                raise click.UsageError(f"there is no path and no command {args[0]}; {near}", ctx)
            args = ["generate", *args]
        return super().parse_args(ctx, args)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """As click's; what it complains of is shown on one line and escaped."""
        with _shown_safely():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's; what it complains of is shown on one line and escaped."""
        with _shown_safely():
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the main command with those of the group, then the commands."""
        generate = self.commands["generate"]
        with click.Context(generate, info_name="gen") as inner:
            records = [each.get_help_record(inner) for each in generate.params if isinstance(each, click.Option)]
        records += [param.get_help_record(ctx) for param in self.get_params(ctx)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None])
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Every command with the whole of its summary; the main one has none of its own."""
        rows = [(name, command.get_short_help_str(200)) for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl([row for row in rows if row[0] != "generate"])


def _show_version(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("crucible-gen")
        except PackageNotFoundError:
            found = "from a checkout that is not installed"
        say(f"gen {found}\n")
        ctx.exit()


@click.group(cls=_Gen, context_settings=CONTEXT, subcommand_metavar="PATH... | COMMAND ...")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def gen() -> None:
    """Write Elixir experiments, Python runners and canonical JSON from recipes.

    \b
    gen recipes/                 write what the recipes say into generated/
    gen --check recipes/         exit 1 and say which files differ
    gen --diff recipes/          print what would change
    """


@gen.command(context_settings=CONTEXT)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; list the files that differ and exit 1 if any does.")
@click.option(
    "--diff", "show_diff", is_flag=True, help="Write nothing; print the unified diff and exit 1 if there is one."
)
@click.option("--no-cache", is_flag=True, help="Neither read nor keep a record of what was looked at.")
@click.option("--out", metavar="DIR", help="The directory to write (default: generated).")
@click.option("--only", metavar="RECIPE", multiple=True, help="Only the recipe with this id (repeatable).")
@click.option("--target", "targets", type=Target(), multiple=True, help="Only this target (repeatable).")
@click.option("--profile", metavar="NAME", help="Lay this profile over every recipe that has it.")
@click.option(
    "--schemas", metavar="PATH", multiple=True, help="Stage schemas of your own: a directory or file (repeatable)."
)
@click.option(
    "--outside", metavar="DIR", multiple=True, help="A directory outside of the project to read from (repeatable)."
)
@click.option("--templates", metavar="DIR", help="Templates that replace shipped ones of the same name.")
@click.option(
    "--force", is_flag=True, help="Overwrite generated files that were edited by hand, after showing the diff."
)
@click.option("--format", "format_", type=FORMAT, help="How problems are printed.")
@click.option("--color", type=COLOR, help="When output has colours (NO_COLOR is honoured).")
@click.option("--warnings-as-errors", is_flag=True, help="Write nothing and exit 1 if a recipe gives a warning.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but problems and warnings.")
@click.option("-v", "--verbose", is_flag=True, help="Name every file that changes.")
@click.pass_context
def generate(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    check: bool,
    show_diff: bool,
    no_cache: bool,
    only: tuple[str, ...],
    force: bool,
    quiet: bool,
    verbose: bool,
    **flags: object,
) -> None:
    """Generate from the recipes in PATHS (files or directories; default: the setting `recipes`)."""
    from crucible_gen.cli import generate as main

    if check and show_diff:
        raise click.UsageError("--check and --diff exclude each other")
    if quiet and verbose:
        raise click.UsageError("-q and -v exclude each other")
    options = main.Options(paths, check, show_diff, only, force, quiet, verbose)
    guarded(lambda: main.generate(options, given(flags), session(ctx)), flags)


for _command in (
    recipes.new,
    recipes.resolve,
    schemas.schema,
    schemas.structs,
    explain.explain,
    settings.settings,
    verify.verify,
    contracts.contracts,
):
    gen.add_command(_command)

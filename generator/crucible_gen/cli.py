"""The command line in, exit codes and messages out; no logic of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from crucible_gen import plain
from crucible_gen.document import Plain
from crucible_gen.problems import did_you_mean

TYPES = ("supervised", "rl", "preference", "distillation")
TARGETS = ("elixir", "python", "ir")


class _Gen(click.Group):
    """`gen PATH...` is `gen generate PATH...`: what is no command's name is a path."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, with the command `generate` in front where none is named."""
        if not (args and (args[0] in self.commands or args[0] in ("--help", "-h", "--version"))):
            if args and not os.path.lexists(args[0]) and (near := did_you_mean(args[0], self.commands)):
                raise click.UsageError(f"there is no path and no command {args[0]}; {near}", ctx)
            args = ["generate", *args]
        return super().parse_args(ctx, args)

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
        click.echo(f"gen {found}")
        ctx.exit()


_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_FORMAT = click.Choice(["text", "json", "github"])
_COLOR = click.Choice(["auto", "always", "never"])


@click.group(cls=_Gen, context_settings=_CONTEXT, subcommand_metavar="PATH... | COMMAND ...")
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


def _mapping(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """The values of a repeatable option of the form KEY=VALUE."""
    if wrong := [value for value in values if "=" not in value]:
        raise click.BadParameter(f"{wrong[0]!r} is not of the form KEY=VALUE")
    return {key: text for key, _, text in (value.partition("=") for value in values)}


@gen.command(context_settings=_CONTEXT)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; list the files that differ and exit 1 if any does.")
@click.option(
    "--diff", "show_diff", is_flag=True, help="Write nothing; print the unified diff and exit 1 if there is one."
)
@click.option("--regenerate", is_flag=True, help="With --check: generate everything and compare, whatever digests say.")
@click.option("--no-cache", is_flag=True, help="Neither read nor keep a record of what was looked at.")
@click.option("--out", metavar="DIR", help="The directory to write (default: generated).")
@click.option("--only", metavar="RECIPE", multiple=True, help="Only the recipe with this id (repeatable).")
@click.option("--target", "targets", type=click.Choice(TARGETS), multiple=True, help="Only this target (repeatable).")
@click.option("--profile", metavar="NAME", help="Lay this profile over every recipe that has it.")
@click.option(
    "--schemas", metavar="PATH", multiple=True, help="Stage schemas of your own: a directory or file (repeatable)."
)
@click.option(
    "--compat",
    metavar="PACKAGE@VERSION",
    multiple=True,
    help="Work around the known defects of this release, such as crucible_train@0.3.0 (repeatable).",
)
@click.option("--templates", metavar="DIR", help="Templates that replace shipped ones of the same name.")
@click.option(
    "--elixir-runtime",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_mapping,
    help="Depend on the Elixir runtime instead of copying it: path=DIR, git=URL (with ref=REF, subdir=DIR) or hex=VERSIONS.",
)
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
    regenerate: bool,
    no_cache: bool,
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
    options = run.Options(paths, check, show_diff, only, force, quiet, verbose, regenerate)
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


@gen.command(context_settings=_CONTEXT)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--mix-project",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A compiled Mix project that depends on the packages.",
)
@click.option(
    "--code-path",
    "code_paths",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory of compiled modules, or of such directories (repeatable).",
)
@click.option("--run", "run_", is_flag=True, help="Run each recipe too, before a training client that records.")
@click.option(
    "--python",
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="The interpreter or virtual environment that has crucible_runtime (default: the one that runs gen).",
)
@click.option("--out", metavar="DIR", help="The directory that was generated (default: generated).")
@click.option("--only", metavar="RECIPE", multiple=True, help="Only the recipe with this id (repeatable).")
@click.option("--profile", metavar="NAME", help="The profile that it was generated with.")
@click.option("--schemas", metavar="PATH", multiple=True, help="Stage schemas of your own (repeatable).")
@click.option("--compat", metavar="PACKAGE@VERSION", multiple=True, help="What it was generated with (repeatable).")
@click.option("--format", "format_", type=_FORMAT, help="How the report is printed.")
@click.option("--color", type=_COLOR, help="When output has colours (NO_COLOR is honoured).")
def verify(
    paths: tuple[Path, ...],
    mix_project: Path | None,
    code_paths: tuple[Path, ...],
    run_: bool,
    python: Path | None,
    only: tuple[str, ...],
    **flags: object,
) -> None:
    """Prove what was generated against the packages that you really have; exit 1 if a proof fails.

    \b
    gen verify recipes/ --mix-project ../my_app --run
    gen verify recipes/ --code-path ../my_app/_build/dev/lib
    """
    from crucible_gen.verify import commands

    if mix_project is None and not code_paths:
        raise click.UsageError("name the packages to prove against: --mix-project or --code-path")
    # A shell makes several words of `--code-path _build/dev/lib/*/ebin`.
    modules = [path for path in paths if code_paths and next(path.glob("*.beam"), None) is not None]
    recipes = [path for path in paths if path not in modules]
    request = commands.Request(recipes, mix_project, (*code_paths, *modules), python, run_, only)
    _guarded(lambda: commands.verify(request, _given(flags)), flags)


@gen.group(context_settings=_CONTEXT)
def contracts() -> None:
    """Compare the schemas with what the packages that you have really offer."""


_CONTRACTS = click.option(
    "--contracts",
    "paths",
    metavar="PATH",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A directory or file of contracts to compare with (repeatable; default: contracts/, else the shipped ones).",
)
_AGAINST = click.option(
    "--against", metavar="NAME", multiple=True, help="Compare with this release only, such as crucible_ir@0.3.0."
)


@contracts.command(context_settings=_CONTEXT)
@click.option("--mix-project", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--code-path",
    "code_paths",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory of compiled modules, or of such directories (repeatable).",
)
@click.argument("more", nargs=-1, metavar="[DIR...]", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--python",
    metavar="PATH",
    is_flag=False,
    flag_value="",
    default=None,
    help="An interpreter or a virtual environment; without PATH, the one that runs gen.",
)
@click.option("--package", "packages", metavar="NAME", multiple=True, help="A package, whatever it holds (repeatable).")
@click.option("--compile", "compile_", is_flag=True, help="Compile the project first, into a temporary directory.")
@click.option("--out", metavar="DIR|FILE", help="Where to write (default: contracts; -: print).")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How it is reported.")
def pull(
    mix_project: Path | None,
    code_paths: tuple[Path, ...],
    more: tuple[Path, ...],
    python: str | None,
    packages: tuple[str, ...],
    compile_: bool,
    out: str | None,
    format_: str,
) -> None:
    """Ask an Elixir project or a Python environment what it offers, without changing it.

    \b
    gen contracts pull --mix-project ../my_app
    gen contracts pull --code-path ../my_app/_build/dev/lib/*/ebin
    gen contracts pull --python .venv
    """
    from crucible_gen.contracts import commands
    from crucible_gen.contracts import pull as asking

    if more and not code_paths:
        raise click.UsageError("name a directory with --code-path or --mix-project")
    if mix_project is None and not code_paths and python is None:
        raise click.UsageError("name what to ask: --mix-project, --code-path or --python")
    interpreter = None if python is None else Path(python) if python else asking.this_python()
    request = asking.Request(mix_project, (*code_paths, *more), interpreter, packages, compile_)
    _guarded(lambda: commands.pull(request, out, format_), {"format_": format_})


@contracts.command(context_settings=_CONTEXT)
@_CONTRACTS
@_AGAINST
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--format", "format_", type=_FORMAT, help="How findings are printed.")
@click.option("--color", type=_COLOR, help="When output has colours (NO_COLOR is honoured).")
def check(paths: tuple[Path, ...], against: tuple[str, ...], strict: bool, **flags: object) -> None:
    """Report everything in which the schemas and the packages differ; exit 1 if recipes break on it."""
    from crucible_gen.contracts import commands

    _guarded(lambda: commands.check(paths, against, strict, flags), flags)


@contracts.command(context_settings=_CONTEXT)
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def diff(old: str, new: str, format_: str) -> None:
    """Show what changed between two releases (crucible_ir@0.3.0) or files, and which recipes that touches."""
    from crucible_gen.contracts import commands

    _guarded(lambda: commands.diff(old, new, format_), {"format_": format_})


@contracts.command(context_settings=_CONTEXT)
@_CONTRACTS
@_AGAINST
@click.option("--write", "write_", is_flag=True, help="Write the schemas instead of showing the diff.")
def update(paths: tuple[Path, ...], against: tuple[str, ...], write_: bool) -> None:
    """Show (exit 1) or write the schemas as the packages want them; what people wrote in them stays."""
    from crucible_gen.contracts import commands

    _guarded(lambda: commands.update(paths, against, write_), {})


@contracts.command(context_settings=_CONTEXT)
@click.argument("name")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it there instead of printing it.")
def show(name: str, out: Path | None) -> None:
    """Print the contract of a release, such as crucible_ir@0.3.0."""
    from crucible_gen.contracts import commands

    _guarded(lambda: commands.show(name, out), {})


def _given(flags: Mapping[str, object]) -> dict[str, Plain]:
    """The flags that were given, under the names of the settings."""
    given: dict[str, Plain] = {}
    for name, value in flags.items():
        if isinstance(value, dict) and value:
            given[name] = value
        elif isinstance(value, tuple) and value:
            given[name] = [str(item) for item in value]
        elif isinstance(value, str):
            given[name.rstrip("_")] = value
    return given


def _guarded(work: Callable[[], int], flags: Mapping[str, object]) -> None:
    sys.exit(plain.guarded(work, flags, (click.ClickException, click.exceptions.Exit)))

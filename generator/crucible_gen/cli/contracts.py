"""The commands that compare the schemas with installed packages: `gen contracts ...`."""

from __future__ import annotations

from pathlib import Path

import click

from crucible_gen.cli.options import COLOR, CONTEXT, FORMAT, guarded


@click.group(context_settings=CONTEXT)
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


@contracts.command(context_settings=CONTEXT)
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
    from crucible_gen.conformance import contracts as commands

    if more and not code_paths:
        raise click.UsageError("name a directory with --code-path or --mix-project")
    if mix_project is None and not code_paths and python is None:
        raise click.UsageError("name what to ask: --mix-project, --code-path or --python")
    interpreter = None if python is None else Path(python) if python else commands.this_python()
    request = commands.PullRequest(mix_project, (*code_paths, *more), interpreter, packages, compile_)
    guarded(lambda: commands.pull(request, out, format_), {"format_": format_})


@contracts.command(context_settings=CONTEXT)
@_CONTRACTS
@_AGAINST
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--format", "format_", type=FORMAT, help="How findings are printed.")
@click.option("--color", type=COLOR, help="When output has colours (NO_COLOR is honoured).")
def check(paths: tuple[Path, ...], against: tuple[str, ...], strict: bool, **flags: object) -> None:
    """Report everything in which the schemas and the packages differ; exit 1 if recipes break on it."""
    from crucible_gen.conformance import contracts as commands

    guarded(lambda: commands.check(paths, against, strict, flags), flags)


@contracts.command(context_settings=CONTEXT)
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def diff(old: str, new: str, format_: str) -> None:
    """Show what changed between two releases (crucible_ir@0.3.0) or files, and which recipes that touches."""
    from crucible_gen.conformance import contracts as commands

    guarded(lambda: commands.diff(old, new, format_), {"format_": format_})


@contracts.command(context_settings=CONTEXT)
@_CONTRACTS
@_AGAINST
@click.option("--write", "write_", is_flag=True, help="Write the schemas instead of showing the diff.")
def update(paths: tuple[Path, ...], against: tuple[str, ...], write_: bool) -> None:
    """Show (exit 1) or write the schemas as the packages want them; what people wrote in them stays."""
    from crucible_gen.conformance import contracts as commands

    guarded(lambda: commands.update(paths, against, write_), {})


@contracts.command(context_settings=CONTEXT)
@click.argument("name")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it there instead of printing it.")
def show(name: str, out: Path | None) -> None:
    """Print the contract of a release, such as crucible_ir@0.3.0."""
    from crucible_gen.conformance import contracts as commands

    guarded(lambda: commands.show(name, out), {})

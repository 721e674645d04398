"""The command that proves what was generated against installed packages: `gen verify`."""

from __future__ import annotations

from pathlib import Path

import click

from crucible_gen.cli.options import COLOR, CONTEXT, FORMAT, given, guarded


@click.command(context_settings=CONTEXT)
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
@click.option("--format", "format_", type=FORMAT, help="How the report is printed.")
@click.option("--color", type=COLOR, help="When output has colours (NO_COLOR is honoured).")
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
    from crucible_gen.conformance import verify as commands

    if mix_project is None and not code_paths:
        raise click.UsageError("name the packages to prove against: --mix-project or --code-path")
    # A shell makes several words of `--code-path _build/dev/lib/*/ebin`.
    modules = [path for path in paths if code_paths and next(path.glob("*.beam"), None) is not None]
    recipes = [path for path in paths if path not in modules]
    request = commands.VerifyRequest(recipes, mix_project, (*code_paths, *modules), python, run_, only)
    guarded(lambda: commands.verify(request, given(flags)), flags)

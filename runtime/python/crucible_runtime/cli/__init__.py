"""The command line of a recipe, and of a package of recipes.

Everything is printed, nothing is raised. Little is imported until it is known what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, overload

from crucible_runtime.cli.arguments import recipe_parser
from crucible_runtime.cli.output import guarded, open_streams
from crucible_runtime.cli.recipe import C, Parts, asked
from crucible_runtime.evaluation import Evaluation
from crucible_runtime.installation import project
from crucible_runtime.installation.compatibility import check, package_of
from crucible_runtime.interface.stages import Result
from crucible_runtime.ir import Experiment
from crucible_runtime.recipes import Recipe


@overload
def main(recipe: Recipe | ModuleType | SimpleNamespace, /, *, argv: Sequence[str] | None = None) -> int: ...


@overload
def main(
    config: type[C],
    build_experiment: Callable[[C], Experiment],
    evaluation: Callable[[], Evaluation | None],
    run: Callable[[C], Result],
    argv: Sequence[str] | None = None,
    /,
) -> int: ...


def main(recipe: Any, /, *parts: Any, argv: Sequence[str] | None = None) -> int:
    """Run the command line of a recipe and return its exit code: `main(sys.modules[__name__])`.

    `recipe` is a generated module, or any object with what such a module has (see `Recipe`). Code that was generated for
    interface 1 passes the parts of the module one by one instead. Raises TypeError for an object that is no recipe.
    """
    open_streams()
    if parts:
        config, (build_experiment, evaluation, run, *rest) = recipe, parts
        found = Parts(config=config, build_experiment=build_experiment, evaluation=evaluation, run=run)
        argv = rest[0] if rest else argv
    else:
        found = Parts.of(recipe)
    module = getattr(found.build_experiment, "__globals__", {})
    if refused := guarded(lambda: _supported(package_of(module))):
        return refused
    project.enter(module)
    arguments = recipe_parser(found.name, found.description).parse_args(argv)
    return guarded(lambda: asked(arguments, found))


def list_recipes(package: str, argv: Sequence[str] | None = None) -> int:
    """Prints the name and the description of every recipe in `package`, or what `runs` asks for; an exit code."""
    open_streams()
    if refused := guarded(lambda: _supported(package)):
        return refused
    from crucible_runtime.cli.package import recipes_of, runs_of
    from crucible_runtime.cli.parser import Parser

    parser = Parser(f"python -m {package}", f"Lists the recipes of {package}.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    about = "lists the runs below a directory, shows one, or compares two"
    runs = commands.add_parser("runs", help=about, description=f"{about.capitalize()}.")
    runs.add_argument(
        "names", nargs="*", metavar="RUN", help="a directory of runs (by default runs), or one or two runs"
    )
    runs.add_argument("--report", type=Path, metavar="FILE", help="write a page with the curves of the two runs")
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        return guarded(lambda: recipes_of(package))
    if len(arguments.names) > 2 or (arguments.report is not None and len(arguments.names) != 2):
        runs.error("expected a directory, one run, or two to compare (with --report, two)")
    return guarded(lambda: runs_of(arguments.names, arguments.report))


def _supported(package: str) -> Iterator[str]:
    """Nothing to print; raises InterfaceError where the package was generated for a runtime that does not fit."""
    check(package)
    yield from ()

"""The command line of a generated recipe, and of the package that holds them.

`main` puts flags and files into the recipe's Config, and then does one of three things: prints the plan, prints the
experiment, or runs. Everything that a user can get wrong ends as one message: exit 1 for input and for a run that
failed, 2 for a command line that does not parse.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from crucible_runtime.canonical import pretty
from crucible_runtime.errors import CrucibleError, InputError, did_you_mean
from crucible_runtime.evaluation import Evaluation
from crucible_runtime.ir import Experiment
from crucible_runtime.pipeline import Result, RunConfig
from crucible_runtime.plan import one_line, plan, printable, summary

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

C = TypeVar("C", bound=RunConfig)

_TEXTUAL = {"str", "int", "float", "bool", "Path", "None", "NoneType"}


def main(
    config: type[C],
    build_experiment: Callable[[C], Experiment],
    evaluation: Callable[[], Evaluation | None],
    run: Callable[[C], Result],
    argv: Sequence[str] | None = None,
) -> int:
    """The four parts of a recipe and a command line to an exit code; everything is printed, nothing is raised."""
    arguments = _recipe_parser(build_experiment(config())).parse_args(argv)
    return _guarded(lambda: _recipe(arguments, config, build_experiment, evaluation, run))


def list_recipes(package: str, argv: Sequence[str] | None = None) -> int:
    """Prints the name and the description of every recipe in `package`; an exit code."""
    from argparse import ArgumentParser

    parser = ArgumentParser(prog=f"python -m {package}", description=f"Lists the recipes of {package}.", **_STRICT)
    parser.parse_args(argv)
    return _guarded(lambda: _list(package))


def _list(package: str) -> str:
    from crucible_runtime.recipes import recipes

    found = recipes(package)
    width = max(map(len, found), default=0)
    lines = [f"{name:<{width}}  {one_line(recipe.DESCRIPTION)}".rstrip() for name, recipe in found.items()]
    return "".join(f"{line}\n" for line in lines)


_STRICT: Mapping[str, Any] = {"allow_abbrev": False}


def _recipe_parser(experiment: Experiment) -> ArgumentParser:
    from argparse import ArgumentParser

    module = sys.modules["__main__"].__spec__
    parser = ArgumentParser(
        prog=f"python -m {module.name}" if module is not None else experiment.id,
        description=one_line(experiment.description or "").replace("%", "%%"),
        **_STRICT,
    )
    show = parser.add_mutually_exclusive_group()
    show.add_argument("--dry-run", action="store_true", help="print the plan, run nothing")
    show.add_argument("--json", action="store_true", help="print the experiment as canonical JSON, run nothing")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="PATH=VALUE",
        help="override one value: training_config.learning_rate=1e-5 (repeatable; goes before --config)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML or JSON file of overrides")
    parser.add_argument("--log-path", metavar="DIR", help="directory for what the run writes")
    parser.add_argument("--engine", metavar="NAME", help="the installed engine that trains")
    return parser


def _assignment(text: str) -> tuple[list[str], str]:
    from argparse import ArgumentTypeError

    path, equals, value = text.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ArgumentTypeError(f"expected PATH=VALUE, found {text!r}")
    return steps, value


def _recipe(
    arguments: Namespace,
    config: type[C],
    build_experiment: Callable[[C], Experiment],
    evaluation: Callable[[], Evaluation | None],
    run: Callable[[C], Result],
) -> str:
    """What the arguments ask for; the text to print."""
    supplied = _config(config, _values(arguments))
    if arguments.json:
        return pretty(build_experiment(supplied))
    if arguments.dry_run:
        return plan(build_experiment(supplied), evaluation())
    return summary(run(supplied))


def _values(arguments: Namespace) -> dict[str, Any]:
    """The fields of the Config as the command line gives them: file first, then --set, then the other flags."""
    from crucible_runtime import values

    result: dict[str, Any] = {}
    if arguments.config is not None:
        loaded = values.read(arguments.config)
        if not isinstance(loaded, dict | None):
            raise InputError(f"{arguments.config}: expected a mapping such as training_config: {{epochs: 2}}")
        result = loaded or {}
    for steps, text in arguments.set:
        below = result
        for step in steps[:-1]:
            if not isinstance(below.get(step), dict):
                below[step] = {}
            below = below[step]
        below[steps[-1]] = values.parse(text, f"--set {'.'.join(steps)}")
    flags = {"log_path": arguments.log_path, "engine": arguments.engine}
    return result | {name: value for name, value in flags.items() if value is not None}


def _config(config: type[C], values: Mapping[str, Any]) -> C:
    """The Config that holds `values`; raises InputError for a field that there is not or that is not for text."""
    known = [field.name for field in fields(config) if _from_text(field)]
    live = {field.name for field in fields(config)} - {*known}
    problems = [f"{name} is a live value: only Python can supply it" for name in values if name in live]
    for name in values:
        if name not in live and name not in known:
            problems.append(f"there is no {name} to set; {did_you_mean(str(name), known)}")
    if not isinstance(values.get("training_config", {}), Mapping):
        problems.append("training_config must be a mapping of its fields")
    problems += [f"{name} must be text" for name in ("log_path", "engine") if not isinstance(values.get(name, ""), str)]
    if problems:
        raise InputError("\n".join(problems))
    return config(**values)


def _from_text(field: Field[Any]) -> bool:
    """Whether a command line can supply the field: any other holds an object that only Python can make."""
    if isinstance(field.type, str):
        names = {name.strip() for name in field.type.split("|")}
    else:
        names = {getattr(part, "__name__", "") for part in get_args(field.type) or (field.type,)}
    return field.name in ("training_config", "engine") or names <= _TEXTUAL


def _guarded(work: Callable[[], str]) -> int:
    """Prints what `work` returns, or why it could not; an exit code."""
    try:
        sys.stdout.buffer.write(work().encode())
        sys.stdout.flush()
    except CrucibleError as error:
        for line in str(error).splitlines():
            print(f"error: {printable(line)}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader has gone. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0

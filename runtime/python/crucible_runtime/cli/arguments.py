"""The command line of a recipe, and the fields of its Config that are supplied as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from crucible_runtime.cli.sources import Place, Supplied, Types, gather

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def recipe_parser(name: str, description: str) -> ArgumentParser:
    """The parser of the command line of a recipe."""
    from crucible_runtime.cli.parser import Parser

    module = sys.modules["__main__"].__spec__
    parser = Parser(f"python -m {module.name}" if module is not None else name, description)
    show = parser.add_mutually_exclusive_group()
    show.add_argument("--dry-run", action="store_true", help="print the plan, run nothing")
    show.add_argument(
        "--json",
        action="store_true",
        help="print the experiment as canonical JSON, run nothing; with --preflight, print that as JSON",
    )
    parser.add_argument(
        "--preflight", action="store_true", help="check whether the run could reach its end, run nothing"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="PATH=VALUE",
        help="override one value: training_config.learning_rate=1e-5 (repeatable; goes before --config)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML or JSON file of overrides")
    parser.add_argument("--log-path", metavar="DIR", help="directory of the run; left out, a new one below runs/")
    parser.add_argument("--smoke", action="store_true", help="train a tiny model on tiny data, both made on the spot")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --log-path, or the latest one")
    parser.add_argument("--engine", metavar="NAME", help="the installed engine that trains; left out, trl")
    parser.add_argument("--base-url", metavar="URL", help="the server of an engine that trains on one")
    parser.add_argument(
        "--apply",
        nargs="?",
        const=True,
        default=False,
        choices=["local"],
        metavar="local",
        help="deploy, and not only write down how; with local, serve on this machine, ask once, and stop",
    )
    parser.add_argument(
        "--allow-unsandboxed", action="store_true", help="let programs that a model wrote run without a sandbox"
    )
    return parser


def supplied_by(arguments: Namespace, types: Types) -> Supplied:
    """The fields of the Config as environment, file and command line give them, in this order.

    `types` are the JSON types of the value at a path, by which texts are read.
    """
    supplied = gather(arguments.config, arguments.set, types)
    for name in ("log_path", "engine", "base_url", "resume", "apply", "allow_unsandboxed"):
        if (value := getattr(arguments, name)) not in (None, False):
            supplied.put([name], value, Place(f"--{name.replace('_', '-')}"))
    return supplied


def _assignment(text: str) -> tuple[list[str], str]:
    from argparse import ArgumentTypeError

    path, equals, value = text.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ArgumentTypeError(f"expected PATH=VALUE, found {text!r}")
    return steps, value

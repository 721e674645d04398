"""What the commands share: contexts, option types, and the session of the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from crucible_gen.cli import guard
from crucible_gen.diagnostics import did_you_mean
from crucible_gen.documents import Plain
from crucible_gen.incremental import Session, off

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
FORMAT = click.Choice(["text", "json", "github"])
COLOR = click.Choice(["auto", "always", "never"])


class Target(click.ParamType[str]):
    """The name of a language. Installed ones are looked for only where the name is not built in."""

    name = "target"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The built-in languages."""
        return f"[{'|'.join(_registry().BUILT_IN)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if there is such a language."""
        registry = _registry()
        if registry.is_known(value):
            return str(value)
        names = ", ".join(map(repr, registry.known()))
        near = did_you_mean(str(value), registry.known())
        self.fail(f"{value!r} is not one of {names}{f'; {near}' if near else '.'}", param, ctx)


def _registry() -> Any:
    from crucible_gen.languages import registry

    return registry


def given(flags: Mapping[str, object]) -> dict[str, Plain]:
    """The flags that were given, under the names of the settings."""
    found: dict[str, Plain] = {}
    for name, value in flags.items():
        if isinstance(value, tuple) and value:
            found[name] = [str(item) for item in value]
        elif value is True:
            found[name] = True
        elif isinstance(value, str):
            found[name.rstrip("_")] = value
    return found


def session(ctx: click.Context) -> Session:
    """The session that the program began with; one that is off where a command is called without the program."""
    return ctx.obj if isinstance(ctx.obj, Session) else off()


def guarded(work: Callable[[], int], flags: Mapping[str, object]) -> None:
    """Does the work of a command, and exits."""
    sys.exit(guard.guarded(work, flags, (click.ClickException, click.exceptions.Exit)))

"""The command that shows the settings: `gen settings`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from crucible_gen.cli.options import CONTEXT, guarded
from crucible_gen.diagnostics.quoting import json_text, line
from crucible_gen.diagnostics.report import say, text


@click.command(context_settings=CONTEXT)
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "format_", type=click.Choice(["text", "json"]), help="How they are printed.")
def settings(path: Path | None, format_: str | None) -> None:
    """Show each setting, its value, and where it comes from."""
    guarded(lambda: _settings(path, format_ or "text"), {})


def _settings(path: Path | None, format_: str) -> int:
    """Prints each setting with its value and its origin."""
    from crucible_gen.recipes import settings as recipe_settings

    found = recipe_settings.for_paths([path] if path else [], {})
    if format_ == "json":
        from crucible_gen.cli.output import settings_output

        say(settings_output(found.values).text())
        return 0
    if found.notes:
        say(text(found.notes, color=False), error=True)
    shown = {name: json_text(json.dumps(item.value, ensure_ascii=False)) for name, item in found.values.items()}
    width, value_width = max(map(len, shown)), max(map(len, shown.values()))
    for name, item in found.values.items():
        say(f"{name.ljust(width)}  {shown[name].ljust(value_width)}  {line(item.origin)}\n")
    return 0

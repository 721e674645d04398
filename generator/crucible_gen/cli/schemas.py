"""The commands that print what is known of recipes: `gen schema` and `gen structs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from crucible_gen.cli.options import CONTEXT, guarded
from crucible_gen.diagnostics import Place, Problem, Problems, did_you_mean
from crucible_gen.diagnostics.json_text import dumps
from crucible_gen.diagnostics.report import say

CODES = {"E0702": "there is no such schema"}

_GENERAL = ("recipe", "settings", "meta", "output")
"""The schemas that are of no stage."""


def _with_structs() -> list[str]:
    """The built-in languages that can print the structs of the IR."""
    from crucible_gen.languages import registry

    return [language.name for language in registry.built_in() if language.structs is not None]


@click.command(context_settings=CONTEXT)
@click.argument("name", metavar="|".join((*_GENERAL, "STAGE")), default="recipe")
def schema(name: str) -> None:
    """Print a JSON Schema: `recipe` is the one for editors, stages of your own included; `output` that of --format json."""
    guarded(lambda: _schema(name), {})


@click.command(context_settings=CONTEXT)
@click.argument("language", type=click.Choice(_with_structs()))
def structs(language: str) -> None:
    """Print the definitions of the IR structs, from their schemas."""
    guarded(lambda: _structs(language), {})


def _schema(name: str) -> int:
    """Prints a JSON Schema. Raises Problems: there is none of this name."""
    from crucible_gen.recipes import settings
    from crucible_gen.schemas import META, shipped

    match name:
        case "meta":
            say((shipped("schemas") / META).read_text("utf-8"))
        case "settings":
            say(dumps(settings.schema()))
        case "output":
            from crucible_gen.cli import output_schema

            say(dumps(output_schema.schema()))
        case _:
            say(dumps(_own_schema(name)))
    return 0


def _own_schema(name: str) -> Mapping[str, Any]:
    """The schema of recipes (self-contained, with the user's stages), or of a stage. Raises Problems."""
    from crucible_gen.recipes import settings, vocabulary
    from crucible_gen.results import requested
    from crucible_gen.schemas import bundle, editor

    schemas = vocabulary.load(requested(settings.find(Path.cwd(), {}), []).schemas)
    if name == "recipe":
        return editor.editor(bundle.bundle(schemas))
    if name not in schemas.stages:
        known = [*_GENERAL, *sorted(schemas.stages)]
        hint = did_you_mean(name, known) or f"schemas: {', '.join(known)}"
        raise Problems([Problem(Place("gen schema"), "E0702", f"there is no schema {name}", hint=hint)])
    return schemas.documents[schemas.stages[name].key]


def _structs(language: str) -> int:
    """Prints the IR structs as definitions in a language."""
    from crucible_gen.languages import registry
    from crucible_gen.schemas import shipped

    structs = registry.get(language).structs
    assert structs is not None, "the command line offers no other language"
    say(structs(shipped("schemas")))
    return 0

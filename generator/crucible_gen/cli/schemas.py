"""The commands that print what is known of recipes: `gen schema` and `gen structs`."""

from __future__ import annotations

from pathlib import Path

import click

from crucible_gen.cli.options import CONTEXT, guarded
from crucible_gen.diagnostics import Place, Problem, Problems, did_you_mean, report
from crucible_gen.diagnostics.report import say

CODES = {"E0702": "there is no such schema"}


def _with_structs() -> list[str]:
    """The built-in languages that can print the structs of the IR."""
    from crucible_gen.languages import registry

    return [language.name for language in registry.built_in() if language.structs is not None]


@click.command(context_settings=CONTEXT)
@click.argument("name", metavar="recipe|settings|meta|STAGE", default="recipe")
def schema(name: str) -> None:
    """Print a JSON Schema: `recipe` is the one for editors, stages of your own included."""
    guarded(lambda: _schema(name), {})


@click.command(context_settings=CONTEXT)
@click.argument("language", type=click.Choice(_with_structs()))
def structs(language: str) -> None:
    """Print the definitions of the IR structs, from their schemas."""
    guarded(lambda: _structs(language), {})


def _schema(name: str) -> int:
    """Prints the schema of recipes (self-contained, with the user's stages), of settings, or of a stage."""
    from crucible_gen.recipes import settings, vocabulary
    from crucible_gen.schemas import META, bundle, shipped

    if name == "meta":
        say((shipped("schemas") / META).read_text("utf-8"))
        return 0
    if name == "settings":
        say(report.dumps(settings.schema()))
        return 0
    found = settings.find(Path.cwd(), {})
    schemas = vocabulary.load([found.base("schemas") / path for path in found.texts("schemas")])
    if name == "recipe":
        say(report.dumps(bundle.bundle(schemas)))
        return 0
    if name not in schemas.stages:
        known = ["recipe", "settings", "meta", *sorted(schemas.stages)]
        hint = did_you_mean(name, known) or f"schemas: {', '.join(known)}"
        raise Problems([Problem(Place("gen schema"), "E0702", f"there is no schema {name}", hint=hint)])
    say(report.dumps(schemas.documents[schemas.stages[name].key]))
    return 0


def _structs(language: str) -> int:
    """Prints the IR structs as definitions in a language."""
    from crucible_gen.languages import registry
    from crucible_gen.schemas import shipped

    structs = registry.get(language).structs
    assert structs is not None, "the command line offers no other language"
    say(structs(shipped("schemas")))
    return 0

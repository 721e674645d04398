"""The commands that write and show one recipe: `gen new` and `gen resolve`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from crucible_gen.cli.options import CONTEXT, guarded
from crucible_gen.diagnostics import Place, Problem, Problems, shown
from crucible_gen.diagnostics.quoting import line
from crucible_gen.diagnostics.report import say
from crucible_gen.schemas import RECIPE, shipped

CODES = {"E0703": "the new recipe's file exists already"}


def _types() -> list[str]:
    """The types of recipes, as the recipe schema lists them."""
    schema = json.loads((shipped("schemas") / RECIPE).read_text("utf-8"))
    return list(schema["properties"]["type"]["enum"])


@click.command(context_settings=CONTEXT)
@click.argument("name")
@click.option("--type", "type_", type=click.Choice(_types()), required=True, help="The kind of training.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    help="Where to write it (default: the first of the setting `recipes`).",
)
def new(name: str, type_: str, directory: Path | None) -> None:
    """Write a recipe that generates as it is."""
    guarded(lambda: _new(name, type_, directory), {})


@click.command(context_settings=CONTEXT)
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--profile", metavar="NAME", help="Lay this profile over the recipe.")
def resolve(path: Path, profile: str | None) -> None:
    """Print a recipe with nothing left to look up, and the place that each value comes from."""
    guarded(lambda: _resolve(path, profile), {})


def _new(name: str, type_: str, directory: Path | None) -> int:
    """Writes a recipe of this type that generates as it is; never over a file that exists. Raises Problems."""
    from crucible_gen.languages import registry
    from crucible_gen.output import write
    from crucible_gen.recipes import ids, settings

    if problems := ids.id_problems(name, Place("gen new", 0, 0), registry.built_in()):
        raise Problems(problems)
    if directory is None:
        found = settings.find(Path.cwd(), {})
        recipes = found.texts("recipes")
        directory = found.base("recipes") / recipes[0] if recipes else Path("recipes")
    path = directory / f"{name}.yaml"
    text = (shipped("templates") / "new" / f"{type_}.yaml").read_text("utf-8").replace("NAME", name)
    editor = directory.parent / "schemas" / RECIPE
    if os.path.isfile(editor):
        text = f"# yaml-language-server: $schema=../schemas/{RECIPE}\n{text}"
    if os.path.exists(path):
        message, hint = f"{shown(path)} exists already", "choose another name, or edit that file"
        raise Problems([Problem(Place(shown(path)), "E0703", message, hint=hint)])
    write.create(path, text)
    say(f"wrote {line(shown(path))}; run: gen {line(shown(directory))}\n")
    return 0


def _resolve(path: Path, profile: str | None) -> int:
    """Prints a recipe with its bases and profile merged, each value with its place of origin. Raises Problems."""
    from crucible_gen import factory
    from crucible_gen.recipes import resolve, settings, vocabulary
    from crucible_gen.results import requested

    wanted = requested(settings.find(path.absolute().parent, {}), [path])
    reader = resolve.Reader(vocabulary.load(wanted.schemas), boundary=wanted.boundary)
    recipe = reader.recipe(resolve.Source(path.absolute(), shown(path)), profile)
    if problems := factory.profile_problems([[name for name, _ in recipe.variants]], profile):
        raise Problems(problems)
    say(resolve.text(recipe.node))
    return 0

"""Targets and the stems of recipes in, the paths of their outputs below the output directory out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_RECIPE = {
    "elixir": (("lib/crucible_recipes/", ".ex"),),
    "python": (("crucible_recipes/", ".py"),),
    "ir": (("", ".json"), ("", ".json.gen")),
}
SHARED = {
    "elixir": (
        ".formatter.exs",
        "mix.exs",
        "lib/crucible_recipes.ex",
        "lib/crucible_recipes/canonical.ex",
        "lib/crucible_recipes/recipe.ex",
        "lib/crucible_recipes/recipe/schema.ex",
        "lib/crucible_recipes/run.ex",
        "lib/crucible_recipes/run/evaluation.ex",
        "lib/crucible_recipes/run/sampler.ex",
        "lib/crucible_recipes/run/watch.ex",
        "test/test_helper.exs",
        "test/crucible_recipes_test.exs",
        "test/crucible_recipes/canonical_test.exs",
        "test/crucible_recipes/recipe_test.exs",
        "test/crucible_recipes/run_test.exs",
    ),
    "python": (
        "pyproject.toml",
        "crucible_recipes/__init__.py",
        "crucible_recipes/__main__.py",
        "crucible_recipes/py.typed",
    ),
    "ir": (),
}
"""What no recipe changes, by target."""
COMPAT = "lib/crucible_recipes/compat.ex"
"""What there is besides, in Elixir, if a recipe names a wrapper stage."""


def recipe(targets: Iterable[str], stem: str) -> list[str]:
    """The outputs of a recipe."""
    return [f"{target}/{folder}{stem}{ending}" for target in targets for folder, ending in _RECIPE[target]]


def shared(targets: Iterable[str]) -> list[str]:
    """The outputs that all recipes share."""
    return [f"{target}/{path}" for target in targets for path in SHARED[target]]


def folders(targets: Sequence[str], stems: Sequence[str]) -> dict[str, set[str]]:
    """The names of all outputs of a run, by folder."""
    found: dict[str, set[str]] = {}
    for target in targets:
        for folder, ending in _RECIPE[target]:
            names = found.setdefault(f"{target}/{folder}".rstrip("/"), set())
            names.update([stem + ending for stem in stems])
    for path in shared(targets):
        folder, _, name = path.rpartition("/")
        found.setdefault(folder, set()).add(name)
    return found

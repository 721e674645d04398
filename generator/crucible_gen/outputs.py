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
NO_COMMENTS = (".json",)
"""Endings of outputs that cannot have their two lines in front: they have them in a file beside them."""
FOREIGN_FOLDERS = frozenset({"_build", "build", "deps", "dist", "cover", "node_modules", "venv", "__pycache__"})
"""Where builds put copies of generated files, signature and all: nothing in there is ours. So too in hidden folders."""
COMPAT = "lib/crucible_recipes/compat.ex"
"""What there is besides, in Elixir, if a recipe names a wrapper stage."""


COPIED = frozenset(
    path for path in SHARED["elixir"] if path.startswith(("lib/crucible_recipes/", "test/crucible_recipes/"))
)
"""What a generated Mix project has of the Elixir runtime, unless it names the runtime as a dependency."""


def places(targets: Iterable[str]) -> list[tuple[str, str]]:
    """Where the outputs of a recipe are: what stands before its stem, and what behind it."""
    return [(f"{target}/{folder}", ending) for target in targets for folder, ending in _RECIPE[target]]


def elixir(*, wraps: bool = False, copied: bool = True) -> list[str]:
    """The paths that all recipes share in the Mix project; for the arguments see `shared`."""
    found = [path for path in SHARED["elixir"] if copied or path not in COPIED]
    return [*found, COMPAT] if wraps else found


def shared(targets: Iterable[str], *, wraps: bool = False, copied: bool = True) -> list[str]:
    """The outputs that all recipes share.

    `wraps` says whether any names a wrapper stage, `copied` whether the Mix project has a copy of the runtime.
    """
    found = [f"{target}/{path}" for target in targets for path in SHARED[target] if copied or path not in COPIED]
    return [*found, f"elixir/{COMPAT}"] if wraps else found


def folders(
    targets: Sequence[str], stems: Sequence[str], *, wraps: bool = False, copied: bool = True
) -> dict[str, set[str]]:
    """The names of all outputs of a run, by folder; `wraps` and `copied` as in `shared`."""
    found: dict[str, set[str]] = {}
    for folder, ending in places(targets):
        names = found.setdefault(folder.rstrip("/"), set())
        names.update([stem + ending for stem in stems])
    for path in shared(targets, wraps=wraps, copied=copied):
        folder, _, name = path.rpartition("/")
        found.setdefault(folder, set()).add(name)
    return found


def counts(targets: Sequence[str], recipes: int, *, wraps: bool = False, copied: bool = True) -> dict[str, int]:
    """How much stands in each folder, folders included, where there is nothing but the outputs of so many recipes."""
    inside = folders(targets, [], wraps=wraps, copied=copied)
    for folder in list(inside):
        while "/" in folder:
            folder, _, name = folder.rpartition("/")
            inside.setdefault(folder, set()).add(name)
    found = {folder: len(names) for folder, names in inside.items()}
    for folder, _ in places(targets):
        found[folder.rstrip("/")] += recipes
    return found

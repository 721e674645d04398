"""The recipes of a package of generated modules, by name; the modules are found, no list of them is kept."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Protocol, cast

from crucible_runtime.errors import InputError
from crucible_runtime.evaluation import Evaluation
from crucible_runtime.interface.stages import Result, RunConfig
from crucible_runtime.ir import Experiment


class Recipe(Protocol):
    """What every generated module has; `evaluation` answers None where the recipe asks the model nothing."""

    NAME: str
    DESCRIPTION: str
    Config: type[RunConfig]
    build_experiment: Callable[..., Experiment]
    evaluation: Callable[[], Evaluation | None]
    run: Callable[..., Result]


PARTS = ("Config", "build_experiment", "evaluation", "run")
"""What a recipe consists of."""


def recipes(package: str) -> dict[str, Recipe]:
    """Every recipe of the package, by name; a module that is no recipe is passed over.

    Raises InputError where there is no such package.
    """
    try:
        path = importlib.import_module(package).__path__
    except (ImportError, AttributeError) as error:
        raise InputError(f"{package} is no package: {error}") from error
    names = sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))
    modules: list[Any] = [importlib.import_module(f"{package}.{name}") for name in names]
    found = [
        cast(Recipe, module)
        for module in modules
        if all(hasattr(module, name) for name in ("NAME", "DESCRIPTION", *PARTS))
    ]
    return {recipe.NAME: recipe for recipe in found}

"""A training configuration in, what of it does not go together and the arguments of its trainer out; nothing heavy.

Each type of recipe has a module with `CONFIG`, the name of trl's class of arguments, `values`, which fills it, and
`problems`, which says what of the type does not go together.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from crucible_runtime.engines.trl import arguments
from crucible_runtime.errors import InputError
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import TrainingConfig

MODULES = {"supervised": "supervised", "preference": "preference", "rl": "grpo", "distillation": "distillation"}
"""The module of each type of recipe."""


def values(training: TrainingConfig, kind: str) -> tuple[str, dict[str, Any]]:
    """The name of the trainer's class of arguments, and the arguments; raises InputError for a batch size."""
    module = _module(kind)
    return str(module.CONFIG), dict(module.values(training))


def problems(training: TrainingConfig, kind: str, config: RunConfig) -> list[str]:
    """What does not go together, or is out of reach of the libraries, each a sentence that says what would work."""
    found = [*_together(training), *_module(kind).problems(training, config)]
    try:
        values(training, kind)
    except InputError as error:
        found.append(str(error))
    return found


def _module(kind: str) -> ModuleType:
    return import_module(f"crucible_runtime.engines.trl.{MODULES[kind]}")


def _together(training: TrainingConfig) -> Iterator[str]:
    given = arguments.options(training)
    if training.seed is not None and training.seed > arguments.LARGEST_SEED:
        yield (
            f"engine trl cannot honour training_config.seed {training.seed}: NumPy takes seeds up to "
            f"{arguments.LARGEST_SEED}"
        )
    if training.validation_split is not None and given.get("test_size"):
        yield (
            "training_config.validation_split and training_config.options.test_size both say what is held out: "
            "leave one of them out"
        )

"""The strategies of this engine: how each recipe type is trained, and what of a recipe does not go together.

A strategy is a module; one for another type is a module with the same names and an entry here. Nothing heavy is imported
until something is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from crucible_runtime.engines.trl import arguments, distillation, grpo, preference, prompt_distillation, supervised
from crucible_runtime.errors import InputError
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import TrainingConfig


class Strategy(Protocol):
    """What the module of a recipe type has."""

    CONFIG: str
    """The name of trl's class of the trainer's arguments."""

    def values(self, training: TrainingConfig) -> dict[str, Any]:
        """The arguments of the trainer, each with its value."""
        ...

    def problems(self, training: TrainingConfig, config: RunConfig) -> list[str]:
        """What of the recipe cannot be honoured and stands in no table, each a whole sentence."""
        ...

    def train(self, context: Context, options: Options) -> Output:
        """Trains; what the stage leaves behind."""
        ...


STRATEGIES: Mapping[str, Strategy] = {
    "supervised": supervised,
    "rl": grpo,
    "preference": preference,
    "distillation": distillation,
    "prompt_distillation": prompt_distillation,
}
"""The strategies by kind of recipe."""


def problems(training: TrainingConfig, kind: str, config: RunConfig) -> list[str]:
    """What does not go together, or is out of reach of the libraries, each a sentence that says what would work."""
    strategy = STRATEGIES[kind]
    found = [*_together(training), *strategy.problems(training, config)]
    try:
        strategy.values(training)
    except InputError as error:
        found.append(str(error))
    return found


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

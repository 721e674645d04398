"""The strategies of this engine: how recipes of each type become a config of the cookbook.

A strategy for another type is a subclass of `Strategy` and an entry here.
"""

from __future__ import annotations

from collections.abc import Mapping

from crucible_runtime.engines.tinker import table
from crucible_runtime.engines.tinker.strategies.base import Strategy
from crucible_runtime.engines.tinker.strategies.distillation import Distillation
from crucible_runtime.engines.tinker.strategies.preference import Preference
from crucible_runtime.engines.tinker.strategies.rl import Rl, RlLoop
from crucible_runtime.engines.tinker.strategies.supervised import PromptDistillation, SlLoop, Supervised
from crucible_runtime.engines.tinker.tree import Given, Node
from crucible_runtime.ir import Experiment

STRATEGIES: Mapping[str, type[Strategy]] = {
    "supervised": Supervised,
    "rl": Rl,
    "preference": Preference,
    "distillation": Distillation,
    "prompt_distillation": PromptDistillation,
}
"""The strategies by kind of recipe."""
LOOPS: Mapping[str, type[Strategy]] = {"sl_loop": SlLoop, "rl_loop": RlLoop}
"""The strategies of the cookbook's loops, by what `backend.options.entry` takes."""


def strategy(experiment: Experiment, kind: str, given: Given | None = None) -> Strategy:
    """The strategy for an experiment of a recipe type: that of the loop which it asks for, else that of its type."""
    training, entry = experiment.training_config, table.entry_of(experiment)
    assert training is not None
    return (STRATEGIES[kind] if entry is None else LOOPS[entry])(training, given)


def config(experiment: Experiment, kind: str, given: Given) -> Node:
    """The config for the training stage of an experiment that there are no problems with."""
    return strategy(experiment, kind, given).config()


def problems(experiment: Experiment, kind: str) -> list[str]:
    """Everything of the experiment that the cookbook cannot honour, each a whole sentence."""
    training = experiment.training_config
    if training is None:
        return ["engine tinker trains what training_config says, and the experiment has none"]
    if kind not in STRATEGIES:
        return [f"engine tinker does not train recipes of type {kind}; it trains {', '.join(STRATEGIES)}"]
    if found := table.backend_problems(experiment, kind):
        return found
    by = strategy(experiment, kind)
    missing = [
        f"engine tinker needs training_config.options.{name}: {why}"
        for name, why in by.needed().items()
        if name not in by.options
    ]
    return [*table.problems(experiment, kind), *missing, *by.conflicts(), *by.elsewhere()]

"""The engine that trains on this machine, with trl: CPU, one GPU, or several processes under torchrun or accelerate.

Importing this imports none of trl, torch or transformers: a plan and the problems of a recipe need none of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from crucible_runtime.engines import mapping
from crucible_runtime.engines.checks import reward_of_one_turn
from crucible_runtime.engines.trl import arguments, strategies
from crucible_runtime.engines.trl import checks as checked
from crucible_runtime.engines.trl.strategies import STRATEGIES
from crucible_runtime.experiment.kinds import trained_kind
from crucible_runtime.installation.packages import needs
from crucible_runtime.interface.preflight import checked_by, uses
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import Experiment
from crucible_runtime.ports import SamplingClient

__all__ = ["STRATEGIES", "TrlEngine"]


@checked_by(
    checked.data_set, checked.model, checked.checkpoints, checked.other_models, checked.device, reward_of_one_turn
)
@uses()
@needs("local", "accelerate", "datasets", "peft", "torch", "transformers", "trl")
class TrlEngine:
    """The engine `trl`."""

    def problems(self, experiment: Experiment, config: RunConfig) -> Sequence[str]:
        """What of the experiment it cannot honour, each a sentence that says what would work."""
        training, kind = arguments.training(experiment), trained_kind(experiment)
        if kind not in STRATEGIES:
            return [f"engine trl does not train recipes of type {kind}; it trains {', '.join(STRATEGIES)}"]
        return [*mapping.load("trl").problems(training, kind), *strategies.problems(training, kind, config)]

    def plan(self, experiment: Experiment, config: RunConfig) -> str:
        """The arguments of the trainer, and those of the adapter where there is one, a line each."""
        training, strategy = arguments.training(experiment), STRATEGIES[trained_kind(experiment)]
        adapter = arguments.lora(training)
        lines = _listed(f"trl.{strategy.CONFIG}", strategy.values(training))
        return lines + (_listed("peft.LoraConfig", adapter) if adapter is not None else "")

    def train(self, context: Context, options: Options) -> Output:
        """Runs the training stage; raises EngineError, InputError."""
        from crucible_runtime.engines.trl.machine import settled

        with settled(context):
            return STRATEGIES[trained_kind(context.experiment)].train(context, options)

    def sampler(self, context: Context, model: str) -> SamplingClient:
        """What asks the model that a training stage left at `model`, a name in the run folder."""
        from crucible_runtime.engines.trl.sampler import Sampler

        return Sampler(context, model)


def _listed(name: str, values: Mapping[str, Any]) -> str:
    width = max(map(len, values))
    shown = ((each, value if isinstance(value, str) else json.dumps(value)) for each, value in values.items())
    return "".join([f"{name}\n", *(f"  {each:<{width}}  {value}\n" for each, value in shown)])

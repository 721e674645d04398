"""Prompt distillation: a teacher answers a long prompt about each line of a file, and a student learns the answers.

The teacher writes the data first, if its file is not there; then the student is trained on it as in recipes of type
supervised, without the prompt.
"""

from __future__ import annotations

from dataclasses import replace

from crucible_runtime.data import teacher
from crucible_runtime.engines.trl import arguments, supervised
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import TrainingConfig

CONFIG = supervised.CONFIG
"""trl's class of the arguments."""
values = supervised.values


def problems(training: TrainingConfig, config: RunConfig) -> list[str]:
    """What of the recipe does not go together, and what the teacher lacks, each a whole sentence."""
    return [*supervised.problems(training, config), *teacher.problems(training)]


def train(context: Context, options: Options) -> Output:
    """Has the teacher write the data, and trains on it; raises InputError where no answer can be used."""
    from accelerate import PartialState

    from crucible_runtime.engines.trl.sampler import ask

    training = arguments.training(context.experiment)
    with PartialState(cpu=training.device == "cpu").main_process_first():
        path = teacher.write(context, ask(context))
    ref = replace(training.dataset_ref, name=str(path), provider="local", format="jsonl", options=None)
    return supervised.trained(context, ref)

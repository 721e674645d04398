"""How many batches a recipe with rollouts is trained on, and which rows each of them has; nothing heavy is imported.

Rows stay in the order of the data set unless the recipe has a shuffle_seed, and where the last batch lacks rows it is
filled from the beginning, as every batch has the same size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from crucible_runtime.engines.trl import arguments
from crucible_runtime.interface.leftout import left_out
from crucible_runtime.ir import TrainingConfig

T = TypeVar("T")

SHOWN = 4
"""Answers of a batch that go to samples.jsonl."""


def wanted(training: TrainingConfig) -> int | None:
    """How many batches the recipe asks for: the smaller of num_batches and max_steps; None where the data decides."""
    given = arguments.options(training)
    return min((given[name] for name in ("num_batches", "max_steps") if name in given), default=None)


def sampling(training: TrainingConfig) -> dict[str, Any]:
    """The trainer's arguments of how the model's answers are sampled: from the model as it is, at the temperature."""
    given = arguments.options(training)
    return {
        "max_completion_length": given.get("max_tokens"),
        "temperature": given.get("temperature", 1.0),
        "top_p": 1.0,
        "top_k": 0,
        "min_p": None,
        "repetition_penalty": 1.0,
    }


def limit(training: TrainingConfig) -> int | None:
    """How many rows have to be read: all of them where they are shuffled, or where the data decides."""
    count = wanted(training)
    shuffled = "shuffle_seed" in arguments.options(training)
    return None if count is None or shuffled else count * training.batch_size


def filled(training: TrainingConfig, rows: Sequence[T]) -> list[T]:
    """The rows of all batches in the order in which they are trained on; `rows` has at least one."""
    order: Sequence[int] = range(len(rows))
    seed = arguments.options(training).get("shuffle_seed")
    if seed is not None:
        from datasets import Dataset

        order = list(Dataset.from_dict({"at": list(order)}).shuffle(seed=seed)["at"])
    count = wanted(training)
    if count is None:
        count = max(1, training.epochs * len(rows) // training.batch_size)
        unseen = max(0, len(rows) - count * training.batch_size)
        left_out(unseen, len(rows), f"they fill no batch of {training.batch_size}, training_config.batch_size")
    return [rows[order[number % len(rows)]] for number in range(count * training.batch_size)]


def shown(count: int, group: int) -> range:
    """Which of `count` answers are shown, one to each problem: they say more than all answers to one."""
    return range(0, count, group)[:SHOWN]


def sample(
    stage: str, step: int, prompt: Sequence[Mapping[str, Any]], completion: str, measured: Mapping[str, float | None]
) -> dict[str, Any]:
    """A row of samples.jsonl; `measured` holds the reward and its parts, of which none takes the place of another."""
    row = {"stage": stage, "step": step, "prompt": list(prompt), "completion": completion}
    return row | dict(measured) | row

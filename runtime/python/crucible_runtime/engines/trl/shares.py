"""Deals the last batch of an epoch, which may not be full, to several processes: each step is as one process makes it.

The library would fill that batch with rows that were seen before. Here it is filled with examples that teach nothing,
and its loss is taken over the others alone. With one process nothing is filled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from accelerate.data_loader import SeedableRandomSampler
from datasets import Dataset, concatenate_datasets
from torch.utils.data import Sampler
from trl import DPOTrainer, SFTTrainer


class Filled(Sampler[int]):
    """The places of `real` examples in the order that one process has, then those of what fills the last batch."""

    def __init__(self, real: int, total: int, seed: int) -> None:
        """Takes how many examples there are, how many with those that fill, and the seed of the order."""
        self._order = SeedableRandomSampler(range(real), data_seed=seed)
        self._real, self._total = real, total

    def __iter__(self) -> Iterator[int]:
        """The places of one epoch."""
        yield from self._order
        yield from range(self._real, self._total)

    def __len__(self) -> int:
        """How many places an epoch has."""
        return self._total

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch comes next: each has an order of its own."""
        self._order.set_epoch(epoch)


class _Shared:
    """What both trainers do differently from trl; mixed in before the trainer."""

    real: int | None = None
    """How many examples of the data set teach something, where others fill it."""

    def fill(self, count: int, nothing: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Adds `count` examples that teach nothing; `nothing` makes one of the first example."""
        trainer: Any = self
        found = trainer.train_dataset
        made = Dataset.from_list([dict(nothing(found[0]))] * count, features=found.features)
        self.real, trainer.train_dataset = len(found), concatenate_datasets([found, made])

    def _get_train_sampler(self, *rest: Any, **named: Any) -> Any:
        trainer: Any = self
        if self.real is None:
            return super()._get_train_sampler(*rest, **named)  # type: ignore[misc]
        return Filled(self.real, len(trainer.train_dataset), trainer.args.data_seed)


class Sft(_Shared, SFTTrainer):
    """Supervised training. An example whose labels are all ignored has no part in the loss."""


class Dpo(_Shared, DPOTrainer):
    """Preference training. A pair of twice the same answer has no gradient, and the loss ln 2, which is taken off."""

    def compute_loss(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        """The loss over the pairs that teach something."""
        loss = super().compute_loss(model, inputs, *rest, **named)
        if self.real is None or not model.training:
            return loss
        batch = math.ceil(self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size)
        steps = math.ceil(self.real / batch)
        left = self.real - (steps - 1) * batch
        if left == batch or self.state.global_step % steps != steps - 1:
            return loss
        chosen, rejected = inputs["input_ids"].chunk(2)
        share = (chosen == rejected).all(dim=1).float().mean()
        return (loss - share * math.log(2)) * (batch / left)

"""Trainers that learn from what the model itself says: how that is sampled and where it ends.

The trainers of trl sample a whole batch at once; here it is sampled in pieces that a GPU can hold. An answer ends
where the renderer ends one, also in the middle of a token, and nothing behind is trained on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from trl import DistillationTrainer, GRPOTrainer

from crucible_runtime.engines.trl import arguments, models
from crucible_runtime.ir import TrainingConfig

AT_ONCE = 4 * arguments.TOKENS
"""The most tokens, prompts and answers together, that are sampled at once."""
PROMPT = 1024
"""The length of a prompt that is reckoned with where the recipe gives none."""


class _Pieces:
    """What both trainers do differently from trl; mixed in before the trainer."""

    _at_once = 1
    _stop: str | None = None

    def samples(self, training: TrainingConfig) -> None:
        """Makes the trainer sample as the recipe says."""
        given = arguments.options(training)
        longest = given.get("max_length", given.get("max_prompt_tokens", PROMPT) + given["max_tokens"])
        self._at_once = max(1, AT_ONCE // longest)
        self._stop = models.STOP if given.get("renderer_name") == models.ROLE_COLON else None
        if self._stop is not None:
            trainer: Any = self
            trainer.generation_config.stop_strings = [self._stop]
            # The library looks for texts in tokens, and wants the tokenizer for it with each call.
            trainer.model.generate = partial(trainer.model.generate, tokenizer=trainer.processing_class)

    def _generate_single_turn(self, prompt_ids: list[Any], *rest: Any, **named: Any) -> Any:
        """Tokens of prompts in, tokens of answers out, in trl's own form."""
        parts = [prompt_ids[start : start + self._at_once] for start in range(0, len(prompt_ids), self._at_once)]
        trainer: Any = super()
        made = [trainer._generate_single_turn(part, *rest, **named) for part in parts]
        if isinstance(made[0], tuple):
            return [self._ended(ids) for ids, _ in made for ids in ids], None
        return [self._ended(ids) for part in made for ids in part]

    def _ended(self, ids: list[int]) -> list[int]:
        """An answer up to the token that completes the text that ends answers."""
        if self._stop is None:
            return ids
        trainer: Any = self
        stop = self._stop
        decode = partial(trainer.processing_class.decode, skip_special_tokens=False)
        if stop not in decode(ids):
            return ids
        return ids[: bisect_left(range(len(ids) + 1), True, key=lambda length: stop in decode(ids[:length]))]


class GRPO(_Pieces, GRPOTrainer):
    """GRPO on sampled answers."""


class Distillation(_Pieces, DistillationTrainer):
    """Distillation on the student's own answers.

    `coefficient` weighs the divergence from the teacher; `heard` is told each batch's prompts and answers.
    """

    coefficient = 1.0
    heard: Callable[[Sequence[Any], Sequence[Sequence[int]]], None] | None = None

    def _generate(self, prompts: list[Any]) -> Any:
        found = super()._generate(prompts)
        if self.heard is not None:
            self.heard(prompts, found[1])
        return found

    def _compute_loss(self, *rest: Any, **named: Any) -> Any:
        loss, *others = super()._compute_loss(*rest, **named)
        return loss * self.coefficient, *others


def spoken(completion: Any, stop: str | None) -> str:
    """The text of an answer as trl gives it, without the text that ends it."""
    text = completion if isinstance(completion, str) else completion[0]["content"]
    return str(text).partition(stop)[0] if stop is not None else str(text)

"""Writes the rows of metrics.jsonl from the trainer's log, and marks finished checkpoints.

The trainer calls a Watch as it goes. A checkpoint counts from the moment when all of it is written, which a file in
it says: what a kill left half written is never resumed from. Running totals and times of the trainer are left out,
since after a resume they would say something else than without one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from crucible_runtime.engines.trl.measures import COMPLETE, metrics
from crucible_runtime.interface.stages import Context


class Watch(TrainerCallback):
    """What a trainer calls while it trains."""

    def __init__(self, context: Context) -> None:
        """Takes the context of the training stage."""
        self._context = context

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Drops the rows that were written after the checkpoint that training goes on from."""
        self._context.folder.rewind(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Records an entry of the trainer's log; its last one only sums up. Raises DivergenceError in every process."""
        if not logs or "train_runtime" in logs:
            return
        found = metrics(logs)
        if found and state.is_world_process_zero:
            self._context.step(state.global_step, state.max_steps, found)
        self._context.check_finite(state.global_step, found)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Raises DivergenceError where the step has made weights that are not finite: before anything of them is saved."""
        from torch.nn.utils import get_total_norm

        trained = [weights.detach() for weights in model.parameters() if weights.requires_grad]
        largest = float(get_total_norm(trained, norm_type=math.inf))
        if not math.isfinite(largest):
            raise self._context.diverged(f"the largest weight is {largest}", state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Marks the checkpoint of this step as whole, when every process has written its part."""
        from accelerate import PartialState

        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()


class Patience(TrainerCallback, ExportableState):
    """Ends training when `eval_loss` has not fallen by more than `min_delta` for `patience` evaluations."""

    def __init__(self, patience: int = 1, min_delta: float = 0.0) -> None:
        """Takes what the recipe's early_stopping says."""
        self._patience = patience
        self._min_delta = min_delta
        self._best: float | None = None
        self._waited = 0

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, float], **_: Any) -> None:
        """Compares the loss of this evaluation with the best one."""
        loss = metrics["eval_loss"]
        if self._best is None or loss < self._best - self._min_delta:
            self._best, self._waited = loss, 0
        else:
            self._waited += 1
        control.should_training_stop = control.should_training_stop or self._waited >= self._patience

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this."""
        return {
            "args": {"patience": self._patience, "min_delta": self._min_delta},
            "attributes": {"_best": self._best, "_waited": self._waited},
        }


def watched(trainer: Any, context: Context) -> None:
    """Makes the trainer tell the run what it does, and nobody else; adds early stopping where the recipe wants it."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Watch(context))
    training = context.experiment.training_config
    if training is not None and training.early_stopping is not None:
        trainer.add_callback(Patience(**training.early_stopping))

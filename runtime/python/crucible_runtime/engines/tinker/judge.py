"""Stops the cookbook's loop at the step whose loss or reward is not finite: by itself it would train to its end.

Weights are not seen here, so that a checkpoint is good when a step after it was finite. Those that are not good are
left out of the list from which a run goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crucible_runtime.engines.tinker import records
from crucible_runtime.interface.stages import Context, must_be_finite


class Judge:
    """Looks at the steps of a loop that writes into the directory `place`."""

    def __init__(self, context: Context, place: Path) -> None:
        """The checkpoints that are there are of the run that goes on."""
        self._context, self._place = context, place
        self._good = self._unproven = len(records.checkpoints(place))
        self._passed: Mapping[str, float] = {}

    def passed(self, metrics: Mapping[str, Any]) -> None:
        """Takes what the service measured in a pass over the model."""
        self._passed = records.numbers(metrics)

    def step(self, metrics: Mapping[str, Any], step: int) -> None:
        """Takes what the loop logs of a step, counted from 1; raises DivergenceError, which names what is left."""
        measured = records.numbers(metrics)
        # One of the cookbook's loops logs no loss.
        measured = measured if "loss" in measured else {**measured, **self._passed}
        for name, value in measured.items():
            if not math.isfinite(value) and must_be_finite(name):
                found = records.checkpoints(self._place)[: self._good]
                records.keep(self._place, found)
                last = next((str(row["state_path"]) for row in reversed(found) if "state_path" in row), None)
                raise self._context.diverged(f"{name} is {value}", step).after(last)
        self._good, self._unproven = self._unproven, len(records.checkpoints(self._place))


@contextmanager
def judged(context: Context, place: Path) -> Iterator[None]:
    """While it lasts, every step that a loop of the cookbook logs is looked at."""
    from tinker.lib.public_interfaces import training_client
    from tinker_cookbook.utils.ml_log import JsonLogger

    judge = Judge(context, place)
    log_metrics, combine = JsonLogger.log_metrics, training_client.combine_fwd_bwd_output_results

    def logged(logger: Any, metrics: dict[str, Any], step: int | None = None) -> None:
        log_metrics(logger, metrics, step)
        if step is not None:
            judge.step(metrics, step + 1)

    def combined(results: Any) -> Any:
        found = combine(results)
        judge.passed(found.metrics)
        return found

    with replaced(JsonLogger, "log_metrics", logged), replaced(
        training_client, "combine_fwd_bwd_output_results", combined
    ):  # fmt: skip
        yield


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """While it lasts, the attribute `name` of a class or module is `value`."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)

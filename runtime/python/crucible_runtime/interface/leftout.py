"""What is left out of the data of a stage, and why: told once, by whoever leaves it out, to the run that hears it.

A run writes it to `notes.json`, shows it on the terminal and in its report, and refuses where more is left out than the
recipe allows. Outside of a run it is a warning of the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from crucible_runtime.errors import InputError
from crucible_runtime.ir import TrainingConfig

ALLOWED = "max_left_out"
"""The entry of dataset_ref.options: the largest share of its rows that may be left out, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """`count` of `total` things (`rows`, `answers`) that are left out, or with `done` something else, and why."""

    count: int
    total: int
    reason: str
    what: str = "rows"
    done: str = "left out"

    def __str__(self) -> str:
        verb = "is" if self.count == 1 else "are"
        return f"{self.count} of {self.total} {self.what} {verb} {self.done}: {self.reason}"

    @property
    def share(self) -> float:
        """How much of everything is left out."""
        return self.count / self.total if self.total and self.done == "left out" else 0.0


Listener: TypeAlias = Callable[[LeftOut], None]
_HEARD: ContextVar[Listener | None] = ContextVar("left_out", default=None)


@contextmanager
def heard(listener: Listener) -> Iterator[None]:
    """While it lasts, `listener` is told what is left out."""
    token = _HEARD.set(listener)
    try:
        yield
    finally:
        _HEARD.reset(token)


def left_out(count: int, total: int, reason: str, *, what: str = "rows", done: str = "left out") -> None:
    """Tells what is left out; nothing where `count` is 0. Raises InputError where it is more than the recipe allows."""
    if not count:
        return
    told = LeftOut(count=count, total=total, reason=reason, what=what, done=done)
    listener = _HEARD.get()
    if listener is None:
        logging.getLogger(__name__).warning("%s", told)
    else:
        listener(told)


def check_share(told: LeftOut, training: TrainingConfig | None) -> None:
    """Raises InputError where all is left out, or more than dataset_ref.options.max_left_out."""
    allowed = ((training.dataset_ref.options or {}) if training is not None else {}).get(ALLOWED, 1.0)
    if told.share >= 1.0:
        raise InputError(f"{told}; nothing is left")
    if told.share > allowed:
        raise InputError(
            f"{told}; that is a share of {told.share:.2g}, and training_config.dataset_ref.options.{ALLOWED} is {allowed:g}"
        )

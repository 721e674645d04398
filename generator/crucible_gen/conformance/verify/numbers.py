"""A recipe's training configuration in, what a training client must see out: the learning rate of every step.

This is computed from the recipe's own numbers and from what its type means, never from the options of a stage: those
are what is proven.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Config: TypeAlias = Mapping[str, Any]

BATCHES = 3
"""Batches of the data sets in `elixir/live.exs`."""

MOST = 3000
"""Steps of a run; a recipe with more is run with fewer rounds, which are an override of its own number."""

_ROUNDS = {"supervised": "epochs", "preference": "epochs", "rl": "num_batches", "distillation": "num_batches"}
_SCHEDULES = {"supervised": "linear", "preference": "linear", "rl": "constant", "distillation": "constant"}
"""The schedule of each recipe type where the recipe names none."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How many rounds of what, and the learning rate of each step."""

    noun: str
    rounds: int
    schedule: str
    rates: tuple[float, ...]


def expected(type_: str, config: Config, schedule: str | None = None) -> Expected:
    """What the recipe says; `schedule` replaces the one that it names."""
    counted = _ROUNDS[type_]
    options: Config = config.get("options") or {}
    if counted == "epochs":
        noun, rounds = "epoch", config.get("epochs") or 1
        steps = rounds * BATCHES
    else:
        default = BATCHES if type_ == "distillation" else 1
        noun, rounds = "batch", options.get("num_batches") or default
        steps = rounds
    name = schedule or options.get("lr_schedule") or _SCHEDULES[type_]
    base = config.get("learning_rate") or 1.0e-4
    return Expected(noun, rounds, name, tuple(base * _factor(name, step, steps) for step in range(steps)))


def steps(type_: str, config: Config) -> int:
    """How many steps the recipe says."""
    options: Config = config.get("options") or {}
    if _ROUNDS[type_] == "epochs":
        return int(config.get("epochs") or 1) * BATCHES
    return int(options.get("num_batches") or (BATCHES if type_ == "distillation" else 1))


def fewer(type_: str) -> dict[str, Any]:
    """Overrides that leave a recipe of this type few rounds."""
    few: dict[str, Any] = {"epochs": 2} if _ROUNDS[type_] == "epochs" else {"options": {"num_batches": 2}}
    return few


def merged(config: Config, overrides: Config) -> dict[str, Any]:
    """The configuration with overrides in place, as deep as they go; null removes."""
    done = dict(config)
    for key, value in overrides.items():
        inner = done.get(key)
        if isinstance(value, Mapping):
            done[key] = merged(inner if isinstance(inner, Mapping) else {}, value)
        elif value is None:
            done.pop(key, None)
        else:
            done[key] = value
    return done


def difference(expected: Sequence[float], seen: Sequence[Any]) -> str | None:
    """The first step at which the rates differ, in words, or None."""
    for step, (wanted, found) in enumerate(zip(expected, seen, strict=False)):
        if not isinstance(found, (int, float)) or not math.isclose(wanted, found, rel_tol=1e-9, abs_tol=1e-18):
            return f"step {step + 1}: the recipe says {wanted:.6g}, the client saw {found}"
    if len(expected) != len(seen):
        return f"the recipe says {len(expected)} steps, the client saw {len(seen)}"
    return None


def _factor(schedule: str, step: int, total: int) -> float:
    match schedule:
        case "linear":
            return 1.0 - step / total
        case "cosine":
            return (1.0 + math.cos(math.pi * step / total)) / 2.0
    return 1.0

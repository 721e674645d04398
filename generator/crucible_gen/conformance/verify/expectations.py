"""Compute what a training client must see of a recipe: the learning rate of every step.

It follows from the recipe's own numbers and from what its kind means, never from the options of a stage: those are
what is proven.
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


@dataclass(frozen=True, slots=True)
class _KindRule:
    """How a kind of recipe counts its training, and what holds where the recipe says nothing.

    `counts_epochs` says that the number of rounds is `epochs`, each of all batches; else it is `options.num_batches`.
    `data_repeats` says that the data set which the caller supplies has the batches of all epochs: a round is then a batch.
    """

    counts_epochs: bool
    rounds: int
    schedule: str
    data_repeats: bool = False


_RULES = {
    "supervised": _KindRule(counts_epochs=True, rounds=1, schedule="linear"),
    "preference": _KindRule(counts_epochs=True, rounds=1, schedule="linear"),
    "rl": _KindRule(counts_epochs=False, rounds=1, schedule="constant"),
    "distillation": _KindRule(counts_epochs=False, rounds=BATCHES, schedule="constant"),
    "prompt_distillation": _KindRule(counts_epochs=True, rounds=1, schedule="linear", data_repeats=True),
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """How many rounds a recipe trains, and the learning rate of each step."""

    rounds: int
    rates: tuple[float, ...]


def expected(kind: str, config: Config, schedule: str | None = None) -> Expectation:
    """What a client must see of a training configuration; `schedule` replaces the one that it names."""
    options: Config = config.get("options") or {}
    name = schedule or options.get("lr_schedule") or _RULES[kind].schedule
    base = config.get("learning_rate") or 1.0e-4
    total = steps(kind, config)
    return Expectation(_rounds(kind, config), tuple(base * _factor(name, step, total) for step in range(total)))


def steps(kind: str, config: Config) -> int:
    """How many steps a training configuration has."""
    rule = _RULES[kind]
    return _rounds(kind, config) * (BATCHES if rule.counts_epochs and not rule.data_repeats else 1)


def _rounds(kind: str, config: Config) -> int:
    rule = _RULES[kind]
    options: Config = config.get("options") or {}
    rounds = int((config.get("epochs") if rule.counts_epochs else options.get("num_batches")) or rule.rounds)
    return rounds * BATCHES if rule.data_repeats else rounds


def fewer(kind: str) -> dict[str, Any]:
    """Overrides that leave a recipe of this kind few rounds."""
    return {"epochs": 2} if _RULES[kind].counts_epochs else {"options": {"num_batches": 2}}


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

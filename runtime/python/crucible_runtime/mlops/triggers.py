"""The reasons to train again, from what a run's models said: `CrucibleFeedback.Stages.CheckTriggers`.

The reasons and their numbers are those of CrucibleFeedback, with a sample as an event and its reward as its quality.
One thing differs on purpose: where there is nothing to compare the latest samples with, nothing has drifted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.interface.preflight import Finding, Inquiry, checked_by, problem, uses
from crucible_runtime.interface.stages import Context, Options, Output
from crucible_runtime.rundir.files import rows
from crucible_runtime.rundir.folder import SAMPLES

_DEFAULTS: Mapping[str, Any] = {
    "drift_threshold": 0.2,
    "quality_threshold": 0.7,
    "data_count_threshold": 1000,
    "schedule_interval_seconds": None,
    "last_triggered_at": None,
    "window_size": 1000,
    "ks_threshold": 0.1,
    "psi_threshold": 0.2,
    "storage": None,
}
_BINS = 10
_LEAST = 1.0e-6
Sample = Mapping[str, Any]


def conditions(inquiry: Inquiry) -> Iterator[Finding]:
    """The options of the conditions for training again."""
    yield from map(problem, _problems(inquiry.options))


@checked_by(conditions)
@uses()
def check_triggers(context: Context, options: Options) -> Output:
    """The reasons that hold, in the order of CrucibleFeedback, and what they were told from.

    Raises InputError for options that cannot be used.
    """
    if wrong := _problems(options):
        raise InputError("\n".join(wrong))
    asked = {**_DEFAULTS, **{name: value for name, value in options.items() if value is not None}}
    samples = rows(context.folder.path / SAMPLES)
    size = asked["window_size"]
    recent, baseline = samples[-size:], samples[-2 * size : -size]
    drift, quality = _drift(recent, baseline), _quality(recent, nothing=1.0)
    holds = {
        "drift_threshold": drift["score"] > asked["drift_threshold"],
        "quality_drop": quality < asked["quality_threshold"],
        "data_count": len(samples) >= asked["data_count_threshold"],
        "scheduled": _due(asked["last_triggered_at"], asked["schedule_interval_seconds"]),
    }
    triggers = [name for name, held in holds.items() if held]
    return {
        "triggers": triggers,
        "trigger_count": len(triggers),
        "event_count": len(samples),
        "quality_average": quality,
        "drift": {
            **drift,
            "drifted": drift["ks_statistic"] > asked["ks_threshold"] or drift["psi"] > asked["psi_threshold"],
        },
    }


def _problems(options: Options) -> list[str]:
    """What of the options cannot be used, each a whole sentence."""
    found = [
        f"there is no options.{name}; {did_you_mean(name, _DEFAULTS)}" for name in options if name not in _DEFAULTS
    ]
    for name, default in _DEFAULTS.items():
        value = options.get(name)
        whole = isinstance(default, int) or name == "schedule_interval_seconds"
        if value is None or name in ("last_triggered_at", "storage"):
            continue
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            found.append(f"options.{name} must be {'an integer' if whole else 'a number'}, found {value!r}")
        elif value < (1 if whole else 0):
            found.append(f"options.{name} must be at least {1 if whole else 0}, found {value!r}")
    last = options.get("last_triggered_at")
    try:
        datetime.fromisoformat(last if last is not None else "2026-01-31T12:00:00Z")
    except (TypeError, ValueError):
        found.append(f"options.last_triggered_at must be a time such as 2026-01-31T12:00:00Z, found {last}")
    return found


def _due(last: str | None, interval: int | None) -> bool:
    if last is None or interval is None:
        return False
    then = datetime.fromisoformat(last)
    then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    return (datetime.now(UTC) - then).total_seconds() >= interval


def _quality(samples: Sequence[Sample], nothing: float) -> float:
    return math.fsum(sample.get("reward") or 0.0 for sample in samples) / len(samples) if samples else nothing


def _drift(recent: Sequence[Sample], baseline: Sequence[Sample]) -> dict[str, float]:
    """How far the lengths of questions, the lengths of answers and the quality have moved; `score` is the largest."""
    if not recent or not baseline:
        return dict.fromkeys(("score", "ks_statistic", "psi", "length_change", "quality_change"), 0.0)
    asked = [
        [sum(len(message["content"]) for message in each["prompt"]) for each in side] for side in (recent, baseline)
    ]
    said = [sum(len(each["completion"]) for each in side) / len(side) for side in (recent, baseline)]
    parts = {
        "ks_statistic": _kolmogorov_smirnov(*asked),
        "psi": _population_stability(*asked),
        "length_change": abs(said[0] - said[1]) / max(*said, 1.0),
        "quality_change": abs(_quality(recent, 0.0) - _quality(baseline, 0.0)),
    }
    return {"score": max(parts.values()), **parts}


def _kolmogorov_smirnov(one: Sequence[int], other: Sequence[int]) -> float:
    """The largest distance between the two distributions: from 0, where they are equal, to 1."""

    def below(values: Sequence[int], most: int) -> float:
        return sum(value <= most for value in values) / len(values)

    return max(abs(below(one, value) - below(other, value)) for value in {*one, *other})


def _population_stability(one: Sequence[int], other: Sequence[int]) -> float:
    """The population stability index over ten bins of equal width; as in Elixir, the largest value is in none."""
    low, high = min(*one, *other), max(*one, *other)
    if low == high:
        return 0.0
    width = (high - low) / _BINS

    def shares(values: Sequence[int]) -> list[float]:
        edges = [(low + place * width, low + (place + 1) * width) for place in range(_BINS)]
        return [max(sum(begin <= value < end for value in values) / len(values), _LEAST) for begin, end in edges]

    return math.fsum((b - a) * math.log(b / a) for a, b in zip(shares(one), shares(other), strict=True))

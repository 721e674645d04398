"""Checks that engines share: the environment of reinforcement learning, with one call of its reward."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from crucible_runtime import data, smoke
from crucible_runtime.data.forms import uses_tools
from crucible_runtime.errors import CrucibleError
from crucible_runtime.experiment.kinds import trained_kind, types, with_rows
from crucible_runtime.interface.environments import Family, Outcome
from crucible_runtime.interface.preflight import Finding, Inquiry, problem, unchecked
from crucible_runtime.ir import TrainingConfig
from crucible_runtime.plugins import family

SECONDS = 0.25
"""The longest that one call of a reward may take before a run begins."""
ANSWER = "I do not know."
"""The answer that is judged once."""


def reward(inquiry: Inquiry) -> Iterator[Finding]:
    """One call of the reward of the recipe's environment, on its first problem."""
    found = _called(inquiry)
    if isinstance(found, Finding):
        yield found
    elif found is not None and not isinstance(found, Outcome):
        yield problem(f"{_env(inquiry)}: step returned a {type(found).__name__}, and must return an Outcome")


def reward_of_one_turn(inquiry: Inquiry) -> Iterator[Finding]:
    """The same for an engine that trains on one answer to a problem: the environment must judge the first one."""
    found = _called(inquiry)
    if isinstance(found, Finding):
        yield found
    elif isinstance(found, Outcome) and not found.stop:
        yield problem(multi_turn(_env(inquiry)))
    elif found is not None and not isinstance(found, Outcome):
        yield problem(f"{_env(inquiry)}: step returned a {type(found).__name__}, and must return an Outcome")


def no_tools(engine: str, why: str) -> data.Unfit:
    """What refuses rows that have tools or call them, for an engine that would leave them out."""

    def unfit(row: data.Row) -> str:
        where = uses_tools(row)
        return f"{where}: {engine} {why}" if where else ""

    return unfit


def multi_turn(environment: str) -> str:
    """The sentence that refuses an environment with several turns."""
    return (
        f"{environment} goes on after the first answer (Outcome(stop=False)), and engine trl trains on one answer to a "
        "problem: judge the first answer with stop=True, or train with --engine tinker"
    )


def _env(inquiry: Inquiry) -> str:
    training = inquiry.experiment.training_config
    return f"environment {(training.options or {}).get('env') if training is not None else None}"


def _called(inquiry: Inquiry) -> object:
    """The outcome of one answer, or a Finding why there is none; None where the recipe has no environment."""
    training = inquiry.experiment.training_config
    if training is None or not types()[trained_kind(inquiry.experiment)].environment:
        return None
    options = training.options or {}
    try:
        made = family(options["env"], options=options, allow_unsandboxed=inquiry.config.allow_unsandboxed)
        if made.problems():
            return None  # the engine says so
        row = _row(training, made)
    except (CrucibleError, KeyError):
        return None  # the checks of the recipe and of its data say so
    if row is None:
        return unchecked(f"{_env(inquiry)}: the reward is called when the data has been read")
    return _timed(made, row, _env(inquiry))


def _row(training: TrainingConfig, made: Family) -> Mapping[str, Any] | None:
    """The first problem; None where it is not on this machine."""
    ref = training.dataset_ref
    if made.adapter is None or (ref.provider == smoke.PROVIDER and not ref.name.startswith("tiny-")):
        return next(iter(itertools.islice(made.rows(training.seed or 0), 1)), None)
    if ref.provider not in ("local", "inline", smoke.PROVIDER):
        return None
    adapter = (training.options or {}).get("adapter", made.adapter)
    return next(iter(data.rows(ref, adapter=adapter, kind=with_rows("problem"), limit=1)), None)


def _timed(made: Family, row: Mapping[str, Any], name: str) -> object:
    """What the environment of a row makes of an answer, in a thread that is left behind where it takes too long."""
    found: list[object] = []

    def call() -> None:
        try:
            environment = made.environment(row)
            environment.initial_observation()
            found.append(environment.step(ANSWER, ended=True))
        except Exception as error:  # noqa: BLE001 - an environment of the user may raise anything
            known = isinstance(error, CrucibleError)
            said = str(error) if known else f"{type(error).__name__}: {error}"
            found.append(problem(f"{name} failed on its first problem: {said}"))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else unchecked(f"{name}: the reward took longer than {SECONDS} s")

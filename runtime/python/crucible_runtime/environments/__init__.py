"""The problems of reinforcement learning: what a model is asked, and what its answer is worth.

A family is an entry point of `crucible_runtime.environments`, under the name that `options.env` takes. It is made once
for a run and makes one environment for each problem. Both engines use the same ones. The rule that surprises: a bad
answer never raises, whatever it says or does; it is worth what a wrong one is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.ports import Message

ENVIRONMENTS = "crucible_runtime.environments"
"""Entry points that make a Family of Settings; their name is what `options.env` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one answer: its reward, whether that was the last turn, and what the model is told before the next.

    `metrics` are parts of the reward by name, such as `correct` and `format`.
    """

    reward: float
    stop: bool = True
    observation: Sequence[Message] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


class Environment(Protocol):
    """One problem, for one rollout."""

    def initial_observation(self) -> Sequence[Message]:
        """The conversation that the model is asked to continue."""
        ...

    def step(self, completion: str, *, ended: bool = True) -> Outcome:
        """What the model's answer is worth; raises nothing for a bad answer.

        `ended` is whether the model came to its end, and was not cut off at the longest length.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a family is made with: the options of the recipe, and what the caller allows."""

    options: Mapping[str, Any]
    allow_unsandboxed: bool = False


class Family(Protocol):
    """All problems of one kind; made with Settings, raises InputError for options that it cannot honour."""

    adapter: str | None
    """The data adapter whose rows become problems; None where the family makes up its own."""

    def environment(self, row: Mapping[str, Any]) -> Environment:
        """The problem in a row: one that the adapter made, or one of the data set; InputError where it holds none."""
        ...

    def rows(self, seed: int) -> Iterator[Mapping[str, Any]]:
        """Rows without end where the family makes up its own; the same ones for the same seed."""
        ...

    def problems(self) -> Sequence[str]:
        """What keeps answers from being judged on this machine, such as a missing sandbox; asked before a run."""
        ...


def family(env: str, *, options: Mapping[str, Any], allow_unsandboxed: bool = False) -> Family:
    """The family of that name, made with a recipe's options.

    Raises InputError, which names the nearest one, for a name that is not installed, and for options that the family
    cannot honour.
    """
    from importlib.metadata import entry_points

    installed = {point.name: point for point in entry_points(group=ENVIRONMENTS)}
    if env not in installed:
        raise InputError(
            f"there is no environment {env}; {did_you_mean(env, sorted(installed))}. "
            f"One of your own is an entry point of that name in {ENVIRONMENTS}"
        )
    try:
        make: Callable[[Settings], Family] = installed[env].load()
    except ImportError as error:
        raise InputError(f"environment {env} cannot be loaded from {installed[env].value}: {error}") from error
    return make(Settings(options=options, allow_unsandboxed=allow_unsandboxed))

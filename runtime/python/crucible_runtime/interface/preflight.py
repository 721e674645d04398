"""What engines, stages and environments declare of a run before it begins, and what their checks find.

A declaration is data on the thing itself: `needs` (of `installation.packages`) names the packages that it imports,
`uses` the fields of a Config that it honors, `checked_by` the functions that look whether it can do its part. A run asks all
of them first, so that what cannot end does not start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from crucible_runtime.evaluation import Evaluation
from crucible_runtime.interface.stages import Options, RunConfig
from crucible_runtime.ir import Experiment, StageDef

T = TypeVar("T")
State: TypeAlias = Literal["ok", "problem", "not checked"]

_USES = "__crucible_uses__"
_CHECKS = "__crucible_checks__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; `message` is a whole sentence, and empty where all is well."""

    state: State
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """The run that is asked about.

    stage: the stage that is asked, or None for the evaluation
    root: the directory that holds the runs
    path: the directory of a run that is resumed
    evaluation: what is asked of the model after the run, where that is known
    finished: names of the stages that a resumed run has finished, in order
    network: whether a service may be asked, such as the hub
    begins: whether a run follows at once, which would reach the registry anyway
    """

    experiment: Experiment
    config: RunConfig
    root: Path
    path: Path | None = None
    stage: StageDef | None = None
    evaluation: Evaluation | None = None
    finished: tuple[str, ...] = ()
    network: bool = False
    begins: bool = False

    @property
    def options(self) -> Options:
        """The options of the stage that is asked."""
        found = self.stage.options if self.stage is not None else None
        return dict(found) if isinstance(found, dict) else {}


Check: TypeAlias = Callable[[Inquiry], Iterable[Finding]]
"""Looks at one thing that a run needs; yields nothing where all is well. Its name, in words, is how reports call it."""


def problem(message: str) -> Finding:
    """What keeps the run from its end, as a sentence with a remedy."""
    return Finding(state="problem", message=message)


def unchecked(message: str) -> Finding:
    """Why something could not be asked."""
    return Finding(state="not checked", message=message)


def uses(*names: str) -> Callable[[T], T]:
    """Declares which fields of a Config an engine, a stage or an environment honors; a port is `ports.sampling_client`."""

    def declared(thing: T) -> T:
        setattr(thing, _USES, names)
        return thing

    return declared


def checked_by(*functions: Check) -> Callable[[T], T]:
    """Declares what looks whether an engine, a stage or an environment can do its part of a run."""

    def declared(thing: T) -> T:
        setattr(thing, _CHECKS, functions)
        return thing

    return declared


def used_by(thing: object) -> tuple[str, ...] | None:
    """What a thing declares with `uses`; None where it declares nothing."""
    found: tuple[str, ...] | None = getattr(thing, _USES, None)
    return found


def checks_of(thing: object) -> tuple[Check, ...]:
    """What a thing declares with `checked_by`."""
    found: tuple[Check, ...] = getattr(thing, _CHECKS, ())
    return found


def called(check: Check) -> str:
    """How reports call a check: `data set` for `data_set`."""
    return str(getattr(check, "__name__", type(check).__name__)).strip("_").replace("_", " ")

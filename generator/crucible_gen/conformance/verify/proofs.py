"""What is proven of a recipe, and how it ended, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from crucible_gen.problems import Problem

State: TypeAlias = Literal["ok", "failed", "known", "not run"]

STATIC = {
    "compile": "the literal compiles without warnings",
    "valid": "CrucibleIR.Validation accepts the experiment",
    "json": "Elixir, Python and generated/ir have one canonical JSON",
    "overrides": "both languages give one JSON for overrides",
    "options": "each stage takes the options that it is given",
}
"""The proofs that need no run, with what each of them says."""

RUN = {
    "rates": "the training client saw the recipe's learning rates and rounds",
    "failure": "a training client that fails fails the run",
    "pipeline": "the whole pipeline runs, with stores in memory",
}
"""The proofs that need a run."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How one proof ended; `details` say why it failed, was not run, or which defect is known."""

    state: State
    details: tuple[str, ...] = ()
    defect: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A recipe: where it is defined, and its proofs by name."""

    id: str
    file: str
    proofs: Mapping[str, Proof]


@dataclass(frozen=True, slots=True)
class Known:
    """A known defect that can touch these recipes: whether it still shows, which it stops, which have a wrapper."""

    id: str
    title: str
    package: str
    state: str
    recipes: tuple[str, ...] = ()
    wrapped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a verification found."""

    rows: tuple[Row, ...]
    known: tuple[Known, ...] = ()
    findings: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = tuple(STATIC)

    @property
    def failed(self) -> bool:
        """Whether a proof failed, or something stood in the way of proving."""
        return bool(self.problems) or any(proof.state == "failed" for row in self.rows for proof in row.proofs.values())

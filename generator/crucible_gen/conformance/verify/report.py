"""The result of a verification as data: how each proof of each recipe ended, and what else was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from crucible_gen.diagnostics import Problem

State: TypeAlias = Literal["ok", "failed", "known", "not run"]


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
class DefectStatus:
    """A known defect that can concern these recipes: whether it still shows, which it stops, and where a stand-in runs.

    `state` is `shown`, `gone`, or the reason why neither is known.
    """

    id: str
    title: str
    package: str
    state: str
    recipes: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a verification found: `columns` are the names of the proofs, in order."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    defects: tuple[DefectStatus, ...] = ()
    findings: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a proof failed, or something stood in the way of proving."""
        return bool(self.problems) or any(proof.state == "failed" for row in self.rows for proof in row.proofs.values())

"""Which known defects still show in the compiled packages, and which recipes they stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crucible_gen.conformance.verify.proofs.evidence import Evidence
from crucible_gen.conformance.verify.recipe_case import RecipeCase
from crucible_gen.conformance.verify.report import DefectStatus, Row
from crucible_gen.diagnostics import Place, Problem

CODES = {"E0913": "a known defect has gone"}
"""What each code of this step means, in a line."""


def defect_statuses(evidence: Evidence, cases: Sequence[RecipeCase], rows: Sequence[Row]) -> Iterator[DefectStatus]:
    """The known defects that can concern these recipes; none where no recipe was run. `rows` are their proofs."""
    if evidence.elixir is None or not evidence.run:
        return
    modules = frozenset(module for case in cases for module in case.modules.values())
    for defect in evidence.defects_of(modules):
        stopped = tuple(row.id for row in rows if any(proof.defect == defect.id for proof in row.proofs.values()))
        replaced = tuple(case.id for case in cases if not defect.stand_ins.keys().isdisjoint(case.modules.values()))
        probed = evidence.elixir.probes.get(defect.id, "nothing asked for it")
        package = f"{defect.package} {evidence.packages.releases[defect.package]}"
        yield DefectStatus(defect.id, defect.title, package, "shown" if stopped else probed, stopped, replaced)


def gone(status: DefectStatus) -> Problem:
    """The finding that a known defect no longer shows."""
    hint = "run/3 runs the stand-in until gen knows of this release" if status.replaced else ""
    message = f"{status.id} has gone from {status.package} (it was: {status.title})"
    return Problem(Place(status.package.partition(" ")[0]), "E0913", message, hint=hint, severity="warning")

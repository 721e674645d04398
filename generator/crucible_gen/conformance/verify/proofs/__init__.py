"""Prove generated recipes: hold the facts of both languages against what the recipes say.

Each proof is a function of the evidence about one recipe, and stands in the table `PROOFS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from crucible_gen.conformance.verify.proofs import runs, static
from crucible_gen.conformance.verify.proofs.defect_status import defect_statuses, gone
from crucible_gen.conformance.verify.proofs.effects import effect_findings
from crucible_gen.conformance.verify.proofs.evidence import CaseEvidence, Evidence
from crucible_gen.conformance.verify.recipe_case import RecipeCase
from crucible_gen.conformance.verify.report import Proof, Report, Row
from crucible_gen.diagnostics import Problem

__all__ = ["PROOFS", "ProofKind", "prove"]


class ProofKind(NamedTuple):
    """What a proof shows, the function that assesses it, and whether it needs a run."""

    meaning: str
    assess: Callable[[CaseEvidence], Proof]
    needs_run: bool = False


PROOFS: Mapping[str, ProofKind] = {
    "compile": ProofKind("the literal compiles without warnings", static.compiles),
    "valid": ProofKind("CrucibleIR.Validation accepts the experiment", static.is_valid),
    "json": ProofKind("Elixir, Python and generated/ir have one canonical JSON", static.has_one_json),
    "overrides": ProofKind("both languages give one JSON for overrides", static.has_one_json_for_overrides),
    "options": ProofKind("each stage takes the options that it is given", static.options_are_taken),
    "plain": ProofKind(
        "CrucibleFramework.run/2 runs build_spec/1 to its end, without the facade", runs.plain_runs, needs_run=True
    ),
    "rates": ProofKind(
        "the training client saw the recipe's learning rates and rounds", runs.client_sees_rates, needs_run=True
    ),
    "failure": ProofKind("a training client that fails fails the run", runs.failure_is_reported, needs_run=True),
    "pipeline": ProofKind("the whole pipeline runs, with stores in memory", runs.pipeline_runs, needs_run=True),
}
"""Every proof by name, in the order of the report's columns."""


def prove(evidence: Evidence, cases: Sequence[RecipeCase], problems: Sequence[Problem]) -> Report:
    """The report of these recipes; `problems` are those that stood in the way."""
    kinds = {name: kind for name, kind in PROOFS.items() if evidence.run or not kind.needs_run}
    rows = tuple(_row(evidence.of(case), kinds) for case in cases)
    statuses = tuple(defect_statuses(evidence, cases, rows))
    findings = [finding for case in cases for finding in effect_findings(evidence.of(case))]
    findings += [gone(status) for status in statuses if status.state == "gone"]
    return Report(rows, tuple(kinds), statuses, tuple(findings), tuple(problems), evidence.packages.releases)


def _row(evidence: CaseEvidence, kinds: Mapping[str, ProofKind]) -> Row:
    case = evidence.case
    return Row(case.id, case.file, {name: kind.assess(evidence) for name, kind in kinds.items()})

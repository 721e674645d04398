"""What `gen verify` prints with `--format json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from crucible_gen.conformance.output import OutputModel, ProblemOutput, problem_outputs
from crucible_gen.conformance.verify.report import Report
from crucible_gen.diagnostics import Problem


class ProofOutput(OutputModel):
    """How one proof ended, why it failed or was not run, and the known defect that explains it."""

    state: Literal["ok", "failed", "known", "not run"]
    details: list[str]
    defect: str | None


class RecipeOutput(OutputModel):
    """A recipe: the file that defines it, and its proofs by name."""

    id: str
    file: str
    proofs: dict[str, ProofOutput]


class DefectOutput(OutputModel):
    """A known defect that can concern the recipes: `state` is `shown`, `gone`, or why neither is known.

    `stops` are the recipes that it stops, `worked_around` those in which run/3 puts a stand-in in the stage's place.
    """

    id: str
    title: str
    package: str
    state: str
    stops: list[str]
    worked_around: list[str]


class VerifyOutput(OutputModel):
    """The output of `gen verify`: the proofs, the releases of the compiled packages, known defects and problems."""

    recipes: list[RecipeOutput]
    packages: dict[str, str]
    defects: list[DefectOutput]
    problems: list[ProblemOutput]


def verify_output(report: Report, problems: Sequence[Problem]) -> VerifyOutput:
    """The output for a report; `problems` are those that are printed with it."""
    recipes = [
        RecipeOutput(
            id=row.id,
            file=row.file,
            proofs={
                name: ProofOutput(state=proof.state, details=list(proof.details), defect=proof.defect)
                for name, proof in row.proofs.items()
            },
        )
        for row in report.rows
    ]
    defects = [
        DefectOutput(
            id=each.id,
            title=each.title,
            package=each.package,
            state=each.state,
            stops=list(each.recipes),
            worked_around=list(each.replaced),
        )
        for each in report.defects
    ]
    packages = dict(sorted(report.packages.items()))
    return VerifyOutput(recipes=recipes, packages=packages, defects=defects, problems=problem_outputs(problems))

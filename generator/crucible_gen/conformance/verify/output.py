"""Models of what `gen verify` prints with `--format json`. Importing them imports pydantic."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from crucible_gen.conformance.verify.report import Report, State
from crucible_gen.diagnostics import Problem
from crucible_gen.diagnostics.output import OutputModel, ProblemOutput, problem_outputs


class ProofOutput(OutputModel):
    """How a proof of a recipe ended."""

    state: State = Field(
        description="Whether the proof holds, failed, fails because of a known defect, or was not run."
    )
    details: list[str] = Field(description="Why the proof failed or was not run; empty for one that holds.")
    defect: str | None = Field(description="The id of the known defect that explains the failure, such as D0002.")


class RecipeOutput(OutputModel):
    """A recipe and its proofs."""

    id: str = Field(description="The id of the recipe.")
    file: str = Field(description="The file that defines the recipe.")
    proofs: dict[str, ProofOutput] = Field(description="How each proof ended, by its name.")


class DefectOutput(OutputModel):
    """A known defect that can concern the recipes."""

    id: str = Field(description="The id of the defect; `gen explain` describes it.")
    title: str = Field(description="The defect in a few words.")
    package: str = Field(description="The package that has the defect, and its release.")
    state: str = Field(
        description="`shown` where the package has the defect, `gone` where not, else why neither is known."
    )
    stops: list[str] = Field(description="The ids of the recipes that the defect stops.")
    worked_around: list[str] = Field(description="The ids of the recipes that have a wrapper for the defect.")


class VerifyOutput(OutputModel, title="Verify"):
    """The output of `gen verify`."""

    recipes: list[RecipeOutput] = Field(description="The recipes that were verified, with their proofs.")
    packages: dict[str, str] = Field(description="The releases of the compiled packages, by package.")
    defects: list[DefectOutput] = Field(description="The known defects of these releases that can concern the recipes.")
    problems: list[ProblemOutput] = Field(
        description="What was in the way, the proofs that failed, and what else was found."
    )


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
            worked_around=list(each.wrapped),
        )
        for each in report.defects
    ]
    packages = dict(sorted(report.packages.items()))
    return VerifyOutput(recipes=recipes, packages=packages, defects=defects, problems=problem_outputs(problems))

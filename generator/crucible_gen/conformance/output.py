"""The part of the JSON output that the commands of this package share: problems."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from crucible_gen.diagnostics import Problem


class OutputModel(BaseModel):
    """A part of what a command prints with `--format json`; the order of the fields is that of the JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RelatedPlace(OutputModel):
    """Another place that matters for a problem, and why. Lines and columns count from 1; 0 means unknown."""

    message: str
    file: str
    line: int
    column: int


class ProblemOutput(OutputModel):
    """A problem with its place (lines and columns count from 1; 0 means unknown) and how to fix it."""

    code: str
    severity: Literal["error", "warning", "notice"]
    file: str
    line: int
    column: int
    message: str
    hint: str
    about: str
    see: list[RelatedPlace]


def problem_outputs(problems: Iterable[Problem]) -> list[ProblemOutput]:
    """The problems as the output shows them, in the same order."""
    return [
        ProblemOutput.model_validate(
            {
                "code": problem.code,
                "severity": problem.severity,
                "file": problem.place.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "message": problem.message,
                "hint": problem.hint,
                "about": problem.about,
                "see": [
                    {"message": message, "file": place.file, "line": place.line, "column": place.column}
                    for message, place in problem.see
                ],
            }
        )
        for problem in problems
    ]

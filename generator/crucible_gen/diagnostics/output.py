"""Models of the JSON that commands print with `--format json`: their base, and problems, which every command can print.

Importing pydantic takes longer than a run with nothing to do, so modules like this one are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from crucible_gen.diagnostics import json_text
from crucible_gen.diagnostics.problems import Place, Problem, Severity
from crucible_gen.diagnostics.quoting import Escaped


class OutputModel(BaseModel):
    """A part of what a command prints with `--format json`; the order of the fields is that of the JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def text(self) -> Escaped:
        """The JSON as the command prints it."""
        return json_text.dumps(self.model_dump(by_alias=True))


class RelatedPlace(OutputModel):
    """Another place that matters for a problem, and why."""

    message: str = Field(description="Why the place matters, such as that the first of two equal names is there.")
    file: str = Field(description="The file, relative to the working directory where it is below or near it.")
    line: int = Field(ge=0, description="The line, counted from 1; 0 means unknown.")
    column: int = Field(ge=0, description="The column in characters, counted from 1; 0 means unknown.")

    @classmethod
    def of(cls, message: str, place: Place) -> RelatedPlace:
        """The model of a place and why it matters."""
        return cls(message=message, file=place.file, line=place.line, column=place.column)


class ProblemOutput(OutputModel):
    """A problem with its place, and how to fix it."""

    code: str = Field(description="The code of the problem, such as E0203; `gen explain` describes it.")
    severity: Severity = Field(description="How severe the problem is.")
    file: str = Field(
        description="The file, relative to the working directory where it is below or near it; for a problem that is in "
        "no file, what it is about, such as a flag or a command."
    )
    line: int = Field(ge=0, description="The line, counted from 1; 0 means unknown.")
    column: int = Field(ge=0, description="The column in characters, counted from 1; 0 means unknown.")
    message: str = Field(description="What was expected and what was found.")
    hint: str = Field(description="How to fix the problem; empty where there is no hint.")
    about: str = Field(description="What the schema says about the field concerned; empty for other problems.")
    see: list[RelatedPlace] = Field(description="Other places that matter for the problem.")


class ProblemsOutput(OutputModel, title="Problems"):
    """The output of `gen` and its commands where the input has problems: nothing else is printed then."""

    problems: list[ProblemOutput] = Field(description="Every problem, in order of place.")


def problem_outputs(problems: Iterable[Problem]) -> list[ProblemOutput]:
    """The models of problems, in the same order."""
    return [
        ProblemOutput(
            code=problem.code,
            severity=problem.severity,
            file=problem.place.file,
            line=problem.place.line,
            column=problem.place.column,
            message=problem.message,
            hint=problem.hint,
            about=problem.about,
            see=[RelatedPlace.of(message, place) for message, place in problem.see],
        )
        for problem in problems
    ]

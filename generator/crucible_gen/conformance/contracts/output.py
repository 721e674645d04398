"""Models of what the `gen contracts` commands print with `--format json`. Importing them imports pydantic."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crucible_gen.conformance.contracts.changes import Kind
from crucible_gen.diagnostics.output import OutputModel, ProblemOutput


class PulledContract(OutputModel):
    """A contract that was read, the file that holds it, and what became of that file."""

    contract: str = Field(description="The package and its release, such as crucible_ir@0.3.0.")
    file: str = Field(description="The file, relative to the working directory where it is below or near it.")
    kind: Literal["create", "update", "keep"] = Field(
        description="Whether the file was created, was updated, or was the same already."
    )


class PullOutput(OutputModel, title="Contracts: pull"):
    """The output of `gen contracts pull`."""

    contracts: list[PulledContract] = Field(description="The contracts that were read and written.")
    notes: list[str] = Field(description="How they were read, and what could not be read.")


class CheckOutput(OutputModel, title="Contracts: check"):
    """The output of `gen contracts check`."""

    contracts: list[str] = Field(
        description="The releases that the schemas were compared with, such as crucible_ir@0.3.0."
    )
    problems: list[ProblemOutput] = Field(description="Every difference between the schemas and these releases.")


class ChangeOutput(OutputModel):
    """A change between two releases."""

    kind: Kind = Field(description="What kind of thing changed, as contracts name it.")
    owner: str = Field(description="The struct, stage, port, behaviour, class or entry point that changed.")
    field: str = Field(description="The field, option or callback that changed; empty for a change of the whole.")
    change: str = Field(description="What changed, in words.")
    breaks: bool = Field(description="Whether the change can break what runs.")
    recipes: list[str] = Field(description="The ids of the recipes that the change concerns.")


class DiffOutput(OutputModel, title="Contracts: diff"):
    """The output of `gen contracts diff`."""

    old: str = Field(description="The package and its release before, such as crucible_ir@0.3.0.")
    new: str = Field(description="The package and its release after.")
    changes: list[ChangeOutput] = Field(description="Every change, by kind and owner.")
    recipes: list[str] = Field(description="The ids of all recipes that a change concerns.")
    files: list[str] = Field(description="The generated files of these recipes.")

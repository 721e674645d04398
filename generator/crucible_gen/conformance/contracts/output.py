"""What the `gen contracts` commands print with `--format json`."""

from __future__ import annotations

from typing import Literal

from crucible_gen.conformance.output import OutputModel, ProblemOutput


class PulledContract(OutputModel):
    """A contract that was read, the file that holds it, and what became of that file."""

    contract: str
    file: str
    kind: Literal["create", "update", "keep"]


class PullOutput(OutputModel):
    """The output of `gen contracts pull`: the contracts, and notes on how they were read."""

    contracts: list[PulledContract]
    notes: list[str]


class CheckOutput(OutputModel):
    """The output of `gen contracts check`: the releases that were compared with, and every difference."""

    contracts: list[str]
    problems: list[ProblemOutput]


class ChangeOutput(OutputModel):
    """A change between two releases: of what, in words, whether it can break what runs, and the recipes concerned."""

    kind: Literal["structs", "stages", "ports", "behaviours", "classes", "entry_points"]
    owner: str
    field: str
    change: str
    breaks: bool
    recipes: list[str]


class DiffOutput(OutputModel):
    """The output of `gen contracts diff`: the changes, and every recipe and generated file that they concern."""

    old: str
    new: str
    changes: list[ChangeOutput]
    recipes: list[str]
    files: list[str]

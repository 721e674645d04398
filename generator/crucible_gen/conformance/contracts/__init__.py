"""Contracts: what each release of a package offers, as data that schemas and releases are compared with.

A contract is one JSON file for a package and release, `contracts/<package>-<version>.json`. The commands `pull`, `show`,
`check`, `diff` and `update` are functions of these names; the models of their JSON output are imported when they are
first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crucible_gen.conformance.contracts.commands import check, diff, pull, show, update
from crucible_gen.conformance.contracts.extraction import PullRequest, this_python
from crucible_gen.conformance.contracts.facts import Stage

if TYPE_CHECKING:
    from crucible_gen.conformance.contracts.output import CheckOutput, DiffOutput, PullOutput

__all__ = [
    "CheckOutput",
    "DiffOutput",
    "PullOutput",
    "PullRequest",
    "Stage",
    "check",
    "diff",
    "pull",
    "show",
    "this_python",
    "update",
]


def __getattr__(name: str) -> object:
    """The models of the output, which need pydantic."""
    if name in ("CheckOutput", "DiffOutput", "PullOutput"):
        from crucible_gen.conformance.contracts import output

        return getattr(output, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

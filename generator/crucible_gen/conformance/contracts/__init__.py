"""Contracts: what each release of a package offers, as data that schemas and releases are compared with.

A contract is one JSON file for a package and release, `contracts/<package>-<version>.json`. The commands `pull`, `show`,
`check`, `diff` and `update` are functions of these names; `output` has the models of their JSON output, which are
imported when they are first used.
"""

from __future__ import annotations

from crucible_gen.conformance.contracts.commands import check, diff, pull, show, update
from crucible_gen.conformance.contracts.extraction import PullRequest, this_python
from crucible_gen.conformance.contracts.facts import Stage

__all__ = [
    "PullRequest",
    "Stage",
    "check",
    "diff",
    "output",
    "pull",
    "show",
    "this_python",
    "update",
]

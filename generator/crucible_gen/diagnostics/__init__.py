"""What is wrong with an input, as values that every other package may use: problems, places, suggestions.

`report` prints problems for people, programs and workflow annotations; `output` has the models of what programs read.
"""

from __future__ import annotations

from crucible_gen.diagnostics.paths import relative, shown, unreadable
from crucible_gen.diagnostics.problems import Place, Problem, Problems, did_you_mean, misspelled, nearest

__all__ = [
    "Place",
    "Problem",
    "Problems",
    "did_you_mean",
    "json_text",
    "misspelled",
    "nearest",
    "output",
    "quoting",
    "relative",
    "report",
    "shown",
    "unreadable",
]

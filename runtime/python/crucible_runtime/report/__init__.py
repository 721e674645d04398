"""The report of a run as one page of HTML: curves, stages, samples, evaluation, outcomes and settings.

The page needs no network and no other file, and works without its script. `pages` prepares what it shows, the templates
lay it out, and `rendering` escapes every value.
"""

from __future__ import annotations

from crucible_runtime.report import pages
from crucible_runtime.report.rendering import render
from crucible_runtime.runs import Run


def page(run: Run) -> str:
    """Return the report of a run, which may still be running or have failed."""
    return render("run.html.j2", view=pages.of_run(run))


def comparison(one: Run, other: Run) -> str:
    """Return a page with the curves of two runs in the same charts, and what `runs A B` prints of them."""
    return render("comparison.html.j2", view=pages.of_comparison(one, other))

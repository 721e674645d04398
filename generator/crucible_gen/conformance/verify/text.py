"""The report as text for people, and its failures as problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crucible_gen.conformance.verify.proofs import PROOFS
from crucible_gen.conformance.verify.report import Proof, Report
from crucible_gen.diagnostics import Place, Problem
from crucible_gen.diagnostics.quoting import Escaped, line

CODES = {"E0910": "a proof failed"}
"""What each code of this step means, in a line."""

_SIGNS = {"ok": "ok", "failed": "FAILED", "not run": "not run"}
_COLORS = {"ok": "green", "failed": "red", "known": "yellow", "not run": "yellow"}


def text(report: Report, paint: Callable[[str, str], str]) -> Escaped:
    """A table with a row for each recipe and a column for each proof; below it notes on proofs, defects and findings."""
    names = ["recipe", *report.columns]
    rows = [[line(row.id), *(_sign(row.proofs[name]) for name in report.columns)] for row in report.rows]
    widths = [max(len(row[index]) for row in [names, *rows]) for index in range(len(names))]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip()]
    for row, cells in zip(report.rows, rows, strict=True):
        states = ["", *(row.proofs[name].state for name in report.columns)]
        painted = [
            paint(_COLORS[state], cell) + " " * (width - len(cell)) if state else cell.ljust(width)
            for cell, width, state in zip(cells, widths, states, strict=True)
        ]
        lines.append("  ".join(painted).rstrip())
    parts = ["\n".join(lines)]
    notes = (list(_reasons(report)), list(_defects(report)), list(_findings(report)))
    parts += ["\n".join(map(line, found)) for found in notes if found]
    return Escaped("\n\n".join([*parts, _sum(report)]) + "\n")


def _sign(proof: Proof) -> str:
    return proof.defect or "known" if proof.state == "known" else _SIGNS[proof.state]


def _reasons(report: Report) -> Iterator[str]:
    """Why a proof was not run: once, however many recipes it concerns. Failures are reported as problems."""
    seen: dict[str, list[str]] = {}
    for row in report.rows:
        for name in report.columns:
            proof = row.proofs[name]
            if proof.state == "not run":
                for detail in proof.details:
                    seen.setdefault(f"{name} not run: {detail}", []).append(row.id)
    yield from (f"{reason} ({', '.join(dict.fromkeys(ids))})" for reason, ids in seen.items())


def _defects(report: Report) -> Iterator[str]:
    """A line for each known defect that can concern the recipes."""
    for each in report.defects:
        touched = f"; shows in {', '.join(each.recipes)}" if each.recipes else ""
        touched += f"; run/3 runs a stand-in in {', '.join(each.replaced)}" if each.replaced else ""
        state = {"shown": "known", "gone": "gone"}.get(each.state, f"not asked: {each.state}")
        yield f"{each.id} {state}: {each.title} ({each.package}){touched}"


def _findings(report: Report) -> Iterator[str]:
    for problem in report.findings:
        hint = f" ({problem.hint})" if problem.hint else ""
        yield f"{problem.severity}[{problem.code}]: {problem.message}{hint}"


def _sum(report: Report) -> str:
    recipes = f"{len(report.rows)} recipe{'' if len(report.rows) == 1 else 's'}"
    states = [row.proofs[name].state for row in report.rows for name in report.columns]
    counts = [f"{states.count('ok')} of {len(states)} proofs hold"]
    for state, words in (("failed", "failed"), ("known", "show known defects"), ("not run", "not run")):
        if states.count(state):  # type: ignore[arg-type]
            counts.append(f"{states.count(state)} {words}")  # type: ignore[arg-type]
    return f"{recipes}: {', '.join(counts)}"


def problems(report: Report) -> list[Problem]:
    """What stood in the way, and each proof that failed, at the recipe that it is about."""
    found = list(report.problems)
    for row in report.rows:
        for name in report.columns:
            proof = row.proofs[name]
            if proof.state == "failed":
                message = f"{name}: not proven that {PROOFS[name].meaning}: {'; '.join(proof.details[:3])}"
                more = len(proof.details) - 3
                found.append(Problem(Place(row.file), "E0910", message + (f"; and {more} more" if more > 0 else "")))
    return found

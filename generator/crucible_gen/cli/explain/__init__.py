"""The command that explains codes, `gen explain`, and a page for each code with a wrong and a right example.

The pages are `<CODE>.md` in this package. The tests run every example through the real commands, so that a wrong one
gives its code and a right one none.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from crucible_gen.cli.options import CONTEXT, guarded
from crucible_gen.diagnostics import Place, Problem, Problems
from crucible_gen.diagnostics.report import say

CODES = {"E0701": "there is no such error code"}

_PAGES = Path(__file__).parent
_CODE = re.compile(r"[EW][0-9]{4}").fullmatch


@click.command(context_settings=CONTEXT)
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain the code of an error or warning, with a wrong and a right example; without CODE, list them all."""
    guarded(lambda: _explain(code), {})


def titles() -> dict[str, str]:
    """Every code, sorted, with the title of its page."""
    return {path.stem: _title(path) for path in sorted(_PAGES.glob("*.md"))}


def text(code: str) -> str | None:
    """The page of a code, or None for a code that does not exist."""
    path = _PAGES / f"{code}.md"
    return path.read_text("utf-8") if _CODE(code) and path.is_file() else None


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return lines.readline().partition(": ")[2].rstrip("\n")


def _explain(code: str | None) -> int:
    """Prints what the code of an error, a warning or a known defect means, or the list of all of them. Raises Problems."""
    from crucible_gen.ir import defects

    known = defects.defects()
    if code is None:
        for error, title in titles().items():
            say(f"{error}  {title}\n")
        for defect in known.values():
            say(f"{defect.id}  {defect.title}\n")
        return 0
    found = known.get(code.upper())
    page = defects.story(found) if found is not None else text(code.upper())
    if page is None:
        hint = "codes stand in brackets behind the words error and warning; gen explain lists them all"
        raise Problems([Problem(Place("gen explain"), "E0701", f"there is no error code {code}", hint=hint)])
    say(page)
    return 0

"""An error code in, what it means out: for each code of the generator a page with a wrong and a right example.

The pages are `explain/<CODE>.md` in this package. The tests run every example through the real commands, so that a
wrong one gives its code and a right one none.
"""

from __future__ import annotations

import re
from pathlib import Path

_PAGES = Path(__file__).parent / "explain"
_CODE = re.compile(r"E[0-9]{4}").fullmatch


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

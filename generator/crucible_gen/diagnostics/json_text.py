"""JSON as every command prints it."""

from __future__ import annotations

import json


def dumps(value: object) -> str:
    """A value of plain types as JSON: two spaces of indentation, in the given order, with a final newline."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"

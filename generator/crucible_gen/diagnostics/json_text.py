"""JSON as every command prints it."""

from __future__ import annotations

import json

from crucible_gen.diagnostics.quoting import Escaped, json_text


def dumps(value: object) -> Escaped:
    """A value of plain types as JSON: two spaces of indentation, in the given order, with a final newline."""
    return json_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

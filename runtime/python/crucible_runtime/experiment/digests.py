"""The digest of rows: what a run was trained on, whatever file or hub the rows came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any


def rows_digest(rows: Iterable[Any]) -> str:
    """SHA-256 of the rows in their order, each as one line of JSON with its keys in order; in hex."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_line(row).encode() + b"\n")
    return digest.hexdigest()


def _line(row: Any) -> str:
    try:
        return json.dumps(row, sort_keys=True, separators=(",", ":"), default=str)
    except TypeError:  # keys that are no texts, which only rows of an environment have
        return repr(row).encode("unicode_escape").decode()

"""Writes rows as files of each format, as people write them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any


def jsonl(row: Any) -> bytes:
    return (json.dumps(row, ensure_ascii=False) + "\n").encode()


def json_list(row: Any) -> bytes:
    return json.dumps([row], indent=2).encode()


def table(row: Any, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(row)
    writer.writerow(
        "" if cell is None else cell if isinstance(cell, str) else json.dumps(cell) for cell in row.values()
    )
    return text.getvalue().encode()


def tsv(row: Any) -> bytes:
    return table(row, "\t")


def gzipped(row: Any) -> bytes:
    return gzip.compress(jsonl(row))


FORMATS = {
    "x.jsonl": jsonl,
    "x.ndjson": jsonl,
    "x.json": json_list,
    "list.jsonl": json_list,
    "x.csv": table,
    "x.tsv": tsv,
    "x.jsonl.gz": gzipped,
    "packed.jsonl": gzipped,
    "x.csv.gz": lambda row: gzip.compress(table(row)),
}
"""The names of files, and what writes them."""

"""How the files of a run are written and read: whole or not at all, and rows one by one."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crucible_runtime.errors import FolderError


def replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def add(path: Path, line: str) -> None:
    """Appends a whole line in one write: a kill leaves all of it or nothing."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    try:
        data = line.encode("utf-8", "backslashreplace")
        if (written := os.write(descriptor, data)) < len(data):
            os.write(descriptor, data[written:])  # says why it could not be all
    finally:
        os.close(descriptor)


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of rows, without a last line that is torn; none where it is not there."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def finite(value: Any) -> Any:
    """The value with null in place of every number that is not finite."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {key: finite(item) for key, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
    return value


def as_number(value: Any) -> float | None:
    """A number of some library as Python's own; raises TypeError where it is none."""
    return found if math.isfinite(found := float(value)) else None


@contextmanager
def guarded(path: Path) -> Iterator[Path]:
    """The path, for work with it; what the system refuses is a FolderError."""
    try:
        yield path
    except OSError as error:
        raise FolderError(path, error) from error

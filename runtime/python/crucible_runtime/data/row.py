"""What reading and adapting rows have in common: a row, the place where it stands, and what can be wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from crucible_runtime.errors import InputError, did_you_mean

_SURROGATE = re.compile("[\ud800-\udfff]").search
Row: TypeAlias = dict[str, Any]
"""One example: columns by name."""


class BadRow(ValueError):
    """A row that cannot be used, and why; the place is added where the row was read."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A row and where it stands (`data/train.jsonl:17`), or what is wrong with what stands there."""

    place: str
    row: Row | BadRow


def bad_rows(name: str, bad: Sequence[tuple[str, BadRow]], *, read: int, with_: str) -> InputError:
    """The one error for all rows of a data set that cannot be used: the first 20, and how many there are besides."""
    shown = [f"  {place}: {error}" for place, error in bad[:20]]
    others = [f"  ... and {len(bad) - 20} others"] if len(bad) > 20 else []
    rows = "row" if read == 1 else "rows"
    return InputError(
        "\n".join([f"data set {name}: {len(bad)} of {read} {rows} cannot be used{with_}", *shown, *others])
    )


def column(row: Mapping[str, Any], *names: str) -> Any:
    """What a row has in the first of these columns that is there and not null; null where one is there.

    Raises BadRow, which names the nearest column, where there is none.
    """
    name = _named(row, names)
    if name is not None:
        return row[name]
    if not row:
        raise BadRow(f"no column {names[0]}: the row is empty")
    raise BadRow(f"no column {' or '.join(names)}: {did_you_mean(names[0], map(str, row))}")


def text(row: Mapping[str, Any], *names: str) -> str:
    """The text in the first of these columns; raises BadRow for no text, and for an empty one."""
    value, name = column(row, *names), _named(row, names)
    if not isinstance(value, str):
        raise BadRow(f"column {name}: expected text, found {shown(value)}")
    if not value.strip():
        raise BadRow(f"column {name}: expected text, found none")
    return value


def _named(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The column that counts: the first that is not null, else the first that is there."""
    there = [name for name in names if name in row]
    return next((name for name in there if row[name] is not None), there[0] if there else None)


def halves(value: Any, where: str = "") -> str | None:
    """Where in a row there is half of a surrogate pair, which is no character; None for nowhere."""
    match value:
        case str():
            return where if not value.isascii() and _SURROGATE(value) else None
        case Mapping():
            parts = ((part, f"{where}.{key}" if where else str(key)) for key, part in value.items())
        case list() | tuple():
            parts = ((part, f"{where}[{index}]") for index, part in enumerate(value))
        case _:
            return None
    return next((found for part, name in parts if (found := halves(part, name)) is not None), None)


def shown(value: Any) -> str:
    """A value as a message shows it: JSON on one line, not too long."""
    try:
        written = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        written = f"a {type(value).__name__}"
    return written if len(written) <= 60 else written[:57] + "..."


def nearest_of(what: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that there is not."""
    return InputError(f"there is no {what} {name}; {did_you_mean(name, known)}")

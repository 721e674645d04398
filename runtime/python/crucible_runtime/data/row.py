"""What reading and adapting rows have in common: a row, the place where it stands, and what can be wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from crucible_runtime.errors import InputError, did_you_mean

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
    """What a row has in the first of these columns that it has; raises BadRow, which names the nearest column."""
    for name in names:
        if name in row:
            return row[name]
    if not row:
        raise BadRow(f"no column {names[0]}: the row is empty")
    raise BadRow(f"no column {' or '.join(names)}: {did_you_mean(names[0], map(str, row))}")


def text(row: Mapping[str, Any], *names: str) -> str:
    """The text in the first of these columns; raises BadRow for no text, and for an empty one."""
    value = column(row, *names)
    name = next(name for name in names if name in row)
    if not isinstance(value, str):
        raise BadRow(f"column {name}: expected text, found {shown(value)}")
    if not value.strip():
        raise BadRow(f"column {name}: expected text, found none")
    return value


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

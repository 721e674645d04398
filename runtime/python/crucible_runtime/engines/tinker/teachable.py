"""Which rows teach the model something: the cookbook trains on all, also on those whose answers max_length cuts away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crucible_runtime.data import Row
from crucible_runtime.interface.leftout import left_out

Conversations = Callable[[Row], Sequence[Sequence[Any]]]
"""The conversations of a row: one for supervised training, two for a preference."""


def conversation(row: Row) -> Sequence[Sequence[Any]]:
    """The one conversation of a supervised row."""
    return [row["messages"]]


def preferences(row: Row) -> Sequence[Sequence[Any]]:
    """The two conversations of a preference."""
    return [[*row["prompt"], *row[name]] for name in ("chosen", "rejected")]


def whole_batches(count: int, size: int) -> None:
    """Counts the rows of a last batch that is not full, which the cookbook leaves out; `count` is what it trains on."""
    if count >= size:
        left_out(count % size, count, f"they fill no batch of {size}, training_config.batch_size")


def teachable(
    rows: Sequence[Row],
    conversations: Conversations,
    renderer: Any,
    max_length: int | None,
    *,
    train_on_what: Any = None,
    part: str = "",
) -> list[Row]:
    """The rows of which every conversation has tokens that the loss counts, with a renderer of the cookbook.

    part: what follows the reason, where the rows are not those that are trained on. Raises InputError where too few are
    left.
    """
    options = {} if train_on_what is None else {"train_on_what": train_on_what}

    def learnt(said: Sequence[Any]) -> bool:
        _, weights = renderer.build_supervised_example(said, **options)
        # Nothing is predicted at the first place.
        return bool((weights[1:max_length] > 0).any())

    kept = [row for row in rows if all(map(learnt, conversations(row)))]
    within = f" within max_length {max_length} tokens" if max_length is not None else ""
    left_out(len(rows) - len(kept), len(rows), f"nothing to learn{within}{part}")
    return kept

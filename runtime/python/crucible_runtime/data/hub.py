"""The rows of a data set of the hub with their places, through the library `datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crucible_runtime.data.row import Placed
from crucible_runtime.errors import EngineMissingError, InputError
from crucible_runtime.installation.distribution import install_command


def read(
    name: str, *, configs: Sequence[str | None], split: str, revision: str | None, streaming: bool
) -> Iterator[Placed]:
    """The rows of a split, of each configuration after the other; streamed, or loaded whole and kept in the cache.

    Raises EngineMissingError without `datasets`, InputError where the data set cannot be had.
    """
    try:
        import datasets
    except ImportError as error:
        raise EngineMissingError(
            "data sets of the hub are loaded by datasets, which is not installed: " + install_command("local")
        ) from error
    datasets.disable_progress_bars()
    for config in configs:
        place = f"{name} [{', '.join(filter(None, (config, split)))}]"
        try:
            data: Any = datasets.load_dataset(name, config, split=split, revision=revision, streaming=streaming)
            for number, row in enumerate(data, 1):
                yield Placed(f"{place} row {number}", dict(row))
        except Exception as error:  # what a hub, a network and a disk raise has no common class
            raise InputError(_reason(place, error)) from error


def _reason(place: str, error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    text = f"data set {place} cannot be loaded: {said}"
    lower = said.lower()
    if "401" in said or "403" in said or "gated" in lower or "authenticat" in lower:
        return f"{text}. It needs an account that may read it: set HF_TOKEN in the environment, or run: hf auth login"
    if "config name is missing" in lower or "builderconfig" in lower:
        return f"{text}. Set dataset_ref.options.config, or configs for several"
    if "unknown split" in lower or "bad split" in lower:
        return f"{text}. Set dataset_ref.split"
    return (
        f"{text}. Is dataset_ref.name right, and the hub within reach? A file of your own is "
        "dataset_ref {name: train.jsonl, provider: local}"
    )

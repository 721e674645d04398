"""Records the data sets that the cookbook loads from the hub by itself: no rows of them pass through this package."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

from crucible_runtime import data
from crucible_runtime.engines.tinker.judge import replaced
from crucible_runtime.ir import DatasetRef

_NAME = "load_dataset"
"""The function of `datasets`, which modules of the cookbook import by name."""


@contextmanager
def recorded(ref: DatasetRef) -> Iterator[None]:
    """While it lasts, what the cookbook loads is recorded as rows that the stage has seen; `ref` is the recipe's."""
    import datasets

    load = datasets.load_dataset

    @wraps(load)
    def loading(path: str, name: str | None = None, *args: Any, **named: Any) -> Any:
        found = load(path, name, *args, **named)
        splits = found if isinstance(found, Mapping) else {named.get("split") or ref.split: found}
        for split, rows in splits.items():
            whole = f"{path} [{name}]" if name is not None else path
            data.see(replace(ref, name=whole), rows, split=str(split))
        return found

    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            ours = name == "datasets" or name.startswith("tinker_cookbook.")
            if ours and vars(module).get(_NAME) is load:
                stack.enter_context(replaced(module, _NAME, loading))
        yield

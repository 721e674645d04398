"""The processes that train together, as torchrun and accelerate describe them in the environment."""

from __future__ import annotations

import os


def world() -> int:
    """How many processes train together; 1 where nothing started several."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def is_main() -> bool:
    """Whether this process is the one that writes the run, prints, and runs the stages that do not train."""
    return int(os.environ.get("RANK") or 0) == 0

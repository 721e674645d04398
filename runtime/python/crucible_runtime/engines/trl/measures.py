"""What a trainer measures, under the names that this package gives it, and what marks a checkpoint as whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

COMPLETE = "complete"
"""The file that says that a checkpoint is whole."""
NAMES: Mapping[str, str] = {
    "mean_token_accuracy": "accuracy",
    "rewards/accuracies": "accuracy",
    "eval_mean_token_accuracy": "eval_accuracy",
    "eval_rewards/accuracies": "eval_accuracy",
}
"""What is called differently here than in the trainer."""
_UNSTEADY = re.compile(r"runtime|per_second|num_tokens|total_flos|step_time|_time$|^time")


def metrics(logs: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of one entry of the trainer's log, under the names that this package gives them."""
    return {
        NAMES.get(name, name): value
        for name, value in logs.items()
        if isinstance(value, int | float) and name != "step" and not _UNSTEADY.search(name)
    }

"""What generated recipe modules import: the experiment's types, ports, the pipeline runner and the command line.

Importing it imports no engine: what trains, registers and deploys is found as an entry point when its stage is reached,
or supplied by the caller.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from crucible_runtime import evaluation, ir, stages
from crucible_runtime.cli import list_recipes, main
from crucible_runtime.errors import CrucibleError, OverrideError, StageError
from crucible_runtime.experiment.canonical import canonical, config_hash, pretty
from crucible_runtime.experiment.override import override
from crucible_runtime.installation.compatibility import explain_missing_names
from crucible_runtime.interface.stages import Context, Engine, Result, RunConfig, StageResult
from crucible_runtime.pipeline import start
from crucible_runtime.ports import Ports
from crucible_runtime.recipes import recipes

if TYPE_CHECKING:
    from crucible_runtime.pipeline.run import Pipeline

__all__ = [
    "Context",
    "CrucibleError",
    "Engine",
    "OverrideError",
    "Pipeline",
    "Ports",
    "Result",
    "RunConfig",
    "StageError",
    "StageResult",
    "canonical",
    "config_hash",
    "list_recipes",
    "main",
    "override",
    "pretty",
    "recipes",
    "start",
]


if not TYPE_CHECKING:  # a type checker that sees it takes every name for one of this module

    def __getattr__(name: str) -> Any:
        """`Pipeline`, which is loaded when it is first asked for: a plan and `--help` do without a run."""
        if name == "Pipeline":
            from crucible_runtime.pipeline.run import Pipeline

            return Pipeline
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


explain_missing_names(sys.modules[__name__], evaluation, ir, stages)

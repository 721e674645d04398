"""What generated recipe modules import: the experiment's types, ports, the pipeline runner and the command line.

Importing it imports no engine: what trains, registers and deploys is found as an entry point when its stage is reached,
or supplied by the caller.
"""

from __future__ import annotations

from crucible_runtime.canonical import canonical, config_hash, pretty
from crucible_runtime.cli import list_recipes, main
from crucible_runtime.errors import CrucibleError, OverrideError, StageError
from crucible_runtime.override import override
from crucible_runtime.pipeline import Context, Engine, Pipeline, Result, RunConfig, StageResult, start
from crucible_runtime.ports import Ports
from crucible_runtime.recipes import recipes

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

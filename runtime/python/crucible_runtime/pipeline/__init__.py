"""The pipeline: the one owner of a run, from its directory to its report."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crucible_runtime.evaluation import Evaluation
from crucible_runtime.installation import project
from crucible_runtime.installation.compatibility import check, package_of
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import Experiment

if TYPE_CHECKING:
    from crucible_runtime.pipeline.run import Pipeline


def start(experiment: Experiment, config: RunConfig | None = None) -> Pipeline:
    """The pipeline that runs `experiment` with what `config` supplies.

    Raises InterfaceError where the module that calls it was generated for a runtime that does not fit this one.
    """
    caller = sys._getframe(1).f_globals
    check(package_of(caller))
    project.enter(caller)
    # Only a run needs what a run is made of: a plan and `--help` start without it.
    from crucible_runtime.pipeline.run import Pipeline

    return Pipeline(experiment, config if config is not None else RunConfig(), evaluation=_evaluation(caller))


def _evaluation(module: Mapping[str, Any]) -> Evaluation | None:
    """What the recipe whose module calls `start` asks after its run; None where the module is no recipe."""
    made = module.get("evaluation") if {"NAME", "Config", "build_experiment"} <= {*module} else None
    found = made() if callable(made) else None
    return found if isinstance(found, Evaluation) else None

"""The evaluation of a run: by inspect-ai where it is installed, else by the plain loop.

Both ask the same client the same questions in the same order, and give the same numbers; inspect-ai leaves logs
besides, which `inspect view` shows.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from crucible_runtime.evals import loop
from crucible_runtime.evals.checks import tasks
from crucible_runtime.evaluation import Evaluation, EvaluationResult
from crucible_runtime.interface.preflight import checked_by
from crucible_runtime.ports import SamplingClient
from crucible_runtime.rundir.folder import Folder

LOGS = "artifacts/evaluation"
"""Where inspect-ai leaves its logs, in the run's folder."""


@checked_by(tasks)
def evaluate(evaluation: Evaluation, client: SamplingClient, config: Any, folder: Folder) -> EvaluationResult:
    """Asks `client` every sample of every task, in a session for `config`; the scores.

    Raises what `evals.loop.evaluate` raises, for the same reasons.
    """
    if find_spec("inspect_ai") is None:
        return loop.evaluate(evaluation, client, config)
    from crucible_runtime.evals.inspecting import evaluate as inspected

    return inspected(evaluation, client, config, folder.path / LOGS)

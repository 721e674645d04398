"""The evaluation of a run: who is asked, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from crucible_runtime.errors import CrucibleError
from crucible_runtime.evals import evaluate
from crucible_runtime.evaluation import Answer, Evaluation, EvaluationResult, Score, messages
from crucible_runtime.interface.stages import Context, Hook, Output
from crucible_runtime.ports import NoopSamplingClient, SamplingClient
from crucible_runtime.rundir.folder import EVALUATION


def evaluated(evaluation: Evaluation, context: Context, hooks: Iterable[Hook]) -> EvaluationResult:
    """Asks the caller's client, or else the trained model through its engine; the scores.

    `hooks` are called with the context when the answers are written down.
    """
    with context.folder.captured():
        result = evaluate(evaluation, _client(context), context.experiment.training_config, context.folder)
    for row in _answers(result):
        context.folder.sample(row)
    if context.folder.main:
        for hook in hooks:
            hook(context)
    return result


def written_evaluation(result: EvaluationResult) -> Output:
    """The scores as the output of a stage."""
    return asdict(result)


def read_evaluation(output: Output) -> EvaluationResult:
    """The scores that `written_evaluation` wrote."""
    scores = [
        Score(**{**score, "answers": [Answer(**answer) for answer in score["answers"]]}) for score in output["scores"]
    ]
    return EvaluationResult(name=output["name"], scores=scores)


def _client(context: Context) -> SamplingClient:
    """The caller's client, or the one of the engine for the trained model; raises CrucibleError where it left none."""
    client = context.ports.sampling_client
    sampler = getattr(context.engine, "sampler", None)
    if not isinstance(client, NoopSamplingClient) or sampler is None:
        return client
    model = context.trained.get("model")
    if not isinstance(model, str):
        raise CrucibleError("the training stage left no model that could be asked")
    found: SamplingClient = sampler(context, model)
    return found


def _answers(result: EvaluationResult) -> Iterator[dict[str, Any]]:
    step = 0
    for score in result.scores:
        for answer in score.answers:
            step += 1
            yield {
                "stage": EVALUATION,
                "step": step,
                "task": score.task,
                "id": answer.id,
                "prompt": messages(answer),
                "completion": answer.output,
                "target": answer.target,
                "reward": answer.score,
                "error": answer.error,
            }

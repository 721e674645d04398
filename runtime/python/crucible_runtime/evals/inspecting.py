"""The evaluation by inspect-ai, with its logs and the same scores as the plain loop.

A task becomes an inspect Task, a sample a Sample, a scorer a Scorer, and the client a model of its own kind, so that
inspect-ai loads and downloads nothing. One question is asked at a time: the order is that of the plain loop. A
question that fails is an answer with an error, not an error of inspect-ai, which would ask it again or end the
evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import inspect_ai
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    get_model,
    modelapi,
)
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import Target, accuracy, scorer
from inspect_ai.solver import TaskState, generate

from crucible_runtime.errors import CrucibleError
from crucible_runtime.evals.loop import ask, loaded, scored
from crucible_runtime.evals.scorers import SCORERS
from crucible_runtime.evaluation import (
    Answer,
    Evaluation,
    EvaluationResult,
    Sample,
    ScorerName,
    Task,
    messages,
)
from crucible_runtime.ports import Message, SamplingClient


@modelapi(name="crucible")
class TrainedModel(ModelAPI):
    """The model that a client asks, as inspect-ai asks models: `ask` takes a conversation, and is set before use."""

    ask: Callable[[Sequence[Message]], tuple[str, str | None]]

    async def generate(self, input: list[ChatMessage], tools: Any, tool_choice: Any, config: Any) -> ModelOutput:  # noqa: A002 - inspect-ai's own name
        """The answer to a conversation; why there is none stands in the output's metadata."""
        said = [{"role": message.role, "content": message.text} for message in input]
        output, error = self.ask(said)
        answer = ModelOutput.from_content(model=self.model_name, content=output)
        answer.metadata = {"error": error}
        return answer

    def max_connections(self) -> int:
        """One question at a time."""
        return 1


def evaluate(evaluation: Evaluation, client: SamplingClient, config: Any, logs: Path) -> EvaluationResult:
    """Asks `client` every sample of every task; the scores. Logs go below `logs`. Raises as the plain loop does."""
    tasks = loaded(evaluation, config)
    session = client.start_session(config)
    try:
        model = get_model("crucible/trained", memoize=False)
        model.api.ask = lambda said: ask(said, evaluation, client, session)
        scores = [
            scored(task, _answers(samples, _logged(_task(task, samples, evaluation), model, logs)))
            for task, samples in tasks
        ]
        return EvaluationResult(name=evaluation.name, scores=scores)
    finally:
        client.close_session(session)


def _logged(task: inspect_ai.Task, model: Model, logs: Path) -> EvalLog:
    (log,) = inspect_ai.eval(
        task,
        model=model,
        log_dir=str(logs),
        log_format="json",
        display="none",
        fail_on_error=True,
        max_samples=1,
    )
    if log.status == "cancelled":
        raise KeyboardInterrupt
    if log.status != "success":
        raise CrucibleError(
            f"inspect-ai could not run task {task.name}: {log.error.message if log.error else log.status}"
        )
    return log


def _task(task: Task, samples: Sequence[Sample], evaluation: Evaluation) -> inspect_ai.Task:
    """inspect-ai wants each id once, and a recipe may use one twice: samples are counted."""
    dataset = MemoryDataset(
        [
            InspectSample(id=number, input=_chat(sample), target=sample.target, metadata={"id": sample.id})
            for number, sample in enumerate(samples, 1)
        ],
        name=task.name,
    )
    return inspect_ai.Task(
        dataset=dataset,
        solver=generate(),
        scorer=_SCORERS[task.scorer](),
        name=task.name,
        config=GenerateConfig(temperature=evaluation.temperature, max_tokens=evaluation.max_tokens),
    )


def _chat(sample: Sample) -> list[ChatMessage]:
    made = {"system": ChatMessageSystem, "user": ChatMessageUser}
    return [made[message["role"]](content=message["content"]) for message in messages(sample)]


async def _score(name: ScorerName, state: TaskState, target: Target) -> InspectScore:
    output, error = state.output.completion, (state.output.metadata or {}).get("error")
    value = 0.0 if error is not None else SCORERS[name](output, target.text)
    return InspectScore(value=value, answer=output, explanation=error)


@scorer(metrics=[accuracy()], name="exact_match")
def _exact_match() -> Any:
    async def score(state: TaskState, target: Target) -> InspectScore:
        return await _score("exact_match", state, target)

    return score


@scorer(metrics=[accuracy()], name="contains")
def _contains() -> Any:
    async def score(state: TaskState, target: Target) -> InspectScore:
        return await _score("contains", state, target)

    return score


@scorer(metrics=[accuracy()], name="case_insensitive")
def _case_insensitive() -> Any:
    async def score(state: TaskState, target: Target) -> InspectScore:
        return await _score("case_insensitive", state, target)

    return score


_SCORERS = {"exact_match": _exact_match, "contains": _contains, "case_insensitive": _case_insensitive}


def _answers(samples: Sequence[Sample], log: EvalLog) -> list[Answer]:
    by_number: dict[int | str, EvalSample] = {found.id: found for found in log.samples or ()}
    return [_answer(sample, by_number[number]) for number, sample in enumerate(samples, 1)]


def _answer(sample: Sample, found: EvalSample) -> Answer:
    (score,) = (found.scores or {}).values()
    return Answer(
        id=sample.id,
        input=sample.input,
        target=sample.target,
        output=str(score.answer or ""),
        score=score.as_float(),
        error=score.explanation,
        system_prompt=sample.system_prompt,
    )

"""What the pages show, as strings in the order in which the templates lay them out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crucible_runtime.errors import CanonicalError
from crucible_runtime.evaluation import COMPARES
from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.experiment.kinds import types
from crucible_runtime.report.chart import Chart, chart, number
from crucible_runtime.rundir.folder import EVALUATION
from crucible_runtime.rundir.progress import duration
from crucible_runtime.runs import Run, compared, scores

_HELD_OUT = "eval_"
"""A metric of held-out data has the name of the training metric after this prefix, and shares its chart."""
_MAIN = ("loss", "reward")
"""The metrics that say most of a run of any recipe type; that of its own type comes first."""
_FIRST = ("accuracy", "learning_rate", "kl")
_TITLES = {"kl": "KL divergence"}
_SAMPLES = 24
_SHOWN_SAMPLES = 4
_SHOWN_CHARTS = 4
_SHOWN_SCORES = 3
_OPEN_ANSWERS = 20


@dataclass(frozen=True, slots=True)
class Value:
    """A name and the text that stands beside it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Alert:
    """Why a run failed."""

    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure in large type with a note below it."""

    title: str
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Charts:
    """The charts that are shown at once, and those that are folded away."""

    shown: tuple[Chart, ...]
    more: tuple[Chart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """A stage with its time, or with what kept it from finishing; `width` is that of its bar, where it has one."""

    name: str
    module: str
    time: str
    width: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """An answer of the model in the evaluation; `verdict` is right, wrong or failed."""

    right: bool
    verdict: str
    question: str
    target: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """A task of the evaluation; `open` says whether its answers are unfolded."""

    name: str
    result: str
    percent: str
    width: str
    scorer: str
    open: bool
    answers: tuple[AnswerRow, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The tasks of an evaluation; none where it failed."""

    tasks: tuple[TaskCard, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage after the training left behind."""

    stage: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class SampleCard:
    """A conversation with the model's completion."""

    about: tuple[str, ...]
    turns: tuple[Turn, ...]
    completion: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of the training: the first and the last ones are shown, those between them are folded away."""

    note: str | None
    shown: tuple[SampleCard, ...]
    between: tuple[SampleCard, ...]


@dataclass(frozen=True, slots=True)
class EnvironmentCard:
    """What a run ran on, and the packages with their versions."""

    values: tuple[Value, ...]
    packages: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """The report of a run; None stands for a section that it does not have."""

    title: str
    name: str
    state: str
    description: str
    facts: tuple[Value, ...]
    alert: Alert | None
    notes: tuple[Value, ...]
    tiles: tuple[Tile, ...]
    charts: Charts
    stages: tuple[StageRow, ...]
    evaluation: Evaluation | None
    outcomes: tuple[Outcome, ...]
    samples: Samples | None
    configuration: tuple[Value, ...]
    environment: EnvironmentCard | None


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """Two runs side by side."""

    title: str
    charts: Charts
    differences: str


def of_run(run: Run) -> RunPage:
    """Return the page of a run, which may still be running or have failed."""
    name = _text(run.experiment.get("id"))
    return RunPage(
        title=f"{name}: {run.state}",
        name=name,
        state=run.state,
        description=_text(run.experiment.get("description") or ""),
        facts=tuple(_facts(run)),
        alert=_alert(run),
        notes=tuple(Value(_text(note["stage"]), _text(note["text"])) for note in run.notes),
        tiles=tuple(_tiles(run)),
        charts=_charts({"": run}),
        stages=(*_finished_stages(run), *_unfinished_stages(run)),
        evaluation=_evaluation(run),
        outcomes=tuple(
            Outcome(stage.name, _values(stage.output))
            for stage in run.stages
            if stage.name != run.training and stage.output
        ),
        samples=_samples(run),
        configuration=_values(run.config),
        environment=_environment(run),
    )


def of_comparison(one: Run, other: Run) -> ComparisonPage:
    """Return the page that compares two runs."""
    return ComparisonPage(
        title=f"{one.name} and {other.name}",
        charts=_charts({one.name: one, other.name: other}),
        differences=compared(one, other),
    )


def _facts(run: Run) -> Iterator[Value]:
    training = run.config.get("training_config") or {}
    model, dataset = (training.get(name) or {} for name in ("model_ref", "dataset_ref"))
    facts = {
        "engine": run.config.get("engine"),
        "model": _with_provider(model.get("id"), model.get("provider")),
        "data": _with_provider(dataset.get("name"), dataset.get("provider")),
        "on": run.environment.get("platform"),
    }
    return (Value(name, _text(value)) for name, value in facts.items() if value)


def _with_provider(name: str | None, provider: str | None) -> str | None:
    return f"{name} ({provider})" if name and provider else name


def _alert(run: Run) -> Alert | None:
    if not run.error:
        return None
    title = f"Stage {run.failed} failed" if run.failed else "The run failed"
    return Alert(title, run.error.removeprefix(f"stage {run.failed}: "))


def _tiles(run: Run) -> Iterator[Tile]:
    for name in _main_metrics(run):
        if points := run.curves.get(name):
            yield Tile(name.capitalize(), number(points[-1][1]), f"from {number(points[0][1])}")
    for score in [*scores(run)][:_SHOWN_SCORES]:
        yield Tile(_text(score["task"]), _result(score), f"{EVALUATION}, {score['scorer']}")
    yield Tile("Steps", str(run.steps), run.kind or "")
    yield Tile("Time", duration(run.seconds), f"{len(run.stages)} stages done")


def _charts(runs: Mapping[str, Run]) -> Charts:
    """The charts of one run, or of several by the label of their curves."""
    names = list(dict.fromkeys(name for run in runs.values() for name in run.curves))
    first = dict.fromkeys([*_main_metrics(next(iter(runs.values()))), *_FIRST])
    order = [*(name for name in first if name in names), *(name for name in names if name not in first)]
    bases = dict.fromkeys(name.removeprefix(_HELD_OUT) for name in order)
    groups = {base: [name for name in (base, _HELD_OUT + base) if name in names] for base in bases}
    charts = tuple(
        chart(
            _title(base),
            {
                " ".join(filter(None, (label, name if len(group) > 1 or not label else ""))): run.curves[name]
                for label, run in runs.items()
                for name in group
                if name in run.curves
            },
        )
        for base, group in groups.items()
    )
    return Charts(charts[:_SHOWN_CHARTS], charts[_SHOWN_CHARTS:])


def _main_metrics(run: Run) -> tuple[str, ...]:
    """The metrics that say most of a run, the most important one first."""
    own = (types()[run.kind].main_metric,) if run.kind is not None else ()
    return tuple(dict.fromkeys((*own, *_MAIN)))


def _title(metric: str) -> str:
    return _TITLES.get(metric) or metric.replace("_", " ").capitalize()


def _finished_stages(run: Run) -> Iterator[StageRow]:
    longest = max((stage.seconds for stage in run.done), default=0) or 1
    for stage in run.done:
        yield StageRow(
            name=stage.name,
            module=stage.module or "",
            time=duration(stage.seconds),
            width=_width(stage.seconds / longest),
        )


def _unfinished_stages(run: Run) -> Iterator[StageRow]:
    stages = [*(run.experiment.get("pipeline") or ())[len(run.stages) :]]
    if run.failed == EVALUATION:
        stages.append({"name": EVALUATION})
    for stage in stages:
        failed = stage["name"] == run.failed
        yield StageRow(
            name=_text(stage["name"]),
            module=str(stage.get("module") or "").removeprefix("Elixir."),
            time="failed" if failed else "not reached",
            failed=failed,
        )


def _evaluation(run: Run) -> Evaluation | None:
    tasks = tuple(map(_task, scores(run)))
    return Evaluation(tasks) if tasks or run.failed == EVALUATION else None


def _task(score: Mapping[str, Any]) -> TaskCard:
    return TaskCard(
        name=_text(score["task"]),
        result=_result(score),
        percent=f"{100 * score['accuracy']:.0f} %",
        width=_width(score["accuracy"]),
        scorer=": ".join(filter(None, (_text(score["scorer"]), COMPARES.get(score["scorer"], "")))),
        open=len(score["answers"]) <= _OPEN_ANSWERS,
        answers=tuple(map(_answer, score["answers"])),
    )


def _answer(answer: Mapping[str, Any]) -> AnswerRow:
    right = answer["score"] == 1.0
    return AnswerRow(
        right=right,
        verdict="right" if right else "failed" if answer.get("error") else "wrong",
        question=_text(answer["input"]),
        target=_text(answer["target"]),
        output=_text(answer.get("error") or answer["output"]),
    )


def _result(score: Mapping[str, Any]) -> str:
    return f"{score['correct']} of {score['total']}"


def _samples(run: Run) -> Samples | None:
    rows, total = run.samples(_SAMPLES)
    if not rows:
        return None
    cards = tuple(map(_sample, rows))
    # The first and the last ones say most: what the model was, and what it has become.
    half = _SHOWN_SAMPLES // 2
    end = max(half, len(cards) - half)
    note = f"{len(cards)} of {total}, from first to last." if total > len(cards) else None
    return Samples(note, (*cards[:half], *cards[end:]), cards[half:end])


def _sample(row: Mapping[str, Any]) -> SampleCard:
    about = [f"step {row.get('step', '-')}"]
    for name, value in row.items():
        if name not in ("stage", "step", "prompt", "completion") and isinstance(value, int | float | str):
            about.append(f"{name} {number(value) if isinstance(value, float) else value}")
    prompt = row.get("prompt")
    turns = prompt if isinstance(prompt, list) else [{"role": "prompt", "content": prompt}]
    return SampleCard(tuple(about), tuple(map(_turn, turns)), _text(row.get("completion")))


def _turn(turn: Any) -> Turn:
    if isinstance(turn, dict):
        return Turn(_text(turn.get("role")), _text(turn.get("content")))
    return Turn("", _text(turn))


def _environment(run: Run) -> EnvironmentCard | None:
    if not run.environment:
        return None
    values = {name: value for name, value in run.environment.items() if name != "packages"}
    return EnvironmentCard(_values(values), _values(run.environment.get("packages") or {}))


def _values(values: Mapping[str, Any]) -> tuple[Value, ...]:
    return tuple(Value(name, _text(value)) for name, value in _leaves(values))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif value not in (None, [], {}):
        yield path, value


def _width(share: float) -> str:
    return f"{100 * share:.1f}%"


def _text(value: Any) -> str:
    """The text that a reader sees of a value of JSON."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    try:
        return canonical(value)
    except CanonicalError:
        return json.dumps(value, ensure_ascii=False)

"""Runs, read from their directories: whole, listed, and compared.

A run that is under way or was killed can be read too: what is not there yet is empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.experiment import kinds, rules
from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.quoting import printable
from crucible_runtime.rundir.files import rows
from crucible_runtime.rundir.folder import (
    CONFIG,
    ENVIRONMENT,
    EVALUATION,
    EXPERIMENT,
    METRICS,
    NOTES,
    RESULT,
    RUNS,
    SAMPLES,
    Folder,
    Record,
    shown,
    state,
)
from crucible_runtime.rundir.progress import duration

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What the directory of a run holds; `state` is running, finished, failed, interrupted or killed."""

    path: Path
    state: str
    error: str | None
    failed: str | None
    """The stage that failed."""
    experiment: Json
    config: Json
    environment: Json
    stages: Sequence[Record]
    asked: Record | None
    """The evaluation, which follows the stages."""
    metrics: Sequence[Json]
    notes: Sequence[Mapping[str, str]] = ()
    """What a reader should know: what was left out of the data, and why."""

    @property
    def name(self) -> str:
        """The name of the directory."""
        return self.path.name

    @cached_property
    def training(self) -> str | None:
        """The name of the stage that trains."""
        return next((each["name"] for each in self.experiment.get("pipeline") or () if kind_of(each)), None)

    @cached_property
    def kind(self) -> str | None:
        """The kind of recipe: supervised, rl, preference, distillation or prompt_distillation."""
        type_ = next((kind for each in self.experiment.get("pipeline") or () if (kind := kind_of(each))), None)
        return type_ and rules.kind_of(type_, (self.experiment.get("training_config") or {}).get("options"))

    @property
    def seconds(self) -> float:
        """How long the finished stages and the evaluation took."""
        return sum(stage.seconds for stage in self.done)

    @property
    def done(self) -> Sequence[Record]:
        """The finished stages, and the evaluation after them."""
        return self.stages if self.asked is None else [*self.stages, self.asked]

    @property
    def evaluation(self) -> Json | None:
        """The scores, as result.json has them."""
        return None if self.asked is None else dict(self.asked.output)

    @property
    def steps(self) -> int:
        """The last step of the training."""
        return max((row.get("step", 0) for row in self.metrics if row.get("stage") == self.training), default=0)

    @cached_property
    def curves(self) -> Mapping[str, Sequence[tuple[float, float]]]:
        """What was measured while training, by name: (step, value) in order."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in self.metrics:
            if row.get("stage") == self.training:
                for name, value in row.items():
                    if name not in ("stage", "step") and isinstance(value, int | float) and not isinstance(value, bool):
                        found.setdefault(name, []).append((row.get("step", 0), float(value)))
        return found

    def samples(self, count: int) -> tuple[Sequence[Json], int]:
        """Rows of samples.jsonl from the training, the first, the last and others evenly between; how many there are.

        Only those are read whole: a long run has more of them than fit into memory.
        """
        total = sum(1 for _ in _rollouts(self.path / SAMPLES))
        last = max(min(count, total) - 1, 1)
        wanted = {index * (total - 1) // last for index in range(count)} if total else set()
        lines = (line for index, line in enumerate(_rollouts(self.path / SAMPLES)) if index in wanted)
        return [json.loads(line) for line in lines], total

    @property
    def last(self) -> Mapping[str, float]:
        """The last value of everything that was measured."""
        return {name: points[-1][1] for name, points in self.curves.items()}


def kind_of(stage: Mapping[str, Any]) -> str | None:
    """The type of the recipes that have a stage, as experiment.json writes it; None for one that does not train."""
    return kinds.kind_of((stage.get("module") or "").removeprefix("Elixir."))


def read(path: Path, result: Json | None = None) -> Run:
    """The run in a directory; `result` is how it ends, where that is not written down yet.

    Raises InputError where there is none, FolderError where it cannot be read.
    """
    folder = Folder(path, resumed=False, main=False)
    experiment = _json(folder, EXPERIMENT)
    if experiment is None:
        raise InputError(f"there is no run in {shown(path)}")
    now = state(path) if result is None else result["state"]
    result = result or _json(folder, RESULT) or {}
    records = folder.records()
    stages = records[: len(experiment.get("pipeline") or ())]
    over = now in ("finished", "failed", "interrupted")
    return Run(
        path=path,
        state=now,
        error=result.get("error") if over else None,
        failed=result.get("stage") if over else None,
        experiment=experiment,
        config=_json(folder, CONFIG) or {},
        environment=_json(folder, ENVIRONMENT) or {},
        stages=stages,
        asked=next((record for record in records[len(stages) :] if record.name == EVALUATION), None),
        metrics=rows(path / METRICS),
        notes=_json(folder, NOTES) or (),
    )


def result(run: Run) -> Json:
    """What result.json says: how a run ended, and what its stages left behind; no times."""
    return {
        "recipe": run.experiment.get("id"),
        "state": run.state,
        "error": run.error,
        "stage": run.failed,
        "steps": run.steps,
        "metrics": run.last,
        "stages": [{"name": each.name, "module": each.module, "output": each.output} for each in run.stages],
        "evaluation": run.evaluation,
    }


def listed(root: Path = Path(RUNS)) -> str:
    """A line for each run below a directory: its state, steps, last loss or reward, evaluation and time."""
    if not root.is_dir():
        raise InputError(f"there is no directory {root}: a run makes {RUNS}/, or name another one")
    found = [read(each) for each in sorted(root.iterdir(), key=_order) if is_run(each)]
    if not found:
        return f"no runs in {root}\n"
    head = ("run", "recipe", "state", "steps", "loss", "reward", "evaluation", "time")
    return _columns([head, *(_line(run) for run in found)])


def described(run: Run) -> str:
    """One run: its state, its stages, what was measured last, and its scores."""
    lines = [f"{shown(run.path)}: {run.experiment.get('id')}, {run.state}"]
    if run.error:
        lines += [f"  {line}" for line in run.error.splitlines()]
    for stage in run.done:
        lines.append(f"  {stage.name} in {duration(stage.seconds)}")
    lines += [f"  {note['stage']}: {note['text']}" for note in run.notes]
    lines += [f"  {name} {value:.5g}" for name, value in run.last.items()]
    lines += [f"  {task}: {score}" for task, score in _scores(run).items()]
    return printable("\n".join(lines) + "\n")


def compared(one: Run, other: Run) -> str:
    """Two runs side by side: the fields of their configurations that differ, what was measured last, the scores."""
    before, after = dict(_leaves(one.config)), dict(_leaves(other.config))
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    blocks = [
        ("configuration", [(name, _value(before.get(name)), _value(after.get(name))) for name in names]),
        ("last metrics", [(name, _number(one.last.get(name)), _number(other.last.get(name)))
                          for name in dict.fromkeys([*one.last, *other.last])]),
        ("evaluation", [(name, _scores(one).get(name, "-"), _scores(other).get(name, "-"))
                        for name in dict.fromkeys([*_scores(one), *_scores(other)])]),
        ("run", [("state", one.state, other.state), ("steps", str(one.steps), str(other.steps)),
                 ("time", duration(one.seconds), duration(other.seconds))]),
    ]  # fmt: skip
    table = [(title, *([one.name, other.name] if title == "configuration" else ["", ""])) for title, _ in blocks[:1]]
    for number, (title, lines) in enumerate(blocks):
        if number:
            table.append((title, "", ""))
        table += [(f"  {name}", left, right) for name, left, right in lines] or [("  the same", "", "")]
    return _columns(table)


def found(name: str, root: Path = Path(RUNS)) -> Run:
    """The run that a user names: a directory, or the name of one below runs/; raises InputError where there is none."""
    for path in (Path(name), root / name):
        if is_run(path):
            return read(path)
    known = [each.name for each in sorted(root.iterdir(), key=_order)] if root.is_dir() else []
    raise InputError(f"there is no run {name}; {did_you_mean(name, known)}")


def is_run(path: Path) -> bool:
    """Whether a run has begun in a directory."""
    return (path / EXPERIMENT).is_file()


def scores(run: Run) -> Iterator[Json]:
    """The score of each task of a run's evaluation, as result.json has it."""
    yield from (run.evaluation or {}).get("scores", ())


def _rollouts(path: Path) -> Iterator[bytes]:
    """The whole lines of a file of samples, without those of the evaluation."""
    answer = f'"stage": "{EVALUATION}"'.encode()
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if answer not in line[: len(answer) + 1] and line.endswith(b"\n"))


def _line(run: Run) -> tuple[str, ...]:
    loss, reward = (run.last.get(name) for name in ("loss", "reward"))
    evaluation = ", ".join(f"{task} {score}" for task, score in _scores(run).items())
    return (
        run.name,
        str(run.experiment.get("id")),
        run.state,
        str(run.steps),
        _number(loss),
        _number(reward),
        evaluation or "-",
        duration(run.seconds),
    )


def _scores(run: Run) -> dict[str, str]:
    return {score["task"]: f"{score['correct']} of {score['total']}" for score in scores(run)}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _json(folder: Folder, name: str) -> Any:
    try:
        return folder.read(name)
    except ValueError as error:
        raise InputError(f"{shown(folder.path / name)} is no JSON: {error}") from error


def _order(path: Path) -> tuple[str, int]:
    name, _, number = path.name.rpartition("-")
    return (name, int(number)) if number.isascii() and number.isdigit() else (path.name, 0)


def _value(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else canonical(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _columns(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return printable("".join(f"{line}\n" for line in lines))

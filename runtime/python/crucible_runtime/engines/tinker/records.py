"""Copies what a run keeps of the files that the cookbook writes into its directory.

The cookbook has files of its own: metrics.jsonl, checkpoints.jsonl, and a directory for each iteration of
reinforcement learning. Steps are copied while it trains. Where a run goes on, steps that it makes a second time stand
in the cookbook's file twice, and only the later ones are kept.
"""

from __future__ import annotations

import _thread
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

from crucible_runtime.errors import CrucibleError, DivergenceError
from crucible_runtime.interface.stages import Context
from crucible_runtime.rundir.files import replace, rows

NAMES: Mapping[str, tuple[str, ...]] = {
    "loss": ("train_mean_nll", "dpo_loss", "teacher_kl"),
    "accuracy": ("dpo_accuracy", "accuracy", "env/all/correct"),
    "reward": ("env/all/reward/total", "reward/total"),
    "learning_rate": ("learning_rate", "optim/lr"),
    "eval_loss": ("test/nll",),
    "kl": ("optim/kl_sample_train_v1",),
}
"""The names under which a run shows what the cookbook measures under others."""
_SECONDS = 0.5
_TIMES = re.compile(r"step$|time/|time_total$|batch_time$")


class Records:
    """Copies steps from the cookbook's directory for as long as its `with` block lasts."""

    def __init__(self, context: Context, place: Path, *, counted: bool) -> None:
        """`place` is the cookbook's directory; what it holds already is of the run that goes on.

        counted: whether the step of a row is done, for the loop that says how far it is
        """
        self._counted = counted
        self._context = context
        self._place = place
        self._read = 0
        self._before = {int(row["step"]): row for row in self._rows()}
        self._error: CrucibleError | None = None
        self._interrupts = threading.current_thread() is threading.main_thread()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.last: dict[str, float] = {}
        self.steps = 0

    def __enter__(self) -> Records:
        """Itself, copying."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Copies the rest; raises FolderError where copying failed, DivergenceError where a step was not finite."""
        self._end.set()
        self._thread.join()
        if self._error is None:
            with suppress(*(() if kind is None else (DivergenceError,))):  # the loop has said so itself
                self._copy()
        elif kind is None or kind is KeyboardInterrupt:
            raise self._error from error
        if kind is None:
            self._catch_up(None)

    def _follow(self) -> None:
        try:
            while not self._end.wait(_SECONDS):
                self._copy()
        except DivergenceError as error:
            self._error = error  # the loop ends at this step by itself
        except CrucibleError as error:
            self._error = error
            if self._interrupts and not self._end.is_set():
                # The loop of the cookbook would train on to its end.
                _thread.interrupt_main()

    def _rows(self) -> list[dict[str, Any]]:
        """The rows that were written since the last call, but for one that is being written."""
        path = self._place / "metrics.jsonl"
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._read += end
        found = [json.loads(line) for line in data[:end].splitlines()]
        return [row for row in found if isinstance(row.get("step"), int)]

    def _copy(self) -> None:
        for row in self._rows():
            self._catch_up(row["step"])
            self._step(row)

    def _catch_up(self, step: int | None) -> None:
        """The steps of the run before it was stopped that it does not make again: those before `step`."""
        before, self._before = self._before, {}
        for number in sorted(before):
            if step is None or number < step:
                self._step(before[number])

    def _step(self, row: Mapping[str, Any]) -> None:
        number = row["step"]
        measured = numbers(row)
        for sample in samples(self._place / f"iteration_{number:06d}"):
            self._context.folder.sample({"stage": self._context.stage.name, "step": number + 1, **sample})
        self._context.step(number + 1, total(row, counted=self._counted), measured)
        self.last |= measured
        self.steps = number + 1


def mend(place: Path) -> None:
    """Cuts lines off that a kill tore, before the cookbook writes on behind them."""
    for path in place.glob("*.jsonl"):
        data = path.read_bytes()
        if (end := data.rfind(b"\n") + 1) < len(data):
            os.truncate(path, end)


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """What was measured at a step, under the run's names and then under the cookbook's."""
    measured = {
        name: value
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not _TIMES.match(name)
    }
    ours = {
        name: next(measured[each] for each in theirs if each in measured)
        for name, theirs in NAMES.items()
        if any(each in measured for each in theirs)
    }
    return {**ours, **measured}


def total(row: Mapping[str, Any], *, counted: bool) -> int | None:
    """How many steps there will be, from how far the cookbook says it is; `counted`: with the step of the row."""
    step: int = row["step"]
    done: float = row.get("progress/done_frac", 0)
    part: float = row.get("progress", 0)
    if done > 0:
        return round((step + 1) / done)
    return round((step + counted) / part) if part > 0 else None


def checkpoints(place: Path) -> list[dict[str, Any]]:
    """The checkpoints of a run, in order: name, state_path, sampler_path ..."""
    return rows(place / "checkpoints.jsonl")


def keep(place: Path, found: Sequence[Mapping[str, Any]]) -> None:
    """Leaves these checkpoints alone in the list from which a run goes on."""
    replace(place / "checkpoints.jsonl", "".join(json.dumps(row) + "\n" for row in found))


def model(found: Sequence[Mapping[str, Any]]) -> str | None:
    """The trained model: the last weights that can be sampled from, as tinker://..."""
    return next((str(row["sampler_path"]) for row in reversed(found) if "sampler_path" in row), None)


def samples(place: Path) -> Iterator[dict[str, Any]]:
    """The rollouts of an iteration with their texts: prompt, completion, reward.

    The cookbook keeps the answers of its environments of several turns without their prompts, and draws some of those
    of its mathematical ones with them; ours have all.
    """
    told = [row for path in sorted(place.glob("train*_rollout_summaries.jsonl")) for row in rows(path)]
    texts = [
        {
            "prompt": json.loads(step["logs"].get("prompt", "[]")),
            "completion": step["logs"].get("completion", step["logs"].get("assistant_content")),
            "reward": step["reward"],
            **{name: value for name, value in step["metrics"].items() if name in ("correct", "format")},
        }
        for row in told
        for step in row["steps"]
        if {"completion", "assistant_content"} & {*step.get("logs", {})}
    ]
    if texts:
        yield from texts
        return
    for path in sorted(place.glob("train*_logtree.json")):
        yield from _spoken(json.loads(path.read_text("utf-8")))


def _spoken(tree: Any) -> Iterator[dict[str, Any]]:
    """The texts in a log that the cookbook draws: a conversation, the answer to it, and the table of its reward."""
    prompt: list[Any] | None = None
    answer: str | None = None
    for kind, value in _parts(tree):
        if kind == "table" and answer is not None and prompt is not None:
            yield {"prompt": prompt, "completion": answer, "reward": _reward(value)}
            prompt = answer = None
        elif kind == "conversation" and value:
            if prompt is None or value[0]["role"] != "assistant":
                prompt, answer = value, None
            else:
                answer = _text(value[0]["content"])
    if prompt is not None and answer is not None:
        yield {"prompt": prompt, "completion": answer, "reward": None}


def _text(content: Any) -> str:
    """The text of a message, which may have parts of other kinds."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part.get("type") == "text")


def _reward(table: Any) -> float | None:
    """The reward in a table of names and values."""
    words = list(_words(table))
    found = next((after for name, after in pairwise(words) if name == "reward"), None)
    return float(found) if found is not None else None


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node.strip()
    else:
        for child in node.get("children", ()):
            yield from _words(child)


def _parts(node: Any) -> Iterator[tuple[str, Any]]:
    """The conversations and tables of a log, from its top to its bottom."""
    match node:
        case {"data": {"type": "conversation", "messages": list(messages)}}:
            yield "conversation", messages
        case {"tag": "table", **rest}:
            yield "table", rest
        case {"root": root}:
            yield from _parts(root)
        case {"children": list(children)}:
            for child in children:
                yield from _parts(child)

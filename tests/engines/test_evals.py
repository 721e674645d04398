"""The evaluation with the real inspect-ai: the same numbers as the plain loop, on answers that are hard to compare."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from crucible_runtime import evals
from crucible_runtime.errors import CrucibleError
from crucible_runtime.evals.scorers import SCORERS
from crucible_runtime.evaluation import Evaluation, EvaluationResult, Sample, Task
from crucible_runtime.ir import DatasetRef
from crucible_runtime.ports import NoopSamplingClient
from crucible_runtime.rundir.folder import Folder

pytestmark = pytest.mark.engines

ANSWERS = [
    ("4", "4"),
    (" 4\n", "4"),
    ("The answer is 4.", "4"),
    ("YES", "yes"),
    ("", ""),
    ("anything", ""),
    ("\u00a0\u2003x\u3000\u0085", "x"),
    ("\u200bx", "x"),
    ("ΟΔΟΣ", "οδος"),
    ("İ", "i\u0307"),
    ("é", "e\u0301"),
    ("4<|im_end|>\n", "4"),
    ("4<|eot_id|><|end_of_text|>", "4"),
    ("a\0b", "a"),
    ('<b>4</b> & "quotes"', "4"),
    ('{"a": 1}', '{"a": 1}'),
    ("fails", "fails"),
]


class Client(NoopSamplingClient):
    """Answers a question with what the table says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Mapping[str, Any]]] = []
        self.open = 0

    def start_session(self, config: Any) -> str:  # type: ignore[override]
        self.open += 1
        return "session"

    def close_session(self, session: Any) -> None:
        self.open -= 1

    def sample(self, session: Any, prompt: Sequence[Mapping[str, Any]], params: Any, **options: Any) -> Any:  # type: ignore[override]
        self.asked.append(([dict(message) for message in prompt], params))
        answer = ANSWERS[int(prompt[-1]["content"])][0]
        if answer == "fails":
            raise TimeoutError("no answer came")
        return {"sequences": [{"text": answer, "stop_reason": "stop"}]}

    def await_(self, future: Any) -> Any:
        return future


def asked(*tasks: Task, how: str, path: Path) -> tuple[EvaluationResult, Client]:
    client = Client()
    wanted = Evaluation(tasks=tasks, temperature=0.0, max_tokens=7, stop=["\n"])
    if how == "plain":
        return evals.loop.evaluate(wanted, client), client
    with Folder.open(path / "run-1", name="r", resume=False) as folder:
        return evals.evaluate(wanted, client, None, folder), client


def test_inspect_gives_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    samples = [
        Sample(id="same", input=str(number), target=target, system_prompt="Be brief." if number % 2 else None)
        for number, (_, target) in enumerate(ANSWERS)
    ]
    tasks = [Task(name=name, scorer=name, samples=samples) for name in SCORERS]
    inspected, client = asked(*tasks, how="inspect", path=tmp_path)
    plain, other = asked(*tasks, how="plain", path=tmp_path)
    assert inspected == plain
    assert client.asked == other.asked
    assert client.open == other.open == 0
    assert [answer.error for answer in inspected.scores[0].answers if answer.error] == ["TimeoutError: no answer came"]
    logs = sorted((tmp_path / "run-1" / evals.LOGS).glob("*.json"))
    said = {json.loads(log.read_text())["eval"]["task"]: json.loads(log.read_text()) for log in logs}
    for score in plain.scores:
        (metrics,) = said[score.task]["results"]["scores"]
        assert metrics["metrics"]["accuracy"]["value"] == pytest.approx(score.accuracy)


def test_rows_of_a_data_set_are_asked(tmp_path: Path) -> None:
    (tmp_path / "capitals.jsonl").write_text(
        "".join(json.dumps({"number": str(number), "right": "4"}) + "\n" for number in range(3))
    )
    task = Task(
        name="capitals",
        dataset=DatasetRef(name=str(tmp_path / "capitals.jsonl"), provider="local"),
        input_column="number",
        target_column="right",
        limit=2,
    )
    for how in ("inspect", "plain"):
        (score,) = asked(task, how=how, path=tmp_path)[0].scores
        assert [(answer.id, answer.score) for answer in score.answers] == [("1", 1.0), ("2", 1.0)]


def test_where_every_sample_fails_so_does_the_evaluation(tmp_path: Path) -> None:
    task = Task(name="t", samples=[Sample(id="1", input=str(len(ANSWERS) - 1), target="")])
    for how in ("inspect", "plain"):
        with pytest.raises(CrucibleError, match=r"^task t: every sample failed, the first with: TimeoutError: no"):
            asked(task, how=how, path=tmp_path)

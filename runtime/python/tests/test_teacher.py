"""The data of prompt distillation: what a teacher is asked, what is kept of its answers, and what a kill leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from crucible_runtime.data import teacher
from crucible_runtime.data.teacher import Question
from crucible_runtime.errors import InputError
from crucible_runtime.interface.stages import Context, RunConfig
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.ports import Ports
from crucible_runtime.rundir.folder import Folder

LINES = ["eins", "two", "drei"]


class Killed(BaseException):
    """What a kill is to the code that it hits."""


def config(**changes: Any) -> TrainingConfig:
    options = {
        "teacher_model": "big",
        "teacher_prompt": "Say {text} and {text}",
        "source_path": "lines.txt",
        "answer_regex": r"Answer: (\w+)",
        **changes.pop("options", {}),
    }
    return TrainingConfig(
        id="taught",
        model_ref=ModelRef(id="small"),
        dataset_ref=changes.pop("dataset_ref", DatasetRef(name="data/taught.jsonl", provider="local")),
        options={name: value for name, value in options.items() if value is not None},
        **changes,
    )


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("eins\ntwo\n\ndrei\n")


def written(training: TrainingConfig, ask: teacher.Ask) -> Path:
    stage = StageDef(name="train", module="CrucibleTrain.Stages.SupervisedTrain")
    experiment = Experiment(id="taught", backend=BackendRef(id="trl"), pipeline=[stage], training_config=training)
    number = len([*Path().glob("run-*")])
    with Folder.open(f"run-{number}", name="taught", resume=False) as folder:
        context = Context(
            experiment=experiment, stage=stage, config=RunConfig(), ports=Ports(), finished=(), folder=folder
        )
        return teacher.write(context, ask)


class Teacher:
    """Answers with the number of the question; falls silent for good at `until`."""

    def __init__(self, until: int = 99) -> None:
        self.asked: list[Question] = []
        self.until = until

    def __call__(self, questions: Sequence[Question]) -> Iterator[list[str]]:
        for question in questions:
            if question.number == self.until:
                raise Killed
            self.asked.append(question)
            yield [f"Hm. Answer: n{question.number}s{sample}" for sample in range(question.samples)]


def rows(path: Path) -> list[tuple[str, str]]:
    found = [json.loads(line)["messages"] for line in path.read_text("utf-8").splitlines()]
    assert all([message["role"] for message in messages] == ["user", "assistant"] for messages in found)
    return [(messages[0]["content"], messages[1]["content"]) for messages in found]


def test_the_student_sees_the_line_and_what_the_expression_finds_in_the_order_of_the_file() -> None:
    asked = Teacher()
    path = written(config(seed=7), asked)
    assert path == Path("data/taught.jsonl")
    assert rows(path) == [("eins", "n0s0"), ("two", "n1s0"), ("drei", "n2s0")]
    assert [question.prompt for question in asked.asked] == [f"Say {line} and {line}" for line in LINES]
    assert [question.seed for question in asked.asked] == [7, 8, 9]
    assert {(question.samples, question.temperature, question.max_tokens) for question in asked.asked} == {
        (1, 1.0, 1000)
    }


def test_options_reach_the_teacher_and_each_answer_is_a_row() -> None:
    asked = Teacher()
    training = config(options={"num_samples": 2, "teacher_temperature": 0.15, "teacher_max_tokens": 5})
    assert len(rows(written(training, asked))) == 6
    assert (asked.asked[0].samples, asked.asked[0].temperature, asked.asked[0].max_tokens) == (2, 0.15, 5)


@pytest.mark.parametrize("until", [0, 1, 2])
def test_a_kill_loses_the_question_under_way_and_nothing_before_it(until: int) -> None:
    with pytest.raises(Killed):
        written(config(), Teacher(until))
    assert not Path("data/taught.jsonl").exists()
    rest = Teacher()
    resumed = written(config(), rest).read_bytes()
    assert [question.number for question in rest.asked] == [*range(until, 3)]
    Path("data/taught.jsonl").unlink()
    assert written(config(), Teacher()).read_bytes() == resumed
    assert [path.name for path in Path("data").iterdir()] == ["taught.jsonl"]


def test_a_line_that_was_torn_is_asked_again() -> None:
    with pytest.raises(Killed):
        written(config(), Teacher(2))
    begun = Path("data/taught.jsonl.partial")
    begun.write_bytes(begun.read_bytes()[:-4])
    rest = Teacher()
    written(config(), rest)
    assert [question.number for question in rest.asked] == [1, 2]


def test_a_finished_file_is_never_made_again() -> None:
    before = written(config(), Teacher()).read_bytes()
    again = Teacher()
    assert written(config(options={"teacher_prompt": None}), again).read_bytes() == before
    assert again.asked == []


def test_a_file_that_was_begun_with_another_prompt_is_not_gone_on_with() -> None:
    with pytest.raises(Killed):
        written(config(), Teacher(1))
    with pytest.raises(InputError, match="begun with other values of teacher_prompt: remove it"):
        written(config(options={"teacher_prompt": "Sing {text}"}), Teacher())


def test_a_file_that_was_begun_with_other_lines_is_not_gone_on_with() -> None:
    with pytest.raises(Killed):
        written(config(), Teacher(1))
    source = Path(str((config().options or {})["source_path"]))
    source.write_text(source.read_text("utf-8").replace("two", "zwei"), "utf-8")
    with pytest.raises(InputError, match="begun with other values of lines of source_path: remove it"):
        written(config(), Teacher())


def test_a_file_without_an_answer_keeps_nobody_from_asking_another_teacher() -> None:
    with pytest.raises(Killed):
        written(config(), Teacher(0))
    assert Path("data/taught.jsonl.partial").exists()
    assert len(rows(written(config(options={"teacher_model": "bigger"}), Teacher()))) == 3


def test_answers_without_what_is_wanted_are_left_out_and_none_at_all_is_an_error() -> None:
    def some(questions: Sequence[Question]) -> Iterator[list[str]]:
        yield from (["Answer: yes"] if question.number == 1 else ["No."] for question in questions)

    assert rows(written(config(), some)) == [("two", "yes")]
    Path("data/taught.jsonl").unlink()
    with pytest.raises(InputError, match=r"matches none of the teacher's 3 answers; the first is 'No\.'"):
        written(config(), lambda questions: [["No."]] * len(questions))


def test_without_an_expression_the_whole_answer_is_learnt() -> None:
    training = config(options={"answer_regex": None})
    assert rows(written(training, Teacher()))[0] == ("eins", "Hm. Answer: n0s0")
    Path("data/taught.jsonl").unlink()
    training = config(options={"answer_regex": r"n\d"})
    assert rows(written(training, Teacher()))[0] == ("eins", "n0")


def test_everything_that_is_missing_is_said_before_anybody_is_asked() -> None:
    training = config(
        options={"teacher_prompt": None, "source_path": None},
        dataset_ref=DatasetRef(name="a/b", provider="huggingface"),
    )
    found = "\n".join(teacher.problems(training))
    assert all(
        part in found for part in ("teacher_prompt is missing", "source_path is missing", "cannot be written to")
    )
    asked = Teacher()
    with pytest.raises(InputError, match="teacher_prompt is missing"):
        written(config(options={"teacher_prompt": None}), asked)
    assert asked.asked == []
    assert "there is no such file" in teacher.problems(config(options={"source_path": "nowhere.txt"}))[0]
    assert "no {text}" in teacher.problems(config(options={"teacher_prompt": "Say it"}))[0]


def test_a_source_is_a_path_or_a_file_of_a_package() -> None:
    assert teacher.source("lines.txt") == Path("lines.txt")
    assert teacher.source("crucible_runtime/smoke/languages.txt").is_file()
    with pytest.raises(InputError, match=r"the installed package crucible_runtime has no nothing\.txt"):
        teacher.source("crucible_runtime/nothing.txt")
    with pytest.raises(InputError, match="no package nowhere is installed"):
        teacher.source("nowhere/lines.txt")


def test_a_teacher_that_gives_too_few_answers_is_an_error() -> None:
    with pytest.raises(InputError, match="1 answers to question 1, 2 were asked for"):
        written(config(options={"num_samples": 2}), lambda questions: [["Answer: x"]] * len(questions))


def test_the_data_of_a_tiny_run_stays_in_its_directory() -> None:
    training = config(dataset_ref=DatasetRef(name="tiny-languages", provider="generated"))
    path = written(training, Teacher())
    assert path.parts[-3:] == ("run-0", "data", "tiny-languages.jsonl")

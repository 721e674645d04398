"""The data of prompt distillation: a teacher's answers about a text file become conversations for a student.

The teacher is asked `teacher_prompt` about each line of `source_path`; the student will see the line alone, and what
`answer_regex` finds in the teacher's answer. Answers are written as they come, to a file beside the wanted one, so
that a run that is killed loses the question under way and nothing before it. A data file that is there is never made
again, whatever the recipe says by now; remove it to have it made anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from crucible_runtime import smoke
from crucible_runtime.data import contents
from crucible_runtime.errors import InputError
from crucible_runtime.installation import project
from crucible_runtime.interface.leftout import left_out
from crucible_runtime.interface.stages import Context
from crucible_runtime.ir import TrainingConfig

DEFAULTS: Mapping[str, Any] = {"num_samples": 1, "teacher_temperature": 1.0, "teacher_max_tokens": 1000}
"""What an option of the teacher is where the recipe leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the teacher is asked about one line: `samples` answers, each at most `max_tokens` tokens long.

    `number` counts the lines from 0. An engine that samples at random takes its seed from `seed`, which is another one
    for each question, so that answers do not depend on what was asked before.
    """

    number: int
    prompt: str
    samples: int
    temperature: float
    max_tokens: int
    seed: int


Ask: TypeAlias = Callable[[Sequence[Question]], Iterable[Sequence[str]]]
"""The engine's part: questions in, the answers to each out, in the order of the questions and as soon as they are
there. It may have many questions under way at once."""


def problems(training: TrainingConfig, brings: str = "") -> list[str]:
    """What is missing for the teacher to be asked, each a whole sentence; looked at before anything is loaded.

    `brings` is a package that comes with the engine: its files are there when the engine is.
    """
    options = training.options or {}
    if _local(training) and project.located(training.dataset_ref.name).exists():
        return []
    found = []
    if "teacher_model" not in options:
        found.append("training_config.options.teacher_model is missing: the model that writes the data")
    prompt = options.get("teacher_prompt")
    if prompt is None:
        found.append(
            "training_config.options.teacher_prompt is missing: the teacher needs a question, with {text} where each "
            "line of source_path goes"
        )
    elif "{text}" not in prompt:
        found.append("training_config.options.teacher_prompt has no {text}: each line of source_path goes there")
    if "source_path" not in options:
        found.append("training_config.options.source_path is missing: a text file with one line for each question")
    elif not (brings and options["source_path"].startswith(f"{brings}/") and find_spec(brings) is None):
        try:
            texts(options["source_path"])
        except InputError as error:
            found.append(str(error))
    if not _local(training) and training.dataset_ref.provider != smoke.PROVIDER:
        found.append(
            f"training_config.dataset_ref.provider {training.dataset_ref.provider} cannot be written to: a teacher "
            "writes its data to a file, {name: taught.jsonl, provider: local}"
        )
    return found


def write(context: Context, ask: Ask) -> Path:
    """Asks the teacher, through `ask`, what the recipe wants to know; the JSONL file of `{"messages": [...]}` rows.

    Raises InputError where the teacher cannot be asked, where the file that was begun is of another recipe, and where
    no answer could be used.
    """
    training = context.experiment.training_config
    assert training is not None
    options = {**DEFAULTS, **(training.options or {})}
    path = _place(context, training)
    if path.exists():
        context.folder.log(f"{path.name} is there: the teacher is not asked")
        return path
    if missing := problems(training):
        raise InputError("\n".join(missing))
    questions = list(_questions(options, training.seed or 0))
    begun = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    _collect(context, begun, _asked(training, options), questions, ask)
    _finish(begun, path, options)
    return path


def _local(training: TrainingConfig) -> bool:
    return training.dataset_ref.provider == "local"


def _place(context: Context, training: TrainingConfig) -> Path:
    """The file that dataset_ref names; that of a smoke run stays in the run's own directory."""
    if _local(training):
        return project.located(training.dataset_ref.name)
    return context.folder.path / "data" / f"{training.dataset_ref.name}.jsonl"


def _questions(options: Mapping[str, Any], seed: int) -> Iterator[Question]:
    for number, line in enumerate(texts(options["source_path"])):
        yield Question(
            number=number,
            prompt=options["teacher_prompt"].replace("{text}", line),
            samples=options["num_samples"],
            temperature=options["teacher_temperature"],
            max_tokens=options["teacher_max_tokens"],
            seed=seed + number,
        )


def texts(name: str) -> list[str]:
    """The lines of the file that source_path names, without those of blanks, read as data files are.

    Raises InputError where there is no such file, it is no text, or no line has a text.
    """
    found = [line for line in contents.lines(source(name)) if line.strip()]
    if not found:
        raise InputError(f"training_config.options.source_path {name} has no line with a text")
    return found


def source(name: str) -> Path:
    """The file that source_path names: a path, else `package/path`, a file of an installed package.

    Raises InputError where there is neither.
    """
    path = project.located(name)
    if path.is_file():
        return path
    package, _, rest = name.partition("/")
    spec = find_spec(package) if package.isidentifier() and rest else None
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(place) / rest).is_file():
            return Path(place) / rest
    where = (
        f"the installed package {package} has no {rest}" if spec is not None else f"no package {package} is installed"
    )
    raise InputError(
        f"training_config.options.source_path {name}: there is no such file, and {where}. "
        "Name a text file with one line for each question"
    )


def _asked(training: TrainingConfig, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a file that was begun has to have in common with the recipe that goes on with it."""
    names = ("teacher_model", "teacher_prompt", "teacher_renderer_name", "source_path", *DEFAULTS)
    return {"seed": training.seed, **{name: options.get(name) for name in names}}


def _collect(context: Context, begun: Path, asked: Mapping[str, Any], questions: Sequence[Question], ask: Ask) -> None:
    """Brings the file that was begun to one line of what is asked, and one line of answers for each question."""
    done = _done(begun, asked)
    left = questions[done:]
    if not left:
        return
    with begun.open("a", encoding="utf-8") as file:
        if begun.stat().st_size == 0:
            _line(file, asked)
        for question, answers in zip(left, ask(left), strict=True):
            if len(answers) != question.samples:
                raise InputError(
                    f"the teacher gave {len(answers)} answers to question {question.number + 1}, {question.samples} "
                    "were asked for"
                )
            _line(file, list(answers))
            _show(context, question.number + 1, len(questions))


def _done(begun: Path, asked: Mapping[str, Any]) -> int:
    """How many questions the file holds answers to; a last line that a kill tore is cut off."""
    if not begun.exists():
        return 0
    lines = begun.read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    if len(whole) < 2:
        begun.unlink()  # nobody has answered yet, so that nothing is lost
        return 0
    if len(whole) < len(lines):
        os.truncate(begun, sum(map(len, whole)))
    before = json.loads(whole[0])
    if before != asked:
        changed = ", ".join(name for name in asked if before.get(name) != asked[name])
        raise InputError(
            f"{begun} was begun with other values of {changed}: remove it to ask the teacher anew, or go back to them"
        )
    return len(whole) - 1


def _line(file: Any, value: Any) -> None:
    file.write(json.dumps(value, ensure_ascii=False) + "\n")
    file.flush()


def _show(context: Context, done: int, total: int) -> None:
    """Ten lines in the log for a whole file; where there is a terminal, its progress."""
    if done == total or done * 10 // total > (done - 1) * 10 // total:
        context.folder.log(f"the teacher has answered {done} of {total} questions")
    if context.progress is not None:
        context.progress.step(done, total, {})


def _finish(begun: Path, path: Path, options: Mapping[str, Any]) -> None:
    """Makes the data file of the answers that can be used, whole or not at all."""
    pattern = re.compile(options["answer_regex"]) if options.get("answer_regex") else None
    lines = texts(options["source_path"])
    answered = [json.loads(line) for line in begun.read_text("utf-8").split("\n")[1:] if line]
    given = sum(map(len, answered))
    rows = [
        {"messages": [{"role": "user", "content": line}, {"role": "assistant", "content": kept}]}
        for line, answers in zip(lines, answered, strict=True)
        for answer in answers
        if (kept := _kept(pattern, answer))
    ]
    if not rows:
        example = next((answer for answers in answered for answer in answers), "")
        raise InputError(
            f"training_config.options.answer_regex {options.get('answer_regex')} matches none of the teacher's "
            f"{len(answered)} answers; the first is {example[:200]!r}. The answers are in {begun}"
        )
    why = "they are empty" if pattern is None else f"answer_regex {options['answer_regex']} finds nothing in them"
    left_out(given - len(rows), given, why, what="answers of the teacher")
    made = path.with_name(path.name + ".new")
    made.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    made.replace(path)
    begun.unlink()


def _kept(pattern: re.Pattern[str] | None, answer: str) -> str:
    """What the student learns of an answer: the first group of what matches, all of it where there is no group."""
    if pattern is None:
        return answer.strip()
    found = pattern.search(answer)
    if found is None:
        return ""
    return found.group(1 if pattern.groups else 0) or ""

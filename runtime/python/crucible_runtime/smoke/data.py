"""The tiny data: a few rows for every type of recipe, made up by rule, so that they are the same everywhere.

Rows of type rl have the columns that the full data set of their environment has. A lesson is what a tiny model is taught
before its training: a question with one answer, right or wrong, so that it finds the right ones often enough to be
rewarded and seldom enough to get better.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.experiment.kinds import types
from crucible_runtime.smoke.names import ENVIRONMENTS

Row: TypeAlias = dict[str, Any]
Lesson: TypeAlias = tuple[str, str]
"""A question and an answer that is taught to it."""

_CODES = ("en", "de", "es", "fr", "tr", "ot")
_CAPITALS = {
    "France": "Paris",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Egypt": "Cairo",
    "Peru": "Lima",
    "Norway": "Oslo",
}
_NUMBERS = range(2, 8)
EMPTY = ("No idea.", "Who knows?")
"""Answers that earn nothing: what there is to learn is to answer at all, which a few steps can teach."""


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def chat() -> list[Row]:
    """160 conversations of one question and its answer, for supervised training."""
    pairs = [(f"What is the capital of {land}?", f"{city} is the capital.") for land, city in _CAPITALS.items()]
    pairs += [(f"What is {a} + {b}?", f"It is {a + b}.") for a in _NUMBERS for b in range(1, 9)]
    pairs += [(f"What comes after {a}?", f"After {a} comes {a + 1}.") for a in range(104)]
    # Steps of 37 through 160 pairs meet each once: every batch has something of everything.
    mixed = [pairs[37 * number % 160] for number in range(160)]
    return [{"messages": [_said("user", question), _said("assistant", answer)]} for question, answer in mixed]


def preferences() -> list[Row]:
    """160 questions with a friendly answer that is preferred to a curt one."""
    rows = []
    for number in range(160):
        thing = ("tea", "rain", "a cat", "a song", "bread", "the sea", "a book", "snow")[number % 8]
        rows.append(
            {
                "prompt": [_said("user", f"What do you think of {thing}, number {number}?")],
                "chosen": [_said("assistant", f"I like {thing} very much, thank you.")],
                "rejected": [_said("assistant", f"No idea. Go away with {thing}.")],
            }
        )
    return rows


def questions() -> list[Row]:
    """32 questions without answers: what a student is asked while its teacher listens."""
    return [{"prompt": [_said("user", question)]} for question, _ in answered()]


def answered() -> list[Lesson]:
    """The questions of `questions` with the answers that their teacher knows."""
    return [(f"What comes after {number}?", f"After {number} comes {number + 1}.") for number in range(32)]


def texts() -> list[tuple[str, str]]:
    """The lines of languages.txt, each with the code of its language; five lines of each, `ot` for no language."""
    lines = files("crucible_runtime.smoke").joinpath("languages.txt").read_text("utf-8").splitlines()
    return [(line, _CODES[number // 5]) for number, line in enumerate(lines)]


def languages() -> list[Row]:
    """Each line of languages.txt as a question, its code as the answer."""
    return [{"messages": [_said("user", line), _said("assistant", code)]} for line, code in texts()]


@cache
def _word_problems() -> Sequence[tuple[str, int]]:
    """6 questions with a number for an answer."""
    return [(f"{number} boxes of 2 eggs. How many eggs?", 2 * number) for number in _NUMBERS]


@cache
def _programs() -> Sequence[tuple[str, str, list[dict[str, str]]]]:
    """4 tasks, the expression that solves each, and a test: numbers on standard input, a number on standard output."""
    tasks = []
    for word, expression, output in (
        ("sum", "a+b", 9),
        ("product", "a*b", 14),
        ("difference", "a-b", 5),
        ("first", "a", 7),
    ):
        test = {"input": "7 2\n", "output": f"{output}\n", "testtype": "stdin_stdout"}
        tasks.append((f"Read a and b. Print the {word}.", expression, [test]))
    return tasks


def program(expression: str) -> str:
    """The answer that prints an expression of the two numbers that it reads."""
    return f"```python\na,b=map(int,input().split())\nprint({expression})\n```"


def environment(env: str) -> list[tuple[Row, Sequence[str]]]:
    """Rows for an environment, each with the answers that it is taught; the first is right. Empty for one unknown here."""
    match env:
        case "arithmetic":
            return [({"x": a, "y": a}, _answers(2 * a)) for a in _NUMBERS]
        case "gsm8k":
            return [
                ({"question": text, "answer": f"Count them.\n#### {number}"}, _answers(number, "\\boxed{{{}}}"))
                for text, number in _word_problems()
            ]
        case "math":
            return [
                ({"problem": text, "solution": f"\\boxed{{{number}}}"}, _answers(number, "\\boxed{{{}}}"))
                for text, number in _word_problems()
            ]
        case "polaris":
            return [
                ({"problem": text, "answer": str(number)}, _answers(number, "\\boxed{{{}}}"))
                for text, number in _word_problems()
            ]
        case "deepmath":
            return [
                ({"question": text, "final_answer": str(number)}, _answers(number, "\\boxed{{{}}}"))
                for text, number in _word_problems()
            ]
        case "deepcoder":
            return [
                (
                    {"problem": text, "tests": json.dumps(tests), "starter_code": "", "metadata": {}},
                    [program(right), *EMPTY],
                )
                for text, right, tests in _programs()
            ]
    return []


def _answers(right: int, form: str = "{}") -> list[str]:
    return [form.format(right), *EMPTY]


def rows(name: str, kind: str) -> list[Row]:
    """The tiny data of that name (a dataset_ref's name) as rows of a recipe of type `kind`; InputError where none is.

    Rows of problems have the columns of their environment's data set, those of the other types are canonical.
    """
    type_ = types().get(kind)
    if type_ is not None and type_.environment:
        found = [row for row, _ in environment(name.removeprefix("tiny-"))]
        known = [f"tiny-{env}" for env in ENVIRONMENTS]
    else:
        all_ = named()
        found, known = all_.get(name, []), list(all_)
    if not found:
        raise InputError(
            f"there is no tiny data {name} for recipes of type {kind}; {did_you_mean(name, known)}. "
            "Give rows of your own: --set training_config.dataset_ref={name: mine.jsonl, provider: local}"
        )
    return found


def named() -> Mapping[str, list[Row]]:
    """All tiny data by name, besides that of environments."""
    return {
        "tiny-chat": chat(),
        "tiny-languages": languages(),
        "tiny-preferences": preferences(),
        "tiny-questions": questions(),
    }

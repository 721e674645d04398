"""Programming problems, whose programs are run in the sandbox against tests: deepcoder.

The program is the last fenced block of an answer. It is right where every test passes: what it prints is what is
expected, but for white space at the ends of lines and the form of numbers; what a function returns is the value that is
expected. With turns left, a wrong program is told its first failure. The expected results stay outside of the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crucible_runtime.data.adapters import deepcoder
from crucible_runtime.data.row import BadRow
from crucible_runtime.environments import sandbox
from crucible_runtime.environments.problem import Worth, said
from crucible_runtime.environments.sandbox import Job, Limits, Ran
from crucible_runtime.errors import InputError
from crucible_runtime.interface.environments import Outcome, Settings
from crucible_runtime.interface.preflight import uses
from crucible_runtime.ports import Message

SECONDS = 6
"""Longest run of a program for one test where the recipe does not say."""
OVERFLOW = -0.1
"""What an answer that was cut off is worth where the recipe does not say."""

_READ = (
    "\n\nWrite a Python program that solves this. It reads its input from standard input and prints nothing but its answer "
    "to standard output. Put the program into one ```python block."
)
_CALL = (
    "\n\nSolve this in Python by completing the code below; keep its names, and read and print nothing. Put the whole code "
    "into one ```python block.\n\n```python\n{starter}\n```"
)
_FENCE = re.compile(r"^```[^\n`]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"[-+]?(?=\.?[0-9])[0-9]{0,400}(\.[0-9]{0,400})?([eE][-+]?[0-9]{1,4})?")
# Problems of this kind take these names for granted.
_BEFORE = "\n".join(
    [
        "import bisect, collections, functools, heapq, itertools, math, random, re, string, sys",
        "from bisect import *",
        "from collections import *",
        "from functools import *",
        "from heapq import *",
        "from itertools import *",
        "from math import *",
        "from typing import *",
        "from builtins import pow",
    ]
)


@uses("allow_unsandboxed")
class Deepcoder:
    """Problems with tests (agentica-org/DeepCoder-Preview-Dataset); a row is one of the data set, or adapted."""

    adapter: str | None = "deepcoder"

    def __init__(self, settings: Settings) -> None:
        """Takes format_coef, context_overflow_reward, timeout_seconds, max_turns and sandbox_backend; raises InputError.

        The only sandbox here is bubblewrap: the others are services of engines that train elsewhere.
        """
        options = settings.options
        backend = options.get("sandbox_backend", "bubblewrap")
        if backend != "bubblewrap":
            raise InputError(
                f"environment deepcoder runs programs in bubblewrap, and options.sandbox_backend is {backend}: "
                "--set training_config.options.sandbox_backend=bubblewrap"
            )
        self._worth = Worth.of(options, overflow=OVERFLOW)
        seconds = float(options.get("timeout_seconds", SECONDS))
        self._limits = Limits(seconds=seconds, cpu_seconds=int(seconds) + 1)
        self._turns = int(options.get("max_turns", 1))
        self.multi_turn = self._turns > 1
        self._allow_unsandboxed = settings.allow_unsandboxed

    def environment(self, row: Mapping[str, Any]) -> Program:
        """The problem in a row; raises InputError where it has none, or no tests."""
        try:
            problem = deepcoder(dict(row))
        except BadRow as error:
            raise InputError(f"environment deepcoder needs a problem and its tests: {error}") from error
        if problem is None:
            raise InputError("environment deepcoder needs a problem and its tests, and there are no tests")
        return Program(
            problem=problem["problem"],
            starter=problem["starter_code"],
            tests=problem["tests"],
            worth=self._worth,
            limits=self._limits,
            turns=self._turns,
            allow_unsandboxed=self._allow_unsandboxed,
        )

    def rows(self, seed: int) -> Iterator[Mapping[str, Any]]:
        """None: the problems are those of a data set."""
        return iter(())

    def problems(self) -> Sequence[str]:
        """Why programs cannot be run here."""
        return sandbox.problems(allow_unsandboxed=self._allow_unsandboxed)


@dataclass(slots=True, kw_only=True)
class Program:
    """One problem, with as many turns as are left."""

    problem: str
    starter: str | None
    tests: Sequence[Mapping[str, Any]]
    worth: Worth
    limits: Limits
    turns: int
    allow_unsandboxed: bool
    _taken: int = field(default=0, init=False)

    def initial_observation(self) -> Sequence[Message]:
        """The problem, and what form its answer has."""
        asked = _CALL.format(starter=self.starter.rstrip()) if self.starter else _READ
        return said(self.problem.rstrip() + asked)

    def step(self, completion: str, *, ended: bool = True) -> Outcome:
        """The reward of the program in an answer, or with turns left, what is wrong with it.

        Raises SandboxError where no program can be run; `Deepcoder.problems` says so before.
        """
        self._taken += 1
        program = fenced(completion) if ended else None
        failure = self._failure(program) if program is not None else "There is no ```python block in the answer."
        outcome = self.worth.outcome(correct=not failure, formed=program is not None, ended=ended)
        if not failure or not ended or self._taken >= self.turns:
            return outcome
        told = said(f"{failure}\n\nCorrect the program, and write the whole of it into one ```python block.")
        return Outcome(reward=0.0, stop=False, observation=told, metrics=outcome.metrics)

    def _failure(self, program: str) -> str:
        """What the first test that fails says; nothing where all pass."""
        jobs = [_job(test) for test in self.tests]
        ran = sandbox.runs(program, jobs, before=_BEFORE, limits=self.limits, allow_unsandboxed=self.allow_unsandboxed)
        with closing(ran):
            for number, test in enumerate(self.tests, 1):
                found = next(ran, None)
                if found is None or not found.good:
                    return f"Test {number} of {len(self.tests)} failed: {found.why if found else 'it did not run'}."
                if not _passes(found, test):
                    return f"Test {number} of {len(self.tests)} failed: {_difference(found, test)}"
        return ""


def fenced(answer: str) -> str | None:
    """The last fenced block of an answer, or None where there is none."""
    blocks = _FENCE.findall(answer)
    return blocks[-1] if blocks else None


def same_output(found: str, wanted: str) -> bool:
    """Whether two outputs are the same, but for white space at the ends of lines and numbers written otherwise."""
    left, right = ([line.split() for line in text.strip().split("\n")] for text in (found, wanted))
    if left == right:
        return True
    if list(map(len, left)) != list(map(len, right)):
        return False
    pairs = (pair for lines in zip(left, right, strict=True) for pair in zip(*lines, strict=True))
    return all(one == other or _same_number(one, other) for one, other in pairs)


def _same_number(one: str, other: str) -> bool:
    # Decimal reads more than is meant: 1_0, other digits than 0 to 9, and numbers that take long to compare.
    return bool(_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other)) and Decimal(one) == Decimal(other)


def same_value(found: Any, wanted: Any) -> bool:
    """Whether two values of JSON are the same: as in Python, but that true is no 1, also within lists and mappings."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same_value, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same_value(found[key], wanted[key]) for key in wanted)
    return bool(found == wanted)


def _job(test: Mapping[str, Any]) -> Job:
    if "function" in test:
        return Job(function=test["function"], arguments=test["arguments"])
    return Job(stdin=test["input"])


def _passes(ran: Ran, test: Mapping[str, Any]) -> bool:
    if "function" in test:
        return any(same_value(ran.value, wanted) for wanted in test["outputs"])
    return same_output(ran.stdout, test["output"])


def _difference(ran: Ran, test: Mapping[str, Any]) -> str:
    if "function" in test:
        call = ", ".join(map(repr, test["arguments"]))
        return f"{test['function']}({_cut(call)}) returned {_cut(repr(ran.value))}, expected {_cut(repr(test['outputs'][0]))}."
    return (
        f"for the input\n{_cut(test['input'])}\nit printed\n{_cut(ran.stdout)}\nand expected is\n{_cut(test['output'])}"
    )


def _cut(text: str) -> str:
    return text if len(text) <= 300 else text[:300] + " ..."

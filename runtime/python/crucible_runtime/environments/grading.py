"""Compares two mathematical answers.

Texts that say the same, and plain numbers, are compared here. Everything else goes to a process of its own, which has
math-verify: that library stops an endless computation by a signal, which only a main thread gets, and a reward may be
asked for on any thread. The process that takes too long is ended, and its answer is wrong.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from queue import Empty, SimpleQueue

from crucible_runtime.errors import EngineMissingError, InputError, did_you_mean
from crucible_runtime.installation.distribution import install_command

GRADERS = ("sympy", "math_verify")
"""What `options.grader` takes: equal as sympy sees it, or as math-verify does, which also knows sets and relations."""

_START = 120.0
_NUMBER = re.compile(r"[-+]?[0-9]{1,300}(\.[0-9]{1,300})?")
_SPACES = re.compile(r"\\[!,;: ]|\\quad|\\left|\\right|[\s$]")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\frac([0-9])([0-9])")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")


def known_grader(name: str) -> str:
    """The name of a grader; raises InputError, which names the nearest one, for one that there is not."""
    if name not in GRADERS:
        raise InputError(f"there is no grader {name}; {did_you_mean(name, GRADERS)}")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Grader:
    """Compares answers by one of GRADERS, each for at most `seconds`; can be asked from any thread."""

    method: str
    seconds: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _workers: list[_Worker] = field(default_factory=list)

    def equal(self, found: str, wanted: str) -> bool:
        """Whether two answers in LaTeX are equal; False for one that cannot be read or compared in time.

        Raises EngineMissingError where math-verify is needed and not installed.
        """
        left, right = plain(found), plain(wanted)
        if left == right:
            return bool(left)
        if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
            return Fraction(left) == Fraction(right)
        if not left or not right:
            return False
        with self._lock:
            if not self._workers:
                self._workers.append(_Worker())
            # math-verify wants answers as they were written, sympy without what is no mathematics.
            pair = [found, wanted] if self.method == "math_verify" else [left, right]
            answer = self._workers[0].ask([self.method, *pair], self.seconds)
            if answer is None:
                self._workers.pop().end()
            return answer is True

    def problems(self) -> list[str]:
        """The package that is missing, if it is."""
        from importlib.util import find_spec

        return [] if find_spec("math_verify") else [_missing()]


def _missing() -> str:
    return "mathematical answers are compared by math-verify, which is not installed: " + install_command("local")


def plain(answer: str) -> str:
    """An answer without what LaTeX may add to it: spaces, dollars, \\left, \\text, commas in numbers, a last point."""
    text = _SPACES.sub("", _TEXT.sub(r"\1", answer.strip().rstrip("."))).rstrip(".")
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    return _THOUSANDS.sub("", text.replace("{,}", ","))


class _Worker:
    """The process with math-verify, which starts once and answers a line with a line."""

    def __init__(self) -> None:
        """Starts the process; raises EngineMissingError where it does not come up."""
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            # -P: the directory of the program holds modules named like those of Python.
            [sys.executable, "-P", str(Path(__file__).with_name("grading_worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="ascii",
        )
        self._lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        if self._line(_START) != "ready":
            self.end()
            raise EngineMissingError(_missing())

    def ask(self, question: list[str], seconds: float) -> bool | None:
        """The answer, or None where there is none in time; the process is of no more use then."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        line = self._line(seconds)
        return {"true": True, "false": False}.get(line)

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                continue  # what it was asked last, it never read

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._lines.put(line.strip())
        except ValueError:
            return  # closed by end, in the middle of a line
        self._lines.put("")

    def _line(self, seconds: float) -> str:
        try:
            return self._lines.get(timeout=seconds)
        except Empty:
            return ""

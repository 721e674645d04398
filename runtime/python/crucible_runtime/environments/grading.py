"""Compares two mathematical answers.

Texts that say the same, and numbers, are compared here. An answer in another form than its reference, such as a sum that
still has to be computed, is wrong (`forms`). What is left goes to processes of their own, which have math-verify: that
library stops an endless computation by a signal, which only a main thread gets, and a reward may be asked for on any
thread. Several work side by side, and an answer that takes too long is wrong.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

from crucible_runtime.environments import forms
from crucible_runtime.errors import EngineMissingError, InputError, did_you_mean
from crucible_runtime.installation.distribution import install_command

GRADERS = ("sympy", "math_verify")
"""What `options.grader` takes: equal as sympy sees it, or as math-verify does, which also knows sets and relations."""
WORKERS = min(8, max(2, os.cpu_count() or 2))
"""Processes that compare side by side."""
LEAST = 0.1
"""Seconds that an answer gets at least, after however many others that were stopped."""

_START = 120.0
_GRACE = 1.0
"""Seconds after which a process that did not stop itself is ended."""
_SPACES = re.compile(r"(?<!\\)\\[!,;: ]|\\quad|\\left|\\right|\\\$|\\?%|\^\\circ|\^\{\\circ\}|\\degree(?![a-zA-Z])|\$")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_UNIT = re.compile(
    r"(?<=[0-9}])(?:\s|\\[,;: ])*\\(?:text|mathrm|mbox)\{\s*[A-Za-z][A-Za-z .]*\}(?:\^\{?[0-9]\}?)?\s*$", re.ASCII
)
_SHORT_FRACTION = re.compile(r"\\frac([0-9])([0-9])", re.ASCII)
_SHORT_SCRIPT = re.compile(r"([_^])([0-9a-zA-Z])", re.ASCII)
_SHORT_ROOT = re.compile(r"\\sqrt([0-9a-z])(?![0-9])", re.ASCII)
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", re.ASCII)
_SPACED_THOUSANDS = re.compile(r"(?<=[0-9]) +(?=[0-9]{3}(?![0-9]))", re.ASCII)
_WORD = re.compile(r"[a-zA-Z]{4,}|.*\\(?:text|mathrm|textbf|mathbf|mbox)\{[^{}]*[a-zA-Z]{2}[^{}]*\}.*", re.ASCII)
"""An answer with a word in it: of its letters the order counts, as that of factors does not."""
_NAMED = re.compile(r"[a-zA-Z]=(?=[^=]+$)")


def known_grader(name: str) -> str:
    """The name of a grader; raises InputError, which names the nearest one, for one that there is not."""
    if name not in GRADERS:
        raise InputError(f"there is no grader {name}; {did_you_mean(name, GRADERS)}")
    return name


class Grader:
    """Compares answers by one of GRADERS, each for at most `seconds`; can be asked from any thread."""

    def __init__(self, *, method: str, seconds: float) -> None:
        """Starts no process: the first comparison that needs one does."""
        self.method = method
        self.seconds = seconds
        self._limit = seconds
        self._slots = threading.BoundedSemaphore(WORKERS)
        self._idle: list[_Worker] = []

    def equal(self, found: str, wanted: str) -> bool:
        """Whether `found` is an answer, and equal to the reference; both are LaTeX.

        False for one that cannot be read or compared in time, or that is made of anything that the reference lacks:
        an answer to `72` is a number, not `48+48/2`. Raises EngineMissingError where math-verify is needed and not
        installed.
        """
        units = {"".join(unit[0].split()) for each in (found, wanted) if (unit := _UNIT.search(each))}
        if len(units) == 1:  # one of them leaves it out, or both have the same
            found, wanted = _UNIT.sub("", found), _UNIT.sub("", wanted)
        left, right = plain(found), plain(wanted)
        if left == right:
            return bool(left)
        if not left or not right or _WORD.fullmatch(found) or _WORD.fullmatch(wanted):
            return False
        decided = self._decided(left, right)
        if decided is not None:
            return decided
        # math-verify wants answers as they were written, sympy without what is no mathematics.
        pair = [found, wanted] if self.method == "math_verify" else [left, right]
        return self._asked([self.method, *pair])

    def problems(self) -> list[str]:
        """The package that is missing, if it is."""
        from importlib.util import find_spec

        return [] if find_spec("math_verify") else [_missing()]

    def _decided(self, left: str, right: str) -> bool | None:
        """Whether two answers are equal, where their forms decide it; None where they must be computed with."""
        related = self.method == "math_verify" and "=" not in right
        try:
            theirs = forms.read(_NAMED.sub("", left, count=1) if related else left)
        except forms.UnreadableError:
            theirs = None
        try:
            ours = forms.read(right)
        except forms.UnreadableError:
            return None if forms.same_commands(left, right) else False
        if theirs is None or not forms.answers(theirs, ours):
            return False
        if theirs.value is not None and ours.value is not None:
            return theirs.value == ours.value
        fit = theirs.brackets == ours.brackets and forms.computable(theirs) and forms.computable(ours)
        return None if fit else False

    def _asked(self, question: list[str]) -> bool:
        """What a process says of two answers. After one that ran out of time the next ones get half of it.

        So a batch of answers that were made to take long costs little more than the first of them.
        """
        with self._slots:
            try:
                worker = self._idle.pop()
            except IndexError:
                worker = _Worker()
            limit = self._limit
            answer = worker.ask(question, limit)
            if worker.ended:
                worker.end()
            else:
                self._idle.append(worker)
        self._limit = max(LEAST, limit / 2) if answer is None else min(self.seconds, 2 * limit)
        return answer is True


def _missing() -> str:
    return "mathematical answers are compared by math-verify, which is not installed: " + install_command("local")


def plain(answer: str) -> str:
    """An answer without what LaTeX may add to it: spaces, dollars, \\left, \\text, commas in numbers, a last point.

    The signs of percent and degrees go too: whether they are written is taste.
    """
    text = _SHORT_SCRIPT.sub(r"\1{\2}", _TEXT.sub(r"\1", answer.strip().rstrip(".")))
    text = forms.joined(_SPACED_THOUSANDS.sub("", _SPACES.sub(" ", text))).rstrip(".")
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text))
    return _THOUSANDS.sub("", text.replace("{,}", ","))


class _Worker:
    """A process with math-verify, which starts once and answers a line with a line."""

    def __init__(self) -> None:
        """Starts the process; raises EngineMissingError where it does not come up."""
        self.ended = False
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
        """The answer, or None where there is none in time; where `ended`, the process is of no more use then."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([seconds, *question]) + "\n")
            self._process.stdin.flush()
        except OSError:
            self.ended = True
            return None
        line = self._line(seconds + _GRACE)
        self.ended = line not in ("true", "false", "late")
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

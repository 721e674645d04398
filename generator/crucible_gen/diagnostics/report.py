"""Problems in, text for people, JSON for programs or workflow annotations for GitHub out."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from crucible_gen.diagnostics import quoting
from crucible_gen.diagnostics.paths import in_repository
from crucible_gen.diagnostics.problems import Place, Problem
from crucible_gen.diagnostics.quoting import Escaped

_WIDTH = 160
MOST = 200
"""So many problems are shown to people and to GitHub; of the others there is a count."""
_BYTES = 1 << 22
"""So many bytes of a file are read for its lines."""


def text(problems: Sequence[Problem], *, color: bool) -> Escaped:
    """What a person reads: each problem with its source line, a caret, what the field means and how to fix it."""
    paint = _paint if color else _plain
    lines = _Lines()
    parts = [_one(problem, lines, paint) for problem in problems[:MOST]]
    if len(problems) > MOST:
        parts.append(f"and {len(problems) - MOST} more, which --format json prints\n")
    files = {problem.place.file for problem in problems}
    noun = "warning" if all(problem.severity == "warning" for problem in problems) else "problem"
    count = f"{len(problems)} {noun}{'s' if len(problems) > 1 else ''}"
    where = f" in {len(files)} files" if len(files) > 1 else ""
    first = next((problem for problem in problems if problem.severity == "error"), problems[0])
    parts.append(f"{paint('bold', count + where)}; gen explain {first.code} tells more\n")
    return Escaped("\n".join(parts))


def complain(problems: Sequence[Problem], format_: object, color: object) -> int:
    """Prints problems in order of place, in the format that was asked for (text); the exit code for them."""
    ordered = sorted(set(problems))
    say(rendered(ordered, format_, color, sys.stderr), error=format_ not in ("json", "github"))
    return 1


def rendered(problems: Sequence[Problem], format_: object, color: object, stream: Any) -> Escaped:
    """The problems in a format (text); as text in color where the setting says so for the stream."""
    match format_:
        case "json":
            from crucible_gen.diagnostics.output import ProblemsOutput, problem_outputs

            return ProblemsOutput(problems=problem_outputs(problems)).text()
        case "github":
            return github(problems)
    return text(problems, color=wants_color(color, stream))


def say(text: str, *, error: bool = False) -> None:
    """Prints text at once to standard output or standard error; it is escaped where that was not done before."""
    stream = sys.stderr if error else sys.stdout
    stream.write(quoting.printable(text))
    stream.flush()


def say_diff(diff: str, *, color: bool = False, exact: bool = False) -> None:
    """Prints a unified diff. With `exact` it stays one that `git apply` takes where nobody obeys what is printed."""
    if exact and not color and not quoting.watched(sys.stdout):
        say(Escaped(diff))
        return
    lines = [quoting.printable(line) for line in diff.split("\n")]
    say(Escaped("\n".join(_painted(line) if color else line for line in lines)))


def _painted(line: str) -> str:
    found = {"+": "added", "-": "removed", "@": "place"}.get(line[:1])
    return _paint(found, line) if found else line


def github(problems: Sequence[Problem]) -> Escaped:
    """Workflow commands, which GitHub shows at the lines of a pull request: it wants paths from the repository's root."""
    lines = []
    for problem in problems[:MOST]:
        place = f"file={quoting.workflow_property(in_repository(problem.place.file))}"
        if problem.place.line:
            place += f",line={problem.place.line},col={problem.place.column}"
        message = problem.message + (f" ({problem.hint})" if problem.hint else "")
        lines.append(f"::{problem.severity} {place},title={problem.code}::{quoting.workflow_data(message)}\n")
    if len(problems) > MOST:
        lines.append(f"::error::and {len(problems) - MOST} more problems\n")
    return Escaped("".join(lines))


def wants_color(setting: object, stream: Any) -> bool:
    """Whether output to `stream` has colours: `always`, `never`, or a terminal where NO_COLOR is not set."""
    if setting in ("always", "never"):
        return setting == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and bool(stream.isatty())


def painter(color: bool) -> Callable[[str, str], str]:
    """A function of a colour's name and text that paints, or leaves the text as it is."""
    return _paint if color else _plain


def _one(problem: Problem, lines: _Lines, paint: Callable[[str, str], str]) -> str:
    kind = "red" if problem.severity == "error" else "yellow"
    head = quoting.line(f"{problem.place}: ") + paint(kind, f"{problem.severity}[{problem.code}]")
    shown = [f"{head}: {paint('bold', quoting.line(problem.message))}\n"]
    shown += _excerpt(problem.place, lines, paint, kind)
    gutter = " " * len(str(problem.place.line or ""))
    notes = [("", problem.about), ("help: ", problem.hint)]
    notes += [("see: ", f"{place}: {message}") for message, place in problem.see]
    shown += [f"{gutter} = {label}{quoting.line(note)}\n" for label, note in notes if note]
    return "".join(shown)


def _excerpt(place: Place, lines: _Lines, paint: Callable[[str, str], str], kind: str) -> list[str]:
    line = lines.at(place)
    if line is None:
        return []
    before, shown = line[: place.column - 1], line
    start = 0
    if len(line) > _WIDTH:  # a window around the place
        start = max(0, place.column - _WIDTH // 2)
        shown = line[start : start + _WIDTH]
        before = line[start : place.column - 1]
    indent = "".join("\t" if char == "\t" else " " * _cells(char) for char in before)
    covered = line[place.column - 1 : place.column - 1 + max(place.width, 1)]
    carets = "^" * max(1, min(sum(map(_cells, covered)), _WIDTH))
    number = str(place.line)
    gutter = " " * len(number)
    return [
        f"{gutter} |\n",
        f"{number} | {quoting.line(shown)}\n",
        f"{gutter} | {indent}{paint(kind, carets)}\n",
    ]


def _at_once(path: str, flags: int) -> int:
    """An opener that does not wait for the writer of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _Lines:
    """The lines of the files that problems point into, read once each."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}

    def at(self, place: Place) -> str | None:
        if not place.line:
            return None
        if place.file not in self._files:
            try:
                with open(place.file, "rb", opener=_at_once) as file:
                    data = file.read(_BYTES) or b""
            except OSError:
                data = b""
            self._files[place.file] = (
                data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
            )
        lines = self._files[place.file]
        line = lines[place.line - 1] if place.line <= len(lines) else ""
        return line.removeprefix("\ufeff") if line.strip() else None


def _cells(char: str) -> int:
    if char != "\t" and unicodedata.category(char) in quoting.INVISIBLE:
        return len(quoting.line(char))
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


_COLORS = {"red": "31;1", "yellow": "33;1", "green": "32", "bold": "1", "added": "32", "removed": "31", "place": "36"}


def _paint(color: str, text: str) -> str:
    return f"\x1b[{_COLORS[color]}m{text}\x1b[0m"


def _plain(color: str, text: str) -> str:
    return text

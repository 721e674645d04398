"""A page of the documentation in, what its code blocks claim out, and whether that is so.

A page is a session in an empty directory. From top to bottom, a block of

- `console` runs its commands (`$ ...`, continued by `> ...`), and shows what they print;
- `diff` changes the file that it names;
- any other language, with `<!-- file: PATH -->` before it, is that file;
- any language, with `<!-- excerpt: PATH -->` before it, stands in that file, less the indentation;
- `make`, or `yaml` of a hook or a workflow, runs `gen` somewhere: these commands end well.

A line `...` in an output or an excerpt stands for any lines, and one digest of a header for any other.
`<!-- fresh -->` goes on in another empty directory, `<!-- repository -->` in one with the recipes of this repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

ELISION = "..."
_DIGEST = re.compile(r"(?<=inputs=)[0-9a-f]{16}|(?<=body=)[0-9a-f]{16}")
_PLACES = ("fresh", "repository")
_BLOCK = re.compile(
    r"(?:^<!-- (?P<comment>[^\n]*) -->\n+)?^(?P<fence>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)$"
    r"|^<!-- (?P<place>fresh|repository) -->$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A code block: its language, its text, the word of the comment before it and the path that this names.

    A comment that stands alone is a block without a language. `start` and `end` are where the text is in the page.
    """

    language: str
    text: str
    word: str = ""
    path: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the lines that it is said to print."""

    text: str
    output: list[str] = field(default_factory=list)


def name(page: Path) -> str:
    """A page as tests are named after it."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> Iterator[Block]:
    """The code blocks of a page, and the comments that say where it goes on, in order."""
    for match in _BLOCK.finditer(text):
        if place := match["place"]:
            yield Block("", "", place)
            continue
        word, _, path = (match["comment"] or "").partition(": ")
        if word in _PLACES:
            yield Block("", "", word)
        known = word in ("file", "excerpt")
        yield Block(match["language"], match["text"], word if known else "", path if known else "", *match.span("text"))


def commands(text: str) -> list[Command]:
    """The commands of a console block. Raises AssertionError for output that no command stands before."""
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        elif found and line.startswith("> ") and not found[-1].output:
            found[-1] = Command(f"{found[-1].text}\n{line[2:]}")
        else:
            assert found, f"output without a command: {line}"
            found[-1].output.append(line)
    return found


def same(expected: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether the lines are equal, where a line `...` stands for any and digests do not count."""
    return _find(_without_digests(expected), _without_digests(actual), whole=True)


def _without_digests(lines: Sequence[str]) -> list[str]:
    return [_DIGEST.sub("", line) for line in lines]


def stands_in(excerpt: Sequence[str], text: Sequence[str]) -> bool:
    """Whether the excerpt stands in the text: its lines in order, all moved by one indentation, `...` between them."""
    widest = max((len(line) - len(line.lstrip()) for line in text), default=0)
    padded = ([" " * width + line if line else line for line in excerpt] for width in range(widest + 1))
    return any(
        _find([ELISION if line.strip() == ELISION else line for line in moved], text, whole=False) for moved in padded
    )


def _find(expected: Sequence[str], actual: Sequence[str], whole: bool) -> bool:
    parts: list[list[str]] = [[]]
    for line in expected:
        if line == ELISION:
            parts.append([])
        else:
            parts[-1].append(line)
    if whole and len(parts) == 1:
        return list(expected) == list(actual)
    position = 0
    for number, part in enumerate(parts):
        at_start, at_end = whole and number == 0, whole and number == len(parts) - 1
        places = range(position, len(actual) - len(part) + 1)
        if at_start:
            places = places[:1]
        if at_end:
            places = places[-1:]
        found = next((place for place in places if list(actual[place : place + len(part)]) == part), None)
        if found is None:
            return False
        position = found + len(part)
    return True


def steps(block: Block) -> Iterator[str]:
    """The commands of `gen` that a makefile, a pre-commit hook or a workflow runs."""
    if block.language == "make":
        lines = [line.strip() for line in block.text.splitlines() if line.startswith("\t")]
    elif block.language == "yaml":
        lines = re.findall(r"^[\s-]*(?:entry|run): (.*)$", block.text, re.MULTILINE)
    else:
        lines = []
    yield from (line for line in lines if line.startswith("gen "))


class Session:
    """A directory that the blocks of a page work in; commands are those of a user; `gen`, `pip` and `python` are ours."""

    def __init__(self, directory: Path) -> None:
        self._base = directory
        self._rooms = 0
        tools = directory / "bin"
        tools.mkdir(parents=True)
        for tool, arguments in {"gen": "-m crucible_gen ", "pip": "-m pip ", "python": "", "python3": ""}.items():
            (tools / tool).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
            (tools / tool).chmod(0o755)
        packages = [str(ROOT / "generator"), str(ROOT / "runtime" / "python"), str(directory / "installed")]
        (directory / "home").mkdir()
        self._environment = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory / "home"),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "80",
            "PYTHONPATH": os.pathsep.join(packages),
            "PYTHONDONTWRITEBYTECODE": "1",
            # pip installs what a page made, for this session alone and with what is on this machine.
            "PIP_TARGET": str(directory / "installed"),
            "PIP_NO_DEPS": "1",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }
        self.code = 0
        self.fresh()

    def fresh(self) -> None:
        """Goes on in another empty directory."""
        self._rooms += 1
        self.directory = self.top = self._base / f"room{self._rooms}"
        self.top.mkdir()

    def repository(self) -> None:
        """Goes on in a directory with the settings, recipes and contracts of the repository, and what comes of them."""
        self.fresh()
        shutil.copy(ROOT / "pyproject.toml", self.top)
        for folder in ("recipes", "contracts"):
            shutil.copytree(ROOT / folder, self.top / folder)
        self.run("gen --quiet")
        assert self.code == 0

    def run(self, command: str) -> list[str]:
        """What a command prints, both streams in order; the working directory and `$?` last from one to the next."""
        state = self._base / "state"
        script = f"(exit {self.code})\n{command}\ncode=$?\npwd -P > '{state}'\nexit $code\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        self.code = done.returncode
        if state.exists():
            self.directory = Path(state.read_text("utf-8").rstrip("\n"))
        return done.stdout.replace(str(self.top.resolve()), "").splitlines()

    def write(self, path: str, text: str) -> None:
        """A file of the session."""
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def change(self, diff: str) -> None:
        """Applies a diff of one file. Raises AssertionError where the file is not as the diff says."""
        lines = diff.splitlines()
        assert lines[0].startswith("--- ") and lines[1] == f"+++ {lines[0][4:]}", "a diff begins with its file"
        file = self.top / lines[0][4:]
        old = "".join(f"{line[1:]}\n" for line in lines[2:] if not line.startswith("+"))
        new = "".join(f"{line[1:]}\n" for line in lines[2:] if not line.startswith("-"))
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"{file.name} has not once\n{old}"
        file.write_text(text.replace(old, new), "utf-8")


def play(page: Path, directory: Path) -> str:
    """Runs the page from top to bottom; the page as it should be. Raises AssertionError for a block that is wrong."""
    text = page.read_text("utf-8")
    session = Session(directory)
    corrected, position = [], 0
    for block in blocks(text):
        if not block.language:
            if block.word in _PLACES:
                getattr(session, block.word)()
            continue
        if block.language == "console":
            corrected += [text[position : block.start], _played(block, session)]
            position = block.end
        elif block.language == "diff":
            session.change(block.text)
        elif block.word == "file":
            session.write(block.path, block.text)
            for command in steps(block):
                printed = session.run(command)
                assert session.code == 0, f"{command}: {printed}"
        elif block.word == "excerpt":
            lines = (session.top / block.path).read_text("utf-8").splitlines()
            assert stands_in(block.text.splitlines(), lines), f"not in {block.path}:\n{block.text}"
    return "".join(corrected) + text[position:]


def _played(block: Block, session: Session) -> str:
    parts: list[str] = []
    for command in commands(block.text):
        actual = session.run(command.text)
        shown = command.output if same(command.output, actual) else actual
        parts += ["$ " + command.text.replace("\n", "\n> "), *shown]
    return "".join(f"{line}\n" for line in parts)

"""Start external programs (elixir, mix, python) and find what they need; every failure is a Problem.

A program gets no terminal and no input. It runs in a session of its own, so that everything it starts can be killed
with it when it does not end in time. It hands its results back in a file; its output is kept only to be quoted when
it fails.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, NoReturn

from crucible_gen.diagnostics import Place, Problem, Problems, shown

INSTALL_ELIXIR = (
    "install Elixir 1.14 or later (https://elixir-lang.org/install.html; on Debian: apt-get install elixir)"
)

_ENVIRONMENT = {"HEX_OFFLINE": "1", "ERL_CRASH_DUMP": os.devnull, "LC_ALL": "C.UTF-8"}
"""No update check of Hex, no crash dump, UTF-8 output."""

_OUTPUT_LIMIT = 1 << 20
"""Bytes of each output stream that are read back: the last ones."""

_MODULE_PATTERNS = ("*.beam", "ebin/*.beam", "*/*.beam", "*/ebin/*.beam", "lib/*/ebin/*.beam")
_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")


class Completed(NamedTuple):
    """The exit code of a program, and the end of what it printed."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Runner:
    """How programs are run: the problem code of their failures, the time limit in seconds, how many lines are quoted."""

    code: str
    timeout: int
    quoted_lines: int

    def run(self, command: Sequence[str], directory: Path, variables: Mapping[str, str] | None = None) -> Completed:
        """Run a command in a directory until it ends, with further environment variables.

        Raises Problems if it cannot be started or exceeds the time limit. An exit code other than 0 is no error here.
        """
        environment = {**os.environ, **_ENVIRONMENT, **(variables or {})}
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            try:
                process = subprocess.Popen(  # noqa: S603 - the command is built here, its arguments are paths
                    command,
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except OSError as error:
                self._fail(command, f"{command[0]} cannot be run: {error.strerror}")
            try:
                exit_code = process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                self._fail(command, f"{Path(command[0]).name} gave no answer in {self.timeout} seconds")
            finally:
                _kill(process)
            return Completed(exit_code, _tail(stdout), _tail(stderr))

    def quote(self, output: str) -> str:
        """The last lines of an output on one line, without colors, for a message."""
        lines = [line.strip() for line in _ESCAPE_SEQUENCE.sub("", output).splitlines() if line.strip()]
        return " | ".join(lines[-self.quoted_lines :])

    def find(self, program: str) -> str:
        """The path of `elixir` or `mix`. Raises Problems if it is not on the search path."""
        path = shutil.which(program)
        if path is None:
            problem = Problem(Place(program), self.code, f"{program} is not on the path", hint=INSTALL_ELIXIR)
            raise Problems([problem])
        return path

    def find_python(self, path: Path) -> Path:
        """The interpreter that a path names: the file itself, or the one of a virtual environment.

        The path is not resolved: an interpreter finds its virtual environment by the path of its symbolic link.
        Raises Problems if there is no interpreter.
        """
        candidates = [path / "bin" / "python", path / "Scripts" / "python.exe"] if os.path.isdir(path) else [path]
        interpreter = next((candidate for candidate in candidates if os.path.isfile(candidate)), None)
        if interpreter is None:
            hint = "name an interpreter, or the directory of a virtual environment"
            raise Problems([Problem(Place(shown(path)), self.code, "there is no Python interpreter here", hint=hint)])
        return interpreter.absolute()

    def _fail(self, command: Sequence[str], message: str) -> NoReturn:
        raise Problems([Problem(Place(Path(command[0]).name), self.code, message)]) from None


def module_directories(path: Path) -> list[Path]:
    """The directories of .beam files that a path names: itself, an `ebin` in it, or those of a build; sorted."""
    for pattern in _MODULE_PATTERNS:
        if directories := sorted({file.parent for file in path.glob(pattern)}):
            return directories
    return []


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that still runs, with everything in its session."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _tail(stream: IO[bytes]) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _OUTPUT_LIMIT))
    return stream.read().decode("utf-8", "replace")

"""The command `gen` in this process, as tests call it: arguments and a directory in, exit code and output out."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner
from crucible_gen.cli.app import gen as command
from crucible_gen.incremental import Session

SHARED = 30
"""How many files the recipes of a project share, with all three targets and no settings."""
MINIMAL = """\
type: supervised
training_config:
  model_ref: Qwen/Qwen3.5-9B-Base
  dataset_ref: HuggingFaceH4/no_robots
"""
"""What every recipe must say, but for its id."""


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code, and what it wrote to both streams, in order."""

    code: int
    out: str
    err: str
    both: str


def gen(args: Sequence[str], cwd: Path, session: Session | None = None) -> Ran:
    """Runs `gen` with these arguments in a directory; the terminal is none, and the environment says nothing.

    Without a session it neither reads nor keeps records.
    """
    with contextlib.chdir(cwd):
        runner = CliRunner(env={"NO_COLOR": None, "GEN_TRACEBACK": None})
        result = runner.invoke(command, list(args), prog_name="gen", obj=session)
    return Ran(result.exit_code, result.stdout, result.stderr, result.output)


def project(root: Path, files: dict[str, str]) -> Path:
    """A directory with these files, as a project of its own: settings above it do not reach it."""
    for name, text in ({"gen.yaml": ""} | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def in_child(work: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    """What `work` gives in a process of its own, which permissions and limits hold for even where tests run as root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _drop_privileges()
            code, output = work()
        except BaseException as error:  # noqa: BLE001 - the parent shows whatever it is
            code, output = -1, f"{type(error).__name__}: {error}"
        with os.fdopen(writer, "wb") as stream:
            stream.write(f"{code}\n{output}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        code_line, _, text = stream.read().decode().partition("\n")
    os.waitpid(child, 0)
    return int(code_line), text


def _drop_privileges() -> None:
    """Gives up the right to pass over permissions, and keeps the user: where the checkout is, only root may look."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the structure, this process
    nothing = (ctypes.c_uint32 * 6)()
    assert libc.capset(header, nothing) == 0, os.strerror(ctypes.get_errno())

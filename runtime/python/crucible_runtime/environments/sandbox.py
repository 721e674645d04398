"""Runs a program that a model wrote inside bubblewrap, where it touches nothing outside, and returns what it printed.

No network, no environment, no file of the user: only the system's libraries and Python's, to read, and an empty
directory of limited size. One sandbox serves all inputs of a program: `sandbox_inside` starts each run as a process
of its own, which cannot start others, and sends back what it printed. What is expected of the program never goes in.
Without bubblewrap nothing runs, unless the caller says `allow_unsandboxed`.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from crucible_runtime.environments import interpreter, syscalls
from crucible_runtime.errors import SandboxError

_INSTALL = (
    "programs that a model wrote run only inside bubblewrap, and {reason}. {fix}, or say --allow-unsandboxed to run "
    "them with your own rights"
)
_GET = "Install it (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap)"
_ALLOW = (
    "Allow it (Ubuntu 24.04: sysctl kernel.apparmor_restrict_unprivileged_userns=0; older Debian: sysctl "
    "kernel.unprivileged_userns_clone=1; Docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
)
_FORBIDDEN = ("namespace", "uid map", "gid map", "Operation not permitted", "Permission denied", "No permissions")
"""What bubblewrap says where it is not allowed to make a sandbox."""
_OTHER = "That is no matter of permissions: mend what it says"
_START = 30.0
"""Seconds in which a sandbox must be up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run of a program may take.

    seconds: wall time; cpu_seconds: processor time of all threads
    memory: bytes of address space; files: bytes of all files together, and of each
    inodes: files and directories together; output: bytes of standard output and error together
    threads: threads, where the kernel counts them (not for root)
    """

    seconds: float = 6.0
    cpu_seconds: int = 10
    memory: int = 512 << 20
    files: int = 16 << 20
    inodes: int = 1024
    output: int = 1 << 20
    threads: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: what the program reads on standard input, or the function of it to call and the arguments."""

    stdin: str = ""
    function: str | None = None
    arguments: Sequence[Any] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of one run.

    exit: the exit status, or the negative number of the signal that ended it
    value: what the function returned, where one was called and returned something that JSON can hold
    why: why it was stopped or failed, in words; empty where it ended with status 0
    """

    stdout: str
    stderr: str
    exit: int
    value: Any = None
    timed_out: bool = False
    why: str = ""

    @property
    def good(self) -> bool:
        """Whether it came to its end."""
        return not self.why


def run(program: str, *, stdin: str = "", limits: Limits | None = None, allow_unsandboxed: bool = False) -> Ran:
    """Runs a Python program once on `stdin`.

    Raises SandboxError where there is no bubblewrap, or where it cannot make a sandbox.
    """
    with closing(runs(program, [Job(stdin=stdin)], limits=limits, allow_unsandboxed=allow_unsandboxed)) as found:
        return next(found)


def runs(
    program: str,
    jobs: Iterable[Job],
    *,
    before: str = "",
    limits: Limits | None = None,
    allow_unsandboxed: bool = False,
) -> Generator[Ran]:
    """Runs a Python program for each job in one sandbox, where each run finds it as the first did.

    `before` is run before the program, in the same module. Lazy: close it when you have seen enough. A sandbox that the
    program has broken ends the runs early, after one that says so.

    Raises SandboxError where there is no bubblewrap, or where it cannot make a sandbox.
    """
    limits = limits if limits is not None else Limits()
    if allow_unsandboxed and _refusal():
        yield from _unsandboxed(program, jobs, before, limits)
        return
    with _supervisor([*_bubblewrap(limits), *_inside(limits)], None) as supervisor:
        yield from _each(supervisor, program, jobs, before, limits)


def _unsandboxed(program: str, jobs: Iterable[Job], before: str, limits: Limits) -> Iterator[Ran]:
    """The runs with the user's own rights, in an empty directory: limits hold, files and network are open."""
    with (
        tempfile.TemporaryDirectory(prefix="crucible-", ignore_cleanup_errors=True) as directory,
        _supervisor(_inside(None), directory) as supervisor,
    ):
        # Without a sandbox the kernel counts the threads of all of the user's programs.
        yield from _each(supervisor, program, jobs, before, replace(limits, threads=0))


def _each(supervisor: _Supervisor, program: str, jobs: Iterable[Job], before: str, limits: Limits) -> Iterator[Ran]:
    bounds = asdict(limits)
    supervisor.send({"program": program, "before": before, "limits": bounds, "filter": syscalls.filtered()})
    for job in jobs:
        supervisor.send({"stdin": job.stdin, "function": job.function, "arguments": list(job.arguments)})
        answer = supervisor.line(limits.seconds + 10.0)
        if answer is None:
            # The kernel ended the whole sandbox, or it hangs: no later run would fare better.
            yield Ran(stdout="", stderr="", exit=-signal.SIGKILL, timed_out=True, why="the sandbox was ended")
            return
        yield _ran(answer, job)


def problems(*, allow_unsandboxed: bool = False) -> list[str]:
    """Why programs cannot run on this machine: nothing, or one sentence with what to do. Tries a sandbox once."""
    found = _refusal()
    return [found] if found and not allow_unsandboxed else []


@cache
def _refusal() -> str:
    """Why there is no sandbox on this machine, or nothing."""
    try:
        with _supervisor([*_bubblewrap(Limits()), *_inside(Limits())], None):
            return ""
    except SandboxError as error:
        return str(error)


def _ran(answer: dict[str, Any], job: Job) -> Ran:
    """The run that the supervisor tells of; a value is text that the program wrote, and may be anything."""
    value = answer.pop("value")
    if job.function is None or answer["why"]:
        return Ran(**answer)
    try:
        return Ran(**answer, value=json.loads(value))
    except (ValueError, RecursionError):
        return Ran(**{**answer, "why": f"{job.function} returned nothing that JSON can hold"})


class _Supervisor:
    """The process that runs `sandbox_inside`, in a sandbox or not: lines of JSON go in and come out."""

    def __init__(self, command: Sequence[str], directory: str | None) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - bubblewrap, or this Python
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=directory,
            env={},
            start_new_session=True,
            bufsize=0,
        )
        self._buffer = b""

    def send(self, message: Mapping[str, Any]) -> None:
        """Writes a line; one that finds nobody is lost, which the missing answer shows."""
        assert self._process.stdin is not None
        try:
            data = memoryview(json.dumps(message).encode("ascii") + b"\n")
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except BrokenPipeError:
            return

    def line(self, seconds: float) -> dict[str, Any] | None:
        """The next line, or None where there is none in time."""
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, end - time.monotonic())):
                    return None
                data = self._process.stdout.read(1 << 16)
                if not data:
                    return None
                self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> str:
        """Ends it and everything in it; what it said on standard error."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        _, error = self._process.communicate() if self._process.returncode is None else (b"", b"")
        return error.decode("utf-8", "replace").strip()


@contextmanager
def _supervisor(command: Sequence[str], directory: str | None) -> Iterator[_Supervisor]:
    supervisor = _Supervisor(command, directory)
    try:
        ready = supervisor.line(_START)
        if ready is None or not ready["ready"]:
            said = str(ready["why"]) if ready is not None else supervisor.end() or "it did not answer"
            fix = _ALLOW if any(words in said for words in _FORBIDDEN) else _OTHER
            raise SandboxError(_INSTALL.format(reason=f"it cannot make a sandbox here ({said})", fix=fix))
        yield supervisor
    finally:
        supervisor.end()


def _bubblewrap(limits: Limits) -> list[str]:
    """The command that makes the sandbox; raises SandboxError where there is no bubblewrap or no filter for it."""
    found = shutil.which("bwrap")
    if found is None:
        fix = _GET if sys.platform == "linux" else "Use a Linux machine, where it can be installed"
        raise SandboxError(_INSTALL.format(reason="it is not installed", fix=fix))
    if not syscalls.filtered():
        raise SandboxError(
            _INSTALL.format(reason=f"it is not known on {os.uname().machine}", fix="Use x86_64 or arm64")
        )
    try:
        needed = interpreter.needed()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = f"Python does not say which libraries it needs ({error})"
        raise SandboxError(_INSTALL.format(reason=reason, fix="Use another build of Python")) from error
    command = [found, "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
    command += ["--cap-drop", "ALL", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    # For the one call that bounds the number of files; the supervisor gives it up before anything else.
    command += ["--cap-add", "CAP_SYS_ADMIN"]
    place = _place(needed.paths)
    # Nothing but this directory can be written to. Two times: one for the files of a run, one for its input.
    command += ["--size", str(2 * limits.files), "--tmpfs", place]
    for path in needed.paths:
        command += ["--ro-bind", path, path]
    for path, target in needed.links:
        command += ["--symlink", target, path]
    for path in needed.hidden:
        command += ["--size", "4096", "--tmpfs", path, "--remount-ro", path]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for device in ("null", "zero", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    return [*command, "--remount-ro", "/", "--chdir", place, "--"]


def _place(shown: Iterable[str]) -> str:
    """The directory of the runs: /tmp, where programs look for it, unless the interpreter is below it."""
    below = any(Path(path).is_relative_to("/tmp") for path in shown)  # noqa: S108 - that of the sandbox
    return "/sandbox" if below else "/tmp"  # noqa: S108


def _inside(limits: Limits | None) -> list[str]:
    """Python with the supervisor, without site-packages and the user's settings; the text itself is the argument.

    `limits` are those of the directory that it is in, None where that is none of its own.
    """
    bounds = [str(limits.files), str(limits.inodes)] if limits is not None else []
    return [interpreter.program(), "-I", "-S", "-B", "-X", "utf8", "-c", _source(), *bounds]


@cache
def _source() -> str:
    return Path(__file__).with_name("sandbox_inside.py").read_text("utf-8")

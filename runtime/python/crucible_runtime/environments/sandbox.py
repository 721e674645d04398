"""Runs a program that a model wrote inside bubblewrap, where it touches nothing outside, and returns what it printed.

No network, no environment, no file of the user: only the system's libraries and Python's, to read, and an empty
directory of limited size. One sandbox serves all inputs of a program: `sandbox_inside` starts each run as a process
of its own, which cannot start others, and sends back what it printed. What is expected of the program never goes in.
Without bubblewrap nothing runs, unless the caller says `allow_unsandboxed`.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import selectors
import shutil
import signal
import struct
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
_START = 30.0
"""Seconds in which a sandbox must be up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run of a program may take.

    seconds: wall time; cpu_seconds: processor time of all threads
    memory: bytes of address space; files: bytes of all files together, and of each
    output: bytes of standard output and error together
    threads: threads, where the kernel counts them (not for root)
    """

    seconds: float = 6.0
    cpu_seconds: int = 10
    memory: int = 512 << 20
    files: int = 16 << 20
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
    with _supervisor([*_bubblewrap(limits), *_inside()], None) as supervisor:
        yield from _each(supervisor, program, jobs, before, limits)


def _unsandboxed(program: str, jobs: Iterable[Job], before: str, limits: Limits) -> Iterator[Ran]:
    """The runs with the user's own rights, in an empty directory: limits hold, files and network are open."""
    with (
        tempfile.TemporaryDirectory(prefix="crucible-", ignore_cleanup_errors=True) as directory,
        _supervisor(_inside(), directory) as supervisor,
    ):
        # Without a sandbox the kernel counts the threads of all of the user's programs.
        yield from _each(supervisor, program, jobs, before, replace(limits, threads=0))


def _each(supervisor: _Supervisor, program: str, jobs: Iterable[Job], before: str, limits: Limits) -> Iterator[Ran]:
    bounds = asdict(limits)
    supervisor.send({"program": program, "before": before, "limits": bounds, "filter": _filter()})
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
        with _supervisor([*_bubblewrap(Limits()), *_inside()], None):
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
        if supervisor.line(_START) is None:
            reason = f"it cannot make a sandbox here ({supervisor.end() or 'it did not answer'})"
            raise SandboxError(_INSTALL.format(reason=reason, fix=_ALLOW))
        yield supervisor
    finally:
        supervisor.end()


def _bubblewrap(limits: Limits) -> list[str]:
    """The command that makes the sandbox; raises SandboxError where there is no bubblewrap or no filter for it."""
    found = shutil.which("bwrap")
    if found is None:
        fix = _GET if sys.platform == "linux" else "Use a Linux machine, where it can be installed"
        raise SandboxError(_INSTALL.format(reason="it is not installed", fix=fix))
    if not _filter():
        raise SandboxError(
            _INSTALL.format(reason=f"it is not known on {os.uname().machine}", fix="Use x86_64 or arm64")
        )
    command = [found, "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
    command += ["--cap-drop", "ALL", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    for path in _readable():
        link = os.readlink(path) if os.path.islink(path) else None
        command += ["--symlink", link, path] if link is not None else ["--ro-bind", path, path]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for device in ("null", "zero", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    # Nothing but this directory can be written to. Two times: one for the files of a run, one for its input.
    command += ["--size", str(2 * limits.files), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp", "--"]  # noqa: S108
    return command


@cache
def _readable() -> list[str]:
    """The directories that a Python program needs: the system's and the interpreter's own."""
    paths = [path for path in ("/usr", "/lib", "/lib32", "/lib64", "/nix/store") if os.path.lexists(path)]
    outside = [os.path.realpath(path) for path in (sys.base_prefix, sys.base_exec_prefix)]
    outside += [str(Path(_interpreter()).parent.parent)]
    for path in outside:
        if not any(Path(path).is_relative_to(known) for known in paths):
            paths.append(path)
    return paths


def _interpreter() -> str:
    # In a virtual environment sys.executable is a link into a directory that the sandbox does not have.
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def _inside() -> list[str]:
    """Python with the supervisor, without site-packages and the user's settings; the text itself is the argument."""
    return [_interpreter(), "-I", "-S", "-B", "-X", "utf8", "-c", _source()]


@cache
def _filter() -> str:
    """The filter of system calls in base64: no new processes and no memory that the limits miss; empty where unknown.

    Threads are allowed; what a call is refused with is what a program without the right would see.
    """
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in _MACHINES:
        return ""
    architecture, clone = _MACHINES[machine]
    column = list(_MACHINES).index(machine)
    load, equal, at_least, any_bit, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, error = 0x7FFF0000, 0x80000000, 0x00050000
    code = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, kill), (load, 0, 0, 0)]
    code += [(at_least, 0, 1, 0x40000000), (answer, 0, 0, kill)]  # the calls of 32 bits on x86_64
    # The arguments of clone3 cannot be looked at: a C library that hears that it does not exist calls clone.
    code += [(equal, 0, 1, 435), (answer, 0, 0, error | errno.ENOSYS)]
    for number in filter(None, (numbers[column] for numbers in _REFUSED.values())):
        code += [(equal, 0, 1, number), (answer, 0, 0, error | errno.EPERM)]
    code += [(equal, 1, 0, clone), (answer, 0, 0, allow), (load, 0, 0, 16)]
    code += [(any_bit, 0, 1, 0x00010000), (answer, 0, 0, allow), (answer, 0, 0, error | errno.EPERM)]
    return base64.b64encode(b"".join(struct.pack("=HBBI", *instruction) for instruction in code)).decode("ascii")


# The number of the architecture and that of clone, by the name of the machine.
_MACHINES: Mapping[str, tuple[int, int]] = {"x86_64": (0xC000003E, 56), "aarch64": (0xC00000B7, 220)}

# The calls that are refused, with their numbers on x86_64 and aarch64 (0: there is none).
_REFUSED: Mapping[str, tuple[int, int]] = {
    "fork": (57, 0),
    "vfork": (58, 0),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsmount": (432, 432),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "acct": (163, 89),
}


@cache
def _source() -> str:
    return Path(__file__).with_name("sandbox_inside.py").read_text("utf-8")

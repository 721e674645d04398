"""The supervisor inside a sandbox: it reads lines of JSON on standard input, and answers each with one on standard
output.

The first line is the program, its limits and the filter of system calls; each line after it is one run. The text of this
file is the argument of a bare Python, so that it needs nothing but the standard library. Each run is a forked process
under the limits, with the filter, without a way back to this one: as process 1 of the sandbox it cannot be signalled.
"""

from __future__ import annotations

import base64

# What many programs import: read once here, it is there for every run.
import bisect  # noqa: F401
import collections  # noqa: F401
import ctypes
import functools  # noqa: F401
import heapq  # noqa: F401
import itertools  # noqa: F401
import json
import math  # noqa: F401
import os
import random  # noqa: F401
import re
import resource
import selectors
import shutil
import signal
import string  # noqa: F401
import sys
import tempfile
import time
import traceback
import types
import typing

Job = dict[str, typing.Any]
SELF = 0x53454C46
"""As in `syscalls`, which is not to be had here."""
VALUE = 3
"""The file descriptor on which a run leaves what its function returned."""
LONGEST = 64 << 20
"""Bytes of a line that is read; a longer one is no job of ours."""


class Lines:
    """Lines from a file descriptor, read without Python's own buffers, which a forked process would share."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()

    def next(self) -> Job | None:
        """The next line, or None at the end."""
        while (end := self._buffer.find(b"\n")) < 0:
            data = os.read(self._descriptor, 1 << 16)
            if not data or len(self._buffer) > LONGEST:
                return None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        found: Job = json.loads(line)
        return found


def say(message: Job) -> None:
    """Writes a line."""
    data = memoryview(json.dumps(message).encode("ascii") + b"\n")
    while data:
        data = data[os.write(1, data) :]


def main() -> None:
    """Runs until there is nothing more to run; in a forked process, runs the program and comes back."""
    # What process 1 handles by default, nobody in the sandbox can signal it with; Python has a handler for this one.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    libc = ctypes.CDLL(None, use_errno=True)
    if len(sys.argv) > 1 and (why := bound(libc, *map(int, sys.argv[1:]))):
        say({"ready": False, "why": why})
        return
    say({"ready": True})
    lines = Lines(0)
    setting = lines.next()
    while setting is not None and (job := lines.next()) is not None:
        stdin = holding(job["stdin"].encode("utf-8", "replace"))
        pipes = [os.pipe() for _ in range(3)]
        pid = os.fork()
        if pid == 0:
            become([stdin, *(end for _, end in pipes)])
            restrict(libc, setting["limits"], base64.b64decode(setting["filter"]))
            program(setting, job)
            return
        for end in (stdin, *(end for _, end in pipes)):
            os.close(end)
        say(watch(pid, [end for end, _ in pipes], setting["limits"]))
        empty()


def bound(libc: ctypes.CDLL, size: int, inodes: int) -> str:
    """Bounds the number of files in this directory, which is a file system of its own, and gives up the right to.

    Says what went wrong, if anything did.
    """
    # Files of two runs' size, as one holds the input; the first two are the directory and the input.
    options = f"size={2 * size},nr_inodes={inodes + 2}".encode()
    place, remount = os.getcwd().encode(), 0x20 | 0x2 | 0x4  # MS_REMOUNT, MS_NOSUID, MS_NODEV
    if libc.mount(b"tmpfs", place, None, ctypes.c_ulong(remount), options) != 0:
        return f"the number of files cannot be bounded: {os.strerror(ctypes.get_errno())}"
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # the third version of capabilities, of this process
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        return f"its rights cannot be given up: {os.strerror(ctypes.get_errno())}"
    return ""


def holding(data: bytes) -> int:
    """A file without a name that has the data in it, to read from its begin."""
    descriptor, name = tempfile.mkstemp(dir=".")
    os.unlink(name)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def become(descriptors: list[int]) -> None:
    """Makes the descriptors those with the numbers from 0 on, and closes every other."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, 100 + number)
    for number in range(len(descriptors)):
        os.dup2(100 + number, number)
    os.closerange(len(descriptors), 1024)


def restrict(libc: ctypes.CDLL, limits: Job, code: bytes) -> None:
    """Puts this process under the limits and the filter, for good; raises OSError where the system refuses."""
    most = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_FSIZE: limits["files"],
        resource.RLIMIT_NOFILE: 64,
    }
    if sys.platform == "linux":
        most[resource.RLIMIT_AS] = limits["memory"]
        # Before 5.14 the kernel counted the user's processes outside the sandbox too.
        release = tuple(map(int, re.findall(r"[0-9]+", os.uname().release)[:2]))
        if limits["threads"] and release >= (5, 14):
            most[resource.RLIMIT_NPROC] = limits["threads"]
    for kind, bound in most.items():
        hard = resource.getrlimit(kind)[1]
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (bound, bound))
    if not code:
        return
    # What stands for the process itself in the filter, which was made before there was one.
    code = code.replace(SELF.to_bytes(4, sys.byteorder), os.getpid().to_bytes(4, sys.byteorder))
    filters = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    whole = Program(len(code) // 8, ctypes.addressof(filters))
    long = ctypes.c_ulong
    die_with_parent = (1, long(signal.SIGKILL), long(0), long(0), long(0))
    no_new_privileges = (38, long(1), long(0), long(0), long(0))
    seccomp = (22, long(2), ctypes.byref(whole), long(0), long(0))
    for call in (die_with_parent, no_new_privileges, seccomp):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def program(setting: Job, job: Job) -> None:
    """Runs the program as `__main__`, then the function of it that the job names."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, descriptor, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        setattr(sys, name, open(descriptor, mode, encoding="utf-8", errors="replace", closefd=False))  # noqa: SIM115
    sys.argv = ["program.py"]
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        exec(setting["before"], module.__dict__)  # noqa: S102 - to run it is what this is for
        exec(compile(setting["program"], "program.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        if job["function"] is not None:
            value = named(module, job["function"])(*job["arguments"])
            with open(VALUE, "w", encoding="ascii") as file:
                json.dump(value, file)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is told of it
        # The first entry is this function, which is not the program's.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace)
        sys.exit(1)


def named(module: types.ModuleType, name: str) -> typing.Callable[..., typing.Any]:
    """The function of that name, or the method of the class Solution; raises NameError."""
    solution = getattr(module, "Solution", None)
    found = getattr(solution(), name, None) if isinstance(solution, type) else None
    found = found if found is not None else getattr(module, name, None)
    if not callable(found):
        raise NameError(f"the program has no function {name}")
    return typing.cast(typing.Callable[..., typing.Any], found)


def watch(pid: int, ends: list[int], limits: Job) -> Job:
    """Reads what the process writes until it ends or must be ended; what came of it."""
    texts, why, timed_out = [bytearray() for _ in ends], "", False
    ended, begin = False, time.monotonic()
    with selectors.DefaultSelector() as selector:
        for end, text in zip(ends, texts, strict=True):
            os.set_blocking(end, False)
            selector.register(end, selectors.EVENT_READ, text)
        while not ended:
            left = limits["seconds"] - (time.monotonic() - begin)
            wait(selector, min(left, 0.05))
            if sum(map(len, texts)) > limits["output"]:
                why = f"it printed more than {limits['output']} bytes"
            elif left <= 0:
                why, timed_out = f"it ran longer than {limits['seconds']:g} s", True
            if why:
                os.kill(pid, signal.SIGKILL)
            found, status, usage = os.wait4(pid, 0 if why else os.WNOHANG)
            ended = found != 0
        wait(selector, 0.0)
        for end in ends:
            os.close(end)
    code = os.waitstatus_to_exitcode(status)
    used = usage.ru_utime + usage.ru_stime
    if not why and code in (-signal.SIGKILL, -signal.SIGXCPU) and used >= limits["cpu_seconds"] - 0.5:
        why, timed_out = f"it used more than {limits['cpu_seconds']} s of processor time", True
    out, error, value = (text[: limits["output"]].decode("utf-8", "replace") for text in texts)
    if not why and code:
        why = failure(code, error)
    return {"stdout": out, "stderr": error, "exit": code, "value": value, "timed_out": timed_out, "why": why}


def wait(selector: selectors.BaseSelector, seconds: float) -> None:
    """Reads what there is to read, after at most `seconds`."""
    if not selector.get_map():
        # All pipes are closed: nothing wakes this up when the process ends.
        time.sleep(min(max(0.0, seconds), 0.002))
        return
    for key, _ in selector.select(max(0.0, seconds)):
        try:
            # A pipe holds 1 MiB at most, so that what is left of a process that has ended is read at once.
            data = os.read(key.fd, 1 << 20)
        except BlockingIOError:
            continue
        if data:
            key.data.extend(data)
        else:
            selector.unregister(key.fileobj)


def failure(code: int, error: str) -> str:
    """Why a process ended badly, in words."""
    if code < 0:
        return f"signal {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"signal {-code}"
    last = error.strip().rpartition("\n")[2][:200]
    return f"exit status {code}: {last}" if last else f"exit status {code}"


def empty() -> None:
    """Removes what a run has left in the directory, so that the next one finds it as the first did."""
    for entry in list(os.scandir(".")):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


if __name__ == "__main__":
    main()

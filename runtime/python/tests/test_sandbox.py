"""The sandbox: what a program may do in it, and every way out that we could think of."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import crucible_runtime
from crucible_runtime.environments import interpreter, sandbox, syscalls
from crucible_runtime.environments.sandbox import Job, Limits, Ran, run, runs
from crucible_runtime.errors import SandboxError

linux = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is a program of Linux")
SHORT = Limits(seconds=1, cpu_seconds=2)


def tried(program: str, limits: Limits | None = None) -> Ran:
    """A program in the sandbox; what it indents are tries, of which it prints what came of each."""
    helper = "\n".join(
        [
            "def attempt(name, function):",
            "    try:",
            "        print(name, 'DONE', function())",
            "    except BaseException as error:",
            "        print(name, type(error).__name__)",
            "",
        ]
    )
    return run(helper + program, limits=limits)


def refused(ran: Ran) -> None:
    """Every try failed, and there was at least one."""
    assert ran.why == ""
    assert ran.stdout.strip()
    assert "DONE" not in ran.stdout, ran.stdout


# What it is for


@linux
def test_a_program_reads_and_prints() -> None:
    ran = run("name = input()\nprint('hello', name)", stdin="wörld\n")
    assert (ran.stdout, ran.stderr, ran.exit, ran.good) == ("hello wörld\n", "", 0, True)


@linux
def test_a_program_may_use_the_library_and_threads_and_its_directory() -> None:
    program = """
import collections, decimal, threading, typing
threads = [threading.Thread(target=print, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
    thread.join()
open("note", "w").write("kept")
print(open("note").read(), decimal.Decimal("0.1"))
"""
    assert run(program).stdout == "0\n1\n2\nkept 0.1\n"


@linux
@pytest.mark.parametrize(
    ("program", "exit_", "why"),
    [
        ("1 / 0", 1, "exit status 1: ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", 3, "exit status 3"),
        ("print('a'\n", 1, "exit status 1: SyntaxError: '(' was never closed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -11, "signal SIGSEGV"),
        ("import os; os._exit(0)", 0, ""),
    ],
)
def test_it_says_why_a_program_failed(program: str, exit_: int, why: str) -> None:
    ran = run(program)
    assert (ran.exit, ran.why, ran.timed_out) == (exit_, why, False)


@linux
def test_many_inputs_are_many_runs_that_know_nothing_of_each_other() -> None:
    program = """
import os
print(input(), os.listdir("."), "seen" in globals())
seen = True
os.makedirs("left/behind")
os.symlink("/", "root")
open("left/file", "w").write("x" * 1000)
os.chmod("left", 0)
"""
    found = list(runs(program, [Job(stdin=f"{number}\n") for number in range(3)]))
    assert [ran.stdout for ran in found] == ["0 [] False\n", "1 [] False\n", "2 [] False\n"]


@linux
def test_functions_are_called_and_methods_of_a_solution() -> None:
    program = "def add(a, b):\n    print('noise')\n    return a + b\n"
    method = "class Solution:\n    def add(self, a: List[int], b):\n        return a + b\n"
    job = Job(function="add", arguments=[[1], [2]])
    assert [ran.value for ran in runs(program, [job, job])] == [[1, 2], [1, 2]]
    assert [ran.value for ran in runs(method, [job], before="from typing import *")] == [[1, 2]]
    (unknown,) = runs(program, [Job(function="sub")])
    assert unknown.why == "exit status 1: NameError: the program has no function sub"
    (odd,) = runs("def odd(): return {1, 2}", [Job(function="odd")])
    assert odd.why == "exit status 1: TypeError: Object of type set is not JSON serializable"
    (forged,) = runs("import os\ndef f():\n    os.write(3, b'[[[')\n    os._exit(0)", [Job(function="f")])
    assert forged.why == "f returned nothing that JSON can hold"


@linux
def test_a_caller_who_has_seen_enough_ends_it() -> None:
    begin = time.monotonic()
    with closing(runs("print(input())\nimport time; time.sleep(float(open(0).read() or 0))", jobs())) as found:
        assert next(found).stdout == "first\n"
    assert time.monotonic() - begin < 5


def jobs() -> Iterator[Job]:
    yield Job(stdin="first\n")
    yield Job(stdin="second\n60")


@linux
def test_many_threads_may_ask_at_once() -> None:
    found: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda n=number: found.update({n: run(f"print({n} * 2)").stdout}))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number * 2}\n" for number in range(4)}


# Attacks


@linux
def test_there_is_no_network(tmp_path: Path) -> None:
    place = str(tmp_path / "socket")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(place)
        unix.listen()
        with socket.socket(socket.AF_UNIX) as abstract:
            name = f"\0crucible-{os.getpid()}"
            abstract.bind(name)
            abstract.listen()
            port = server.getsockname()[1]
            program = f"""
import socket
attempt("local", lambda: socket.create_connection(("127.0.0.1", {port}), 1))
attempt("outside", lambda: socket.create_connection(("1.1.1.1", 53), 1))
attempt("name", lambda: socket.getaddrinfo("example.com", 80))
attempt("file", lambda: socket.socket(socket.AF_UNIX).connect({place!r}))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect({name!r}))
"""
            refused(tried(program, Limits(seconds=10)))


@linux
def test_there_is_no_file_of_the_user(tmp_path: Path) -> None:
    planted = Path.home() / f".crucible-planted-{os.getpid()}"
    planted.write_text("a secret")
    beside = tmp_path / "expected.txt"
    beside.write_text("a secret")
    program = f"""
import os
attempt("home", lambda: open({str(planted)!r}).read())
attempt("beside", lambda: open({str(beside)!r}).read())
attempt("tests", lambda: open({str(Path(__file__).resolve())!r}).read())
attempt("users", lambda: open("/etc/passwd").read())
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("link", lambda: (os.symlink({str(planted)!r}, "link"), open("link").read()))
attempt("up", lambda: open("../../../../../../../../" + {str(planted)!r}).read())
attempt("run", lambda: os.listdir("/run"))
attempt("sys", lambda: os.listdir("/sys"))
attempt("var", lambda: os.listdir("/var"))
"""
    try:
        refused(tried(program))
    finally:
        planted.unlink()


@linux
def test_there_is_no_environment_and_no_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "a secret")
    ran = run("import os\nprint(sorted(os.environ), os.getuid(), os.path.exists('/proc/self'))")
    assert ran.stdout == "['LC_CTYPE', 'PWD'] 65534 False\n" or ran.stdout == "['PWD'] 65534 False\n"
    program = f"""
import os, signal
attempt("environment", lambda: open("/proc/1/environ").read())
attempt("parent", lambda: open("/proc/{os.getpid()}/environ").read())
attempt("parent", lambda: os.kill({os.getpid()}, 0))
attempt("all", lambda: os.kill(-1, signal.SIGKILL))
attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, {os.getpid()}, 1))
"""
    refused(tried(program))


@linux
def test_it_cannot_signal_what_watches_it() -> None:
    program = """
import ctypes, fcntl, os, resource, signal, threading
def attempt(name, function):
    try:
        print(name, "DONE", function())
    except BaseException as error:
        print(name, type(error).__name__)
for each in signal.Signals:
    attempt(each.name, lambda: os.kill(1, each))
    attempt(each.name, lambda: os.kill(os.getppid(), each))
    attempt(each.name, lambda: os.kill(0, each))
    attempt(each.name, lambda: os.killpg(os.getpgrp(), each))
for kind in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_AS):
    attempt("limits", lambda: resource.prlimit(1, kind, (0, 0)))
attempt("limits", lambda: resource.prlimit(1, resource.RLIMIT_CPU))
attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, 1, 19))
attempt("processors", lambda: os.sched_setaffinity(1, {0}))
attempt("schedule", lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)))
attempt("owner", lambda: fcntl.fcntl(0, fcntl.F_SETOWN, 1))
attempt("signal", lambda: fcntl.fcntl(0, fcntl.F_SETSIG, 2))
os.kill(os.getpid(), 0)
"""
    first, second = runs(program, [Job(), Job()])
    refused(first)
    refused(second)


@linux
def test_a_program_may_signal_itself() -> None:
    program = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
signal.raise_signal(signal.SIGUSR1)
os.kill(os.getpid(), signal.SIGUSR1)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""
    assert run(program).stdout == "heard\nheard\ninterrupted\n"


# What is not on the list of what is allowed

NOT_ALLOWED = {
    "fork": (57, -1),
    "vfork": (58, -1),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "kcmp": (312, 272),
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
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "seccomp": (317, 277),
    "personality": (135, 92),
    "capset": (126, 91),
    "setuid": (105, 146),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "ioprio_set": (251, 30),
    "mlock": (149, 228),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "fanotify_init": (300, 262),
    "inotify_init1": (294, 26),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "mknodat": (259, 33),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "landlock_create_ruleset": (444, 444),
    "vmsplice": (278, 75),
    "setsid": (112, 157),
}


@linux
def test_a_call_that_is_not_on_the_list_is_refused() -> None:
    """Every number there is, so also what has no name here; the filter answers before the kernel looks at arguments."""
    column = syscalls.MACHINES[os.uname().machine][1]
    known = {numbers[column] for numbers in syscalls.ALLOWED.values()}
    known |= {numbers[column] for numbers, *_ in syscalls.CHECKED.values()} | {56 if column == 0 else 220, 435}
    named = {numbers[column] for numbers in NOT_ALLOWED.values()} - {-1}
    assert not named & known
    # Newer kernels have two calls for traps of their own, which they take past every filter and answer with a signal.
    tried = sorted(({*range(600)} | named) - known - {335, 336})
    program = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in {tried}:
    ctypes.set_errno(0)
    found = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    if (found, ctypes.get_errno()) != (-1, 1):
        print(number, found, ctypes.get_errno())
print("all")
"""
    assert run(program).stdout == "all\n"


@linux
def test_sockets_are_of_three_families() -> None:
    program = """
import errno, socket
made = []
for family in range(50):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
            made.append(family)
        except OSError as error:
            # What the filter refuses, or what the kernel refuses of the families that are allowed.
            if family not in (1, 2, 10) and error.errno != errno.EAFNOSUPPORT:
                print(family, error)
print(sorted(set(made)))
socket.socketpair()[0].close()
"""
    ran = run(program)
    assert (ran.stdout, ran.why) == (f"{[1, 2, 10] if socket.has_ipv6 else [1, 2]}\n", "")


@linux
def test_arguments_that_are_not_on_the_list_are_refused() -> None:
    program = """
import ctypes, fcntl, termios
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.prctl(*arguments) < 0:
        raise OSError(ctypes.get_errno())
attempt("input of a terminal", lambda: fcntl.ioctl(0, termios.TIOCSTI, b"x"))
attempt("owner of a terminal", lambda: fcntl.ioctl(0, 0x8901, b"1234"))
attempt("dumpable", lambda: call(4, 1, 0, 0, 0))
attempt("capability", lambda: call(47, 2, 21, 0, 0))
attempt("subreaper", lambda: call(36, 1, 0, 0, 0))
attempt("pair", lambda: __import__("socket").socketpair(2))
"""
    refused(tried(program))


@linux
def test_only_what_the_interpreter_needs_can_be_read() -> None:
    """Directories on the way to something needed are there, and hold that alone."""
    program = """
import json, os
found = [os.path.join(place, name) for place, _, names in os.walk("/") for name in names]
print(json.dumps(found))
"""
    needed = interpreter.needed()
    seen = set(json.loads(run(program).stdout))
    links = {path for path, _ in needed.links}
    devices = {f"/dev/{name}" for name in ("null", "zero", "random", "urandom")}
    others = seen - set(needed.paths) - links - devices - {"/etc/ld.so.cache"}
    libraries = [path for path in needed.paths if os.path.isdir(path)]
    assert {path for path in others if not any(path.startswith(f"{place}/") for place in libraries)} == set()
    assert not any("site-packages/" in path for path in seen)
    assert all(os.path.basename(os.path.dirname(os.path.realpath(place))) == "lib" for place in libraries)
    modules = "ssl, sqlite3, ctypes, decimal, zlib, lzma, bz2, hashlib, uuid, zoneinfo, asyncio, multiprocessing"
    assert run(f"import {modules}; print(1)").stdout == "1\n"


@linux
@pytest.mark.parametrize(
    "place",
    ["/usr/src", "/usr/local/src", "/usr/share", "/usr/bin", "/usr/include", "/usr/lib/python3", "/opt", "/srv", "/home",
     "/root", "/proc", "/sys", "/boot", "/mnt", "/app", "/workspace"],
)  # fmt: skip
def test_what_it_does_not_need_is_not_there(place: str) -> None:
    program = f"""
import os
found = [name for _, _, names in os.walk({place!r}) for name in names]
print(len(found) if not os.__file__.startswith({place!r}) else 0)
"""
    # An interpreter may lie below one of these itself.
    if not any(path.startswith(f"{place}/") for path in interpreter.needed().paths):
        assert run(program).stdout == "0\n"


@linux
def test_an_interpreter_below_tmp_works(tmp_path: Path) -> None:
    """A copy of this Python in a directory that programs in the sandbox otherwise have for themselves."""
    base, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    left_out = shutil.ignore_patterns(
        "test", "tests", "site-packages", "idlelib", "ensurepip", "config-*", "__pycache__"
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib").mkdir()
    copied = shutil.copy(interpreter.program(), tmp_path / "bin" / version)
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy(library, tmp_path / "lib")
    shutil.copytree(base / "lib" / version, tmp_path / "lib" / version, ignore=left_out, symlinks=True)
    script = 'from crucible_runtime.environments import sandbox\nran = sandbox.run(\'import os, sys; open("x", "w"); '
    script += "print(sys.base_prefix, os.listdir(\".\"))')\nprint(ran.stdout or ran.why, end='')"
    place = str(Path(crucible_runtime.__file__).parent.parent)
    libraries = {"LD_LIBRARY_PATH": str(tmp_path / "lib")} if "LD_LIBRARY_PATH" in os.environ else {}
    done = subprocess.run(
        [copied, "-c", script], env={**os.environ, "PYTHONPATH": place, **libraries}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (f"{tmp_path} ['x']\n", "")


@linux
def test_the_number_of_files_is_limited() -> None:
    begin = time.monotonic()
    made = """
import os
def link(name):
    os.symlink("/", name)
def file(name):
    open(name, "w").close()
for name, make in (("files", file), ("directories", os.mkdir), ("links", link)):
    try:
        for number in range(300_000):
            make(f"{name}-{number}")
    except OSError as error:
        print(name, number, error.errno)
"""
    first, second = runs(made, [Job(), Job()], limits=Limits(inodes=100))
    assert first.stdout == second.stdout == "files 100 28\ndirectories 0 28\nlinks 0 28\n"
    assert time.monotonic() - begin < 10


@linux
def test_no_program_has_a_right() -> None:
    """The supervisor bounds the number of files by a right, and gives that up."""
    program = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
attempt("capget", lambda: 1 / 0 if libc.capget(header, data) != 0 else list(data))
attempt("mount", lambda: 1 / 0 if libc.mount(b"tmpfs", b"/tmp", None, 0x20, b"nr_inodes=0") != 0 else 0)
"""
    refused(tried(program))


@linux
def test_nothing_outside_its_directory_can_be_written(tmp_path: Path) -> None:
    program = f"""
import os
for place in ("/", "/usr", "/usr/lib", "/dev", "/etc", "/root", "/var/tmp", {str(tmp_path)!r}, {sys.base_prefix!r}):
    attempt(place, lambda: open(os.path.join(place, "written"), "w"))
attempt("null", lambda: os.remove("/dev/null"))
attempt("library", lambda: open(os.__file__, "a"))
attempt("device", lambda: os.mknod("disk", 0o60600, os.makedev(8, 0)))
attempt("shared", lambda: open("/dev/shm/written", "w"))
attempt("disk", lambda: open("/dev/vda", "rb"))
attempt("memory", lambda: open("/dev/mem", "rb"))
attempt("terminal", lambda: open("/dev/tty", "w"))
"""
    refused(tried(program))
    assert not list(tmp_path.iterdir())


@linux
def test_it_cannot_start_processes() -> None:
    program = """
import ctypes, multiprocessing, os, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno())
attempt("fork", os.fork)
attempt("pseudo", os.forkpty)
attempt("spawn", lambda: os.posix_spawn("/usr/bin/env", ["env"], {}))
attempt("subprocess", lambda: subprocess.run(["/usr/bin/env"]))
attempt("system", lambda: 1 / 0 if os.system("true") else None)
attempt("pool", lambda: multiprocessing.Pool(2))
if os.uname().machine == "x86_64":
    attempt("fork by number", lambda: call(57))
    attempt("vfork by number", lambda: call(58))
    attempt("clone by number", lambda: call(56, 17, 0, 0, 0, 0))
    attempt("clone3 by number", lambda: call(435, 0, 0))
"""
    refused(tried(program))


@linux
def test_calls_of_32_bits_end_it() -> None:
    if os.uname().machine == "x86_64":
        assert run("import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 57); print('alive')").why == "signal SIGSYS"


@linux
def test_a_fork_bomb_and_a_daemon_come_to_nothing() -> None:
    bomb = run("import os\nwhile True:\n    os.fork()", limits=SHORT)
    assert bomb.why == "exit status 1: PermissionError: [Errno 1] Operation not permitted"
    threads = """
import threading, time
threading.stack_size(32768)
count = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        count += 1
except (RuntimeError, MemoryError):
    print("no more")
"""
    ran = run(threads, limits=Limits(seconds=5, memory=128 << 20))
    assert ran.stdout == "no more\n" or ran.timed_out


@linux
def test_it_gets_no_more_rights() -> None:
    program = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno())
attempt("root", lambda: os.setuid(0))
attempt("group", lambda: os.setgroups([0]))
attempt("user namespace", lambda: call("unshare", 0x10000000))
attempt("mount", lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None))
attempt("unmount", lambda: call("umount2", b"/usr", 2))
attempt("root directory", lambda: os.chroot("/tmp"))
attempt("namespace of another", lambda: call("setns", 0, 0))
attempt("trace", lambda: call("ptrace", 16, 1, 0, 0))
attempt("set-user-ID", lambda: (open("x", "w").close(), os.chown("x", 0, 0)))
attempt("reboot", lambda: call("reboot", 0x1234567))
attempt("limits", lambda: __import__("resource").setrlimit(__import__("resource").RLIMIT_CPU, (-1, -1)))
"""
    refused(tried(program))
    # A program with a set-user-ID bit gives nothing here, and su would ask root nothing.
    su = run("import os\nos.execv('/usr/bin/su', ['su', '-c', 'id'])", stdin="\n")
    assert "uid=0" not in su.stdout
    assert not su.good


@linux
def test_memory_is_limited() -> None:
    assert run("x = bytearray(1 << 30)").why == "exit status 1: MemoryError"
    assert run("x = []\nwhile True:\n    x.append('a' * 100000)").why.startswith("exit status 1: MemoryError")
    hidden = """
import ctypes, mmap, os
attempt("memory file", lambda: os.memfd_create("x"))
attempt("map", lambda: mmap.mmap(-1, 1 << 30))
attempt("shared", lambda: 1 / 0 if ctypes.CDLL(None).shmget(0, 1 << 28, 0o1600) < 0 else None)
"""
    refused(tried(hidden))


@linux
def test_files_are_limited() -> None:
    ran = run("open('big', 'wb').write(b'x' * (64 << 20))")
    assert ran.why.startswith("exit status 1: OSError: [Errno 27] File too large")
    ran = run("for n in range(100):\n    open(str(n), 'wb').write(b'x' * (4 << 20))")
    assert ran.why.startswith("exit status 1: OSError: [Errno 28] No space left")
    ran = run("kept = [open(str(n), 'w') for n in range(1000)]")
    assert ran.why.startswith("exit status 1: OSError: [Errno 24] Too many open files")


@linux
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_is_limited(stream: str) -> None:
    ran = run(f"import sys\nwhile True:\n    print('a' * 1000, file=sys.{stream})", limits=Limits(output=10_000))
    assert ran.why == "it printed more than 10000 bytes"
    assert ran.exit == -signal.SIGKILL
    assert len(ran.stdout + ran.stderr) == 10_000


@linux
@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import signal, time\nfor each in set(signal.Signals) - {9, 19}: signal.signal(each, signal.SIG_IGN)\ntime.sleep(60)",
        "import os, time\nfor each in range(64):\n    try: os.close(each)\n    except OSError: pass\ntime.sleep(60)",
        "import os\ntry: os.setsid()\nexcept PermissionError:\n    while True: pass",
        "try:\n    while True: pass\nfinally:\n    while True: pass",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
        "import atexit, time\natexit.register(time.sleep, 60)",
    ],
    ids=["loop", "signals", "closed", "session", "finally", "stopped", "thread", "exit"],
)
def test_time_is_limited(program: str) -> None:
    begin = time.monotonic()
    ran = run(program, limits=Limits(seconds=0.3))
    assert (ran.why, ran.timed_out, ran.exit) == ("it ran longer than 0.3 s", True, -signal.SIGKILL)
    assert time.monotonic() - begin < 5


@linux
def test_processor_time_is_limited() -> None:
    ran = run("while True: pass", limits=Limits(seconds=20, cpu_seconds=1))
    assert (ran.why, ran.timed_out) == ("it used more than 1 s of processor time", True)


@linux
def test_it_does_not_see_other_inputs_or_forge_answers() -> None:
    """What is in the process is its own input; whatever it writes to any descriptor is its own output."""
    program = """
import gc, os
seen = [found for found in gc.get_objects() if isinstance(found, dict) and "stdin" in found]
print([each.get("stdin") for each in seen if "function" in each])
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'{"stdout": "forged", "stderr": "", "exit": 0, "value": "", "timed_out": false, "why": ""}\\n')
    except OSError:
        pass
"""
    found = list(runs(program, [Job(stdin="one"), Job(stdin="two")]))
    assert [ran.stdout for ran in found] == ["['one']\n", "['two']\n"]


@linux
def test_a_program_that_spoils_its_directory_ends_the_runs_and_is_told() -> None:
    found = list(runs("import os\nos.chmod('.', 0)\nprint('done')", [Job(), Job(), Job()]))
    assert found[0].stdout == "done\n"
    assert [ran.why for ran in found[1:]] == ["the sandbox was ended"]


def descendants(pid: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended since
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found


@linux
def test_it_dies_with_the_one_who_asked() -> None:
    program = "import time; time.sleep(60)"
    script = "from crucible_runtime.environments.sandbox import *\nprint('asked', flush=True)\n"
    script += f"run({program!r}, limits=Limits(seconds=60))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=dict(os.environ)) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"asked\n"
        waiting = time.monotonic() + 10
        while len(found := descendants(parent.pid)) < 3 and time.monotonic() < waiting:
            time.sleep(0.02)
        assert len(found) >= 3  # bubblewrap, the supervisor, the program
        parent.kill()
    waiting = time.monotonic() + 10
    while (left := {pid for pid in found if Path(f"/proc/{pid}").exists()}) and time.monotonic() < waiting:
        time.sleep(0.02)
    assert not left


# Without a sandbox


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox._refusal.cache_clear()
    yield
    sandbox._refusal.cache_clear()


@pytest.mark.usefixtures("no_bubblewrap")
def test_without_bubblewrap_it_refuses_and_says_how_to_get_it() -> None:
    with pytest.raises(SandboxError) as refusal:
        run("print('ran')")
    told = str(refusal.value)
    assert told.startswith("programs that a model wrote run only inside bubblewrap, and it is not installed.")
    assert ("apt install bubblewrap" in told) == (sys.platform == "linux")
    assert told.endswith("or say --allow-unsandboxed to run them with your own rights")
    assert sandbox.problems() == [told]
    assert sandbox.problems(allow_unsandboxed=True) == []


@linux
def test_where_sandboxes_are_forbidden_it_refuses_and_says_how_to_allow_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        SandboxError, match=r"cannot make a sandbox here \(bwrap: setting up uid map: Permission denied"
    ):
        run("print('ran')")


@linux
def test_another_reason_is_said_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bwrap").write_text(
        "#!/bin/sh\necho 'bwrap: execvp /opt/python: No such file or directory' >&2\nexit 1\n"
    )
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="No such file") as refusal:
        run("print('ran')")
    assert "userns" not in str(refusal.value)


@pytest.mark.usefixtures("no_bubblewrap")
def test_unsandboxed_is_said_aloud_and_limits_still_hold() -> None:
    def unsandboxed(program: str, stdin: str = "", limits: Limits | None = None) -> Ran:
        return run(program, stdin=stdin, limits=limits, allow_unsandboxed=True)

    assert unsandboxed("print(input())", "in\n").stdout == "in\n"
    assert (
        unsandboxed("import os\nprint(sorted(set(os.environ) - {'PWD', 'LC_CTYPE', '__CF_USER_TEXT_ENCODING'}))").stdout
        == "[]\n"
    )
    assert unsandboxed("while True: pass", limits=Limits(seconds=0.5)).timed_out
    assert "printed more" in unsandboxed("while True: print('a' * 1000)").why
    if sys.platform == "linux":
        assert unsandboxed("x = bytearray(1 << 30)").why == "exit status 1: MemoryError"


@linux
def test_a_sandbox_that_can_be_made_is_made_even_where_none_is_asked_for() -> None:
    ran = run("import os; print(os.getuid())", allow_unsandboxed=True)
    assert ran.stdout == "65534\n"

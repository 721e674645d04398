"""The sandbox: what a program may do in it, and every way out that we could think of."""

from __future__ import annotations

import os
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

from crucible_runtime.environments import sandbox
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
    program = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(1, signal.SIGSTOP)\nprint('alive')"
    assert [ran.stdout for ran in runs(program, [Job(), Job()])] == ["alive\n", "alive\n"]


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
        "import os\nos.setsid() if os.getpid() != os.getsid(0) else None\nwhile True: pass",
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

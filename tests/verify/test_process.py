"""How external programs are started, limited and killed, and what is reported where that fails."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from crucible_gen.conformance.process import Runner, module_directories
from crucible_gen.diagnostics import Problem, Problems

RUNNER = Runner("E0905", timeout=30, quoted_lines=2)


def refused(runner: Runner, command: list[str], directory: Path) -> Problem:
    with pytest.raises(Problems) as caught:
        runner.run(command, directory)
    [problem] = caught.value.problems
    return problem


def test_exit_code_and_both_outputs_come_back(tmp_path: Path) -> None:
    script = "import os, sys; print(os.getcwd(), os.environ['A']); print('b', file=sys.stderr); sys.exit(4)"
    completed = RUNNER.run([sys.executable, "-c", script], tmp_path, {"A": "1"})
    assert completed == (4, f"{tmp_path.resolve()} 1\n", "b\n")


def test_a_program_gets_no_input_and_an_environment_without_updates_and_dumps(tmp_path: Path) -> None:
    script = "import os, sys; print(repr(sys.stdin.read()), os.environ['HEX_OFFLINE'], os.environ['ERL_CRASH_DUMP'])"
    assert RUNNER.run([sys.executable, "-c", script], tmp_path).stdout == f"'' 1 {os.devnull}\n"


def test_a_program_that_does_not_end_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import os, time; open('child', 'w').write(str(os.getpid())); time.sleep(60)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    began = time.monotonic()
    problem = refused(Runner("E0804", timeout=3, quoted_lines=2), [sys.executable, "-c", script], tmp_path)
    assert (problem.code, problem.message) == ("E0804", f"{Path(sys.executable).name} gave no answer in 3 seconds")
    assert time.monotonic() - began < 30
    assert not is_running(int((tmp_path / "child").read_text()))


def is_running(process: int) -> bool:
    """Whether a process runs, after up to five seconds in which it may end; one that nobody waited for has ended."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.1)
    return True


def test_only_the_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    script = "for _ in range(30000): print('x' * 99)\nprint('last')"
    completed = RUNNER.run([sys.executable, "-c", script], tmp_path)
    assert len(completed.stdout) == 1 << 20
    assert completed.stdout.endswith("x\nlast\n")


def test_output_that_is_no_utf8_does_not_matter(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.buffer.write(b'a\\xff')"
    assert RUNNER.run([sys.executable, "-c", script], tmp_path).stdout == "a\ufffd"


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "elixir").write_text("")
    problem = refused(RUNNER, [str(tmp_path / "elixir")], tmp_path)
    assert problem.code == "E0905"
    assert problem.place.file == "elixir"
    assert problem.message == f"{tmp_path / 'elixir'} cannot be run: Permission denied"


def test_the_last_lines_are_quoted_without_colors() -> None:
    assert RUNNER.quote("a\n\n  \x1b[31mb\x1b[0m \nc\n") == "b | c"


def test_programs_and_interpreters_are_found_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problems) as caught:
        RUNNER.find("elixir")
    assert caught.value.problems[0].message == "elixir is not on the path"
    with pytest.raises(Problems) as caught:
        RUNNER.find_python(tmp_path)
    assert caught.value.problems[0].message == "there is no Python interpreter here"
    interpreter = tmp_path / "bin" / "python"
    interpreter.parent.mkdir()
    interpreter.symlink_to(sys.executable)
    assert RUNNER.find_python(tmp_path) == RUNNER.find_python(interpreter) == interpreter


def test_directories_of_modules_are_sorted_and_those_nearest_win(tmp_path: Path) -> None:
    assert module_directories(tmp_path) == []
    for name in ("b/ebin", "a/ebin"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "Elixir.A.beam").touch()
    assert module_directories(tmp_path) == [tmp_path / "a" / "ebin", tmp_path / "b" / "ebin"]
    (tmp_path / "Elixir.A.beam").touch()
    assert module_directories(tmp_path) == [tmp_path]

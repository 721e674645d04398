"""Runs, listed, shown and compared; and the line that shows one while it is under way."""

from __future__ import annotations

import io
import os
import pty
import time
from pathlib import Path

import pytest

from crucible_runtime import StageError, list_recipes
from crucible_runtime.errors import InputError
from crucible_runtime.rundir.capture import captured
from crucible_runtime.rundir.folder import Folder
from crucible_runtime.rundir.progress import Progress, duration
from crucible_runtime.runs import read
from runtime_samples import sl_basic
from trained import Trainer, config


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def runs(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    try:
        code = list_recipes("runtime_samples", ["runs", *argv])
    except SystemExit as stop:
        assert isinstance(stop.code, int)
        code = stop.code
    found = capfd.readouterr()
    return code, found.out, found.err


def three() -> None:
    """A whole run, one that failed, and one that is under way no more but could not say so."""
    sl_basic.run(config())
    with pytest.raises(StageError):
        sl_basic.run(config(Trainer(stop=5), training_config={"batch_size": 8, "options": {"lora_rank": None}}))
    sl_basic.run(config())
    Path("runs/sl_basic-3/result.json").unlink()


def test_runs_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    three()
    Path("runs/notes").mkdir()
    code, out, err = runs(capfd)
    assert (code, err) == (0, "")
    head, *lines = out.splitlines()
    assert head.split() == ["run", "recipe", "state", "steps", "loss", "reward", "evaluation", "time"]
    assert [line.rsplit("  ", 1)[0].split() for line in lines] == [
        ["sl_basic-1", "sl_basic", "finished", "8", "1", "-", "arithmetic", "1", "of", "1"],
        ["sl_basic-2", "sl_basic", "failed", "5", "1.6", "-", "-"],
        ["sl_basic-3", "sl_basic", "killed", "8", "1", "-", "arithmetic", "1", "of", "1"],
    ]
    assert runs(capfd, "runs")[1] == out
    with Folder.open("runs/sl_basic-2", name="x", resume=True):
        assert "sl_basic-2  sl_basic  running" in runs(capfd)[1]


def test_one_run_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    three()
    code, out, _ = runs(capfd, "sl_basic-2")
    assert code == 0
    assert out.splitlines()[:2] == [
        "runs/sl_basic-2: sl_basic, failed",
        "  stage supervised_train: RuntimeError: failed at step 5",
    ]
    assert runs(capfd, "runs/sl_basic-2")[1] == out
    assert "  arithmetic: 1 of 1\n" in runs(capfd, "sl_basic-1")[1]


def test_two_runs_are_compared(capfd: pytest.CaptureFixture[str]) -> None:
    three()
    code, out, err = runs(capfd, "sl_basic-1", "sl_basic-2", "--report", "both.html")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()[:-1]] == [
        ["configuration", "sl_basic-1", "sl_basic-2"],
        ["training_config.batch_size", "128", "8"],
        ["training_config.options.lora_rank", "32", "-"],
        ["last", "metrics"],
        ["loss", "1", "1.6"],
        ["learning_rate", "0.0001", "0.0001"],
        ["evaluation"],
        ["arithmetic", "1", "of", "1", "-"],
        ["run"],
        ["state", "finished", "failed"],
        ["steps", "8", "5"],
    ]
    assert "<svg" in Path("both.html").read_text()
    assert "  the same\n" in runs(capfd, "sl_basic-1", "sl_basic-3")[1]


def test_what_is_wrong_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert runs(capfd) == (1, "", "error: there is no directory runs: a run makes runs/, or name another one\n")
    three()
    Path("empty").mkdir()
    assert runs(capfd, "empty") == (0, "no runs in empty\n", "")
    assert runs(capfd, "sl_basic-4") == (
        1,
        "",
        "error: there is no run sl_basic-4; did you mean sl_basic-3? Known: sl_basic-1, sl_basic-2, sl_basic-3\n",
    )
    assert runs(capfd, "a", "b", "c")[0] == 2
    assert runs(capfd, "sl_basic-1", "--report", "x")[0] == 2
    assert runs(capfd, "sl_basic-1", "sl_basic-2", "--report", "no/x")[2] == "error: no/x: No such file or directory\n"
    Path("runs/sl_basic-1/config.json").write_text("{")
    code, out, err = runs(capfd)
    assert (code, out) == (1, "")
    assert err.startswith("error: runs/sl_basic-1/config.json is no JSON: ")
    with pytest.raises(InputError, match=r"^there is no run in empty$"):
        read(Path("empty"))


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_shows_how_far_a_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    terminal = Terminal()
    progress = Progress(terminal, width=80)
    progress.begin("supervised_train")
    for step in range(1, 5):
        now[0] += 2
        progress.step(step, 40, {"loss": 6.25 / step, "reward": 0.5, "learning_rate": 1e-4})
    progress.end()
    lines = terminal.getvalue().replace("\x1b[K", "").split("\r")
    assert lines[1] == "supervised_train ..."
    assert lines[2] == "supervised_train  1/40  loss 6.25  reward 0.5  learning_rate 0.0001"
    assert lines[5] == "supervised_train  4/40  loss 1.562  reward 0.5  2 s/step  1:12 min left  learni"
    assert lines[-1] == "supervised_train  4/40, loss 1.562  8.0 s\n"


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.begin("a")
    progress.step(1, 2, {"loss": 1.0})
    progress.end()
    assert stream.getvalue() == ""


def test_the_line_is_seen_while_what_libraries_print_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        progress = Progress()
        progress.begin("a")
        caught: list[str] = []
        with captured(caught.append):
            print("noise")
            progress.step(1, None, {"reward": 0.5})
            progress.end("failed")
        seen = ""
        while "failed" not in seen:
            seen += os.read(ours, 4096).decode()
    os.close(ours)
    assert caught == ["noise"]
    assert "a  step 1, reward 0.5  failed" in seen
    assert "noise" not in seen


def test_times_are_written_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (0.04, 59.9, 61, 3725)] == ["0.0 s", "59.9 s", "1:01 min", "1:02 h"]


def test_a_stream_that_a_library_keeps_still_writes_to_the_log() -> None:
    import sys

    caught: list[str] = []
    with captured(caught.append):
        kept = sys.stderr
        kept.write("half a ")
    kept.write("later\n")
    assert caught == ["half a", "later"]


def test_a_log_that_cannot_be_written_stops_nothing_that_prints() -> None:
    def full(line: str) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), captured(full):
        for _ in range(100):
            os.write(1, b"x" * 4095 + b"\n")
    caught: list[str] = []
    with captured(caught.append):
        os.write(2, "\u00e4".encode()[:1])
        time.sleep(0.05)
        os.write(2, "\u00e4".encode()[1:] + b"\n")
    assert caught == ["\u00e4"]

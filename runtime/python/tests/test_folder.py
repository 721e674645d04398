"""The directory of a run: what is in it, who may use it, how a run is gone on with, and what never gets into it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import crucible_runtime.rundir.folder as folders
from crucible_runtime import Context, Ports, RunConfig, StageError, start
from crucible_runtime.errors import FolderError, InputError
from crucible_runtime.interface.stages import Options, Output
from crucible_runtime.ir import BackendRef, Experiment, StageDef
from crucible_runtime.pipeline.record import recorded
from crucible_runtime.rundir.files import rows
from crucible_runtime.rundir.folder import Folder, state
from crucible_runtime.secrets import scrub
from crucible_runtime.stages import external, supervised_train
from runtime_samples import sl_basic
from trained import DEPLOY, REGISTER, Trainer, config, files

RUNTIME = Path(__file__).parents[1]
SUPPORT = RUNTIME / "tests" / "support"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "trained", *arguments]


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (RUNTIME, SUPPORT)))}


# What is in it


def test_a_run_leaves_a_directory_that_shows_what_happened(place: Path) -> None:
    result = sl_basic.run(config())
    assert result.path == place / "runs" / "sl_basic-1"
    assert sorted(files(result.path)) == [
        ".lock",
        "checkpoints/3",
        "checkpoints/6",
        "config.json",
        "environment.json",
        "experiment.json",
        "metrics.jsonl",
        "model/weights",
        "report.html",
        "result.json",
        "run.log",
        "samples.jsonl",
        "stages/1-supervised_train.json",
        "stages/2-model_register.json",
        "stages/3-deploy.json",
        "stages/4-evaluation.json",
    ]
    written = json.loads((result.path / "result.json").read_text())
    assert (written["state"], written["steps"], written["error"]) == ("finished", 8, None)
    assert [stage["name"] for stage in written["stages"]] == ["supervised_train", "model_register", "deploy"]
    assert written["evaluation"]["scores"][0]["correct"] == 1
    answers = [row for row in rows(result.path / "samples.jsonl") if row["stage"] == "evaluation"]
    assert [(row["task"], row["completion"], row["reward"]) for row in answers] == [("arithmetic", "It is 4.", 1.0)]


def test_the_experiment_is_written_without_what_only_this_run_has() -> None:
    live = sl_basic.Config(log_path="somewhere", train_dataset=[["a"]], logger=print, ports=Ports())
    plain = recorded(sl_basic.build_experiment(), sl_basic.Config())
    assert recorded(sl_basic.build_experiment(live), live) == plain
    assert json.loads(plain)["pipeline"][0]["options"]["train_dataset"] is None
    other = sl_basic.Config(training_config={"epochs": 2})
    assert recorded(sl_basic.build_experiment(other), other) != plain


def test_the_environment_names_no_host_and_no_value_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE_OF_THINGS", "a-value-of-the-environment")
    path = sl_basic.run(config()).path
    assert path is not None
    written = json.loads((path / "environment.json").read_text())
    assert written["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "pyyaml" in {name.lower() for name in written["packages"]}
    for name, data in files(path).items():
        assert b"a-value-of-the-environment" not in data, name
        assert not re.search(rb"\b" + re.escape(socket.gethostname().encode()) + rb"\b", data), name


def test_a_number_that_is_not_finite_is_null_and_a_foreign_number_is_a_number(place: Path) -> None:
    class Foreign:
        def __float__(self) -> float:
            return 0.5

    folder = Folder.open("here", name="x", resume=False)
    folder.metric({"step": 1, "loss": float("nan"), "norm": float("inf"), "mean": Foreign()})
    assert (place / "here" / "metrics.jsonl").read_text() == '{"step": 1, "loss": null, "norm": null, "mean": 0.5}\n'


# Who may use it


def test_runs_get_directories_of_their_own(place: Path) -> None:
    opened = [Folder.open(None, name="a/b", resume=False) for _ in range(3)]
    assert [folder.shown for folder in opened] == [f"runs/a_b-c14cddc0-{number}" for number in (1, 2, 3)]
    (place / "runs" / "a_b-c14cddc0-2" / "metrics.jsonl").write_text("")
    (place / "runs" / "a_b-c14cddc0-12").mkdir()
    assert Folder.open(None, name="a/b", resume=False).path.name == "a_b-c14cddc0-13"


def test_a_second_run_into_a_directory_is_refused(place: Path) -> None:
    with Folder.open("here", name="x", resume=False):
        for resume in (False, True):
            with pytest.raises(InputError, match=r"^another run is in here: wait for its end, or name another"):
                Folder.open("here", name="x", resume=resume)
        assert state(place / "here") == "running"
    with Folder.open("here", name="x", resume=False):
        pass


def test_the_lock_of_a_killed_run_blocks_nobody(place: Path) -> None:
    process = subprocess.Popen(program("here", "sleep"), env=ENVIRONMENT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"trains\n"
    with pytest.raises(InputError, match=r"^another run is in here"):
        sl_basic.run(config(log_path="here"))
    process.kill()
    process.communicate()
    assert state(place / "here") == "killed"
    sl_basic.run(config(log_path="here", resume=True))
    assert state(place / "here") == "finished"


def test_a_child_that_outlives_its_run_does_not_hold_the_directory() -> None:
    with Folder.open("here", name="x", resume=False):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with Folder.open("here", name="x", resume=False):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_directory_with_a_run_is_gone_on_with_only_when_asked_to() -> None:
    sl_basic.run(config(log_path="here"))
    before = files(Path("here"))
    with pytest.raises(InputError, match=r"^there is a run in here already: go on with it with --resume, or name"):
        sl_basic.run(config(log_path="here"))
    assert files(Path("here")) == before


@pytest.mark.parametrize("name", ["model", "metrics.jsonl", "result.json"])
def test_what_belongs_to_no_run_is_not_written_over(name: str, place: Path) -> None:
    (place / "here").mkdir()
    (place / "here" / name).write_text("mine")
    with pytest.raises(InputError, match=rf"^here holds {re.escape(name)}, which is of no run: name another"):
        sl_basic.run(config(log_path="here"))
    assert (place / "here" / name).read_text() == "mine"


def test_there_must_be_a_run_to_resume(place: Path) -> None:
    for name in ("nowhere", "empty"):
        (place / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=rf"^there is no run in {name} to resume$"):
            sl_basic.run(config(log_path=name, resume=True))
        (place / "empty" / ".lock").unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"^no run of sl_basic below runs/ is there to resume$"):
        sl_basic.run(config(resume=True))


def test_a_run_that_was_killed_while_it_began_begins_again() -> None:
    with Folder.open("here", name="x", resume=False) as folder:
        folder.write("config.json", "{}")
        folder.log("the run begins")
    sl_basic.run(config(log_path="here", resume=True))
    assert state(Path("here")) == "finished"


# Going on


def test_a_resumed_run_is_the_same_experiment_on_the_same_engine() -> None:
    with pytest.raises(StageError):
        sl_basic.run(config(Trainer(stop=5), log_path="here"))
    with pytest.raises(InputError) as caught:
        changed = {"batch_size": 64, "options": {"lora_rank": None}}
        sl_basic.run(config(log_path="here", resume=True, training_config=changed))
    assert str(caught.value).splitlines() == [
        "the run in here is of another experiment: resume it with what it was begun with",
        "training_config.batch_size was 128, and is 64 now",
        "training_config.options.lora_rank was 32, and is null now",
    ]

    class Other(Trainer):
        pass

    with pytest.raises(InputError, match=r'engine was "Trainer", and is "Other" now'):
        sl_basic.run(config(Other(), log_path="here", resume=True))


def staged(*options: Mapping[str, Any]) -> Experiment:
    """An experiment that trains, registers, and then has a stage for each of `options`."""
    made = sl_basic.build_experiment(config())
    later = [replace(made.pipeline[2], name=f"deploy{at}", options=each) for at, each in enumerate(options)]
    return replace(made, pipeline=[*made.pipeline[:2], *later])


def ran(made: Experiment, *, resume: bool, fails: bool = False) -> Any:
    def stop(context: Context, options: Options) -> Output:
        raise RuntimeError("the cluster is away")

    wanted = config(log_path="here", resume=resume)
    if fails:
        wanted = replace(wanted, adapters={**wanted.adapters, DEPLOY: stop})
    with start(made, wanted) as pipeline:
        for stage in made.pipeline:
            pipeline.stage(stage.name, external if stage.module in wanted.adapters else supervised_train)
        return pipeline.finish()


def test_settings_of_stages_that_have_not_run_may_change() -> None:
    with pytest.raises(StageError):
        ran(staged({"target": "kubernetes", "config": {"namespace": "My_NS"}}), resume=False, fails=True)
    corrected = staged({"target": "kubernetes", "config": {"namespace": "mine"}}, {"target": "noop"})
    result = ran(corrected, resume=True)
    assert [dict(stage.options) for stage in result.stages[2:]] == [
        {"target": "kubernetes", "config": {"namespace": "mine"}},
        {"target": "noop"},
    ]
    written = json.loads(Path("here/experiment.json").read_text("utf-8"))
    assert written["pipeline"][2]["options"]["config"] == {"namespace": "mine"}
    log = Path("here/run.log").read_text("utf-8")
    assert 'pipeline[2].options.config.namespace was "My_NS", and is "mine" now' in log


def test_settings_of_stages_that_have_run_may_not_change() -> None:
    with pytest.raises(StageError):
        ran(staged({"target": "noop"}), resume=False, fails=True)
    made = staged({"target": "noop"})
    other = replace(made.pipeline[1], options={**made.pipeline[1].options, "model_name": "other"})
    with pytest.raises(InputError, match=r'pipeline\[1\]\.options\.model_name was "sl_basic", and is "other" now'):
        ran(replace(made, pipeline=[made.pipeline[0], other, made.pipeline[2]]), resume=True)


def test_finished_stages_are_not_run_again() -> None:
    ran: list[str] = []

    def note(context: Context, options: Options) -> Output:
        ran.append(context.stage.name)
        if len(ran) == 2:
            raise ConnectionError("gone")
        return {"after": [stage.output for stage in context.finished]}

    trainer = Trainer()
    wanted = replace(config(trainer, log_path="here"), adapters={REGISTER: note, DEPLOY: note})
    with pytest.raises(StageError, match=r"^stage deploy: ConnectionError: gone\n"):
        sl_basic.run(wanted)
    assert json.loads(Path("here/result.json").read_text())["stage"] == "deploy"
    result = sl_basic.run(replace(wanted, resume=True))
    assert (ran, trainer.runs) == (["model_register", "deploy", "deploy"], 1)
    trained, registered, deployed = (stage.output for stage in result.stages)
    assert deployed == {"after": [trained, registered]}
    again = sl_basic.run(replace(wanted, resume=True))
    assert (ran, trainer.runs) == (["model_register", "deploy", "deploy"], 1)
    assert again == result


COMPARED = ("metrics.jsonl", "samples.jsonl", "result.json", "experiment.json", "config.json", "model/weights")


def compared(path: Path) -> dict[str, bytes]:
    found = {name: data for name, data in files(path).items() if name in COMPARED}
    assert len(found) == len(COMPARED)
    return found


@pytest.mark.parametrize("moment", range(0, 34, 3))
def test_a_run_that_was_killed_at_any_moment_ends_like_one_that_was_not(moment: int, place: Path) -> None:
    sl_basic.run(config(log_path="whole"))
    killed = subprocess.run(program("here", str(moment)), env=ENVIRONMENT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert state(place / "here") == "killed"
    if (place / "here" / "experiment.json").exists():
        rows(place / "here" / "metrics.jsonl")
        sl_basic.run(config(log_path="here", resume=True))
    else:
        sl_basic.run(config(log_path="here"))
    assert compared(place / "here") == compared(place / "whole")


def test_a_torn_last_line_is_dropped(place: Path) -> None:
    sl_basic.run(config(log_path="whole"))
    with pytest.raises(StageError):
        sl_basic.run(config(Trainer(stop=5), log_path="here"))
    for name in ("metrics.jsonl", "samples.jsonl"):
        with (place / "here" / name).open("a") as file:
            file.write('{"stage": "supervised_tr')
    assert len(rows(place / "here" / "metrics.jsonl")) == 5
    sl_basic.run(config(log_path="here", resume=True))
    assert compared(place / "here") == compared(place / "whole")


def test_a_resumed_directory_has_whole_lines_before_anything_is_written(place: Path) -> None:
    with pytest.raises(StageError):
        sl_basic.run(config(Trainer(stop=5), log_path="here"))
    whole = (place / "here" / "metrics.jsonl").read_bytes()
    (place / "here" / "metrics.jsonl").write_bytes(whole + b'{"stage"')
    with Folder.open("here", name="sl_basic", resume=True):
        assert (place / "here" / "metrics.jsonl").read_bytes() == whole


def test_a_stage_that_begins_anew_leaves_nothing_of_its_first_attempt() -> None:
    attempts: list[str] = []

    def attempt(context: Context, options: Options) -> Output:
        attempts.append(context.stage.name)
        if len(attempts) == 1:
            context.folder.sample({"stage": context.stage.name, "step": 1, "completion": "half"})
            raise ConnectionError("gone")
        return {}

    wanted = replace(config(log_path="here"), adapters={REGISTER: attempt, DEPLOY: attempt})
    with pytest.raises(StageError):
        sl_basic.run(wanted)
    assert [row["completion"] for row in rows(Path("here/samples.jsonl"))][-1] == "half"
    sl_basic.run(replace(wanted, resume=True))
    assert "half" not in Path("here/samples.jsonl").read_text()


def test_the_latest_unfinished_run_is_taken() -> None:
    for stop in (5, 0, 4, 0):
        try:
            sl_basic.run(config(Trainer(stop=stop)))
        except StageError:
            assert stop
    assert folders.latest("sl_basic") == Path("runs/sl_basic-3")
    assert sl_basic.run(config(resume=True)).path == Path.cwd() / "runs" / "sl_basic-3"
    assert folders.latest("sl_basic") == Path("runs/sl_basic-1")


def test_a_run_can_be_moved() -> None:
    with pytest.raises(StageError):
        sl_basic.run(config(Trainer(stop=5), log_path="here"))
    Path("here").rename("there")
    result = sl_basic.run(config(log_path="there", resume=True))
    assert str(Path.cwd()).encode() not in b"".join(compared(Path("there")).values())
    assert result.stages[0].output["model"] == "model"


# What the system refuses


def test_a_file_in_the_way_is_one_message(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(FolderError, match=r"file: File exists$"):
        sl_basic.run(config(log_path="file"))
    with pytest.raises(FolderError, match=r"below: Not a directory$"):
        sl_basic.run(config(log_path="file/below"))


def test_a_full_disk_is_one_message_and_nothing_is_lost(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    room = [700]

    def write(descriptor: int, data: bytes) -> int:
        """Writes what there is room for, as a system does."""
        if room[0] <= 0:
            raise OSError(28, "No space left on device")
        written = real(descriptor, data[: room[0]])
        room[0] -= written
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(
            StageError, match=r"jsonl: No space left on device; make room, and then go on with --resume"
        ):
            sl_basic.run(config(log_path="here"))
    assert state(place / "here") == "failed"
    assert not all((place / "here" / name).read_bytes().endswith(b"}\n") for name in ("metrics.jsonl", "samples.jsonl"))
    sl_basic.run(config(log_path="here", resume=True))
    sl_basic.run(config(log_path="whole"))
    assert compared(place / "here") == compared(place / "whole")


def test_a_result_that_cannot_be_written_does_not_hide_why_the_run_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    class Last(Trainer):
        def train(self, context: Context, options: Options) -> Output:
            monkeypatch.setattr(folders, "replace", full)
            raise RuntimeError("the reason")

    with pytest.raises(StageError, match=r"^stage supervised_train: RuntimeError: the reason\n") as caught:
        sl_basic.run(config(Last(), log_path="here"))
    assert "not all of that could be written down: " in caught.value.__notes__[-1]


def test_a_file_is_written_whole_or_not_at_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Folder.open("here", name="x", resume=False) as folder:
        folder.write("a.json", "old")
        monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(FolderError, match=r"a\.json: Input/output error$"):
            folder.write("a.json", "new")
    assert files(place / "here") == {".lock": b"", "a.json": b"old"}


# Several processes


def test_other_processes_train_too_and_write_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"several processes train together: name the directory .* --log-path"):
        sl_basic.run(config())
    monkeypatch.setenv("RANK", "1")
    trainer = Trainer(leave=False)

    def never(context: Context, options: Options) -> Output:
        raise AssertionError

    result = sl_basic.run(replace(config(trainer, log_path="here"), adapters={REGISTER: never, DEPLOY: never}))
    assert trainer.runs == 1
    assert [dict(stage.output) for stage in result.stages[1:]] == [{}, {}]
    assert result.evaluation is None
    assert list(place.iterdir()) == []


# Secrets


SECRETS = {
    "TINKER_API_KEY": "tml-planted-1",
    "HF_TOKEN": "hf_planted_2",
    "MLFLOW_TRACKING_PASSWORD": 'plan"ted\\<3>&',
    "MY_OWN_SECRET": "planted-in-line-one\ntwo lines of a secret key",
}


def planted(said: str) -> Callable[[Context, Options], Output]:
    def stage(context: Context, options: Options) -> Output:
        for secret in SECRETS.values():
            print(secret)
            print(f"https://user:planted-in-url@host/{secret}", file=sys.stderr)
            os.write(1, secret.encode() + b"\n")
        context.folder.sample({"stage": "x", "step": 1, "prompt": said, "completion": said})
        context.folder.write("artifacts/deploy.yaml", said)
        return {"told": said}

    return stage


def test_no_secret_is_written_or_shown(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    said = "\n".join(SECRETS.values())

    class Telling(Trainer):
        def train(self, context: Context, options: Options) -> Output:
            with context.folder.captured():
                planted(said)(context, options)
            return super().train(context, options)

    def fail(context: Context, options: Options) -> Output:
        raise ConnectionError(said)

    wanted = replace(config(Telling(), log_path="here"), adapters={REGISTER: fail})
    with pytest.raises(StageError):
        sl_basic.run(wanted)
    from crucible_runtime.cli.output import guarded

    def again() -> list[str]:
        sl_basic.run(replace(wanted, resume=True))
        return []

    assert guarded(again) == 1
    shown = capfd.readouterr()
    found = {**files(Path("here")), "out": shown.out.encode(), "err": shown.err.encode()}
    assert b"***" in found["run.log"]
    assert b"***" in found["samples.jsonl"]
    assert b"***" in found["err"]
    for name, data in found.items():
        for part in (
            b"planted",
            b'plan"ted',
            b"two lines of a secret",
            b"plan&quot;ted",
            b"plan&#34;ted",
            b'plan\\"ted',
        ):
            assert part not in data, name


def test_what_is_short_or_no_secret_stays() -> None:
    environment: Mapping[str, str] = {"A_KEY": "short", "KEYBOARD": "qwertyuiop", "TOKEN": "abcdef"}
    assert scrub("short qwertyuiop abcdef https://a.b/c@d", environment) == "short qwertyuiop *** https://a.b/c@d"
    assert scrub("http://me:pw@host:1/x", {}) == "http://***@host:1/x"


def test_a_stage_that_would_end_the_process_has_failed() -> None:
    experiment = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name="one")])
    with (
        pytest.raises(StageError, match=r"^stage one: it tried to end the process: 3"),
        start(experiment, RunConfig()) as pipeline,
    ):
        pipeline.stage("one", lambda context, options: sys.exit(3))


def test_what_a_stage_leaves_must_fit_into_json() -> None:
    experiment = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name="one")])
    value: Any = object()
    with (
        pytest.raises(StageError, match=r"^stage one: what it returned is not for JSON"),
        start(experiment) as pipeline,
    ):
        pipeline.stage("one", lambda context, options: {"a": value})

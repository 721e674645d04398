"""What is asked before a run: each declaration has an input that only it refuses, and nothing supplied is ignored."""

from __future__ import annotations

import base64
import http.server
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar

import pytest

from crucible_runtime import Ports, RunConfig
from crucible_runtime.engines.checks import SECONDS
from crucible_runtime.engines.tinker import TinkerEngine
from crucible_runtime.engines.trl import TrlEngine
from crucible_runtime.errors import InputError, PreflightError
from crucible_runtime.evals import evaluate
from crucible_runtime.evaluation import Evaluation, Sample, Task
from crucible_runtime.experiment import rules
from crucible_runtime.experiment.canonical import config_hash
from crucible_runtime.interface import preflight as declarations
from crucible_runtime.interface.environments import Outcome
from crucible_runtime.interface.preflight import Check, Inquiry, called, checks_of, used_by
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.mlops import names
from crucible_runtime.preflight import Report, examine, inquiry
from crucible_runtime.preflight.supplied import PIPELINE

REGISTER = "CrucibleModelRegistry.Stages.Register"
PROMOTE = "CrucibleModelRegistry.Stages.Promote"
DEPLOY = "CrucibleDeployment.Stages.Deploy"
EXPORT = "CrucibleFeedback.Stages.ExportFeedback"
TRIGGERS = "CrucibleFeedback.Stages.CheckTriggers"
STAGES = {
    "supervised": "CrucibleTrain.Stages.SupervisedTrain",
    "rl": "CrucibleTrain.Stages.RLTrain",
    "preference": "CrucibleTrain.Stages.DPOTrain",
    "distillation": "CrucibleTrain.Stages.Distillation",
}
ROWS = [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}]
PREFERENCES = [{"prompt": "?", "chosen": "a", "rejected": "b"}]
GOOD = TrainingConfig(
    id="e",
    model_ref=ModelRef(id="tiny", provider="generated"),
    dataset_ref=DatasetRef(name="mine", provider="inline", options={"rows": ROWS}),
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, without a registry and without credentials."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PATH", "WORLD_SIZE"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))  # set back afterwards
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "TINKER_API_KEY", "TINKER_CREDENTIAL_CMD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@dataclass(frozen=True, kw_only=True)
class Config(RunConfig):
    """As a generated module of type supervised has it."""

    train_dataset: Any = None
    training_client: Any = None
    logger: Any = None


def experiment(
    training: TrainingConfig = GOOD, *stages: StageDef, kind: str = "supervised", **options: Any
) -> Experiment:
    first = StageDef(name="train", module=STAGES[kind], options=options)
    return Experiment(id="e", backend=BackendRef(id="b"), pipeline=[first, *stages], training_config=training)


def rl(env: str = "arithmetic", **options: Any) -> TrainingConfig:
    given = {"env": env, "group_size": 2, "max_tokens": 8, "num_batches": 1, **options}
    return replace(GOOD, dataset_ref=DatasetRef(name=env, provider="generated"), options=given)


def register(**options: Any) -> StageDef:
    given = {"model_name": "m", "recipe": "e", "base_model": "b", "training_config": GOOD, **options}
    return StageDef(name="model_register", module=REGISTER, options=given)


def report(made: Experiment, config: RunConfig | None = None, evaluation: Evaluation | None = None) -> Report:
    """What all checks say where a plan is made."""
    return examine(inquiry(made, config or Config(), evaluation))


def registry(path: Path) -> None:
    """The tables of a registry that has GOOD."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE model_versions (name, version, run_id, current_stage);"
        "CREATE TABLE model_version_tags (name, version, key, value);"
        "INSERT INTO model_versions VALUES ('m', 3, 'r', 'None');"
        f"INSERT INTO model_version_tags VALUES ('m', 3, 'config_hash', '{config_hash(GOOD)}');"
    )
    connection.commit()
    connection.close()


class Endless:
    """Environments with a second turn, and ones whose reward is broken."""

    adapter = None

    def __init__(self, settings: Any) -> None:
        self.made = settings

    def environment(self, row: Mapping[str, Any]) -> Any:
        return self

    def initial_observation(self) -> Any:
        return [{"role": "user", "content": "?"}]

    def rows(self, seed: int) -> Iterator[Mapping[str, Any]]:
        yield {}

    def problems(self) -> list[str]:
        return []

    def step(self, completion: str, *, ended: bool = True) -> Any:
        return Outcome(reward=0.0, stop=False, observation=[{"role": "user", "content": "Again."}])


class Broken(Endless):
    def step(self, completion: str, *, ended: bool = True) -> Any:
        raise KeyError("answer")


class Slow(Endless):
    def step(self, completion: str, *, ended: bool = True) -> Any:
        time.sleep(20 * SECONDS)


def environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs the environments above."""
    from importlib.metadata import EntryPoint

    real = entry_points
    ours = [
        EntryPoint(name.lower(), f"{__name__}:{name}", "crucible_runtime.environments")
        for name in ("Endless", "Broken", "Slow")
    ]

    def points(group: str) -> Any:
        return [*real(group=group), *(each for each in ours if each.group == group)]

    monkeypatch.setattr("importlib.metadata.entry_points", points)


@dataclass(frozen=True)
class Case:
    """An input that one check refuses, and a part of what it says."""

    made: Experiment
    message: str
    config: RunConfig = field(default_factory=Config)
    evaluation: Evaluation | None = None
    before: Callable[[], None] | None = None


TASK = Task(name="t", scorer="contains", samples=[Sample(id="1", input="?", target=" ")])
LOCAL = ModelRef(id="no/such/model", provider="local")
CASES: Mapping[str, Case] = {
    "trl data set": Case(
        experiment(replace(GOOD, dataset_ref=DatasetRef(name="none.jsonl", provider="local"))),
        "data set none.jsonl: there is no such file",
    ),
    "trl model": Case(experiment(replace(GOOD, model_ref=LOCAL)), "model no/such/model cannot be loaded"),
    "trl checkpoints": Case(
        experiment(replace(GOOD, options={"load_checkpoint_path": "no/such"})),
        "training_config.options.load_checkpoint_path no/such: the directory is not there",
    ),
    "trl other models": Case(
        experiment(
            replace(
                GOOD,
                model_ref=replace(LOCAL, id="student"),
                dataset_ref=DatasetRef(name="d", provider="inline", options={"rows": PREFERENCES}),
                options={"reference_model": "no/such/reference"},
            ),
            kind="preference",
        ),
        "model no/such/reference cannot be loaded",
    ),
    "trl device": Case(experiment(replace(GOOD, device="mps")), "this is no Mac with Apple silicon"),
    "trl reward of one turn": Case(
        experiment(rl("endless"), kind="rl"), "environment endless goes on after the first answer"
    ),
    "tinker data set": Case(
        experiment(replace(GOOD, dataset_ref=DatasetRef(name="none.jsonl", provider="local"))),
        "data set none.jsonl: there is no such file",
        Config(engine="tinker"),
    ),
    "tinker processes": Case(
        experiment(),
        "engine tinker trains on the service: start one process",
        Config(engine="tinker"),
        before=lambda: os.environ.__setitem__("WORLD_SIZE", "2"),
    ),
    "tinker key": Case(experiment(), "engine tinker needs a key", Config(engine="tinker")),
    "tinker reward": Case(
        experiment(rl("broken"), kind="rl"),
        "environment broken failed on its first problem: KeyError: 'answer'",
        Config(engine="tinker"),
    ),
    f"{REGISTER} registration": Case(
        experiment(GOOD, register(model_name="org/model")), "MLflow takes no / and no : in the name of a model"
    ),
    f"{REGISTER} duplicate": Case(
        experiment(GOOD, register()),
        "duplicate_config: models:/m/3 in the registry mlflow.db",
        before=lambda: (Path("runs").mkdir(), registry(Path("runs/mlflow.db")))[0],
    ),
    f"{PROMOTE} stage of life": Case(
        experiment(GOOD, StageDef(name="promote", module=PROMOTE, options={"stage": "prod"})),
        "options.stage must be one of experiment, staging, production, archived, found prod",
    ),
    f"{DEPLOY} deployment": Case(
        experiment(
            GOOD, StageDef(name="deploy", module=DEPLOY, options={"target": "kubernetes", "config": {"replica": 2}})
        ),
        "target kubernetes has no options.config.replica; did you mean replicas?",
    ),
    f"{DEPLOY} carried out": Case(
        experiment(GOOD, StageDef(name="deploy", module=DEPLOY, options={"target": "kubernetes"})),
        "kubectl is not on the path, and target kubernetes needs it",
        Config(apply=True),
        before=lambda: os.environ.__setitem__("PATH", ""),
    ),
    f"{EXPORT} export": Case(
        experiment(GOOD, StageDef(name="export", module=EXPORT, options={"format": "csv"})),
        "options.format csv is not known",
    ),
    f"{TRIGGERS} conditions": Case(
        experiment(GOOD, StageDef(name="triggers", module=TRIGGERS, options={"window_size": 0})),
        "options.window_size must be at least 1, found 0",
    ),
    "evaluation tasks": Case(
        experiment(),
        "task t, sample 1: the target ' ' is in nearly every answer",
        evaluation=Evaluation(tasks=[TASK]),
    ),
}
"""For each check that is declared anywhere, an input that only it refuses."""


def declared() -> Iterator[tuple[str, object, Check]]:
    """Every check that something installed declares, under the name that CASES has."""
    yield from ((f"trl {called(each)}", TrlEngine, each) for each in checks_of(TrlEngine))
    yield from ((f"tinker {called(each)}", TinkerEngine, each) for each in checks_of(TinkerEngine))
    for point in entry_points(group="crucible_runtime.stages"):
        yield from ((f"{point.name} {called(each)}", point.load(), each) for each in checks_of(point.load()))
    for point in entry_points(group="crucible_runtime.environments"):
        yield from ((f"{point.name} {called(each)}", point.load(), each) for each in checks_of(point.load()))
    yield from ((f"evaluation {called(each)}", evaluate, each) for each in checks_of(evaluate))


def found(case: Case) -> list[str]:
    made = examine(inquiry(case.made, case.config, case.evaluation))
    return [line.message for line in made.lines if line.state != "ok"]


def test_every_check_has_a_case() -> None:
    assert sorted(name for name, *_ in declared()) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_declaration_is_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environments(monkeypatch)
    case = CASES[name]
    if name == f"{REGISTER} duplicate":
        case = replace(case, made=experiment(REAL, register(training_config=GOOD)))
    if case.before is not None:
        case.before()
    assert any(case.message in message for message in found(case)), found(case)
    thing, check = next((thing, check) for each, thing, check in declared() if each == name)
    left = tuple(each for each in checks_of(thing) if each is not check)
    monkeypatch.setattr(thing, declarations._CHECKS, left)
    assert not any(case.message in message for message in found(case))


REAL = replace(GOOD, model_ref=ModelRef(id="a/b", provider="huggingface"))
"""A model that is not made on the spot: its registry is the shared one."""


def test_what_is_good_has_no_problems() -> None:
    everything = experiment(
        GOOD,
        register(),
        StageDef(name="deploy", module=DEPLOY, options={"target": "noop"}),
        StageDef(name="export", module=EXPORT, options={}),
        StageDef(name="triggers", module=TRIGGERS, options={}),
    )
    assert report(everything).problems == ()
    assert not list(Path.cwd().iterdir()), "nothing is created"


# What the caller supplies


@dataclass(frozen=True)
class Supplied:
    """Something that the caller supplies, a run that has no use for it, and one that has."""

    config: Callable[[], RunConfig]
    message: str
    made: Experiment = field(default_factory=experiment)


class Client:
    """An adapter of every port."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


SUPPLIED: Mapping[str, Supplied] = {
    "train_dataset": Supplied(lambda: Config(train_dataset=[1]), "train_dataset is supplied, and engine trl does not"),
    "train_dataset with tinker": Supplied(
        lambda: Config(train_dataset=[1], engine="tinker"), "train_dataset is supplied, and engine tinker does not use"
    ),
    "training_client": Supplied(lambda: Config(training_client=Client()), "training_client is supplied"),
    "logger": Supplied(lambda: Config(logger=Client()), "logger is supplied, and engine trl does not use it: every"),
    "base_url": Supplied(lambda: Config(base_url="http://x"), "--base-url is supplied, and engine trl does not use it"),
    "apply": Supplied(lambda: Config(apply=True), "--apply: the recipe deploys nothing"),
    "allow_unsandboxed": Supplied(lambda: Config(allow_unsandboxed=True), "--allow-unsandboxed: the recipe runs no"),
    "adapters": Supplied(
        lambda: Config(adapters={"CrucibleTrain.Stages.SupervizedTrain": lambda context, options: {}}),
        "adapters: the recipe has no stage CrucibleTrain.Stages.SupervizedTrain; did you mean",
    ),
    "an adapter that trains": Supplied(
        lambda: Config(adapters={STAGES["supervised"]: lambda context, options: {}}), "an engine runs it: supply engine"
    ),
    "a port": Supplied(
        lambda: Config(ports=Ports(blob_store=Client())), "ports.blob_store is supplied, and engine trl does not use it"
    ),
    "a client without an evaluation": Supplied(
        lambda: Config(ports=Ports(sampling_client=Client())), "the recipe asks the model nothing after the run"
    ),
    "overrides that are not in place": Supplied(
        lambda: Config(training_config={"epochs": 3}), "training_config.epochs is overridden, and the experiment has"
    ),
    "an engine that trains nothing": Supplied(
        lambda: Config(engine="trl"),
        "engine trl: this recipe trains nothing",
        Experiment(id="e", backend=BackendRef(id="b"), pipeline=[]),
    ),
    "a live value in a hand-made stage": Supplied(
        RunConfig, "logger is supplied, and engine trl does not use it", experiment(logger=Client())
    ),
}


@pytest.mark.parametrize("name", SUPPLIED)
def test_what_nobody_uses_is_refused_by_name(name: str) -> None:
    case = SUPPLIED[name]
    problems = report(case.made, case.config()).problems
    assert any(case.message in problem for problem in problems), problems


def test_what_somebody_uses_is_taken() -> None:
    deploys = experiment(GOOD, register(), StageDef(name="deploy", module=DEPLOY, options={"target": "noop"}))
    assert report(deploys, Config(apply=True)).problems == ()
    told = report(experiment(), Config(base_url="http://x", engine="tinker")).problems
    assert not any("--base-url" in each for each in told)
    evaluation = Evaluation(tasks=[replace(TASK, scorer="exact_match")])
    assert report(experiment(), Config(ports=Ports(sampling_client=Client())), evaluation).problems == ()


@pytest.mark.parametrize(
    ("module", "used"),
    [
        ("trl", ()),
        ("tinker", ("base_url",)),
        (DEPLOY, ("apply",)),
        ("CrucibleDeployment.Stages.Promote", ("apply",)),
        ("CrucibleDeployment.Stages.Rollback", ("apply",)),
        (REGISTER, ()),
        (PROMOTE, ()),
        (EXPORT, ()),
        (TRIGGERS, ()),
        ("deepcoder", ("allow_unsandboxed",)),
    ],
)
def test_everything_that_ships_declares_what_it_uses(module: str, used: tuple[str, ...]) -> None:
    groups = ("crucible_runtime.engines", "crucible_runtime.stages", "crucible_runtime.environments")
    point = next(each for group in groups for each in entry_points(group=group) if each.name == module)
    assert used_by(point.load()) == used


# Stages and the training configuration


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.5}, "options.learning_rate is 0.5, and training_config.learning_rate is"),
        ({"num_epochs": 7}, "options.num_epochs is 7, and training_config.epochs is 1"),
        ({"lr_schedule": "cosine"}, 'options.lr_schedule is "cosine", and training_config.options.lr_schedule is null'),
        ({"training_config": REAL}, "options.training_config is another one"),
        ({"log_path": "elsewhere"}, "options.log_path is elsewhere, and the run writes to a new directory below runs/"),
    ],
)
def test_a_stage_that_disagrees_with_the_training_configuration_is_refused(
    options: dict[str, Any], message: str
) -> None:
    problems = report(experiment(**options), RunConfig()).problems
    assert any(message in problem for problem in problems), problems


def test_a_stage_that_repeats_the_training_configuration_agrees() -> None:
    same = {"training_config": GOOD, "num_epochs": 1, "learning_rate": GOOD.learning_rate, "lr_schedule": "linear"}
    assert report(experiment(**same, save_every=0), RunConfig()).problems == ()


# Time, and what is reported


def test_a_reward_that_takes_long_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    environments(monkeypatch)
    begin = time.monotonic()
    made = report(experiment(rl("slow"), kind="rl"))
    assert time.monotonic() - begin < 0.5
    assert made.problems == ()
    assert f"environment slow: the reward took longer than {SECONDS} s" in made.unchecked()


def test_local_checks_import_nothing_heavy_and_take_less_than_half_a_second(place: Path) -> None:
    registry(place / "mlflow.db")
    program = """
import sys, time
sys.path.insert(0, sys.argv[1])
from test_preflight import *
made = experiment(REAL, register(training_config=REAL), StageDef(name="d", module=DEPLOY, options={"target": "noop"}))
begin = time.process_time()
assert not report(made, Config(log_path="run")).problems
assert time.process_time() - begin < 0.5, time.process_time() - begin
print(*{"torch", "trl", "mlflow", "transformers", "tinker", "inspect_ai", "datasets"} & {*sys.modules})
"""
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", program, here], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_the_report_is_data() -> None:
    made = report(experiment(replace(GOOD, model_ref=LOCAL)))
    told = json.loads(made.json())
    assert told["state"] == "problem"
    assert {tuple(sorted(each)) for each in told["checks"]} == {("asked", "check", "message", "state")}
    assert {each["state"] for each in told["checks"]} <= {"ok", "problem", "not checked"}
    with pytest.raises(PreflightError, match=r"model no/such/model cannot be loaded"):
        made.raise_problems()


def test_a_check_that_fails_itself_is_reported_and_keeps_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(asked: Inquiry) -> Iterator[Any]:
        raise KeyError("x")
        yield

    def wrong(asked: Inquiry) -> Iterator[Any]:
        raise InputError("that is wrong")
        yield

    monkeypatch.setattr(TrlEngine, declarations._CHECKS, (odd, wrong))
    made = report(experiment())
    assert made.problems == ("that is wrong",)
    assert "odd: the check failed: KeyError: 'x'" in made.unchecked()


# The registry of a server


class Server(http.server.BaseHTTPRequestHandler):
    """MLflow's REST interface, as far as it is asked; `told` is what it answers."""

    told: ClassVar[tuple[int, Any]] = (200, {})
    heard: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        Server.heard.append((self.path, self.headers.get("Authorization")))
        status, body = Server.told
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    Server.heard.clear()
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:hunter22@127.0.0.1:{made.server_address[1]}/base/")
    yield f"127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    made.server_close()


REGISTERS = experiment(REAL, register(training_config=GOOD))


def registry_lines(**more: Any) -> list[tuple[str, str]]:
    made = examine(inquiry(REGISTERS, Config(), None, **more))
    return [(line.state, line.message) for line in made.lines if line.check == "duplicate"]


def test_a_registry_that_is_named_is_asked_for_a_model_made_on_the_spot_too(server: str) -> None:
    """It goes there as well: only where none is named does it have a registry inside its own run."""
    tags = [{"key": "config_hash", "value": config_hash(GOOD)}]
    Server.told = (200, {"model_versions": [{"name": "m", "version": "4", "run_id": "r", "tags": tags}]})
    toy = replace(REGISTERS, training_config=GOOD)
    assert names.is_toy(toy)
    made = examine(inquiry(toy, Config(), None, begins=True))
    assert [line.state for line in made.lines if line.check == "duplicate"] == ["problem"]


def test_a_server_is_asked_where_a_run_begins(server: str) -> None:
    tags = [{"key": "config_hash", "value": config_hash(GOOD)}]
    Server.told = (200, {"model_versions": [{"name": "m", "version": "4", "run_id": "r", "tags": tags}]})
    [(state, message)] = registry_lines(begins=True)
    assert state == "problem"
    assert message.startswith(f"duplicate_config: models:/m/4 in the registry http://***@{server}/base/ has the same")
    [(path, account)] = Server.heard
    assert path.startswith("/base/api/2.0/mlflow/model-versions/search?filter=tags.config_hash+%3D+%27")
    assert account == "Basic " + base64.b64encode(b"me:hunter22").decode()
    Server.told = (200, {})
    assert registry_lines(begins=True) == [("ok", "")]


def test_a_server_is_not_asked_for_a_plan(server: str) -> None:
    [(state, message)] = registry_lines()
    assert (state, "is asked when the run begins" in message) == ("not checked", True)
    assert Server.heard == []


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [(401, "problem", "refuses the account"), (500, "not checked", "it answers with status 500")],
)
def test_a_server_that_does_not_answer_well(status: int, state: str, words: str, server: str) -> None:
    Server.told = (status, {})
    [(found, message)] = registry_lines(network=True)
    assert found == state
    assert words in message
    assert "hunter22" not in message


def test_a_server_that_is_not_there_is_a_problem_before_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hunter22@127.0.0.1:9")
    [(state, message)] = registry_lines(begins=True)
    assert (state, "cannot be read" in message, "hunter22" in message) == ("problem", True, False)


def test_a_file_that_is_no_registry_is_a_problem_before_the_training(place: Path) -> None:
    Path("runs").mkdir()
    Path("runs/mlflow.db").write_text("no database")
    [(state, message)] = registry_lines(begins=True)
    assert state == "problem"
    assert "the MLflow registry at mlflow.db cannot be read: file is not a database" in message


# Every place where something can be declared or supplied


def shipped() -> Iterator[tuple[str, object]]:
    """Everything of this package that may declare something, by the name of its entry point."""
    for group in ("crucible_runtime.engines", "crucible_runtime.stages", "crucible_runtime.environments"):
        for point in entry_points(group=group):
            if point.value.startswith("crucible_runtime."):
                yield point.name, point.load()


NEEDS = {
    "trl": ("local", ("accelerate", "datasets", "peft", "torch", "transformers", "trl")),
    "tinker": ("tinker", ("tinker", "tinker_cookbook")),
    REGISTER: ("mlops", ("alembic", "mlflow", "sqlalchemy")),
    PROMOTE: ("mlops", ("alembic", "mlflow", "sqlalchemy")),
}
"""The extra and the modules of each thing that imports more than the runtime does."""


def test_what_is_imported_is_declared() -> None:
    found = {name: needed for name, thing in shipped() if (needed := getattr(thing, "__crucible_needs__", None))}
    assert found == NEEDS


def test_every_engine_and_stage_says_what_it_uses() -> None:
    environments = {point.name for point in entry_points(group="crucible_runtime.environments")}
    assert [name for name, thing in shipped() if used_by(thing) is None and name not in environments] == []


@pytest.mark.parametrize("engine", ["trl", "tinker"])
@pytest.mark.parametrize("kind", STAGES)
def test_no_live_value_of_any_training_stage_is_ignored(kind: str, engine: str) -> None:
    names = [name for name in rules.live(STAGES[kind]) if name not in ("ports", "log_path")]
    assert names
    problems = report(experiment(kind=kind, **dict.fromkeys(names, Client())), RunConfig(engine=engine)).problems
    for name in names:
        assert any(each.startswith(f"{name} is supplied, and engine {engine} does not use it") for each in problems)


@pytest.mark.parametrize("port", [each.name for each in fields(Ports)])
def test_no_port_is_ignored(port: str) -> None:
    problems = report(experiment(), Config(ports=Ports(**{port: Client()}))).problems
    assert any(each.startswith(f"ports.{port} is supplied") for each in problems)


@pytest.mark.parametrize("name", [each.name for each in fields(RunConfig)])
def test_every_field_of_a_config_has_a_case(name: str) -> None:
    """A field that is new must be used by the pipeline, or refused where nobody uses it."""
    cases = {"ports": "a port", "training_config": "overrides that are not in place"}
    assert name in PIPELINE or cases.get(name, name) in SUPPLIED or name == "engine"

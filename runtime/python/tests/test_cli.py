"""The command line of a generated module, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crucible_runtime import Context, RunConfig, list_recipes, main, pretty, recipes
from crucible_runtime.errors import InputError
from crucible_runtime.experiment.values import parse
from crucible_runtime.plugins import ENGINES
from runtime_samples import rl_basic, sl_basic

REGISTER = "CrucibleModelRegistry.Stages.Register"
DEPLOY = "CrucibleDeployment.Stages.Deploy"
RUNTIME = Path(__file__).parents[1]
SUPPORT = RUNTIME / "tests" / "support"
SETS = ["--set", "training_config.epochs=3", "--set", "training_config.options={lora_rank: 8, lr_schedule: null}"]
PLAN = """\
rl_basic: Reinforcement learning on gsm8k.
Backend tinker; nothing runs, this is the plan.

Training
  model          meta-llama/Llama-3.1-8B (huggingface)
  dataset        openai/gsm8k (huggingface, train)
  epochs         1
  batch_size     128
  learning_rate  4.0e-5
  optimizer      adam
  loss_function  cross_entropy
  device         cpu
  env            gsm8k
  group_size     4
  max_tokens     256

Stages
  1. data_checks  Crucible.Stage.DataChecks
      required_fields  ["question","answer"]
      fail_fast        true
      checker          Acme.Checker
  2. rl_train  CrucibleTrain.Stages.RLTrain
      training_config    as above
      ports              -
      env_group_builder  -
      token_completer    -
      training_client    -
      log_path           runs/a
      logger             -
      num_batches        1
      learning_rate      4.0e-5
  3. reward_audit  Acme.Stages.RewardAudit
      judge       -
      group_size  4
      threshold   0.5
  4. export_feedback  CrucibleFeedback.Stages.ExportFeedback
"""


class Small:
    """An engine that trains for one epoch."""

    def problems(self, experiment: Any, config: Any) -> list[str]:
        return ["engine small trains once"] if experiment.training_config.epochs > 1 else []

    def plan(self, experiment: Any, config: Any) -> str:
        return "one\ntwo"

    def train(self, context: Context, options: Any) -> dict[str, Any]:
        context.step(1, 1, {"loss": 0.5})
        return {"model": "model", "steps": 1}

    def sampler(self, context: Context, model: str) -> Any:
        return Four()


class Four:
    """A sampling client that knows one answer."""

    start_session = close_session = sample = sample_stream = compute_logprobs = lambda self, *_, **__: None

    def await_(self, future: Any) -> Any:
        return {"sequences": [{"text": "4"}]}


class Whole:
    """The recipe where its stages are there."""

    Config = sl_basic.Config
    build_experiment = staticmethod(sl_basic.build_experiment)
    evaluation = staticmethod(sl_basic.evaluation)

    @staticmethod
    def done(context: Context, options: Any) -> dict[str, Any]:
        return {"done": True}

    @classmethod
    def run(cls, config: sl_basic.Config) -> Any:
        return sl_basic.run(replace(config, adapters={REGISTER: cls.done, DEPLOY: Whole.done}))


class Broken(Whole):
    """The recipe where a stage fails."""

    @staticmethod
    def done(context: Context, options: Any) -> dict[str, Any]:
        raise RuntimeError("the registry is away")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs write below the current directory, and two engines are installed."""
    monkeypatch.chdir(tmp_path)
    points = [EntryPoint(name, f"{__name__}:Small", ENGINES) for name in ("small", "trl")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [p for p in points if p.group == group])


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def ran(capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*argv: str, module: Any = sl_basic) -> Ran:
        try:
            code = main(module, argv=argv)
        except SystemExit as stop:
            assert isinstance(stop.code, int)
            code = stop.code
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@contextmanager
def started(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    paths = os.pathsep.join(map(str, (RUNTIME, SUPPORT)))
    command = [sys.executable, *arguments]
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(map(str, (RUNTIME, SUPPORT)))
    environment = {**os.environ, "PYTHONPATH": paths}
    command: Sequence[str] = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_json_is_the_experiment_and_nothing_else(ran: Any) -> None:
    assert ran("--json") == Ran(0, pretty(sl_basic.build_experiment()), "")
    overridden = sl_basic.Config(
        training_config={"epochs": 3, "options": {"lora_rank": 8, "lr_schedule": None}}, log_path="runs/a"
    )
    assert ran("--json", *SETS, "--log-path", "runs/a") == Ran(0, pretty(sl_basic.build_experiment(overridden)), "")
    stage = json.loads(ran("--json", *SETS).out)["pipeline"][0]["options"]
    assert (stage["num_epochs"], stage["lr_schedule"], stage["save_every"]) == (3, "linear", 20)


def test_a_dry_run_prints_the_plan(ran: Any) -> None:
    found = ran("--dry-run", "--set", "training_config.options.group_size=4", "--log-path", "runs/a", module=rl_basic)
    assert found == Ran(0, PLAN, "")


def test_the_plan_names_what_is_asked_after_the_run(ran: Any) -> None:
    assert ran("--dry-run").out.endswith(
        "\nEvaluation\n  temperature  0.7\n  max_tokens   64\n  arithmetic: 1 sample, contains: the answer has the target in it\n"
    )


def test_a_file_and_flags_add_up_and_flags_win(ran: Any, tmp_path: Path) -> None:
    file = tmp_path / "over.yaml"
    file.write_text("training_config:\n  epochs: 2\n  options: {lora_rank: 8, max_steps: 5}\nlog_path: no\n")
    flags = ["--config", str(file), "--set", "training_config.options.lora_rank=16", "--log-path", "runs/b"]
    experiment = json.loads(ran("--json", *flags).out)
    assert experiment["training_config"]["epochs"] == 2
    assert experiment["training_config"]["options"]["lora_rank"] == 16
    assert experiment["training_config"]["options"]["max_steps"] == 5
    assert experiment["pipeline"][0]["options"]["log_path"] == "runs/b"
    assert json.loads(ran("--json", "--config", str(file)).out)["pipeline"][0]["options"]["log_path"] == "no"
    file.write_text('{"training_config": {"learning_rate": 1e-5}}')
    assert '"learning_rate": 1.0e-5' in ran("--json", "--config", str(file)).out


LIVE = "is a live value: only Python can supply it"
KNOWN = "Known: training_config, engine, log_path, resume, apply, allow_unsandboxed, base_url"
SET = "(from --set)"
WRONG: list[tuple[dict[str, str], list[str]]] = [
    ({"training_config.epochs": "0"}, [f"training_config.epochs must be at least 1, found 0 {SET}"]),
    ({"training_config.epochs": "two"}, [f'training_config.epochs must be a whole number, found "two" {SET}']),
    ({"training_config": "3"}, [f"training_config must be a mapping of its fields {SET}"]),
    ({"confg.epochs": "3"}, [f"there is no confg to set; {KNOWN} {SET}"]),
    (
        {"training_confg.epochs": "3"},
        [f"there is no training_confg to set; did you mean training_config? {KNOWN} {SET}"],
    ),
    ({"ports": "3", "train_dataset": "x"}, [f"ports {LIVE} {SET}", f"train_dataset {LIVE} {SET}"]),
    ({"apply": "maybe"}, [f"apply must be true or false, or local {SET}"]),
    ({"training_config.seed": "[1"}, ["--set training_config.seed:1:1: `[` is never closed; close it with `]`"]),
    (
        {"training_config.seed": "!!int 3"},
        [f'training_config.seed must be a whole number or null, found "!!int 3" {SET}'],
    ),
    (
        {"training_config.seed": ".inf"},
        ["--set training_config.seed: expected a finite number, found .inf: JSON has no such value"],
    ),
    (
        {"training_config.seed": "{a: 1, a: 2}"},
        ["--set training_config.seed:1:8: the key `a` stands twice in this mapping; keep one of them"],
    ),
    (
        {"training_config.seed": "9" * 19},
        [f"--set training_config.seed: the integer {'9' * 19} does not fit 64 bits"],
    ),
    ({"engine": "tlr"}, ["engine tlr is not installed; did you mean trl? Known: small, trl"]),
]


@pytest.mark.parametrize(("sets", "messages"), WRONG)
def test_what_is_wrong_is_said_and_nothing_else(ran: Any, sets: dict[str, str], messages: list[str]) -> None:
    argv = [argument for path, value in sets.items() for argument in ("--set", f"{path}={value}")]
    assert ran(*argv) == Ran(1, "", "".join(f"error: {message}\n" for message in messages))
    assert list(Path.cwd().iterdir()) == []


def test_a_message_says_where_a_value_came_from(ran: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRUCIBLE_SET_TRAINING_CONFIG__BATCH_SIZE", "0")
    monkeypatch.setenv("CRUCIBLE_SET_TRAINING_CONFIG__OPTIONS__LORA_RNAK", "8")
    file = tmp_path / "over.yaml"
    file.write_text("training_config:\n  epochs: 0\n  options:\n    max_steps: 0\n    lr_schedule: linear\n")
    found = ran("--json", "--config", "over.yaml", "--set", "training_config.learning_rate=-1").err.splitlines()
    assert {line.partition("must")[0].partition(";")[0].strip(): line.rpartition(" (from ")[2] for line in found} == {
        "error: training_config.batch_size": "CRUCIBLE_SET_TRAINING_CONFIG__BATCH_SIZE)",
        "error: training_config.options has no option lora_rnak": "CRUCIBLE_SET_TRAINING_CONFIG__OPTIONS__LORA_RNAK)",
        "error: training_config.epochs": "over.yaml:2)",
        "error: training_config.options.max_steps": "over.yaml:4)",
        "error: training_config.learning_rate": "--set)",
    }


def test_environment_file_and_flags_add_up(ran: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRUCIBLE_SET_TRAINING_CONFIG__LEARNING_RATE", "1e-5")
    monkeypatch.setenv("CRUCIBLE_SET_TRAINING_CONFIG__EPOCHS", "7")
    monkeypatch.setenv("CRUCIBLE_SET_TRAINING_CONFIG__OPTIONS__LORA_RANK", "4")
    (tmp_path / "over.yaml").write_text("training_config: {epochs: 8, options: {max_steps: 5, lora_rank: 8}}")
    flags = ["--config", "over.yaml", "--set", "training_config.options.lora_rank=16"]
    training = json.loads(ran("--json", *flags).out)["training_config"]
    assert (training["learning_rate"], training["epochs"]) == (1e-5, 8)
    assert (training["options"]["lora_rank"], training["options"]["max_steps"]) == (16, 5)
    monkeypatch.setenv("CRUCIBLE_SET_TRAINING_CONFIG____X", "4")
    assert ran("--json").err == (
        "error: CRUCIBLE_SET_TRAINING_CONFIG____X: expected CRUCIBLE_SET_ and a path such as TRAINING_CONFIG__EPOCHS\n"
    )


def test_the_plan_of_an_engine_is_shown_where_one_is_named(ran: Any) -> None:
    plain = ran("--dry-run").out
    assert ran("--dry-run", "--engine", "small") == Ran(0, f"{plain}\nEngine small\n  one\n  two\n", "")
    unknown = "error: engine smal is not installed; did you mean small? Known: small, trl\n"
    assert ran("--dry-run", "--engine", "smal") == Ran(1, "", unknown)
    refused = ran("--dry-run", "--engine", "small", "--set", "training_config.epochs=3")
    assert (refused.code, refused.err) == (1, "error: engine small trains once\n")
    assert refused.out == ran("--dry-run", "--set", "training_config.epochs=3").out
    began = ran("--engine", "small", "--set", "training_config.epochs=3")
    assert (began.code, began.out) == (1, "")
    assert "error: engine small trains once\n" in began.err
    assert not Path("runs").exists()


def test_smoke_is_the_recipe_on_something_tiny_below_what_the_user_says(ran: Any) -> None:
    training = json.loads(ran("--json", "--smoke", "--set", "training_config.options.max_steps=3").out)[
        "training_config"
    ]
    assert (training["model_ref"]["provider"], training["dataset_ref"]["provider"]) == ("generated", "generated")
    assert training["options"]["max_steps"] == 3
    assert "lora_rank" not in training["options"]
    own = ["--set", "training_config.model_ref.id=own/model", "--set", "training_config.options.lora_rank=4"]
    training = json.loads(ran("--json", "--smoke", *own).out)["training_config"]
    assert (training["model_ref"]["id"], training["model_ref"]["provider"]) == ("own/model", "huggingface")
    assert training["options"]["lora_rank"] == 4


def test_a_run_prints_what_it_did_and_where(ran: Any) -> None:
    found = ran("--engine", "small", module=Whole)
    assert (found.code, found.err) == (0, "")
    assert found.out.splitlines()[-1] == "  report: runs/sl_basic-1/report.html"
    assert ran("--engine", "small", "--log-path", "runs/sl_basic-1", module=Whole) == Ran(
        1,
        "",
        "error: there is a run in runs/sl_basic-1 already: go on with it with --resume, or name another directory\n",
    )


def test_resume_goes_on_with_what_the_run_was_begun_with(ran: Any) -> None:
    sets = ["--set", "training_config.batch_size=8", "--set", "training_config.options.lora_rank=null"]
    failed = ran("--engine", "small", *sets, module=Broken)
    assert failed == Ran(
        1,
        "",
        "error: stage model_register: RuntimeError: the registry is away\n"
        "note: what is done is kept in runs/sl_basic-1; go on with --resume --log-path runs/sl_basic-1\n",
    )
    other = ran("--resume", "--set", "training_config.batch_size=16", "--engine", "small", module=Whole)
    assert other.code == 1
    assert other.err.splitlines()[:3] == [
        "error: the run in runs/sl_basic-1 is of another experiment: resume it with what it was begun with",
        "error: training_config.batch_size was 8, and is 16 now",
        "error: training_config.options.lora_rank was null, and is 32 now",
    ]
    resumed = ran("--resume", module=Whole)
    assert (resumed.code, resumed.err) == (0, "")
    training = json.loads(Path("runs/sl_basic-1/config.json").read_text())["training_config"]
    assert (training["batch_size"], training["options"].get("lora_rank")) == (8, None)
    assert len(Path("runs/sl_basic-1/metrics.jsonl").read_text().splitlines()) == 1
    assert ran("--resume", module=Whole).err == "error: no run of sl_basic below runs/ is there to resume\n"
    assert ran("--resume", "--log-path", "nowhere", module=Whole).err == "error: there is no run in nowhere to resume\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_stops_cleanly(number: int, code: int, tmp_path: Path) -> None:
    program = """
import os, sys, time
from crucible_runtime import main
from runtime_samples import rl_basic

STAGES = ("Crucible.Stage.DataChecks", "Acme.Stages.RewardAudit", "CrucibleFeedback.Stages.ExportFeedback")

class Slow:
    def train(self, context, options):
        context.step(1, 9, {"loss": 1.0})
        print("trains", flush=True)
        time.sleep(60)

def run(config):
    return rl_basic.run(rl_basic.Config(engine=Slow(), log_path="here", adapters=dict.fromkeys(STAGES, skip)))

def skip(context, options):
    return {}

sys.exit(main(rl_basic.Config, rl_basic.build_experiment, rl_basic.evaluation, run))
"""
    with started("-c", program, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "trains\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (
        code,
        "interrupted\nnote: what is done is kept in here; go on with --resume --log-path here\n",
    )
    assert json.loads((tmp_path / "here" / "result.json").read_text())["state"] == "interrupted"
    assert "interrupted" in (tmp_path / "here" / "report.html").read_text()


def test_a_missing_file_is_named(ran: Any) -> None:
    assert ran("--config", "missing.yaml") == Ran(
        1, "", "error: missing.yaml: the file does not exist; check the name\n"
    )


@pytest.mark.parametrize(
    "argv", [["--dry-run", "--json"], ["--set", "epochs"], ["--set", "a..b=1"], ["--dry"], ["extra"]]
)
def test_a_command_line_that_does_not_parse_is_usage(ran: Any, argv: list[str]) -> None:
    found = ran(*argv)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("usage: ")


CONFLICT = "keep the lines of one version, and remove the others and the markers <<<<<<<, ======= and >>>>>>>"


def test_bad_files(ran: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    for content, message in [
        (b"\xff", f"{file}:1:1: expected UTF-8, found the byte 0xFF (\u00ff in Latin-1); save the file as UTF-8"),
        (b"- 1\n", f"{file}: expected a mapping such as training_config: {{epochs: 2}}"),
        (b"a: [\n", f"{file}:1:4: `[` is never closed; close it with `]`"),
        (b"a: &x [*x]\n", f"{file}:1:8: the alias *x stands inside the value that it names; write it out"),
        (b"[" * 10_000, f"{file}:1:101: values are nested more than 100 levels deep; nest less"),
        (b"<<<<<<< a\n", f"{file}:1:1: found the merge-conflict marker `<<<<<<< a`; {CONFLICT}"),
        (b"x: 2\n", f"there is no x to set; {KNOWN} (from {file}:1)"),
    ]:
        file.write_bytes(content)
        assert ran("--json", "--config", str(file)) == Ran(1, "", f"error: {message}\n")
    file.write_bytes(b"")
    assert ran("--json", "--config", str(file)).code == 0
    assert ran("--json", "--config", str(tmp_path)) == Ran(
        1, "", f"error: {tmp_path}: expected a file, found a directory; name a file\n"
    )


def test_a_value_of_a_file_is_shown_as_it_stands_there(ran: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("training_config:\n  model_ref: {version: 58899e0}\n  epochs: 1_0\n  batch_size: 0x0\n")
    assert ran("--json", "--config", "x.yaml").err.splitlines() == [
        'error: training_config.model_ref.version must be text or null, found 58899e0; quote it: "58899e0" (from x.yaml:2)',
        'error: training_config.epochs must be a whole number, found "1_0" (from x.yaml:3)',
        "error: training_config.batch_size must be at least 1, found 0x0 (from x.yaml:4)",
    ]


def test_a_flag_of_a_text_is_that_text(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUCIBLE_SET_TRAINING_CONFIG__MODEL_REF__VERSION", "1.10")
    found = ran("--json", "--set", "training_config.dataset_ref.name=data/run #3/train.jsonl", "--set", "engine=[x]")
    training = json.loads(found.out)["training_config"]
    assert training["dataset_ref"]["name"] == "data/run #3/train.jsonl"
    assert training["model_ref"]["version"] == "1.10"


def test_a_description_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from crucible_runtime.cli.arguments import recipe_parser

    for description in ("Keeps 95% of the score", "100%% sure", "%(prog)s and 5%", "%s %d"):
        assert description in recipe_parser("name", description).format_help()


def test_as_a_module_of_a_package(tmp_path: Path) -> None:
    for module in (sl_basic, rl_basic):
        name = module.__name__
        assert python("-m", name, "--json", cwd=tmp_path).stdout == pretty(module.build_experiment())
        assert python("-m", name, "--help").stdout.startswith(f"usage: python -m {name} [-h]")
        failed = python("-m", name, "--engine", "none", cwd=tmp_path)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.startswith("error: ")
        assert "Traceback" not in failed.stderr


def test_the_package_lists_its_recipes(capfd: pytest.CaptureFixture[str]) -> None:
    listed = "rl_basic  Reinforcement learning on gsm8k.\nsl_basic  Supervised fine-tuning on no_robots.\n"
    assert list_recipes("runtime_samples", []) == 0
    assert capfd.readouterr().out == listed
    assert python("-m", "runtime_samples").stdout == listed
    assert list_recipes("no_such_package", []) == 1
    assert capfd.readouterr().err == "error: no_such_package is no package: No module named 'no_such_package'\n"


def test_recipes_are_found_by_name() -> None:
    assert recipes("runtime_samples") == {"rl_basic": rl_basic, "sl_basic": sl_basic}
    with pytest.raises(InputError, match=r"json.decoder is no package"):
        recipes("json.decoder")


def test_help_and_plan_import_nothing_heavy() -> None:
    program = """
import sys, runpy
sys.argv = ["x", sys.argv[1]]
try:
    runpy.run_module("runtime_samples.sl_basic", run_name="__main__")
except SystemExit:
    pass
print(sorted(sys.modules), file=sys.stderr)
"""
    for flag in ("--help", "--dry-run"):
        loaded = set(python("-c", program, flag).stderr.replace("'", "").strip("[]\n").split(", "))
        assert "crucible_runtime.cli" in loaded
        assert not loaded & {"yaml", "json", "importlib.metadata", "hashlib", "crucible_gen", "difflib", "logging"}
        assert not loaded & {"torch", "trl", "transformers", "datasets", "tinker", "mlflow", "inspect_ai", "subprocess"}
        own = {name.partition(".")[2] for name in loaded if name.startswith("crucible_runtime.")}
        assert own <= {
            "cli",
            "cli.arguments",
            "cli.output",
            "cli.parser",
            "cli.recipe",
            "cli.settings",
            "cli.sources",
            "errors",
            "evaluation",
            "experiment",
            "experiment.canonical",
            "experiment.kinds",
            "experiment.override",
            "experiment.rules",
            "experiment.values",
            "interface",
            "interface.stages",
            "installation",
            "installation.compatibility",
            "installation.project",
            "ir",
            "pipeline",
            "plan",
            "ports",
            "processes",
            "recipes",
            "secrets",
            "stages",
            "quoting",
        }


def test_a_recipe_cannot_write_to_the_terminal_as_it_likes(ran: Any) -> None:
    found = ran("--dry-run", "--set", "training_config.id=a\x1b[31m", "--set", "training_config.device=\u202e")
    assert found.code == 0
    assert '  device            "\\u202e"\n' in found.out
    assert found.out.isascii()
    assert ran("--set", "training_config.\x1b[31m=1").err.startswith("error: training_config has no field \\x1b[31m; ")


def test_text_that_is_no_unicode_is_named(ran: Any) -> None:
    expected = "pipeline[0].options.log_path: '\\udcff' is no Unicode text"
    assert ran("--json", "--log-path", "\udcff") == Ran(1, "", f"error: {expected}\n")
    assert ran("--json", "--set", "log_path=\udcff").err == f"error: {expected}\n"


@dataclass(frozen=True, kw_only=True)
class OwnConfig(sl_basic.Config):
    """A configuration with a text of its own and with an object."""

    note: str | None = None
    judge: Recorder | None = None
    late: Path | str = ""


class Recorder:
    """An object."""


def test_only_what_is_text_can_be_set(ran: Any) -> None:
    class Own:
        Config = OwnConfig
        evaluation = staticmethod(sl_basic.evaluation)
        run = staticmethod(sl_basic.run)

        @staticmethod
        def build_experiment(config: OwnConfig) -> Any:
            return sl_basic.build_experiment(sl_basic.Config(log_path=f"{config.note} {config.late}"))

    assert '"log_path": "a b"' in ran("--json", "--set", "note=a", "--set", "late=b", module=Own).out
    assert ran("--json", "--set", "judge=a", module=Own) == Ran(1, "", f"error: judge {LIVE} {SET}\n")


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m runtime_samples.sl_basic --json | true"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (RUNTIME, SUPPORT)))}
    run = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("streams", "code", "error"),
    [
        ("<&-", 0, ""),
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        pytest.param(
            "> /dev/full",
            1,
            "error: the output cannot be printed: no space left on device\n",
            marks=pytest.mark.skipif(
                not Path("/dev/full").exists(), reason="only Linux has a device that is always full"
            ),
        ),
    ],
)
def test_streams_that_are_closed_or_full_are_no_defect(streams: str, code: int, error: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (RUNTIME, SUPPORT)))}
    for module in ("runtime_samples", "runtime_samples.sl_basic --dry-run"):
        command = f"{sys.executable} -m {module} {streams}"
        run = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (code, error)


def test_the_runtime_never_imports_the_generator() -> None:
    for path in (RUNTIME / "crucible_runtime").glob("*.py"):
        assert not [
            line for line in path.read_text("utf-8").splitlines() if "import" in line and "crucible_gen" in line
        ]


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=126)), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_json_reads_as_itself(value: Any) -> None:
    assert parse(json.dumps(value), "here") == value


# What main takes


def test_main_takes_a_recipe_whole_or_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    changed = SimpleNamespace(**{**vars(sl_basic), "NAME": "another", "DESCRIPTION": "Another one."})
    for recipe, words in ((sl_basic, sl_basic.DESCRIPTION), (changed, "Another one.")):
        with pytest.raises(SystemExit):
            main(recipe, argv=["--help"])
        assert words in capsys.readouterr().out
    assert main(sl_basic.Config, sl_basic.build_experiment, sl_basic.evaluation, sl_basic.run, ["--json"]) == 0
    in_parts = capsys.readouterr().out
    assert main(sl_basic, argv=["--json"]) == 0
    assert capsys.readouterr().out == in_parts


def test_main_names_what_an_object_lacks_that_is_no_recipe() -> None:
    with pytest.raises(TypeError, match=r"^main expects a recipe, .*; it has no build_experiment, run$"):
        main(SimpleNamespace(NAME="", DESCRIPTION="", Config=RunConfig, evaluation=None), argv=[])

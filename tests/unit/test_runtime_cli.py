"""The command line of a generated module, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crucible_runtime import list_recipes, main, pretty, recipes
from crucible_runtime.errors import InputError
from crucible_runtime.values import parse
from hypothesis import given
from hypothesis import strategies as st
from runtime_samples import rl_basic, sl_basic

SUPPORT = Path(__file__).parents[1] / "support"
ROOT = SUPPORT.parents[1]
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


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def ran(capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*argv: str, module: Any = sl_basic) -> Ran:
        try:
            code = main(module.Config, module.build_experiment, module.evaluation, module.run, argv)
        except SystemExit as stop:
            assert isinstance(stop.code, int)
            code = stop.code
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(map(str, (ROOT / "runtime", SUPPORT)))
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
        "\nEvaluation\n  temperature  0.7\n  max_tokens   64\n  arithmetic: 1 sample, contains\n"
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
KNOWN = "Known: training_config, engine, log_path"
NO_ENGINE = "so nothing can train: supply one with engine=..., or see the plan with --dry-run"
WRONG: list[tuple[dict[str, str], list[str]]] = [
    ({"training_config.epochs": "0"}, ["training_config.epochs must be at least 1, found 0"]),
    ({"training_config.epochs": "two"}, ['training_config.epochs must be a whole number, found "two"']),
    ({"training_config": "3"}, ["training_config must be a mapping of its fields"]),
    ({"confg.epochs": "3"}, [f"there is no confg to set; {KNOWN}"]),
    ({"training_confg.epochs": "3"}, [f"there is no training_confg to set; did you mean training_config? {KNOWN}"]),
    ({"ports": "3", "train_dataset": "x"}, [f"ports {LIVE}", f"train_dataset {LIVE}"]),
    ({"log_path": "3"}, ["log_path must be text"]),
    ({"engine": "[trl]"}, ["engine must be text"]),
    ({"training_config.seed": "[1"}, ["--set training_config.seed:1:3: expected ',' or ']', but got '<stream end>'"]),
    ({"training_config.seed": "!!int 3"}, ["--set training_config.seed:1:1: tags have no meaning here"]),
    ({"training_config.seed": ".inf"}, ["--set training_config.seed:1:1: expected a finite number, found .inf"]),
    ({"training_config.seed": "{a: 1, a: 2}"}, ["--set training_config.seed:1: the key a stands twice"]),
    ({"training_config.seed": "9" * 99}, ["--set training_config.seed:1:1: the integer does not fit 64 bits"]),
    ({}, [f"stage supervised_train: no engine is installed, {NO_ENGINE}"]),
    ({"engine": "trl"}, [f"stage supervised_train: engine trl is not installed, nor is any other, {NO_ENGINE}"]),
]


@pytest.mark.parametrize(("sets", "messages"), WRONG)
def test_what_is_wrong_is_said_and_nothing_else(ran: Any, sets: dict[str, str], messages: list[str]) -> None:
    argv = [argument for path, value in sets.items() for argument in ("--set", f"{path}={value}")]
    assert ran(*argv) == Ran(1, "", "".join(f"error: {message}\n" for message in messages))


def test_a_missing_file_is_named(ran: Any) -> None:
    assert ran("--config", "missing.yaml") == Ran(1, "", "error: missing.yaml: No such file or directory\n")


@pytest.mark.parametrize(
    "argv", [["--dry-run", "--json"], ["--set", "epochs"], ["--set", "a..b=1"], ["--dry"], ["extra"]]
)
def test_a_command_line_that_does_not_parse_is_usage(ran: Any, argv: list[str]) -> None:
    found = ran(*argv)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("usage: ")


def test_bad_files(ran: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    for content, message in [
        (b"\xff", f"{file}: not UTF-8 at byte 0"),
        (b"- 1\n", f"{file}: expected a mapping such as training_config: {{epochs: 2}}"),
        (b"a: [\n", f"{file}:2:1: expected the node content, but found '<stream end>'"),
        (b"a: &x [*x]\n", f"{file}:1:4: an alias inside of what it stands for"),
        (b"[a]: 1\n", f"{file}:1:1: a key must be text"),
        (b"[" * 10_000, f"{file}: nested too deep"),
        (b"1: 2\n", "there is no 1 to set; Known: training_config, engine, log_path"),
    ]:
        file.write_bytes(content)
        assert ran("--json", "--config", str(file)) == Ran(1, "", f"error: {message}\n")
    file.write_bytes(b"")
    assert ran("--json", "--config", str(file)).code == 0
    assert ran("--json", "--config", str(tmp_path)) == Ran(1, "", f"error: {tmp_path}: Is a directory\n")


def test_as_a_module_of_a_package(tmp_path: Path) -> None:
    for module in (sl_basic, rl_basic):
        name = module.__name__
        assert python("-m", name, "--json", cwd=tmp_path).stdout == pretty(module.build_experiment())
        assert python("-m", name, "--help").stdout.startswith(f"usage: python -m {name} [-h]")
        failed = python("-m", name, cwd=tmp_path)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.startswith("error: stage ")
        assert "Traceback" not in failed.stderr
    assert list(tmp_path.iterdir()) == []


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


def test_a_recipe_cannot_write_to_the_terminal_as_it_likes(ran: Any) -> None:
    found = ran("--dry-run", "--set", 'training_config.id="a\\e[31m"', "--set", 'training_config.device="\\u202e"')
    assert found.code == 0
    assert '  device            "\\u202e"\n' in found.out
    assert found.out.isascii()
    assert ran("--set", "training_config.\x1b[31m=1").err.startswith("error: training_config has no field \\x1b[31m; ")


def test_text_that_is_no_unicode_is_named(ran: Any) -> None:
    expected = "pipeline[0].options.log_path: '\\udcff' is no Unicode text"
    assert ran("--json", "--log-path", "\udcff") == Ran(1, "", f"error: {expected}\n")
    assert (
        ran("--json", "--set", "log_path=\udcff").err == "error: --set log_path: special characters are not allowed\n"
    )


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
    assert ran("--json", "--set", "judge=a", module=Own) == Ran(1, "", f"error: judge {LIVE}\n")


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m runtime_samples.sl_basic --json | true"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "runtime", SUPPORT)))}
    run = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert run.stderr == ""


def test_the_runtime_never_imports_the_generator() -> None:
    for path in (ROOT / "runtime" / "crucible_runtime").glob("*.py"):
        assert not [
            line for line in path.read_text("utf-8").splitlines() if "import" in line and "crucible_gen" in line
        ]


SCALARS = [
    *(("no", "no"), ("on", "on"), ("yes", "yes"), ("1:30", "1:30"), ("1_000", "1_000"), ("=", "=")),
    *(("2024-01-01", "2024-01-01"), ("'1'", "1"), ('"no"', "no"), ("true", True), ("True", True)),
    *(("1e-4", 1e-4), (".5", 0.5), ("1.", 1.0), ("0123", 123), ("-3", -3), ("0o17", 15), ("0x1F", 31)),
    *(("null", None), ("~", None), ("", None), ("[1, a, {b: 2.0}]", [1, "a", {"b": 2.0}])),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text or "empty" for text, _ in SCALARS])
def test_values_are_yaml_1_2(text: str, value: Any) -> None:
    found = parse(text, "here")
    assert (found, type(found)) == (value, type(value))


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

"""A run is prepared once: the experiment, the engine and the configuration are made once and handed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from crucible_runtime import Context, main
from crucible_runtime.evaluation import Evaluation
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import BackendRef, Experiment
from crucible_runtime.plugins import ADAPTERS, ENGINES
from runtime_samples import sl_basic

CALLS: Counter[str] = Counter()


class Counted:
    """An installed engine that counts how often it is made, asked and trained with."""

    def __init__(self) -> None:
        CALLS["engine"] += 1

    def problems(self, experiment: Experiment, config: RunConfig) -> Sequence[str]:
        CALLS["problems"] += 1
        return []

    def plan(self, experiment: Experiment, config: RunConfig) -> str:
        CALLS["plan"] += 1
        return "as planned\n"

    def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        assert context.engine is self
        CALLS["train"] += 1
        return {"model": "model"}

    def sampler(self, context: Context, model: str) -> Any:
        assert context.engine is self
        return Four()


class Four:
    """A sampling client that knows one answer."""

    start_session = close_session = sample = sample_stream = compute_logprobs = lambda self, *_, **__: None

    def await_(self, future: Any) -> Any:
        return {"sequences": [{"text": "4"}]}


def stage(context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Config(sl_basic.Config):
    def __post_init__(self) -> None:
        CALLS["Config"] += 1


def build_experiment(config: Config) -> Experiment:
    CALLS["build_experiment"] += 1
    return sl_basic.build_experiment(config)


def evaluation() -> Evaluation:
    CALLS["evaluation"] += 1
    return sl_basic.evaluation()


def run(config: Config) -> Any:
    """As a generated module has it."""
    with sl_basic.start(build_experiment(config), config) as pipeline:
        pipeline.stage("supervised_train", sl_basic.supervised_train)
        pipeline.stage("model_register", sl_basic.model_register)
        pipeline.stage("deploy", sl_basic.deploy)
        return pipeline.finish(evaluation())


NAME, DESCRIPTION = sl_basic.NAME, sl_basic.DESCRIPTION


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs write below the current directory; an engine and two adapters are installed."""
    monkeypatch.chdir(tmp_path)
    modules = ("CrucibleModelRegistry.Stages.Register", "CrucibleDeployment.Stages.Deploy")
    points = [EntryPoint(name, f"{__name__}:stage", ADAPTERS) for name in modules]
    points.append(EntryPoint("trl", f"{__name__}:Counted", ENGINES))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [p for p in points if p.group == group])
    CALLS.clear()


def ran(*argv: str) -> Counter[str]:
    CALLS.clear()
    assert main(Config, build_experiment, evaluation, run, argv) == 0
    return Counter(CALLS)


WHOLE = {"Config": 1, "build_experiment": 1, "engine": 1, "problems": 1, "train": 1, "evaluation": 2}
"""A run asks for the evaluation before it begins and when it comes to it: it is a value, and costs nothing."""


def test_a_run_makes_everything_once() -> None:
    assert ran() == WHOLE
    assert ran("--set", "training_config.epochs=2") == WHOLE


def test_a_smoke_run_too() -> None:
    assert ran("--smoke", "--set", "training_config.batch_size=2") == WHOLE


def test_a_resumed_run_too(capsys: pytest.CaptureFixture[str]) -> None:
    def failed(config: Config) -> Any:
        with sl_basic.start(build_experiment(config), config) as pipeline:
            pipeline.stage("supervised_train", sl_basic.supervised_train)
            raise KeyboardInterrupt

    assert main(Config, build_experiment, evaluation, failed, ["--set", "training_config.epochs=2"]) == 130
    resumed = ran("--resume")
    assert resumed == {name: count for name, count in WHOLE.items() if name != "train"}, "it has trained before"
    assert "report: runs/sl_basic-1/report.html" in capsys.readouterr().out


def test_a_plan_and_json_build_the_experiment_once() -> None:
    assert ran("--json") == {"Config": 1, "build_experiment": 1}
    assert ran("--json", "--smoke") == {"Config": 1, "build_experiment": 1}
    assert ran("--dry-run") == {"Config": 1, "build_experiment": 1, "evaluation": 1}
    planned = {"Config": 1, "build_experiment": 1, "evaluation": 1, "engine": 1, "problems": 1, "plan": 1}
    assert ran("--dry-run", "--engine", "trl") == planned


def test_help_builds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(Config, build_experiment, evaluation, run, ["--help"])
    assert not CALLS
    assert DESCRIPTION in capsys.readouterr().out


@pytest.mark.parametrize("flags", [("--smoke",), ("--smoke", "--dry-run")])
def test_a_recipe_that_trains_nothing_has_no_smoke_run(
    flags: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def untrained(config: Config) -> Experiment:
        return Experiment(id="e", backend=BackendRef(id="b"), pipeline=[])

    def only_finish(config: Config) -> Any:
        with sl_basic.start(untrained(config), config) as pipeline:
            return pipeline.finish()

    assert main(Config, untrained, lambda: None, only_finish, flags) == 1
    assert capsys.readouterr().err == "error: --smoke: this recipe trains nothing\n"
    assert not [*Path.cwd().iterdir()]

"""Runs of the real engine that are killed at random moments, and end like one that was not."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
from crucible_runtime.rundir.files import rows
from crucible_runtime.rundir.folder import METRICS, SAMPLES, state

pytestmark = pytest.mark.engines

ROOT = Path(__file__).parents[2]
RECIPE = [sys.executable, "-m", "crucible_recipes.sl_basic"]
SHORT = ["--smoke", "--set", "training_config.options.max_steps=8", "--set", "training_config.checkpoint_every=2"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime" / "python"), str(ROOT / "generated" / "python")]),
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}


def run(cwd: Path, *arguments: str) -> subprocess.Popen[bytes]:
    log = (cwd / "output").open("ab")
    with log:
        return subprocess.Popen([*RECIPE, *arguments], cwd=cwd, env=ENVIRONMENT, stdout=log, stderr=log)


def steps(path: Path) -> int:
    return max((row["step"] for row in rows(path / METRICS) if row["stage"] == "supervised_train"), default=0)


def left(path: Path) -> dict[str, str]:
    """What must be the same, by file: weights, metrics, samples, and what the training stage answered."""
    found = {name: (path / name).read_bytes() for name in (METRICS, SAMPLES, "experiment.json", "config.json")}
    found |= {each.name: each.read_bytes() for each in sorted((path / "model").glob("*.safetensors"))}
    assert any(name.endswith(".safetensors") for name in found)
    result = json.loads((path / "result.json").read_text())
    found["training"] = json.dumps(result["stages"][0]).encode()
    found["evaluation"] = json.dumps(result["evaluation"]).encode()
    return {name: sha256(data).hexdigest() for name, data in found.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupts."""
    root = tmp_path_factory.mktemp("whole")
    assert run(root, *SHORT, "--log-path", "whole").wait(180) == 0, (root / "output").read_text()
    return root / "whole"


def test_a_run_that_was_killed_after_its_last_checkpoint_takes_no_further_step(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / "here"
    shutil.copytree(whole, path)
    for name in ("stages", "model", "artifacts"):
        shutil.rmtree(path / name)
    for name in ("result.json", "report.html", "samples.jsonl", "mlflow.db"):
        (path / name).unlink()
    assert state(path) == "killed"
    assert run(tmp_path, "--resume", "--log-path", "here").wait(180) == 0, (tmp_path / "output").read_text()
    assert left(path) == left(whole)


def test_a_run_that_is_killed_again_and_again_ends_like_one_that_is_not(tmp_path: Path, whole: Path) -> None:
    chance = random.Random()
    path = tmp_path / "runs" / "sl_basic-1"
    arguments = SHORT
    for wanted in sorted(chance.sample(range(1, 9), 2)):
        process = run(tmp_path, *arguments)
        end = time.monotonic() + 120
        while steps(path) < wanted and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        assert steps(path) >= wanted, (tmp_path / "output").read_text()
        assert state(path) == "killed"
        arguments = ["--resume"]
    assert run(tmp_path, "--resume").wait(180) == 0, (tmp_path / "output").read_text()
    assert state(path) == "finished"
    assert left(path) == left(whole)

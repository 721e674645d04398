"""The samples are what the generator should write: clean for every tool that judges its output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import black
import pytest

RUNTIME = Path(__file__).parents[1]
SUPPORT = RUNTIME / "tests" / "support"
ROOT = RUNTIME.parents[1]
MODULES = sorted((SUPPORT / "runtime_samples").glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[path.name for path in MODULES])
def test_black_finds_nothing_to_change(path: Path) -> None:
    text = path.read_text("utf-8")
    assert black.format_str(text, mode=black.Mode()) == text


def test_ruff_finds_nothing() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *map(str, MODULES)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.mark.slow
def test_mypy_finds_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, (RUNTIME, SUPPORT)))}
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        f"--config-file={RUNTIME / 'pyproject.toml'}",
        f"--cache-dir={tmp_path}",
    ]
    command += ["-p", "runtime_samples", "-p", "crucible_runtime"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout

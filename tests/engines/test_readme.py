"""The smoke run that the README shows is the one that its reader sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, blocks, commands, same

pytestmark = pytest.mark.engines


def test_the_readme_shows_a_smoke_run(tmp_path: Path) -> None:
    shown = [block for block in blocks((ROOT / "README.md").read_text("utf-8")) if "--smoke" in block.text]
    assert len(shown) == 1
    *setup, run = commands(shown[0].text)
    assert [command.text for command in setup] == [
        "pip install './runtime/python[local,mlops,eval]'",
        "cd generated/python",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "generated" / "python"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, *run.text.split()[1:]]
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = ran.stdout.splitlines()
    assert same(run.output, found), ran.stdout
    assert (tmp_path / found[-1].removeprefix("  report: ")).is_file()

"""A copy of the generated Mix project, with stand-ins for the packages of Hex."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from elixir_project import with_stand_ins
from generated_code import GENERATED


@pytest.fixture(scope="session")
def mix_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy; its dependencies are Mix projects beside it, those without a stand-in are empty."""
    root = tmp_path_factory.mktemp("mix")
    project = root / "elixir"
    shutil.copytree(GENERATED / "elixir", project, ignore=shutil.ignore_patterns("_build", "deps", "mix.lock"))
    shutil.copytree(GENERATED / "ir", root / "ir")
    assert "crucible_ir" in with_stand_ins(project)
    return project

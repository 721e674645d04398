"""The projects that several tests ask: compiled once a process, and only when a test needs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of packages that behave as the shipped ones."""
    import projects

    return projects.stand_ins(tmp_path_factory.mktemp("stand_ins"))


@pytest.fixture(scope="session")
def umbrella(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The awkward project, compiled."""
    import projects

    return projects.awkward(tmp_path_factory.mktemp("umbrella"))

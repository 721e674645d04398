"""The interface of the runtime that generated packages state is the one that the runtime beside them has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from crucible_runtime.installation.compatibility import INTERFACE

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path",
    ["templates/python/__init__.py.j2", "generated/python/crucible_recipes/__init__.py"],
    ids=["template", "package"],
)
def test_a_generated_package_needs_the_interface_that_the_runtime_has(path: str) -> None:
    stated = re.search(r"^RUNTIME_INTERFACE = ([0-9]+)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    assert (int(stated[1]) if stated else 1) == INTERFACE, f"state RUNTIME_INTERFACE = {INTERFACE} in {path}"

"""What the pages say of the Python runtime is there: the project they install, its extras, its modules and their names."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from pages import PAGES, ROOT, name

INSTALLED = re.compile(r"pip install (?:-e )?'?(\./[\w/.-]+)(?:\[([\w,-]+)\])?")
EXTRA = re.compile(r"crucible-runtime\[([\w,-]+)\]")
DOTTED = re.compile(r"\bcrucible_runtime(?:\.[A-Za-z_]\w*)+")
IMPORTED = re.compile(r"^from (crucible_runtime[\w.]*) import ([\w, ]+)$", re.MULTILINE)
RUNTIME = "./runtime/python"


def project(path: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / path / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def split(extras: str) -> set[str]:
    return {*filter(None, extras.split(","))}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_is_installed_from_a_directory_is_a_project_with_these_extras(page: Path) -> None:
    text = page.read_text("utf-8")
    for path, extras in [*INSTALLED.findall(text), *((RUNTIME, extras) for extras in EXTRA.findall(text))]:
        assert (ROOT / path / "pyproject.toml").is_file(), path
        assert split(extras) <= project(path)["optional-dependencies"].keys(), f"{path}[{extras}]"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_modules_of_the_runtime_and_their_names_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    groups = project(RUNTIME)["entry-points"].keys()
    named = {dotted for dotted in DOTTED.findall(text) if dotted not in groups}
    named |= {f"{module}:{each.strip()}" for module, names in IMPORTED.findall(text) for each in names.split(",")}
    for each in sorted(named):
        resolve_name(each)


def test_the_pages_install_and_import_the_runtime() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert {path for path, _ in INSTALLED.findall(text)} == {RUNTIME}
    assert {"local", "tinker", "mlops"} <= {each for _, extras in INSTALLED.findall(text) for each in split(extras)}
    assert EXTRA.findall(text)
    assert "crucible_runtime.data" in {module for module, _ in IMPORTED.findall(text)}

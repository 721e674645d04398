"""A copy of the generated Mix project, with stand-ins for the packages of Hex."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from elixir_project import stand_ins
from generated_code import GENERATED

PACKAGES = Path(__file__).parents[2] / "runtime" / "elixir" / "test" / "support" / "packages"

_DEPENDENCY = re.compile(r"\{:(\w+), \"[^\"]+\"(?:, optional: true)?\}")


@pytest.fixture(scope="session")
def mix_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy; its dependencies are Mix projects beside it, those without a stand-in are empty."""
    root = tmp_path_factory.mktemp("mix")
    project = root / "elixir"
    shutil.copytree(GENERATED / "elixir", project, ignore=shutil.ignore_patterns("_build", "deps", "mix.lock"))
    shutil.copytree(GENERATED / "ir", root / "ir")
    text = (project / "mix.exs").read_text("utf-8")
    # tinkex_cookbook is the one that mix.exs cannot name.
    names = [*_DEPENDENCY.findall(text), "tinkex_cookbook"]
    for name in names:
        _package(root / "packages" / name)
    paths = ",\n      ".join(f'{{:{name}, path: "../packages/{name}"}}' for name in names)
    text, replaced = re.subn(r"(?s)(defp deps do\n    \[\n      ).*?(\n    \])", rf"\1{paths}\2", text)
    assert replaced == 1 and "crucible_ir" in names
    (project / "mix.exs").write_text(text, "utf-8")
    return project


def _package(folder: Path) -> None:
    (folder / "lib").mkdir(parents=True)
    (folder / "mix.exs").write_text(
        f"defmodule {folder.name.title().replace('_', '')}.MixProject do\n"
        "  use Mix.Project\n"
        f'  def project, do: [app: :{folder.name}, version: "0.1.0"]\n'
        "end\n"
    )
    if folder.name == "crucible_ir":
        stand_ins(folder / "lib")
    elif (source := PACKAGES / f"{folder.name}.ex").exists():
        shutil.copy(source, folder / "lib")

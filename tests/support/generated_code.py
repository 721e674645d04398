"""generated/ of this repository, and what tests ask about it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "generated"
STEMS = sorted(path.stem for path in (GENERATED / "ir").glob("*.json"))
"""The recipes, by the names of their files."""

_BLANK = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')


def ir(stem: str) -> str:
    """The canonical JSON of a recipe as it is committed."""
    return (GENERATED / "ir" / f"{stem}.json").read_text("utf-8")


def compact(pretty: str) -> str:
    """Indented JSON as it is hashed: without the white space between its tokens."""
    return _BLANK.sub(lambda found: found[1] or "", pretty.strip())


def module(elixir: Path, stem: str) -> str:
    """The Elixir module of a recipe in a generated Mix project."""
    text = (elixir / "lib/crucible_recipes" / f"{stem}.ex").read_text("utf-8")
    found = re.search(r"^defmodule (\S+) do", text, re.MULTILINE)
    assert found is not None, text[:300]
    return found[1]


def python(
    *args: str, path: Path = GENERATED / "python", cwd: Path | None = None, warnings: str = "error"
) -> subprocess.CompletedProcess[str]:
    """Runs Python with a generated package and the runtime, and nothing else of ours, on its path."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"PYTHONPATH": f"{path}{os.pathsep}{ROOT / 'runtime' / 'python'}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", warnings, *args]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)


def lint(package: Path) -> subprocess.CompletedProcess[str]:
    """What ruff says of generated Python, with rules stricter than most projects set.

    Left out are the length of lines, which is black's affair and no use for long texts, what letters a text has, and
    how long the first sentence of a docstring is or what it has in it: those are the recipe's.
    """
    rules = "A,ARG,B,BLE,C4,D1,D2,D3,E,F,FURB,I,ISC,N,PERF,PGH,PIE,PTH,RET,RUF,S,SIM,TRY,UP,W"
    but = "D203,D205,D210,D212,D213,D301,E501,RUF001,RUF002,RUF003"
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--target-version", "py311"]
    command += ["--select", rules, "--ignore", but, str(package)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def types(path: Path, cache: Path, *packages: str) -> subprocess.CompletedProcess[str]:
    """What `mypy --strict` says of packages below a path; the runtime is read, as an installed package would be."""
    environment = os.environ | {"MYPYPATH": f"{path}{os.pathsep}{ROOT / 'runtime' / 'python'}"}
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--cache-dir", str(cache)]
    command += ["--follow-imports", "silent"]
    command += [word for package in packages for word in ("-p", package)]
    return subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, check=False)

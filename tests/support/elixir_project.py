"""A generated Mix project, stand-ins for its packages and expressions in, what a real Elixir says of them out."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crucible_gen.languages.elixir import printer, structs
from crucible_gen.schemas import shipped

SCRIPT = Path(__file__).with_name("project.exs")
PACKAGES = Path(__file__).parents[2] / "runtime" / "elixir" / "test" / "support" / "packages"
"""Sources that stand in for packages of Hex, by package."""

_DEPENDENCY = re.compile(r"\{:(\w+), \"[^\"]+\"(?:, optional: true|, only: :docs, runtime: false)?\}")


@dataclass(frozen=True)
class Verdict:
    """Warnings of the compiler; files that the formatter changes, with its text; values and exceptions by key."""

    warnings: list[str] = field(default_factory=list)
    unformatted: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    raised: dict[str, str] = field(default_factory=dict)


def tool(name: str) -> str:
    """The path of `elixir` or `mix`; fails where there is none."""
    found = shutil.which(name)
    assert found is not None, f"these tests need {name}: install it, or deselect them with -m 'not elixir'"
    return found


def mix(project: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs mix in a project whose dependencies are directories, so that no network is asked."""
    # Not MIX_ENV unless it is given: `mix test` has one of its own.
    environment = {key: value for key, value in os.environ.items() if key != "MIX_ENV"} | variables
    environment |= {"MIX_HOME": str(project.parent / "mix_home"), "HEX_OFFLINE": "1", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [tool("mix"), *args], cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def stand_ins(directory: Path) -> Path:
    """A file with the structs of `crucible_ir` as our schemas describe them."""
    path = directory / "crucible_ir.ex"
    path.write_text(structs.text(shipped("schemas")), "utf-8")
    return path


def with_stand_ins(project: Path) -> list[str]:
    """Puts directories beside a Mix project in the place of its packages of Hex, and gives back their names."""
    text = (project / "mix.exs").read_text("utf-8")
    names = _DEPENDENCY.findall(text)
    text = _DEPENDENCY.sub(r'{:\1, path: "../packages/\1"}', text)
    # tinkex_cookbook is the one that mix.exs cannot name.
    extra = "tinkex_cookbook"
    text, replaced = re.subn(
        r"(defp deps do\n    \[\n)", rf'\1      {{:{extra}, path: "../packages/{extra}"}},\n', text
    )
    assert replaced == 1
    for name in [*names, extra]:
        _package(project.parent / "packages" / name)
    (project / "mix.exs").write_text(text, "utf-8")
    return names


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


def sources(project: Path) -> list[Path]:
    """The files of the project that are compiled."""
    return sorted((project / "lib").rglob("*.ex"))


def formatted(project: Path) -> list[Path]:
    """The files of the project that `mix format` looks at."""
    return sorted(path for path in project.rglob("*.ex*") if path.suffix in (".ex", ".exs"))


def ask(project: Path, directory: Path, asked: Mapping[str, str] | None = None, more: Iterable[Path] = ()) -> Verdict:
    """One start of Elixir: compiles the project beside the stand-ins and `more`, formats, evaluates expressions.

    An expression gives text. Files are written below `directory`.
    """
    questions, answers = directory / "questions.exs", directory / "answers"
    pairs = [f"{{{printer.string(key)}, {printer.string(text)}}}" for key, text in (asked or {}).items()]
    parts = {
        "standins": _list(map(_path, [stand_ins(directory), *more])),
        "sources": _list(map(_path, sources(project))),
        "formatted": _list(map(_path, formatted(project))),
        "asked": _list(pairs),
    }
    questions.write_text(f"%{{{', '.join(f'{name}: {text}' for name, text in parts.items())}}}\n", "utf-8")
    command = [tool("elixir"), "--erl", "+fnu", str(SCRIPT), str(questions), str(answers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    verdict = Verdict()
    for line in answers.read_text("utf-8").splitlines():
        kind, *rest = line.split("\t")
        key, text = (base64.b64decode(part).decode() for part in rest)
        match kind:
            case "warning":
                verdict.warnings.append(f"{key}: {text}")
            case "format":
                verdict.unformatted[key] = text
            case "value":
                verdict.values[key] = text
            case "raised":
                verdict.raised[key] = text
    return verdict


def _path(path: Path) -> str:
    return printer.string(str(path))


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"

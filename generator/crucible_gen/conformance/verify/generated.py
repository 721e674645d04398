"""The generated Elixir and Python files that are proven."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crucible_gen.conformance.verify.recipe_case import RecipeCase
from crucible_gen.diagnostics import Place, Problem, Problems, shown
from crucible_gen.languages.elixir import naming

CODES = {"E0901": "a generated file that is to be proven is not there"}
"""What each code of this step means, in a line."""

_LIB = "elixir/lib"


@dataclass(frozen=True)
class GeneratedFiles:
    """The Elixir files: those that recipes share, and each recipe's by its id."""

    shared: tuple[Path, ...]
    own: Mapping[str, Path]


def generated_files(out: Path, cases: Sequence[RecipeCase], facade: str, command: str) -> GeneratedFiles:
    """The files below `out`, in which `facade` is the module of all Elixir recipes.

    Raises Problems for those that are not there; `command` is what writes them.
    """
    folder = out / _LIB / naming.path(facade)
    own = {case.id: folder / f"{case.stem}.ex" for case in cases}
    python = [out / "python" / f"{case.module.replace('.', '/')}.py" for case in cases]
    wanted = [folder.with_suffix(".ex"), *own.values(), *python]
    if missing := [path for path in wanted if not os.path.isfile(path)]:
        hint = f"run: {command}"
        raise Problems([Problem(Place(shown(path)), "E0901", "there is no such file", hint=hint) for path in missing])
    shared = [path for path in sorted((out / _LIB).rglob("*.ex")) if path.parent != folder]
    return GeneratedFiles(tuple(shared), own)

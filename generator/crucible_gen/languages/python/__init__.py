"""The target `python`: a package with a module for each recipe, which runs its stages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crucible_gen.languages.language import Language, Naming
from crucible_gen.languages.python import naming
from crucible_gen.languages.python.naming import package

if TYPE_CHECKING:
    from crucible_gen.languages.language import Printer, Project

__all__ = ["LANGUAGE", "package"]


def _printer(language: Language, project: Project) -> Printer:
    from crucible_gen.languages.python.emitter import Python

    return Python(language, project)


def _structs(schemas: Path) -> str:
    from crucible_gen.languages.python import structs

    return structs.text(schemas)


def _type_problem(text: str) -> tuple[str, str] | None:
    from crucible_gen.languages.python import types

    return types.problem(text)


LANGUAGE = Language(
    name="python",
    printer=_printer,
    naming=Naming(module=naming.module, kind="Python module", taken=naming.taken),
    injected={"ports": "Ports | None", "path": "Path | str | None"},
    any_type="Any",
    type_problem=_type_problem,
    run_values=frozenset({"adapters", "allow_unsandboxed", "apply", "base_url", "engine", "resume"}),
    engines=True,
    structs=_structs,
)

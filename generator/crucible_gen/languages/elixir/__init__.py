"""The target `elixir`: a Mix project with a module for each recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crucible_gen.languages.elixir import naming
from crucible_gen.languages.language import Language, Naming

if TYPE_CHECKING:
    from crucible_gen.languages.language import Printer
    from crucible_gen.languages.templates import Templates
    from crucible_gen.schemas import Schemas


def _printer(language: Language, schemas: Schemas, templates: Templates) -> Printer:
    from crucible_gen.languages.elixir.emitter import Elixir

    return Elixir(language, schemas, templates)


def _symbol_problem(name: str) -> str | None:
    from crucible_gen.languages.elixir import printer

    problem = printer.atom_problem(name)
    return f"this is an atom in Elixir, so it must {problem}" if problem else None


def _structs(schemas: Path) -> str:
    from crucible_gen.languages.elixir import structs

    return structs.text(schemas)


LANGUAGE = Language(
    name="elixir",
    printer=_printer,
    naming=Naming(module=naming.module, kind="Elixir module", taken=naming.taken, symbol_problem=_symbol_problem),
    injected={
        "struct": "struct() | nil",
        "ports": "struct() | nil",
        "path": "Path.t() | nil",
        "logger": "{module(), term()} | nil",
    },
    any_type="term()",
    structs=_structs,
)

"""The target `elixir`: a Mix project with a module for each recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crucible_gen.languages.elixir import naming
from crucible_gen.languages.language import Language, Naming

if TYPE_CHECKING:
    from crucible_gen.documents import Plain
    from crucible_gen.languages.language import Printer, Project

__all__ = ["LANGUAGE", "naming", "printer"]


def _printer(language: Language, project: Project) -> Printer:
    from crucible_gen.languages.elixir.emitter import Elixir

    return Elixir(language, project)


def _symbol_problem(name: str) -> str | None:
    from crucible_gen.languages.elixir import printer

    problem = printer.atom_problem(name)
    return f"this is an atom in Elixir, so it must {problem}" if problem else None


def _folders() -> list[Path]:
    from crucible_gen.languages.elixir import runtime

    return [runtime.root() / folder for folder in runtime.FOLDERS]


def _replaceable(options: Mapping[str, Plain]) -> list[str]:
    from crucible_gen.languages.elixir import emitter

    return [] if options.get("runtime") else emitter.replaceable()


def _notice(stopped: Mapping[str, Sequence[str]]) -> str:
    from crucible_gen.languages.elixir import notice

    return notice.text(stopped)


def _structs(schemas: Path) -> str:
    from crucible_gen.languages.elixir import structs

    return structs.text(schemas)


def _naming(options: Mapping[str, Plain]) -> Naming:
    module = partial(naming.module, options=options)
    return Naming(module=module, kind="Elixir module", taken=naming.taken, symbol_problem=_symbol_problem)


def _type_problem(text: str) -> tuple[str, str] | None:
    from crucible_gen.languages.elixir import types

    return types.problem(text)


LANGUAGE = Language(
    name="elixir",
    printer=_printer,
    naming=_naming({}),
    named=_naming,
    bare=(".md",),
    injected={
        "struct": "struct() | nil",
        "ports": "struct() | nil",
        "path": "Path.t() | nil",
        "logger": "{module(), term()} | nil",
    },
    any_type="term()",
    type_problem=_type_problem,
    folders=_folders,
    replaceable=_replaceable,
    notice=_notice,
    structs=_structs,
)

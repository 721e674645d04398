"""The target `ir`: the canonical JSON of each experiment, which both languages must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crucible_gen.languages.language import Language, Naming

if TYPE_CHECKING:
    from crucible_gen.languages.language import Printer, Project

__all__ = ["LANGUAGE"]


def _printer(language: Language, project: Project) -> Printer:
    from crucible_gen.languages.ir.emitter import Json

    return Json(project.schemas)


LANGUAGE = Language(name="ir", printer=_printer, naming=Naming(module=lambda stem: stem), bare=(".json",))

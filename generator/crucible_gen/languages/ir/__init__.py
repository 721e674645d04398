"""The target `ir`: the canonical JSON of each experiment, which both languages must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crucible_gen.languages.language import Language, Naming

if TYPE_CHECKING:
    from crucible_gen.languages.language import Printer
    from crucible_gen.languages.templates import Templates
    from crucible_gen.schemas import Schemas


def _printer(language: Language, schemas: Schemas, templates: Templates) -> Printer:
    from crucible_gen.languages.ir.emitter import Json

    return Json(schemas)


LANGUAGE = Language(name="ir", printer=_printer, naming=Naming(module=lambda stem: stem), bare=(".json",))

"""Experiments become signed files: each target's language prints them, and the header is put on here for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from crucible_gen.diagnostics import Place, relative
from crucible_gen.documents import digest
from crucible_gen.ir.lower import Experiment
from crucible_gen.languages import registry
from crucible_gen.languages.language import Language, Printer, Project
from crucible_gen.languages.templates import Templates
from crucible_gen.output import File, headers, provenance

if TYPE_CHECKING:
    from crucible_gen.documents import Plain
    from crucible_gen.schemas import Schemas

_NONE: Mapping[str, Mapping[str, Plain]] = MappingProxyType({})


class Wanted(NamedTuple):
    """What a run wants of its files, whatever the recipe.

    `root` is the directory of the settings, which paths in headers are relative to; `out` the output directory.
    `options` are the settings of languages by name, and `places` where they stand.
    """

    root: Path
    out: Path
    targets: Sequence[str]
    templates: Path | None = None
    profile: str | None = None
    options: Mapping[str, Mapping[str, Plain]] = _NONE
    places: Mapping[str, Mapping[str, Place]] = MappingProxyType({})


class Emitter:
    """Makes the files of each recipe, and those that recipes share, in the languages of a run."""

    def __init__(self, schemas: Schemas, wanted: Wanted) -> None:
        """Takes the schemas of the run. Raises Problems for templates of the user, and for options of languages."""
        self._wanted = wanted
        self._root = str(wanted.root)
        self._relative: dict[Path, str] = {}
        languages = [registry.get(target) for target in wanted.targets]
        options = {language.name: wanted.options.get(language.name, {}) for language in languages}
        others = [name for each in languages if wanted.templates for name in each.replaceable(options[each.name])]
        templates = Templates(wanted.templates, others)
        common = provenance.common(schemas.own(), templates.own())
        self._printers: list[tuple[Language, Printer, str]] = []
        for language in languages:
            folder = wanted.out / language.name
            places = wanted.places.get(language.name, {})
            own = options[language.name]
            project = Project(schemas, templates, own, wanted.root, folder, places, wanted.options)
            printer = language.printer(language, project)
            self._printers.append((language, printer, "\n".join([common, *printer.provenance])))

    def recipe(self, experiment: Experiment, sources: Sequence[tuple[Path, str]], stem: str) -> Iterator[File]:
        """The signed files of one recipe; `sources` are the files that it was made of, its own first, with digests."""
        named = [(self._named(path), of) for path, of in sources]
        signers: dict[str, provenance.Signer] = {}
        for language, printer, common in self._printers:
            if common not in signers:
                signers[common] = provenance.recipe(named, self._wanted.profile, common)
            for path, text in printer.recipe(experiment, stem):
                yield from _signed(f"{language.name}/{path}", text, signers[common], language, experiment.id)

    def shared(self) -> Iterator[File]:
        """The signed files that all recipes share."""
        for language, printer, common in self._printers:
            for path, text in printer.shared():
                yield from _signed(f"{language.name}/{path}", text, provenance.shared(common), language, None)

    def _named(self, path: Path) -> str:
        if path not in self._relative:
            self._relative[path] = relative(str(path), self._root)
        return self._relative[path]


def _signed(path: str, text: str, signer: provenance.Signer, language: Language, recipe: str | None) -> Iterator[File]:
    of = digest(text)
    if path.endswith(language.bare):
        beside = path + headers.SIDECAR
        yield File(path, text, recipe)
        yield File(beside, signer.lines(beside, of, language.comment), recipe)
    else:
        yield File(path, signer.lines(path, of, language.comment) + text, recipe)

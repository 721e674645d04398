"""Experiments become signed files: each target's language prints them, and the header is put on here for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from crucible_gen.diagnostics import relative
from crucible_gen.documents import digest
from crucible_gen.ir.lower import Experiment
from crucible_gen.languages import registry
from crucible_gen.languages.language import Language, Printer
from crucible_gen.languages.templates import Templates
from crucible_gen.output import File, headers, provenance
from crucible_gen.schemas import Schemas


class Emitter:
    """Makes the files of each recipe, and those that recipes share, in the languages of a run."""

    def __init__(
        self, schemas: Schemas, root: Path, templates: Path | None, profile: str | None, compat: Sequence[str] = ()
    ) -> None:
        """`root` is what paths in headers are relative to; `templates` a directory of the user's own.

        `compat` is what experiments were lowered with, besides what recipes say.
        """
        self._schemas = schemas
        self._root = str(root)
        self._relative: dict[Path, str] = {}
        self._templates = Templates(templates)
        self._profile = profile
        self._printers: dict[str, Printer] = {}
        self._common = provenance.common(schemas.own(), self._templates.own(), sorted(compat))

    def recipe(
        self, experiment: Experiment, sources: Sequence[tuple[Path, str]], targets: Sequence[str], stem: str
    ) -> Iterator[File]:
        """The signed files of one recipe; `sources` are the files that it was made of, its own first, with digests."""
        named = [(self._named(path), of) for path, of in sources]
        signer = provenance.recipe(named, self._profile, self._common)
        for target in targets:
            language = registry.get(target)
            for path, text in self._printer(target).recipe(experiment, stem):
                yield from _signed(f"{target}/{path}", text, signer, language, experiment.id)

    def shared(self, targets: Sequence[str], extras: Iterable[str] = ()) -> Iterator[File]:
        """The signed files that all recipes share; `extras` are paths that only some recipes need, with their targets."""
        wanted = tuple(extras)
        signer = provenance.shared(self._common)
        for target in targets:
            language = registry.get(target)
            own = [path.partition("/")[2] for path in wanted if path.startswith(f"{target}/")]
            for path, text in self._printer(target).shared(own):
                yield from _signed(f"{target}/{path}", text, signer, language, None)

    def extras(self, experiment: Experiment, targets: Sequence[str]) -> tuple[str, ...]:
        """The shared files that this experiment needs and most do not, below the output directory."""
        return tuple(f"{target}/{path}" for target in targets for path in self._printer(target).extras(experiment))

    def _printer(self, target: str) -> Printer:
        if target not in self._printers:
            language = registry.get(target)
            self._printers[target] = language.printer(language, self._schemas, self._templates)
        return self._printers[target]

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

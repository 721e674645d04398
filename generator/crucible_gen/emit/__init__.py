"""Lowered experiments in, signed files out: one language a module, and the registry of languages.

A language gives bodies; the signature that says where a file comes from is put on here, once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from crucible_gen import names, sign
from crucible_gen.emit import elixir, json, python
from crucible_gen.emit.templates import Templates
from crucible_gen.files import File
from crucible_gen.lower import Experiment
from crucible_gen.resolve import Recipe
from crucible_gen.schema import Schemas


class Language(Protocol):
    """A target: bodies of a recipe's own files, and of those that all recipes share, as (path, text)."""

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[tuple[str, str]]:
        """The files of one recipe."""
        ...

    def shared(self) -> Iterable[tuple[str, str]]:
        """The files that no recipe changes."""
        ...


TARGETS: dict[str, Callable[[Schemas, Templates], Language]] = {
    "elixir": elixir.Elixir,
    "python": python.Python,
    "ir": json.Json,
}
_SHARED = "the schemas and settings"
_NO_COMMENTS = (".json",)


class Emitter:
    """Makes the files of each recipe, and those that recipes share."""

    def __init__(
        self, schemas: Schemas, root: Path, templates: Path | None, profile: str | None, compat: Sequence[str] = ()
    ) -> None:
        """`root` is what paths in headers are relative to; `templates` a directory of the user's own.

        `compat` is what experiments were lowered with, besides what recipes say.
        """
        self._schemas = schemas
        self._root = root
        self._templates = Templates(templates)
        self._profile = profile
        self._languages: dict[str, Language] = {}
        own = [f"schema {key} {sign.body_digest(repr(node.plain()))}" for key, node in sorted(schemas.places.items())]
        self._common = [*own, *(f"template {name} {digest}" for name, digest in self._templates.own())]
        self._common += [f"compat {release}" for release in sorted(compat)]

    def recipe(self, recipe: Recipe, experiment: Experiment, targets: Sequence[str]) -> Iterator[File]:
        """The signed files of one recipe."""
        source = self._relative(recipe.source.path)
        lines = [f"source {self._relative(each.path)} {_digest(each.path)}" for each in recipe.sources]
        inputs = sign.body_digest("\n".join([*lines, *self._common, f"profile {self._profile}"]))
        stem = names.stem(experiment.id)
        for target in targets:
            for path, body in self._language(target).recipe(experiment, stem):
                yield from _signed(f"{target}/{path}", body, source, inputs, experiment.id)

    def shared(self, targets: Sequence[str]) -> Iterator[File]:
        """The signed files that all recipes share."""
        inputs = sign.body_digest("\n".join(self._common))
        for target in targets:
            for path, body in self._language(target).shared():
                yield from _signed(f"{target}/{path}", body, _SHARED, inputs, None)

    def _language(self, target: str) -> Language:
        if target not in self._languages:
            self._languages[target] = TARGETS[target](self._schemas, self._templates)
        return self._languages[target]

    def _relative(self, path: Path) -> str:
        import os

        return Path(os.path.relpath(path, self._root)).as_posix()


def _digest(path: Path) -> str:
    return sign.body_digest(path.read_bytes())


def _signed(path: str, body: str, source: str, inputs: str, recipe: str | None) -> Iterator[File]:
    advice = "change that file, not this one." if recipe else "change those, not this file."
    if path.endswith(_NO_COMMENTS):
        yield File(path, body, recipe)
        yield File(path + sign.SIDECAR, sign.sidecar(body, source=source, inputs=inputs, advice=advice), recipe)
    else:
        yield File(path, sign.sign(body, source=source, inputs=inputs, advice=advice), recipe)

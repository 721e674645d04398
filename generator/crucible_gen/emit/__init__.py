"""Lowered experiments in, signed files out: one language a module, and the registry of languages.

A language gives bodies; the signature that says where a file comes from is put on here, once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from crucible_gen import inputs, names, outputs, sign
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

    def shared(self, wraps: bool) -> Iterable[tuple[str, str]]:
        """The files that no recipe changes; `wraps` says whether one has a wrapper stage."""
        ...


_NONE: Mapping[str, str] = MappingProxyType({})

TARGETS: dict[str, Callable[[Schemas, Templates], Language]] = {
    "elixir": elixir.Elixir,
    "python": python.Python,
    "ir": json.Json,
}


def wraps(experiment: Experiment) -> bool:
    """Whether a stage of the experiment is a wrapper of the generated project's own."""
    return any(stage.module.startswith(f"{elixir.NAMESPACE}.Compat.") for stage in experiment.stages)


class Emitter:
    """Makes the files of each recipe, and those that recipes share."""

    def __init__(
        self,
        schemas: Schemas,
        root: Path,
        templates: Path | None,
        profile: str | None,
        compat: Sequence[str] = (),
        elixir_runtime: Mapping[str, str] = _NONE,
    ) -> None:
        """`root` is what paths in headers are relative to; `templates` a directory of the user's own.

        `compat` is what experiments were lowered with, besides what recipes say; `elixir_runtime` that of `made.Request`.
        """
        self._schemas = schemas
        self._root = str(root)
        self._relative: dict[Path, str] = {}
        self._templates = Templates(templates, elixir.replaceable() if templates and not elixir_runtime else ())
        self._profile = profile
        self._languages: dict[str, Language] = {}
        self._common = inputs.common(schemas.own(), self._templates.own(), sorted(compat), elixir_runtime)
        self._targets: dict[str, Callable[[Schemas, Templates], Language]] = {
            **TARGETS,
            "elixir": partial(elixir.Elixir, dependency=elixir_runtime),
        }

    def recipe(self, recipe: Recipe, experiment: Experiment, targets: Sequence[str]) -> Iterator[File]:
        """The signed files of one recipe."""
        sources = [(self._named(each.path), each.digest) for each in recipe.sources]
        signer = inputs.recipe(sources, self._profile, self._common)
        stem = names.stem(experiment.id)
        for target in targets:
            for path, body in self._language(target).recipe(experiment, stem):
                yield from _signed(f"{target}/{path}", body, signer, experiment.id)

    def shared(self, targets: Sequence[str], *, wraps: bool = False) -> Iterator[File]:
        """The signed files that all recipes share; `wraps` says whether a recipe has a wrapper stage."""
        signer = inputs.shared(self._common)
        for target in targets:
            for path, body in self._language(target).shared(wraps):
                yield from _signed(f"{target}/{path}", body, signer, None)

    def _language(self, target: str) -> Language:
        if target not in self._languages:
            self._languages[target] = self._targets[target](self._schemas, self._templates)
        return self._languages[target]

    def _named(self, path: Path) -> str:
        if path not in self._relative:
            self._relative[path] = inputs.relative(str(path), self._root)
        return self._relative[path]


def _signed(path: str, body: str, signer: inputs.Signer, recipe: str | None) -> Iterator[File]:
    digest = sign.body_digest(body)
    if path.endswith(outputs.NO_COMMENTS):
        beside = path + sign.SIDECAR
        yield File(path, body, recipe)
        yield File(beside, signer.lines(beside, digest), recipe)
    else:
        yield File(path, signer.lines(path, digest) + body, recipe)

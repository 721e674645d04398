"""What a target language is: one record with everything in which it differs from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from crucible_gen.diagnostics import Place

if TYPE_CHECKING:
    from crucible_gen.documents import Plain
    from crucible_gen.ir.lower import Experiment
    from crucible_gen.languages.templates import Templates
    from crucible_gen.schemas import Inject, Schemas


class Project(NamedTuple):
    """What a language prints with: schemas and templates, and the project that it writes.

    `options` is the setting of the language's name, and `places` says where each of the options stands. `root` is the
    directory of the settings, where relative paths in options start; `folder` is where the generated project lies.
    `settings` has the options of all languages, for what a language says of a twin in another one.
    """

    schemas: Schemas
    templates: Templates
    options: Mapping[str, Plain]
    root: Path
    folder: Path
    places: Mapping[str, Place] = MappingProxyType({})
    settings: Mapping[str, Mapping[str, Plain]] = MappingProxyType({})

    def place(self, option: str) -> Place:
        """Where an option stands in the settings."""
        return self.places.get(option, Place("gen"))


class Body(NamedTuple):
    """An output without its header: its path below the target's directory, and its text."""

    path: str
    text: str


class Printer(Protocol):
    """What prints experiments in one language, for one project."""

    @property
    def provenance(self) -> Sequence[str]:
        """Lines that say which of the language's options its files were made with; none for the defaults."""
        ...

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[Body]:
        """The files of one recipe, whose id has this stem."""
        ...

    def shared(self) -> Iterable[Body]:
        """The files that all recipes share."""
        ...


class Naming(NamedTuple):
    """What a language makes of the stem of a recipe's id (`sl_basic`), and which stems it cannot use."""

    module: Callable[[str], str]
    """A stem to the full name of the recipe's module."""
    kind: str = "module"
    """What messages call such a module, with the language: `Elixir module`."""
    taken: Callable[[str], str] = lambda stem: ""
    """Why the language cannot have a module of this stem, as the end of a sentence; empty where it can."""
    symbol_problem: Callable[[str], str | None] = lambda name: None
    """What is wrong with a name that is data, which this language cannot write (a sentence), or None."""


class Language(NamedTuple):
    """One target: `name` is what settings call it, and its directory below the output directory."""

    name: str
    printer: Callable[[Language, Project], Printer]
    """Makes what prints experiments. Raises Problems for options and templates that do not fit together."""
    naming: Naming
    named: Callable[[Mapping[str, Plain]], Naming] | None = None
    """The naming under the language's options, where these change it."""
    comment: str = "#"
    """The mark of a comment that ends with its line, in which a file carries its header."""
    bare: tuple[str, ...] = ()
    """Endings of files that cannot carry a comment: their headers stand in files beside them."""
    injected: Mapping[str, str] = MappingProxyType({})
    """The type of each kind of live value (`x-inject`), as this language writes it."""
    any_type: str = ""
    """The type of a live value of which nothing is known."""
    type_problem: Callable[[str], tuple[str, str] | None] = lambda text: None
    """Why a text of `x-inject` is no type of this language, and the fix; None where it is one."""
    run_values: frozenset[str] = frozenset()
    """What every run of the generated code takes by name, so that no live value of a stage can have such a name."""
    folders: Callable[[], Sequence[Path]] = lambda: ()
    """The directories, besides schemas and templates, whose files are copied into projects."""
    replaceable: Callable[[Mapping[str, Plain]], Sequence[str]] = lambda options: ()
    """The names under which templates may replace files that are copied into a project with these options."""
    notice: Callable[[Mapping[str, Sequence[str]]], str] = lambda stopped: ""
    """Recipes by id, each with the known defects that stop it, to what a run says of them; empty where nothing is."""
    engines: bool = False
    """Whether the engines of `schemas/engines/` run the generated code, so that what they make of values matters."""
    structs: Callable[[Path], str] | None = None
    """The directory of the schemas to the definitions of the IR's structs, where `gen structs` can print them."""

    def under(self, options: Mapping[str, Plain]) -> Language:
        """The language with the names that it gives under these options."""
        return self if self.named is None or not options else self._replace(naming=self.named(options))

    def type_of(self, inject: Inject) -> str:
        """The type of a live value: what its schema says for this language, else what the language says of its kind."""
        return inject.types.get(self.name) or self.injected.get(inject.kind or "") or self.any_type

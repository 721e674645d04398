"""What a run is asked for and what comes of it, as data that `build`, `incremental` and the command line pass on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from crucible_gen.diagnostics import Place, Problem, Problems, shown
from crucible_gen.documents import Boundary, Plain, below
from crucible_gen.output import File

if TYPE_CHECKING:
    from crucible_gen.recipes.settings import Settings

_NONE: Mapping[str, Any] = MappingProxyType({})


class Request(NamedTuple):
    """What a run is asked for. Paths are absolute or relative to the working directory.

    `root` is the project root, which paths in outputs are relative to; `targets` are names of languages; `only` are
    recipe ids; with `strict`, warnings are errors.
    """

    paths: Sequence[Path]
    root: Path
    out: Path
    targets: Sequence[str]
    only: Sequence[str] = ()
    profile: str | None = None
    schemas: Sequence[Path] = ()
    templates: Path | None = None
    options: Mapping[str, Mapping[str, Plain]] = _NONE
    """The settings of languages, by language."""
    strict: bool = False
    places: Mapping[str, Mapping[str, Place]] = _NONE
    """Where these settings stand."""
    boundary: Boundary | None = None
    """Where files may be read; None is everywhere."""
    notes: tuple[Problem, ...] = ()
    """What the search for settings has to say."""
    whole: bool = False
    """Whether this writes all that is in `out`, so that it may say which generator did."""


def requested(settings: Settings, paths: Sequence[Path], only: Sequence[str] = ()) -> Request:
    """What these settings ask for; the recipes are at `paths`, and `only` names some of them by id.

    Raises Problems for a settings file that names what is outside of the project.
    """
    further = [settings.base("outside") / path for path in settings.texts("outside")]
    own = {settings.base("recipes") / path for path in settings.texts("recipes")}
    given = [path for path in paths if path not in own]
    boundary = Boundary.around(settings.root, given, further)
    if problems := list(_outside(settings, boundary)):
        raise Problems(problems)
    return Request(
        paths=paths,
        root=settings.root,
        out=settings.path("out"),
        targets=tuple(dict.fromkeys(settings.texts("targets"))),
        only=only,
        profile=settings.optional("profile"),
        schemas=[settings.base("schemas") / path for path in settings.texts("schemas")],
        templates=settings.path("templates") if settings.optional("templates") else None,
        options=settings.of_languages(),
        strict=settings.values["warnings_as_errors"].value is True,
        places=settings.places(),
        boundary=boundary,
        notes=settings.notes,
        whole=not only and not settings.values["targets"].origin.startswith("--"),
    )


def _outside(settings: Settings, boundary: Boundary) -> Iterator[Problem]:
    """The problems of paths in a settings file, and of links below them, that lead out of the project."""
    endings = {"recipes": "", "schemas": ".schema.json", "templates": ".j2"}
    for name, ending in endings.items():
        setting = settings.values[name]
        named = settings.texts(name) if isinstance(setting.value, list) else [setting.value or ""]
        for each in named if setting.value else ():
            path = settings.base(name) / str(each)
            if not setting.origin.startswith("--") and not boundary.holds(path):
                yield boundary.problem(setting.place, path, f"{name} {each}")
            elif ending and os.path.isdir(path):
                for file in below(path, ending):
                    if os.path.islink(file) and not boundary.holds(file):
                        yield boundary.problem(Place(shown(file)), file, "this link")


class Product(NamedTuple):
    """What came of one recipe file, or, under no id, what all recipes share.

    `sources` are the files that it was made of, by absolute path, its own first, each with its digest; `outputs` are the
    paths of its files below the output directory, and `files` the files themselves, unless an earlier run wrote them and
    they are unchanged on the disk.
    """

    id: str
    sources: tuple[tuple[str, str], ...] = ()
    profiles: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    """The known defects that stop the recipe from running."""
    outputs: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    place: Place = Place("")
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def interface(self) -> tuple[object, ...]:
        """What other recipes and the summary of a run depend on: everything but contents."""
        paths = tuple(path for path, _ in self.sources)
        return self.id, paths, self.profiles, self.stopped, self.outputs, self.warnings


class Reusable(NamedTuple):
    """What of an earlier run's work still holds, by the absolute path of the recipe.

    `ids` are known not to collide. Where `rest` is set, `products` were made in this run and are all that had to be:
    the outputs of `recipes` recipes are complete with `rest` outputs more, and `warnings` are those of all of them.
    """

    products: Mapping[str, Product] = _NONE
    shared: Product | None = None
    ids: frozenset[str] = frozenset()
    rest: int = 0
    recipes: int = 0
    warnings: tuple[Problem, ...] = ()


class Result(NamedTuple):
    """What came of a run: either files, or problems in order of place."""

    recipes: int
    files: tuple[File, ...] = ()
    problems: tuple[Problem, ...] = ()
    stopped: Mapping[str, tuple[str, ...]] = _NONE
    """The recipes that known defects stop from running, with the ids of those defects."""
    products: Mapping[str, Product] = _NONE
    shared: Product = Product("")
    rest: int = 0
    """How many outputs there are besides, of recipes that the run did not look at."""
    warnings: tuple[Problem, ...] = ()
    """The warnings of all recipes that the run is of, in order of place."""
    processed: frozenset[str] = frozenset()
    """The recipe files that the run processed, by absolute path, with those that turned out to be fragments."""

    @property
    def kept(self) -> frozenset[str]:
        """The outputs that need not be looked at: they are on the disk as they should be."""
        each = (*self.products.values(), self.shared)
        return frozenset(path for product in each if not product.files for path in product.outputs)


class Answers(NamedTuple):
    """What the next run prints if nothing changes until then: to standard output and standard error.

    `quiet` is said with `-q`. Where `color` is set, warnings as text, in color where that setting says so, are printed to
    standard error before: they show lines of the recipes, and whether there is color may be another in the next run.
    """

    generate: tuple[str, str]
    check: tuple[str, str]
    quiet: tuple[str, str] = ("", "")
    color: str = ""

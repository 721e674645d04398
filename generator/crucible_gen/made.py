"""What a run is asked for and what comes of it, as data: `build` and `cache` pass it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from crucible_gen.files import File
from crucible_gen.problems import Place, Problem

_NONE: Mapping[str, Any] = MappingProxyType({})


class Request(NamedTuple):
    """What a run is asked for. Paths are absolute or relative to the working directory.

    `root` is the project root, which paths in outputs are relative to; `only` are recipe ids; `targets` are of
    `emit.TARGETS`; `compat` are releases whose known defects the generated project works around.
    """

    paths: Sequence[Path]
    root: Path
    out: Path
    targets: Sequence[str] = ("elixir", "python", "ir")
    only: Sequence[str] = ()
    profile: str | None = None
    schemas: Sequence[Path] = ()
    templates: Path | None = None
    compat: Sequence[str] = ()
    elixir_runtime: Mapping[str, str] = _NONE
    """How the generated Mix project depends on the runtime: options of the dependency by name; none for a copy in it."""
    whole: bool = False
    """Whether this writes all that is in `out`, so that it may say which generator did."""


class Made(NamedTuple):
    """What came of one recipe file, or, under no id, what all recipes share.

    `sources` are the files that went in, by absolute path, its own first, each with its digest; `outputs` the paths that
    came out. `files` has their texts, unless an earlier run made them and they are on the disk as they should be.
    """

    id: str
    sources: tuple[tuple[str, str], ...] = ()
    profiles: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    wraps: bool = False
    outputs: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    place: Place = Place("")
    problems: tuple[Problem, ...] = ()

    @property
    def face(self) -> tuple[object, ...]:
        """What other recipes and the summary of a run see of it: all but contents."""
        paths = tuple(path for path, _ in self.sources)
        return self.id, paths, self.profiles, self.stopped, self.wraps, self.outputs


class Known(NamedTuple):
    """What an earlier run made that still holds, by the absolute path of its recipe; ids that are known not to collide."""

    made: Mapping[str, Made] = _NONE
    shared: Made | None = None
    ids: frozenset[str] = frozenset()


class Result(NamedTuple):
    """What came of a run: either files, or problems in order of place."""

    recipes: int
    files: tuple[File, ...] = ()
    problems: tuple[Problem, ...] = ()
    stopped: Mapping[str, tuple[str, ...]] = _NONE
    """The recipes that known defects stop from running, with the ids of those defects."""
    made: Mapping[str, Made] = _NONE
    shared: Made = Made("")
    rest: int = 0
    """How many outputs there are besides, of recipes that the run did not look at."""

    @property
    def kept(self) -> frozenset[str]:
        """The outputs that need not be looked at: they are on the disk as they should be."""
        return frozenset(path for each in (*self.made.values(), self.shared) if not each.files for path in each.outputs)

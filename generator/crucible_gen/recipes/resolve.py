"""Recipe files in, resolved recipes out: `extends` merged, a profile laid over, every value with its place of origin.

Merging is deep for mappings; a list or a scalar replaces; `null` removes what a base says. Short forms (`model_ref:
name`) are written out first, so that both ways to write a value merge alike. A file that others extend and that has no
`id` is a fragment, not a recipe.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from crucible_gen.diagnostics import Place, Problem, Problems, nearest
from crucible_gen.diagnostics.quoting import json_text
from crucible_gen.diagnostics.quoting import line as line_of
from crucible_gen.documents import Boundary, Entry, Node, content, digest, load
from crucible_gen.schemas import RECIPE, Schemas, Shape
from crucible_gen.schemas.keywords import EDITOR_KEY

CODES = {
    "E0301": "a file that extends names does not exist",
    "E0302": "files extend each other in a cycle",
    "E0303": "extends is not a path or a list of paths",
    "E0308": "too many files extend each other in a row",
}

LONGEST = 50
"""So many files may extend each other in a row."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*").fullmatch


class Source(NamedTuple):
    """A file that was read: where it is, how messages name it, and, once it was read, the digest of its bytes."""

    path: Path
    name: str
    digest: str = ""


class Recipe(NamedTuple):
    """A recipe with nothing left to look up.

    `node` is the whole definition; `sources` are the files that went in, the recipe's own first. For validation there
    are `written`, the definition that still has its profiles, and `variants`, the same recipe under each of them.
    """

    source: Source
    node: Node
    sources: tuple[Source, ...]
    written: Node
    variants: tuple[tuple[str, Node], ...] = ()

    @property
    def id(self) -> str:
        """The recipe's id; only of a recipe that was validated."""
        return str(self.text("id"))

    @property
    def type(self) -> str:
        """The recipe's type; only of a recipe that was validated."""
        return str(self.text("type"))

    def text(self, key: str) -> str | None:
        """The text at a top-level key, or None."""
        node = self.node.get(key)
        return node.value if node is not None and isinstance(node.value, str) else None

    def texts(self, key: str) -> list[str]:
        """The list of texts at a top-level key; empty where there is none."""
        node = self.node.get(key)
        items = node.value if node is not None and isinstance(node.value, tuple) else ()
        return [item.value for item in items if isinstance(item.value, str)]


class Reader:
    """Reads every file once, however many recipes extend it; keeps only files that are extended."""

    def __init__(
        self,
        schemas: Schemas,
        read: Callable[[Path, str], bytes] = load.read,
        boundary: Boundary | None = None,
    ) -> None:
        """Takes the schemas, for short forms, what reads a file that messages give a name, and where files may be read.

        Without a boundary, that is everywhere.
        """
        self.schemas = schemas
        self.boundary = boundary
        self.read = read
        self.extended: set[Path] = set()
        self._merged: dict[Path, tuple[Node, tuple[Source, ...]]] = {}
        self._failed: dict[Path, tuple[Problem, ...]] = {}
        self._named: set[Path] = set()
        self._bases: dict[tuple[str, str], Source] = {}

    def recipe(self, source: Source, profile: str | None = None) -> Recipe:
        """The recipe in a file, with `profile` laid over it where it has one. Raises Problems."""
        node, sources = self._resolve(source, ())
        source = sources[0]
        if source.path not in self.extended:
            del self._merged[source.path]  # ten thousand recipes do not fit
        written = _bare_of_null(node)
        profiles = node.get("profiles")
        if profiles is None or not isinstance(profiles.value, dict):
            return Recipe(source, _without(written, "profiles"), sources, written)
        bare = _without(node, "profiles")
        variants = {
            name: _at(_bare_of_null(merge(bare, self._expanded(entry.node))), node.place)
            for name, entry in profiles.value.items()
            if isinstance(entry.node.value, dict)
        }
        chosen = variants.get(profile or "") or _without(written, "profiles")
        return Recipe(source, chosen, sources, written, tuple(variants.items()))

    def is_fragment(self, source: Source) -> bool:
        """True for a file that another one extends and that names no recipe of its own."""
        return source.path in self.extended and source.path not in self._named

    def _resolve(self, source: Source, seen: tuple[Source, ...]) -> tuple[Node, tuple[Source, ...]]:
        if source.path in self._failed:
            raise Problems(self._failed[source.path])
        if source.path not in self._merged:
            try:
                self._merged[source.path] = self._merge_bases(source, seen)
            except Problems as error:
                self._failed[source.path] = error.problems
                raise
        return self._merged[source.path]

    def _merge_bases(self, source: Source, seen: tuple[Source, ...]) -> tuple[Node, tuple[Source, ...]]:
        data = self.read(source.path, source.name)
        source = source._replace(digest=digest(content(data)))
        node = _without(self._expanded(load.parse(data, source.name)), EDITOR_KEY)
        if node.get("id") is not None:
            self._named.add(source.path)
        merged: Node | None = None
        sources: list[Source] = [source]
        problems: list[Problem] = []
        for item in _extends(node, problems):
            try:
                base_source = self._base(item, source, (*seen, source))
                self.extended.add(base_source.path)
                base, read = self._resolve(base_source, (*seen, source))
            except Problems as error:
                problems += error.problems
                continue
            base = _without(base, "id")  # a name is nobody else's
            merged = base if merged is None else merge(merged, base)
            sources += [each for each in read if each not in sources]
        if problems:
            raise Problems(problems)
        own = _without(node, "extends")
        return (own if merged is None else merge(merged, own)), tuple(sources)

    def _base(self, item: Node, source: Source, seen: Sequence[Source]) -> Source:
        text = str(item.value)
        written = (source.name.rpartition("/")[0], text)
        if written in self._bases:
            path, name, _ = self._bases[written]
        else:
            path = Path(os.path.normpath(source.path.parent / text))
            name = os.path.normpath(Path(source.name).parent / text).replace(os.sep, "/")
        for index, earlier in enumerate(seen):
            if earlier.path == path:
                cycle = " -> ".join([*(each.name for each in seen[index:]), earlier.name])
                message = f"these files extend each other: {cycle}"
                raise Problems([Problem(item.place, "E0302", message, hint="remove one of these extends")])
        if len(seen) > LONGEST:
            message = f"more than {LONGEST} files extend each other in a row"
            raise Problems([Problem(item.place, "E0308", message, hint="let a recipe start from a few fragments")])
        if written not in self._bases and self.boundary is not None and not self.boundary.holds(path):
            raise Problems([self.boundary.problem(item.place, path, f"extends {text}")])
        if written not in self._bases and not os.path.isfile(path):
            what = f"{name} is a directory" if os.path.isdir(path) else f"there is no file {name}"
            if locked := _locked(path):
                hint = "allow reading it to whoever runs gen"
                raise Problems([Problem(item.place, "E0301", f"extends {text}: {name} {locked}", hint=hint)])
            hint = _near(path, text, source.path) or "write a path from this file to the one that it starts from"
            raise Problems([Problem(item.place, "E0301", f"extends {text}: {what}", hint=hint)])
        return self._bases.setdefault(written, Source(path, name))

    def _expanded(self, node: Node) -> Node:
        return expand(node, self.schemas.shape(RECIPE))


def _locked(path: Path) -> str:
    """Why it cannot be seen whether a file is there, or an empty string."""
    try:
        os.stat(path)
    except PermissionError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    except OSError:
        return ""
    return ""


def expand(node: Node, shape: Shape) -> Node:
    """The node with every short form (`x-short`) written as the mapping that it stands for."""
    if isinstance(node.value, dict):
        entries = node.value
        for key, entry in entries.items():
            inner = shape.properties.get(key)
            if inner is None or entry.node.value is None:
                continue
            expanded = expand(entry.node, inner)
            if expanded is not entry.node:
                if entries is node.value:
                    entries = dict(entries)
                entries[key] = Entry(entry.key, expanded)
        return node if entries is node.value else Node(entries, node.place)
    if isinstance(node.value, str) and shape.short is not None:
        return Node({shape.short: Entry(node.place, node)}, node.place)
    return node


def merge(base: Node, over: Node) -> Node:
    """`over` on top of `base`: mappings deep, all else replaced; a null stays a null until all is merged."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    entries = dict(base.value)
    for key, entry in over.value.items():
        below = entries.get(key)
        entries[key] = entry if below is None else Entry(entry.key, merge(below.node, entry.node))
    return Node(entries, over.place)


def _bare_of_null(node: Node) -> Node:
    """The node without the keys whose value is null: in a recipe, null removes."""
    value = node.value
    if not isinstance(value, dict):
        return node
    entries = value
    for key, entry in value.items():
        if entry.node.value is not None and not isinstance(entry.node.value, dict):
            continue
        bare = _bare_of_null(entry.node)
        if bare is entry.node and bare.value is not None:
            continue
        if entries is value:
            entries = dict(value)
        if bare.value is None:
            del entries[key]
        else:
            entries[key] = Entry(entry.key, bare)
    return node if entries is value else Node(entries, node.place)


def _at(node: Node, place: Place) -> Node:
    return Node(node.value, place)


def _without(node: Node, key: str) -> Node:
    if not isinstance(node.value, dict) or key not in node.value:
        return node
    return Node({name: entry for name, entry in node.value.items() if name != key}, node.place)


def _extends(node: Node, problems: list[Problem]) -> list[Node]:
    """The items of `extends`, in order; what is no path becomes a problem."""
    extends = node.get("extends")
    if extends is None or extends.value is None:
        return []
    items = list(extends.value) if isinstance(extends.value, tuple) else [extends]
    for item in items:
        if not isinstance(item.value, str) or not item.value:
            found = "an empty text" if item.value == "" else f"the value {item.plain()}"
            message = f"extends must be a path or a list of paths, found {found}"
            problems.append(Problem(item.place, "E0303", message, hint="write extends: fragments/base.yaml"))
    return [item for item in items if isinstance(item.value, str) and item.value]


def _near(path: Path, text: str, source: Path) -> str:
    """A file beside `path` with a name like its, written as `text` is, or no text; endings do not make names alike."""
    try:
        beside = {Path(entry.name).stem: entry.name for entry in os.scandir(path.parent) if entry.is_file()}
    except OSError:
        return ""
    beside.pop(source.stem, None)
    near = nearest(path.stem, sorted(beside))
    folder = text.rpartition("/")[0]
    return f"did you mean {folder + '/' if folder else ''}{beside[near]}?" if near is not None else ""


def text(node: Node, indent: int = 0) -> str:
    """A resolved node as YAML lines, each scalar with the place that it comes from behind it."""
    import json

    lines: list[tuple[str, Place | None]] = []

    def dumps(value: object, *, ensure_ascii: bool) -> str:
        return json_text(json.dumps(value, ensure_ascii=ensure_ascii))

    _lines(node, indent, lines, dumps)
    width = min(max((len(line) for line, place in lines if place), default=0), 60)
    return "".join(f"{line.ljust(width)}  # {line_of(str(place))}\n" if place else f"{line}\n" for line, place in lines)


def _lines(node: Node, indent: int, lines: list[tuple[str, Place | None]], dumps: Callable[..., str]) -> None:
    space = " " * indent
    pairs: list[tuple[str, Node]] = []
    if isinstance(node.value, dict):
        pairs = [
            (f"{dumps(key, ensure_ascii=False) if not _PLAIN(key) else key}:", e.node) for key, e in node.value.items()
        ]
    elif isinstance(node.value, tuple):
        pairs = [("-", item) for item in node.value]
    for label, inner in pairs:
        if isinstance(inner.value, (dict, tuple)) and inner.value:
            lines.append((f"{space}{label}", None))
            _lines(inner, indent + 2, lines, dumps)
        else:
            lines.append((f"{space}{label} {dumps(inner.plain(), ensure_ascii=False)}", inner.place))

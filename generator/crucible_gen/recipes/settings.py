"""The settings that hold for recipes, each with the place that it comes from.

Settings stand in `[tool.gen]` of `pyproject.toml` or in `gen.yaml`, whichever is found first on the way up from the
input; beside each other, `gen.yaml` holds. The search ends at the root of a repository, and at a directory of another
user. Every setting has a flag, and the flag wins. The directory of the settings file (without one, the working
directory) is the project root: paths in outputs are relative to it.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from crucible_gen.diagnostics import Place, Problem, Problems, shown
from crucible_gen.documents import Entry, Node, Plain, Validator, load, merge_conflicts
from crucible_gen.languages import registry
from crucible_gen.schemas import Raw, shipped

CODES = {
    "E0510": "the settings are not right",
    "E0512": "paths of several projects are given, and only one can be meant",
    "W0541": "a settings file is not used",
    "E0704": "no paths are given, and no settings name recipes",
}

FLAGS = {"targets": "target", "warnings_as_errors": "warnings-as-errors"}
"""The names of flags that are not those of their settings."""

PYPROJECT, OWN_FILE = "pyproject.toml", "gen.yaml"


class Setting(NamedTuple):
    """A value and where it comes from: `default`, `--out`, or the place in a settings file.

    `places` are those of the values of a mapping.
    """

    value: Plain
    origin: str
    places: Mapping[str, Place] = MappingProxyType({})
    place: Place = Place("")


class Settings(NamedTuple):
    """Every setting by name, the project root, and what the search for the settings file has to say."""

    root: Path
    values: Mapping[str, Setting]
    notes: tuple[Problem, ...] = ()

    def text(self, name: str) -> str:
        """A setting that is text."""
        return str(self.values[name].value)

    def optional(self, name: str) -> str | None:
        """A setting that is text or nothing."""
        value = self.values[name].value
        return None if value is None else str(value)

    def texts(self, name: str) -> list[str]:
        """A setting that is a list of texts."""
        value = self.values[name].value
        return [str(item) for item in value] if isinstance(value, list) else []

    def of_languages(self) -> dict[str, Mapping[str, Plain]]:
        """The settings that are mappings: those of languages, by language."""
        return {name: item.value for name, item in self.values.items() if isinstance(item.value, dict)}

    def places(self) -> dict[str, Mapping[str, Place]]:
        """Where the settings of languages stand, by language."""
        return {name: item.places for name, item in self.values.items() if item.places}

    def path(self, name: str) -> Path:
        """A path setting, made absolute: a flag's from the working directory, else from the project root."""
        return self.base(name) / self.text(name)

    def base(self, name: str) -> Path:
        """The directory that the setting's paths are relative to."""
        return Path.cwd() if self.values[name].origin.startswith("--") else self.root


def schema(targets: Sequence[str] = registry.BUILT_IN) -> Raw:
    """The JSON Schema of the settings, in which `targets` are the languages that may be named.

    The settings of an installed language are a mapping under its name, which the language itself checks.
    """
    parsed: Raw = json.loads((shipped("schemas") / "settings.schema.json").read_text("utf-8"))
    setting = parsed["properties"]["targets"]
    setting["items"]["enum"] = list(targets)
    setting["default"] = list(registry.BUILT_IN)
    for name in targets:
        if name not in registry.BUILT_IN:
            parsed["properties"].setdefault(name, {"description": f"Settings of {name}.", "type": "object"})
    return parsed


def for_paths(
    paths: Sequence[Path], flags: Mapping[str, Plain], before_reading: Callable[[str], None] = lambda path: None
) -> Settings:
    """The settings that hold for these paths, or for the working directory; see `find`.

    Raises Problems for paths of several projects.
    """
    projects = by_project(paths, before_reading)
    if len(projects) > 1:
        raise Problems([several_projects(projects, "this command is about one project")])
    return of_project(paths, flags, before_reading)


def of_project(
    paths: Sequence[Path], flags: Mapping[str, Plain], before_reading: Callable[[str], None] = lambda path: None
) -> Settings:
    """As `for_paths`, of paths that are known to be of one project: see `by_project`."""
    return find(_start(paths[0]) if paths else Path.cwd(), flags, before_reading)


def by_project(
    paths: Sequence[Path], before_reading: Callable[[str], None] = lambda path: None
) -> list[tuple[Path, Sequence[Path]]]:
    """The paths of each project, with the directory of its settings; in the order of their first paths.

    Files are read only where paths are in several directories. Raises Problems for a file that cannot be read.
    """
    starts = {path: _start(path) for path in paths}
    if len(set(starts.values())) <= 1:
        return [(Path.cwd(), paths)]
    roots: dict[Path, Path] = {}
    found: dict[Path, list[Path]] = {}
    for path, start in starts.items():
        if start not in roots:
            nearest = _nearest(start, before_reading).found
            roots[start] = nearest[0] if nearest is not None else Path.cwd()
        found.setdefault(roots[start], []).append(path)
    return list(found.items())


def several_projects(projects: Sequence[tuple[Path, Sequence[Path]]], reason: str) -> Problem:
    """The problem of paths of several projects, as `by_project` returns them, where only one can be meant."""
    (root, (first, *_)), (other, (second, *_)) = projects[:2]
    message = f"{shown(second)} belongs to the project {shown(other)}, and {shown(first)} to {shown(root)}: {reason}"
    commands = ", then ".join(f"with {' '.join(str(shown(path)) for path in paths)}" for _, paths in projects)
    see = (("the other path", Place(shown(first))),)
    return Problem(Place(shown(second)), "E0512", message, f"run it for each project: {commands}", see=see)


def _start(path: Path) -> Path:
    """The directory from which the settings for a path are searched upwards."""
    start = path.absolute()
    return start if os.path.isdir(start) else start.parent


class _Search(NamedTuple):
    """The directory and the contents of the settings file that was found, if any, and what is said of others."""

    found: tuple[Path, Node] | None
    notes: tuple[Problem, ...] = ()


def _nearest(start: Path, before_reading: Callable[[str], None]) -> _Search:
    """The nearest settings file on the way up from a directory, and no further than the root of its repository.

    Whoever owns `start` and whoever runs this are believed, and so is root. The search ends at a directory or file of
    anybody else, who could have settings run templates, and says so where there is a settings file.
    """
    believed = {os.geteuid(), 0, _owner(start)} if hasattr(os, "geteuid") else set()
    for directory in (start, *start.parents):
        files = [directory / OWN_FILE, directory / PYPROJECT]
        for file in files:
            before_reading(str(file))
        strangers = [path for path in (directory, *files) if believed and _owner(path) not in {None, *believed}]
        if strangers:
            return _Search(None, tuple(_unused(directory, f"{shown(strangers[0])} belongs to another user")))
        node = _read(directory)
        if node is not None:
            return _Search((directory, node))
        if os.path.exists(directory / ".git"):
            return _Search(None, tuple(_above(directory, before_reading)))
        before_reading(str(directory / ".git"))
    return _Search(None)


def _owner(path: Path) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def _above(repository: Path, before_reading: Callable[[str], None]) -> Iterator[Problem]:
    """The note of the first settings file above a repository, which is not used."""
    for directory in repository.parents:
        before_reading(str(directory / OWN_FILE))
        before_reading(str(directory / PYPROJECT))
        if notes := list(_unused(directory, f"it is above the repository {shown(repository)}")):
            yield from notes[:1]
            return


def _unused(directory: Path, reason: str) -> Iterator[Problem]:
    """The note of a settings file in a directory, if one is there, which is not used for this reason."""
    for name, mark in ((OWN_FILE, b""), (PYPROJECT, b"[tool.gen")):
        path = directory / name
        try:
            with open(path, "rb", opener=load.open_at_once) as file:
                if mark not in file.read(load.MAX_BYTES):
                    continue
        except PermissionError:
            if name == PYPROJECT:
                continue
        except OSError:
            continue
        message, hint = f"these settings are not used: {reason}", "move them into the project, or give them as flags"
        yield Problem(Place(shown(path)), "W0541", message, hint=hint, severity="warning")


def recipe_paths(paths: Sequence[Path], settings: Settings) -> list[Path]:
    """Where recipes are: the paths that were given, else those of the settings. Raises Problems without either."""
    found = list(paths) or [settings.base("recipes") / path for path in settings.texts("recipes")]
    if not found:
        message = "no paths are given, and no settings name recipes"
        raise Problems([Problem(Place("gen"), "E0704", message, hint="run gen recipes/, or set recipes in [tool.gen]")])
    return found


def find(
    start: Path, flags: Mapping[str, Plain], before_reading: Callable[[str], None] = lambda path: None
) -> Settings:
    """The settings for inputs below `start`, a directory; `flags` are those that were given.

    `before_reading` hears of each file before it is read, whether it is there or not. Raises Problems for a settings
    file that cannot be read or says what the schema does not know.
    """
    properties = schema()["properties"]
    values = {name: Setting(raw["default"], "default") for name, raw in properties.items()}
    root = Path.cwd()
    nearest = _nearest(start, before_reading)
    if nearest.found is not None:
        root, node = nearest.found
        if node.value and (problems := _problems(node)):
            raise Problems(problems)
        for name, entry in node.value.items() if isinstance(node.value, dict) else ():
            inner = entry.node.value if isinstance(entry.node.value, dict) else {}
            places = {key: each.node.place for key, each in inner.items()}
            values[name] = Setting(entry.node.plain(), str(entry.key), places, entry.node.place)
    for name, value in flags.items():
        values[name] = Setting(value, f"--{FLAGS.get(name, name)}")
    return Settings(root, values, nearest.notes)


def _problems(node: Node) -> list[Problem]:
    """What is wrong with a settings file.

    Installed languages are searched only where it names a target that is not built in, or a setting that is unknown.
    """
    named = node.get("targets")
    items = named.value if named is not None and isinstance(named.value, tuple) else ()
    others = any(isinstance(item.value, str) and item.value not in registry.BUILT_IN for item in items)
    known = schema()
    if others or (isinstance(node.value, dict) and not node.value.keys() <= known["properties"].keys()):
        known = schema(registry.known())
    removed: Mapping[str, str] = known["x-removed"]
    return Validator(known, "E0510", lambda name, path, _: "" if path else removed.get(name, "")).check(node)


def _read(directory: Path) -> Node | None:
    own, project = directory / OWN_FILE, directory / PYPROJECT
    if os.path.isfile(own):
        node = load.load(own, shown(own))
        return node if node.value is not None else Node({}, node.place)
    if os.path.isfile(project):
        return _pyproject(project)
    return None


def _pyproject(path: Path) -> Node | None:
    import tomllib

    file = shown(path)
    try:
        with open(path, "rb", opener=load.open_at_once) as stream:
            text = load.decode(stream.read(load.MAX_BYTES + 1), file)
        if found := merge_conflicts.conflicts(text, file):
            raise Problems(found)
        table: Any = tomllib.loads(text).get("tool", {}).get("gen")
    except RecursionError:
        message = "values are nested too deep"
        raise Problems(
            [Problem(Place(file), "E0510", message, hint="write lists of texts, not lists of lists")]
        ) from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Problems([_no_toml(error, file)]) from None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise Problems([Problem(Place(file), "E0510", "tool.gen must be a table", hint="write [tool.gen]")])
    lines = text.split("\n")
    header = next((number for number, line in enumerate(lines, 1) if line.strip() == "[tool.gen]"), 1)
    entries = {name: _entry(name, value, lines, header, file) for name, value in table.items()}
    return Node(entries, Place(file, header, 1))


def _no_toml(error: Exception, file: str) -> Problem:
    if isinstance(error, OSError):
        message = f"the file cannot be read: {(error.strerror or str(error)).lower()}"
        return Problem(Place(file), "E0510", message, hint="allow reading it")
    reason, _, where = str(error).partition(" (at ")
    line = re.match(r"line (\d+), column (\d+)", where)
    place = Place(file, int(line[1]), int(line[2])) if line else Place(file)
    message = f"this is not TOML: {reason[:1].lower()}{reason[1:]}"
    return Problem(place, "E0510", message, hint="in TOML, text stands in quotes and a table begins with its [name]")


def _entry(name: str, value: object, lines: list[str], header: int, file: str) -> Entry:
    """The TOML library gives no places: the line after the header that begins with the name is the entry's.

    A table may have a header of its own, below which its entries are.
    """
    number = header
    for index, line in enumerate(lines, 1):
        if isinstance(value, dict) and line.strip() == f"[tool.gen.{name}]":
            inner = {str(key): _entry(str(key), each, lines, index, file) for key, each in value.items()}
            return Entry(Place(file, index, 1, len(line)), Node(inner, Place(file, index, 1)))
    for index in range(header, len(lines)):
        if re.match(rf"\s*{re.escape(name)}\s*=", lines[index]):
            number = index + 1
            break
    line = lines[number - 1]
    column = len(line) - len(line.lstrip()) + 1
    after = line.find("=") + 1
    value_column = after + len(line[after:]) - len(line[after:].lstrip()) + 1
    return Entry(Place(file, number, column, len(name)), _node(value, Place(file, number, value_column)))


def _node(value: object, place: Place) -> Node:
    if isinstance(value, dict):
        return Node({str(key): Entry(place, _node(inner, place)) for key, inner in value.items()}, place)
    if isinstance(value, list):
        return Node(tuple(_node(item, place) for item in value), place)
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and abs(value) >= 1 << 63):
        hint = "no setting is such a number: write what gen schema settings says"
        raise Problems([Problem(place, "E0510", f"expected a number that fits 64 bits, found {value}", hint=hint)])
    if isinstance(value, (str, int, float)) or value is None:
        return Node(value, place)
    return Node(str(value), place)

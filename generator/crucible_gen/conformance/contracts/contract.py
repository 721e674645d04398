"""Read and write contract files: what one release of a package offers, each fact with its place in the file.

For Elixir: structs (fields in the order of definition, defaults as source text, enforced keys, types), stages
(`describe/1`, the struct that their options go into, the keys that are read, the described keys that raise), ports and
behaviours with their callbacks. For Python: config classes and entry points.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeVar

from crucible_gen.conformance.contracts.facts import Document, Interface, PythonObject, Stage, Struct
from crucible_gen.diagnostics import Place, Problem, Problems, did_you_mean, shown
from crucible_gen.documents import Node, Validator, load
from crucible_gen.schemas import shipped

CODES = {
    "E0801": "a contract file is not what a contract looks like",
    "E0802": "there is no such contract",
}
"""What each code of this step means, in a line."""

_HERE = Path(__file__).parent
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:[-.+]?(.*))?\Z")
_Fact = TypeVar("_Fact")


@dataclass(frozen=True)
class Contract:
    """One release of one package; `file` is where it stands, `node` its text with places (None for a fresh pull)."""

    data: Document
    file: str = ""
    node: Node | None = None

    @property
    def package(self) -> str:
        """The package, as Mix or pip name it, with underscores."""
        return str(self.data["package"])

    @property
    def version(self) -> str:
        """The release."""
        return str(self.data["version"])

    @property
    def name(self) -> str:
        """`crucible_ir@0.3.0`, as `x-contract` writes it."""
        return f"{self.package}@{self.version}"

    @property
    def release(self) -> str:
        """`crucible_ir 0.3.0`, as messages write it."""
        return f"{self.package} {self.version}"

    @property
    def language(self) -> str:
        """`elixir` or `python`."""
        return str(self.data["language"])

    @cached_property
    def structs(self) -> Mapping[str, Struct]:
        """The structs by module."""
        return self._part("structs", Struct.read)

    @cached_property
    def stages(self) -> Mapping[str, Stage]:
        """The stages by module."""
        return self._part("stages", Stage.read)

    @cached_property
    def ports(self) -> Mapping[str, Interface]:
        """The ports by key."""
        return self._part("ports", Interface.read)

    @cached_property
    def behaviours(self) -> Mapping[str, Interface]:
        """The other behaviours by module."""
        return self._part("behaviours", Interface.read)

    @cached_property
    def classes(self) -> Mapping[str, PythonObject]:
        """The Python config classes by name below the package."""
        return self._part("classes", PythonObject.read)

    @cached_property
    def entry_points(self) -> Mapping[str, PythonObject]:
        """The Python functions and constants by name below the package."""
        return self._part("entry_points", PythonObject.read)

    def _part(self, kind: str, read: Callable[[Document], _Fact]) -> dict[str, _Fact]:
        return {name: read(document) for name, document in self.data.get(kind, {}).items()}

    def place(self, *path: str | int) -> Place:
        """Where a fact stands; the nearest one around it where it stands nowhere."""
        node, steps = self.node, path
        while node is not None:
            if (found := node.get(*steps)) is not None:
                return found.place
            steps = steps[:-1]
        return Place(self.file or self.name)

    def field_place(self, path: Sequence[str], name: str) -> Place:
        """Where the name of a field stands, below the struct or class at `path`."""
        owner = self.data
        for step in path:
            owner = owner.get(step, {})
        index = next((at for at, field in enumerate(owner.get("fields", ())) if field["name"] == name), None)
        return self.place(*path, *(("fields", index, "name") if index is not None else ()))


def read(path: Path) -> Contract:
    """A contract file. Raises Problems: it cannot be read, or is not a contract."""
    node = load.load(path, shown(path))
    if problems := _validator().check(node):
        raise Problems(problems)
    plain = node.plain()
    assert isinstance(plain, dict)
    return Contract(plain, shown(path), node)


def folder(path: Path) -> list[Contract]:
    """Every contract of a directory, or the one in a file, by package and version. Raises Problems."""
    if os.path.isfile(path):
        return [read(path)]
    files = [file for file in sorted(path.glob("*.json")) if _names_release(file.stem)]
    if not files:
        message = f"no contracts are in {shown(path)}"
        hint = "gen contracts pull writes them; a contract is named <package>-<version>.json"
        raise Problems([Problem(Place(shown(path)), "E0802", message, hint=hint)])
    return sorted((read(file) for file in files), key=by_release)


def by_release(contract: Contract) -> tuple[str, tuple[int, int, int, bool, str]]:
    """The sort key of contracts: by package, then in order of release."""
    return contract.package, order(contract.version)


def find(name: str, folders: Sequence[Path]) -> Contract:
    """The contract that `crucible_ir@0.3.0` or a path names. Raises Problems where none does."""
    path = Path(name)
    if os.path.isfile(path):
        return read(path)
    known: dict[str, Path] = {}
    for directory in folders:
        for file in sorted(directory.glob("*.json")):
            if _names_release(file.stem):
                known.setdefault("@".join(file.stem.rsplit("-", 1)), file)
    if name not in known:
        hint = did_you_mean(name, known) or f"contracts here: {', '.join(sorted(known)) or 'none'}"
        raise Problems([Problem(Place(name), "E0802", f"there is no contract {name}", hint=hint)])
    return read(known[name])


def folders(root: Path) -> list[Path]:
    """Where contracts are looked for: `contracts/` of the project, then the shipped ones."""
    own, ours = root / "contracts", shipped("contracts")
    return [path for path in dict.fromkeys((own, ours)) if os.path.isdir(path)]


def newest(contracts: Iterable[Contract]) -> dict[str, Contract]:
    """Of each package the newest release."""
    found: dict[str, Contract] = {}
    for contract in contracts:
        other = found.get(contract.package)
        if other is None or order(contract.version) > order(other.version):
            found[contract.package] = contract
    return found


def order(version: str) -> tuple[int, int, int, bool, str]:
    """What versions are sorted by; a pre-release comes before its release."""
    match = _VERSION.match(version)
    if match is None:
        return (0, 0, 0, False, version)
    rest = match[4] or ""
    return (int(match[1]), int(match[2]), int(match[3]), not rest, rest)


def file_name(data: Document) -> str:
    """The name of a contract's file."""
    return f"{data['package']}-{data['version']}.json"


def dumps(data: Document) -> str:
    """The text of a contract file: keys sorted, so that a diff shows facts and nothing else."""
    return json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True, slots=True)
class PythonPackage:
    """A Python package that contracts describe (an entry of `python.json`).

    `distribution` is its name for pip, `written_for` the release that the runtime is written for; `request` is the
    whole entry, as `introspect.py` reads it.
    """

    distribution: str
    written_for: str
    request: Document


@cache
def python_packages() -> Mapping[str, PythonPackage]:
    """The Python packages that contracts describe, by name."""
    documents: dict[str, Document] = json.loads((_HERE / "python.json").read_text("utf-8"))
    return {
        name: PythonPackage(document["distribution"], document["written_for"], document)
        for name, document in documents.items()
    }


def _names_release(stem: str) -> bool:
    return "-" in stem and _VERSION.match(stem.rsplit("-", 1)[1]) is not None


@cache
def _validator() -> Validator:
    return Validator(json.loads((_HERE / "contract.schema.json").read_text("utf-8")), "E0801")

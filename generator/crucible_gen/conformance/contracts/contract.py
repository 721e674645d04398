"""A contract file in, a Contract that knows where each of its facts stands out; and back, always the same bytes.

A contract says what one release of a package offers. For Elixir: structs (fields in the order of definition, defaults
as source text, enforced keys, types), stages (`describe/1`, the struct that their options go into, the keys that are
read, the described keys that raise), ports and behaviours with their callbacks. For Python: config classes and entry
points.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from crucible_gen import load
from crucible_gen.document import Node
from crucible_gen.problems import Place, Problem, Problems, did_you_mean
from crucible_gen.schema import shipped
from crucible_gen.settings import shown

CODES = {
    "E0801": "a contract file is not what a contract looks like",
    "E0802": "there is no such contract",
}
"""What each code of this step means, in a line."""

Raw: TypeAlias = Mapping[str, Any]

_HERE = Path(__file__).parent
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:[-.+]?(.*))?\Z")


@dataclass(frozen=True)
class Contract:
    """One release of one package; `file` is where it stands, `node` its text with places (None for a fresh pull)."""

    data: Raw
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
    def language(self) -> str:
        """`elixir` or `python`."""
        return str(self.data["language"])

    def part(self, kind: str) -> dict[str, Any]:
        """The structs, stages, ports, behaviours, classes or entry points, by name; empty where there are none."""
        return dict(self.data.get(kind, {}))

    def place(self, *path: str | int) -> Place:
        """Where a fact stands; the nearest one around it where it stands nowhere."""
        node, steps = self.node, path
        while node is not None:
            if (found := node.get(*steps)) is not None:
                return found.place
            steps = steps[:-1]
        return Place(self.file or self.name)

    def field_place(self, kind: str, owner: str, name: str, *inside: str) -> Place:
        """Where a field of a struct, of a stage's options or of a class stands."""
        fields = self.part(kind).get(owner, {})
        for step in inside:
            fields = fields[step]
        index = next((at for at, field in enumerate(fields.get("fields", ())) if field["name"] == name), None)
        return self.place(kind, owner, *inside, *(("fields", index, "name") if index is not None else ()))


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
    return sorted((read(file) for file in files), key=lambda found: (found.package, order(found.version)))


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


def file_name(data: Raw) -> str:
    """The name of a contract's file."""
    return f"{data['package']}-{data['version']}.json"


def dumps(data: Raw) -> str:
    """The text of a contract file: keys sorted, so that a diff shows facts and nothing else."""
    return json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def asked(package: str) -> Raw | None:
    """What is asked of a Python package (`python.json`), and the release that the runtime is written for."""
    return asked_packages().get(package)


@cache
def asked_packages() -> dict[str, Raw]:
    """What is asked of each Python package."""
    found: dict[str, Raw] = json.loads((_HERE / "python.json").read_text("utf-8"))
    return found


def fields(owner: Raw) -> dict[str, Raw]:
    """The fields of a struct or class by name, in order."""
    return {field["name"]: field for field in owner.get("fields", ())}


def _names_release(stem: str) -> bool:
    return "-" in stem and _VERSION.match(stem.rsplit("-", 1)[1]) is not None


@cache
def _validator() -> Any:
    from crucible_gen.validate import Validator

    return Validator(json.loads((_HERE / "contract.schema.json").read_text("utf-8")), "E0801")


def one_line(text: str | None) -> str | None:
    """Source text on one line: releases of Elixir break the same type in different places."""
    if text is None:
        return None
    flat = re.sub(r"\s+", " ", text)
    return re.sub(r"(?<=[(\[{]) | (?=[)\]}])", "", flat)


def pairs(old: Raw, new: Raw) -> Iterator[tuple[str, Any, Any]]:
    """Every key of either, sorted, with what each says (None where it says nothing)."""
    for key in sorted({*old, *new}):
        yield key, old.get(key), new.get(key)

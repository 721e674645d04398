"""Extract contracts from a compiled Elixir project and from a Python environment, without changing either."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.extract_elixir import ElixirSource, extract_elixir
from crucible_gen.conformance.contracts.extract_python import extract_python
from crucible_gen.schemas import Schemas


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What is read: a Mix project or directories of compiled modules, and a Python interpreter or environment.

    `packages` are described even if they hold no stage; `compile` compiles the project into a temporary directory.
    """

    mix_project: Path | None = None
    code_paths: Sequence[Path] = ()
    python: Path | None = None
    packages: Sequence[str] = ()
    compile: bool = False


class Extraction(NamedTuple):
    """The contracts, by package, and notes for the user on how they were read."""

    contracts: tuple[Contract, ...]
    notes: tuple[str, ...] = ()


def extract(request: PullRequest, schemas: Schemas) -> Extraction:
    """Read the contracts of everything that the request names.

    The schemas say which packages are described even if they hold no stage, and which modules are stages. Raises
    Problems if a source cannot be read or has nothing to describe.
    """
    contracts: list[Contract] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gen-pull-") as name:
        scratch = Path(name)
        if request.mix_project is not None or request.code_paths:
            source = ElixirSource(request.mix_project, request.code_paths, request.packages, request.compile)
            elixir_contracts, elixir_notes = extract_elixir(source, schemas, scratch)
            contracts += elixir_contracts
            notes += elixir_notes
        if request.python is not None:
            python_contracts, python_notes = extract_python(request.python, request.packages, scratch)
            contracts += python_contracts
            notes += python_notes
    return Extraction(tuple(sorted(contracts, key=lambda contract: (contract.package, contract.version))), tuple(notes))


def this_python() -> Path:
    """The interpreter that runs this program."""
    return Path(sys.executable)

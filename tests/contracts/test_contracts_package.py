"""What the packages offer to others, what they import, and that every check and every proof stands in its table."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from crucible_gen import conformance
from crucible_gen.conformance import contracts, verify
from crucible_gen.conformance.contracts import checks
from crucible_gen.conformance.contracts.checks import coverage, interfaces, options, python_objects, stages, structs
from crucible_gen.conformance.verify import proofs
from crucible_gen.conformance.verify.proofs import runs, static


@pytest.mark.parametrize("package", [conformance, contracts, verify])
def test_public_names_are_sorted_and_exist(package: ModuleType) -> None:
    assert list(package.__all__) == sorted(package.__all__)
    for name in package.__all__:
        assert hasattr(package, name) or importlib.import_module(f"{package.__name__}.{name}")


def imported(code: str) -> set[str]:
    """The modules that a fresh interpreter has imported after this code."""
    script = f"import sys; {code}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


def test_contracts_are_imported_without_pydantic() -> None:
    assert "pydantic" not in imported("from crucible_gen.conformance import contracts")


def test_the_models_of_the_output_are_imported_when_they_are_used() -> None:
    models = {f"crucible_gen.{name}.output" for name in ("diagnostics", "conformance.contracts", "conformance.verify")}
    assert not models & imported("from crucible_gen.conformance import contracts, verify")
    assert models <= imported(
        "from crucible_gen.conformance.contracts import output; import crucible_gen.cli.output_schema"
    )


def public_functions(module: ModuleType) -> set[object]:
    members = inspect.getmembers(module, inspect.isfunction)
    return {member for name, member in members if member.__module__ == module.__name__ and not name.startswith("_")}


def test_every_check_stands_in_the_table() -> None:
    listed = {check for group in checks.CHECKS for check in group}
    modules = (coverage, interfaces, options, python_objects, stages, structs)
    assert listed == set().union(*map(public_functions, modules))
    names = {path.stem for path in Path(checks.__file__).parent.glob("*.py")} - {"__init__"}
    assert names == {module.__name__.rpartition(".")[2] for module in modules}


def test_every_proof_stands_in_the_table() -> None:
    assert {kind.assess for kind in proofs.PROOFS.values()} == public_functions(runs) | public_functions(static)
    assert [kind.needs_run for kind in proofs.PROOFS.values()] == sorted(
        kind.needs_run for kind in proofs.PROOFS.values()
    )

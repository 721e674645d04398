"""What the packages offer to others, what they import, and that every check and every proof stands in its table."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from crucible_gen import conformance
from crucible_gen.conformance import contracts, verify
from crucible_gen.conformance.contracts import checks
from crucible_gen.conformance.contracts.checks import coverage, interfaces, options, python_objects, stages, structs
from crucible_gen.conformance.contracts.output import CheckOutput, DiffOutput, PullOutput
from crucible_gen.conformance.output import ProblemOutput, problem_outputs
from crucible_gen.conformance.verify import proofs
from crucible_gen.conformance.verify.proofs import runs, static
from crucible_gen.diagnostics import Place, Problem
from crucible_gen.diagnostics.report import as_json


@pytest.mark.parametrize("package", [conformance, contracts, verify])
def test_public_names_are_sorted_and_exist(package: ModuleType) -> None:
    assert list(package.__all__) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        contracts.nothing  # noqa: B018


def test_the_models_of_the_output_are_those_that_are_printed() -> None:
    assert (contracts.CheckOutput, contracts.DiffOutput, contracts.PullOutput) == (CheckOutput, DiffOutput, PullOutput)
    for model in (CheckOutput, DiffOutput, PullOutput, verify.VerifyOutput):
        schema = model.model_json_schema()
        assert schema["required"] == list(schema["properties"])
        assert schema["description"].startswith("The output of `gen ")


def test_contracts_are_imported_without_pydantic() -> None:
    code = "import sys; from crucible_gen.conformance import contracts; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_problems_have_the_json_of_the_other_commands() -> None:
    see = (("the contract", Place("c.json", 3, 4)),)
    problems = [
        Problem(Place("a", 1, 2), "E0811", "m", "h", "about", see, "warning"),
        Problem(Place("b"), "E0812", "m"),
    ]
    shown = [output.model_dump() for output in problem_outputs(problems)]
    assert json.dumps(shown) == json.dumps(as_json(problems))
    assert list(ProblemOutput.model_fields) == list(shown[0])


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

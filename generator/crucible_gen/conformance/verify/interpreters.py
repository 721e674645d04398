"""Run the Elixir and the Python script on generated files, each in a directory that is thrown away.

Neither gets a terminal or a Mix project: compiled modules are loaded from where they are, and nothing is written there.
Responses come back in files, so that nothing that a package prints can end up in them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from crucible_gen.conformance.process import INSTALL_ELIXIR, Runner
from crucible_gen.conformance.verify.requests import PythonRequest
from crucible_gen.conformance.verify.responses import ElixirResponse, PythonResponse
from crucible_gen.diagnostics import Place, Problem, Problems, shown

CODES = {
    "E0902": "Elixir is not on the path",
    "E0904": "a package that the recipes need is not there",
    "E0905": "Elixir gave no answer",
    "E0906": "Python gave no answer",
}
"""What each code of this step means, in a line."""

_HERE = Path(__file__).parent
_ELIXIR = Runner("E0905", timeout=600, quoted_lines=12)
_PYTHON = Runner("E0906", timeout=600, quoted_lines=12)
_NO_RUNTIME = 3
"""The exit code of `python_side.py` where the runtime is not installed."""


def has_elixir() -> bool:
    """Whether there is an Elixir to run."""
    return shutil.which("elixir") is not None


def no_elixir() -> Problem:
    """The problem of a missing Elixir."""
    message = "elixir is not on the path; the proofs in Elixir were not run"
    return Problem(Place("elixir"), "E0902", message, hint=INSTALL_ELIXIR)


def no_response(exit_code: int, output: str) -> Problem:
    """The problem of an Elixir that ended without a response."""
    return Problem(Place("elixir"), "E0905", f"elixir ended with exit code {exit_code}", hint=_ELIXIR.quote(output))


def missing_modules(modules: Sequence[str]) -> Problem:
    """The problem of modules that are in none of the directories."""
    hint = "add the packages to the project's dependencies and compile it, or name their directories with --code-path"
    return Problem(Place("elixir"), "E0904", f"{', '.join(modules)} cannot be loaded", hint=hint)


def run_elixir(request: str, scratch: Path) -> ElixirResponse:
    """Run the script on a request, the source text of an Elixir term. Raises Problems where it gives no facts."""
    request_file, response_file = scratch / "request.exs", scratch / "response.json"
    request_file.write_text(request, "utf-8")
    directory = scratch / "run"  # what a stage writes to the working directory is thrown away with it
    directory.mkdir()
    command = [_ELIXIR.find("elixir"), str(_HERE / "elixir" / "main.exs"), str(request_file), str(response_file)]
    completed = _ELIXIR.run(command, directory)
    if not os.path.isfile(response_file):
        raise Problems([no_response(completed.exit_code, completed.stderr or completed.stdout)])
    try:
        response = ElixirResponse.model_validate_json(response_file.read_text("utf-8"))
    except ValueError as error:
        raise Problems([no_response(completed.exit_code, str(error))]) from error
    if response.missing:
        raise Problems([missing_modules(response.missing)])
    return response


def run_python(request: PythonRequest, package: Path, python: Path | None, scratch: Path) -> PythonResponse:
    """Run the script on the generated package in the directory `package`, with the interpreter that `python` names.

    Without one, with the interpreter that runs this program. Raises Problems where it gives no facts.
    """
    request_file, response_file = scratch / "request.json", scratch / "response-of-python.json"
    request_file.write_text(json.dumps(request), "utf-8")
    # Python looks for modules beside the script first, and those beside ours have names that others use.
    script = Path(shutil.copy(_HERE / "python_side.py", scratch))
    interpreter = _PYTHON.find_python(python) if python is not None else Path(sys.executable)
    path = os.pathsep.join([str(package), *_own_runtime(python), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [str(interpreter), str(script), str(request_file), str(response_file)]
    completed = _PYTHON.run(command, scratch, {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"})
    place = Place(shown(interpreter))
    if completed.exit_code == _NO_RUNTIME:
        hint = "install crucible-runtime there, or name an environment that has it with --python"
        raise Problems([Problem(place, "E0906", "crucible_runtime is not installed", hint=hint)])
    if completed.exit_code or not os.path.isfile(response_file):
        hint = _PYTHON.quote(completed.stderr or completed.stdout)
        raise Problems([Problem(place, "E0906", f"exit code {completed.exit_code}", hint=hint)])
    try:
        return PythonResponse.model_validate_json(response_file.read_text("utf-8"))
    except ValueError as error:
        message, hint = "the answer is not what it should be", _PYTHON.quote(str(error))
        raise Problems([Problem(place, "E0906", message, hint=hint)]) from error


def _own_runtime(python: Path | None) -> list[str]:
    """Where this interpreter has the runtime from: it may be no installed package, but a directory on its path."""
    spec = importlib.util.find_spec("crucible_runtime") if python is None else None
    return [str(Path(spec.origin).parents[1])] if spec is not None and spec.origin else []

"""Read what the Python packages of an environment offer, by running `introspect.py` with its interpreter."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from crucible_gen.conformance.contracts.contract import Contract, dumps, python_packages
from crucible_gen.conformance.process import Runner
from crucible_gen.diagnostics import Place, Problem, Problems, shown

CODES = {"E0806": "the Python environment cannot be asked"}
"""What each code of this step means, in a line."""

_RUNNER = Runner("E0806", timeout=120, quoted_lines=20)


def extract_python(python: Path, packages: Sequence[str], scratch: Path) -> tuple[list[Contract], list[str]]:
    """The contracts of an interpreter or virtual environment, and notes on what could not be imported.

    Without `packages`, all that `python.json` lists are looked for. Raises Problems if none is installed.
    """
    interpreter = _RUNNER.find_python(python)
    known = python_packages()
    wanted = {name: package for name, package in known.items() if name in (packages or known)}
    request, response = scratch / "request.json", scratch / "response-of-python.json"
    request.write_text(dumps({name: package.request for name, package in wanted.items()}), "utf-8")
    # Python looks for modules beside the script first, and those beside ours have names that others use.
    script = Path(shutil.copy(Path(__file__).parent / "introspect.py", scratch))
    completed = _RUNNER.run([str(interpreter), str(script), str(request), str(response)], scratch)
    place = Place(shown(interpreter))
    if completed.exit_code or not os.path.isfile(response):
        message = f"{shown(interpreter)} ended with exit code {completed.exit_code}"
        raise Problems([Problem(place, "E0806", message, hint=_RUNNER.quote(completed.stderr))])
    document = json.loads(response.read_text("utf-8"))
    if not document["contracts"]:
        names = ", ".join(package.distribution for package in wanted.values())
        message = f"none of {names} is installed in this environment"
        hint = "name an interpreter or a virtual environment that has one: --python PATH"
        raise Problems([Problem(place, "E0807", message, hint=hint)])
    return [Contract(contract) for contract in document["contracts"]], list(document["notes"])

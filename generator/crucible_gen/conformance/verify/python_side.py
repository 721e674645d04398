"""Compute the canonical JSON of generated recipes: `python python_side.py REQUEST RESPONSE`, both files of JSON.

The response has the JSON of each recipe's experiment, as it is and with each set of overrides, or why there is none.
This file runs in the user's environment, with the generated package on its path: it imports the runtime and nothing of
the generator.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main(request: Path, response: Path) -> int:
    """Read the request, write the response; the exit code is 3 where the runtime is missing."""
    recipes = json.loads(request.read_text("utf-8"))["recipes"]
    try:
        runtime = importlib.import_module("crucible_runtime")
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    found = {recipe["id"]: _recipe(recipe["module"], recipe["overrides"], runtime) for recipe in recipes}
    response.write_text(json.dumps({"python": sys.version.split()[0], "recipes": found}), "utf-8")
    return 0


def _recipe(name: str, overrides: list[dict[str, Any]], runtime: Any) -> list[dict[str, str | None]]:
    """The JSON of a module's experiment: without overrides, then with each set of them."""
    try:
        module = importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a module of the user's may raise anything
        return [_failed(error) for _ in (None, *overrides)]
    return [_experiment(module, each, runtime) for each in (None, *overrides)]


def _experiment(module: Any, overrides: dict[str, Any] | None, runtime: Any) -> dict[str, str | None]:
    try:
        config = module.Config(training_config=overrides) if overrides else module.Config()
        return {"json": runtime.canonical(module.build_experiment(config)), "error": None}
    except Exception as error:  # noqa: BLE001
        return _failed(error)


def _failed(error: Exception) -> dict[str, str | None]:
    return {"json": None, "error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

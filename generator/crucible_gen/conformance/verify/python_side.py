"""Asked: python python_side.py QUESTION ANSWER, with the generated package on the path. The answer is JSON.

For each recipe the canonical JSON of its experiment, plain and with each set of overrides, or why there is none. This
file runs in the user's environment, so it imports the runtime and nothing of the generator.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main(question: Path, answer: Path) -> int:
    """Reads the question, writes the answer; the exit code is 3 where the runtime is missing."""
    asked = json.loads(question.read_text("utf-8"))
    try:
        runtime = importlib.import_module("crucible_runtime")
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    found = {recipe["id"]: _jsons(recipe, runtime) for recipe in asked["recipes"]}
    answer.write_text(json.dumps({"python": sys.version.split()[0], "recipes": found}), "utf-8")
    return 0


def _jsons(recipe: dict[str, Any], runtime: Any) -> list[dict[str, str | None]]:
    sets = [None, *recipe["overrides"]]
    try:
        module = importlib.import_module(recipe["module"])
    except Exception as error:  # noqa: BLE001 - whatever a module of the user's raises is what is asked for
        return [_wrong(error) for _ in sets]
    return [_json(module, overrides, runtime) for overrides in sets]


def _json(module: Any, overrides: dict[str, Any] | None, runtime: Any) -> dict[str, str | None]:
    try:
        config = module.Config(training_config=overrides) if overrides else module.Config()
        return {"json": runtime.canonical(module.build_experiment(config)), "error": None}
    except Exception as error:  # noqa: BLE001
        return _wrong(error)


def _wrong(error: Exception) -> dict[str, str | None]:
    return {"json": None, "error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

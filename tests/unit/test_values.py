"""What texts mean: the table of cases of the runtime, passed by every reader of the generator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crucible_gen.diagnostics import Problems
from crucible_gen.recipes.resolve import Reader, Source
from crucible_gen.schemas import Schemas

ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "runtime/python/tests/cases/values.json").read_text("utf-8"))["documents"]
SCHEMAS = Schemas.load()


def resolved(folder: Path, files: dict[str, str], profile: str | None = None) -> Any:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    first = next(iter(files))
    node = Reader(SCHEMAS).recipe(Source(folder / first, first), profile).node.get("metadata")
    return node.plain() if node is not None else {}


def in_a_recipe(folder: Path, text: str) -> Any:
    return resolved(folder, {"a.yaml": f"metadata:\n  x: {text}\n"})


def in_a_fragment(folder: Path, text: str) -> Any:
    return resolved(folder, {"a.yaml": "extends: b.yml\n", "b.yml": f"metadata:\n  x: {text}\n"})


def in_a_profile(folder: Path, text: str) -> Any:
    return resolved(folder, {"a.yaml": f"profiles:\n  p:\n    metadata:\n      x: {text}\n"}, "p")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"] or "empty")
@pytest.mark.parametrize("read", [in_a_recipe, in_a_fragment, in_a_profile])
def test_a_value_of_a_recipe(read: Callable[[Path, str], Any], case: Any, tmp_path: Path) -> None:
    if "refused" in case:
        with pytest.raises(Problems) as raised:
            read(tmp_path, case["text"])
        (problem,) = raised.value.problems
        assert problem.place.line and case["refused"] in problem.message
    else:
        expected = {} if case["is"] is None else {"x": case["is"]}  # null removes
        assert json.dumps(read(tmp_path, case["text"])) == json.dumps(expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"] or "empty")
def test_a_value_of_a_json_recipe(case: Any, tmp_path: Path) -> None:
    if case.get("is") is not None:
        text = json.dumps({"metadata": {"x": case["is"]}}, ensure_ascii=False)
        assert json.dumps(resolved(tmp_path, {"a.json": text})) == json.dumps({"x": case["is"]})

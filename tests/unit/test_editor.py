"""The schema for editors accepts every file that gen accepts, and refuses what is wrong in any file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import gen, project
from crucible_gen.documents import load
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/recipes"
_BLOCK = re.compile(r"<!-- file: (recipes/\S+\.(?:yaml|json)) -->\n```\w+\n(.*?)```", re.DOTALL)


def files() -> Iterator[tuple[str, Path, bytes]]:
    """A name, the directory whose settings hold, and the bytes of a file: recipes and fragments, valid all of them."""
    for path in sorted((ROOT / "recipes").rglob("*.yaml")):
        yield path.name, ROOT, path.read_bytes()
    for case in sorted(GOLDEN.iterdir()):
        for path in sorted(case.rglob("*")):
            inside = path.relative_to(case)
            if inside.parts[0] == "expected" or path.name == "gen.yaml":
                continue
            if re.search(r"(?<!schema)\.(yaml|yml|json)$", path.name):
                yield f"{case.name}/{inside}", case, path.read_bytes()
    for page in sorted((ROOT / "docs").glob("*.md")):
        for name, text in _BLOCK.findall(page.read_text("utf-8")):
            if "stages:" not in text:  # of one's own, which the page defines
                yield f"{page.name} {name}", ROOT, text.encode()


@pytest.fixture(scope="module")
def schema() -> Any:
    """A function of a directory: the validator for editors there."""
    known: dict[Path, Draft202012Validator] = {}

    def of(folder: Path) -> Draft202012Validator:
        if folder not in known:
            ran = gen(["schema", "recipe"], folder)
            assert (ran.code, ran.err) == (0, "")
            Draft202012Validator.check_schema(json.loads(ran.out))
            known[folder] = Draft202012Validator(json.loads(ran.out))
        return known[folder]

    return of


def test_every_valid_file_is_accepted(schema: Any) -> None:
    seen = list(files())
    assert len(seen) > 45
    for name, folder, data in seen:
        value = load.parse(data, name).plain()
        assert [error.message for error in schema(folder).iter_errors(value)] == [], name


RECIPE: dict[str, Any] = {"type": "supervised", "training_config": {"model_ref": "m", "dataset_ref": "d"}}


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ({"$schema": "../recipe.schema.json", "id": "a", **RECIPE}, True),
        ({"id": "a", "mlops": None, "tags": None, **RECIPE}, True),
        ({"training_config": {"options": {"max_length": None}}}, True),
        ({"mlops": {"register": {}}}, True),
        ({"id": "a", "extends": "b.yaml", "training_config": {"model_ref": {"version": "2"}}}, True),
        ({"id": "a"}, False),
        ({"id": "a", **RECIPE, "mlops": {"register": {}}}, False),
        ({"id": "a", "extends": "b.yaml", "epocs": 1}, False),
        ({"training_config": {"epochs": "many"}}, False),
        ({"training_config": {"epochs": None}}, True),
        ({"type": "rl", "training_config": {"options": {"beta": 0.1}}}, False),
        ({"evaluation": {"tasks": [{"scorer": "exact_match"}]}}, False),
        ({"stages": {"after": [{"stage": "report", "options": {"no_such": 1}}]}}, False),
        ({"stages": {"after": [None]}}, False),
    ],
)
def test_what_stands_in_a_file_is_held_to_what_gen_holds_it_to(value: Any, accepted: bool, schema: Any) -> None:
    assert schema(ROOT).is_valid(value) is accepted


def test_gen_reads_a_recipe_that_names_its_schema(tmp_path: Path) -> None:
    recipe = {"$schema": "../recipe.schema.json", "id": "one", "extends": "base.json", **RECIPE}
    files = {"one.json": json.dumps(recipe), "base.json": json.dumps({"$schema": "./recipe.schema.json"})}
    root = project(tmp_path, files)
    assert gen(["one.json"], root).code == 0
    named = {path: path.read_bytes() for path in (root / "generated/ir").iterdir()}
    (root / "one.json").write_text(json.dumps({"id": "one", **RECIPE}))
    assert gen(["one.json"], root).code == 0
    assert (root / "generated/ir/one.json").read_bytes() == named[root / "generated/ir/one.json"]
    assert b"$schema" not in named[root / "generated/ir/one.json"]

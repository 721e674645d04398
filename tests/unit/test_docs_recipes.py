"""docs/recipes.md says what the recipes say, and lists the differences that the engines' tests allow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from crucible_gen.recipes.resolve import Reader, Source
from crucible_gen.schemas import Schemas

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "recipes.md"
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
DIFFERENCES = ROOT / "tests" / "engines" / "differences.yaml"
PART = re.compile(r"(<!-- the (\w+): written by a test -->\n).*?(<!-- end -->\n)", re.DOTALL)

Values = Mapping[str, Any]


def recipe_lines() -> Iterator[str]:
    """A row a recipe; its stages are those of the experiment that ships."""
    yield "| recipe | type | model | data set | stages | evaluation |"
    yield "| --- | --- | --- | --- | --- | --- |"
    reader = Reader(Schemas.load())
    for path in RECIPES:
        written = reader.recipe(Source(path, path.name)).node.plain()
        assert isinstance(written, dict)
        experiment = json.loads((ROOT / "generated" / "ir" / f"{path.stem}.json").read_text("utf-8"))
        training = experiment["training_config"]
        cells = (
            f"[{path.stem}](../recipes/{path.name})",
            written["type"],
            training["model_ref"]["id"],
            training["dataset_ref"]["name"],
            ", ".join(stage["name"] for stage in experiment["pipeline"]),
            evaluation(written.get("evaluation")),
        )
        yield f"| {' | '.join(map(str, cells))} |"


def evaluation(written: Any) -> str:
    """The tasks, each with how it is scored."""
    tasks = written["tasks"] if written else []
    return ", ".join(f"{task['name']} ({task.get('scorer', 'exact_match')})" for task in tasks)


def difference_lines() -> Iterator[str]:
    """A heading a section, a point a reason, and below it the recipes with the values of both sides."""
    sections: dict[str, list[Values]] = yaml.safe_load(DIFFERENCES.read_text("utf-8"))
    for title, entries in sections.items():
        yield from ("", f"### {title}", "")
        for reason, group in groupby(entries, key=lambda entry: str(entry["reason"])):
            yield f"- {reason}"
            yield from (f"  - {recipes(entry)}: {values(entry)}" for entry in group)
    yield ""


def recipes(entry: Values) -> str:
    return "every" if entry["recipes"] == "every" else ", ".join(entry["recipes"])


def values(entry: Values) -> str:
    sides = [
        f"in the {side} {', '.join(f'`{name}: {json.dumps(value)}`' for name, value in entry[side].items())}"
        for side in ("cookbook", "recipe")
        if side in entry
    ]
    return "; ".join(sides)


WRITTEN: Mapping[str, Callable[[], Iterator[str]]] = {"recipes": recipe_lines, "differences": difference_lines}


def page(text: str) -> str:
    """The page with its written parts as they should be."""
    return PART.sub(lambda part: part[1] + "".join(f"{line}\n" for line in WRITTEN[part[2]]()) + part[3], text)


def test_the_page_says_what_the_recipes_and_the_list_say(golden: Callable[[Path, Mapping[str, bytes]], None]) -> None:
    golden(PAGE, {"": page(PAGE.read_text("utf-8")).encode()})


def test_both_parts_are_there() -> None:
    assert [part[2] for part in PART.finditer(PAGE.read_text("utf-8"))] == list(WRITTEN)


def test_every_recipe_named_on_the_page_ships() -> None:
    named = set(re.findall(r"\*\*(\w+)\*\*", PAGE.read_text("utf-8")))
    assert named and named <= {path.stem for path in RECIPES}

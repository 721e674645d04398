"""The laws of docs/architecture.md: those that no other test holds, and that each names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from crucible_gen.schemas import Schemas
from test_layers import MODULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
NAMED = re.findall(r"^\| \*\*.*\| `([\w./]+)::(\w+)` \|$", PAGE, re.MULTILINE)
LAWS = re.findall(r"^\| \*\*.*$", PAGE, re.MULTILINE)


def test_every_law_names_a_test() -> None:
    assert len(LAWS) == len(NAMED) >= 10


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_test_of_a_law_exists_and_asserts_something(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(found) == 1, f"{path} has no test {name}"
    checks = [node for node in ast.walk(found[0]) if isinstance(node, ast.Assert) or "fail" in ast.dump(node)[:200]]
    assert checks


SCHEMAS = Schemas.load()
OPTIONS = {name for type_ in SCHEMAS.type_names for name in SCHEMAS.options(type_).properties}
STAGES = {word for stage in SCHEMAS.stages.values() for word in (stage.info.name, stage.info.module)}
WORDS = {*SCHEMAS.type_names, *OPTIONS, *STAGES}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_core_module_names_a_type_an_option_or_a_stage(name: str) -> None:
    """`conformance` is left out: it knows what training runs of each type do, to compare them with what is seen."""
    if name.startswith("conformance"):
        return
    tree = MODULES[name]
    apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    apart |= {
        id(each)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for each in ast.walk(node)
    }
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in apart]
    assert not WORDS.intersection(text for text in texts if isinstance(text, str))


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.j2")), ids=lambda path: path.name)
def test_templates_have_fixed_lines_and_holes(path: Path) -> None:
    text = re.sub(r"{#.*?#}", "", path.read_text("utf-8"), flags=re.DOTALL)
    for block in re.findall(r"{%-?\s*(.*?)\s*-?%}", text):
        assert re.fullmatch(r"if \w+|else|endif", block), block
    for hole in re.findall(r"{{-?\s*(.*?)\s*-?}}", text):
        assert re.fullmatch(r"\w+", hole), hole

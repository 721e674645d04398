"""Imports go to lower layers only, and never in a circle: the map of the runtime, read from its source.

Imports inside functions and under TYPE_CHECKING count as well.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "crucible_runtime"

LAYERS = (
    {"ir", "errors", "secrets", "processes", "quoting", "documents"},
    {"ports", "evaluation", "experiment", "installation"},
    {"rundir"},
    {"interface"},
    {"plugins"},
    {"smoke", "data", "environments", "engines", "mlops", "evals"},
    {"runs", "report", "plan", "preflight"},
    {"pipeline"},
    {"stages", "recipes", "cli", "crucible_runtime"},
)
"""The modules and packages of the runtime from the lowest up; `crucible_runtime` is what the package itself exports."""

STAGES = 5
"""The layer whose packages do not know each other, but for what SIBLINGS allows."""
SIBLINGS: Mapping[str, set[str]] = {
    "smoke": set(),
    "data": {"smoke"},
    "environments": {"data"},
    "engines": {"data", "smoke"},
    "evals": {"data", "smoke"},
    "mlops": set(),
}
"""The packages of that layer that each of them may import."""
ENGINES = {f"engines.{path.parent.name}" for path in (PACKAGE / "engines").glob("*/__init__.py")}
"""Engines do not know each other."""
ALONE = {"environments.sandbox_inside", "environments.grading_worker"}
"""Programs that other processes run: they import nothing of the runtime, and nothing imports them."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = [part for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__"]
        yield ".".join(parts) or "crucible_runtime", ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere in a source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and "import_module" in ast.dump(node.func):
            yield from (str(word.value) for word in node.args if isinstance(word, ast.Constant))


def edges(modules: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """The modules of the runtime that each of them imports."""
    found: dict[str, set[str]] = {}
    for name, tree in modules.items():
        whole = {each for each in imported(tree) if each.split(".")[0] == "crucible_runtime"}
        known = {short for each in whole if (short := each.removeprefix("crucible_runtime.")) in modules}
        # `from package import module` names both; only the module is meant.
        found[name] = {
            each
            for each in known
            if not any(other.startswith(f"{each}.") for other in known)
            and not (each == "crucible_runtime" and known > {each})
        } - {name}
    return found


def top(module: str) -> str:
    return module.partition(".")[0]


def layer(module: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if top(module) in names)


def wrong(module: str, others: set[str]) -> set[str]:
    """What a module imports and must not."""
    return {
        other
        for other in others
        if layer(other) > layer(module)
        or (
            layer(module) == layer(other) == STAGES
            and top(module) != top(other)
            and top(other) not in SIBLINGS[top(module)]
        )
        or any(module.startswith(one) and other.startswith(two) for one in ENGINES for two in ENGINES - {one})
    }


MODULES = dict(sources())
EDGES = edges(MODULES)
EMPTY = ast.parse("")


def test_every_module_has_one_layer() -> None:
    listed = [name for names in LAYERS for name in names]
    assert len(listed) == len(set(listed))
    assert set(listed) == {top(name) for name in MODULES}, "a new module is given its place in LAYERS"
    assert SIBLINGS.keys() == LAYERS[STAGES]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_to_no_higher_layer_and_to_no_sibling(module: str) -> None:
    assert not wrong(module, EDGES[module])


def test_the_documentation_names_the_modules_of_each_layer() -> None:
    page = (PACKAGE.parents[2] / "docs" / "architecture.md").read_text("utf-8")
    text = page.partition("## Layers of the runtime")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    expected = [(number, names - {"crucible_runtime"}) for number, names in enumerate(LAYERS)]
    assert [(int(number), {*re.findall(r"`(\w+)`", names)}) for number, names in rows] == expected


def test_imports_never_go_in_a_circle() -> None:
    try:
        tuple(TopologicalSorter(EDGES).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_packages_of_the_stages_have_an_order() -> None:
    tuple(TopologicalSorter(SIBLINGS).static_order())


def test_programs_of_other_processes_stand_alone() -> None:
    assert EDGES.keys() >= ALONE
    assert not [name for name, others in EDGES.items() if others & ALONE or (name in ALONE and others)]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("ir", "from crucible_runtime.errors import InputError\nfrom crucible_runtime import cli"),
        ("rundir.folder", "def f():\n    from crucible_runtime.pipeline.run import Pipeline"),
        ("interface.stages", "if TYPE_CHECKING:\n    from crucible_runtime.engines.trl import TrlEngine"),
        ("pipeline.run", "from crucible_runtime.stages import deploy"),
        ("plugins", "import crucible_runtime.data.adapters"),
        ("mlops.deploy", "from crucible_runtime.engines import mapping"),
        ("mlops.deploy", "from crucible_runtime import data"),
        ("engines.trl.models", "importlib.import_module('crucible_runtime.engines.tinker.tree')"),
        ("data.files", "from crucible_runtime import Context"),
    ],
)
def test_a_wrong_import_is_found(module: str, line: str) -> None:
    found = edges({**dict.fromkeys(MODULES, EMPTY), module: ast.parse(line)})[module]
    assert wrong(module, found)


def test_a_circle_is_found() -> None:
    circle = {**dict.fromkeys(MODULES, EMPTY), "ir": ast.parse("def f():\n    import crucible_runtime.errors")}
    circle["errors"] = ast.parse("from crucible_runtime import ir")
    with pytest.raises(CycleError):
        tuple(TopologicalSorter(edges(circle)).static_order())


LEAVES_OUT = {
    "data",
    "data.teacher",
    "engines.tinker.teachable",
    "engines.trl.batches",
    "engines.trl.distillation",
    "engines.trl.preference",
    "engines.trl.supervised",
}
"""The modules that leave something out of the data, or cut it off: each tells it through `interface.leftout`."""


def test_what_is_left_out_is_told_in_one_way() -> None:
    found = {name for name, tree in sources() if "crucible_runtime.interface.leftout.left_out" in set(names(tree))}
    assert found == LEAVES_OUT
    for name, tree in sources():
        texts = (
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        logged = [text for text in texts if re.search(r"(are|is) left out(:|$)", text) and "\n" not in text]
        assert not logged, f"{name} says itself what is left out: {logged}"


def names(tree: ast.Module) -> Iterator[str]:
    """Every name that is imported from a module, with the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)

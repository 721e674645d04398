"""Imports go to lower layers only, and never in a circle: the map of the generator, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "crucible_gen": ROOT / "generator" / "crucible_gen",
    "crucible_runtime": ROOT / "runtime" / "python" / "crucible_runtime",
}

LAYERS = (
    {"diagnostics"},
    {"documents"},
    {"schemas"},
    {"ir", "output"},
    {"languages"},
    {"recipes"},
    {"results"},
    {"incremental"},
    {"factory"},
    {"build"},
    {"conformance"},
    {"cli"},
    {"__main__"},
)
"""The packages and modules of the generator from the lowest up; imports never go in a circle."""

SENT_AWAY = {"conformance.verify.python_side", "conformance.contracts.introspect"}
"""Scripts that other interpreters run, of which nothing may be imported here."""


def sources(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every module below a package's directory by dotted name, without the package's own."""
    for path in sorted(root.rglob("*.py")):
        parts = [part for part in path.relative_to(root).with_suffix("").parts if part != "__init__"]
        yield ".".join(parts), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere in a source, inside functions too, as far as the text tells."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "import_module":
            yield from (str(word.value) for word in node.args if isinstance(word, ast.Constant))


def edges(modules: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """The modules of crucible_gen that each of them imports."""
    found: dict[str, set[str]] = {}
    for name, tree in modules.items():
        own = {each.removeprefix("crucible_gen.") for each in imported(tree) if each.startswith("crucible_gen.")}
        known = {each for each in own if each in modules}
        # `from package import module` names both; only the module is meant.
        found[name] = {each for each in known if not any(other.startswith(f"{each}.") for other in known)} - {name}
    return found


def layer(module: str) -> int:
    top = module.partition(".")[0]
    return next(number for number, names in enumerate(LAYERS) if top in names)


MODULES = {name: tree for name, tree in sources(PACKAGES["crucible_gen"]) if name}


def test_every_module_has_one_layer() -> None:
    tops = {name.partition(".")[0] for name in MODULES}
    listed = [name for names in LAYERS for name in names]
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == tops, "a new module is given its place in LAYERS"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_to_no_higher_layer(module: str) -> None:
    assert not {other for other in edges(MODULES)[module] if layer(other) > layer(module)}


def test_imports_never_go_in_a_circle() -> None:
    try:
        tuple(TopologicalSorter(edges(MODULES)).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_check_sees_imports_inside_functions_and_by_name() -> None:
    text = "def f():\n    from crucible_gen.output import plan\n    import crucible_gen.output.headers\n    import_module\n"
    text += "    importlib.import_module('crucible_gen.cli.commands')\n"
    found = set(imported(ast.parse(text)))
    assert {"crucible_gen.output.plan", "crucible_gen.output.headers", "crucible_gen.cli.commands"} <= found


def test_a_wrong_import_is_found() -> None:
    wrong = {**MODULES, "recipes.ids": ast.parse("from crucible_gen.cli import app\n")}
    assert edges(wrong)["recipes.ids"] == {"cli.app"}
    assert layer("cli.app") > layer("recipes.ids")


@pytest.mark.parametrize(
    ("package", "other"), [("crucible_gen", "crucible_runtime"), ("crucible_runtime", "crucible_gen")]
)
def test_generator_and_runtime_never_import_each_other(package: str, other: str) -> None:
    for name, tree in sources(PACKAGES[package]):
        if name in SENT_AWAY:
            continue
        assert not [each for each in imported(tree) if each.split(".")[0] == other], name


def test_nothing_imports_what_other_interpreters_run() -> None:
    found = edges(MODULES)
    assert set(found) >= SENT_AWAY
    for name, others in found.items():
        assert not others & SENT_AWAY, name
    for name in SENT_AWAY:
        assert not found[name], "it stands alone over there"


HEAVY = {"click", "jinja2", "pydantic", "black", "yaml", "jsonschema", "jsonschema_rs"}


def test_the_program_starts_without_heavy_libraries() -> None:
    """What `python -m crucible_gen` imports before it knows what is asked for: click for the command line, no more."""
    tops = ("__main__", "cli.app", "documents", "documents.document", "diagnostics.problems", "diagnostics.report")
    for name in tops:
        at_start = {
            alias.split(".")[0]
            for node in MODULES[name].body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in imported(ast.Module(body=[node], type_ignores=[]))
        }
        assert at_start & HEAVY <= ({"click"} if name == "cli.app" else set()), name


MODELS = {"diagnostics.output", "conformance.contracts.output", "conformance.verify.output", "cli.output"}
"""The models of machine-readable output, which need pydantic."""
WITH_PYDANTIC = MODELS | {"conformance.verify.responses"}


def at_start(name: str) -> set[str]:
    """What a module imports when it is imported itself."""
    body = [node for node in MODULES[name].body if isinstance(node, ast.Import | ast.ImportFrom)]
    return set(imported(ast.Module(body=list(body), type_ignores=[])))


def test_pydantic_is_imported_with_models_alone() -> None:
    assert {name for name in MODULES if "pydantic" in at_start(name)} == WITH_PYDANTIC


@pytest.mark.parametrize("name", sorted(MODULES.keys() - MODELS - {"cli.output_schema"}))
def test_models_of_output_are_imported_where_json_is_printed(name: str) -> None:
    assert not {f"crucible_gen.{model}" for model in MODELS} & at_start(name), "import it in the function that prints"

"""What each package of the generator lets others use, and what no core module knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_layers import MODULES, PACKAGES

ROOT = PACKAGES["crucible_gen"]
PUBLIC = {
    package: {
        str(name)
        for node in MODULES[package].body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        for name in ast.literal_eval(node.value)
    }
    for package in sorted({name for name in MODULES if (ROOT / name.replace(".", "/") / "__init__.py").exists()})
}
"""The names in `__all__` of each package: modules of it, and what its `__init__` brings from them."""

NESTED = {name for name in PUBLIC if "." in name}
TOPS = sorted(PUBLIC.keys() - NESTED)


def package(module: str) -> str:
    """The top-level package that a module belongs to, or the module itself."""
    return module.partition(".")[0]


def imports(name: str) -> Iterator[tuple[str, str, int]]:
    """(module, imported name, line) of every import from the generator in a module, inside functions too."""
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crucible_gen."):
            for alias in node.names:
                yield (node.module or "").removeprefix("crucible_gen."), alias.name, node.lineno


def is_public(module: str, name: str) -> bool:
    """Whether another package may import `name` from `module`: both are in the `__all__` above them."""
    top, _, rest = module.partition(".")
    if name.startswith("_"):
        return False
    if not rest:
        return name in PUBLIC[top]
    first, _, deeper = rest.partition(".")
    if PUBLIC.get(module):
        return name in PUBLIC[module]
    inner = PUBLIC.get(f"{top}.{first}")
    if inner:
        return deeper.partition(".")[0] in inner
    return first in PUBLIC[top]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_packages_import_only_each_other_s_public_names(name: str) -> None:
    wrong = [
        f"line {line}: from {module} import {imported}"
        for module, imported, line in imports(name)
        if package(module) != package(name) and package(module) in PUBLIC and not is_public(module, imported)
    ]
    assert not wrong, "name it in __all__ of its package, or use what is there"


@pytest.mark.parametrize("top", TOPS)
def test_every_public_name_exists_and_is_used_by_another_package(top: str) -> None:
    """A name that nobody uses is no interface. The built-in languages are used through their registry."""
    found = {
        imported if module == top else module.removeprefix(f"{top}.").partition(".")[0]
        for name in MODULES
        if package(name) != top
        for module, imported, _ in imports(name)
        if package(module) == top
    }
    own = {name.removeprefix(f"{top}.") for name in MODULES if name.startswith(f"{top}.")}
    brought = {alias for node in MODULES[top].body if isinstance(node, ast.ImportFrom) for alias in named(node)}
    assert PUBLIC[top] <= own | brought, "a name in __all__ is a module of the package or imported by its __init__"
    unused = PUBLIC[top] - found - FOR_OTHERS.get(top, set())
    assert not unused


FOR_OTHERS = {
    "languages": {"Body", "Language", "Naming", "Printer", "Project", "layout", "source", "structs", "templates"},
    "ir": {"terms"},
    "schemas": {"Kind", "StageInfo", "engines", "normal"},
}
"""What languages of other packages need (see docs/adding-a-language.md), and what tests and the documentation use."""


def named(node: ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name for alias in node.names}


def test_a_private_import_is_found() -> None:
    assert not is_public("output.plan", "_wanted")
    assert not is_public("incremental.reuse", "whole")
    assert is_public("incremental", "Session")
    assert is_public("output.plan", "Plan")


# Languages --------------------------------------------------------------------------------------------------------------

KNOW_LANGUAGES = {"languages.registry", "schemas.keywords", "conformance", "cli"}
"""The registry; the schemas' vocabulary, in which the IR has Elixir's types; what compares with Elixir packages; help."""
WORD = re.compile(r"elixir|python(?!path)|\bex\b|\bjson\b.{0,3}target", re.IGNORECASE)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_core_module_names_a_language(name: str) -> None:
    if name.startswith(("languages.elixir", "languages.python", "languages.ir")) or any(
        name == each or name.startswith(f"{each}.") for each in KNOW_LANGUAGES
    ):
        return
    docstrings = {id(text) for text in documentation(MODULES[name])}
    words: list[str] = []
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            words.append(node.value)
        elif isinstance(node, ast.Name | ast.arg):
            words.append(node.id if isinstance(node, ast.Name) else node.arg)
        elif isinstance(node, ast.Attribute):
            words.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            words += [node.module or "", *(alias.name for alias in node.names)]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            words.append(node.name)
    assert not [word for word in words if WORD.search(word)]


def documentation(tree: ast.Module) -> Iterator[ast.Constant]:
    """The strings that stand alone as statements: docstrings and what is said of a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def test_the_registry_names_each_language_once() -> None:
    from crucible_gen.languages import registry

    folders = {path.parent.name for path in (ROOT / "languages").glob("*/__init__.py")}
    assert set(registry.BUILT_IN) == folders


def test_modules_are_short() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in ROOT.rglob("*.py")
        if (count := len(path.read_text("utf-8").splitlines())) > 450
    }
    assert not long


@pytest.mark.parametrize("name", sorted(MODULES))
def test_functions_fit_on_a_screen_and_take_few_parameters(name: str) -> None:
    """Commands of click have a parameter for each flag, and records for each field."""
    for node in ast.walk(MODULES[name]):
        if not isinstance(node, ast.FunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        parameters = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        assert length <= 50, f"{node.name} has {length} lines"
        is_command = any("command" in ast.unparse(each) for each in node.decorator_list)
        is_record = node.name == "__init__" and name == "incremental.record"
        assert len(parameters) <= 8 or is_command or is_record, f"{node.name} takes {len(parameters)}"


def test_the_layer_test_reads_this_generator() -> None:
    assert Path(ROOT, "build.py").is_file()

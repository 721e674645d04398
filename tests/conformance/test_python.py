"""What a real Python, and the tools that judge it, say of generated/python."""

from __future__ import annotations

import ast
from pathlib import Path

import black
import pytest
from generated_code import GENERATED, STEMS, ir, lint, python, types

PYTHON = GENERATED / "python"
FILES = sorted((PYTHON / "crucible_recipes").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_black_changes_nothing(path: Path) -> None:
    text = path.read_text("utf-8")
    assert black.format_str(text, mode=black.Mode()) == text


def test_ruff_finds_nothing() -> None:
    found = lint(PYTHON)
    assert found.returncode == 0, found.stdout


@pytest.mark.slow
def test_mypy_finds_nothing(tmp_path: Path) -> None:
    found = types(PYTHON, tmp_path, "crucible_recipes")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_module_imports_the_standard_library_and_the_runtime_alone(path: Path) -> None:
    allowed = {"collections", "crucible_runtime", "dataclasses", "pathlib", "sys", "typing"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert {name.name.partition(".")[0] for name in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] in allowed and node.level == 0


def test_every_module_imports_without_a_warning() -> None:
    names = ", ".join(f"crucible_recipes.{stem}" for stem in STEMS)
    ran = python("-c", f"import {names}; print('imported')")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "imported\n", "")


@pytest.mark.parametrize("stem", STEMS)
def test_json_is_the_ir_byte_for_byte(stem: str) -> None:
    ran = python("-m", f"crucible_recipes.{stem}", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == ir(stem)


def test_a_dry_run_shows_the_plan_and_runs_nothing() -> None:
    ran = python("-m", "crucible_recipes.sl_basic", "--dry-run")
    assert (ran.returncode, ran.stderr) == (0, "")
    shown = ran.stdout
    assert shown.index("supervised_train") < shown.index("model_register") < shown.index("deploy")
    assert "arithmetic" in shown


def test_the_package_lists_its_recipes() -> None:
    ran = python("-m", "crucible_recipes")
    assert (ran.returncode, ran.stderr) == (0, "")
    listed = [line.split()[0] for line in ran.stdout.splitlines() if line.split()[:1] and line.split()[0] in STEMS]
    assert listed == STEMS


def test_set_reaches_the_configuration_and_the_stage() -> None:
    changed = ("--set", "training_config.learning_rate=1e-5", "--set", "training_config.options.lora_rank=64")
    ran = python("-m", "crucible_recipes.sl_basic", "--json", *changed)
    assert (ran.returncode, ran.stderr) == (0, "")
    before, after = ir("sl_basic").splitlines(), ran.stdout.splitlines()
    differ = [(one.split(), other.split()) for one, other in zip(before, after, strict=True) if one != other]
    assert {tuple(other) for _, other in differ} == {('"learning_rate":', "1.0e-5,"), ('"lora_rank":', "64,")}
    assert len([1 for _, other in differ if other[0] == '"learning_rate":']) == 4, "three copies and the stage's own"


def test_a_run_without_an_engine_says_so(tmp_path: Path) -> None:
    ran = python("-m", "crucible_recipes.sl_basic", "--engine", "none", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: engine none is not installed; ") and "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--set", "training_config.learning_rat=1"), 1, ["learning_rat", "did you mean learning_rate"]),
        (("--set", "training_config.learning_rate=-1"), 1, ["learning_rate", "greater than 0"]),
        (("--set", "training_config.options.lora_rnk=1"), 1, ["lora_rnk", "lora_rank"]),
        (("--set", "training_config.epochs=many"), 1, ["epochs", "whole number"]),
        (("--set", "no_such=1"), 1, ["no_such"]),
        (("--set", "ports=1"), 1, ["ports", "live value"]),
        (("--config", "no_such_file.yaml"), 1, ["no_such_file.yaml"]),
        (("--set", "nothing"), 2, ["PATH=VALUE"]),
        (("--no-such-flag",), 2, ["--no-such-flag"]),
        (("--json", "--dry-run"), 2, ["not allowed with"]),
    ],
)
def test_a_mistake_is_named_and_no_traceback_shown(args: tuple[str, ...], code: int, words: list[str]) -> None:
    json = () if "--dry-run" in args else ("--json",)
    ran = python("-m", "crucible_recipes.sl_basic", *json, *args)
    assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
    assert "Traceback" not in ran.stderr
    for word in words:
        assert word in ran.stderr

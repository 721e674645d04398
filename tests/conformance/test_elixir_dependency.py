"""A generated Mix project that depends on the Elixir runtime, and has no copy of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command import gen, project
from elixir_project import ask, mix, with_stand_ins
from generated_code import compact

RUNTIME = Path(__file__).parents[2] / "runtime" / "elixir"
RECIPE = "id: one\ntype: supervised\ntraining_config: {model_ref: m, dataset_ref: d}\n"
RL = "id: two\ntype: rl\ntraining_config: {model_ref: m, dataset_ref: d}\n"

pytestmark = pytest.mark.elixir


def generated(root: Path, source: dict[str, str], recipes: dict[str, str]) -> Path:
    """The Mix project of these recipes, by file name, with this setting."""
    root = project(root, {"gen.yaml": f"elixir: {json.dumps({'runtime': source})}\n"} | recipes)
    ran = gen([*recipes], root)
    assert ran.code == 0, ran.both
    return root / "generated" / "elixir"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ({"hex": "~> 0.1"}, '      {:crucible_runtime, "~> 0.1"},\n'),
        ({"path": "../the runtime"}, '      {:crucible_runtime, path: "../../../the runtime"},\n'),
        ({"path": "/opt/#{x}"}, '      {:crucible_runtime, path: "/opt/\\#{x}"},\n'),
        ({"git": "https://example.org/r"}, '      {:crucible_runtime, git: "https://example.org/r"},\n'),
        (
            {"git": f"https://example.org/{'r' * 50}.git", "subdir": "runtime/elixir", "ref": "v0.1.0"},
            "      {\n        :crucible_runtime,\n"
            f'        git: "https://example.org/{"r" * 50}.git",\n'
            '        ref: "v0.1.0",\n        subdir: "runtime/elixir"\n      },\n',
        ),
    ],
    ids=["hex", "path", "absolute", "git", "long"],
)
def test_the_project_names_the_runtime_and_is_formatted(source: dict[str, str], line: str, tmp_path: Path) -> None:
    elixir = generated(tmp_path / "project", source, {"one.yaml": RECIPE})
    assert line in (elixir / "mix.exs").read_text("utf-8")
    asked = {"json": "CrucibleRecipes.to_json(CrucibleRecipes.One.build_spec())"}
    verdict = ask(elixir, tmp_path, asked, more=sorted((RUNTIME / "lib").rglob("*.ex")))
    assert (verdict.warnings, verdict.unformatted, verdict.raised) == ([], {}, {})
    assert verdict.values["json"] == compact((elixir.parent / "ir/one.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("line", "width", "lines"),
    [
        ('      {:crucible_runtime, git: "https://example.org/", ref: "v0.1.0"},', 98, 1),
        ('      {:crucible_runtime, git: "https://example.org/", ref: "v0.1.0"},', 99, 4),
        ('        git: "https://example.org/", ref: "v0.1.0"', 98, 4),
        ('        git: "https://example.org/", ref: "v0.1.0"', 99, 5),
    ],
)
def test_a_line_that_just_fits_is_not_broken(line: str, width: int, lines: int, tmp_path: Path) -> None:
    source = {"git": "https://example.org/" + "r" * (width - len(line)), "ref": "v0.1.0"}
    elixir = generated(tmp_path / "project", source, {"one.yaml": RECIPE})
    text = (elixir / "mix.exs").read_text("utf-8")
    part = text[text.index("{:crucible_ir,") : text.index("{:crucible_framework")]
    assert part.count("\n") == lines + 1, part
    assert ask(elixir, tmp_path, more=sorted((RUNTIME / "lib").rglob("*.ex"))).unformatted == {}


@pytest.mark.slow
def test_mix_compiles_it_against_the_runtime_and_its_own_tests_pass(tmp_path: Path) -> None:
    root = tmp_path / "project"
    path = os.path.relpath(RUNTIME, root)
    elixir = generated(root, {"path": path}, {"one.yaml": RECIPE, "two.yaml": RL})
    there = sorted(path.relative_to(elixir).as_posix() for path in (elixir / "lib").rglob("*.ex"))
    assert [name.removeprefix("lib/") for name in there] == [
        "crucible_recipes.ex",
        "crucible_recipes/one.ex",
        "crucible_recipes/two.ex",
        "crucible_recipes_runtime/compat.ex",
    ]
    assert "crucible_runtime" not in with_stand_ins(elixir)
    compiled = mix(elixir, "compile", "--warnings-as-errors")
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    tested = mix(elixir, "test")
    assert tested.returncode == 0 and ", 0 failures" in tested.stdout, tested.stdout + tested.stderr
    built = mix(elixir, "run", "-e", 'IO.puts("json: " <> CrucibleRecipes.to_json(CrucibleRecipes.Two.build_spec()))')
    assert built.returncode == 0, built.stdout + built.stderr
    expected = compact((root / "generated/ir/two.json").read_text("utf-8"))
    assert built.stdout.rpartition("json: ")[2].strip() == expected
    assert "Elixir.CrucibleTrain.Stages.RLTrain" in expected
    script = 'IO.inspect(CrucibleRecipes.run("one"), label: "ran")'
    ran = mix(elixir, "run", "-e", script)
    assert "ran: {:error, {:missing_values, [:ports, :train_dataset]}}" in ran.stdout, ran.stdout + ran.stderr

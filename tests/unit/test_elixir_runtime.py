"""The Elixir runtime as files of a generated project, and what it holds of the schemas."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import gen, project
from crucible_gen.incremental import snapshot
from crucible_gen.languages.elixir import runtime, schema_module, structs
from crucible_gen.languages.language import Project
from crucible_gen.languages.templates import Templates
from crucible_gen.schemas import Schemas, shipped
from generated_code import GENERATED

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "runtime" / "elixir"


def test_it_gives_the_files_of_the_committed_project() -> None:
    for path, text in runtime.files("CrucibleRecipesRuntime"):
        written = (GENERATED / "elixir" / path).read_text("utf-8")
        assert written.split("\n", 2)[2] == text, path


def test_every_file_that_it_gives_is_written_once(tmp_path: Path) -> None:
    paths = [path for path, _ in runtime.files("CrucibleRecipesRuntime")]
    assert len(paths) == len(set(paths)) == 16
    assert set(paths) <= {
        path.relative_to(GENERATED / "elixir").as_posix() for path in (GENERATED / "elixir").rglob("*.ex*")
    }


def test_no_template_has_the_name_of_a_file_of_the_runtime() -> None:
    for path, _ in runtime.files("CrucibleRecipesRuntime"):
        assert not (ROOT / "templates" / "elixir" / f"{path}.j2").exists()


def test_modules_and_paths_are_renamed() -> None:
    files = dict(runtime.files("MyTeam.RecipesRuntime"))
    watch = files["lib/my_team/recipes_runtime/run/watch.ex"]
    assert watch.startswith("defmodule MyTeam.RecipesRuntime.Run.Watch do\n")
    assert "defmodule MyTeam.RecipesRuntime.RunTest do" in files["test/my_team/recipes_runtime/run_test.exs"]
    assert files["lib/my_team/recipes_runtime.ex"].startswith("defmodule MyTeam.RecipesRuntime do\n")
    assert not [path for path, text in files.items() if "CrucibleRuntime" in text or "crucible_runtime" in path]


def test_only_whole_names_are_renamed() -> None:
    assert runtime.renamed("CrucibleRuntime.Run CrucibleRuntimeTest MyCrucibleRuntime", "A.B") == (
        "A.B.Run CrucibleRuntimeTest MyCrucibleRuntime"
    )


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_the_line_endings_of_a_checkout_do_not_matter(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = runtime.files("A")
    for folder in runtime.FOLDERS:
        for path in (RUNTIME / folder).rglob("*.ex*"):
            copy = tmp_path / path.relative_to(RUNTIME)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes().replace(b"\n", ending.encode()))
    monkeypatch.setattr(runtime, "root", lambda: tmp_path)
    assert runtime.files("A") == expected


def test_the_module_of_the_schemas_is_what_the_emitter_writes() -> None:
    assert (RUNTIME / runtime.SCHEMA).read_text("utf-8") == schema_module.text(Schemas.load()), "make structs"


def test_the_structs_of_its_tests_are_what_the_emitter_writes() -> None:
    written = (RUNTIME / "test" / "support" / "crucible_ir.ex").read_text("utf-8")
    assert written == structs.text(shipped("schemas")), "make structs"


def test_what_a_module_needs_is_in_the_runtime_or_in_the_schemas() -> None:
    """Nothing in the runtime reads a file of the repository around it."""
    for folder in ("lib", "test"):
        for path in (RUNTIME / folder).rglob("*.ex*"):
            assert "../.." not in path.read_text("utf-8"), path


# A project --------------------------------------------------------------------------------------------------------------

RECIPE = "id: one\ntype: supervised\ntraining_config: {model_ref: m, dataset_ref: d}\n"
SAMPLER = "lib/crucible_recipes_runtime/run/sampler.ex"


def test_a_template_may_replace_a_file_of_the_runtime(tmp_path: Path) -> None:
    files = {"one.yaml": RECIPE, "gen.yaml": "templates: own\n", f"own/elixir/{SAMPLER}.j2": "# {{ 1 + 1 }}\n"}
    root = project(tmp_path, files)
    ran = gen(["one.yaml"], root)
    assert ran.code == 0, ran.both
    assert (root / "generated/elixir" / SAMPLER).read_text("utf-8").endswith("\n# 2\n")
    watch = (root / "generated/elixir/lib/crucible_recipes_runtime/run/watch.ex").read_text("utf-8")
    assert "defmodule CrucibleRecipesRuntime.Run.Watch do" in watch


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        (
            "lib/crucible_recipes_runtime/run/sample.ex",
            "E0522",
            "did you mean elixir/lib/crucible_recipes_runtime/run/",
        ),
        ("lib/crucible_runtime/run/sampler.ex", "E0522", "no shipped template is named elixir/lib/crucible_runtime"),
        (SAMPLER, "E0520", "there is no template elixir/lib/crucible_recipes_runtime/run/watch.ex.j2"),
    ],
)
def test_a_template_that_replaces_none_or_includes_one_is_refused(
    name: str, code: str, message: str, tmp_path: Path
) -> None:
    text = '{% include "elixir/lib/crucible_recipes_runtime/run/watch.ex.j2" %}\n'
    root = project(tmp_path, {"one.yaml": RECIPE, "gen.yaml": "templates: own\n", f"own/elixir/{name}.j2": text})
    ran = gen(["one.yaml"], root)
    assert ran.code == 1 and code in ran.both and message in ran.both, ran.both


@pytest.mark.parametrize("path", ["lib/crucible_runtime/run/sampler.ex", "test/crucible_runtime/run_test.exs"])
def test_a_change_of_the_runtime_is_a_change_of_the_generator(path: str, tmp_path: Path) -> None:
    """In a copy of the checkout: outputs that an earlier run knows are made again."""
    checkout = tmp_path / "checkout"
    for tree in ("generator/crucible_gen", "schemas", "templates", "runtime/elixir"):
        shutil.copytree(ROOT / tree, checkout / tree, ignore=shutil.ignore_patterns("__pycache__", "_build"))
    root = project(tmp_path / "project", {"recipes/one.yaml": RECIPE, "gen.yaml": "recipes: [recipes]\n"})

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PYTHONPATH": str(checkout / "generator"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
        command = [sys.executable, "-m", "crucible_gen", *args]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)

    def change(text: str) -> None:
        with (checkout / "runtime/elixir" / path).open("a", encoding="utf-8") as file:
            file.write(text)

    assert run().returncode == run("--check").returncode == 0
    time.sleep(snapshot.MARGIN / 1e9 + 0.1)  # a record trusts no file that has just been written
    assert run().returncode == 0
    manifest = (root / "generated/manifest.txt").read_text("utf-8")
    change("# written at once\n")
    assert run().returncode == 0
    written = root / "generated/elixir" / path.replace("crucible_runtime", "crucible_recipes_runtime")
    assert written.read_text("utf-8").endswith("# written at once\n")
    assert (root / "generated/manifest.txt").read_text("utf-8") != manifest
    change("# checked\n")
    checked = run("--check")
    assert (
        checked.returncode == 1
        and path.replace("crucible_runtime", "crucible_recipes_runtime") in checked.stdout + checked.stderr
    )


# A dependency ---------------------------------------------------------------------------------------------------------

DEPENDS = 'elixir: {runtime: {hex: "~> 0.1"}}\n'


def tree(root: Path) -> dict[str, bytes]:
    out = root / "generated"
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_the_setting_takes_the_copy_away_and_back(tmp_path: Path) -> None:
    settings = "recipes: [recipes]\n"
    root = project(tmp_path, {"recipes/one.yaml": RECIPE.replace("supervised", "rl"), "gen.yaml": settings})
    assert gen([], root).code == 0
    copied = tree(root)
    (root / "gen.yaml").write_text(f"{settings}{DEPENDS}")
    assert gen(["--check"], root).code == 1
    assert gen([], root).code == 0
    gone = {f"elixir/{path}" for path, _ in runtime.files("CrucibleRecipesRuntime")}
    gone |= {"elixir/lib/crucible_recipes_runtime/recipe/schema.ex"}
    assert set(tree(root)) == set(copied) - gone
    assert gone <= set(copied)
    for arguments in (["--check"], ["--check", "--no-cache"]):
        checked = gen(arguments, root)
        assert checked.code == 0, checked.both
    (root / "gen.yaml").write_text(f"{settings}{DEPENDS.replace('0.1', '0.2')}")
    assert gen(["--check", "--no-cache"], root).code == 1
    (root / "gen.yaml").write_text(settings)
    assert gen(["--check", "--no-cache"], root).code == 1
    assert gen([], root).code == 0
    assert tree(root) == copied


@pytest.mark.parametrize("name", ["run/sampler.ex", "recipe/schema.ex"])
def test_a_template_for_a_file_that_is_not_written_is_refused(name: str, tmp_path: Path) -> None:
    files = {"one.yaml": RECIPE, f"own/elixir/lib/crucible_recipes_runtime/{name}.j2": "# mine\n"}
    root = project(tmp_path, files | {"gen.yaml": "templates: own\n"})
    assert gen(["one.yaml"], root).code == 0
    (root / "gen.yaml").write_text(f"templates: own\n{DEPENDS}")
    ran = gen(["one.yaml"], root)
    assert ran.code == 1 and f"{name}.j2: error[E0522]" in ran.both, ran.both


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{}", "runtime must have exactly one of path, git, hex"),
        ("{path: a, git: b}", "runtime must have exactly one of path, git, hex"),
        ("{path: a, ref: b}", "git is missing in runtime"),
        ("{pth: a}", "unknown field pth in runtime"),
        ("copy", 'runtime must be a mapping, found the text "copy"'),
    ],
)
def test_mistakes_in_the_setting(value: str, message: str, tmp_path: Path) -> None:
    root = project(tmp_path, {"one.yaml": RECIPE, "gen.yaml": f"elixir: {{runtime: {value}}}\n"})
    ran = gen(["one.yaml"], root)
    assert ran.code == 1 and f"error[E0510]: {message}" in ran.both, ran.both


def test_a_path_starts_at_the_settings_and_ends_in_the_mix_project(tmp_path: Path) -> None:
    def path(text: str, folder: str) -> str:
        options = {"runtime": {"path": text}}
        wanted = Project(Schemas.load(), Templates(None), options, tmp_path, tmp_path / folder)
        return runtime.dependency(wanted)["path"]

    assert path("deps/runtime", "generated/elixir") == "../../deps/runtime"
    assert path("../runtime", "out/elixir") == "../../../runtime"
    assert path(str(tmp_path / "runtime"), "out/elixir") == str(tmp_path / "runtime")

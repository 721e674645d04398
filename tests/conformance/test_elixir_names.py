"""Names of the user's own in generated Elixir: two projects in one VM, and ids that look like modules of ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from command import gen, project
from elixir_project import ask, mix, sources, with_stand_ins
from generated_code import compact

RECIPE = "type: supervised\ntraining_config: {model_ref: m, dataset_ref: d}\n"
IDS = (
    "run",
    "recipe",
    "canonical",
    "compat",
    "runtime",
    "schema",
    "config",
    "mix_project",
    "supervisor",
    "test",
    "app",
)
"""Ids that have the names of modules of the runtime, or of parts of a Mix project."""
LONGEST = f"{'N' * 30}.{'R' * 33}"
RUNTIME = Path(__file__).parents[2] / "runtime" / "elixir"

pytestmark = pytest.mark.elixir


def generated(root: Path, elixir: dict[str, object], ids: tuple[str, ...] = IDS) -> Path:
    """The Mix project of recipes with these ids, under these settings."""
    files = {f"recipes/{name}.yaml": f"id: {name}\n{RECIPE}" for name in ids}
    root = project(root, files | {"gen.yaml": f"recipes: [recipes]\nelixir: {json.dumps(elixir)}\n"})
    ran = gen([], root)
    assert ran.code == 0, ran.both
    assert gen(["--check"], root).code == 0
    return root / "generated" / "elixir"


@pytest.mark.parametrize(
    "namespace", ["CrucibleRecipes", "A", "Recipes", "Recipe", "MyTeam.Recipes", "Runtime", "Acme.Config", LONGEST]
)
def test_recipes_have_any_id_under_any_namespace(namespace: str, tmp_path: Path) -> None:
    elixir = generated(tmp_path / "project", {"namespace": namespace, "app": "my_app"})
    asked = {"names": f"Enum.join({namespace}.names(), {json.dumps(' ')})"}
    asked |= {"found": f"{{:ok, recipe}} = {namespace}.fetch(:run); inspect(recipe)"}
    asked |= {name: f"{namespace}.to_json(elem({namespace}.fetch({json.dumps(name)}), 1).build_spec())" for name in IDS}
    asked["ran"] = f'inspect({namespace}.run("run"))'
    verdict = ask(elixir, tmp_path, asked)
    assert (verdict.warnings, verdict.unformatted, verdict.raised) == ([], {}, {})
    assert verdict.values["names"] == " ".join(sorted(IDS))
    assert verdict.values["found"] == f"{namespace}.Run"
    missing = "missing_packages: [:crucible_framework, :crucible_train], missing_values: [:ports, :train_dataset]"
    assert verdict.values["ran"] == f"{{:error, {{:preflight, [{missing}]}}}}"
    for name in IDS:
        assert verdict.values[name] == compact((elixir.parent / f"ir/{name}.json").read_text("utf-8"))
    for path in elixir.rglob("*"):
        if path.is_file() and not namespace.startswith("Crucible"):
            assert "CrucibleRecipes" not in path.read_text("utf-8"), path
            assert "crucible_recipes" not in path.relative_to(elixir).as_posix()


def test_two_projects_live_in_one_vm(tmp_path: Path) -> None:
    """Compiled together, nothing is defined twice, and each finds its own recipes alone."""
    one = generated(tmp_path / "one", {}, ("sl", "run"))
    other = generated(tmp_path / "other", {"namespace": "MyTeam.Recipes", "app": "my_team_recipes"}, ("sl", "dpo"))
    asked = {
        "one": 'Enum.join(CrucibleRecipes.names(), ",")',
        "other": 'Enum.join(MyTeam.Recipes.names(), ",")',
    }
    asked["json"] = "CrucibleRecipes.to_json(CrucibleRecipes.Sl.build_spec())"
    asked["its json"] = "MyTeam.Recipes.to_json(MyTeam.Recipes.Sl.build_spec())"
    verdict = ask(one, tmp_path, asked, more=sources(other))
    assert (verdict.warnings, verdict.raised) == ([], {})
    json_ = compact((one.parent / "ir/sl.json").read_text("utf-8"))
    assert verdict.values == {"one": "run,sl", "other": "dpo,sl", "json": json_, "its json": json_}


def test_projects_that_share_the_runtime_find_their_own_recipes(tmp_path: Path) -> None:
    runtime = {"runtime": {"hex": "~> 0.1"}}
    one = generated(tmp_path / "one", runtime, ("sl", "run"))
    names = {"namespace": "MyTeam.Recipes", "app": "my_team_recipes"}
    other = generated(tmp_path / "other", runtime | names, ("sl", "dpo"))
    asked = {
        "one": 'Enum.join(CrucibleRecipes.names(), ",")',
        "other": 'Enum.join(MyTeam.Recipes.names(), ",")',
    }
    verdict = ask(one, tmp_path, asked, more=[*sorted((RUNTIME / "lib").rglob("*.ex")), *sources(other)])
    assert (verdict.warnings, verdict.raised) == ([], {})
    assert verdict.values == {"one": "run,sl", "other": "dpo,sl"}


@pytest.mark.slow
def test_a_release_of_two_projects_has_no_module_twice(tmp_path: Path) -> None:
    """Mix assembles a release of both, for which it refuses modules that stand in two applications."""
    one = generated(tmp_path / "one", {}, ("sl",))
    other = generated(tmp_path / "other", {"namespace": "MyTeam.Recipes", "app": "my_team_recipes"}, ("sl",))
    both = tmp_path / "both"
    for name, source in (("one", one), ("other", other)):
        shutil.copytree(source, both / name)
        shutil.rmtree(both / "packages", ignore_errors=True)
        with_stand_ins(both / name)
    (both / "main").mkdir()
    (both / "main/mix.exs").write_text(MAIN)
    compiled = mix(both / "main", "compile", "--warnings-as-errors", MIX_ENV="prod")
    output = compiled.stdout + compiled.stderr
    assert compiled.returncode == 0 and "redefining" not in output, output
    released = mix(both / "main", "release", "--quiet", MIX_ENV="prod")
    assert released.returncode == 0, released.stdout + released.stderr
    assert "duplicate" not in released.stdout + released.stderr
    script = (
        'IO.puts("names: " <> Enum.join(CrucibleRecipes.names() ++ MyTeam.Recipes.names(), ","))\n'
        'IO.inspect(CrucibleRecipes.run("sl"), label: "ran")\n'
    )
    command = [str(both / "main/_build/prod/rel/main/bin/main"), "eval", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "names: sl,sl" in ran.stdout, ran.stdout + ran.stderr
    assert "ran: {:error, {:missing_values, [:ports, :train_dataset]}}" in ran.stdout


MAIN = """defmodule Main.MixProject do
  use Mix.Project
  def project, do: [app: :main, version: "0.1.0", deps: deps(), releases: [main: []]]
  def application, do: [extra_applications: [:logger]]
  defp deps, do: [{:crucible_recipes, path: "../one"}, {:my_team_recipes, path: "../other"}]
end
"""

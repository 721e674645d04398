"""`gen verify` on compiled stand-ins: what is right is proven, and each thing that is wrong is found by its proof."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Ran, gen
from printed import printed

pytestmark = pytest.mark.elixir

PROOFS = ("compile", "valid", "json", "overrides", "options", "plain", "rates", "failure", "pipeline")
KNOWN = ("plain", "known")
Recipes = Callable[..., Path]


def verify(root: Path, packages: Path, *args: str) -> tuple[Ran, dict[str, dict[str, Any]]]:
    """Runs `gen verify --run` on what lies in the project; how it ended, and the proofs by recipe and name."""
    ran = gen(["verify", "recipes", "--code-path", str(packages), "--run", "--format", "json", *args], root)
    if not ran.out.startswith("{"):
        return ran, {}
    return ran, {row["id"]: row["proofs"] for row in json.loads(ran.out).get("recipes", ())}


def states(proofs: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """Recipe to the proofs that do not hold, but for known defects of the packages' own stages."""
    return {
        id_: {name for name, proof in found.items() if proof["state"] != "ok" and (name, proof["state"]) != KNOWN}
        for id_, found in proofs.items()
    }


def edit(root: Path, name: str, old: str, new: str) -> None:
    """Replaces text in a generated file, which has to have it."""
    path = root / "generated" / name
    text = path.read_text("utf-8")
    assert old in text, f"{old} is not in {name}"
    path.write_text(text.replace(old, new), "utf-8")


def test_what_is_generated_is_proven(recipes: Recipes, packages: Path) -> None:
    root = recipes()
    assert gen(["recipes"], root).code == 0
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    ran, proofs = verify(root, packages)
    assert (ran.code, states(proofs)) == (0, {id_: set() for id_ in ("distil", "dpo", "rl", "sl")}), ran.both
    assert all(tuple(found) == PROOFS for found in proofs.values())
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    report = printed("verify", ran.out)
    assert report["packages"]["crucible_train"] == "0.3.0"
    worked_around = {each["id"]: each["worked_around"] for each in report["defects"] if each["worked_around"]}
    assert worked_around == {"D0002": ["distil"], "D0003": ["rl"]}


def test_each_wrong_thing_is_found_by_its_proof(recipes: Recipes, packages: Path) -> None:
    root = recipes()
    gen(["recipes"], root)
    folder = "elixir/lib/crucible_recipes"
    # A number in the flat options that is not the recipe's, in both languages and the committed JSON alike.
    edit(root, f"{folder}/sl.ex", "num_epochs: training_config.epochs", "num_epochs: 3")
    edit(root, "python/crucible_recipes/sl.py", '"num_epochs": training.epochs', '"num_epochs": 3')
    edit(root, "ir/sl.json", '"num_epochs": 2', '"num_epochs": 3')
    # A warning, and JSON that nobody else has.
    edit(root, f"{folder}/rl.ex", "def config_schema, do: Config", "def config_schema, do: Config\n  def odd(x), do: 1")
    edit(root, "ir/rl.json", '"num_batches": 4', '"num_batches": 5')
    # An option that the stage does not take.
    edit(root, f"{folder}/dpo.ex", "num_epochs: training_config.epochs", "num_epochs: 1, beta: 0.1")
    # A backend that the package's validation refuses.
    edit(root, f"{folder}/distil.ex", "%CrucibleIR.BackendRef{id: :tinker}", "%CrucibleIR.BackendRef{id: nil}")
    ran, proofs = verify(root, packages)
    assert ran.code == 1
    assert states(proofs) == {
        "sl": {"rates"},
        "rl": {"compile", "json"},
        "dpo": {"json", "overrides", "options", "plain", "rates", "failure", "pipeline"},
        "distil": {"valid", "json", "overrides"},
    }
    assert proofs["sl"]["rates"]["details"][0].startswith(
        "step 2: the recipe says 0.000186603, the client saw 0.0001939"
    )
    assert '"x" is unused' in proofs["rl"]["compile"]["details"][0]
    assert "num_batches is 5 in generated/ir, and 4 in Python" in proofs["rl"]["json"]["details"][0]
    assert proofs["dpo"]["options"]["details"] == ["CrucibleTrain.Stages.DPOTrain does not take beta"]
    assert proofs["distil"]["valid"]["details"] == ["backend.id must be a non-nil atom"]
    codes = {(problem["code"], problem["file"]) for problem in printed("verify", ran.out)["problems"]}
    assert {("E0910", f"recipes/{name}.yaml") for name in ("sl", "rl", "dpo", "distil")} <= codes


def test_overrides_that_do_not_reach_a_stage_are_found(recipes: Recipes, packages: Path) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    edit(
        root,
        "elixir/lib/crucible_recipes/sl.ex",
        "learning_rate: training_config.learning_rate",
        "learning_rate: 2.0e-4",
    )
    ran, proofs = verify(root, packages)
    assert (ran.code, states(proofs)["sl"]) == (1, {"overrides", "rates"})
    assert proofs["sl"]["rates"]["details"][0].startswith("with overrides: step 1: the recipe says 0.0001")


def test_a_facade_that_takes_failure_for_success_is_found(recipes: Recipes, packages: Path) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    edit(
        root,
        "elixir/lib/crucible_recipes_runtime/run/watch.ex",
        "        reason -> {:error, reason}\n",
        "        _ -> {:ok, context}\n",
    )
    ran, proofs = verify(root, packages)
    assert (ran.code, states(proofs)["sl"]) == (1, {"failure"})
    details = proofs["sl"]["failure"]["details"]
    assert "forward_backward 1 fails, and the run is a success" in details
    assert not any(detail.startswith("start_session") for detail in details)


def test_a_recipe_that_does_not_compile_hides_no_other(recipes: Recipes, packages: Path) -> None:
    root = recipes("sl", "dpo")
    gen(["recipes"], root)
    edit(root, "elixir/lib/crucible_recipes/sl.ex", "def config_schema, do: Config", "def config_schema, do: nowhere")
    ran, proofs = verify(root, packages)
    assert ran.code == 1
    assert states(proofs)["dpo"] == set()
    assert {name: proofs["sl"][name]["state"] for name in ("compile", "valid", "rates")} == {
        "compile": "failed",
        "valid": "not run",
        "rates": "not run",
    }
    assert "nowhere" in proofs["sl"]["compile"]["details"][0]


def test_options_without_effect_are_reported(recipes: Recipes, packages: Path, repaired: Path) -> None:
    root = recipes("sl", "dpo")
    gen(["recipes"], root)
    found = {}
    for folder in (packages, repaired):
        ran, _ = verify(root, folder)
        found[folder] = [each for each in printed("verify", ran.out)["problems"] if each["code"] == "E0911"]
        assert ran.code == 0
    for option in ("batch_size", "eval_every", "save_every"):
        for folder, severity in ((packages, "notice"), (repaired, "warning")):
            matching = [each for each in found[folder] if f"accepts {option} and does not use it" in each["message"]]
            assert [each["severity"] for each in matching] == [severity], option
    ports = [each["message"] for each in found[packages] if "training_client only" in each["message"]]
    assert len(ports) == 3
    assert all("adam_" in message for message in ports)
    used = ("learning_rate", "num_epochs", "lr_schedule")
    assert not [each for each in found[packages] if any(f" {name} " in each["message"] for name in used)]


def test_packages_that_are_missing_are_named(recipes: Recipes, packages: Path, tmp_path: Path) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    without = tmp_path / "without"
    shutil.copytree(packages, without)
    for path in without.rglob("*CrucibleDeployment*.beam"):
        path.unlink()
    ran, proofs = verify(root, without)
    assert (ran.code, states(proofs)["sl"]) == (0, {"options", "pipeline"})
    assert proofs["sl"]["pipeline"] == {
        "state": "not run",
        "details": ["deploy: crucible_deployment is not among the compiled packages"],
        "defect": None,
    }
    for path in without.rglob("*CrucibleTrain.Stages*.beam"):
        path.unlink()
    ran, _ = verify(root, without)
    assert ran.code == 1
    problem = printed("problems", ran.out)["problems"][0]
    assert problem["code"] == "E0904"
    assert "CrucibleTrain.Stages.SupervisedTrain" in problem["message"]


def test_a_mix_project_is_asked_and_not_changed(recipes: Recipes, packages: Path, tmp_path: Path) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    app = tmp_path / "app"
    for source in packages.iterdir():
        shutil.copytree(source, app / "_build" / "dev" / "lib" / source.name)
    (app / "mix.exs").write_text('raise "nobody evaluates this"\n')
    before = sorted(path for path in app.rglob("*"))
    ran = gen(["verify", "recipes", "--mix-project", "app", "--run"], root)
    assert ran.code == 0, ran.both
    assert ran.out.startswith(
        "recipe  compile  valid  json  overrides  options  plain  rates  failure  pipeline\nsl      ok "
    )
    assert "1 recipe: 9 of 9 proofs hold" in ran.out
    assert sorted(path for path in app.rglob("*")) == before


def test_without_a_run_only_what_needs_none_is_proven(recipes: Recipes, packages: Path) -> None:
    root = recipes("rl")
    gen(["recipes"], root)
    ran = gen(["verify", "recipes", "--code-path", str(packages)], root)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "recipe  compile  valid  json  overrides  options\n"
        "rl      ok       ok     ok    ok         ok\n\n"
        "1 recipe: 5 of 5 proofs hold\n"
    )


def test_failures_are_annotations_on_github(recipes: Recipes, packages: Path) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    edit(root, "ir/sl.json", '"eval_every": 4', '"eval_every": 6')
    ran = gen(["verify", "recipes", "--code-path", str(packages), "--format", "github"], root)
    assert ran.code == 1
    assert ran.out.startswith("::error file=recipes/sl.yaml,title=E0910::json: not proven that Elixir, Python and ")
    assert ran.err == ""


def test_long_runs_are_shortened_and_still_proven(recipes: Recipes, packages: Path) -> None:
    root = recipes("sl")
    recipe = root / "recipes" / "sl.yaml"
    recipe.write_text(recipe.read_text("utf-8").replace("epochs: 2", "epochs: 100000"), "utf-8")
    gen(["recipes"], root)
    ran, proofs = verify(root, packages)
    assert (ran.code, states(proofs)) == (0, {"sl": set()})


def test_a_stage_that_crashes_the_machine_is_reported(recipes: Recipes, packages: Path, tmp_path: Path) -> None:
    root = recipes("dpo")
    gen(["recipes"], root)
    broken = tmp_path / "broken"
    shutil.copytree(packages, broken)
    source = tmp_path / "halt.ex"
    module = "CrucibleIR.Validation"
    source.write_text(f"defmodule {module} do\n  def validate(_), do: System.halt(7)\nend\n")
    ebin = next(broken.iterdir()) / "ebin"
    subprocess.run(["elixirc", "-o", str(ebin), str(source)], check=True, capture_output=True)
    ran, _ = verify(root, broken)
    problem = printed("problems", ran.out)["problems"][0]
    assert (ran.code, problem["code"], problem["message"]) == (1, "E0905", "elixir ended with exit code 7")


def test_an_id_that_is_not_its_stem_and_a_package_of_another_name_are_proven(recipes: Recipes, packages: Path) -> None:
    root = recipes("sl", settings="python: {package: my_team}\n")
    text = (root / "recipes/sl.yaml").read_text("utf-8")
    (root / "recipes/sl.yaml").unlink()
    for name in ("Reason-RL.v2", "json"):
        (root / f"recipes/{name}.yaml").write_text(text.replace("id: sl", f"id: {name}"), "utf-8")
    assert gen(["recipes"], root).code == 0
    ran, proofs = verify(root, packages)
    assert (ran.code, states(proofs)) == (0, {"Reason-RL.v2": set(), "json": set()}), ran.both

"""Known defects: each shows on a stand-in that has it and has gone from one that is repaired; `compat` gets round those
that stop a recipe."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import gen
from crucible_gen.ir import defects
from crucible_gen.languages.elixir import runtime
from crucible_gen.schemas import Schemas
from printed import printed

ROOT = Path(__file__).parents[2]
RELEASE = "crucible_train@0.3.0"
Recipes = Callable[..., Path]


def report(root: Path, packages: Path, *args: str) -> dict[str, Any]:
    ran = gen(["verify", "recipes", "--code-path", str(packages), "--run", "--format", "json", *args], root)
    assert ran.code == 0, ran.both
    found: dict[str, Any] = printed("verify", ran.out)
    return found


def proofs(found: dict[str, Any]) -> dict[str, set[tuple[str, str | None]]]:
    """Recipe to the states of the proofs that need a run, with the defects that they met."""
    run = ("rates", "failure", "pipeline")
    return {
        row["id"]: {(row["proofs"][name]["state"], row["proofs"][name]["defect"]) for name in run}
        for row in found["recipes"]
    }


# On stand-ins -------------------------------------------------------------------------------------------------------


@pytest.mark.elixir
def test_without_compat_exactly_the_known_defects_stop_recipes(recipes: Recipes, packages: Path) -> None:
    root = recipes()
    gen(["recipes"], root)
    found = report(root, packages)
    assert proofs(found) == {
        "sl": {("ok", None)},
        "dpo": {("ok", None)},
        "rl": {("known", "D0003")},
        "distil": {("known", "D0002")},
    }
    states = {each["id"]: each["state"] for each in found["defects"]}
    assert states == dict.fromkeys(defects.defects(), "shown")
    stops = {each["id"]: each["stops"] for each in found["defects"] if each["stops"]}
    assert stops == {"D0002": ["distil"], "D0003": ["rl"]}


@pytest.mark.elixir
def test_what_has_gone_is_said(recipes: Recipes, repaired: Path) -> None:
    root = recipes()
    gen(["recipes"], root)
    found = report(root, repaired)
    assert set().union(*proofs(found).values()) == {("ok", None)}
    assert {each["id"]: each["state"] for each in found["defects"]} == dict.fromkeys(defects.defects(), "gone")
    gone = [each for each in found["problems"] if each["code"] == "E0913"]
    assert [each["message"].split()[0] for each in gone] == list(defects.defects())
    assert all(each["hint"] == "" for each in gone)


@pytest.mark.elixir
def test_wrappers_work_with_a_repaired_release_and_are_said_to_be_needless(recipes: Recipes, repaired: Path) -> None:
    root = recipes("rl", "distil", settings=f"compat: [{RELEASE}]\n")
    gen(["recipes"], root)
    found = report(root, repaired)
    assert set().union(*proofs(found).values()) == {("ok", None)}
    hints = {each["message"].split()[0]: each["hint"] for each in found["problems"] if each["code"] == "E0913"}
    assert hints["D0002"] == hints["D0003"] == f"take {RELEASE} out of compat"


@pytest.mark.elixir
def test_a_schedule_that_dpo_does_not_know_is_a_known_defect(recipes: Recipes, packages: Path) -> None:
    root = recipes("dpo")
    recipe = root / "recipes" / "dpo.yaml"
    recipe.write_text(recipe.read_text("utf-8").replace("{beta: 0.1}", "{beta: 0.1, lr_schedule: cosine}"), "utf-8")
    gen(["recipes"], root)
    found = report(root, packages)
    assert found["recipes"][0]["proofs"]["rates"]["defect"] == "D0009"


@pytest.mark.elixir
def test_a_new_failure_is_no_known_one(recipes: Recipes, packages: Path) -> None:
    root = recipes("rl")
    gen(["recipes"], root)
    path = root / "generated/elixir/lib/crucible_recipes/rl.ex"
    text = path.read_text("utf-8")
    path.write_text(text.replace("Map.get(options, :num_batches, 1)", "3"), "utf-8")
    ran = gen(["verify", "recipes", "--code-path", str(packages), "--run", "--format", "json"], root)
    rates = printed("verify", ran.out)["recipes"][0]["proofs"]["rates"]
    assert (ran.code, rates["state"]) == (1, "failed")
    assert "the recipe says 4 steps, the client saw 3" in rates["details"]


# What is generated ---------------------------------------------------------------------------------------------------


def test_compat_names_wrappers_in_all_three_targets(recipes: Recipes) -> None:
    root = recipes("rl", "distil", "sl")
    wrapper, stage = "CrucibleRecipes.Compat.RLTrain", "CrucibleTrain.Stages.RLTrain"
    files = ("elixir/lib/crucible_recipes/rl.ex", "python/crucible_recipes/rl.py", "ir/rl.json")
    compat = root / "generated/elixir/lib/crucible_recipes/compat.ex"

    gen(["recipes"], root)
    plain = {name: (root / "generated" / name).read_text("utf-8") for name in files}
    assert all(stage in text and wrapper not in text for text in plain.values())
    assert not compat.exists()

    gen(["recipes", "--compat", RELEASE], root)
    wrapped = {name: (root / "generated" / name).read_text("utf-8") for name in files}
    assert all(wrapper in text and stage not in text for text in wrapped.values())
    assert compat.is_file()
    assert "CrucibleTrain.Stages.SupervisedTrain" in (root / "generated/ir/sl.json").read_text("utf-8")

    gen(["recipes"], root)
    assert {name: (root / "generated" / name).read_text("utf-8") for name in files} == plain
    assert not compat.exists()


def test_compat_of_one_recipe_is_that_recipes(recipes: Recipes) -> None:
    root = recipes("rl", "distil")
    path = root / "recipes" / "rl.yaml"
    path.write_text(f"{path.read_text('utf-8')}compat: [{RELEASE}]\n", "utf-8")
    assert gen(["recipes"], root).err.startswith("note: distil cannot run to its end: ")
    assert "CrucibleRecipes.Compat.RLTrain" in (root / "generated/ir/rl.json").read_text("utf-8")
    assert "CrucibleTrain.Stages.Distillation" in (root / "generated/ir/distil.json").read_text("utf-8")
    assert gen(["--check", "recipes"], root).code == 0


@pytest.mark.elixir
def test_the_wrappers_are_formatted(recipes: Recipes) -> None:
    root = recipes("rl")
    gen(["recipes", "--compat", RELEASE], root)
    command = ["mix", "format", "--check-formatted"]
    done = subprocess.run(command, cwd=root / "generated/elixir", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("where", ["settings", "recipe", "flag"])
def test_a_release_with_nothing_to_work_around_is_a_problem(recipes: Recipes, where: str) -> None:
    wrong = "crucible_train@0.3.1"
    root = recipes("rl", settings=f"compat: [{wrong}]\n" if where == "settings" else "")
    path = root / "recipes" / "rl.yaml"
    path.write_text(path.read_text("utf-8") + (f"compat: [{wrong}]\n" if where == "recipe" else ""), "utf-8")
    ran = gen(["recipes", *(["--compat", wrong] if where == "flag" else [])], root)
    assert ran.code == 1
    assert f"error[E0418]: there is nothing to work around in {wrong}" in ran.err
    assert f"did you mean {RELEASE}?" in ran.err


# What is said --------------------------------------------------------------------------------------------------------


def test_one_line_says_which_recipes_cannot_run(recipes: Recipes) -> None:
    root = recipes()
    ran = gen(["recipes"], root)
    assert ran.err == (
        "note: distil, rl cannot run to their end: known defects of crucible_train, D0002, D0003; "
        'compat = ["crucible_train@0.3.0"] works around it, and gen explain D0002 tells more\n'
    )
    assert ran.code == 0
    assert "note" not in ran.out


@pytest.mark.parametrize("args", [["-q"], ["--compat", RELEASE], ["--only", "sl"]])
def test_no_line_where_nothing_is_to_say(recipes: Recipes, args: list[str]) -> None:
    assert gen(["recipes", *args], recipes()).err == ""


def test_machine_formats_stay_clean(recipes: Recipes) -> None:
    ran = gen(["recipes", "--format", "json"], recipes("rl"))
    assert printed("generate", ran.out)["problems"] == []


@pytest.mark.parametrize("id_", list(defects.defects()))
def test_explain_tells_the_story(id_: str, tmp_path: Path) -> None:
    defect = defects.defects()[id_]
    ran = gen(["explain", id_.lower()], tmp_path)
    assert ran.out.startswith(f"# {id_}: {defect.title}\n\nIn {defect.package} {defect.versions}: ")
    assert max(map(len, ran.out.splitlines())) <= 100
    assert f"{id_}  {defect.title}\n" in gen(["explain"], tmp_path).out


# The data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("defect", defects.defects().values(), ids=lambda defect: defect.id)
def test_a_defect_is_about_things_that_exist(defect: defects.Defect) -> None:
    schemas = Schemas.load()
    modules = {stage.info.module for stage in schemas.stages.values()}
    assert set(defect.stages) <= modules
    assert defect.covers(schemas.releases[defect.package])
    assert (ROOT / defect.test).is_file()
    if defect.stops:
        assert defect.raises is not None
        assert defect.wrapper is not None
    if defect.wrapper is not None:
        template = dict(runtime.files("CrucibleRecipes"))["lib/crucible_recipes/compat.ex"]
        assert set(defect.wrapper.modules) <= set(defect.stages)
        for stage, wrapper in defect.wrapper.modules.items():
            assert f"defmodule {wrapper} do\n" in template
            assert f"def stands_for, do: {stage}\n" in template


@pytest.mark.parametrize(
    ("versions", "inside", "outside"),
    [
        (">= 0.3.0", ["0.3.0", "0.3.1", "1.0.0", "0.10.0"], ["0.2.9", ""]),
        (">= 0.3.0 and < 0.4.0", ["0.3.0", "0.3.9"], ["0.4.0", "0.2.0"]),
        ("== 1.2.3", ["1.2.3"], ["1.2.4", "next"]),
        ("> 0.1.0 and <= 0.2.0", ["0.1.1", "0.2.0"], ["0.1.0", "0.2.1"]),
    ],
)
def test_ranges_of_versions(versions: str, inside: list[str], outside: list[str]) -> None:
    defect = defects.defects()["D0003"]._replace(versions=versions)
    assert [version for version in [*inside, *outside] if defect.covers(version)] == inside


def test_wrappers_are_those_of_the_releases_that_are_named() -> None:
    assert defects.wrappers([]) == {}
    assert defects.wrappers(["crucible_train@0.4.0"]) == {}
    assert set(defects.wrappers([RELEASE])) == {"CrucibleTrain.Stages.RLTrain", "CrucibleTrain.Stages.Distillation"}
    assert defects.compats() == [RELEASE]

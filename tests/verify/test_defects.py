"""Known defects: each shows on a stand-in that has it and has gone from one that is repaired; the facade gets round those
that stop a recipe."""

from __future__ import annotations

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
    run = ("plain", "rates", "failure", "pipeline")
    return {
        row["id"]: {(row["proofs"][name]["state"], row["proofs"][name]["defect"]) for name in run}
        for row in found["recipes"]
    }


# On stand-ins -------------------------------------------------------------------------------------------------------


@pytest.mark.elixir
def test_the_plain_stages_show_the_known_defects_and_the_facade_none(recipes: Recipes, packages: Path) -> None:
    root = recipes()
    gen(["recipes"], root)
    found = report(root, packages)
    assert proofs(found) == {
        "sl": {("ok", None)},
        "dpo": {("ok", None)},
        "rl": {("known", "D0003"), ("ok", None)},
        "distil": {("known", "D0002"), ("ok", None)},
    }
    for row in found["recipes"]:
        assert {name for name, proof in row["proofs"].items() if proof["state"] != "ok"} <= {"plain"}
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
    hints = {each["message"].split()[0]: each["hint"] for each in gone}
    assert {id_ for id_, hint in hints.items() if hint} == {"D0002", "D0003"}
    assert hints["D0002"] == hints["D0003"] == "run/3 runs the stand-in until gen knows of this release"


@pytest.mark.elixir
def test_a_schedule_that_dpo_does_not_know_is_a_known_defect(recipes: Recipes, packages: Path) -> None:
    root = recipes("dpo")
    recipe = root / "recipes" / "dpo.yaml"
    recipe.write_text(recipe.read_text("utf-8").replace("{beta: 0.1}", "{beta: 0.1, lr_schedule: cosine}"), "utf-8")
    gen(["recipes"], root)
    found = report(root, packages)
    assert found["recipes"][0]["proofs"]["rates"]["defect"] == "D0009"


@pytest.mark.elixir
def test_a_schedule_that_distillation_does_not_know_is_a_known_defect(recipes: Recipes, packages: Path) -> None:
    root = recipes("taught")
    gen(["recipes"], root)
    found = report(root, packages)["recipes"][0]["proofs"]
    assert {name: proof["defect"] for name, proof in found.items() if proof["state"] != "ok"} == {
        "plain": "D0002",
        "rates": "D0010",
    }


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


def test_all_three_targets_name_the_stages_of_the_packages(recipes: Recipes) -> None:
    root = recipes("rl", "distil", "taught")
    gen(["recipes"], root)
    for name, stage in (("rl", "RLTrain"), ("distil", "Distillation"), ("taught", "Distillation")):
        for file in (f"elixir/lib/crucible_recipes/{name}.ex", f"python/crucible_recipes/{name}.py", f"ir/{name}.json"):
            text = (root / "generated" / file).read_text("utf-8")
            assert f"CrucibleTrain.Stages.{stage}" in text, file
            assert "StandIns" not in text, file
    assert (root / "generated/elixir/lib/crucible_recipes_runtime/stand_ins.ex").is_file()


REMOVED = "remove it: run/3 of the generated Elixir puts a stand-in in the place of a stage with a known defect"


@pytest.mark.parametrize("where", ["settings", "recipe", "profile"])
def test_the_setting_compat_of_earlier_releases_is_an_error_that_says_what_to_do(recipes: Recipes, where: str) -> None:
    said = f"compat: [{RELEASE}]\n"
    root = recipes("rl", settings=said if where == "settings" else "")
    path = root / "recipes" / "rl.yaml"
    more = {"settings": "", "recipe": said, "profile": f"profiles:\n  small:\n    {said}"}[where]
    path.write_text(path.read_text("utf-8") + more, "utf-8")
    ran = gen(["recipes"], root)
    assert ran.code == 1
    assert f"error[{'E0510' if where == 'settings' else 'E0201'}]: unknown field compat" in ran.err
    assert f"= help: {REMOVED}\n" in ran.err
    for file in (root / "gen.yaml", path):
        file.write_text(file.read_text("utf-8").replace(said, ""), "utf-8")
    if where == "profile":
        path.write_text(path.read_text("utf-8").replace("profiles:\n  small:\n    ", ""), "utf-8")
    assert gen(["recipes"], root).code == 0


# What is said --------------------------------------------------------------------------------------------------------


def test_one_line_says_which_recipes_run_with_stand_ins(recipes: Recipes) -> None:
    root = recipes()
    ran = gen(["recipes"], root)
    assert ran.err == (
        "note: in Elixir, run/3 runs stand-ins for stages of distil, rl: known defects of crucible_train, "
        "D0002, D0003; gen explain D0002 tells more\n"
    )
    assert ran.code == 0
    assert "note" not in ran.out


PYTHON = ["--target", "python"]


@pytest.mark.parametrize("args", [["-q"], ["--only", "sl"], PYTHON, [*PYTHON, "--target", "ir"]])
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
        assert set(defect.stand_ins) == set(defect.stages)
    text = dict(runtime.files("CrucibleRecipesRuntime"))["lib/crucible_recipes_runtime/stand_ins.ex"]
    for stage, stand_in in defect.stand_ins.items():
        assert f"defmodule CrucibleRecipesRuntime.{stand_in} do\n" in text
        assert f"def stands_for, do: {stage}\n" in text
        assert f"    {stage} => __MODULE__.{stand_in.removeprefix('StandIns.')}" in text


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

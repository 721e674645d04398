"""What a real Elixir says of generated/elixir, with stand-ins for the packages of Hex."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import gen, project
from elixir_project import Verdict, ask, formatted, mix
from generated_code import GENERATED, STEMS, compact, ir, module

ELIXIR = GENERATED / "elixir"
SUPERVISED = "type: supervised\ntraining_config: {model_ref: m, dataset_ref: d}\n"

pytestmark = pytest.mark.elixir


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    asked = {"names": 'CrucibleRecipes.names() |> Enum.join(",")'}
    for stem in STEMS:
        name = module(ELIXIR, stem)
        asked[f"{stem} json"] = f"CrucibleRecipes.to_json({name}.build_spec(%{{}}))"
        asked[f"{stem} name"] = f"{name}.name()"
        asked[f"{stem} description"] = f"{name}.description()"
        asked[f"{stem} fetched"] = f'{{:ok, {name}}} = CrucibleRecipes.fetch("{stem}"); "same"'
        asked[f"{stem} key"] = f'{name}.build_spec(%{{no_key: 1}}); "built"'
        asked[f"{stem} text key"] = f'{name}.build_spec(%{{"ports" => 1}}); "built"'
        asked[f"{stem} injected"] = (
            f"live = Map.new({name}.needs(), &{{&1, to_string(&1)}});"
            f"late = CrucibleRecipes.inject({name}.build_spec(%{{}}), Map.put(live, :no_option, 1));"
            f"^late = {name}.build_spec(live);"
            "^late = CrucibleRecipes.inject(late, %{ports: :other});"
            "CrucibleRecipes.to_json(late)"
        )
        asked[f"{stem} whole"] = (
            f"config = %{{{name}.training_config() | id: :whole}};"
            f"^config = {name}.build_spec(training_config: config).training_config;"
            '"same"'
        )
    return ask(ELIXIR, tmp_path_factory.mktemp("elixir"), asked)


def test_it_compiles_without_a_warning(verdict: Verdict) -> None:
    assert verdict.warnings == []


def test_the_formatter_changes_nothing(verdict: Verdict) -> None:
    assert ELIXIR / "mix.exs" in formatted(ELIXIR)
    assert ELIXIR / ".formatter.exs" in formatted(ELIXIR)
    assert verdict.unformatted == {}


@pytest.mark.parametrize("stem", STEMS)
def test_a_recipe_is_what_the_ir_says(verdict: Verdict, stem: str) -> None:
    assert verdict.values[f"{stem} json"] == compact(ir(stem))
    assert verdict.values[f"{stem} name"] == stem
    assert verdict.values[f"{stem} description"]
    assert verdict.values[f"{stem} fetched"] == "same"


@pytest.mark.parametrize("stem", STEMS)
def test_an_unknown_key_is_named(verdict: Verdict, stem: str) -> None:
    assert verdict.raised[f"{stem} key"].startswith("%KeyError{key: :no_key")
    assert 'got: \\"ports\\"' in verdict.raised[f"{stem} text key"]


@pytest.mark.parametrize("stem", STEMS)
def test_live_values_come_late_as_well_as_early(verdict: Verdict, stem: str) -> None:
    assert '"ports":"ports"' in verdict.values[f"{stem} injected"]
    assert "no_option" not in verdict.values[f"{stem} injected"]


@pytest.mark.parametrize("stem", STEMS)
def test_a_whole_configuration_takes_the_place_of_the_recipe_s(verdict: Verdict, stem: str) -> None:
    assert verdict.values[f"{stem} whole"] == "same"


def test_all_recipes_are_found(verdict: Verdict) -> None:
    assert verdict.values["names"] == ",".join(STEMS)


def test_a_recipe_without_a_description_has_an_empty_one(tmp_path: Path) -> None:
    texts = {
        "silent": "",
        "empty": 'description: ""\n',
        "blank": 'description: "  \\n "\n',
        "lines": 'description: "One.\\n\\n  - two\\n\\nthree\\n"\n',
    }
    root = project(tmp_path, {f"{name}.yaml": f"id: {name}\n{SUPERVISED}{text}" for name, text in texts.items()})
    ran = gen([f"{name}.yaml" for name in texts], root)
    assert ran.code == 0, ran.both
    elixir = root / "generated/elixir"
    asked = {name: f"inspect({module(elixir, name)}.description())" for name in texts}
    asked |= {f"{name} json": f"CrucibleRecipes.to_json({module(elixir, name)}.build_spec())" for name in texts}
    verdict = ask(elixir, tmp_path, asked)
    assert (verdict.warnings, verdict.unformatted, verdict.raised) == ([], {}, {})
    found = {name: verdict.values[name] for name in texts}
    assert found == {"silent": '""', "empty": '""', "blank": '"  \\n "', "lines": '"One.\\n\\n  - two\\n\\nthree\\n"'}
    for name in texts:
        written = (root / f"generated/ir/{name}.json").read_text("utf-8")
        assert verdict.values[f"{name} json"] == compact(written)
        assert ('"description": null' in written) == (name == "silent")


# Mix -----------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_mix_compiles_it_and_its_own_tests_pass(mix_project: Path) -> None:
    compiled = mix(mix_project, "compile", "--warnings-as-errors")
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    assert "warning" not in (compiled.stdout + compiled.stderr).partition("==> crucible_recipes")[2]

    checked = mix(mix_project, "format", "--check-formatted")
    assert checked.returncode == 0, checked.stderr

    tested = mix(mix_project, "test")
    assert tested.returncode == 0, tested.stdout[-6000:] + tested.stderr[-3000:]
    assert ", 0 failures" in tested.stdout and "doctest" in tested.stdout
    # The tests of a run are left out where the packages are missing; here they are not.
    assert int(tested.stdout.rpartition(" tests,")[0].split()[-1]) > 100


@pytest.mark.slow
def test_a_recipe_that_comes_or_goes_is_seen(mix_project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elixir"
    shutil.copytree(mix_project, copy)
    shutil.copytree(mix_project.parent / "packages", tmp_path / "packages")
    listing = ("run", "-e", 'IO.puts("names: " <> Enum.join(CrucibleRecipes.names(), ","))')

    def names() -> list[str]:
        ran = mix(copy, *listing)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.rpartition("names: ")[2].strip().split(",")

    assert names() == STEMS
    root = project(tmp_path / "more", {"new_one.yaml": f"id: new_one\n{SUPERVISED}"})
    assert gen(["new_one.yaml", "--target", "elixir"], root).code == 0
    added = copy / "lib/crucible_recipes/new_one.ex"
    shutil.copy(root / "generated/elixir/lib/crucible_recipes/new_one.ex", added)
    assert names() == sorted([*STEMS, "new_one"])
    added.unlink()
    assert names() == STEMS

"""Where compiled modules are found, and what is reported where a process cannot be run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import gen
from crucible_gen.conformance.verify import packages as compiled
from crucible_gen.diagnostics import Problems
from printed import printed

Recipes = Callable[..., Path]


def beams(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "Elixir.A.beam").touch()


def problem(work: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(Problems) as caught:
        work()
    return caught.value.problems[0].code, caught.value.problems[0].message


@pytest.mark.parametrize("inside", ["", "ebin", "one", "one/ebin", "lib/one/ebin"])
def test_a_code_path_is_any_directory_around_modules(inside: str, tmp_path: Path) -> None:
    beams(tmp_path / "path" / inside)
    assert compiled.code_paths(None, [tmp_path / "path"]) == [(tmp_path / "path" / inside).resolve()]


def test_all_packages_below_a_code_path_are_found_once(tmp_path: Path) -> None:
    beams(tmp_path / "b" / "ebin", tmp_path / "a" / "ebin")
    found = [(tmp_path / name / "ebin").resolve() for name in ("a", "b")]
    assert compiled.code_paths(None, [tmp_path, tmp_path / "b"]) == found


def test_a_directory_without_modules_is_a_problem(tmp_path: Path) -> None:
    assert problem(lambda: compiled.code_paths(None, [tmp_path])) == ("E0903", "no compiled modules are here")


@pytest.mark.parametrize(
    ("variables", "build"),
    [
        ({}, "app/_build/dev"),
        ({"MIX_ENV": "prod"}, "app/_build/prod"),
        ({"MIX_BUILD_ROOT": "elsewhere"}, "elsewhere/dev"),
        ({"MIX_BUILD_PATH": "elsewhere"}, "elsewhere"),
    ],
)
def test_the_build_of_a_project_is_where_mix_puts_it(
    variables: dict[str, str], build: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MIX_ENV", "MIX_BUILD_ROOT", "MIX_BUILD_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    beams(tmp_path / build / "lib" / "one" / "ebin", tmp_path / "app" / "_build" / "test" / "lib" / "other" / "ebin")
    (tmp_path / "app" / "mix.exs").touch()
    assert compiled.code_paths(Path("app"), []) == [(tmp_path / build / "lib" / "one" / "ebin").resolve()]


def test_an_app_of_an_umbrella_is_built_above_it(tmp_path: Path) -> None:
    beams(tmp_path / "_build" / "dev" / "lib" / "one" / "ebin")
    app = tmp_path / "apps" / "one"
    app.mkdir(parents=True)
    (app / "mix.exs").touch()
    assert compiled.code_paths(app, []) == [(tmp_path / "_build" / "dev" / "lib" / "one" / "ebin").resolve()]


def test_a_project_that_is_not_compiled_is_a_problem(tmp_path: Path) -> None:
    assert problem(lambda: compiled.code_paths(tmp_path, [])) == ("E0903", "there is no mix.exs here")
    (tmp_path / "mix.exs").touch()
    code, message = problem(lambda: compiled.code_paths(tmp_path, []))
    assert code == "E0903"
    assert message.startswith("nothing is compiled in ")


def test_versions_are_read_from_what_packages_say(tmp_path: Path) -> None:
    (tmp_path / "one.app").write_text('{application,one,\n [{vsn, "1.2.3"}]}.\n')
    (tmp_path / "two.app").write_text("{application,two,[]}.\n")
    assert compiled.releases([tmp_path]) == {"one": "1.2.3", "two": ""}


def test_without_elixir_python_is_still_proven(
    recipes: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = recipes("sl", "rl")
    gen(["recipes"], root)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (root / "app").mkdir()
    args = ["verify", "recipes", "--mix-project", "app", "--run", "--format", "json"]
    found = printed("verify", gen(args, root).out)
    states = {row["id"]: {name: proof["state"] for name, proof in row["proofs"].items()} for row in found["recipes"]}
    python_only = {"json": "ok"} | dict.fromkeys(
        ("compile", "valid", "overrides", "options", "rates", "failure", "pipeline"), "not run"
    )
    assert states == {"sl": python_only, "rl": python_only}
    assert [each["code"] for each in found["problems"]] == ["E0902"]
    assert "install Elixir" in found["problems"][0]["hint"]

    path = root / "generated/python/crucible_recipes/rl.py"
    path.write_text(path.read_text("utf-8").replace("learning_rate=4.0e-5", "learning_rate=5.0e-5"), "utf-8")
    ran = gen(args, root)
    found = printed("verify", ran.out)
    assert ran.code == 1
    proof = next(row for row in found["recipes"] if row["id"] == "rl")["proofs"]["json"]
    assert proof["state"] == "failed"
    assert "learning_rate is 4e-05 in generated/ir, and 5e-05 in Python" in proof["details"][0]


def test_a_python_that_has_no_runtime_is_named(recipes: Recipes, tmp_path: Path) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    beams(tmp_path / "packages")
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    for given in (python, tmp_path):
        ran = gen(["verify", "recipes", "--code-path", str(tmp_path / "packages"), "--python", str(given)], root)
        assert ran.code == 1
        assert "error[E0906]: crucible_runtime is not installed" in ran.err


def test_a_module_of_python_that_raises_says_so(recipes: Recipes, monkeypatch: pytest.MonkeyPatch) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    path = root / "generated/python/crucible_recipes/sl.py"
    path.write_text(path.read_text("utf-8") + "\nraise RuntimeError('no')\n", "utf-8")
    monkeypatch.setenv("PATH", "")
    (root / "app").mkdir()
    found = printed("verify", gen(["verify", "recipes", "--mix-project", "app", "--format", "json"], root).out)
    assert found["recipes"][0]["proofs"]["json"]["details"] == ["Python: RuntimeError: no"]


def test_directories_that_a_shell_found_are_code_paths(
    recipes: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = recipes("sl")
    gen(["recipes"], root)
    beams(tmp_path / "a" / "ebin", tmp_path / "b" / "ebin")
    monkeypatch.setenv("PATH", "")
    ran = gen(["verify", "--code-path", "a/ebin", "b/ebin", "recipes", "--format", "json"], root)
    assert [row["id"] for row in printed("verify", ran.out)["recipes"]] == ["sl"]


def test_packages_have_to_be_named(recipes: Recipes) -> None:
    ran = gen(["verify", "recipes"], recipes("sl"))
    assert ran.code == 2
    assert "--mix-project or --code-path" in ran.err


def test_what_is_not_generated_cannot_be_proven(recipes: Recipes, tmp_path: Path) -> None:
    beams(tmp_path / "packages")
    ran = gen(["verify", "recipes", "--code-path", str(tmp_path / "packages"), "--out", "there"], recipes("sl"))
    assert ran.code == 1
    assert "there/elixir/lib/crucible_recipes/sl.ex: error[E0901]" in ran.err
    assert "help: run: gen recipes --out there" in ran.err

"""Generated Python under names of its own: two projects in one environment, and recipes named like standard modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import black
import pytest
from command import MINIMAL, gen, project
from generated_code import python, types

IDS = ("json", "typing", "dataclasses", "collections", "Reason-RL.v2", "sys", "pathlib", "os")
STEMS = [*(each for each in IDS if each.islower()), "reason_rl_v2"]
INSTALL = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]


def generated(root: Path, package: str, *ids: str) -> Path:
    """The Python project of a generated package with these recipes."""
    files = {f"recipes/{each}.yaml": f"id: {each}\ndescription: {package}\n{MINIMAL}" for each in ids}
    files["pyproject.toml"] = f'[tool.gen]\nrecipes = ["recipes"]\n\n[tool.gen.python]\npackage = "{package}"\n'
    project(root, files)
    (root / "gen.yaml").unlink()
    ran = gen([], root)
    assert ran.code == 0, ran.both
    return root / "generated/python"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(tmp_path_factory.mktemp("odd"), "odd", *IDS)


@pytest.mark.slow
def test_two_packages_are_installed_and_run_in_one_environment(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for package in ("team_a", "team_b"):
        source = generated(tmp_path / package, package, "sl", "json")
        subprocess.run([*INSTALL, "--target", str(site), str(source)], check=True)
    assert {path.name.partition("-")[0] for path in site.iterdir()} == {"team_a", "team_b"}
    program = tmp_path / "program.py"
    program.write_text(
        "import team_a.sl, team_b.json, team_b.sl\n\n\n"
        "class Engine:\n    def train(self, context, options):\n        return {'loss': 0.5}\n\n\n"
        "for recipe in (team_a.sl, team_b.sl, team_b.json):\n"
        "    result = recipe.run(recipe.Config(engine=Engine(), log_path=f'runs/{recipe.__name__}'))\n"
        "    print(recipe.__name__, result.experiment.description, result.path)\n"
    )
    ran = python(str(program), path=site, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    names = ("team_a.sl", "team_b.sl", "team_b.json")
    assert ran.stdout.splitlines() == [f"{name} {name[:6]} {tmp_path / 'runs' / name}" for name in names]
    for package in ("team_a", "team_b"):
        ran = python("-m", package, path=site)
        assert (ran.returncode, ran.stdout.split()) == (0, ["json", package, "sl", package])


@pytest.mark.parametrize("stem", STEMS)
def test_a_recipe_named_like_a_standard_module_runs_by_module_and_by_path(stem: str, odd: Path, tmp_path: Path) -> None:
    wanted = (odd.parent / f"ir/{stem}.json").read_text("utf-8")
    for words in (["-m", f"odd.{stem}"], [str(odd / f"odd/{stem}.py")], ["-P", str(odd / f"odd/{stem}.py")]):
        ran = python(*words, "--json", path=odd, cwd=tmp_path)
        assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", wanted), words


@pytest.mark.parametrize("words", [["-m", "odd"], ["odd/__main__.py"]])
def test_they_are_listed(words: list[str], odd: Path) -> None:
    ran = python(*words, path=odd, cwd=odd)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert sorted(ran.stdout.split()[::2]) == sorted(IDS)


def test_the_tools_find_nothing_in_them(odd: Path, tmp_path: Path) -> None:
    for path in (odd / "odd").glob("*.py"):
        text = path.read_text("utf-8")
        assert black.format_str(text, mode=black.Mode()) == text
    found = types(odd, tmp_path, "odd")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", ["json", "class", "match", "my-team", "9a", "_a", "crucible_runtime", "torch", "A"])
def test_a_name_that_no_package_can_have_is_an_error_where_it_stands(name: str, tmp_path: Path) -> None:
    project(tmp_path, {"recipes/sl.yaml": f"id: sl\n{MINIMAL}", "gen.yaml": f'python:\n  package: "{name}"\n'})
    ran = gen(["recipes"], tmp_path)
    assert ran.code == 1
    assert ran.err.startswith("gen.yaml:2:12: error[E0510]: "), ran.err
    assert not (tmp_path / "generated").exists()

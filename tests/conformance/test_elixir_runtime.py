"""What a real Elixir says of runtime/elixir, alone and under other namespaces."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from crucible_gen.languages.elixir import runtime
from elixir_project import Verdict, ask, mix

RUNTIME = Path(__file__).parents[2] / "runtime" / "elixir"
LONG = "ACompany.WithAVeryLong.NamespaceName.For.TrainingRecipes"

pytestmark = pytest.mark.elixir


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Mix project, without what Mix built in the checkout."""
    directory = tmp_path_factory.mktemp("runtime") / "elixir"
    shutil.copytree(RUNTIME, directory, ignore=shutil.ignore_patterns("_build", "deps", "mix.lock"))
    return directory


def test_it_is_formatted(copy: Path) -> None:
    checked = mix(copy, "format", "--check-formatted")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["dev", "test", "prod"])
def test_it_compiles_without_a_warning(copy: Path, environment: str) -> None:
    compiled = mix(copy, "compile", "--warnings-as-errors", MIX_ENV=environment)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    assert "warning" not in compiled.stdout + compiled.stderr


@pytest.mark.slow
def test_its_tests_pass(copy: Path) -> None:
    tested = mix(copy, "test")
    assert tested.returncode == 0, tested.stdout[-6000:] + tested.stderr[-3000:]
    assert ", 0 failures" in tested.stdout and "doctest" in tested.stdout
    assert "warning" not in tested.stdout + tested.stderr
    # The tests of a run are left out where the packages are missing; here they are not.
    assert int(tested.stdout.rpartition(" tests,")[0].split()[-1]) > 90


# Namespaces ----------------------------------------------------------------------------------------------------------

BREAKS = {
    "run.ex": {"inject(experiment, live)"},
    "canonical_test.exs": {"[b: 1, a: []]"},
    "run_test.exs": {
        "run(Example) == {:error, {:missing_values, [:ports, :train_dataset]}}",
        'run("no_recipe") == {:error, {:unknown_recipe, "no_recipe"}}',
        "run(NoRecipe) == {:error, {:unknown_recipe, NoRecipe}}",
        "config!(Config, config)",
        "with_log(fn ->",
    },
}
"""Lines that the formatter breaks under the namespace `LONG`; the outputs of today fix their layout. Add none."""


def renamed(namespace: str, directory: Path) -> Verdict:
    """What Elixir says of the runtime under another namespace, with its own root module and its own schemas."""
    root = directory / "project"
    files = dict(runtime.files(namespace))
    for path in ("lib/crucible_runtime.ex", runtime.SCHEMA):
        text = runtime.renamed((RUNTIME / path).read_text("utf-8"), namespace)
        files[path.replace("crucible_runtime", runtime.folder(namespace))] = text
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return ask(root, directory, {"json": f"{namespace}.to_json(%{{a: 1}})"})


@pytest.mark.parametrize("namespace", ["A", "My.Recipes", "CrucibleRecipes", "MyTeam.Recipes"])
def test_it_compiles_under_another_namespace_and_the_formatter_changes_nothing(namespace: str, tmp_path: Path) -> None:
    verdict = renamed(namespace, tmp_path)
    assert (verdict.warnings, verdict.unformatted, verdict.values) == ([], {}, {"json": '{"a":1}'})


def test_the_lines_that_a_long_namespace_breaks_are_known(tmp_path: Path) -> None:
    verdict = renamed(LONG, tmp_path)
    assert (verdict.warnings, verdict.values) == ([], {"json": '{"a":1}'})
    broken = {Path(path).name: (Path(path), text) for path, text in verdict.unformatted.items()}
    assert set(broken) == set(BREAKS)
    for name, (path, formatted) in broken.items():
        lines = set(path.read_text("utf-8").splitlines()) - set(formatted.splitlines())
        assert all(any(part in line for part in BREAKS[name]) for line in lines), lines
        assert all(any(part in line for line in lines) for part in BREAKS[name]), lines


def test_folders_are_those_that_mix_gives_modules(tmp_path: Path) -> None:
    names = ["CrucibleRecipes", "MyTeam.Recipes", LONG, "RLTrain", "V2Beta.A1B", "A", "HTTPServer.OnGPUs", "X10.Y"]
    (tmp_path / "none").mkdir()
    verdict = ask(tmp_path / "none", tmp_path, {name: f'Macro.underscore("{name}")' for name in names})
    assert verdict.values == {name: runtime.folder(name) for name in names}

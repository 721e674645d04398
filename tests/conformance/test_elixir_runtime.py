"""What a real Elixir says of runtime/elixir, alone and under other namespaces."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from crucible_gen.languages.elixir import naming, runtime
from elixir_project import Verdict, ask, mix

RUNTIME = Path(__file__).parents[2] / "runtime" / "elixir"
LONG = "ACompany.WithAVeryLong.NamespaceName.For.TrainingRecipes"
LONGEST = f"{'N' * 30}.{'R' * 33}"
"""A namespace as long as the schema of the settings allows."""

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


def renamed(namespace: str, directory: Path) -> Verdict:
    """What Elixir says of the runtime under another namespace, with its own schemas."""
    root = directory / "project"
    files = dict(runtime.files(namespace))
    schema = runtime.renamed((RUNTIME / runtime.SCHEMA).read_text("utf-8"), namespace)
    files[runtime.SCHEMA.replace("crucible_runtime", naming.path(namespace))] = schema
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return ask(root, directory, {"json": f"{namespace}.to_json(%{{a: 1}})"})


@pytest.mark.parametrize("namespace", ["A", "My.Recipes", "CrucibleRecipesRuntime", "MyTeam.Recipes", LONG, LONGEST])
def test_it_compiles_under_another_namespace_and_the_formatter_changes_nothing(namespace: str, tmp_path: Path) -> None:
    verdict = renamed(namespace, tmp_path)
    assert (verdict.warnings, verdict.unformatted, verdict.values) == ([], {}, {"json": '{"a":1}'})


def test_folders_are_those_that_mix_gives_modules(tmp_path: Path) -> None:
    names = ["CrucibleRecipes", "MyTeam.Recipes", LONG, "RLTrain", "V2Beta.A1B", "A", "HTTPServer.OnGPUs", "X10.Y"]
    (tmp_path / "none").mkdir()
    verdict = ask(tmp_path / "none", tmp_path, {name: f'Macro.underscore("{name}")' for name in names})
    assert verdict.values == {name: naming.path(name) for name in names}

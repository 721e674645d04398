"""The wheels hold all that an installed `gen` needs, no general names, and work in somebody else's directory."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ELIXIR = "crucible_gen/data/runtime/elixir"

pytestmark = pytest.mark.slow


def _build(project: Path, directory: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(project)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each package, by import name."""
    return {
        "crucible_gen": _build(ROOT, tmp_path_factory.mktemp("gen")),
        "crucible_runtime": _build(ROOT / "runtime" / "python", tmp_path_factory.mktemp("runtime")),
    }


def _from_sdist(project: Path, directory: Path) -> Path:
    """The wheel that is built from the source distribution of a project."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(project)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert next(directory.glob("*.tar.gz")).is_file()
    (wheel,) = directory.glob("*.whl")
    return wheel


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("package", ["crucible_gen", "crucible_runtime"])
def test_a_wheel_puts_its_package_into_site_packages_and_nothing_else(wheels: dict[str, Path], package: str) -> None:
    tops = {name.partition("/")[0] for name in _names(wheels[package])}
    assert {top for top in tops if not top.endswith(".dist-info")} == {package}
    assert len(tops) == 2


@pytest.mark.parametrize(
    ("package", "source", "folder"),
    [
        ("crucible_gen", "generator/crucible_gen", "crucible_gen"),
        ("crucible_gen", "schemas", "crucible_gen/data/schemas"),
        ("crucible_gen", "templates", "crucible_gen/data/templates"),
        ("crucible_gen", "contracts", "crucible_gen/data/contracts"),
        ("crucible_gen", "runtime/elixir/lib", f"{ELIXIR}/lib"),
        ("crucible_gen", "runtime/elixir/test/crucible_runtime", f"{ELIXIR}/test/crucible_runtime"),
        ("crucible_runtime", "runtime/python/crucible_runtime", "crucible_runtime"),
    ],
)
def test_every_file_travels(wheels: dict[str, Path], package: str, source: str, folder: str) -> None:
    root = ROOT / source
    files = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    expected = {f"{folder}/{name}" for name in files if "__pycache__" not in name}
    assert expected <= _names(wheels[package])
    assert not {name for name in _names(wheels[package]) if "__pycache__" in name}


def test_the_engine_tables_travel_with_the_runtime(wheels: dict[str, Path], tmp_path: Path) -> None:
    tables = {f"crucible_runtime/engines/tables/{path.name}" for path in (ROOT / "schemas" / "engines").glob("*.json")}
    assert tables
    assert tables <= _names(wheels["crucible_runtime"])
    from_sdist = _from_sdist(ROOT / "runtime" / "python", tmp_path)
    assert _names(from_sdist) == _names(wheels["crucible_runtime"])


def test_what_is_easily_left_behind_is_there(wheels: dict[str, Path]) -> None:
    generator, runtime = _names(wheels["crucible_gen"]), _names(wheels["crucible_runtime"])
    assert {
        "crucible_gen/py.typed",
        "crucible_gen/cli/explain/E0203.md",
        "crucible_gen/data/schemas/ir/experiment.schema.json",
        f"{ELIXIR}/lib/crucible_runtime/run/watch.ex",
        "crucible_gen/data/templates/elixir/test/crucible_recipes_test.exs.j2",
        "crucible_gen/data/templates/new/supervised.yaml",
    } <= generator
    assert any(name.endswith(".exs") and name.startswith("crucible_gen/conformance/contracts/") for name in generator)
    assert {"crucible_runtime/py.typed", "crucible_runtime/rules.json"} <= runtime


@pytest.fixture(scope="module")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the commands of an environment with both wheels; their dependencies are those of this Python."""
    directory = tmp_path_factory.mktemp("environment")
    # What this Python has installed is seen through a path file: installing it again would need the network.
    venv.create(directory, with_pip=False)
    scripts = directory / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / Path(sys.executable).name
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *map(str, wheels.values())], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    import click

    (packages / "dependencies.pth").write_text(f"{Path(click.__file__).parents[1]}\n")
    return scripts


def _run(installed: Path, cwd: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GEN_"))
    } | variables
    return subprocess.run(
        [str(installed / command[0]), *command[1:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_works_in_somebody_else_s_empty_directory(installed: Path, tmp_path: Path) -> None:
    where = _run(installed, tmp_path, "python", "-c", "import crucible_gen as g, crucible_runtime as r; print(g, r)")
    assert where.stdout.count(str(installed.parent)) == 2, "the packages of this test are those of the wheels"

    for type_ in ("supervised", "rl", "preference", "distillation"):
        made = _run(installed, tmp_path, "gen", "new", f"my_{type_}", "--type", type_)
        assert made.returncode == 0, made.stdout + made.stderr
    generated = _run(installed, tmp_path, "gen", "recipes/")
    assert generated.returncode == 0, generated.stdout + generated.stderr
    assert generated.stdout.startswith("4 recipes: ")
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {
        "recipes/my_rl.yaml",
        "generated/ir/my_rl.json",
        "generated/elixir/mix.exs",
        "generated/elixir/lib/crucible_recipes/my_rl.ex",
        "generated/python/crucible_recipes/my_rl.py",
    } <= files
    checked = _run(installed, tmp_path, "gen", "--check", "recipes/")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    explained = _run(installed, tmp_path, "gen", "explain", "E0203")
    assert explained.returncode == 0 and "E0203" in explained.stdout
    schema = _run(installed, tmp_path, "gen", "schema", "recipe")
    assert schema.returncode == 0 and '"$defs"' in schema.stdout

    loaded = "from crucible_runtime.engines import mapping as m; print(m.directory(), *m.load('trl').rules)"
    tables = _run(installed, tmp_path, "python", "-c", loaded)
    assert tables.stdout.startswith(str(installed.parent)) and " learning_rate " in tables.stdout

    ran = _run(
        installed,
        tmp_path,
        "python",
        "-m",
        "crucible_recipes.my_rl",
        "--json",
        PYTHONPATH=str(tmp_path / "generated/python"),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (tmp_path / "generated/ir/my_rl.json").read_text("utf-8")

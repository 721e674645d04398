"""Elixir projects of the tests' own: sources in, compiled modules out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import crucible_gen
from crucible_gen.languages.elixir import structs
from crucible_gen.schemas import shipped

HERE = Path(__file__).parent
ROOT = Path(crucible_gen.__file__).parents[2]
PACKAGES = {
    "crucible_ir": ("0.3.0", "CrucibleIR"),
    "crucible_framework": ("0.5.2", "Crucible"),
    "crucible_train": ("0.3.0", "CrucibleTrain"),
    "crucible_model_registry": ("0.3.1", "CrucibleModelRegistry"),
    "crucible_deployment": ("0.2.1", "CrucibleDeployment"),
    "crucible_feedback": ("0.2.0", "CrucibleFeedback"),
}


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that must succeed."""
    environment = os.environ | {"MIX_ENV": "dev", "HEX_OFFLINE": "1"} | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def compile_modules(sources: list[Path], out: Path) -> None:
    """Compiles Elixir files in one process."""
    out.mkdir(parents=True, exist_ok=True)
    run(["elixirc", "--ignore-module-conflict", "-o", str(out), *map(str, sources)], out)


def app_file(folder: Path, package: str, version: str) -> None:
    """Writes what a package says of itself."""
    modules = ",".join(f"'{path.stem}'" for path in sorted(folder.glob("*.beam")))
    (folder / f"{package}.app").write_text(
        f'{{application,{package},[{{vsn,"{version}"}},{{modules,[{modules}]}}]}}.\n'
    )


def stand_ins(folder: Path) -> Path:
    """The packages with our printed structs and stages that behave as the shipped ones; a directory of packages."""
    source = folder / "structs.ex"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(structs.text(shipped("schemas")), "utf-8")
    compile_modules([source, *sorted((HERE / "stand_ins").glob("*.ex"))], folder / "all")
    for package, (version, prefix) in PACKAGES.items():
        ebin = folder / "packages" / package / "ebin"
        ebin.mkdir(parents=True)
        for path in (folder / "all").glob(f"Elixir.{prefix}.*beam"):
            shutil.copy(path, ebin)
        app_file(ebin, package, version)
    return folder / "packages"


def awkward(folder: Path) -> Path:
    """The umbrella project, compiled by Mix."""
    project = folder / "awkward"
    shutil.copytree(HERE / "awkward", project)
    run(["mix", "compile"], project)
    return project


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a directory with when it was changed and what is in it."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }

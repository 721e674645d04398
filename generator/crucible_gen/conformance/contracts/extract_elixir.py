"""Read what compiled Elixir packages offer, by running the scripts in `elixir/` with their modules loaded.

The scripts get no network, no terminal and no running application. They write their response to a file, so that
nothing that a package prints can end up in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crucible_gen.conformance.contracts.contract import Contract, python_packages
from crucible_gen.conformance.contracts.facts import Document, one_line
from crucible_gen.conformance.process import Runner, module_directories
from crucible_gen.diagnostics import Place, Problem, Problems, did_you_mean, shown
from crucible_gen.schemas import Schemas

CODES = {
    "E0803": "the Mix project is not compiled",
    "E0804": "Elixir cannot be asked",
    "E0805": "the Mix project does not compile",
    "E0807": "nothing was found that a contract could describe",
}
"""What each code of this step means, in a line."""

_SCRIPTS = Path(__file__).parent / "elixir"
_LIBRARIES = ("write", "structs", "flow", "find")
_ELIXIR = Runner("E0804", timeout=120, quoted_lines=20)
_COMPILER = Runner("E0805", timeout=900, quoted_lines=20)
_SOMETIMES_EMPTY = ("options_struct", "options_read", "defaults", "takes", "escapes")
"""Keys of a stage that a contract leaves out where they have no value."""


@dataclass(frozen=True, slots=True)
class ElixirSource:
    """A Mix project or directories of compiled modules, the packages to describe in any case, and whether to compile."""

    mix_project: Path | None
    code_paths: Sequence[Path]
    packages: Sequence[str]
    compile: bool

    @property
    def place(self) -> Place:
        """The directory that messages point to."""
        return Place(shown(self.mix_project or self.code_paths[0]))


@dataclass(frozen=True, slots=True)
class _Package:
    """What the scripts found in one package; the parts are as a contract holds them."""

    package: str
    version: str
    problems: Sequence[str]
    structs: Mapping[str, Document]
    stages: Mapping[str, Document]
    ports: Mapping[str, Document]
    behaviours: Mapping[str, Document]

    def contract(self) -> Contract | None:
        """The contract; None for a package with nothing to describe."""
        parts = {
            "structs": self.structs,
            "stages": {module: _without_empty(stage) for module, stage in self.stages.items()},
            "ports": {key: _with_callbacks(port) for key, port in self.ports.items()},
            "behaviours": {name: _with_callbacks(behaviour) for name, behaviour in self.behaviours.items()},
        }
        if not any(parts.values()):
            return None
        head = {"language": "elixir", "package": self.package, "version": self.version}
        return Contract(head | {kind: part for kind, part in parts.items() if part})


@dataclass(frozen=True, slots=True)
class _Response:
    """What the scripts found: where the project's build is, which applications it lacks, and every package."""

    build: str | None
    mix_error: str | None
    apps: Mapping[str, str]
    not_compiled: Sequence[str]
    directories: Sequence[str]
    packages: Sequence[_Package]

    @classmethod
    def read(cls, path: Path) -> _Response:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return cls(
            build=document["build"],
            mix_error=document["mix_error"],
            apps=document["apps"],
            not_compiled=document["not_compiled"],
            directories=document["dirs"],
            packages=[_Package(**package) for package in document["packages"]],
        )


def extract_elixir(source: ElixirSource, schemas: Schemas, scratch: Path) -> tuple[list[Contract], list[str]]:
    """The contracts of the packages, and notes for the user.

    Raises Problems if the project is not compiled, Elixir fails, or there is nothing to describe.
    """
    response = _run_scripts([*_sources(source, scratch), *_wanted(source, schemas)], scratch)
    notes: list[str] = []
    if source.mix_project is not None and not source.compile:
        _require_compiled(source.mix_project, response)
        notes += _stale_notes(source.mix_project, response)
    for package in response.packages:
        notes += [f"{package.package}: {problem}" for problem in package.problems]
    contracts = [contract for package in response.packages if (contract := package.contract()) is not None]
    _require_packages(source, contracts, response)
    return contracts, notes


def _sources(source: ElixirSource, scratch: Path) -> Iterator[str]:
    """The arguments that say where compiled modules are."""
    project = source.mix_project
    if project is not None:
        if not os.path.isfile(project / "mix.exs"):
            hint = "name the directory of a Mix project, or directories of compiled modules with --code-path"
            raise Problems([Problem(Place(shown(project)), "E0803", "there is no mix.exs here", hint=hint)])
        yield from ("--mix", str(project.absolute()))
        if source.compile:
            yield from ("--build", str(_compile(project, scratch)))
    for path in source.code_paths:
        directories = module_directories(path)
        if not directories:
            hint = "name a directory of .beam files, such as _build/dev/lib/crucible_train/ebin, or a build directory"
            raise Problems([Problem(Place(shown(path)), "E0807", "no compiled modules are here", hint=hint)])
        for directory in directories:
            yield from ("--path", str(directory.absolute()))


def _wanted(source: ElixirSource, schemas: Schemas) -> Iterator[str]:
    """The arguments that say which packages and stages are described in any case."""
    documents = [document for _, document in sorted(schemas.documents.items())]
    described = {str(raw["x-contract"]).partition("@")[0] for raw in documents if "x-contract" in raw}
    for package in sorted({*described, *source.packages}):
        yield from ("--package", package)
    for document in documents:
        if "x-stage" in document:
            yield from ("--stage", str(document["x-stage"]["module"]))


def _run_scripts(arguments: Sequence[str], scratch: Path) -> _Response:
    path = scratch / "response.json"
    libraries = [word for name in _LIBRARIES for word in ("-r", str(_SCRIPTS / f"{name}.exs"))]
    command = [_ELIXIR.find("elixir"), *libraries, str(_SCRIPTS / "main.exs"), str(path), *arguments]
    completed = _ELIXIR.run(command, scratch)
    if completed.exit_code or not os.path.isfile(path):
        message = f"elixir ended with exit code {completed.exit_code}"
        hint = _ELIXIR.quote(completed.stderr or completed.stdout)
        raise Problems([Problem(Place("elixir"), "E0804", message, hint=hint)])
    return _Response.read(path)


def _compile(project: Path, scratch: Path) -> Path:
    """Compile the project into a temporary build directory. Raises Problems with the compiler's output if it fails."""
    build = scratch / "build"
    # mix is of the same installation as elixir, so that its absence is reported as that of Elixir.
    completed = _COMPILER.run([_ELIXIR.find("mix"), "compile"], project, {"MIX_BUILD_PATH": str(build)})
    if completed.exit_code:
        hint = _COMPILER.quote(completed.stdout + completed.stderr)
        message = f"mix compile ended with exit code {completed.exit_code}"
        raise Problems([Problem(Place(shown(project / "mix.exs")), "E0805", message, hint=hint)])
    return build


def _require_compiled(project: Path, response: _Response) -> None:
    """Raise Problems if mix.exs cannot be evaluated and no build was found, or if an application is not compiled."""
    place = Place(shown(project / "mix.exs"))
    if response.mix_error is not None and not response.directories:
        message = f"mix.exs cannot be evaluated: {one_line(response.mix_error)}"
        raise Problems([Problem(place, "E0804", message, hint="correct mix.exs, or name the modules with --code-path")])
    if response.not_compiled or not response.directories:
        apps = ", ".join(sorted(response.not_compiled)) or "the project"
        where = shown(Path(response.build or ""))
        message = f"{apps} is not compiled: it is not in {where}"
        raise Problems([Problem(place, "E0803", message, hint=_compile_hint(project))])


def _stale_notes(project: Path, response: _Response) -> Iterator[str]:
    """Notes on a mix.exs that cannot be evaluated, and on sources newer than their compiled modules."""
    build = response.build or ""
    if response.mix_error is not None:
        yield f"mix.exs cannot be evaluated ({one_line(response.mix_error)}); {build} was read"
    for app, path in sorted(response.apps.items()):
        if _is_stale(Path(path), Path(build) / "lib" / app):
            yield f"{app} has sources newer than its compiled modules: {_compile_hint(project)}"


def _compile_hint(project: Path) -> str:
    return f"run mix compile in {shown(project)}, or add --compile"


def _is_stale(source: Path, built: Path) -> bool:
    sources = [file.stat().st_mtime for file in (source / "lib").rglob("*.ex")]
    marks = [*built.glob("ebin/*"), *built.glob(".mix/*")]
    return bool(sources and marks) and max(sources) > max(mark.stat().st_mtime for mark in marks) + 1


def _require_packages(source: ElixirSource, contracts: Sequence[Contract], response: _Response) -> None:
    """Raise Problems if a requested package was not found, or nothing was."""
    described = {contract.package for contract in contracts} | set(python_packages())
    if missing := [package for package in source.packages if package not in described]:
        known = sorted(Path(directory).parent.name for directory in response.directories)
        hint = did_you_mean(missing[0], known) or f"packages here: {', '.join(known)}"
        raise Problems(
            [Problem(source.place, "E0807", f"there is no compiled package {name}", hint) for name in missing]
        )
    if not contracts:
        message = "no package here has a stage, and no schema describes one"
        hint = "a package gets a contract when it holds a stage or a schema describes it; name others with --package"
        raise Problems([Problem(source.place, "E0807", message, hint=hint)])


def _without_empty(stage: Document) -> Document:
    empty: tuple[object, ...] = (None, {}, [])
    return {key: value for key, value in stage.items() if key not in _SOMETIMES_EMPTY or value not in empty}


def _with_callbacks(interface: Document) -> Document:
    """A port or behaviour whose callbacks say `optional` only where they are."""
    callbacks = [
        {key: value for key, value in callback.items() if key != "optional" or value}
        for callback in interface["callbacks"]
    ]
    return {**interface, "callbacks": callbacks}

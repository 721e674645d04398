"""A project or an environment in, contracts out: one process over there is asked, and nothing there is changed.

Elixir is asked by the scripts in `elixir/`, Python by `introspect.py`. They get no network, no terminal and no running
application; what they find comes back in a file of ours, so that nothing that a package prints can end up in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crucible_gen.conformance.contracts.contract import Contract, Raw, asked_packages, dumps, one_line
from crucible_gen.problems import Place, Problem, Problems, did_you_mean
from crucible_gen.schema import Schemas
from crucible_gen.settings import shown

CODES = {
    "E0803": "the Mix project is not compiled",
    "E0804": "Elixir cannot be asked",
    "E0805": "the Mix project does not compile",
    "E0806": "the Python environment cannot be asked",
    "E0807": "nothing was found that a contract could describe",
}
"""What each code of this step means, in a line."""

_SCRIPTS = Path(__file__).parent / "elixir"
_LIBRARIES = ("write", "structs", "flow", "find")
_PATIENCE = 120
_COMPILE_PATIENCE = 900
_LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a Mix project or directories of compiled modules, or else a Python interpreter or environment.

    `packages` are asked for whatever they hold; `compile` compiles the project into a directory that is thrown away.
    """

    mix_project: Path | None = None
    code_paths: Sequence[Path] = ()
    python: Path | None = None
    packages: Sequence[str] = ()
    compile: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """The contracts, by package, and what the user should know of how they came about."""

    contracts: tuple[Contract, ...]
    notes: tuple[str, ...] = ()


def pull(request: Request, schemas: Schemas) -> Pulled:
    """What the project and the environment offer. Raises Problems: they cannot be asked, or have nothing to say.

    The schemas say which packages matter whatever they hold, and which modules are stages whatever they look like.
    """
    with tempfile.TemporaryDirectory(prefix="gen-pull-") as name:
        scratch = Path(name)
        found: list[Contract] = []
        notes: list[str] = []
        if request.mix_project is not None or request.code_paths:
            contracts, said = _elixir(request, schemas, scratch)
            found += contracts
            notes += said
        if request.python is not None:
            contracts, said = _python(request, scratch)
            found += contracts
            notes += said
    return Pulled(tuple(sorted(found, key=lambda contract: (contract.package, contract.version))), tuple(notes))


# Elixir ---------------------------------------------------------------------------------------------------------------


def _elixir(request: Request, schemas: Schemas, scratch: Path) -> tuple[list[Contract], list[str]]:
    project = request.mix_project
    arguments: list[str] = []
    if project is not None:
        if not os.path.isfile(project / "mix.exs"):
            hint = "name the directory of a Mix project, or directories of compiled modules with --code-path"
            raise Problems([Problem(Place(shown(project)), "E0803", "there is no mix.exs here", hint=hint)])
        arguments += ["--mix", str(project.absolute())]
        if request.compile:
            arguments += ["--build", str(_compiled(project, scratch))]
    for path in request.code_paths:
        arguments += [word for found in _module_folders(path) for word in ("--path", str(found.absolute()))]
    described = {str(document["x-contract"]).partition("@")[0] for document in _documents(schemas, "x-contract")}
    for package in sorted({*described, *request.packages}):
        arguments += ["--package", package]
    for document in _documents(schemas, "x-stage"):
        arguments += ["--stage", str(document["x-stage"]["module"])]
    answer = _ask_elixir(arguments, scratch)
    notes = _check_project(project, answer) if project is not None and not request.compile else []
    for package in answer["packages"]:
        notes += [f"{package['package']}: {problem}" for problem in package["problems"]]
    contracts = [Contract(_elixir_data(package)) for package in answer["packages"] if _says_something(package)]
    found = {contract.package for contract in contracts}
    if missing := [package for package in request.packages if package not in found and package not in asked_packages()]:
        known = sorted(Path(folder).parent.name for folder in answer["dirs"])
        hint = did_you_mean(missing[0], known) or f"packages here: {', '.join(known)}"
        place = Place(shown(project or request.code_paths[0]))
        raise Problems([Problem(place, "E0807", f"there is no compiled package {name}", hint) for name in missing])
    if not contracts:
        place = Place(shown(project or request.code_paths[0]))
        hint = "a package gets a contract when it holds a stage or a schema describes it; name others with --package"
        raise Problems([Problem(place, "E0807", "no package here has a stage, and no schema describes one", hint=hint)])
    return contracts, notes


def _documents(schemas: Schemas, keyword: str) -> Iterator[Mapping[str, Any]]:
    for _, document in sorted(schemas.documents.items()):
        if keyword in document:
            yield document


def _module_folders(path: Path) -> list[Path]:
    """The directories of compiled modules that a path names: itself, an `ebin` in it, or those of a build."""
    for pattern in ("*.beam", "ebin/*.beam", "*/*.beam", "*/ebin/*.beam", "lib/*/ebin/*.beam"):
        found = sorted({file.parent for file in path.glob(pattern)})
        if found:
            return found
    hint = "name a directory of .beam files, such as _build/dev/lib/crucible_train/ebin, or a build directory"
    raise Problems([Problem(Place(shown(path)), "E0807", "no compiled modules are here", hint=hint)])


def _ask_elixir(arguments: Sequence[str], scratch: Path) -> dict[str, Any]:
    out = scratch / "answer.json"
    loads = [word for name in _LIBRARIES for word in ("-r", str(_SCRIPTS / f"{name}.exs"))]
    command = [_tool("elixir"), *loads, str(_SCRIPTS / "main.exs"), str(out), *arguments]
    done = _run(command, scratch, _PATIENCE, "E0804")
    if done.returncode or not os.path.isfile(out):
        hint = _last_lines(done.stderr or done.stdout)
        raise Problems([Problem(Place("elixir"), "E0804", f"elixir ended with exit code {done.returncode}", hint=hint)])
    answer: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return answer


def _check_project(project: Path, answer: Mapping[str, Any]) -> list[str]:
    """Notes about a project that was found compiled. Raises Problems where it was not."""
    place = Place(shown(project / "mix.exs"))
    compile_ = f"run mix compile in {shown(project)}, or add --compile"
    if answer["mix_error"] is not None and not answer["dirs"]:
        message = f"mix.exs cannot be evaluated: {one_line(answer['mix_error'])}"
        raise Problems([Problem(place, "E0804", message, hint="correct mix.exs, or name the modules with --code-path")])
    if answer["not_compiled"] or not answer["dirs"]:
        apps = ", ".join(sorted(answer["not_compiled"])) or "the project"
        where = shown(Path(answer["build"]))
        raise Problems([Problem(place, "E0803", f"{apps} is not compiled: it is not in {where}", hint=compile_)])
    notes = []
    if answer["mix_error"] is not None:
        notes.append(f"mix.exs cannot be evaluated ({one_line(answer['mix_error'])}); {answer['build']} was read")
    for app, path in sorted(answer["apps"].items()):
        if _is_stale(Path(path), Path(answer["build"]) / "lib" / app):
            notes.append(f"{app} has sources newer than its compiled modules: {compile_}")
    return notes


def _is_stale(source: Path, built: Path) -> bool:
    sources = [file.stat().st_mtime for file in (source / "lib").rglob("*.ex")]
    marks = [*built.glob("ebin/*"), *built.glob(".mix/*")]
    return bool(sources and marks) and max(sources) > max(mark.stat().st_mtime for mark in marks) + 1


def _compiled(project: Path, scratch: Path) -> Path:
    """The project compiled into a directory of ours. Raises Problems with what the compiler says where it does not."""
    build = scratch / "build"
    done = _run([_tool("mix"), "compile"], project, _COMPILE_PATIENCE, "E0805", MIX_BUILD_PATH=str(build))
    if done.returncode:
        hint = _last_lines(done.stdout + done.stderr)
        message = f"mix compile ended with exit code {done.returncode}"
        raise Problems([Problem(Place(shown(project / "mix.exs")), "E0805", message, hint=hint)])
    return build


def _says_something(package: Raw) -> bool:
    return any(package[kind] for kind in ("structs", "stages", "ports", "behaviours"))


def _elixir_data(package: Raw) -> dict[str, Any]:
    """What the scripts said of a package, as a contract holds it: without what says nothing."""
    data: dict[str, Any] = {"language": "elixir", "package": package["package"], "version": package["version"]}
    stages = {module: _stage(stage) for module, stage in package["stages"].items()}
    ports = {key: port | {"callbacks": _callbacks(port["callbacks"])} for key, port in package["ports"].items()}
    behaviours = {name: {"callbacks": _callbacks(found["callbacks"])} for name, found in package["behaviours"].items()}
    parts = {"structs": package["structs"], "stages": stages, "ports": ports, "behaviours": behaviours}
    return data | {kind: found for kind, found in parts.items() if found}


def _stage(stage: Raw) -> dict[str, Any]:
    empty: tuple[object, ...] = (None, {}, [])
    optional = ("options_struct", "options_read", "defaults", "takes", "escapes")
    return {key: value for key, value in stage.items() if key not in optional or value not in empty}


def _callbacks(callbacks: Sequence[Raw]) -> list[dict[str, Any]]:
    return [{key: value for key, value in callback.items() if key != "optional" or value} for callback in callbacks]


# Python ---------------------------------------------------------------------------------------------------------------


def _python(request: Request, scratch: Path) -> tuple[list[Contract], list[str]]:
    assert request.python is not None
    interpreter = _interpreter(request.python)
    wanted = {name: asked for name, asked in asked_packages().items() if name in (request.packages or asked_packages())}
    question, out = scratch / "question.json", scratch / "answer-of-python.json"
    question.write_text(dumps(wanted), "utf-8")
    # Python looks for modules beside the script first, and those beside ours have names that others use.
    script = Path(shutil.copy(Path(__file__).parent / "introspect.py", scratch))
    done = _run([str(interpreter), str(script), str(question), str(out)], scratch, _PATIENCE, "E0806")
    if done.returncode or not os.path.isfile(out):
        message = f"{shown(interpreter)} ended with exit code {done.returncode}"
        raise Problems([Problem(Place(shown(interpreter)), "E0806", message, hint=_last_lines(done.stderr))])
    answer = json.loads(out.read_text("utf-8"))
    if not answer["contracts"]:
        names = ", ".join(asked["distribution"] for asked in wanted.values())
        message = f"none of {names} is installed in this environment"
        hint = "name an interpreter or a virtual environment that has one: --python PATH"
        raise Problems([Problem(Place(shown(interpreter)), "E0807", message, hint=hint)])
    return [Contract(data) for data in answer["contracts"]], list(answer["notes"])


def _interpreter(path: Path) -> Path:
    """The interpreter that a path names: itself, or that of a virtual environment."""
    candidates = [path / "bin" / "python", path / "Scripts" / "python.exe"] if os.path.isdir(path) else [path]
    found = next((candidate for candidate in candidates if os.path.isfile(candidate)), None)
    if found is None:
        hint = "name an interpreter, or the directory of a virtual environment"
        raise Problems([Problem(Place(shown(path)), "E0806", "there is no Python interpreter here", hint=hint)])
    return found.absolute()


def this_python() -> Path:
    """The interpreter that runs us."""
    return Path(sys.executable)


# Processes ------------------------------------------------------------------------------------------------------------


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        hint = "install Elixir 1.14 or later (https://elixir-lang.org/install.html; on Debian: apt-get install elixir)"
        raise Problems([Problem(Place(name), "E0804", f"{name} is not on the path", hint=hint)])
    return found


def _run(
    command: Sequence[str], folder: Path, patience: int, code: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    # Hex must not look for updates, a crash must leave no dump, and a question must find nobody to answer it.
    environment = os.environ | {"HEX_OFFLINE": "1", "ERL_CRASH_DUMP": os.devnull, "LC_ALL": "C.UTF-8"} | variables
    try:
        return subprocess.run(  # noqa: S603 - the command is ours, its arguments are paths
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{Path(command[0]).name} gave no answer in {patience} seconds"
        raise Problems([Problem(Place(Path(command[0]).name), code, message)]) from None
    except OSError as error:
        message = f"{command[0]} cannot be run: {error.strerror}"
        raise Problems([Problem(Place(Path(command[0]).name), code, message)]) from None


def _last_lines(output: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    return " | ".join([line.strip() for line in plain.splitlines() if line.strip()][-_LAST_LINES:])

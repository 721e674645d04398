"""A question in, facts out: one Elixir and one Python process, in a directory that is thrown away.

Neither is given a network proxy of ours, a terminal or a Mix project: what is compiled is loaded from where it is, and
nothing is written there. Answers come back in files of ours, so that nothing that a package prints can end up in them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crucible_gen.conformance.verify import answer as answers
from crucible_gen.problems import Place, Problem, Problems
from crucible_gen.settings import shown

CODES = {
    "E0902": "Elixir is not on the path",
    "E0903": "the Mix project is not compiled",
    "E0904": "a package that the recipes need is not there",
    "E0905": "Elixir gave no answer",
    "E0906": "Python gave no answer",
}
"""What each code of this step means, in a line."""

_SCRIPTS = Path(__file__).parent / "elixir"
_PATIENCE = 600
_LAST_LINES = 12
_VERSION = re.compile(r'\{vsn,\s*"([^"]+)"\}')


def code_paths(project: Path | None, paths: Sequence[Path]) -> list[Path]:
    """The directories of compiled modules of a Mix project and of `paths`. Raises Problems where there are none."""
    found = list(_built(project)) if project is not None else []
    for path in paths:
        folders = _module_folders(path)
        if not folders:
            hint = (
                "name a directory of .beam files, such as _build/dev/lib/crucible_ir/ebin, or one of such directories"
            )
            raise Problems([Problem(Place(shown(path)), "E0903", "no compiled modules are here", hint=hint)])
        found += folders
    return [path.resolve() for path in dict.fromkeys(found)]


def _built(project: Path) -> Iterator[Path]:
    """A build of the project: that of MIX_ENV, else of dev; an app of an umbrella is built above it."""
    if not os.path.isfile(project / "mix.exs"):
        hint = "name the directory of a Mix project, or compiled modules with --code-path"
        raise Problems([Problem(Place(shown(project)), "E0903", "there is no mix.exs here", hint=hint)])
    env = os.environ.get("MIX_ENV") or "dev"
    builds = [project / "_build" / env, project / ".." / ".." / "_build" / env]
    if root := os.environ.get("MIX_BUILD_ROOT"):
        builds.insert(0, Path(root) / env)
    if path := os.environ.get("MIX_BUILD_PATH"):
        builds.insert(0, Path(path))
    for build in builds:
        if folders := sorted(build.glob("lib/*/ebin")):
            yield from folders
            return
    message = f"nothing is compiled in {shown(builds[0])}"
    hint = f"run mix deps.get and mix compile in {shown(project)}"
    raise Problems([Problem(Place(shown(project)), "E0903", message, hint=hint)])


def _module_folders(path: Path) -> list[Path]:
    for pattern in ("*.beam", "ebin/*.beam", "*/*.beam", "*/ebin/*.beam", "lib/*/ebin/*.beam"):
        if found := sorted({file.parent for file in path.glob(pattern)}):
            return found
    return []


def releases(paths: Sequence[Path]) -> dict[str, str]:
    """The versions of the packages in these directories, by name, as their `.app` files say."""
    found: dict[str, str] = {}
    for path in paths:
        for file in sorted(path.glob("*.app")):
            version = _VERSION.search(file.read_text("utf-8", "replace"))
            found.setdefault(file.stem, version[1] if version else "")
    return found


def has_elixir() -> bool:
    """Whether there is an Elixir to ask."""
    return shutil.which("elixir") is not None


def no_elixir() -> Problem:
    """What to install where there is none."""
    hint = "install Elixir 1.14 or later (https://elixir-lang.org/install.html; on Debian: apt-get install elixir)"
    return Problem(Place("elixir"), "E0902", "elixir is not on the path; the proofs in Elixir were not run", hint=hint)


def no_answer(code: int, output: str) -> Problem:
    """That Elixir ended with an exit code and this output, and no answer."""
    return Problem(Place("elixir"), "E0905", f"elixir ended with exit code {code}", hint=_last_lines(output))


def missing(modules: Sequence[str]) -> Problem:
    """That these modules are in none of the directories."""
    hint = "add the packages to the project's dependencies and compile it, or name their directories with --code-path"
    return Problem(Place("elixir"), "E0904", f"{', '.join(modules)} cannot be loaded", hint=hint)


def elixir(question: str, scratch: Path) -> dict[str, Any]:
    """What the packages answer. Raises Problems where they give none."""
    asked, answer = scratch / "question.exs", scratch / "answer.json"
    asked.write_text(question, "utf-8")
    folder = scratch / "run"  # what a stage writes to the working directory is thrown away with it
    folder.mkdir()
    command = [shutil.which("elixir") or "elixir", str(_SCRIPTS / "main.exs"), str(asked), str(answer)]
    done = _run(command, folder, "E0905")
    if not os.path.isfile(answer):
        raise Problems([no_answer(done.returncode, done.stderr or done.stdout)])
    try:
        facts = answers.elixir(answer.read_text("utf-8"))
    except ValueError as error:
        raise Problems([no_answer(done.returncode, str(error))]) from error
    if facts["missing"]:
        raise Problems([missing(facts["missing"])])
    return facts


def python(question: dict[str, Any], package: Path, interpreter: Path | None, scratch: Path) -> dict[str, Any]:
    """What the generated package, in the directory `package`, answers. Raises Problems where it gives nothing."""
    asked, answer = scratch / "question.json", scratch / "python.json"
    asked.write_text(json.dumps(question), "utf-8")
    # Python looks for modules beside the script first, and those beside ours have names that others use.
    script = Path(shutil.copy(Path(__file__).parent / "python_side.py", scratch))
    found = _interpreter(interpreter)
    path = os.pathsep.join([str(package), *_checkout(interpreter), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [str(found), str(script), str(asked), str(answer)]
    done = _run(command, scratch, "E0906", PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
    if done.returncode or not os.path.isfile(answer):
        hint = "install crucible-runtime there, or name an environment that has it with --python"
        if done.returncode != 3:
            hint = _last_lines(done.stderr or done.stdout)
        message = "crucible_runtime is not installed" if done.returncode == 3 else f"exit code {done.returncode}"
        raise Problems([Problem(Place(shown(found)), "E0906", message, hint=hint)])
    try:
        return answers.python(answer.read_text("utf-8"))
    except ValueError as error:
        message = "the answer is not what it should be"
        raise Problems([Problem(Place(shown(found)), "E0906", message, hint=_last_lines(str(error)))]) from error


def _interpreter(path: Path | None) -> Path:
    if path is None:
        return Path(sys.executable)
    candidates = [path / "bin" / "python", path / "Scripts" / "python.exe"] if os.path.isdir(path) else [path]
    found = next((candidate for candidate in candidates if os.path.isfile(candidate)), None)
    if found is None:
        hint = "name an interpreter, or the directory of a virtual environment"
        raise Problems([Problem(Place(shown(path)), "E0906", "there is no Python interpreter here", hint=hint)])
    return found.absolute()  # not resolved: a virtual environment is found by the path of its link


def _checkout(interpreter: Path | None) -> list[str]:
    """Where this interpreter has the runtime from: it may be no installed package, but a directory on its path."""
    spec = importlib.util.find_spec("crucible_runtime") if interpreter is None else None
    return [str(Path(spec.origin).parents[1])] if spec is not None and spec.origin else []


def _run(command: Sequence[str], folder: Path, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ERL_CRASH_DUMP": os.devnull, "LC_ALL": "C.UTF-8"} | variables
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
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"no answer in {_PATIENCE} seconds"
        raise Problems([Problem(Place(Path(command[0]).name), code, message)]) from None
    except OSError as error:
        message = f"{command[0]} cannot be run: {error.strerror}"
        raise Problems([Problem(Place(Path(command[0]).name), code, message)]) from None


def _last_lines(output: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    return " | ".join([line.strip() for line in plain.splitlines() if line.strip()][-_LAST_LINES:])

"""Hints to install an extra name what can be installed from where the runtime was installed (PEP 610)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

import crucible_runtime
from crucible_runtime.installation import distribution
from crucible_runtime.installation.distribution import install_command, upgrade_instruction

PACKAGE = Path(crucible_runtime.__file__).parent
PROJECT = PACKAGE.parent
REPOSITORY = PROJECT.parents[1]
SUBDIRECTORY = "runtime/python"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
Forge = Callable[..., None]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """Puts a distribution of the runtime, with a record of its origin, before the real one."""

    def forged(record: Any, *requirements: str) -> None:
        folder = tmp_path / "site" / "crucible_runtime-9.8.dist-info"
        folder.mkdir(parents=True)
        lines = ["Metadata-Version: 2.4", "Name: crucible-runtime", "Version: 9.8"]
        folder.joinpath("METADATA").write_text(
            "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requirements)])
        )
        if record is not None:
            text = record if isinstance(record, str) else json.dumps(record)
            folder.joinpath("direct_url.json").write_text(text)
        monkeypatch.syspath_prepend(folder.parent)

    return forged


def git(url: str, **more: str) -> dict[str, Any]:
    return {"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}, **more}


AT_COMMIT = f"@{COMMIT}#subdirectory=runtime/python"


@pytest.mark.parametrize(
    ("record", "command"),
    [
        (None, "'crucible-runtime[local,mlops]'"),
        (
            git("https://host/a.git", subdirectory="runtime/python"),
            f"'crucible-runtime[local,mlops] @ git+https://host/a.git{AT_COMMIT}'",
        ),
        (git("file:///no/a b"), f"'crucible-runtime[local,mlops] @ git+file://localhost/no/a%20b@{COMMIT}'"),
        (git("https://host/a%20b"), f"'crucible-runtime[local,mlops] @ git+https://host/a%20b@{COMMIT}'"),
        (git("https://host/a.git"), f"'crucible-runtime[local,mlops] @ git+https://host/a.git@{COMMIT}'"),
        (
            {"url": "https://host/a", "vcs_info": {"vcs": "hg", "requested_revision": "v1"}},
            "'crucible-runtime[local,mlops] @ hg+https://host/a@v1'",
        ),
        (
            {"url": "https://host/a.zip", "archive_info": {"hash": "sha256=00"}, "subdirectory": "x"},
            "'crucible-runtime[local,mlops] @ https://host/a.zip#subdirectory=x'",
        ),
        (
            {"url": "file:///no/a.zip", "archive_info": {}, "subdirectory": "x"},
            "'crucible-runtime[local,mlops] @ file:///no/a.zip#subdirectory=x'",
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_runtime_came(forge: Forge, record: Any, command: str) -> None:
    forge(record)
    assert install_command("local", "mlops") == f"pip install {command}"


@pytest.mark.parametrize(("editable", "option"), [(True, "-e "), (False, "")])
def test_a_path_is_decoded_and_quoted_for_the_shell(forge: Forge, tmp_path: Path, editable: bool, option: str) -> None:
    project = tmp_path / "it's a $path%"
    project.mkdir()
    forge({"url": project.as_uri(), "dir_info": {"editable": editable}})
    quoted = f"{project}[local]".replace("'", "'\"'\"'")
    assert install_command("local") == f"pip install {option}'{quoted}'"
    words = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {install_command('local')}"], capture_output=True, text=True, check=True
    )
    assert words.stdout.splitlines()[-1] == f"{project}[local]"


def test_a_wheel_on_disk_is_named_by_its_path(forge: Forge, tmp_path: Path) -> None:
    wheel = tmp_path / "crucible_runtime-9.8-py3-none-any.whl"
    wheel.touch()
    forge({"url": wheel.as_uri(), "archive_info": {}})
    assert install_command("local") == f"pip install '{wheel}[local]'"


@pytest.mark.parametrize("info", [{"dir_info": {}}, {"dir_info": {"editable": True}}, {"archive_info": {}}])
def test_where_the_source_is_gone_the_packages_are_named(forge: Forge, info: dict[str, Any]) -> None:
    forge(
        {"url": "file:///no/such/runtime", **info},
        'torch>=2,<3; extra == "local"',
        "math-verify[antlr4]<1,>=0.8; (python_version > '3') and extra == 'local'",
        "jinja2<4,>=3.1",
        "alembic<2; extra == 'mlops'",
    )
    assert install_command("local") == "pip install 'torch>=2,<3' 'math-verify[antlr4]<1,>=0.8'"
    assert install_command("mlops", "local").startswith("pip install 'alembic<2' 'torch")


@pytest.mark.parametrize("record", ["{", "[]", '"text"', "{}", '{"url": 3}', '{"url": "http://[", "archive_info": {}}'])
def test_a_record_that_cannot_be_read_is_as_none(forge: Forge, record: str) -> None:
    forge(record)
    assert install_command("eval") == "pip install 'crucible-runtime[eval]'"


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (git("https://planted:planted@host/a"), f"git+https://host/a@{COMMIT}"),
        (git("https://planted@host/a"), f"git+https://host/a@{COMMIT}"),
        (git("https://${planted}:${planted}@host/a"), f"git+https://host/a@{COMMIT}"),
        (git("ssh://git@host:22/a"), f"git+ssh://git@host:22/a@{COMMIT}"),
        (git("ssh://git:planted@host/a"), f"git+ssh://git@host/a@{COMMIT}"),
        ({"url": "https://host/a.whl?sig=planted#planted", "archive_info": {}}, "https://host/a.whl?***"),
    ],
)
def test_no_credentials_are_shown(forge: Forge, record: Any, shown: str) -> None:
    forge(record)
    assert install_command("local") == f"pip install 'crucible-runtime[local] @ {shown}'"
    assert "planted" not in upgrade_instruction()


def test_a_runtime_that_is_only_on_the_path_names_its_project(tmp_path: Path) -> None:
    lines = "print(d.install_command('local'), d.described(), sep='\\n')"
    code = f"from crucible_runtime.installation import distribution as d; {lines}"
    copy = tmp_path / "copy"
    shutil.copytree(PACKAGE, copy / "crucible_runtime")

    def said() -> list[str]:
        command = [sys.executable, "-S", "-c", code]
        return subprocess.run(
            command, env={"PYTHONPATH": str(copy)}, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.splitlines()

    assert said() == ["pip install 'crucible-runtime[local]'", f"crucible-runtime in {copy}"]
    copy.joinpath("pyproject.toml").touch()
    assert said()[0] == f"pip install -e '{copy}[local]'"


@pytest.mark.parametrize(
    ("record", "instruction"),
    [
        (None, "run: pip install --upgrade crucible-runtime"),
        (
            git("https://host/a.git", subdirectory="runtime/python"),
            "run: pip install --upgrade 'crucible-runtime @ git+https://host/a.git#subdirectory=runtime/python'",
        ),
        (
            {"url": "file:///a/runtime/python", "dir_info": {"editable": True}},
            "update the source in /a/runtime/python, then run: pip install -e /a/runtime/python",
        ),
        (
            {"url": "file:///a/runtime/python", "dir_info": {}},
            "update the source in /a/runtime/python, then run: pip install /a/runtime/python",
        ),
        (
            {"url": "https://host/a.whl", "archive_info": {}},
            "put the newer release in place of https://host/a.whl in: "
            "pip install --upgrade 'crucible-runtime @ https://host/a.whl'",
        ),
    ],
)
def test_an_upgrade_comes_from_where_the_runtime_came(forge: Forge, record: Any, instruction: str) -> None:
    forge(record)
    assert upgrade_instruction() == instruction


def test_without_a_distribution_there_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    assert re.fullmatch(r"crucible-runtime [0-9.]+", distribution.described())
    monkeypatch.setattr(distribution, "distribution", missing)
    assert distribution.described() == f"crucible-runtime in {PROJECT}"


def test_every_hint_of_the_runtime_is_made_in_one_place_and_names_an_extra() -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        named |= {*re.findall(r"""(?:install_command|needs)\(["'](\w+)["']""", text)}
        if path.name != "distribution.py":
            assert not re.search(r"pip install (?!--force-reinstall )[\"'-]|crucible-runtime\[", text), path
    assert named == {"local", "mlops", "serving", "tinker"}
    assert named <= set(extras)


# Hints that are followed to the letter


HATCH = """
[tool.hatch.metadata]
allow-direct-references = true

[tool.hatch.build]
dev-mode-dirs = ["."]
"""


class Environment:
    """A fresh environment with pip, which finds the dependencies of this Python and asks no index."""

    def __init__(self, directory: Path) -> None:
        venv.create(directory, with_pip=True)
        self.python = directory / "bin" / "python"
        self.variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
        self.variables["PATH"] = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        self.variables |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        packages = Path(self.said("-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
        (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def said(self, *arguments: str) -> str:
        return self._run([str(self.python), *arguments]).strip()

    def follow(self, command: str) -> None:
        self._run(["/bin/sh", "-c", command])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(command, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime and what it is built from in a repository, whose extra `local` is one small package beside it."""
    repository = tmp_path_factory.mktemp("a repository")
    small = repository / "small"
    small.mkdir()
    head = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    small.joinpath("pyproject.toml").write_text(f'{head}[project]\nname = "crucible-small"\nversion = "1"\n')
    small.joinpath("crucible_small.py").touch()
    small.joinpath("pyproject.toml").open("a").write('[tool.hatch.build.targets.wheel]\ninclude = ["*.py"]\n')
    runtime = repository / SUBDIRECTORY
    for part in (SUBDIRECTORY, "schemas/engines"):
        shutil.copytree(
            REPOSITORY / part, repository / part, ignore=shutil.ignore_patterns("tests", "__pycache__", ".*")
        )
    text = (PROJECT / "pyproject.toml").read_text()
    local = f'local = ["crucible-small @ {small.as_uri()}"]\n'
    text = re.sub(r"^local = \[.*?^\]\n", lambda _: local, text, count=1, flags=re.M | re.S)
    runtime.joinpath("pyproject.toml").write_text(f"{text}\n{HATCH}")
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    return runtime


ASK = """
from crucible_runtime.installation.packages import missing, needs
print(missing("engine x", needs("local", "crucible_small")(type("X", (), {}))))
"""
TABLE = "from crucible_runtime.engines.mapping import load; print(load('trl').engine)"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["path", "editable", "git"])
def test_a_hint_that_is_followed_to_the_letter_installs_the_extra(form: str, project: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    source = {
        "path": [str(project)],
        "editable": ["-e", str(project)],
        "git": [f"git+{project.parents[1].as_uri()}#subdirectory={SUBDIRECTORY}"],
    }
    environment.said("-m", "pip", "install", "--quiet", *source[form])
    sentence = environment.said("-c", ASK)
    lead, _, command = sentence.partition(": ")
    assert lead == "engine x needs packages that are not installed (crucible_small)"
    environment.follow(command)
    assert environment.said("-c", ASK) == ""
    assert environment.said("-c", TABLE) == "trl"


@pytest.mark.slow
@pytest.mark.parametrize("option", [[], ["-e"]])
def test_a_project_without_the_engine_tables_is_not_installed(option: list[str], project: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(project, alone)
    environment = Environment(tmp_path / "environment")
    with pytest.raises(AssertionError, match=r"build the project in a whole checkout of its repository"):
        environment.said("-m", "pip", "install", "--quiet", *option, str(alone))
    shutil.copytree(REPOSITORY / "schemas/engines", alone / "schemas/engines")
    environment.said("-m", "pip", "install", "--quiet", *option, str(alone))
    assert environment.said("-c", TABLE) == "trl"

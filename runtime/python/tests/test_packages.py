"""What an engine or a stage lacks is said before a run begins."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from crucible_runtime import plugins
from crucible_runtime.errors import AdapterMissingError, EngineMissingError
from crucible_runtime.installation.distribution import install_command
from crucible_runtime.installation.packages import environment, missing, needs
from crucible_runtime.interface.stages import RunConfig
from runtime_samples import sl_basic

REGISTER = "CrucibleModelRegistry.Stages.Register"


@needs("local", "json", "no_such_module", "nor_this")
class Engine:
    """An engine that lacks two modules."""

    def train(self, context: object, options: object) -> dict[str, object]:
        raise AssertionError("nothing is trained")


def test_what_is_missing_is_named_with_its_remedy() -> None:
    assert missing("engine x", Engine()) == (
        f"engine x needs packages that are not installed (no_such_module, nor_this): {install_command('local')}"
    )


def test_nothing_is_missing_where_nothing_is_needed() -> None:
    assert missing("engine x", object()) == ""
    assert missing("engine x", needs("local", "json", "os")(lambda: None)) == ""


def test_a_run_without_its_packages_makes_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngineMissingError, match=r"engine Engine needs .*no_such_module"):
        sl_basic.run(sl_basic.Config(engine=Engine()))
    assert not [*tmp_path.iterdir()]


def test_a_stage_of_the_caller_s_own_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    @needs("mlops", "no_such_module")
    def register(context: object, options: object) -> dict[str, object]:
        raise AssertionError("it never runs")

    class Trains:
        def train(self, context: object, options: object) -> dict[str, object]:
            return {}

    with pytest.raises(AdapterMissingError, match=rf"^{REGISTER} needs .*no_such_module.*\[mlops\]"):
        sl_basic.run(sl_basic.Config(engine=Trains(), adapters={REGISTER: register}))


def test_stages_after_training_are_asked_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crucible_runtime.installation.packages.find_spec", lambda name: None)
    experiment = sl_basic.build_experiment()
    *_, sentence = plugins.lacking_adapters(experiment, RunConfig())
    assert sentence.startswith(f"{REGISTER} needs packages that are not installed (") and "[mlops]" in sentence
    assert plugins.lacking_adapters(experiment, RunConfig(adapters={REGISTER: lambda context, options: {}})) == []


@needs("mlops", "no_such_module")
def lacking(context: object, options: object) -> dict[str, object]:
    raise AssertionError("it never runs")


class Trains:
    """An engine that lacks nothing."""

    def train(self, context: object, options: object) -> dict[str, object]:
        raise AssertionError("nothing is trained")


def test_a_run_with_a_stage_that_lacks_a_package_is_refused_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    point = EntryPoint(REGISTER, f"{__name__}:lacking", plugins.ADAPTERS)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == point.group else [])
    with pytest.raises(AdapterMissingError, match=rf"^{REGISTER} needs .*no_such_module"):
        sl_basic.run(sl_basic.Config(engine=Trains()))
    both = rf"^engine Engine needs .*no_such_module.*\n{REGISTER} needs .*no_such_module"
    with pytest.raises(EngineMissingError, match=both):
        sl_basic.run(sl_basic.Config(engine=Engine()))
    assert not [*tmp_path.iterdir()]


def test_the_environment_says_nothing_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "planted-secret")
    found = environment()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "planted-secret" not in str(found) and str(Path.home()) not in str(found)


def test_asking_imports_nothing() -> None:
    code = (
        "import sys; from crucible_runtime.installation.packages import missing, needs\n"
        "assert missing('x', needs('local', 'sqlite3')(object)) == ''\n"
    )
    code = code.replace("(object)", "(type('T', (), {}))") + "assert 'sqlite3' not in sys.modules\n"
    subprocess.run([sys.executable, "-c", code], check=True)

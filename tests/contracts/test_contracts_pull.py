"""Projects and environments that are asked: what they say is what is in them, and nothing in them changes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command import gen, project
from crucible_gen.conformance.contracts import checks, contract, extraction
from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.diagnostics import Problems
from crucible_gen.schemas import Schemas, shipped
from printed import printed

sys.path.insert(0, str(Path(__file__).parent))
import projects

Raw = dict[str, Any]
SCHEMAS = Schemas.load()
SHIPPED = {each.name: each for each in contract.folder(shipped("contracts"))}


def asked(*code_paths: Path, **request: Any) -> dict[str, Contract]:
    found = extraction.extract(extraction.PullRequest(code_paths=code_paths, **request), SCHEMAS)
    return {each.package: each for each in found.contracts}


def refused(**request: Any) -> list[tuple[str, str]]:
    with pytest.raises(Problems) as caught:
        extraction.extract(extraction.PullRequest(**request), SCHEMAS)
    return [(problem.code, problem.message) for problem in caught.value.problems]


@pytest.fixture(scope="session")
def pulled(packages: Path) -> dict[str, Contract]:
    return asked(packages)


@pytest.fixture(scope="session")
def pulled_umbrella(umbrella: Path) -> dict[str, Contract]:
    return asked(mix_project=umbrella)


# Packages that behave as the shipped ones -----------------------------------------------------------------------------


@pytest.mark.elixir
@pytest.mark.parametrize("module", SHIPPED["crucible_ir@0.3.0"].data["structs"])
def test_a_printed_struct_is_the_shipped_one(module: str, pulled: dict[str, Contract]) -> None:
    ours, theirs = (each.data["structs"][module] for each in (pulled["crucible_ir"], SHIPPED["crucible_ir@0.3.0"]))
    assert ours["enforce_keys"] == theirs["enforce_keys"]
    assert [(each["name"], each["default"]) for each in ours["fields"]] == [
        (each["name"], each["default"]) for each in theirs["fields"]
    ]


TRAINING = {
    "SupervisedTrain": ("supervised_train", ["epochs", "optimizer", "loss_fn", "metrics"], None),
    "RLTrain": ("rl_train", ["algorithm", "gamma", "epsilon", "episodes", "reward_fn"], "map"),
    "DPOTrain": ("dpo_train", ["beta", "epochs", "batch_size", "reference_model"], "map"),
    "Distillation": ("distillation", ["teacher_model", "student_model", "temperature", "alpha", "epochs"], "map"),
}


@pytest.mark.elixir
@pytest.mark.parametrize("name", TRAINING)
def test_a_training_stage_is_found_with_its_struct_and_the_keys_that_raise(
    name: str, pulled: dict[str, Contract]
) -> None:
    module = f"CrucibleTrain.Stages.{name}"
    ours, theirs = (each.data["stages"][module] for each in (pulled["crucible_train"], SHIPPED["crucible_train@0.3.0"]))
    stage_name, raising, takes = TRAINING[name]
    assert (ours["name"], ours["raises"], ours.get("takes")) == (stage_name, raising, takes)
    assert ours["unknown_keys"] == "raise"
    assert "options_read" not in ours
    struct = ours["options_struct"]
    assert struct["module"] == theirs["options_struct"]["module"]
    assert [(each["name"], each["default"]) for each in struct["fields"]] == [
        (each["name"], each["default"]) for each in theirs["options_struct"]["fields"]
    ]
    for key in ("behaviours", "describe", "name", "optional", "raises", "required", "unknown_keys"):
        assert ours[key] == theirs[key], key


@pytest.mark.elixir
def test_what_the_other_stages_read_is_found(pulled: dict[str, Contract]) -> None:
    register = pulled["crucible_model_registry"].data["stages"]["CrucibleModelRegistry.Stages.Register"]
    assert {name for name, read in register["options_read"].items() if read["required"]} == {
        "model_name",
        "recipe",
        "base_model",
    }
    assert set(register["options_read"]) == {*register["required"], *register["optional"]}
    assert (register["takes"], register["raises"], register["unknown_keys"]) == ("map", [], "ignored")
    deploy = pulled["crucible_deployment"].data["stages"]["CrucibleDeployment.Stages.Deploy"]
    assert {name: read["default"] for name, read in deploy["options_read"].items()} == {
        "target": ":vllm",
        "strategy": ":canary",
        "config": "%{}",
    }
    assert "takes" not in deploy
    triggers = pulled["crucible_feedback"].data["stages"]["CrucibleFeedback.Stages.CheckTriggers"]
    assert triggers["takes"] == "keyword"
    assert triggers["options_read"]["drift_threshold"] == {"default": "0.2", "required": False}
    assert not set(triggers["optional"]) & set(triggers["options_read"])
    export = pulled["crucible_feedback"].data["stages"]["CrucibleFeedback.Stages.ExportFeedback"]
    assert export["options_read"]["format"]["default"] == ":jsonl"
    assert "filters" not in export["options_read"]


@pytest.mark.elixir
def test_ports_are_found_with_their_callbacks(pulled: dict[str, Contract]) -> None:
    ports = pulled["crucible_train"].data["ports"]
    assert {key: port["behaviour"] for key, port in ports.items()} == {
        "training_client": "CrucibleTrain.Ports.TrainingClient",
        "llm_client": "CrucibleTrain.Ports.LLMClient",
    }
    callbacks = {(each["name"], each["arity"]): each for each in ports["training_client"]["callbacks"]}
    assert set(callbacks) == {("start_session", 2), ("optim_step", 3), ("describe_session", 2)}
    assert callbacks["describe_session", 2]["optional"]
    assert (
        callbacks["optim_step", 3]["spec"]
        == "optim_step(keyword(), session :: term(), learning_rate :: float()) :: term()"
    )
    assert ports["llm_client"]["default_adapter"] == "{CrucibleTrain.Adapters.Noop.LLMClient, [seed: 1]}"


@pytest.mark.elixir
def test_the_schemas_have_no_error_against_them(pulled: dict[str, Contract]) -> None:
    found = checks.check(SCHEMAS, {name: pulled[name] for name in ("crucible_ir", "crucible_train")}, {})
    assert [problem.code for problem in found if problem.severity == "error"] == []
    assert [problem.code for problem in found].count("E0822") == 4


@pytest.mark.elixir
def test_the_command_writes_and_says_so_and_changes_nothing_twice(packages: Path, tmp_path: Path) -> None:
    before = projects.tree(packages)
    args = ["contracts", "pull", "--code-path", str(packages), "--out", "here"]
    first = gen(args, project(tmp_path, {}))
    assert first.code == 0, first.both
    assert "wrote here/crucible_ir-0.3.0.json (23 structs)" in first.out
    written = projects.tree(tmp_path / "here")
    second = gen(args, tmp_path)
    assert second.out.count("unchanged: ") == len(written)
    third = printed("contracts_pull", gen([*args, "--format", "json"], tmp_path).out)
    kept = {"contract": "crucible_ir@0.3.0", "file": "here/crucible_ir-0.3.0.json", "kind": "keep"}
    assert kept in third["contracts"]
    assert len(third["contracts"]) == len(written)
    assert projects.tree(tmp_path / "here") == written
    assert projects.tree(packages) == before
    one = gen(
        ["contracts", "pull", "--code-path", str(packages / "crucible_ir" / "ebin"), "--out", "ir.json"], tmp_path
    )
    assert one.code == 0
    assert (tmp_path / "ir.json").read_bytes() == (tmp_path / "here/crucible_ir-0.3.0.json").read_bytes()
    assert gen([*args[:-1], "many.json"], tmp_path).code == 2
    contents = gen(["contracts", "pull", "--code-path", str(packages / "crucible_ir"), "--out", "-"], tmp_path)
    assert contents.out == (tmp_path / "ir.json").read_text("utf-8")


# A project that makes it hard -----------------------------------------------------------------------------------------


@pytest.mark.elixir
def test_an_umbrella_is_asked_without_a_change_and_without_its_application(umbrella: Path) -> None:
    before = projects.tree(umbrella)
    started = time.monotonic()
    found = asked(mix_project=umbrella)
    assert time.monotonic() - started < 20
    assert projects.tree(umbrella) == before
    assert {name: each.version for name, each in found.items()} == {"settings": "0.4.2", "shop": "1.2.3"}
    child = asked(mix_project=umbrella / "apps" / "shop")
    assert child["shop"].data == found["shop"].data


@pytest.mark.elixir
def test_options_two_modules_away_in_a_nested_struct_with_computed_defaults(
    pulled_umbrella: dict[str, Contract],
) -> None:
    stage = pulled_umbrella["shop"].data["stages"]["Shop.TwoModulesAway"]
    struct = stage["options_struct"]
    assert struct["module"] == "Settings.Deep.Deeper"
    assert struct["enforce_keys"] == ["size"]
    assert [(each["name"], each["default"]) for each in struct["fields"]] == [
        ("size", "nil"),
        ("levels", "[1, 4, 9]"),
        ("ratio", "0.125"),
        ("inner", "nil"),
        ("notes", '%{"a" => "A", "b" => "B"}'),
    ]
    types = {each["name"]: each["type"] for each in struct["fields"]}
    assert types["size"] == ":small | :large | {:custom, pos_integer()}"
    assert types["inner"] == "Settings.Deep.Other.t() | map() | nil"
    assert struct["types"] == {"level": "1..9"}
    assert (stage["raises"], stage["unknown_keys"]) == (["colour"], "raise")
    assert set(stage["options_read"]) == {"client"}, "what is taken out before is an option too"
    assert pulled_umbrella["settings"].data["structs"]["Settings.Deep.Deeper"]["fields"] == struct["fields"]


@pytest.mark.elixir
def test_a_stage_that_does_not_describe_itself(pulled_umbrella: dict[str, Contract]) -> None:
    stages = pulled_umbrella["shop"].data["stages"]
    silent = stages["Shop.Silent"]
    assert silent["describe"] == "missing"
    assert silent["options_read"] == {
        "first": {"default": None, "required": True},
        "second": {"default": None, "required": True},
        "third": {"default": "[:a, 1]", "required": False},
    }
    raising = stages["Shop.Raising"]
    assert raising["describe"] == "raises ArgumentError: no idea"
    assert raising["options_read"]["width"] == {"default": "3", "required": False}
    assert (raising["takes"], raising["unknown_keys"]) == ("keyword", "raise")
    hidden = stages["Shop.Hidden"]
    assert hidden["describe"] == "answers no map: :nothing"
    assert (hidden["escapes"], hidden["unknown_keys"]) == ([":erlang.send"], "unknown")


@pytest.mark.elixir
def test_what_a_package_prints_and_a_function_in_its_answer_harm_nobody(pulled_umbrella: dict[str, Contract]) -> None:
    printing = pulled_umbrella["shop"].data["stages"]["Shop.Printing"]
    assert (printing["name"], printing["description"], printing["optional"]) == ("printing", None, ["any"])
    assert printing["types"] == {"any": "#Function<Shop.Printing/1>"}
    assert (printing["options_struct"]["module"], printing["raises"]) == ("Settings.Deep.Other", ["any"])


@pytest.mark.elixir
def test_a_project_that_is_not_compiled_is_not_compiled_for_it(tmp_path: Path) -> None:
    root = project(tmp_path / "shop", {"mix.exs": MIX, "lib/shop.ex": STAGE})
    before = projects.tree(root)
    [(code, message)] = refused(mix_project=root)
    assert (code, message.partition(":")[0]) == ("E0803", "lonely is not compiled")
    assert projects.tree(root) == before
    found = extraction.extract(extraction.PullRequest(mix_project=root, compile=True), SCHEMAS)
    assert [each.name for each in found.contracts] == ["lonely@0.0.7"]
    assert projects.tree(root) == before


@pytest.mark.elixir
def test_a_project_that_does_not_compile_says_what_the_compiler_says(tmp_path: Path) -> None:
    root = project(
        tmp_path / "shop", {"mix.exs": MIX, "lib/shop.ex": STAGE + "defmodule Broken do\n  nonsense(1)\nend\n"}
    )
    before = projects.tree(root)
    with pytest.raises(Problems) as caught:
        extraction.extract(extraction.PullRequest(mix_project=root, compile=True), SCHEMAS)
    [problem] = caught.value.problems
    assert problem.code == "E0805"
    assert "nonsense/1" in problem.hint
    assert projects.tree(root) == before


@pytest.mark.elixir
def test_stale_modules_are_told_of(umbrella: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(umbrella, root)
    source = root / "apps/settings/lib/settings.ex"
    later = time.time() + 60
    os.utime(source, (later, later))
    ran = gen(["contracts", "pull", "--mix-project", str(root), "--out", "out"], project(tmp_path / "p", {}))
    assert ran.code == 0, ran.both
    assert "note: settings has sources newer than its compiled modules" in ran.err


@pytest.mark.elixir
def test_a_mix_file_that_raises_is_passed_over_where_modules_are_there(umbrella: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(umbrella, root)
    (root / "mix.exs").write_text('raise "no"\n')
    found = extraction.extract(extraction.PullRequest(mix_project=root), SCHEMAS)
    assert [each.package for each in found.contracts] == ["shop"]
    assert any("mix.exs cannot be evaluated" in note for note in found.notes)
    (root / "mix.exs").write_text('raise "no"\n')
    shutil.rmtree(root / "_build")
    [(code, message)] = refused(mix_project=root)
    assert code == "E0804"
    assert "RuntimeError: no" in message


MIX = """\
defmodule Lonely.MixProject do
  use Mix.Project
  def project, do: [app: :lonely, version: "0.0.7", deps: []]
end
"""
STAGE = """\
defmodule Lonely.Stage do
  def describe(_), do: %{name: :lonely, description: "One", required: [], optional: [], types: %{}}
  def run(context, options), do: {:ok, {context, options[:depth] || 1}}
end
"""


# Ways in which options can go -----------------------------------------------------------------------------------------


WAYS = {
    "struct(Options, options)": ("Options", "ignored", {}),
    "Map.merge(%Options{}, options)": ("Options", "ignored", {}),
    "options |> Enum.into(%{}) |> then(&struct!(Options, &1))": ("Options", "raise", {}),
    "Options.__struct__(options)": ("Options", "raise", {}),
    "struct!(Options, Map.take(options, [:a, :b]))": ("Options", "ignored", {"a": None, "b": None}),
    "struct!(Options, Map.drop(options, [:x]))": ("Options", "raise", {"x": None}),
    "struct!(module(), options)": ("Options", "raise", {}),
    "with {:ok, found} <- checked(options), do: struct!(Options, found)": ("Options", "raise", {}),
    "Task.async(fn -> struct!(Options, options) end)": ("Options", "raise", {}),
    "for {key, value} <- options, into: %{}, do: {key, value}": (None, "ignored", {}),
    "%Options{a: options[:a], b: options[:b] || 4}": (None, "ignored", {"a": None, "b": "4"}),
    "Map.get(options, :a, :none)": (None, "ignored", {"a": ":none"}),
    "case options do %{a: a} -> a; _ -> nil end": (None, "ignored", {"a": None}),
    "Keyword.validate!(options, a: 1, b: nil)": (None, "raise", {"a": "1", "b": None}),
    "Enum.reduce(options, %Options{}, fn {k, v}, o -> Map.put(o, k, v) end)": ("Options", "ignored", {}),
    "elem(Keyword.pop(options, :a, 2), 1)[:b]": (None, "ignored", {"a": "2"}),
    "key(options, :a)": (None, "ignored", {"a": None}),
    "Agent.update(context, fn _ -> options end)": (None, "unknown", {}),
    "Process.put(:options, options)": (None, "unknown", {}),
    "context.module.run(options)": (None, "unknown", {}),
    "apply(Options, :new, [options])": ("Options", "raise", {}),
    "if context, do: struct!(Options, options), else: options[:b]": ("Options", "raise", {"b": None}),
    "loop(options, 3)": (None, "ignored", {"depth": None}),
}


@pytest.fixture(scope="session")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Raw]:
    """A stage for each way, all compiled and asked at once."""
    folder = tmp_path_factory.mktemp("ways")
    parts = ["defmodule Options do\n  defstruct a: 1, b: 2\n  def new(all), do: struct!(__MODULE__, all)\nend\n"]
    for number, body in enumerate(WAYS):
        parts.append(
            f"defmodule Way{number} do\n"
            "  @compile {:no_warn_undefined, Options}\n"
            "  def describe(_) do\n"
            "    %{name: :way, description: nil, required: [], optional: [:a, :nowhere], types: %{}}\n"
            "  end\n"
            f"  def run(context, options) do\n    _ = context\n    {body}\n  end\n"
            "  def module, do: Options\n"
            "  def checked(options), do: {:ok, Map.put(options, :a, 1)}\n"
            "  def key(options, key), do: Map.get(options, key)\n"
            "  def loop(options, 0), do: options[:depth]\n"
            "  def loop(options, count), do: loop(options, count - 1)\n"
            "end\n"
        )
    (folder / "ways.ex").write_text("\n".join(parts))
    projects.compile_modules([folder / "ways.ex"], folder / "ebin")
    return asked(folder / "ebin", packages=())[folder.name].data["stages"]


@pytest.mark.elixir
@pytest.mark.parametrize("number", range(len(WAYS)), ids=list(WAYS))
def test_a_way_in_which_options_go(number: int, ways: dict[str, Raw]) -> None:
    struct, unknown, reads = list(WAYS.values())[number]
    stage = ways[f"Way{number}"]
    assert (stage.get("options_struct") or {}).get("module") == struct
    assert stage["unknown_keys"] == unknown, stage
    assert {name: read["default"] for name, read in stage.get("options_read", {}).items()} == reads
    assert stage["raises"] == (["nowhere"] if unknown == "raise" else [])


# What cannot be asked ------------------------------------------------------------------------------------------------


def test_without_elixir_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "A.beam").write_bytes(b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problems) as caught:
        asked(tmp_path)
    [problem] = caught.value.problems
    assert (problem.code, problem.message) == ("E0804", "elixir is not on the path")
    assert "install Elixir" in problem.hint


def test_directories_without_anything(tmp_path: Path) -> None:
    assert refused(code_paths=(tmp_path,)) == [("E0807", "no compiled modules are here")]
    assert refused(mix_project=tmp_path) == [("E0803", "there is no mix.exs here")]
    assert refused(python=tmp_path)[0][0] == "E0806"


@pytest.mark.elixir
def test_files_that_are_no_modules_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "A.beam").write_bytes(b"not a module")
    [(code, message)] = refused(code_paths=(tmp_path,))
    assert code == "E0807"
    assert message == "no package here has a stage, and no schema describes one"


@pytest.mark.elixir
def test_a_package_that_is_not_there(packages: Path) -> None:
    [(code, message)] = refused(code_paths=(packages,), packages=("crucible_trian",))
    assert (code, message) == ("E0807", "there is no compiled package crucible_trian")


def test_usage(tmp_path: Path) -> None:
    assert gen(["contracts", "pull"], project(tmp_path, {})).code == 2
    assert gen(["contracts", "pull", "--mix-project", "nowhere"], tmp_path).code == 2


# Python --------------------------------------------------------------------------------------------------------------


def site(root: Path, config: str) -> Path:
    """A virtual environment of a kind, with a package tinker_cookbook in it."""
    packages = root / "site"
    files = {
        "tinker_cookbook-9.9.9.dist-info/METADATA": "Metadata-Version: 2.1\nName: tinker-cookbook\nVersion: 9.9.9\n",
        "tinker_cookbook/__init__.py": "",
        "tinker_cookbook/supervised/__init__.py": "",
        "tinker_cookbook/supervised/train.py": config,
        "tinker_cookbook/rl/__init__.py": "",
        "tinker_cookbook/rl/train.py": "import nowhere\n" + STATIC,
    }
    for name, text in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    interpreter = root / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec {sys.executable} -B "$@"\n')
    interpreter.chmod(0o755)
    return root


CONFIG = """\
from __future__ import annotations
import os
from dataclasses import dataclass, field
from pathlib import Path

print("this goes nowhere")

@dataclass
class Config:
    log_path: str
    learning_rate: float = 1e-4
    places: list[str] = field(default_factory=list)
    home: str = os.path.expanduser("~/runs")
    reduce: object = sum

async def main(config: Config, dry: bool = False) -> None: ...
"""
STATIC = """\
from tinker_cookbook.supervised.train import Config as Above

class Config(Above):
    max_tokens: int
    temperature: float = 1.0
    extra: dict = field(default_factory=dict)

def main(config, *, steps=3): ...
"""


def test_python_is_asked_in_its_own_environment_and_read_where_it_cannot_be_imported(tmp_path: Path) -> None:
    environment = site(tmp_path / "venv", CONFIG)
    before = projects.tree(environment)
    ran = gen(["contracts", "pull", "--python", "venv", "--out", "out.json"], project(tmp_path, {}))
    assert ran.code == 0, ran.both
    assert projects.tree(environment) == before
    data = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (data["package"], data["version"]) == ("tinker_cookbook", "9.9.9")
    assert data["classes"]["supervised.train.Config"]["fields"] == [
        {"name": "log_path", "required": True, "type": "str"},
        {"default": "0.0001", "name": "learning_rate", "type": "float"},
        {"default_factory": "list", "name": "places", "type": "list[str]"},
        {"default": "'~/runs'", "name": "home", "type": "str"},
        {"default": "builtins.sum", "name": "reduce", "type": "object"},
    ]
    fields = {each["name"]: each for each in data["classes"]["rl.train.Config"]["fields"]}
    assert list(fields) == [
        "log_path",
        "learning_rate",
        "places",
        "home",
        "reduce",
        "max_tokens",
        "temperature",
        "extra",
    ]
    assert fields["max_tokens"] == {"name": "max_tokens", "required": True, "type": "int"}
    assert fields["temperature"]["default"] == "1.0"
    assert data["entry_points"]["supervised.train.main"]["kind"] == "async function"
    assert data["entry_points"]["rl.train.main"]["parameters"][1] == {"default": "3", "name": "steps"}
    note = "tinker_cookbook.rl.train.Config was read, not imported: ModuleNotFoundError: No module named 'nowhere'"
    assert f"note: {note}" in ran.err
    args = ["contracts", "pull", "--python", "venv", "--out", "new.json", "--format", "json"]
    report = printed("contracts_pull", gen(args, tmp_path).out)
    assert report["contracts"] == [{"contract": "tinker_cookbook@9.9.9", "file": "new.json", "kind": "create"}]
    assert note in report["notes"]


def test_an_environment_without_the_packages_says_so(tmp_path: Path) -> None:
    environment = site(tmp_path / "venv", CONFIG)
    shutil.rmtree(environment / "site")
    ran = gen(
        ["contracts", "pull", "--python", "venv/bin/python", "--package", "tinker_cookbook"], project(tmp_path, {})
    )
    assert ran.code == 1
    assert "error[E0807]: none of tinker-cookbook is installed in this environment" in ran.err

"""What commands print with `--format json` is what `gen schema output` says, and costs other runs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from command import MINIMAL, gen, project
from crucible_gen.cli.app import gen as program
from crucible_gen.conformance.verify.output import verify_output
from crucible_gen.conformance.verify.report import DefectStatus, Proof, Report, Row
from crucible_gen.diagnostics import Place, Problem
from crucible_gen.diagnostics.output import OutputModel, ProblemsOutput, RelatedPlace, problem_outputs
from crucible_gen.schemas import shipped
from jsonschema import Draft202012Validator
from printed import output_schema, printed, validator
from pydantic import ValidationError
from whole import environment, small

ERRORS = Path(__file__).parents[1] / "golden" / "errors"
GOLDENS = [path for path in sorted(ERRORS.glob("*/expected.txt")) if path.read_text("utf-8").startswith("{")]
JSON = ("--format", "json")
PROBLEM = Problem(Place("ä.yaml", 1, 2), "E0405", "m", "h", "a", (("first", Place("b", 3, 4)),))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return project(tmp_path, {"recipes/a.yaml": f"id: a\n{MINIMAL}"})


# The schema -----------------------------------------------------------------------------------------------------------


def test_the_schema_is_a_json_schema_and_the_same_in_every_process() -> None:
    Draft202012Validator.check_schema(output_schema())
    assert output_schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    command = [sys.executable, "-m", "crucible_gen", "schema", "output"]
    texts = {
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert json.loads(texts.pop()) == output_schema()


def test_every_command_that_prints_json_is_named_in_it() -> None:
    def names(group: click.Group, above: str = "") -> Iterator[str]:
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                yield from names(command, f"{above}{name}_")
            formats = [each.type for each in command.params if each.name == "format_"]
            if any(isinstance(each, click.Choice) and "json" in each.choices for each in formats):
                yield f"{above}{name}"

    commands = {each["$ref"].removeprefix("#/$defs/") for each in output_schema()["anyOf"]}
    assert commands == {*names(program), "check", "problems"}
    assert {name for name in output_schema()["$defs"] if name.islower()} == commands


@pytest.mark.parametrize("name", output_schema()["$defs"])
def test_every_field_is_required_and_described_and_there_are_no_others(name: str) -> None:
    model = output_schema()["$defs"][name]
    assert model["title"] and model["description"].endswith(".")
    assert model["additionalProperties"] is False
    assert model["required"] == list(model["properties"])
    for field, schema in model["properties"].items():
        assert schema["title"], field
        assert schema["description"].endswith("."), field


def test_settings_are_those_of_their_schema() -> None:
    known = json.loads((shipped("schemas") / "settings.schema.json").read_text("utf-8"))["properties"]
    fields = output_schema()["$defs"]["settings"]["properties"]
    assert {name: each["description"] for name, each in fields.items()} == {
        name: each["description"] for name, each in known.items()
    }


# What is printed ------------------------------------------------------------------------------------------------------


def with_release(root: Path) -> Path:
    """A project with a later release of a package, in which a default has changed."""
    data = json.loads((shipped("contracts") / "crucible_ir-0.3.0.json").read_text("utf-8"))
    data["version"] = "0.4.0"
    fields = data["structs"]["CrucibleIR.Training.Config"]["fields"]
    next(field for field in fields if field["name"] == "epochs")["default"] = "2"
    files = {"gen.yaml": "recipes: [recipes]\n", "contracts/crucible_ir-0.4.0.json": json.dumps(data)}
    return project(root, files)


def before(root: Path) -> None:
    assert gen(["-q", "recipes"], root).code == 0


def edited(root: Path) -> None:
    """A missing file, a changed one, a left-over one, and a directory in the way."""
    project(root, {"recipes/b.yaml": f"id: b\n{MINIMAL}", "recipes/c.yaml": f"id: c\n{MINIMAL}"})
    before(root)
    (root / "generated/ir/a.json").unlink()
    (root / "generated/ir/a.json").mkdir()
    (root / "recipes/b.yaml").unlink()
    project(root, {"recipes/c.yaml": f"id: c\ndescription: other\n{MINIMAL}", "recipes/d.yaml": f"id: d\n{MINIMAL}"})


def broken(root: Path) -> None:
    project(root, {"recipes/A.yaml": f"id: a\nepoch: 1\n{MINIMAL}"})


RUNS: dict[str, tuple[str, Callable[[Path], object], list[str]]] = {
    "generate": ("generate", lambda root: None, ["recipes", *JSON]),
    "check": ("check", before, ["--check", "recipes", *JSON]),
    "check, differences": ("check", edited, ["--check", "recipes", *JSON]),
    "problems": ("problems", broken, ["recipes", *JSON]),
    "problems of check": ("problems", broken, ["--check", "recipes", *JSON]),
    "problems of a command": ("problems", broken, ["contracts", "check", "--against", "x@1.0.0", *JSON]),
    "settings": ("settings", lambda root: None, ["settings", *JSON]),
    "settings of a file": ("settings", with_release, ["settings", "recipes", *JSON]),
    "contracts check": ("contracts_check", lambda root: None, ["contracts", "check", *JSON]),
    "contracts check, differences": (
        "contracts_check",
        with_release,
        ["contracts", "check", "--against", "crucible_ir@0.4.0", *JSON],
    ),
    "contracts diff": (
        "contracts_diff",
        with_release,
        ["contracts", "diff", "crucible_ir@0.3.0", "crucible_ir@0.4.0", *JSON],
    ),
}
"""Name to what is printed, what is done before, and the arguments. tests/contracts and tests/verify have the others."""


@pytest.mark.parametrize("name", RUNS)
def test_what_is_printed_is_what_the_schema_says(name: str, here: Path) -> None:
    command, prepare, args = RUNS[name]
    prepare(here)
    ran = gen(args, here)
    assert ran.err == ""
    found = printed(command, ran.out)
    assert ran.out == json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if "differences" in name or "problems" in name:
        assert found["problems"]
    if name == "check, differences":
        assert {each["kind"] for each in found["differ"]} == {"missing", "changed", "left over"}
    if name == "contracts diff":
        assert found["changes"] and found["recipes"] and found["files"]


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: path.parent.name)
def test_goldens_of_json_are_what_the_schema_says(golden: Path) -> None:
    is_check = "--check" in (golden.parent / "command").read_text("utf-8")
    printed("check" if is_check else "problems", golden.read_text("utf-8").rpartition("exit ")[0])


def test_there_are_goldens_of_json() -> None:
    assert {path.parent.name for path in GOLDENS} >= {"check_json", "format_json"}


def test_text_that_is_no_unicode_is_printed_with_escapes() -> None:
    """A file may have such a name."""
    problems = [PROBLEM._replace(place=Place("a\udcff.yaml"), see=(("b\udcff", Place("\udcff")),))]
    text = ProblemsOutput(problems=problem_outputs(problems)).text()
    assert r'"file": "a\udcff.yaml"' in text and r'"message": "b\udcff"' in text


# What is not what the schema says -------------------------------------------------------------------------------------


def report() -> Any:
    """The output of a verification that has everything."""
    rows = (Row("a", "a.yaml", {"json": Proof("known", ("d",), "D0001"), "valid": Proof("ok")}),)
    defects = (DefectStatus("D0001", "t", "p 1.0.0", "shown", ("a",), ("b",)),)
    full = Report(rows, ("json", "valid"), defects, packages={"p": "1.0.0"})
    return verify_output(full, [PROBLEM]).model_dump(by_alias=True)


def samples(root: Path) -> Iterator[tuple[str, Any]]:
    """An output of every kind, with something in each of its lists."""
    yield "verify", report()
    yield "generate", {"summary": "s", "problems": [json.loads(json.dumps(report()["problems"][0]))]}
    yield "contracts_pull", {"contracts": [{"contract": "a@1.0.0", "file": "f", "kind": "keep"}], "notes": ["n"]}
    wanted = ("check, differences", "problems", "settings", "contracts check, differences", "contracts diff")
    for name in wanted:
        command, prepare, args = RUNS[name]
        folder = project(root / command, {"recipes/a.yaml": f"id: a\n{MINIMAL}"})
        prepare(folder)
        yield command, json.loads(gen(args, folder).out)


def objects(value: Any, maps: tuple[str, ...] = ("proofs", "packages", "value")) -> Iterator[dict[str, Any]]:
    """Every object in a value that has fields; `maps` have any names."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    if isinstance(value, dict):
        yield value
        for name, item in value.items():
            inner = list(item.values()) if name in maps and isinstance(item, dict) else item
            yield from objects(inner if name != "value" else None)


def test_no_field_may_be_missing_renamed_or_more(tmp_path: Path) -> None:
    seen = set()
    for command, value in samples(tmp_path):
        seen.add(command)
        is_valid = validator(command).is_valid
        assert is_valid(value), command
        for each in objects(value):
            each["unknown"] = 1
            assert not is_valid(value), f"{command}: a field more in {sorted(each)}"
            del each["unknown"]
            for name in list(each):
                taken = each.pop(name)
                assert not is_valid(value), f"{command}: without {name}"
                each[f"{name}_"] = taken
                assert not is_valid(value), f"{command}: {name} renamed"
                del each[f"{name}_"]
                each[name] = taken
        assert is_valid(value), command
    assert seen == {each["$ref"].removeprefix("#/$defs/") for each in output_schema()["anyOf"]}


def models(base: type[OutputModel]) -> Iterator[type[OutputModel]]:
    for model in base.__subclasses__():
        yield model
        yield from models(model)


def test_the_models_refuse_it_too() -> None:
    assert len(output_schema()["$defs"]) <= len({*models(OutputModel)})
    for model in models(OutputModel):
        assert model.model_config["extra"] == "forbid"
        assert all(field.is_required() for field in model.model_fields.values()), model
    place = {"message": "m", "file": "f", "line": 1, "column": 1}
    assert RelatedPlace.model_validate(place).model_dump() == place
    for wrong in ({**place, "more": 1}, {"message": "m", "file": "f", "line": 1}, {**place, "line": -1}):
        with pytest.raises(ValidationError):
            RelatedPlace.model_validate(wrong)


# What it costs others -------------------------------------------------------------------------------------------------


def imported(args: list[str], root: Path, cache: Path) -> set[str]:
    """The modules that `gen` has imported at the end of a run."""
    script = (
        "import os, sys; sys.argv[0] = 'gen'; end = lambda code: (print(*sys.modules, file=sys.stderr), sys.exit(code))\n"
        "os._exit = end\nfrom crucible_gen.__main__ import main\ntry: main()\nexcept SystemExit: end(0)\n"
    )
    command = [sys.executable, "-c", script, *args]
    ran = subprocess.run(command, cwd=root, env=environment(cache), capture_output=True, text=True, check=True)
    return set(ran.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "args",
    [
        ["recipes"],
        ["--check", "recipes"],
        ["--check", "--format", "github", "recipes"],
        ["--diff", "recipes"],
        ["wrong"],
        ["settings"],
        ["schema", "recipe"],
        ["contracts", "check"],
    ],
    ids=" ".join,
)
def test_pydantic_is_not_imported_where_no_json_is_printed(args: list[str], tmp_path: Path) -> None:
    root = project(small(tmp_path / "p"), {"wrong/a.yaml": "id: [\n"})
    assert "pydantic" not in imported(args, root, tmp_path / "cache")


@pytest.mark.parametrize("args", [["recipes", *JSON], ["schema", "output"]], ids=" ".join)
def test_pydantic_is_imported_where_it_is(args: list[str], tmp_path: Path) -> None:
    assert "pydantic" in imported(args, small(tmp_path / "p"), tmp_path / "cache")

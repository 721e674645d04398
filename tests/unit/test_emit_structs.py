"""The runtime's structs: what the emitter writes, and the same as the contract of crucible_ir."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from dataclasses import MISSING, FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import black
import pytest
from crucible_gen.languages.elixir import structs as elixir_structs
from crucible_gen.languages.python import reader, rules
from crucible_gen.languages.python import structs as python_structs
from crucible_runtime import ir
from crucible_runtime.experiment.canonical import plain

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
RUNTIME = ROOT / "runtime" / "python" / "crucible_runtime"
CONTRACT: dict[str, Any] = json.loads((ROOT / "contracts" / "crucible_ir-0.3.0.json").read_text("utf-8"))["structs"]
BY_ELIXIR = {
    schema["x-elixir-struct"]: schema["x-python-class"]
    for schema in (json.loads(path.read_text("utf-8")) for path in (SCHEMAS / "ir").glob("*.json"))
}


def from_elixir(text: str) -> Any:
    """A default in Elixir source to what it is in JSON."""
    if struct := re.fullmatch(r"%(CrucibleIR[\w.]+)\{.*\}", text, re.S):
        return plain(ir.STRUCTS[BY_ELIXIR[struct[1]]]())
    text = re.sub(r":(\w+)", r'"\1"', text.replace("%{}", "{}"))
    return ast.literal_eval({"nil": "None", "true": "True", "false": "False"}.get(text, text))


def test_the_committed_structs_are_what_the_emitter_writes() -> None:
    assert (RUNTIME / "ir.py").read_text("utf-8") == python_structs.text(SCHEMAS), (
        "run: gen structs python > runtime/python/crucible_runtime/ir.py"
    )


def test_the_committed_rules_are_what_the_emitter_writes() -> None:
    assert (RUNTIME / "rules.json").read_text("utf-8") == rules.rules(SCHEMAS), (
        "run: python -m crucible_gen.languages.python.rules > runtime/python/crucible_runtime/rules.json"
    )


def test_the_runtime_reads_documents_as_the_generator_does() -> None:
    copies = dict(reader.files())
    for name, text in copies.items():
        assert (RUNTIME / "documents" / name).read_text("utf-8") == text, (
            "run: python -m crucible_gen.languages.python.reader runtime/python/crucible_runtime/documents"
        )
    assert {path.name for path in (RUNTIME / "documents").glob("*.py")} == {"__init__.py", *copies}


@pytest.mark.parametrize("module", CONTRACT)
def test_a_struct_has_the_fields_of_the_contract(module: str) -> None:
    contract, class_ = CONTRACT[module], ir.STRUCTS[BY_ELIXIR[module]]
    assert [field.name for field in fields(class_)] == [field["name"] for field in contract["fields"]]
    enforced = [f.name for f in fields(class_) if f.default is MISSING and f.default_factory is MISSING]
    assert enforced == contract["enforce_keys"]
    made = class_(**dict.fromkeys(enforced))
    for field in contract["fields"]:
        if field["name"] not in enforced:
            assert plain(getattr(made, field["name"])) == from_elixir(field["default"]), field["name"]


def test_every_struct_is_there_frozen_and_documented() -> None:
    assert len(ir.STRUCTS) == len(CONTRACT) == 23
    reference = ir.BackendRef(id="tinker")
    with pytest.raises(FrozenInstanceError):
        reference.id = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        ir.BackendRef("tinker")  # type: ignore[call-arg]
    body = ast.parse((RUNTIME / "ir.py").read_text("utf-8")).body
    for class_ in (node for node in body if isinstance(node, ast.ClassDef)):
        assert ast.get_docstring(class_)
        documented = [
            type(after)
            for after, before in zip(class_.body[1:], class_.body, strict=False)
            if isinstance(before, ast.AnnAssign)
        ]
        assert all(kind is ast.Expr for kind in documented)


def test_module_fields_are_known() -> None:
    assert dict(ir.MODULE_FIELDS) == {"StageDef": frozenset({"module"})}


def schemas_with(tmp_path: Path, **properties: Any) -> Path:
    (tmp_path / "ir").mkdir()
    schema = {
        "x-elixir-struct": "Acme.Thing",
        "x-python-class": "Thing",
        "x-enforce": ["name"],
        "description": 'A thing, "quoted" and \\ escaped.',
        "type": "object",
        "properties": {"name": {"description": "Its name.", "type": "string"}, **properties},
    }
    (tmp_path / "ir" / "thing.schema.json").write_text(json.dumps(schema))
    return tmp_path


def test_a_new_field_is_one_line_in_a_schema(tmp_path: Path) -> None:
    directory = schemas_with(
        tmp_path,
        warmth={"description": "W. " * 60, "type": "number", "x-elixir-type": "float", "default": 1},
        twin={"description": "T.", "anyOf": [{"$ref": "thing.schema.json"}, {"type": "null"}]},
        tags={
            "description": "G.",
            "type": "array",
            "items": {"type": "string", "x-elixir-type": "atom"},
            "default": ["a_rather_long_tag", "another_rather_long_tag", "x y"],
        },
    )
    text = python_structs.text(directory)
    namespace: dict[str, Any] = {"__name__": "crucible_runtime.ir"}
    exec(compile(text, "ir.py", "exec"), namespace)
    thing = namespace["Thing"](name="a")
    assert (thing.warmth, thing.twin, thing.tags) == (
        1.0,
        None,
        ["a_rather_long_tag", "another_rather_long_tag", "x y"],
    )
    assert isinstance(thing.warmth, float)
    assert "    twin: Thing | None = None\n" in text
    assert black.format_str(text, mode=black.Mode()) == text
    elixir = elixir_structs.text(directory)
    assert '            tags: [:a_rather_long_tag, :another_rather_long_tag, :"x y"]' in elixir
    assert "          twin: Acme.Thing.t() | nil,\n" in elixir
    assert "warmth: 1.0," in elixir


def test_a_keyword_that_nobody_checks_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ir").mkdir()
    schema = {
        "x-elixir-struct": "CrucibleIR.Training.Config",
        "x-python-class": "TrainingConfig",
        "properties": {"epochs": {"type": "integer", "multipleOf": 2}},
    }
    (tmp_path / "ir" / "training_config.schema.json").write_text(json.dumps(schema))
    (tmp_path / "recipe.schema.json").write_text("{}")
    with pytest.raises(ValueError, match="multipleOf"):
        rules.rules(tmp_path)


@pytest.mark.elixir
def test_the_stand_ins_compile_and_are_formatted(tmp_path: Path) -> None:
    elixir = shutil.which("elixir")
    assert elixir, "this test needs Elixir"
    source = tmp_path / "ir.ex"
    source.write_text(elixir_structs.text(SCHEMAS))
    program = tmp_path / "check.exs"
    program.write_text("""
    [path] = System.argv()
    text = File.read!(path)
    ^text = IO.iodata_to_binary([Code.format_string!(text), "\\n"])
    Code.compiler_options(warnings_as_errors: true)
    for {module, _} <- Code.compile_file(path) do
      keys = module.__info__(:struct) |> Enum.map(&to_string(&1.field)) |> Enum.join(" ")
      IO.puts("#{inspect(module)} #{keys}")
    end
    """)
    run = subprocess.run([elixir, str(program), str(source)], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    found = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    assert found == {
        module: " ".join(field["name"] for field in contract["fields"]) for module, contract in CONTRACT.items()
    }

"""Schemas against contracts: what is the same is not reported, and each kind of change that is planted is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import gen, project
from crucible_gen.conformance.contracts import checks, contract, elixir_types, elixir_values
from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.diagnostics import Problem, Problems
from crucible_gen.schemas import Schemas, shipped
from printed import printed

Raw = dict[str, Any]
SCHEMAS = Schemas.load()
SHIPPED = {each.name: each for each in contract.folder(shipped("contracts"))}
TRAINING = "CrucibleIR.Training.Config"
SUPERVISED = "CrucibleTrain.Stages.SupervisedTrain"
REGISTER = "CrucibleModelRegistry.Stages.Register"
TRIGGERS = "CrucibleFeedback.Stages.CheckTriggers"


def planted(name: str, change: Callable[[Raw], object]) -> list[Problem]:
    """The findings that a changed contract adds to those of the shipped one."""
    shipped = SHIPPED[name]
    data = json.loads(json.dumps(shipped.data))
    change(data)
    new = Contract(data, "changed.json")
    package = shipped.package
    before = checks.check(SCHEMAS, {package: shipped}, {package: shipped})
    after = checks.check(SCHEMAS, {package: new}, {package: shipped})
    said = {(problem.code, problem.message) for problem in before}
    return [problem for problem in after if (problem.code, problem.message) not in said]


def field(data: Raw, module: str, name: str, *inside: str) -> Raw:
    """A field of a struct in a contract."""
    owner = data["structs"][module] if not inside else data["stages"][module][inside[0]]
    found: Raw = next(each for each in owner["fields"] if each["name"] == name)
    return found


def without(data: Raw, module: str, name: str) -> None:
    struct = data["structs"][module]
    struct["fields"] = [each for each in struct["fields"] if each["name"] != name]
    struct["enforce_keys"] = [each for each in struct["enforce_keys"] if each != name]


def option(data: Raw, module: str) -> list[Raw]:
    fields: list[Raw] = data["stages"][module]["options_struct"]["fields"]
    return fields


IR, TRAIN, REGISTRY, FEEDBACK = (
    "crucible_ir@0.3.0",
    "crucible_train@0.3.0",
    "crucible_model_registry@0.3.1",
    "crucible_feedback@0.2.0",
)

PLANTED: dict[str, tuple[str, Callable[[Raw], object], str, str, str]] = {
    "a field is gone": (IR, lambda d: without(d, TRAINING, "device"), "E0811", "error", "has no field device"),
    "a field is new": (
        IR,
        lambda d: d["structs"][TRAINING]["fields"].append(
            {"name": "warmup", "default": "nil", "type": "float() | nil"}
        ),
        "E0812",
        "warning",
        "has a new field",
    ),
    "a field is new, and enforced": (
        IR,
        lambda d: (
            d["structs"][TRAINING]["fields"].append({"name": "warmup", "default": "nil", "type": "float()"}),
            d["structs"][TRAINING]["enforce_keys"].append("warmup"),
        ),
        "E0816",
        "error",
        "enforces a new field",
    ),
    "a field has another name": (
        IR,
        lambda d: field(d, TRAINING, "epochs").update(name="num_epochs"),
        "E0813",
        "error",
        "epochs is num_epochs",
    ),
    "a field has a name that is not alike": (
        IR,
        lambda d: field(d, TRAINING, "epochs").update(name="zzz"),
        "E0811",
        "error",
        "has no field epochs",
    ),
    "another default": (
        IR,
        lambda d: field(d, TRAINING, "learning_rate").update(default="0.002"),
        "E0814",
        "error",
        "0.002",
    ),
    "a default of nil": (
        IR,
        lambda d: field(d, TRAINING, "optimizer").update(default="nil"),
        "E0814",
        "error",
        "nil",
    ),
    "a default in a struct in a default": (
        IR,
        lambda d: field(d, "CrucibleIR.Backend.Prompt", "options").update(
            default="%CrucibleIR.Backend.Options{temperature: 0.5}"
        ),
        "E0814",
        "error",
        "options has the default {}",
    ),
    "an atom where text was": (
        IR,
        lambda d: field(d, "CrucibleIR.StageDef", "name").update(type="String.t()"),
        "E0815",
        "error",
        "a name (an atom)",
    ),
    "a float where an integer was": (
        IR,
        lambda d: field(d, TRAINING, "epochs").update(type="float()"),
        "E0815",
        "error",
        "an integer",
    ),
    "null is allowed": (
        IR,
        lambda d: field(d, TRAINING, "epochs").update(type="pos_integer() | nil"),
        "E0815",
        "warning",
        "does not allow null",
    ),
    "null is not allowed": (
        IR,
        lambda d: field(d, TRAINING, "seed").update(type="integer()"),
        "E0815",
        "warning",
        "the schema allows null",
    ),
    "a closed choice of atoms that lost one": (
        IR,
        lambda d: d["structs"]["CrucibleIR.Backend.Prompt"]["types"].update(tool_choice=":auto | :none | map()"),
        "E0815",
        "error",
        "required",
    ),
    "a type on purpose that changes": (
        IR,
        lambda d: field(d, "CrucibleIR.DatasetRef", "name").update(type="module()"),
        "E0815",
        "error",
        "name is module()",
    ),
    "a field is enforced": (
        IR,
        lambda d: d["structs"][TRAINING]["enforce_keys"].append("epochs"),
        "E0816",
        "error",
        "enforces epochs",
    ),
    "a field is not enforced": (
        IR,
        lambda d: d["structs"][TRAINING]["enforce_keys"].remove("dataset_ref"),
        "E0817",
        "warning",
        "dataset_ref",
    ),
    "another order": (
        IR,
        lambda d: d["structs"][TRAINING]["fields"].reverse(),
        "E0818",
        "warning",
        "another order",
    ),
    "a struct is gone": (
        IR,
        lambda d: d["structs"].pop("CrucibleIR.OutputSpec"),
        "E0819",
        "error",
        "no struct CrucibleIR.OutputSpec",
    ),
    "a struct is new": (
        IR,
        lambda d: d["structs"].update({"CrucibleIR.Schedule": {"fields": [], "enforce_keys": [], "types": {}}}),
        "E0820",
        "warning",
        "CrucibleIR.Schedule",
    ),
    "a stage is gone": (TRAIN, lambda d: d["stages"].pop(SUPERVISED), "E0819", "error", f"no stage {SUPERVISED}"),
    "a stage is new": (
        TRAIN,
        lambda d: d["stages"].update({"CrucibleTrain.Stages.Merge": copy.deepcopy(d["stages"][SUPERVISED])}),
        "E0820",
        "warning",
        "CrucibleTrain.Stages.Merge",
    ),
    "an option that raises": (
        TRAIN,
        lambda d: option(d, SUPERVISED).remove(field(d, SUPERVISED, "save_every", "options_struct")),
        "E0821",
        "error",
        "does not take save_every",
    ),
    "an option that nothing reads": (
        FEEDBACK,
        lambda d: d["stages"][TRIGGERS].update(options_read={}, unknown_keys="ignored", escapes=[]),
        "E0821",
        "warning",
        "does not take drift_threshold",
    ),
    "an option of a stage has another name": (
        TRAIN,
        lambda d: field(d, SUPERVISED, "num_epochs", "options_struct").update(name="epochs"),
        "E0813",
        "error",
        "num_epochs",
    ),
    "an option of a stage is new": (
        TRAIN,
        lambda d: option(d, SUPERVISED).append({"name": "warmup_steps", "default": "0", "type": "non_neg_integer()"}),
        "E0812",
        "warning",
        "takes warmup_steps",
    ),
    "an option of a stage is enforced": (
        TRAIN,
        lambda d: (
            option(d, SUPERVISED).append({"name": "tokenizer", "default": "nil", "type": "String.t()"}),
            d["stages"][SUPERVISED]["options_struct"]["enforce_keys"].append("tokenizer"),
        ),
        "E0816",
        "error",
        "needs tokenizer",
    ),
    "another default of an option": (
        TRAIN,
        lambda d: field(d, SUPERVISED, "adam_beta2", "options_struct").update(default="0.999"),
        "E0814",
        "warning",
        "0.999",
    ),
    "another default that a stage reads": (
        FEEDBACK,
        lambda d: d["stages"][TRIGGERS]["options_read"]["drift_threshold"].update(default="0.4"),
        "E0814",
        "warning",
        "0.4",
    ),
    "another type of an option": (
        TRAIN,
        lambda d: field(d, SUPERVISED, "learning_rate", "options_struct").update(type="String.t()"),
        "E0815",
        "error",
        "learning_rate is String.t()",
    ),
    "an option that a stage cannot do without": (
        REGISTRY,
        lambda d: d["stages"][REGISTER]["options_read"].update(owner={"default": None, "required": True}),
        "E0816",
        "error",
        "needs owner",
    ),
    "a known option that a stage cannot do without any more": (
        REGISTRY,
        lambda d: d["stages"][REGISTER]["options_read"]["version"].update(required=True),
        "E0816",
        "error",
        "may leave it out",
    ),
    "an option that a stage reads now": (
        REGISTRY,
        lambda d: d["stages"][REGISTER]["options_read"].update(owner={"default": None, "required": False}),
        "E0812",
        "warning",
        "reads owner",
    ),
    "a described option that raises, and that recipes set": (
        TRAIN,
        lambda d: d["stages"][SUPERVISED]["raises"].append("batch_size"),
        "E0822",
        "error",
        "batch_size",
    ),
    "a described option that raises": (
        TRAIN,
        lambda d: d["stages"][SUPERVISED]["raises"].append("momentum"),
        "E0822",
        "warning",
        "momentum",
    ),
    "describe/1 is missing": (
        TRAIN,
        lambda d: d["stages"][SUPERVISED].update(describe="missing"),
        "E0823",
        "warning",
        "missing",
    ),
    "options must be a keyword list": (
        REGISTRY,
        lambda d: d["stages"][REGISTER].update(takes="keyword"),
        "E0824",
        "error",
        "a keyword list",
    ),
    "a stage has another name": (
        REGISTRY,
        lambda d: d["stages"][REGISTER].update(name="register"),
        "E0825",
        "warning",
        "calls itself register",
    ),
    "a callback is new": (
        TRAIN,
        lambda d: d["ports"]["training_client"]["callbacks"].append({"name": "pause", "arity": 2, "spec": None}),
        "E0826",
        "error",
        "pause/2 is new",
    ),
    "an optional callback is new": (
        TRAIN,
        lambda d: d["ports"]["training_client"]["callbacks"].append(
            {"name": "pause", "arity": 2, "spec": None, "optional": True}
        ),
        "E0826",
        "warning",
        "pause/2 is new",
    ),
    "a callback has another arity": (
        TRAIN,
        lambda d: next(c for c in d["ports"]["training_client"]["callbacks"] if c["name"] == "optim_step").update(
            arity=4
        ),
        "E0826",
        "error",
        "optim_step/4 is new",
    ),
    "a port is gone": (TRAIN, lambda d: d["ports"].pop("hub_client"), "E0819", "error", "no port hub_client"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_change_is_found(name: str) -> None:
    release, change, code, severity, words = PLANTED[name]
    found = planted(release, change)
    matching = [problem for problem in found if problem.code == code and words in problem.message]
    assert matching, found
    assert {problem.severity for problem in matching} == {severity}
    for problem in found:
        assert problem.hint
        assert problem.place.file
        assert problem.see or problem.code == "E0820"


SIDE_EFFECTS = {
    "a field has a name that is not alike": {"E0812"},
    "a closed choice of atoms that lost one": set(),
    "a callback has another arity": {"E0826"},
    "a float where an integer was": set(),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_change_is_found_alone(name: str) -> None:
    release, change, code, _, _ = PLANTED[name]
    assert {problem.code for problem in planted(release, change)} <= {code, *SIDE_EFFECTS.get(name, ())}


def test_the_shipped_schemas_are_what_the_shipped_contracts_say() -> None:
    contracts = {each.package: each for each in SHIPPED.values() if each.language == "elixir"}
    found = checks.check(SCHEMAS, contracts, contracts)
    assert sorted(problem.code for problem in found) == ["E0821", *["E0822"] * 4]
    assert [problem.message.split(" in ")[0] for problem in found if problem.code == "E0821"] == [
        "CrucibleModelRegistry.Stages.Register does not take on_duplicate"  # which Python's stage obeys
    ]
    told = {
        name
        for problem in found
        for name in problem.message.partition(" describes ")[2].partition(" in ")[0].split(", ")
    }
    assert len([problem for problem in found if problem.severity == "error"]) == 0
    assert {"epochs", "beta", "gamma", "teacher_model", "optimizer"} <= told


def test_python_is_held_against_the_release_that_the_runtime_is_written_for() -> None:
    old, new = SHIPPED["tinker_cookbook@0.5.8"], SHIPPED["tinker_cookbook@0.6.1"]
    found = checks.check(SCHEMAS, {new.package: new}, {new.package: old})
    messages = [f"{problem.code} {problem.message}" for problem in found]
    assert any("recipes.math_rl.train.CLIConfig.loss_fn" in line and line.startswith("E0814") for line in messages)
    assert any("rl.train.Config.num_epochs is new" in line for line in messages)
    assert {problem.severity for problem in found} == {"warning"}
    back = checks.check(SCHEMAS, {old.package: old}, {old.package: new})
    assert any(problem.code == "E0811" and problem.severity == "error" for problem in back)
    assert not checks.check(SCHEMAS, {old.package: old}, {old.package: old})


PYTHON: dict[str, tuple[Callable[[Raw], object], str, str]] = {
    "a class is gone": (lambda d: d["classes"].pop("rl.train.Config"), "E0819", "error"),
    "an entry point is gone": (lambda d: d["entry_points"].pop("rl.train.main"), "E0819", "error"),
    "an entry point is not awaited any more": (
        lambda d: d["entry_points"]["rl.train.main"].update(kind="function"),
        "E0815",
        "error",
    ),
    "a field has no default": (
        lambda d: (
            d["classes"]["rl.train.Config"]["fields"][6].pop("default", None),
            d["classes"]["rl.train.Config"]["fields"][6].pop("default_factory", None),
            d["classes"]["rl.train.Config"]["fields"][6].update(required=True),
        ),
        "E0816",
        "error",
    ),
    "a field has another type": (
        lambda d: d["classes"]["rl.train.Config"]["fields"][0].update(type="str"),
        "E0815",
        "warning",
    ),
    "a parameter is new, without a default": (
        lambda d: d["entry_points"]["rl.train.main"]["parameters"].append({"name": "x", "required": True}),
        "E0816",
        "error",
    ),
}


@pytest.mark.parametrize("name", PYTHON)
def test_a_planted_change_of_a_python_package_is_found(name: str) -> None:
    change, code, severity = PYTHON[name]
    [problem] = planted("tinker_cookbook@0.5.8", change)
    assert (problem.code, problem.severity) == (code, severity)


def test_both_places_are_exact(tmp_path: Path) -> None:
    data = json.loads(json.dumps(SHIPPED[IR].data))
    field(data, TRAINING, "epochs")["default"] = "2"
    path = tmp_path / "crucible_ir-0.3.0.json"
    path.write_text(contract.dumps(data), "utf-8")
    ran = gen(["contracts", "check", "--contracts", str(path), "--format", "json"], project(tmp_path / "p", {}))
    [problem] = printed("contracts_check", ran.out)["problems"]
    schema_line = (
        Path(shipped("schemas") / "ir/training_config.schema.json").read_text("utf-8").split("\n")[problem["line"] - 1]
    )
    assert schema_line[problem["column"] - 1 :] == "1"
    assert schema_line.strip().startswith('"default"')
    [there] = problem["see"]
    line = path.read_text("utf-8").split("\n")[there["line"] - 1]
    assert line[there["column"] - 1 :].startswith('"epochs"')
    assert problem["file"].endswith("schemas/ir/training_config.schema.json")
    assert ran.code == 1


# The command --------------------------------------------------------------------------------------------------------


def changed(root: Path, name: str, change: Callable[[Raw], object], version: str | None = None) -> Path:
    """A project with a changed contract in contracts/."""
    data = json.loads(json.dumps(SHIPPED[name].data))
    change(data)
    data["version"] = version or data["version"]
    return project(root, {f"contracts/{contract.file_name(data)}": contract.dumps(data)})


def test_nothing_but_the_known_defects_is_found_in_an_empty_project(tmp_path: Path) -> None:
    ran = gen(["contracts", "check"], project(tmp_path, {}))
    assert ran.code == 0
    assert ran.out.strip().endswith("0 errors, 5 warnings")
    assert gen(["contracts", "check", "--strict"], tmp_path).code == 1


def test_a_newer_contract_of_the_project_is_the_one_that_counts(tmp_path: Path) -> None:
    root = changed(tmp_path, IR, lambda d: without(d, TRAINING, "device"), "0.4.0")
    ran = gen(["contracts", "check"], root)
    assert ran.code == 1
    assert "error[E0811]" in ran.err
    assert "crucible_ir@0.4.0" in ran.out
    assert gen(["contracts", "check", "--against", "crucible_ir@0.3.0"], root).code == 0
    assert gen(["contracts", "check", "--against", "crucible_ir@0.4.0"], root).code == 1
    assert gen(["contracts", "check", "--contracts", "contracts"], root).code == 1


def test_an_unknown_release_says_which_are_there(tmp_path: Path) -> None:
    ran = gen(["contracts", "check", "--against", "crucible_ir@0.3.1"], project(tmp_path, {}))
    assert ran.code == 1
    assert "error[E0802]" in ran.err
    assert "did you mean crucible_ir@0.3.0?" in ran.err


def test_findings_for_github(tmp_path: Path) -> None:
    root = changed(tmp_path, IR, lambda d: field(d, TRAINING, "epochs").update(default="2"))
    ran = gen(["contracts", "check", "--format", "github"], root)
    assert ran.code == 1
    assert "::error file=" in ran.out
    assert ",title=E0814::epochs has the default 1 here and 2 in crucible_ir 0.3.0" in ran.out


@pytest.mark.parametrize(
    "text", ["", "[]", '{"package": 1}', '{"package": "a", "version": "1.0.0", "language": "perl"}', "{"]
)
def test_what_is_no_contract_is_refused(text: str, tmp_path: Path) -> None:
    root = project(tmp_path, {"contracts/acme-1.0.0.json": text})
    ran = gen(["contracts", "check", "--contracts", "contracts"], root)
    assert ran.code == 1
    assert "error[E0" in ran.err
    assert "internal error" not in ran.both


def test_a_field_of_a_struct_needs_a_default(tmp_path: Path) -> None:
    struct = {"enforce_keys": [], "fields": [{"name": "a", "default": "nil"}, {"name": "b"}]}
    data = {"package": "acme", "version": "1.0.0", "language": "elixir", "structs": {"Acme": struct}}
    root = project(tmp_path, {"contracts/acme-1.0.0.json": json.dumps(data)})
    ran = gen(["contracts", "check", "--contracts", "contracts"], root)
    assert ran.code == 1
    assert "error[E0801]: default is missing in fields[1]" in ran.err


def test_a_stage_of_a_third_party_is_checked_too(tmp_path: Path) -> None:
    stage = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Acme.Stage",
        "description": "Checks.",
        "x-stage": {"name": "acme", "module": "Acme.Stage"},
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "depth": {"description": "How deep.", "type": "integer", "default": 1},
            "colour": {"description": "Which colour.", "type": "string"},
        },
    }
    data = {
        "language": "elixir",
        "package": "acme",
        "version": "1.0.0",
        "stages": {
            "Acme.Stage": {
                "describe": "ok",
                "name": "acme",
                "unknown_keys": "raise",
                "raises": [],
                "takes": "map",
                "options_struct": {
                    "module": "Acme.Options",
                    "enforce_keys": [],
                    "types": {},
                    "fields": [{"name": "depth", "default": "2", "type": "integer()"}],
                },
            }
        },
    }
    root = project(
        tmp_path,
        {
            "gen.yaml": "schemas: [stages]\n",
            "stages/acme.schema.json": json.dumps(stage),
            "contracts/acme-1.0.0.json": contract.dumps(data),
        },
    )
    ran = gen(["contracts", "check", "--against", "acme@1.0.0", "--format", "json"], root)
    found = printed("contracts_check", ran.out)["problems"]
    assert [(each["code"], each["file"], each["severity"]) for each in found] == [
        ("E0814", "stages/acme.schema.json", "warning"),
        ("E0821", "stages/acme.schema.json", "error"),
    ]


# Reading Elixir ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nil", None),
        ("true", True),
        ("1", 1),
        ("-1_000", -1000),
        ("1.0e-8", 1e-8),
        ('"a\\"b\\n"', 'a"b\n'),
        (":a", elixir_values.Atom("a")),
        (':"a b"', elixir_values.Atom("a b")),
        ("A.B", elixir_values.Atom("A.B")),
        ("[]", []),
        ("[:a, 1]", [elixir_values.Atom("a"), 1]),
        ("{:a, 1}", (elixir_values.Atom("a"), 1)),
        ("%{}", {}),
        ("[a: 1]", {elixir_values.Atom("a"): 1}),
        ('%{"a" => 1}', {"a": 1}),
        ("%{a: %{b: nil}}", {elixir_values.Atom("a"): {elixir_values.Atom("b"): None}}),
        ("%A.B{c: 1}", elixir_values.Struct("A.B", {"c": 1})),
        ("#PID<>", elixir_values.Opaque("#PID<>")),
        ("&A.b/1", elixir_values.Opaque("&A.b/1")),
    ],
)
def test_a_default_is_read(text: str, value: object) -> None:
    assert elixir_values.parse_value(text) == value


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("atom() | nil", {"atom", "module", "null"}),
        ("String.t()", {"text"}),
        (":a | :b", {"atom"}),
        ("number()", {"integer", "float"}),
        ("[atom()] | nil", {"list", "null"}),
        ("%{a: 1 | 2}", {"map"}),
        ("A.B.t()", {"struct"}),
        ("t() | nil", {"struct", "null"}),
        ("kind()", {"atom", "integer"}),
        ("{:a, integer()} | float()", {"tuple", "float"}),
        ("(atom() -> atom())", {"function"}),
        ("keyword()", {"keywords"}),
        ("1..5", {"integer"}),
        ("term()", {"any"}),
        ("Other.thing()", {"any"}),
        ("[a: integer()]", {"list", "keywords"}),
        ("DateTime.t() | nil", {"timestamp", "null"}),
        ("nested()", {"any", "tuple"}),
    ],
)
def test_a_type_is_read(text: str, kinds: set[str]) -> None:
    named = {"kind": ":x | non_neg_integer()", "nested": "{:again, nested()} | nested()"}
    assert elixir_types.TypeScope(named, "Me").allowed(text).kinds == kinds


def test_contracts_are_sorted_and_always_the_same_bytes() -> None:
    for path in sorted(shipped("contracts").glob("*.json")):
        found = contract.read(path)
        assert path.name == contract.file_name(found.data)
        assert path.read_text("utf-8") == contract.dumps(found.data)
    assert (
        contract.dumps({"b": {"d": 1, "c": "é"}, "a": []})
        == '{\n  "a": [],\n  "b": {\n    "c": "é",\n    "d": 1\n  }\n}\n'
    )


def test_versions_are_in_order() -> None:
    versions = ["0.9.0", "0.10.0-rc.1", "0.10.0", "0.10.1", "1.0.0"]
    assert sorted(set(versions), key=contract.order) == versions


def test_a_folder_without_contracts_says_so(tmp_path: Path) -> None:
    with pytest.raises(Problems) as caught:
        contract.folder(tmp_path)
    assert caught.value.problems[0].code == "E0802"

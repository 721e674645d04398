"""Schemas that follow their packages, and what a change of release touches."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import MINIMAL, gen, project
from crucible_gen.conformance.contracts import changes, checks, contract, impact, schema_update
from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.schemas import META, Schemas, shipped
from printed import printed

Raw = dict[str, Any]
SCHEMAS = Schemas.load()
SHIPPED = {each.name: each for each in contract.folder(shipped("contracts"))}
ELIXIR = {each.package: each for each in SHIPPED.values() if each.language == "elixir"}
IR, TRAIN, TRAINING = "crucible_ir@0.3.0", "crucible_train@0.3.0", "CrucibleIR.Training.Config"
KEY = "ir/training_config.schema.json"
SUPERVISED = ("stages/supervised_train.schema.json", "CrucibleTrain.Stages.SupervisedTrain")


def altered(name: str, change: Callable[[Raw], object], version: str = "0.4.0") -> Contract:
    data = json.loads(json.dumps(SHIPPED[name].data))
    change(data)
    data["version"] = version
    return Contract(data, "altered.json")


def field(data: Raw, name: str) -> Raw:
    found: Raw = next(each for each in data["structs"][TRAINING]["fields"] if each["name"] == name)
    return found


def updated(change: Callable[[Raw], object]) -> tuple[Raw, Raw]:
    """The schema of the training configuration before and after."""
    old = SCHEMAS.documents[KEY]
    return old, schema_update.updated(KEY, old, SCHEMAS, altered(IR, change))


# Schemas --------------------------------------------------------------------------------------------------------------


def test_todays_schemas_stay_as_they_are() -> None:
    assert schema_update.update(SCHEMAS, ELIXIR) == {}


@pytest.mark.parametrize("key", sorted(SCHEMAS.documents))
def test_the_text_of_a_schema_is_what_would_be_written(key: str) -> None:
    path = schema_update.path_of(key, SCHEMAS)
    assert schema_update.dumps(SCHEMAS.documents[key]) == path.read_text("utf-8")


def test_only_the_release_changes_where_nothing_else_does() -> None:
    old, new = updated(lambda data: None)
    assert new == old | {"x-contract": "crucible_ir@0.4.0"}
    assert list(new) == list(old)


def test_a_field_that_is_gone_goes_everywhere() -> None:
    def change(data: Raw) -> None:
        data["structs"][TRAINING]["fields"].remove(field(data, "epochs"))

    old, new = updated(change)
    assert list(new["properties"]) == [name for name in old["properties"] if name != "epochs"]
    assert "epochs" not in new["x-print-first"]


def test_a_field_with_another_name_keeps_what_people_wrote() -> None:
    old, new = updated(lambda data: field(data, "epochs").update(name="num_epochs"))
    assert new["properties"]["num_epochs"] == old["properties"]["epochs"]
    assert list(new["properties"]).index("num_epochs") == list(old["properties"]).index("epochs")
    assert new["x-print-first"] == [{"epochs": "num_epochs"}.get(name, name) for name in old["x-print-first"]]


def test_defaults_follow_and_descriptions_and_bounds_stay() -> None:
    def change(data: Raw) -> None:
        field(data, "epochs")["default"] = "3"
        field(data, "metrics")["default"] = "[]"
        field(data, "optimizer")["default"] = ":adamw"
        field(data, "device").update(default="nil", type="device() | nil")
        field(data, "seed")["default"] = "0"

    old, new = updated(change)
    was, now = old["properties"], new["properties"]
    assert now["epochs"] == was["epochs"] | {"default": 3}
    assert now["metrics"] == was["metrics"] | {"default": []}
    assert now["optimizer"] == was["optimizer"] | {"default": "adamw"}
    assert now["seed"] == was["seed"] | {"default": 0}
    assert "default" not in now["device"]
    assert now["device"]["type"] == ["string", "null"]
    assert now["device"]["examples"] == was["device"]["examples"]


def test_nullability_and_types_follow() -> None:
    def change(data: Raw) -> None:
        field(data, "epochs")["type"] = "pos_integer() | nil"
        field(data, "seed")["type"] = "integer()"
        field(data, "mixed_precision")["type"] = ":fp16 | :bf16 | :none"
        field(data, "batch_size")["type"] = "float() | nil"
        field(data, "dataset_ref")["type"] = "CrucibleIR.DatasetRef.t() | nil"

    old, new = updated(change)
    was, now = old["properties"], new["properties"]
    assert now["epochs"] == was["epochs"] | {"type": ["integer", "null"]}
    assert now["seed"] == was["seed"] | {"type": "integer"}
    assert now["batch_size"] == {
        "description": was["batch_size"]["description"],
        "type": ["number", "null"],
        "x-elixir-type": "float",
        "default": 32,
    }
    assert now["mixed_precision"]["enum"] == ["bf16", "fp16", "none"]
    assert now["dataset_ref"]["anyOf"] == [{"$ref": "dataset_ref.schema.json"}, {"type": "null"}]


def test_new_fields_and_enforced_keys_and_order_follow() -> None:
    def change(data: Raw) -> None:
        struct = data["structs"][TRAINING]
        struct["fields"].insert(0, {"name": "revision", "default": "nil", "type": "String.t() | nil"})
        struct["fields"].append({"name": "backend", "default": "nil", "type": "CrucibleIR.BackendRef.t()"})
        struct["enforce_keys"].append("backend")

    old, new = updated(change)
    assert list(new["properties"]) == ["revision", *old["properties"], "backend"]
    assert new["properties"]["revision"] == {"description": "New in crucible_ir 0.4.0.", "type": ["string", "null"]}
    assert new["properties"]["backend"] == {
        "description": "New in crucible_ir 0.4.0.",
        "$ref": "backend_ref.schema.json",
    }
    assert new["x-enforce"] == [*old["x-enforce"], "backend"]
    assert "required" not in new, "the id of a training configuration is the recipe's: somebody left required out"


def test_required_follows_where_it_was_the_enforced_keys() -> None:
    key, module = "ir/output_spec.schema.json", "CrucibleIR.OutputSpec"
    old = SCHEMAS.documents[key]
    new = schema_update.updated(
        key, old, SCHEMAS, altered(IR, lambda data: data["structs"][module]["enforce_keys"].append("sink"))
    )
    assert (new["x-enforce"], new["required"]) == (["name", "sink"], ["name", "sink"])
    free = schema_update.updated(
        key, old, SCHEMAS, altered(IR, lambda data: data["structs"][module]["enforce_keys"].clear())
    )
    assert free["x-enforce"] == []
    assert "required" not in free


def test_a_stage_follows_its_struct_and_keeps_its_own_order() -> None:
    key, module = SUPERVISED

    def change(data: Raw) -> None:
        struct = data["stages"][module]["options_struct"]
        for each in struct["fields"]:
            if each["name"] == "adam_beta2":
                each["default"] = "0.999"
            if each["name"] == "num_epochs":
                each["name"] = "epochs"
        struct["fields"] = [each for each in struct["fields"] if each["name"] != "save_every"]
        struct["fields"].append({"name": "warmup", "default": "0", "type": "non_neg_integer()"})
        struct["fields"].append({"name": "callback", "default": "nil", "type": "(term() -> term()) | nil"})
        struct["fields"].append({"name": "clock", "default": "&System.os_time/0", "type": "term()"})
        data["stages"][module]["takes"] = "keyword"

    old = SCHEMAS.documents[key]
    contract_ = altered(TRAIN, change)
    new = schema_update.updated(key, old, SCHEMAS, contract_)
    expected = [{"num_epochs": "epochs"}.get(name, name) for name in old["properties"] if name != "save_every"]
    assert list(new["properties"]) == [*expected, "warmup", "callback", "clock"]
    assert new["properties"]["epochs"] == old["properties"]["num_epochs"]
    assert new["properties"]["adam_beta2"] == old["properties"]["adam_beta2"] | {"default": 0.999}
    assert new["properties"]["warmup"] == {
        "description": "New in crucible_train 0.4.0.",
        "type": "integer",
        "minimum": 0,
        "default": 0,
    }
    for name in ("callback", "clock"):
        assert new["properties"][name]["x-inject"] == {"elixir": "term()", "python": "Any", "needed": False}
        assert "default" not in new["properties"][name]
    assert new["x-stage"] == old["x-stage"] | {"options": "keyword"}


CHANGES: dict[str, Callable[[Raw], object]] = {
    "gone": lambda d: d["structs"][TRAINING]["fields"].remove(field(d, "device")),
    "renamed": lambda d: field(d, "epochs").update(name="num_epochs"),
    "default": lambda d: field(d, "epochs").update(default="2"),
    "type": lambda d: field(d, "epochs").update(type="String.t()", default='"one"'),
    "null": lambda d: field(d, "epochs").update(type="pos_integer() | nil"),
    "not null": lambda d: field(d, "seed").update(type="integer()"),
    "new": lambda d: d["structs"][TRAINING]["fields"].append({"name": "extra", "default": "%{}", "type": "map()"}),
    "enforced": lambda d: d["structs"][TRAINING]["enforce_keys"].append("epochs"),
    "order": lambda d: d["structs"][TRAINING]["fields"].reverse(),
    "no literal": lambda d: field(d, "epochs").update(default="&Kernel.self/0"),
    "no literal inside": lambda d: field(d, "epochs").update(default="%{a: [{1, #Reference<0.1.2.3>}]}"),
    "new without a literal": lambda d: d["structs"][TRAINING]["fields"].append(
        {"name": "extra", "default": "#PID<0.1.0>", "type": "term()"}
    ),
    "struct default": lambda d: field(d, "options").update(default="%{lora_rank: 8}", type="map()"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_after_an_update_nothing_is_left_to_report(name: str) -> None:
    new = altered(IR, CHANGES[name])
    assert checks.check(SCHEMAS, {"crucible_ir": new}, {})
    documents = dict(SCHEMAS.documents) | {
        key: schema_update.updated(key, raw, SCHEMAS, new)
        for key, raw in SCHEMAS.documents.items()
        if raw.get("x-contract", "").startswith("crucible_ir@")
    }
    after = Schemas(documents)
    assert checks.check(after, {"crucible_ir": new}, {}) == []
    assert all(
        schema_update.updated(key, raw, after, new) == raw for key, raw in documents.items() if "x-elixir-struct" in raw
    )


def test_an_updated_schema_is_one_that_the_meta_schema_allows() -> None:
    from crucible_gen.documents import Validator
    from crucible_gen.documents.load import parse

    meta = Validator(json.loads((shipped("schemas") / META).read_text("utf-8")), "E0501")
    kinds = [
        "atom()",
        ":a | :b",
        "module() | nil",
        "DateTime.t()",
        "boolean()",
        "float()",
        "number() | nil",
        "map()",
        "keyword()",
        "[integer()]",
        "CrucibleIR.ModelRef.t() | nil",
        "term()",
        "{:a, :b}",
        "atom() | String.t()",
        "Unknown.t()",
    ]
    new = [{"name": f"field_{at}", "default": "nil", "type": type_} for at, type_ in enumerate(kinds)]
    _, document = updated(lambda data: data["structs"][TRAINING]["fields"].extend(new))
    assert meta.check(parse(schema_update.dumps(document).encode(), "x.schema.json")) == []


# The command ----------------------------------------------------------------------------------------------------------


def checkout(root: Path, change: Callable[[Raw], object]) -> Path:
    """A project with a stage schema of its own, and the contract of a newer release."""
    stage = copy.deepcopy(SCHEMAS.documents[SUPERVISED[0]])
    stage["x-stage"] = {"name": "own_train", "module": "Own.Train"}
    stage["x-contract"] = "own@0.3.0"
    for raw in stage["properties"].values():
        raw.pop("x-no-effect", None)
        raw.pop("x-from", None)
    data = json.loads(json.dumps(SHIPPED[TRAIN].data))
    data = {
        "language": "elixir",
        "package": "own",
        "version": "0.4.0",
        "stages": {"Own.Train": data["stages"][SUPERVISED[1]]},
    }
    change(data)
    return project(
        root,
        {
            "gen.yaml": "schemas: [stages]\n",
            "stages/own.schema.json": schema_update.dumps(stage),
            "contracts/own-0.4.0.json": contract.dumps(data),
        },
    )


def test_the_diff_is_one_that_patch_takes_and_is_what_is_written(tmp_path: Path) -> None:
    def change(data: Raw) -> None:
        for each in data["stages"]["Own.Train"]["options_struct"]["fields"]:
            if each["name"] == "adam_beta1":
                each["default"] = "0.8"

    root = checkout(tmp_path / "a", change)
    other = tmp_path / "b"
    shutil.copytree(root, other)
    shown = gen(["contracts", "update", "--against", "own@0.4.0"], root)
    assert shown.code == 1, shown.both
    assert '-      "default": 0.9' in shown.out
    assert '+      "default": 0.8' in shown.out
    before = (root / "stages/own.schema.json").read_bytes()
    subprocess.run(["patch", "-p1"], cwd=other, input=shown.out.encode(), check=True, capture_output=True)
    written = gen(["contracts", "update", "--against", "own@0.4.0", "--write"], root)
    assert (written.code, written.out) == (0, "updated stages/own.schema.json\n")
    after = (root / "stages/own.schema.json").read_bytes()
    assert after == (other / "stages/own.schema.json").read_bytes() != before
    again = gen(["contracts", "update", "--against", "own@0.4.0", "--write"], root)
    assert (again.code, again.out) == (0, "every schema is as its contract says\n")
    assert gen(["contracts", "update", "--against", "own@0.4.0"], root).out == ""


def test_shipped_schemas_of_an_installed_package_are_not_written(tmp_path: Path) -> None:
    data = json.loads(json.dumps(SHIPPED[IR].data))
    field(data, "epochs")["default"] = "2"
    root = project(tmp_path, {"new.json": contract.dumps(data)})
    before = (shipped("schemas") / KEY).read_bytes()
    ran = gen(["contracts", "update", "--contracts", "new.json", "--write"], root)
    assert ran.code == 1
    assert "error[E0808]" in ran.err
    assert (shipped("schemas") / KEY).read_bytes() == before
    assert "training_config.schema.json" in gen(["contracts", "update", "--contracts", "new.json"], root).out


# Between two releases -------------------------------------------------------------------------------------------------

RECIPE = MINIMAL.replace("training_config:\n", "training_config:\n  epochs: 3\n")


def releases(root: Path, change: Callable[[Raw], object]) -> Path:
    data = json.loads(json.dumps(SHIPPED[IR].data))
    change(data)
    data["version"] = "0.4.0"
    return project(
        root,
        {
            "gen.yaml": "recipes: [recipes]\n",
            "recipes/with_epochs.yaml": f"id: with_epochs\n{RECIPE}",
            "recipes/without.yaml": f"id: without\n{MINIMAL}",
            "contracts/crucible_ir-0.4.0.json": contract.dumps(data),
        },
    )


TOUCHES: dict[str, tuple[Callable[[Raw], object], str, list[str]]] = {
    "a field is gone": (CHANGES["gone"], "device is gone", []),
    "a written field is gone": (
        lambda d: d["structs"][TRAINING]["fields"].remove(field(d, "epochs")),
        "epochs is gone",
        ["with_epochs"],
    ),
    "a default": (CHANGES["default"], "epochs has the default 2, and had the default 1", ["without"]),
    "a type": (CHANGES["null"], "epochs is pos_integer() | nil, and was pos_integer()", ["with_epochs"]),
    "an enforced key": (CHANGES["enforced"], "epochs is enforced now", ["without"]),
    "a struct": (lambda d: d["structs"].pop(TRAINING), "is gone", ["with_epochs", "without"]),
    "a new field": (CHANGES["new"], "extra is new, with the default %{} and the type map()", []),
}


@pytest.mark.parametrize("name", TOUCHES)
def test_which_recipes_a_change_touches(name: str, tmp_path: Path) -> None:
    change, words, recipes = TOUCHES[name]
    ran = gen(
        ["contracts", "diff", "crucible_ir@0.3.0", "crucible_ir@0.4.0", "--format", "json"], releases(tmp_path, change)
    )
    assert ran.code == 0, ran.both
    found = printed("contracts_diff", ran.out)
    assert found["recipes"] == recipes
    assert any(each["change"] in words and words.startswith(each["field"]) for each in found["changes"])
    assert all(path.startswith("generated/") for path in found["files"])
    assert {path for path in found["files"] if path.endswith(".json")} == {
        f"generated/ir/{name}.json" for name in recipes
    }
    text = gen(["contracts", "diff", "crucible_ir@0.3.0", "crucible_ir@0.4.0"], tmp_path).out
    assert words in text
    assert ("touches" in text) is bool(recipes)


def test_stages_are_touched_too() -> None:
    old, key = SHIPPED[TRAIN], SUPERVISED[1]
    new = altered(TRAIN, lambda d: d["stages"][key].update(takes="keyword"))
    [change] = changes.changes(old, new)
    assert (change.owner, change.breaks, change.touches) == (key, True, "all")
    uses = {"a": [impact.Use("stages", key, frozenset())], "b": [impact.Use("stages", "Other", frozenset())]}
    assert impact.concerned(change, uses) == ["a"]


def test_a_field_with_another_name_is_one_change_and_untyped_ones_are_typed_by_their_default() -> None:
    old, key = SHIPPED[TRAIN], SUPERVISED[1]

    def change(data: Raw) -> None:
        fields = data["stages"][key]["options_struct"]["fields"]
        next(each for each in fields if each["name"] == "num_epochs")["name"] = "epochs"
        fields.append({"name": "warmup", "default": "0", "type": "term()"})

    new = altered(TRAIN, change)
    found = changes.changes(old, new)
    assert [(each.field, each.text, each.breaks) for each in found] == [
        ("num_epochs", "is epochs now", True),
        ("warmup", "is new, with the default 0 and the type term()", False),
    ]
    document = schema_update.updated(SUPERVISED[0], SCHEMAS.documents[SUPERVISED[0]], SCHEMAS, new)
    assert document["properties"]["warmup"]["type"] == "integer"


def test_two_releases_that_offer_the_same(tmp_path: Path) -> None:
    root = releases(tmp_path, lambda data: None)
    ran = gen(["contracts", "diff", "crucible_ir@0.3.0", "contracts/crucible_ir-0.4.0.json"], root)
    assert (ran.code, ran.out) == (0, "crucible_ir@0.3.0 and crucible_ir@0.4.0 offer the same\n")


def test_two_packages_cannot_be_compared(tmp_path: Path) -> None:
    assert gen(["contracts", "diff", "crucible_ir@0.3.0", "crucible_train@0.3.0"], project(tmp_path, {})).code == 2


def test_a_contract_is_shown(tmp_path: Path) -> None:
    ran = gen(["contracts", "show", "crucible_ir@0.3.0"], project(tmp_path, {}))
    assert ran.out == (shipped("contracts") / "crucible_ir-0.3.0.json").read_text("utf-8")

"""The schema files against the contracts of the packages, their meta-schema, and recipes that are right or wrong."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import referencing
import referencing.jsonschema
from crucible_gen.languages import registry
from crucible_gen.schemas import Inject
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
BASE = "file:///schemas/"
Raw = dict[str, Any]


def read(path: Path) -> Raw:
    document: Raw = json.loads(path.read_text("utf-8"))
    return document


PATHS = {
    path.relative_to(ROOT / "schemas").as_posix(): path for path in sorted((ROOT / "schemas").rglob("*.schema.json"))
}
SCHEMAS = {key: read(path) for key, path in PATHS.items()}
CONTRACTS = {path.stem: read(path) for path in sorted((ROOT / "contracts").glob("*.json"))}
META = SCHEMAS["meta.schema.json"]
FILES = {key: schema for key, schema in SCHEMAS.items() if schema is not META}
IR = {schema["x-elixir-struct"]: key for key, schema in SCHEMAS.items() if key.startswith("ir/")}
STAGES = {schema["x-stage"]["module"]: schema for key, schema in SCHEMAS.items() if key.startswith("stages/")}
TRAINING = {module: schema for module, schema in STAGES.items() if schema["x-stage"]["role"] == "training"}
STRUCTS: dict[str, Raw] = CONTRACTS["crucible_ir-0.3.0"]["structs"]
TYPES = SCHEMAS["recipe.schema.json"]["properties"]["type"]["enum"]
KINDS = {**{type_: type_ for type_ in TYPES}, "prompt_distillation": "distillation"}
"""The kinds of recipes, each with its type."""

REGISTRY: referencing.Registry[Any] = referencing.Registry().with_resources(
    (BASE + key, referencing.jsonschema.DRAFT202012.create_resource(schema)) for key, schema in SCHEMAS.items()
)


class Oracle:
    """One schema in both libraries; `accepts` answers only where they agree."""

    def __init__(self, key: str) -> None:
        self.slow = jsonschema.Draft202012Validator({"$ref": BASE + key}, registry=REGISTRY)
        registry = jsonschema_rs.Registry([(BASE + other, schema) for other, schema in SCHEMAS.items()])
        self.fast = jsonschema_rs.Draft202012Validator({"$ref": BASE + key}, registry=registry)

    def accepts(self, value: Any) -> bool:
        slow = self.slow.is_valid(value)
        assert self.fast.is_valid(value) is slow, value
        return slow

    def errors(self, value: Any) -> set[tuple[str, str]]:
        """(path, keyword) of every error, those in the branches of a combiner too."""
        found: set[tuple[str, str]] = set()
        todo = list(self.slow.iter_errors(value))
        while todo:
            error = todo.pop()
            found.add((".".join(map(str, error.absolute_path)), str(error.validator)))
            todo += error.context or ()
        return found


@cache
def recipes() -> Oracle:
    return Oracle("recipe.schema.json")


@cache
def schema_files() -> Oracle:
    return Oracle("meta.schema.json")


def locate(ref: str, base: str) -> tuple[str, Raw]:
    """The file and the schema that `ref` in file `base` names."""
    path, _, pointer = ref.partition("#")
    key = (PATHS[base].parent / path).resolve().relative_to(ROOT / "schemas").as_posix() if path else base
    part: Any = SCHEMAS[key]
    for step in pointer.split("/")[1:]:
        part = part[step]
    return key, part


def parts(raw: Any, where: str = "") -> Iterator[tuple[str, Raw]]:
    """Every dict in a schema file with its path, itself included."""
    if isinstance(raw, dict):
        yield where, raw
        for key, value in raw.items():
            yield from parts(value, f"{where}/{key}")
    elif isinstance(raw, list):
        for number, value in enumerate(raw):
            yield from parts(value, f"{where}/{number}")


def fields(key: str) -> Iterator[tuple[str, str, Raw]]:
    """(path, name, schema) of every property that a file describes; conditions only refer to such."""
    for where, raw in parts(SCHEMAS[key]):
        step = where.rpartition("/")[2]
        if step in ("properties", "$defs") and not re.search(r"/(if|then|else|not|allOf|dependentSchemas)/", where):
            for name, value in raw.items():
                if isinstance(value, dict):
                    yield f"{where}/{name}", name, value


# The files themselves


def test_meta_schema_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(META)


@pytest.mark.parametrize("key", FILES)
def test_file_is_what_the_meta_schema_allows(key: str) -> None:
    jsonschema.Draft202012Validator.check_schema(FILES[key])
    assert schema_files().errors(FILES[key]) == set()
    assert schema_files().accepts(FILES[key])


@pytest.mark.parametrize("key", PATHS)
def test_file_is_indented_by_two(key: str) -> None:
    assert PATHS[key].read_text("utf-8") == json.dumps(SCHEMAS[key], indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", CONTRACTS)
def test_contract_has_sorted_keys(name: str) -> None:
    path = ROOT / "contracts" / f"{name}.json"
    assert path.read_text("utf-8") == json.dumps(CONTRACTS[name], indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    assert name == f"{CONTRACTS[name]['package']}-{CONTRACTS[name]['version']}"


@pytest.mark.parametrize("key", PATHS)
def test_every_ref_resolves(key: str) -> None:
    for where, raw in parts(SCHEMAS[key]):
        if isinstance(ref := raw.get("$ref"), str):
            _, target = locate(ref, key)
            assert isinstance(target, dict), where


@pytest.mark.parametrize("key", PATHS)
def test_every_field_is_described_in_sentences(key: str) -> None:
    assert SCHEMAS[key]["description"].endswith(".")
    for where, _, raw in fields(key):
        base, described = key, raw
        while "description" not in described:
            base, described = locate(described["$ref"], base)
        text = described["description"]
        assert text[0].isupper() or text[0] == "`" or text.startswith("training_config"), where
        assert text.endswith("."), where
        assert text == text.strip(), where
        assert "\n" not in text, where


@pytest.mark.parametrize("key", [key for key in FILES if key != "settings.schema.json"])
def test_every_number_has_a_lower_bound(key: str) -> None:
    unbounded = {"context_overflow_reward"}
    for where, name, raw in fields(key):
        if {"integer", "number"} & set(types_of(raw)) and name not in unbounded:
            assert "minimum" in raw or "exclusiveMinimum" in raw, where


@pytest.mark.parametrize("key", [key for key in FILES if "/" in key or key == "recipe.schema.json"])
def test_every_text_that_may_not_be_empty_may_not_be_blank(key: str) -> None:
    for where, raw in parts(SCHEMAS[key]):
        texts_that_end_answers = "stop" in where
        if "minLength" in raw and not texts_that_end_answers and "format" not in raw:
            pattern = raw.get("pattern")
            assert pattern is not None and not re.search(pattern, " "), where


@pytest.mark.parametrize("key", FILES)
def test_every_mapping_with_fields_is_closed(key: str) -> None:
    for where, raw in parts(SCHEMAS[key]):
        if "object" in types_of(raw) and "properties" in raw and "x-elixir-type" not in raw:
            assert raw["additionalProperties"] is False, where


@pytest.mark.parametrize("key", FILES)
def test_every_default_and_example_is_valid(key: str) -> None:
    for where, name, raw in fields(key):
        pointer = where.removeprefix("/")
        validator = jsonschema.Draft202012Validator({"$ref": f"{BASE}{key}#/{pointer}"}, registry=REGISTRY)
        for value in [*([raw["default"]] if "default" in raw else []), *raw.get("examples", [])]:
            assert validator.is_valid(value), (name, value)


def types_of(raw: Raw) -> list[str]:
    declared = raw.get("type", [])
    return [declared] if isinstance(declared, str) else declared


# The meta-schema refuses what would switch something off without a word

THIRD_PARTY: Raw = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Acme.Stages.Distil",
    "description": "Trains as acme does.",
    "x-stage": {
        "name": "acme_train",
        "module": "Acme.Stages.Train",
        "package": "acme ~> 1.2",
        "role": "training",
        "types": ["supervised"],
        "backend": "acme",
        "options": "map",
        "requires": [],
    },
    "type": "object",
    "additionalProperties": False,
    "required": ["speed"],
    "properties": {
        "training_config": {"description": "All of it.", "type": "object", "x-from": "training_config"},
        "client": {"description": "It.", "x-inject": {"elixir": "term()", "python": "Any", "needed": True}},
        "base": {"description": "The model.", "$ref": "ir/model_ref.schema.json"},
        "speed": {"description": "In km/h.", "type": "number", "x-elixir-type": "float", "minimum": 0, "default": 1.0},
        "fast": {"description": "Fast.", "type": "boolean", "default": False},
    },
}
Change = Callable[[Raw], object]
PLANTED: dict[str, Change] = {
    "unknown keyword in a field": lambda s: s["properties"]["speed"].update(minimun=0),
    "unknown x- keyword in a field": lambda s: s["properties"]["training_config"].update({"x-form": "id"}),
    "unknown keyword at the root": lambda s: s.update({"x-stages": {}}),
    "root keyword in a field": lambda s: s["properties"]["speed"].update({"x-contract": "acme@1.0.0"}),
    "unknown key in x-stage": lambda s: s["x-stage"].update(require=["deploy"]),
    "unknown key in x-inject": lambda s: s["properties"]["client"]["x-inject"].update(need=True),
    "unknown keyword in items": lambda s: s["properties"].update(
        many={"description": "Many.", "type": "array", "items": {"tipe": "string"}}
    ),
    "unknown keyword in a nested field": lambda s: s["properties"].update(
        deep={"description": "Deep.", "type": "object", "properties": {"a": {"description": "A.", "typ": "string"}}}
    ),
    "unknown keyword in a condition": lambda s: s.update(allOf=[{"if": {"require": ["speed"]}, "then": {}}]),
    "unknown keyword in a definition": lambda s: s.update({"$defs": {"a": {"description": "A.", "max": 1}}}),
    "unknown x-elixir-type": lambda s: s["properties"]["speed"].update({"x-elixir-type": "double"}),
    "unknown role": lambda s: s["x-stage"].update(role="train"),
    "unknown recipe type": lambda s: s["x-stage"].update(types=["sft"]),
    "unknown JSON type": lambda s: s["properties"]["speed"].update(type="float"),
    "atom that is no text": lambda s: s["properties"]["speed"].update({"x-elixir-type": "atom"}),
    "map that is no object": lambda s: s["properties"]["fast"].update({"x-elixir-type": "map"}),
    "both from the recipe and from the caller": lambda s: s["properties"]["client"].update({"x-from": "id"}),
    "default of a live value": lambda s: s["properties"]["client"].update(default={}),
    "fed boolean with default true": lambda s: s["properties"]["fast"].update({"x-from": "id", "default": True}),
    "no description": lambda s: s["properties"]["speed"].pop("description"),
    "no stage name": lambda s: s["x-stage"].pop("name"),
    "no recipe types of a training stage": lambda s: s["x-stage"].pop("types"),
    "recipe types of another stage": lambda s: s["x-stage"].update(role="stage"),
    "no module": lambda s: s["x-stage"].update(module="acme.train"),
    "open stage options": lambda s: s.update(additionalProperties=True),
    "stage options of no type": lambda s: s.pop("type"),
    "struct without a Python class": lambda s: (s.pop("x-stage"), s.update({"x-elixir-struct": "Acme.Thing"})),
    "network $ref": lambda s: s["properties"]["base"].update({"$ref": "https://example.org/a.schema.json"}),
    "field that is no identifier": lambda s: s["properties"].update(
        {"top-k": {"description": "K.", "type": "integer"}}
    ),
    "x-define of what has no $ref": lambda s: s["properties"]["speed"].update({"x-define": True}),
    "then without if": lambda s: s.update(allOf=[{"then": {"required": ["speed"]}}]),
    "x-from that is no path": lambda s: s["properties"]["training_config"].update({"x-from": "training_config."}),
}


def test_a_third_party_stage_passes_the_meta_schema() -> None:
    assert schema_files().accepts(THIRD_PARTY)
    least = {key: THIRD_PARTY["x-stage"][key] for key in ("name", "module")}
    assert schema_files().accepts(THIRD_PARTY | {"x-stage": least})


@pytest.mark.parametrize("name", PLANTED)
def test_the_meta_schema_refuses(name: str) -> None:
    schema = copy.deepcopy(THIRD_PARTY)
    PLANTED[name](schema)
    assert schema != THIRD_PARTY
    assert not schema_files().accepts(schema)


def test_a_typo_is_reported_where_it_stands_and_nowhere_else() -> None:
    schema = copy.deepcopy(THIRD_PARTY)
    PLANTED["unknown keyword in a field"](schema)
    assert schema_files().errors(schema) == {("properties.speed", "additionalProperties")}


def test_the_meta_schema_knows_the_keywords_that_it_describes() -> None:
    defs = META["$defs"]
    described = {*defs["value"]["properties"], "properties"}
    assert set(defs["known"]["properties"]) == described
    assert set(defs["known_at_root"]["properties"]) == described | set(META["properties"])


# The IR against the contract


def elixir_value(text: str) -> Any:
    """A default as the contract writes it, Elixir source, as JSON; a struct with only its defaults is {}."""
    if text in ("%{}", "[]"):
        return {"%{}": {}, "[]": []}[text]
    if text.startswith("%"):
        return {}
    if text.startswith("["):
        return [elixir_value(item) for item in text[1:-1].split(", ")]
    if text.startswith(":"):
        return text[1:]
    return {"nil": None, "true": True, "false": False}[text] if text.isalpha() else ast.literal_eval(text)


def alternatives(text: str, named: dict[str, str]) -> list[str]:
    """The members of an Elixir union, local types put in place; what has braces or brackets stays whole."""
    if "%{" in text or text.startswith("["):
        whole = text.removesuffix(" | nil")
        return [whole] + (["nil"] if whole != text else [])
    found: list[str] = []
    for member in (member.strip() for member in text.split("|")):
        local = named.get(member.removesuffix("()"))
        found += alternatives(local, named) if local is not None and local != text else [member]
    return found


SCALARS: dict[str, Raw] = {
    "String.t()": {"type": "string"},
    "boolean()": {"type": "boolean"},
    "integer()": {"type": "integer"},
    "pos_integer()": {"type": "integer", "minimum": 1},
    "non_neg_integer()": {"type": "integer", "minimum": 0},
    "number()": {"type": "number"},
    "float()": {"type": "number", "x-elixir-type": "float"},
    "module()": {"type": "string", "x-elixir-type": "module"},
    "DateTime.t()": {"type": "string", "x-elixir-type": "timestamp", "format": "date-time"},
}
# Where the schema is deliberately not what the type says: hub names are text, and no wait is shorter than 1 ms.
NARROWED: dict[tuple[str, str], Raw] = {
    ("CrucibleIR.DatasetRef", "name"): {"type": "string", "x-elixir-type": None},
    ("CrucibleIR.Backend.Options", "timeout_ms"): {"type": "integer", "minimum": 1},
}


def expected(members: list[str], named: dict[str, str], module: str) -> Raw:
    """What a schema must say of a value of this union, null left aside; {} where only its nullability is checked."""
    members = [member for member in members if member != "nil"]
    atoms = [member[1:] for member in members if re.fullmatch(r":\w+", member)]
    if atoms and len(atoms) == len(members):
        return {"type": "string", "x-elixir-type": "atom", "enum": atoms}
    if atoms and members[-1] == "atom()" and len(atoms) == len(members) - 1:
        return {"type": "string", "x-elixir-type": "atom", "examples": atoms, "enum": None}
    if members == ["atom()"]:
        return {"type": "string", "x-elixir-type": "atom", "enum": None}
    if members == ["atom()", "String.t()"]:
        return {"type": "string", "x-elixir-type": None}
    [member] = members if len(members) == 1 else ["mixed"]
    if member == "map()":
        return {"type": "object", "x-elixir-type": {"map", "text_map"}}
    if member == "t()":
        return {"$ref": IR[module]}
    if (struct := member.removesuffix(".t()")) in IR:
        return {"$ref": IR[struct]}
    if member.startswith("["):
        return {"type": "array", "items": expected(alternatives(member[1:-1], named), named, module)}
    return {"x-elixir-type": None} | SCALARS[member] if member in SCALARS else {}


def assert_says(raw: Raw, wanted: Raw, base: str) -> None:
    for keyword, value in wanted.items():
        if keyword == "$ref":
            assert locate(raw["$ref"], base)[0] == value
        elif keyword == "items":
            assert_says(raw["items"], value, base)
        elif isinstance(value, set):
            assert raw[keyword] in value
        else:
            assert raw.get(keyword) == value, keyword


def without_null(raw: Raw) -> tuple[Raw, bool]:
    """The schema for values other than null, and whether null is allowed."""
    choices = raw.get("anyOf", [])
    if {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        return (rest[0] | {"description": raw["description"]} if len(rest) == 1 else raw), True
    types = types_of(raw)
    if not types and "$ref" not in raw and not choices:
        return raw, True
    if "null" not in types:
        return raw, False
    rest_types = [type_ for type_ in types if type_ != "null"]
    stripped = raw | {"type": rest_types[0] if len(rest_types) == 1 else rest_types}
    if "enum" in raw:
        stripped["enum"] = [value for value in raw["enum"] if value is not None]
    return stripped, True


def test_every_struct_has_a_file_named_after_it() -> None:
    assert set(IR) == set(STRUCTS)
    assert len(IR) == 23
    classes = [SCHEMAS[key]["x-python-class"] for key in IR.values()]
    assert len(set(classes)) == len(classes)


@pytest.mark.parametrize("module", STRUCTS)
def test_struct_has_the_fields_of_the_contract(module: str) -> None:
    schema, struct = SCHEMAS[IR[module]], STRUCTS[module]
    assert list(schema["properties"]) == [field["name"] for field in struct["fields"]]
    assert schema["x-enforce"] == struct["enforce_keys"]
    assert schema["x-contract"] == "crucible_ir@0.3.0"
    # The id of a training configuration is the recipe's, and the rest may be inherited: recipe.schema.json asks for it.
    required = [] if module == "CrucibleIR.Training.Config" else struct["enforce_keys"]
    assert schema.get("required", []) == required
    assert set(schema.get("x-print-first", [])) <= set(schema["properties"])
    assert schema.get("x-short", "id" if "id" in schema["properties"] else None) in [*schema["properties"], None]


@pytest.mark.parametrize(
    ("module", "field"), [(module, field) for module, struct in STRUCTS.items() for field in struct["fields"]]
)
def test_field_has_the_type_and_default_of_the_contract(module: str, field: Raw) -> None:
    key, name, named = IR[module], field["name"], STRUCTS[module]["types"]
    raw = SCHEMAS[key]["properties"][name]
    default = elixir_value(field["default"])
    assert raw.get("default") == default
    assert isinstance(raw.get("default"), type(default))
    members = alternatives(field["type"], named)
    stripped, nullable = without_null(raw)
    assert nullable is ("nil" in members or field["type"] == "term()")
    wanted = NARROWED.get((module, name)) or expected(members, named, module)
    assert_says(stripped, wanted, key)


def test_named_values_of_nested_types_are_the_contract_s() -> None:
    prompt, completion = SCHEMAS["ir/backend_prompt.schema.json"], SCHEMAS["ir/backend_completion.schema.json"]
    named = STRUCTS["CrucibleIR.Backend.Prompt"]["types"] | STRUCTS["CrucibleIR.Backend.Completion"]["types"]
    for shape, text in [
        (prompt["$defs"]["message"], named["message"]),
        (prompt["$defs"]["tool_call"], named["tool_call"]),
        (completion["$defs"]["choice"], named["choice"]),
        (completion["$defs"]["usage"], named["usage"]),
    ]:
        found = dict(re.findall(r"(\w+): ([^,}]+(?:\{[^}]*\})?)", text))
        assert list(shape["properties"]) == list(found)
        assert shape["required"] == [name for name, type_ in found.items() if not type_.strip().endswith("nil")]
    roles = re.findall(r":(\w+)", named["role"])
    assert prompt["$defs"]["message"]["properties"]["role"]["enum"] == roles
    kinds = re.findall(r"type: :(\w+)", named["content_part"])
    assert [part["properties"]["type"]["const"] for part in prompt["$defs"]["content_part"]["anyOf"]] == kinds
    assert prompt["properties"]["tool_choice"]["anyOf"][0]["enum"] == re.findall(r":(\w+) ", named["tool_choice"])
    finish = re.findall(r":(\w+)", named["finish_reason"])
    assert completion["$defs"]["choice"]["properties"]["finish_reason"]["enum"] == finish


# The stages against the contracts


def contract_of(schema: Raw) -> Raw:
    return CONTRACTS[schema["x-contract"].replace("@", "-")]


def test_every_stage_of_the_contracts_has_a_file_named_after_it() -> None:
    described = {module for contract in CONTRACTS.values() for module in contract.get("stages", {})}
    assert set(STAGES) == described
    for key, schema in SCHEMAS.items():
        if "x-stage" in schema:
            assert key == f"stages/{schema['x-stage']['name']}.schema.json"


@pytest.mark.parametrize("module", STAGES)
def test_stage_is_the_contract_s(module: str) -> None:
    schema = STAGES[module]
    info, contract = schema["x-stage"], contract_of(schema)
    assert info["name"] == contract["stages"][module]["name"]
    package, _, requirement = info["package"].partition(" ~> ")
    assert package == contract["package"]
    assert contract["version"].startswith(requirement + ".")
    known = {other["x-stage"]["name"] for other in STAGES.values()}
    assert set(info["requires"]) <= known - {info["name"]}


def test_each_recipe_type_has_one_training_stage() -> None:
    types = [type_ for schema in TRAINING.values() for type_ in schema["x-stage"]["types"]]
    assert sorted(types) == sorted(TYPES)
    assert {f"options/{kind}.schema.json" for kind in KINDS} | {"options/common.schema.json"} == {
        key for key in SCHEMAS if key.startswith("options/")
    }


@pytest.mark.parametrize("module", TRAINING)
def test_training_stage_has_the_options_of_its_struct(module: str) -> None:
    schema = TRAINING[module]
    struct = {field["name"]: field for field in contract_of(schema)["stages"][module]["options_struct"]["fields"]}
    properties = schema["properties"]
    assert set(properties) == set(struct)
    assert next(iter(properties)) == "training_config"
    for name, raw in properties.items():
        assert ("x-from" in raw) is not ("x-inject" in raw), name
        if name == "training_config":
            continue  # always fed, so that its default %{} never comes in
        assert raw.get("default") == elixir_value(struct[name]["default"]), name
        live = not re.search(r"integer|float|lr_schedule", struct[name]["type"])
        assert ("x-inject" in raw) is live, name
    live_last = [name for name, raw in properties.items() if "x-inject" in raw]
    assert list(properties)[1 : len(live_last) + 1] == live_last
    assert live_last[0] == "ports"
    assert live_last[-2:] == ["log_path", "logger"]


@pytest.mark.parametrize("module", STAGES)
def test_live_values_have_types_that_need_no_package(module: str) -> None:
    for name, raw in STAGES[module]["properties"].items():
        if "x-inject" not in raw:
            continue
        inject = Inject(kind=raw["x-inject"]["type"])
        python, elixir = (registry.get(language).type_of(inject) for language in ("python", "elixir"))
        names = {node.id for node in ast.walk(ast.parse(python, mode="eval")) if isinstance(node, ast.Name)}
        assert names <= {"Ports", "Path", "str", "Any"}, name
        assert set(re.findall(r"[A-Z]\w*", elixir)) <= {"Path"}, name


def test_unused_options_say_so() -> None:
    supervised = TRAINING["CrucibleTrain.Stages.SupervisedTrain"]["properties"]
    unused = {name for name, raw in supervised.items() if "x-no-effect" in raw}
    assert unused == {"batch_size", "save_every", "eval_every"}
    for key in FILES:
        for where, _, raw in fields(key):
            for release in raw.get("x-no-effect", []):
                assert release.replace("@", "-") in CONTRACTS, where
                assert release.replace("@", " ") in raw["description"], where


def test_enumerations_hold_what_runs() -> None:
    """The values that describe/1 lists and that fail, or that run without being listed, as measured."""
    deploy = STAGES["CrucibleDeployment.Stages.Deploy"]["properties"]
    assert deploy["target"]["enum"] == ["vllm", "tgi", "kubernetes", "noop", "ollama", "huggingface"]
    assert deploy["strategy"]["enum"] == ["canary", "blue_green", "replace", "ab_test"]
    register = STAGES["CrucibleModelRegistry.Stages.Register"]["properties"]
    assert register["lineage_type"]["enum"] == [
        "fine_tuned_from",
        "distilled_from",
        "rl_trained_from",
        "dpo_trained_from",
    ]
    assert "atom" not in (register["recipe"].get("x-elixir-type") or "")
    feedback = [schema for schema in STAGES.values() if "Feedback" in schema["x-stage"]["module"]]
    assert [schema["x-stage"]["options"] for schema in feedback] == ["keyword", "keyword"]
    assert [schema["x-stage"]["requires"] for schema in feedback] == [["deploy"], ["deploy"]]


def follow(raw: Raw, base: str) -> tuple[Raw, str]:
    raw = without_null(raw)[0]
    while "$ref" in raw:
        base, raw = locate(raw["$ref"], base)
        raw = without_null(raw)[0]
    return raw, base


@pytest.mark.parametrize("module", STAGES)
def test_every_source_is_a_field_of_the_recipe(module: str) -> None:
    info = STAGES[module]["x-stage"]
    for name, option in STAGES[module]["properties"].items():
        if "x-from" not in option:
            continue
        for type_ in info.get("types", TYPES):
            raw, base = SCHEMAS["recipe.schema.json"], "recipe.schema.json"
            path = option["x-from"].split(".")
            for number, step in enumerate(path):
                if path[:number] == ["training_config", "options"]:
                    raw, base = follow({"$ref": f"{type_}.schema.json"}, "options/common.schema.json")
                assert step in raw.get("properties", {}), f"{name} of {type_}: {option['x-from']}"
                raw, base = follow(raw["properties"][step], base)
            if option.get("enum"):
                assert option["enum"] == raw["enum"], name
            if len(path) > 1:
                assert set(types_of(raw)) - {"object"} <= set(types_of(option)), name


# Options


def test_each_option_is_described_once() -> None:
    seen: dict[str, set[str]] = {}
    for kind in KINDS:
        properties = SCHEMAS[f"options/{kind}.schema.json"]["properties"]
        assert list(properties) == sorted(properties)
        for name, raw in properties.items():
            if name != "method":  # it has one value in each
                seen.setdefault(name, set()).add(raw.get("$ref", repr(raw)))
    common = SCHEMAS["options/common.schema.json"]["$defs"].keys() - {"method"}
    own = {name for name, sources in seen.items() if not any(source.startswith("common.") for source in sources)}
    assert set(seen) - own == set(common)
    for name in set(seen) - own:
        shared = f"common.schema.json#/$defs/{name}"
        assert seen[name] == {shared} or name == "kl_penalty_coef", name
    for name in own - {"kl_penalty_coef"}:
        assert len(seen[name]) == 1, name


# Recipes

SL_BASIC: Raw = {
    "id": "sl_basic",
    "type": "supervised",
    "description": "Supervised fine-tuning on no_robots.",
    "extends": "fragments/qwen3.5-9b-base.yaml",
    "training_config": {
        "dataset_ref": {"name": "HuggingFaceH4/no_robots", "provider": "huggingface"},
        "epochs": 1,
        "batch_size": 128,
        "learning_rate": 2.0e-4,
        "checkpoint_every": 20,
        "options": {
            "eval_every": 8,
            "lora_rank": 32,
            "lr_schedule": "linear",
            "max_length": 32768,
            "train_on_what": "all_assistant_messages",
        },
    },
    "mlops": {"register": {"model_name": "sl_basic"}, "deploy": {"target": "vllm", "strategy": "canary"}},
    "evaluation": {
        "max_tokens": 64,
        "tasks": [
            {"name": "arithmetic", "scorer": "contains", "samples": [{"input": "What is 2 + 2?", "target": "4"}]}
        ],
    },
}
LEAST: Raw = {
    "id": "least",
    "type": "supervised",
    "training_config": {"model_ref": "Qwen/Qwen3-8B", "dataset_ref": "no_robots"},
}


def recipe(type_: str = "supervised", options: Raw | None = None, training: Raw | None = None, **rest: Any) -> Raw:
    config = LEAST["training_config"] | (training or {}) | ({} if options is None else {"options": options})
    return LEAST | {"type": type_, "training_config": config} | rest


def evaluated(**task: Any) -> Raw:
    return recipe(evaluation={"tasks": [{"name": "t"} | task]})


SAMPLES = [{"input": "q", "target": "a"}]
GOOD: dict[str, Raw] = {
    "the example": SL_BASIC,
    "the least": LEAST,
    "everything an experiment holds": recipe(
        owner="research",
        tags=["sft", "nightly"],
        metadata={"ticket": 12, "deep": {"er": [1, None]}},
        experiment_type="training",
        created_at="2026-01-31T12:00:00Z",
        backend={"id": "tinker", "fallback": {"id": "local", "fallback": None}},
        dataset="no_robots",
        baseline="gpt-2",
        model_version={"id": "v1", "model_id": "m", "version": "1.0.0", "metrics": {"loss": 0.5}},
        reliability={
            "ensemble": {"strategy": "majority", "models": ["a", "b"], "weights": {"a": 1, "b": 0.5}},
            "hedging": {"strategy": "percentile", "percentile": 0.95, "budget_percent": 15},
            "guardrails": {"profiles": ["strict"], "pii_detection": True},
            "stats": {"tests": ["ttest", "own_test"], "alpha": 0.01},
            "fairness": {"enabled": True, "metrics": ["equalized_odds"], "threshold": 0.8},
            "feedback": {"enabled": True, "sampling_rate": 0.5},
            "drift": {"window": 7},
        },
        outputs=[{"name": "report", "formats": ["markdown", "json"], "sink": "file"}],
    ),
    "an open enumeration takes other names": recipe(training={"optimizer": "lion", "device": "npu"}),
    "null where the struct has nil": recipe(training={"seed": None, "options": None, "early_stopping": None}),
    "early stopping": recipe(training={"validation_split": 0.1, "early_stopping": {"patience": 3, "min_delta": 0.01}}),
    "a seed of 63 bits": recipe(training={"seed": 2**63 - 1}),
    "a base that gives the rest": {"extends": ["a.yaml", "b.yaml"], "training_config": {"epochs": 2}},
    "stages before and after": recipe(
        stages={
            "before": [{"stage": "validate", "options": {"strict": True}}],
            "after": [{"stage": "report", "name": "final_report", "enabled": False}, {"stage": "acme_publish"}],
        }
    ),
    "all of mlops": recipe(
        mlops={
            "register": {
                "model_name": "m",
                "artifacts": [{"type": "checkpoint", "storage_backend": "local", "storage_path": "a/b"}],
                "lineage_type": "fine_tuned_from",
            },
            "deploy": {"target": "kubernetes", "config": {"replicas": 2}},
            "feedback": {"format": "jsonl", "limit": 10},
            "triggers": {"drift_threshold": 0.3, "storage": "Acme.Storage"},
        }
    ),
    "evaluation of a data set": evaluated(
        dataset="openai/gsm8k", input_column="question", target_column="answer", limit=5
    ),
    "evaluation as a stage": recipe(
        evaluation={
            "as": "stage",
            "module": "Acme.Evaluate",
            "name": "check",
            "tasks": [{"name": "t", "samples": SAMPLES}],
        }
    ),
    "profiles that remove": recipe(
        profiles={"smoke": {"mlops": None, "training_config": {"options": {"max_steps": 2}}}}
    ),
    "rl": recipe(
        "rl",
        {
            "env": "own_env",
            "group_size": 16,
            "max_tokens": 256,
            "temperature": 1.0,
            "loss": "ppo",
            "loss_config": {"clip_low_threshold": 0.8},
            "kl_penalty_coef": 0,
            "num_substeps": 1,
        },
    ),
    "preference": recipe("preference", {"beta": 0.1, "reference_model": "Qwen/Qwen3-8B", "lora_rank": 32}),
    "on-policy distillation": recipe("distillation", {"teacher_model": "Qwen/Qwen3-32B", "kl_discount_factor": 0.0}),
    "on-policy distillation by name": recipe("distillation", {"method": "on_policy", "group_size": 4}),
    "prompt distillation": recipe(
        "distillation",
        {"method": "prompt", "teacher_model": "Qwen/Qwen3-32B", "answer_regex": "Answer: (\\w+)", "num_samples": 1},
    ),
    "a base that may have the method": {
        "id": "later",
        "type": "distillation",
        "extends": "base.yaml",
        "training_config": {"options": {"teacher_prompt": "{text}"}},
    },
}
BAD: dict[str, tuple[Raw, str, str]] = {
    "a blank model": (recipe(training={"model_ref": {"id": " "}}), "training_config.model_ref.id", "pattern"),
    "a name that MLflow refuses": (
        LEAST | {"mlops": {"register": {"model_name": "org/model"}}},
        "mlops.register.model_name",
        "pattern",
    ),
    "a name of MLflow with a colon": (
        LEAST | {"mlops": {"register": {"model_name": "a:b"}}},
        "mlops.register.model_name",
        "pattern",
    ),
    "an unknown setting of a target": (
        LEAST | {"mlops": {"deploy": {"target": "kubernetes", "config": {"replica": 2}}}},
        "mlops.deploy.config",
        "additionalProperties",
    ),
    "a setting of another target": (
        LEAST | {"mlops": {"deploy": {"target": "ollama", "config": {"namespace": "a"}}}},
        "mlops.deploy.config",
        "additionalProperties",
    ),
    "a setting of the default target": (
        LEAST | {"mlops": {"deploy": {"config": {"replicas": 0}}}},
        "mlops.deploy.config.replicas",
        "minimum",
    ),
    "a namespace in capitals": (
        LEAST | {"mlops": {"deploy": {"target": "kubernetes", "config": {"namespace": "My_NS"}}}},
        "mlops.deploy.config.namespace",
        "pattern",
    ),
    "no id": ({key: LEAST[key] for key in ("type", "training_config")}, "", "required"),
    "no model": (LEAST | {"training_config": {"dataset_ref": "d"}}, "training_config", "required"),
    "an id that is no name": (LEAST | {"id": "1st"}, "id", "pattern"),
    "an unknown type": (LEAST | {"type": "sft"}, "type", "enum"),
    "an unknown field": (LEAST | {"desciption": "x"}, "", "additionalProperties"),
    "an unknown training field": (recipe(training={"epoch": 1}), "training_config", "additionalProperties"),
    "an unknown option": (recipe(options={"lora_rnk": 1}), "training_config.options", "additionalProperties"),
    "an option of another type": (recipe(options={"group_size": 4}), "training_config.options", "additionalProperties"),
    "a teacher's prompt in supervised training": (
        recipe(options={"teacher_prompt": "{text}"}),
        "training_config.options",
        "additionalProperties",
    ),
    "a teacher's prompt in on-policy distillation": (
        recipe("distillation", {"teacher_prompt": "{text}"}),
        "training_config.options",
        "additionalProperties",
    ),
    "rollouts in prompt distillation": (
        recipe("distillation", {"method": "prompt", "group_size": 4}),
        "training_config.options",
        "additionalProperties",
    ),
    "an unknown method": (recipe("distillation", {"method": "off_policy"}), "training_config.options.method", "enum"),
    "a method where the type is something else": (
        recipe("supervised", {"method": "prompt"}),
        "training_config.options",
        "additionalProperties",
    ),
    "no epochs": (recipe(training={"epochs": 0}), "training_config.epochs", "minimum"),
    "half a batch": (recipe(training={"batch_size": 1.5}), "training_config.batch_size", "type"),
    "a learning rate of 0": (
        recipe(training={"learning_rate": 0}),
        "training_config.learning_rate",
        "exclusiveMinimum",
    ),
    "a learning rate in quotes": (recipe(training={"learning_rate": "1e-4"}), "training_config.learning_rate", "type"),
    "a learning rate of null": (recipe(training={"learning_rate": None}), "training_config.learning_rate", "type"),
    "a split of 1": (recipe(training={"validation_split": 1}), "training_config.validation_split", "exclusiveMaximum"),
    "clipping to 0": (
        recipe(training={"gradient_clipping": 0.0}),
        "training_config.gradient_clipping",
        "exclusiveMinimum",
    ),
    "a checkpoint every 0": (recipe(training={"checkpoint_every": 0}), "training_config.checkpoint_every", "minimum"),
    "a seed of 64 bits": (recipe(training={"seed": 2**63}), "training_config.seed", "maximum"),
    "a negative seed": (recipe(training={"seed": -1}), "training_config.seed", "minimum"),
    "an empty model": (recipe(training={"model_ref": ""}), "training_config.model_ref", "minLength"),
    "a model without id": (recipe(training={"model_ref": {}}), "training_config.model_ref", "required"),
    "a schedule that the stage refuses": (
        recipe(options={"lr_schedule": "warmup"}),
        "training_config.options.lr_schedule",
        "enum",
    ),
    "a negative temperature": (
        recipe("rl", {"temperature": -1.0}),
        "training_config.options.temperature",
        "exclusiveMinimum",
    ),
    "a loss of supervision in rl": (recipe("rl", {"loss": "cross_entropy"}), "training_config.options.loss", "enum"),
    "no batches": (recipe("rl", {"num_batches": 0}), "training_config.options.num_batches", "minimum"),
    "a beta of 0": (recipe("preference", {"beta": 0}), "training_config.options.beta", "exclusiveMinimum"),
    "a discount above 1": (
        recipe("distillation", {"kl_discount_factor": 1.1}),
        "training_config.options.kl_discount_factor",
        "maximum",
    ),
    "a teacher who writes where it only judges": (
        recipe("distillation", {"teacher_prompt": "Say it in French: {text}"}),
        "training_config.options",
        "additionalProperties",
    ),
    "an unknown teacher option": (
        recipe("distillation", {"teacher": "x"}),
        "training_config.options",
        "additionalProperties",
    ),
    "alpha of 1": (recipe(reliability={"stats": {"alpha": 1.0}}), "reliability.stats.alpha", "exclusiveMaximum"),
    "a percentile in percent": (
        recipe(reliability={"hedging": {"percentile": 95}}),
        "reliability.hedging.percentile",
        "exclusiveMaximum",
    ),
    "a closed enumeration": (
        recipe(reliability={"ensemble": {"strategy": "vote"}}),
        "reliability.ensemble.strategy",
        "enum",
    ),
    "a target that fails": (
        recipe(mlops={"register": {"model_name": "m"}, "deploy": {"target": "triton"}}),
        "mlops.deploy.target",
        "enum",
    ),
    "a strategy that fails": (recipe(mlops={"deploy": {"strategy": "rolling"}}), "mlops.deploy.strategy", "enum"),
    "a lineage that fails": (
        recipe(mlops={"register": {"model_name": "m", "lineage_type": "merge"}}),
        "mlops.register.lineage_type",
        "enum",
    ),
    "register without a name": (recipe(mlops={"register": {}}), "mlops.register", "required"),
    "an unknown mlops stage": (recipe(mlops={"registry": {}}), "mlops", "additionalProperties"),
    "a format that fails": (recipe(mlops={"feedback": {"format": "csv"}}), "mlops.feedback.format", "enum"),
    "samples and a data set": (
        evaluated(samples=SAMPLES, dataset="d", input_column="a", target_column="b"),
        "evaluation.tasks.0",
        "oneOf",
    ),
    "neither samples nor a data set": (evaluated(scorer="contains"), "evaluation.tasks.0", "oneOf"),
    "a data set without columns": (evaluated(dataset="d"), "evaluation.tasks.0", "dependentRequired"),
    "columns without a data set": (
        evaluated(samples=SAMPLES, input_column="a"),
        "evaluation.tasks.0",
        "dependentRequired",
    ),
    "an unknown scorer": (evaluated(samples=SAMPLES, scorer="bleu"), "evaluation.tasks.0.scorer", "enum"),
    "no samples": (evaluated(samples=[]), "evaluation.tasks.0.samples", "minItems"),
    "a stage without module": (
        recipe(evaluation={"as": "stage", "tasks": [{"name": "t", "samples": SAMPLES}]}),
        "evaluation",
        "required",
    ),
    "a module in lower case": (
        recipe(evaluation={"module": "acme", "tasks": [{"name": "t", "samples": SAMPLES}]}),
        "evaluation.module",
        "pattern",
    ),
    "a stage without its name": (recipe(stages={"before": [{"name": "x"}]}), "stages.before.0", "required"),
    "a profile with an id": (recipe(profiles={"p": {"id": "x"}}), "profiles.p", "additionalProperties"),
    "a profile with a typo": (recipe(profiles={"p": {"trainingconfig": {}}}), "profiles.p", "additionalProperties"),
    "no bases": (LEAST | {"extends": []}, "extends", "minItems"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_recipe(name: str) -> None:
    assert recipes().errors(GOOD[name]) == set()
    assert recipes().accepts(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_bad_recipe(name: str) -> None:
    document, path, keyword = BAD[name]
    assert not recipes().accepts(document)
    assert (path, keyword) in recipes().errors(document)


def test_a_base_may_give_what_a_whole_recipe_must_have() -> None:
    part = {"training_config": {"epochs": 2}}
    assert recipes().errors(part) == {("", "required"), ("training_config", "required")}
    assert recipes().accepts(part | {"extends": "base.yaml"})


def test_a_profile_may_change_all_but_what_a_recipe_is() -> None:
    properties = SCHEMAS["recipe.schema.json"]["properties"]
    names = properties["profiles"]["additionalProperties"]["properties"]
    assert list(names) == [name for name in properties if name not in ("id", "type", "extends", "profiles")]


def test_each_kind_has_its_own_options() -> None:
    *rules, method = SCHEMAS["recipe.schema.json"]["allOf"][1:]
    for rule, kind in zip(rules, KINDS, strict=True):
        assert rule["if"]["properties"]["type"]["const"] == KINDS[kind]
        options = rule["then"]["properties"]["training_config"]["properties"]["options"]
        assert options == {"$ref": f"options/{kind}.schema.json"}
    assert method["if"] == {"properties": {"type": {"const": "distillation"}}, "required": ["type"]}
    values = SCHEMAS["options/common.schema.json"]["$defs"]["method"]["enum"]
    assert values == [
        value
        for kind in ("distillation", "prompt_distillation")
        for value in SCHEMAS[f"options/{kind}.schema.json"]["properties"]["method"]["enum"]
    ]
    others = SCHEMAS["engine.schema.json"]["$defs"]["kind"]["anyOf"][1]["enum"]
    assert [*TYPES, *others] == [*KINDS]


def test_mlops_are_the_stages_that_say_so() -> None:
    mlops = SCHEMAS["recipe.schema.json"]["properties"]["mlops"]["properties"]
    named = {locate(raw["$ref"], "recipe.schema.json")[1]["x-stage"]["name"] for raw in mlops.values()}
    assert list(mlops) == ["register", "deploy", "feedback", "triggers"]
    assert named == {s["x-stage"]["name"] for s in STAGES.values() if s["x-stage"]["role"] == "mlops"}


def test_listed_stages_are_the_shipped_ones() -> None:
    examples = SCHEMAS["recipe.schema.json"]["$defs"]["stage"]["properties"]["stage"]["examples"]
    assert examples == sorted(s["x-stage"]["name"] for s in STAGES.values() if s["x-stage"]["role"] == "stage")


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*path, step))


def put(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_both_libraries_agree_on_changed_recipes(data: st.DataObject) -> None:
    document = GOOD[data.draw(st.sampled_from(sorted(GOOD)))]
    path = data.draw(st.sampled_from(sorted(places(document), key=repr)))
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    leaf = scalars | st.sampled_from(["linear", "stage", "rl", 0, 1, 1.0, 0.5, -1, 2**64])
    new = data.draw(leaf | st.lists(leaf, max_size=2) | st.dictionaries(st.sampled_from(["id", "name", "x"]), leaf))
    changed = put(document, path, new)
    assert recipes().accepts(changed) in (True, False)

"""Hypothesis strategies for whole recipes, driven by the schemas themselves: what they allow is what is drawn.

A schema in, a strategy for values that it accepts out. The text in a recipe is hostile: code of both languages, of
templates and of YAML, quotes, control characters, and letters of every kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from crucible_gen.languages import registry
from crucible_gen.languages.elixir.printer import atom_problem
from crucible_gen.schemas import Schemas, at
from crucible_gen.schemas.bundle import bundle
from hypothesis import strategies as st
from strategies import short_texts, texts, words

Raw: TypeAlias = Mapping[str, Any]
Recipe: TypeAlias = dict[str, Any]

ATTACKS = [
    "#{System.halt(1)}",
    '"""\n#{System.halt(1)}\n"""',
    '"""',
    "'''",
    '" <> System.halt(1) <> "',
    '"""; import os; os._exit(1); """',
    "\\N{BULLET} \\x41 \\u{41} \\",
    "{{ 7*7 }} {% raw %} {# gone #}",
    "%{} ~s(x) ?a :atom <%= 1 %>",
    "\n@behaviour CrucibleRecipesRuntime.Recipe\n  @behaviour Recipe\n",
    "\ndefmodule Evil do\nend",
    "\nend\nend",
    "# gen: inputs=0 body=0",
    "%s {0} ${HOME} $(reboot) `reboot`",
    "!!python/object/apply:os._exit [1]",
    "trailing  ",
    "\ttab\r\nline\rend",
    "  - item\n\n      code\n* star",
    "word " * 40,
    "x" * 200,
    "long " * 60 + "#{1}",
    "Nä\u0301me\n  indented\n\n\n\nfar",
]
MODULES = ["Acme.Checker", "Config.Loader", "A", "Elixir2.B_c", "Acme.Very.Long.Name.That.Goes.On.And.On.For.A.While.X"]
MOMENTS = [
    "2026-01-31T12:00:00Z",
    "1999-12-31T23:59:59.123456+05:30",
    "2024-02-29T00:00:00.5-11:00",
    "2026-01-31T12:00:00.25Z",
]

hostile_texts = st.one_of(st.sampled_from(ATTACKS), short_texts, texts, words)
atom_texts = st.one_of(words, words, short_texts, st.sampled_from(ATTACKS)).filter(lambda name: not atom_problem(name))
integers = st.one_of(st.integers(0, 10), st.integers(-(2**63), 2**63 - 1))
numbers = st.one_of(
    integers, st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.1, 2.0e-4, 1.0, -0.0])
)
NOT_BLANK, MODEL_NAME = r"\S", r"^(?!\s*$)(?!\.{1,2}$)[^/:]+$"
"""Patterns of text that may be hostile otherwise."""
stems = st.from_regex(r"[a-z][a-z0-9]{1,8}(_[a-z0-9]{1,6}){0,2}", fullmatch=True)
"""Beginnings of ids; what is put behind them makes each its own."""

# What a map may hold of which no schema says anything. A null in a recipe removes, so none stands right in a map.
_leaves = st.one_of(st.booleans(), numbers, hostile_texts)


def _free(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(st.lists(st.one_of(inner, st.none()), max_size=4), st.dictionaries(keys, inner, max_size=4))

    return st.recursive(_leaves, around, max_leaves=8)


free_values = _free(atom_texts)
text_values = _free(hostile_texts)


class Draw:
    """The strategies of a set of schemas, each made once."""

    def __init__(self, schemas: Schemas) -> None:
        """Schemas of third parties are among them."""
        self.schemas = schemas
        self.root = bundle(schemas)
        self._refs: dict[str, st.SearchStrategy[Any]] = {}

    def values(self, raw: Raw) -> st.SearchStrategy[Any]:
        """What this schema accepts, a null left out."""
        if "$ref" in raw:
            return self._ref(raw["$ref"])
        if "enum" in raw:
            return st.sampled_from([value for value in raw["enum"] if value is not None])
        if "const" in raw:
            return st.just(raw["const"])
        for combiner in ("anyOf", "oneOf"):
            if combiner in raw and "properties" not in raw:
                return st.one_of([self.values(choice) for choice in raw[combiner] if choice.get("type") != "null"])
        declared = raw.get("type", ())
        types = [declared] if isinstance(declared, str) else [type_ for type_ in declared if type_ != "null"]
        if not types:
            return free_values
        return st.one_of([self._typed(type_, raw) for type_ in types])

    def fields(self, raw: Raw, replaced: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
        """A mapping of this schema's properties, those in `replaced` drawn otherwise; None there leaves one out."""
        properties = {name: self.values(sub) for name, sub in raw["properties"].items() if name not in replaced}
        properties |= replaced
        required = set(raw.get("required", ()))
        # As an optional key of `fixed_dictionaries`, a field would be there too seldom to meet many others.
        drawn = {name: value if name in required else st.none() | value for name, value in properties.items()}
        return st.fixed_dictionaries(drawn).map(_said)

    def _ref(self, ref: str) -> st.SearchStrategy[Any]:
        if ref not in self._refs:
            deferred = self._refs[ref] = st.deferred(lambda: self._refs[ref + " made"])
            self._refs[ref + " made"] = self.values(at(self.root, ref.removeprefix("#")))
            return deferred
        return self._refs[ref]

    def _typed(self, type_: str, raw: Raw) -> st.SearchStrategy[Any]:
        match type_:
            case "boolean":
                return st.booleans()
            case "integer":
                low, high = raw.get("minimum", -(2**63)), raw.get("maximum", 2**63 - 1)
                return st.one_of(st.integers(low, min(high, low + 9)), st.integers(low, high))
            case "number":
                return self._number(raw)
            case "string" if "x-short" in raw:
                return self.values(raw["properties"][raw["x-short"]])
            case "string":
                return self._text(raw)
            case "array":
                return self._list(raw)
        return self._mapping(raw)

    def _number(self, raw: Raw) -> st.SearchStrategy[float]:
        low = raw.get("minimum", raw.get("exclusiveMinimum"))
        high = raw.get("maximum", raw.get("exclusiveMaximum"))
        whole = st.sampled_from([0, 1, 2, 7, 10**6, -3])
        some = st.sampled_from([0.1, 0.5, 1.0e-8, 2.0e-4, 0.95, 0.999, 123456.0, 1.0e16])
        drawn = st.one_of(some, whole, st.floats(low, high, allow_nan=False, allow_infinity=False))
        return drawn.filter(lambda value: _within(value, raw))

    def _text(self, raw: Raw) -> st.SearchStrategy[str]:
        match raw.get("x-elixir-type"), raw.get("format"), raw.get("pattern"):
            case "module", _, _:
                return st.sampled_from(MODULES)
            case "timestamp", _, _:
                return st.sampled_from(MOMENTS)
            case _, "regex", _:
                return st.sampled_from([r"^(\d+)$", "#\\{(.*)\\}", '"""(x)"""', "(?i)answer: (.+)"])
            case _, _, str(pattern) if pattern not in (NOT_BLANK, MODEL_NAME):
                return st.from_regex(pattern, fullmatch=True).filter(lambda text: not text.endswith("\n"))
            case "atom", _, _:
                drawn = atom_texts
            case _:
                drawn = hostile_texts
        low, high = raw.get("minLength", 0), raw.get("maxLength", 10**6)
        fits = re.compile(raw.get("pattern", "")).search
        if raw.get("pattern") == MODEL_NAME:
            drawn = drawn.map(lambda text: re.sub("[/:]", "-", text))
        return drawn.filter(lambda text: low <= len(text) <= high and fits(text) is not None)

    def _list(self, raw: Raw) -> st.SearchStrategy[list[Any]]:
        items = self.values(raw["items"]) if isinstance(raw.get("items"), dict) else free_values
        low = raw.get("minItems", 0)
        high = raw.get("maxItems", max(low, 3))
        drawn = st.lists(items, min_size=low, max_size=high)
        # Not `unique_by`, which writes the strategy out, however large, when it draws again.
        return drawn.map(lambda found: _once(found, _written)) if raw.get("uniqueItems") else drawn

    def _mapping(self, raw: Raw) -> st.SearchStrategy[dict[str, Any]]:
        low = raw.get("minProperties", 0)
        others = raw.get("additionalProperties", True)
        is_text = raw.get("x-elixir-type") == "text_map"
        if "target" in raw.get("properties", {}) and "allOf" in raw:
            return st.one_of([self._deployment(raw, rule) for rule in raw["allOf"]])
        if raw.get("properties") or others is False:
            drawn = self.fields(raw, {})
        elif isinstance(others, dict):
            keys = self.values(raw["propertyNames"]) if "propertyNames" in raw else atom_texts
            return st.dictionaries(keys, self.values(others), min_size=low, max_size=4)
        else:
            keys, values = (hostile_texts, text_values) if is_text else (atom_texts, free_values)
            return st.dictionaries(keys, values, min_size=low, max_size=4)
        return drawn.filter(lambda found: len(found) >= low) if low else drawn

    def _deployment(self, raw: Raw, rule: Raw) -> st.SearchStrategy[dict[str, Any]]:
        """The options of a deployment to the target of one rule, with settings that this target has."""
        target = st.just(rule["if"]["properties"]["target"]["const"])
        config = self.values({"type": "object", **rule["then"]["properties"]["config"]})
        return self.fields({**raw, "required": ["target"]}, {"target": target, "config": config})

    def recipes(self) -> st.SearchStrategy[tuple[Recipe, dict[str, Any]]]:
        """Valid recipes of every kind, each with overrides; only a batch can make their ids unique."""
        kinds = {kind: (self.recipe(kind), self.overrides(kind)) for kind in sorted(self.schemas.kinds)}

        @st.composite
        def pair(draw: st.DrawFn) -> tuple[Recipe, dict[str, Any]]:
            recipe, overrides = kinds[draw(st.sampled_from(list(kinds)))]
            return draw(recipe), draw(overrides)

        return pair()

    def recipe(self, kind: str) -> st.SearchStrategy[Recipe]:
        """Valid recipes of one kind."""
        of = self.schemas.kinds[kind]
        training = at(self.root, self.root["properties"]["training_config"]["$ref"].removeprefix("#"))
        training = dict(training) | {"required": ["model_ref", "dataset_ref"]}
        options = self.values(self._options(kind))
        if not of.default:
            training["required"] += ["options"]
            options = options.map(lambda drawn: {**(drawn or {}), of.option: of.value})
        replaced: dict[str, st.SearchStrategy[Any]] = {
            "type": st.just(of.type),
            "training_config": self.fields(
                training, {"options": st.one_of(options, options, st.none()) if of.default else options}
            ),
            "mlops": self._mlops(),
            "stages": self._stages(),
            "evaluation": self._evaluation(),
            "profiles": st.none(),
            "extends": st.none(),
            "id": stems,
        }
        root = dict(self.root) | {"required": ["id", "type", "training_config"]}
        return self.fields(root, replaced)

    def overrides(self, kind: str) -> st.SearchStrategy[dict[str, Any]]:
        """Valid overrides of a training configuration: some fields, parts of structs, parts of options; no nulls."""
        training = dict(at(self.root, self.root["properties"]["training_config"]["$ref"].removeprefix("#")))
        replaced: dict[str, st.SearchStrategy[Any]] = {"options": self.values(self._options(kind))}
        for name in ("model_ref", "dataset_ref"):
            struct = dict(at(self.root, training["properties"][name]["$ref"].removeprefix("#")))
            replaced[name] = self.fields(struct | {"required": []}, {})
        return self.fields(training | {"required": []}, replaced)

    def _options(self, kind: str) -> Raw:
        part: Raw = {"$ref": f"#/$defs/options.{kind}"}
        return part

    def _mlops(self) -> st.SearchStrategy[Any]:
        raw = self.root["properties"]["mlops"]
        drawn = self.fields(raw, {})
        return drawn.map(lambda found: _runnable(found, list(raw["properties"])))

    def _stages(self) -> st.SearchStrategy[Any]:
        entries = [
            self._stage_entry(name, stage.key)
            for name, stage in self.schemas.stages.items()
            if stage.info.role != "training" and not stage.info.requires
        ]
        lists = st.lists(st.one_of(entries), max_size=3)
        return st.fixed_dictionaries({}, optional={"before": lists, "after": lists}).map(_named_apart)

    def _stage_entry(self, name: str, key: str) -> st.SearchStrategy[Any]:
        properties: Raw = self.root["$defs"]["stage_entry"]["properties"]
        condition = next(
            rule
            for rule in self.root["$defs"]["stage_entry"]["allOf"]
            if rule["if"]["properties"]["stage"]["const"] == name
        )
        options = self.values(condition["then"]["properties"]["options"])
        needed = {"stage": st.just(name), "options": options}
        return st.fixed_dictionaries(
            needed, optional={"name": self.values(properties["name"]), "enabled": st.booleans()}
        )

    def _evaluation(self) -> st.SearchStrategy[Any]:
        raw = dict(self.root["properties"]["evaluation"])
        raw = dict(at(self.root, raw["$ref"].removeprefix("#"))) if "$ref" in raw else raw
        task = dict(at(self.root, raw["properties"]["tasks"]["items"]["$ref"].removeprefix("#")))
        columns = {name: task["properties"][name] for name in ("dataset", "input_column", "target_column", "limit")}
        inline = self.fields(task | {"required": ["name", "samples"]}, {name: st.none() for name in columns})
        of_rows = self.fields(
            task | {"required": ["name", "dataset", "input_column", "target_column"]}, {"samples": st.none()}
        )
        tasks = st.lists(st.one_of(inline, of_rows), min_size=1, max_size=3)
        tasks = tasks.map(lambda found: _once(found, lambda task: str(task["name"])))
        run = self.fields(raw | {"required": ["tasks"]}, {"as": st.none(), "module": st.none(), "tasks": tasks})
        stage = self.fields(raw | {"required": ["as", "module", "tasks"]}, {"as": st.just("stage"), "tasks": tasks})
        return st.one_of(run, run, stage).map(_questions_apart)


def _within(value: float, raw: Raw) -> bool:
    above = value >= raw.get("minimum", value) and ("exclusiveMinimum" not in raw or value > raw["exclusiveMinimum"])
    below = value <= raw.get("maximum", value) and ("exclusiveMaximum" not in raw or value < raw["exclusiveMaximum"])
    return above and below


def _said(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def _once(items: list[Any], key: Callable[[Any], str]) -> list[Any]:
    return list({key(item): item for item in items}.values())


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _runnable(mlops: dict[str, Any], order: Iterable[str]) -> dict[str, Any]:
    """The stages up to the first that has to follow one which is not there."""
    if "register" not in mlops:
        return {}
    if "deploy" not in mlops:
        return {"register": mlops["register"]}
    return {name: mlops[name] for name in order if name in mlops}


def _named_apart(stages: dict[str, Any]) -> dict[str, Any]:
    """Stages with names that no other has."""
    entries = [entry for place in stages.values() for entry in place]
    for number, entry in enumerate(entries):
        name = entry.get("name", entry["stage"])
        if len(name) < 200:
            entry["name"] = f"{name} {number}"
        else:
            entry["name"] = f"stage_{number}"
    return stages


def _questions_apart(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Samples with ids that no other in the task has: neither its id nor its number."""
    for task in evaluation["tasks"]:
        samples = task.get("samples", [])
        if any(not sample["target"].strip() for sample in samples):
            task.pop("scorer", None)  # what every answer contains is no target
        taken = {str(number) for number, _ in enumerate(samples, 1)}
        for sample in samples:
            if "id" in sample and sample["id"] in taken:
                del sample["id"]
            elif "id" in sample:
                taken.add(sample["id"])
    return evaluation


def planted(attack: str) -> Recipe:
    """A recipe with this text in every place that takes any."""
    sample = {"id": attack, "input": attack, "target": attack, "system_prompt": attack}
    name = {"name": attack} if not atom_problem(attack) else {}
    return {
        "id": "planted",
        "type": "supervised",
        "description": attack,
        "owner": attack,
        "metadata": {"free": [attack], **({attack: attack} if name else {})},
        "training_config": {
            "model_ref": attack,
            "dataset_ref": {"name": attack, "schema": {attack: attack}},
            "options": {"renderer_name": attack},
        },
        "stages": {"before": [{"stage": "validate", **name}]},
        "mlops": {
            "register": {"model_name": re.sub("[/:]", "-", attack)[:250]},
            "deploy": {"config": {"args": [attack]}},
        },
        "evaluation": {"stop": [attack], "tasks": [{"name": attack, "samples": [sample]}]},
    }


# Stages of third parties ---------------------------------------------------------------------------------------------

_PLAIN: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "string", "x-elixir-type": "atom"},
    {"type": "string", "x-elixir-type": "module"},
    {"type": "string", "x-elixir-type": "timestamp"},
    {"type": "integer", "minimum": 1},
    {"type": "number"},
    {"type": "number", "x-elixir-type": "float"},
    {"type": "boolean"},
    {"type": "array", "items": {"type": "string", "x-elixir-type": "atom"}},
    {"type": "array"},
    {"type": "object"},
    {"type": "object", "x-elixir-type": "keyword"},
    {"type": "object", "x-elixir-type": "text_map"},
    {"$ref": "ir/model_ref.schema.json"},
    {"$ref": "ir/backend_ref.schema.json"},
    {"type": "array", "items": {"$ref": "ir/output_spec.schema.json"}},
]
_FED: list[dict[str, Any]] = [
    {"type": "string", "x-from": "id"},
    {"type": "string", "x-from": "owner"},
    {"type": "object", "x-from": "backend"},
    {"type": "object", "x-from": "dataset"},
    {"type": "string", "x-elixir-type": "atom", "x-from": "dataset.split"},
    {"type": "object", "x-from": "training_config"},
    {"type": "boolean", "x-from": "training_config.mixed_precision", "default": False},
    {"type": "integer", "x-from": "training_config.options.lora_rank"},
    {"type": "integer", "x-from": "training_config.early_stopping.patience", "default": 2},
    {"type": "number", "x-elixir-type": "float", "x-from": "training_config.validation_split", "default": 1},
    {"type": "string", "x-from": "training_config.model_ref.version"},
    {"type": "object", "x-from": "reliability"},
    {"type": "integer", "x-from": "evaluation.max_tokens"},
]
_LIVE: list[dict[str, Any]] = [
    {"x-inject": {"elixir": "pid() | nil", "python": "Any", "needed": needed}} for needed in (True, False)
]


def stage_schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Stage schemas of third parties; their names are unique only by what a batch puts behind them."""
    properties = st.dictionaries(
        words.filter(
            lambda name: name not in {"ports", "training_config", "log_path", *registry.get("python").run_values}
        ),
        st.tuples(st.sampled_from([*_PLAIN, *_PLAIN, *_FED, *_FED, *_LIVE]), hostile_texts.filter(str.strip)).map(
            lambda drawn: {**drawn[0], "description": drawn[1]}
        ),
        min_size=8,
        max_size=16,
    )
    stage = st.fixed_dictionaries(
        {
            "name": st.just("acme_stage"),
            "module": st.sampled_from(MODULES),
            "options": st.sampled_from(["map", "keyword"]),
        }
    )
    return st.builds(_stage_schema, stage, properties, hostile_texts.filter(str.strip))


def _stage_schema(stage: dict[str, Any], properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Acme.Stage",
        "description": description,
        "x-stage": stage,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }

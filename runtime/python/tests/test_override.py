"""Overrides: as deep as the structure, within the schemas' bounds, every problem at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crucible_runtime import OverrideError, override
from crucible_runtime.experiment.canonical import plain
from crucible_runtime.ir import DatasetRef, ModelRef, TrainingConfig

RUNTIME = Path(__file__).parents[1]
ROOT = RUNTIME.parents[1]
BASE = TrainingConfig(
    id="sl_basic",
    model_ref=ModelRef(id="Qwen/Qwen3-8B", provider="huggingface", options={"revision": "main", "quant": {"bits": 4}}),
    dataset_ref=DatasetRef(name="no_robots"),
    learning_rate=2.0e-4,
    options={"lora_rank": 32, "lr_schedule": "linear"},
)


def over(overrides: Mapping[str, Any], kind: str = "supervised") -> TrainingConfig:
    return override(BASE, overrides, kind=kind)


def problems(overrides: Mapping[str, Any], kind: str = "supervised") -> list[str]:
    with pytest.raises(OverrideError) as caught:
        over(overrides, kind)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def test_nothing_to_override_is_the_same_value() -> None:
    assert over({}) is BASE
    assert override(BASE, None, kind="supervised") is BASE


def test_overrides_go_as_deep_as_the_structure() -> None:
    changed = over(
        {"epochs": 2, "model_ref": {"id": "other", "options": {"quant": {"bits": 8}}}, "options": {"max_steps": 5}}
    )
    assert (changed.epochs, changed.learning_rate) == (2, 2.0e-4)
    assert changed.model_ref.id == "other"
    assert changed.model_ref.provider == "huggingface"
    assert changed.model_ref.options == {"revision": "main", "quant": {"bits": 8}}
    assert changed.options == {"lora_rank": 32, "lr_schedule": "linear", "max_steps": 5}
    assert BASE.options == {"lora_rank": 32, "lr_schedule": "linear"}
    assert BASE.model_ref.options == {"revision": "main", "quant": {"bits": 4}}


def test_null_removes_from_a_map_and_empties_a_field() -> None:
    assert over({"options": {"lora_rank": None}}).options == {"lr_schedule": "linear"}
    assert over({"options": None}).options is None
    assert over({"seed": None, "model_ref": {"options": {"quant": None}}}).model_ref.options == {"revision": "main"}
    assert problems({"epochs": None}) == ["training_config.epochs must be a whole number, found null"]


def test_a_whole_struct_may_be_given() -> None:
    assert over({"model_ref": ModelRef(id="whole")}).model_ref == ModelRef(id="whole")


def test_integers_become_floats_where_the_field_is_one() -> None:
    changed = over({"learning_rate": 1, "validation_split": 0.5, "options": {"adam_beta1": 0}})
    assert [type(changed.learning_rate), type((changed.options or {})["adam_beta1"])] == [float, float]
    assert type(over({"epochs": 3.0}).epochs) is int
    assert type(over({"epochs": 3}).epochs) is int


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"learning_rate": -0.1}, "training_config.learning_rate must be greater than 0, found -0.1"),
        ({"learning_rate": "fast"}, 'training_config.learning_rate must be a number, found "fast"'),
        ({"epochs": 0}, "training_config.epochs must be at least 1, found 0"),
        ({"epochs": 1.5}, "training_config.epochs must be a whole number, found 1.5"),
        ({"epochs": True}, "training_config.epochs must be a whole number, found true"),
        ({"epochs": 2**63}, "training_config.epochs must be a number of 64 bits, found 9223372036854775808"),
        ({"validation_split": 1}, "training_config.validation_split must be less than 1, found 1.0"),
        ({"seed": -1}, "training_config.seed must be at least 0, found -1"),
        ({"gradient_clipping": float("nan")}, "training_config.gradient_clipping: nan is no number in JSON"),
        ({"metrics": ["loss", 3]}, "training_config.metrics[1] must be text, found 3"),
        ({"metrics": "loss"}, 'training_config.metrics must be a list, found "loss"'),
        ({"id": ""}, 'training_config.id must be at least 1 characters long, found ""'),
        ({"model_ref": "Qwen"}, 'training_config.model_ref must be a mapping of ModelRef\'s fields, found "Qwen"'),
        ({"model_ref": {"id": " "}}, 'training_config.model_ref.id must be more than blanks, found " "'),
        ({"model_ref": {"id": None}}, "training_config.model_ref.id must be text, found null"),
        ({"early_stopping": {"patience": 0}}, "training_config.early_stopping.patience must be at least 1, found 0"),
        (
            {"options": {"max_steps": object()}},
            "training_config.options.max_steps must be a whole number, found a object",
        ),
        (
            {"options": {"max_steps": {"a": 1}}},
            'training_config.options.max_steps must be a whole number, found {"a":1}',
        ),
        ({"options": []}, "training_config.options must be a mapping or null, found []"),
        (
            {"options": {"lr_schedule": "wavy"}},
            'training_config.options.lr_schedule must be one of "linear", "cosine", "constant", found "wavy"',
        ),
        ({"model_ref": {"options": {1: 2}}}, "training_config.model_ref.options has the key 1, and keys are text"),
        (
            {"model_ref": {"options": {"a": {1}}}},
            "training_config.model_ref.options.a: set is a live value, and JSON cannot hold it",
        ),
    ],
)
def test_a_value_out_of_bounds_is_named(overrides: dict[str, Any], message: str) -> None:
    assert problems(overrides) == [message]


def test_unknown_names_are_errors_with_a_guess() -> None:
    found = problems({"learning_rat": 1.0, "model_ref": {"nam": "x"}, "options": {"lora-rank": 8}, "epochs": 0})
    assert len(found) == 4
    assert found[0].startswith(
        "training_config has no field learning_rat; did you mean learning_rate? Known: id, model_ref,"
    )
    assert found[1].startswith("training_config.model_ref has no field nam; did you mean name? Known: id,")
    assert found[2].startswith(
        "training_config.options has no option lora-rank; did you mean lora_rank? Known: adam_beta1,"
    )
    assert found[3] == "training_config.epochs must be at least 1, found 0"


def test_the_options_are_those_of_the_recipes_type() -> None:
    assert over({"options": {"group_size": 8}}, "rl").options == {
        "lora_rank": 32,
        "lr_schedule": "linear",
        "group_size": 8,
    }
    assert problems({"options": {"group_size": 8}})[0].startswith("training_config.options has no option group_size")
    assert problems({"options": {"group_size": None}})[0].startswith("training_config.options has no option group_size")
    assert problems({"epochs": 2}, "supervized") == [
        "there is no kind of recipe supervized; did you mean supervised? Known: distillation, preference, "
        "prompt_distillation, rl, supervised"
    ]


def test_an_override_makes_no_other_kind_of_recipe() -> None:
    base = override(BASE, {"options": {"method": "prompt", "lr_schedule": None}}, kind="prompt_distillation")
    (message,) = refused(base, {"options": {"method": None}}, "prompt_distillation")
    assert message == (
        "training_config.options.method decides what kind of recipe this is, and cannot be overridden: "
        "change the recipe"
    )
    (message,) = refused(base, {"options": {"method": "on_policy"}}, "prompt_distillation")
    assert message == 'training_config.options.method must be one of "prompt", found "on_policy"'
    (message,) = refused(replace(BASE, options=None), {"options": {"method": "prompt"}}, "distillation")
    assert message == 'training_config.options.method must be one of "on_policy", found "prompt"'
    assert override(base, {"options": {"method": "prompt"}}, kind="prompt_distillation") == base


def refused(base: TrainingConfig, overrides: Mapping[str, Any], kind: str) -> list[str]:
    with pytest.raises(OverrideError) as raised:
        override(base, overrides, kind=kind)
    return list(raised.value.problems)


# The law: what the runtime accepts is what the schemas accept.

DOCUMENTS = {
    path.relative_to(ROOT / "schemas").as_posix(): json.loads(path.read_text("utf-8"))
    for path in (ROOT / "schemas").rglob("*.schema.json")
}
URL = "file:///schemas/"
KINDS = ("supervised", "rl", "preference", "distillation", "prompt_distillation")


def oracle(kind: str) -> Any:
    registry = jsonschema_rs.Registry([(URL + key, document) for key, document in DOCUMENTS.items()])
    schema = {
        "$ref": URL + "ir/training_config.schema.json",
        "properties": {"options": {"$ref": URL + f"options/{kind}.schema.json"}},
    }
    return jsonschema_rs.Draft202012Validator(schema, registry=registry)


ORACLES = {kind: oracle(kind) for kind in KINDS}
SCALARS = (
    st.booleans()
    | st.sampled_from([0, 1, -1, 2, 3.0, 0.0, 0.5, 1.0, -0.5, 1e300, 10**6, 2**62])
    | st.sampled_from(["", "linear", "cosine", "adam", "none", "ppo", "x", "Acme.Thing", "a" * 256, "on_policy"])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)


def names(document: Mapping[str, Any]) -> list[str]:
    return [*document["properties"], "unheard_of"]


def overrides_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    def some(document: str) -> st.SearchStrategy[dict[str, Any]]:
        return st.dictionaries(st.sampled_from(names(DOCUMENTS[document])), VALUES, max_size=2)

    nested = st.fixed_dictionaries(
        {},
        optional={
            "options": some(f"options/{kind}.schema.json"),
            "model_ref": some("ir/model_ref.schema.json"),
            "dataset_ref": some("ir/dataset_ref.schema.json"),
            "early_stopping": st.dictionaries(st.sampled_from(["patience", "min_delta", "own"]), VALUES, max_size=2),
        },
    )
    flat = some("ir/training_config.schema.json")
    return st.tuples(flat, nested).map(lambda both: both[0] | both[1])


def deep(base: Any, new: Any) -> Any:
    if isinstance(base, dict) and isinstance(new, dict):
        return {**base, **{key: deep(base.get(key), value) for key, value in new.items()}}
    return new


@given(st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), overrides_of(kind))))
@settings(max_examples=400)
def test_overrides_are_held_to_the_schemas(case: tuple[str, dict[str, Any]]) -> None:
    kind, overrides = case
    if any(isinstance(overrides.get(name), str) for name in ("model_ref", "dataset_ref")):
        return  # short forms are a recipe author's, an override says which field it means
    base = override(BASE, {"options": None}, kind=kind)
    before = copy.deepcopy(overrides)
    merged = deep(plain(base), overrides)
    if not ORACLES[kind].is_valid(merged):
        with pytest.raises(OverrideError):
            override(base, overrides, kind=kind)
    else:
        try:
            assert plain(override(base, overrides, kind=kind)) == merged
        except OverrideError as error:  # JSON Schema counts this one as an integer too
            assert "1e+300" in repr(overrides) and "must be a number of 64 bits" in str(error)
    assert overrides == before


def bounds() -> list[tuple[str, str, float]]:
    """(recipe type, path, value) at and beside every bound of every field and option."""
    found = []
    for kind in KINDS:
        rules = json.loads((RUNTIME / "crucible_runtime" / "rules.json").read_text("utf-8"))
        flat: dict[tuple[str, ...], Any] = {(name,): rule for name, rule in rules["structs"]["TrainingConfig"].items()}
        flat |= {("options", name): rule for name, rule in rules["options"][kind].items()}
        for path, rule in flat.items():
            for keyword in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
                if keyword in rule:
                    found += [(kind, ".".join(path), rule[keyword] + step) for step in (-1, -0.5, 0, 0.5, 1)]
    return found


def test_every_bound_is_where_the_schemas_put_it() -> None:
    cases = bounds()
    assert len(cases) > 200
    for kind, path, value in cases:
        overrides: dict[str, Any] = {}
        *above, last = path.split(".")
        (overrides.setdefault(above[0], {}) if above else overrides)[last] = value
        base = override(BASE, {"options": None}, kind=kind)
        fits = ORACLES[kind].is_valid(deep(plain(base), overrides)) and value < 2**63
        try:
            override(base, overrides, kind=kind)
            accepted = True
        except OverrideError:
            accepted = False
        assert accepted is fits, (kind, path, value)


def test_a_regular_expression_is_held_to_what_python_reads() -> None:
    taught = replace(BASE, options={"method": "prompt"})
    with pytest.raises(
        OverrideError, match=r"answer_regex must be a regular expression \(missing \), unterminated sub"
    ):
        override(taught, {"options": {"answer_regex": "Answer: (.*"}}, kind="prompt_distillation")

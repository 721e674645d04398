"""Every field of a training configuration is mapped, refused or listed with a reason, by each engine for each type of recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import crucible_runtime
from crucible_runtime.engines import mapping
from crucible_runtime.engines.mapping import Rule, Table
from crucible_runtime.engines.trl import TrlEngine
from crucible_runtime.experiment.rules import training_stages
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import DatasetRef, Experiment, ModelRef, TrainingConfig

NAMES = sorted(path.stem for path in mapping.directory().glob("*.json"))
OPTIONS = json.loads((Path(crucible_runtime.__file__).parent / "rules.json").read_text("utf-8"))["options"]
KINDS = tuple(OPTIONS)
RULES = {"kinds", "to", "how", "allow", "each", "refuse", "instead", "unused"}


def config(**values: Any) -> TrainingConfig:
    return TrainingConfig(
        id="recipe",
        model_ref=values.pop("model_ref", ModelRef(id="model", provider="huggingface")),
        dataset_ref=DatasetRef(name="data", provider="huggingface"),
        **values,
    )


def paths(kind: str) -> Iterator[str]:
    """The path of every field that a recipe of a type can have."""
    yield from (path for path, _ in mapping.values(config()))
    yield from (f"options.{option}" for option in OPTIONS[kind])


def written(engine: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((mapping.directory() / f"{engine}.json").read_text("utf-8"))[
        "fields"
    ]
    return found


def test_the_engines_of_this_package_have_tables() -> None:
    engines = Path(crucible_runtime.__file__).parent / "engines"
    assert sorted(path.parent.name for path in engines.glob("*/__init__.py")) == NAMES
    assert {"tinker", "trl"} <= {*NAMES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", NAMES)
def test_every_field_is_mapped_refused_or_listed(engine: str, kind: str) -> None:
    table = mapping.load(engine)
    missing = [path for path in paths(kind) if table.rule(path, kind) is None]
    assert missing == []
    for path in paths(kind):
        rule = table.rule(path, kind)
        assert rule is not None
        ways = [bool(rule.to), bool(rule.unused), bool(rule.refuse) and not rule.to]
        assert ways.count(True) == 1, f"{engine} {path}: one of to, unused and refuse says what becomes of it"
        values = rule.allow if rule.allow is not None else rule.each
        if values is not None:
            assert values, f"{engine} {path}: an empty list allows nothing"
            assert rule.refuse, f"{engine} {path}: what is refused of the values has no reason"
        if rule.refuse:
            assert rule.instead, f"{engine} {path}: it is refused, and nothing says what would work"


@pytest.mark.parametrize("engine", NAMES)
def test_a_table_has_no_rule_that_nothing_reaches(engine: str) -> None:
    known = {path for kind in KINDS for path in paths(kind)}
    for path, rules in written(engine).items():
        assert path in known, f"{engine} has a rule for {path}, which is no field"
        seen: set[str] = set()
        for rule in rules:
            assert {*rule} <= RULES, f"{engine} {path}"
            kinds = {*rule.get("kinds", KINDS)}
            assert kinds <= {*KINDS}, f"{engine} {path}"
            assert kinds - seen, f"{engine} {path}: the rules before it hold for all of {sorted(kinds)}"
            seen |= kinds


@pytest.mark.parametrize("engine", NAMES)
def test_what_the_ir_has_where_a_recipe_says_nothing_is_honoured(engine: str) -> None:
    for kind in KINDS:
        assert mapping.load(engine).problems(config(), kind) == []


TABLE = Table(
    engine="toy",
    rules={
        "seed": (Rule(kinds=("rl",), to=("seed",)), Rule(refuse="it has none", instead="leave it out")),
        "optimizer": (Rule(to=("optim",), allow=("adam",), refuse="it has one", instead="take adam"),),
        "metrics": (Rule(to=("result",), each=("loss", "reward"), refuse="it measures less", instead="take some of"),),
        "mixed_precision": (Rule(unused="it decides"),),
        "gradient_clipping": (Rule(allow=(None, 1.0), refuse="it clips at 1", instead="take 1.0"),),
    },
)


def problem(kind: str = "supervised", **values: Any) -> list[str]:
    """What the toy table says of these values alone."""
    plain = {field.name: getattr(config(), field.name) for field in fields(TrainingConfig)}
    rules = {path: (Rule(unused="for this test"),) for path, _ in mapping.values(config()) if path not in values}
    return replace(TABLE, rules={**rules, **TABLE.rules}).problems(
        replace(
            config(), **{"optimizer": "adam", "metrics": ["loss"], **{k: v for k, v in values.items() if k in plain}}
        ),
        kind,
    )


def test_a_refusal_names_field_value_engine_reason_and_what_would_work() -> None:
    assert problem(seed=3) == ["engine toy cannot honour training_config.seed 3: it has none; leave it out"]
    assert problem(seed=3, kind="rl") == []
    assert problem(seed=None) == []
    assert problem(optimizer="sgd") == [
        'engine toy cannot honour training_config.optimizer "sgd": it has one; take adam'
    ]
    assert problem(metrics=["loss", "bleu", "f1"]) == [
        'engine toy cannot honour training_config.metrics ["bleu","f1"]: it measures less; take some of loss, reward'
    ]
    assert problem(mixed_precision=True) == []
    assert problem(gradient_clipping=0.5) == [
        "engine toy cannot honour training_config.gradient_clipping 0.5: it clips at 1; take 1.0"
    ]
    assert problem(gradient_clipping=1.0) == []


def test_a_field_without_a_rule_is_refused_where_it_has_a_value() -> None:
    known = {path: (Rule(unused="for this test"),) for path, _ in mapping.values(config())}
    table = Table(engine="toy", rules=known)
    assert table.problems(config(options={"lora_rank": 4}), "rl") == [
        "engine toy knows no training_config.options.lora_rank in recipes of type rl"
    ]


# What the engine trl says of combinations, without anything heavy.


def experiment(training: TrainingConfig, kind: str) -> Experiment:
    from crucible_runtime.ir import BackendRef, StageDef

    module = next(module for module, each in training_stages().items() if each == kind)
    return Experiment(
        id="recipe",
        backend=BackendRef(id="local"),
        pipeline=[StageDef(name="train", module=module)],
        training_config=training,
    )


def trl(training: TrainingConfig, kind: str = "supervised") -> list[str]:
    return list(TrlEngine().problems(experiment(training, kind), RunConfig()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seed": 2**32}, "seed 4294967296: NumPy takes seeds up to 4294967295"),
        ({"early_stopping": {"patience": 2}}, "early_stopping needs rows that are held out: set "),
        (
            {"early_stopping": {"wait": 2}, "validation_split": 0.1},
            "early_stopping has wait; engine trl knows patience and min_delta",
        ),
        ({"validation_split": 0.1, "options": {"test_size": 4}}, "both say what is held out"),
        ({"optimizer": "lion"}, 'optimizer "lion": it does not have that optimizer; take adam, adamw, sgd or rmsprop'),
        ({"loss_function": "mse"}, 'loss_function "mse": it trains on conversations with the cross entropy'),
        ({"device": "tpu"}, 'device "tpu": it trains on cpu, cuda or mps; take one of them'),
        ({"metrics": ["bleu"]}, 'metrics ["bleu"]: it does not measure that; take some of loss, accuracy'),
        (
            {"options": {"rolling_save_every": 5}},
            "options.rolling_save_every 5: every checkpoint that it saves is kept",
        ),
        ({"options": {"infrequent_eval_every": 5}}, "options.infrequent_eval_every 5: it has no costly evaluations"),
        ({"options": {"save_every_seconds": 5.0}}, "options.save_every_seconds 5.0: it saves by steps"),
        ({"model_ref": ModelRef(id="m", provider="s3")}, 'model_ref.provider "s3": it does not know that provider'),
        ({"model_ref": ModelRef(id="m", artifact_uri="s3://m")}, 'model_ref.artifact_uri "s3://m": it reads weights'),
        ({"options": {"beta": 0.1}}, "knows no training_config.options.beta in recipes of type supervised"),
    ],
)
def test_trl_refuses_what_it_cannot_honour_and_says_what_works(values: dict[str, Any], words: str) -> None:
    found = trl(config(**values))
    assert len(found) == 1
    assert words in found[0]


def test_trl_says_everything_at_once() -> None:
    assert len(trl(config(seed=2**40, optimizer="lion", device="tpu", early_stopping={"patience": 1}))) == 4


def test_trl_honours_what_a_recipe_of_either_type_can_say() -> None:
    options = {
        "adam_beta1": 0.8,
        "eval_every": 4,
        "lora_rank": 8,
        "max_length": 128,
        "rolling_save_every": 0,
        "shuffle_seed": 4,
        "ttl_seconds": 60,
    }
    values: dict[str, Any] = {
        "seed": 4,
        "optimizer": "rmsprop",
        "gradient_clipping": 0.5,
        "mixed_precision": True,
        "device": "cuda",
        "validation_split": 0.1,
        "early_stopping": {"patience": 3, "min_delta": 0.1},
        "checkpoint_every": 5,
        "options": options,
    }
    assert trl(config(**values)) == []
    assert trl(config(**{**values, "loss_function": "dpo"}), "preference") == []


def test_a_batch_is_shared_by_processes_and_cut_by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    from crucible_runtime.engines.trl import arguments

    assert arguments.batches(128, 32_768) == (1, 128)
    assert arguments.batches(128, 512) == (32, 4)
    assert arguments.batches(6, 5000) == (3, 2)
    assert arguments.batches(7, 5000) == (1, 7)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert arguments.batches(128, 512) == (32, 2)
    assert trl(config(batch_size=5)) == [
        "training_config.batch_size 5 cannot be shared by 2 processes: take a multiple of 2, such as 4"
    ]


def test_steps_end_with_the_data_or_before() -> None:
    from crucible_runtime.engines.trl import arguments

    assert arguments.steps(config(batch_size=8, epochs=3), 17) == 9
    assert arguments.steps(config(batch_size=8, options={"max_steps": 2}), 17) == 2
    assert arguments.steps(config(batch_size=8, options={"max_steps": 20}), 17) == 3


def test_rows_that_are_held_out_are_drawn_by_the_seed() -> None:
    from crucible_runtime.engines.trl import rows

    numbers: list[dict[str, Any]] = [{"number": number} for number in range(20)]
    kept, out = rows.drawn(numbers, 5, 3)
    assert sorted([*kept, *out], key=lambda row: row["number"]) == numbers
    assert (len(kept), len(out)) == (15, 5)
    assert rows.drawn(numbers, 5, 3) == (kept, out)
    assert rows.drawn(numbers, 5, 4) != (kept, out)
    assert rows.held_out(config(validation_split=0.25), 20) == 5
    assert rows.held_out(config(options={"test_size": 3}), 20) == 3
    assert rows.held_out(config(), 20) is None
    with pytest.raises(crucible_runtime.CrucibleError, match="holds out 20 of the 20 rows of data, and none is left"):
        rows.held_out(config(options={"test_size": 20}), 20)

"""What gen warns of: each rule with a value that it hits and one that it lets pass, and what a run makes of warnings."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Ran, gen, project
from crucible_gen.diagnostics import misspelled
from crucible_gen.schemas import Schemas, engines

ROOT = Path(__file__).parents[2]
SCHEMAS = Schemas.load()

MODEL: dict[str, Any] = {"model_ref": "Qwen/Qwen3.5-9B-Base", "dataset_ref": "HuggingFaceH4/no_robots"}


def written(config: dict[str, Any], type_: str = "supervised", name: str = "a", **more: Any) -> str:
    return yaml.safe_dump({"id": name, "type": type_, "training_config": MODEL | config, **more}, sort_keys=False)


def warnings(root: Path, config: dict[str, Any], type_: str = "supervised", **more: Any) -> list[dict[str, Any]]:
    """The warnings of a recipe, which is valid and is written."""
    ran = gen(["a.yaml", "--format", "json"], project(root, {"a.yaml": written(config, type_, **more)}))
    assert ran.code == 0, ran.both
    assert (root / "generated/ir/a.json").exists()
    found: list[dict[str, Any]] = json.loads(ran.out)["problems"]
    assert {each["severity"] for each in found} <= {"warning"}
    return found


def codes(root: Path, config: dict[str, Any], type_: str = "supervised", **more: Any) -> list[str]:
    return [each["code"] for each in warnings(root, config, type_, **more)]


# Misspelled values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("adamm", ["adam", "adamw"], "adam"),
        ("AdamW", ["adam", "adamw"], "adamw"),
        ("sdg", ["sgd"], "sgd"),
        ("dor", ["dro", "dpo"], "dro"),
        ("chosen-rejected", ["chosen_rejected"], "chosen_rejected"),
        ("importence_samplng", ["importance_sampling"], "importance_sampling"),
        ("hugingface", ["huggingface", "local"], "huggingface"),
        ("tests", ["train", "test"], "test"),
        ("adam", ["adam", "adamw"], None),
        ("dro", ["dpo"], None),
        ("gpu", ["cpu"], None),
        ("llama4", ["llama3"], None),
        ("qwen2_5", ["qwen3_5"], None),
        ("train_sft", ["train", "test"], None),
        ("lion", ["adam", "sgd"], None),
        ("val", ["validation"], None),
        ("accurate", ["accuracy"], "accuracy"),
        ("acurate", ["accuracy"], None),
        ("", ["a"], None),
    ],
)
def test_a_misspelling_is_not_a_name_that_is_only_alike(name: str, known: list[str], meant: str | None) -> None:
    assert misspelled(name, known) == meant


MISSPELLED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an example of the schema": ("supervised", {"optimizer": "adamm"}, "adam"),
    "a nested one": ("supervised", {"dataset_ref": {"name": "x", "provider": "hugingface"}}, "huggingface"),
    "an option": ("rl", {"options": {"env": "arithmetik"}}, "arithmetic"),
    "what only the runtime has": ("preference", {"options": {"adapter": "ultrafedback"}}, "ultrafeedback"),
    "what only engine tables have": ("rl", {"loss_function": "importance_smpling"}, "importance_sampling"),
    "an item of a list": ("supervised", {"metrics": ["loss", "acuracy"]}, "accuracy"),
}


@pytest.mark.parametrize("case", MISSPELLED)
def test_a_misspelled_value(case: str, tmp_path: Path) -> None:
    type_, config, meant = MISSPELLED[case]
    [warning] = warnings(tmp_path, config, type_)
    assert (warning["code"], warning["hint"]) == ("W0101", f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("type_", "config"),
    [
        ("rl", {"loss_function": "dro"}),
        ("rl", {"loss_function": "cispo"}),
        ("supervised", {"dataset_ref": {"name": "x", "split": "train_sft", "format": "json"}}),
        ("supervised", {"options": {"renderer_name": "llama4"}}),
        ("supervised", {"metrics": ["test/nll", "loss"]}),
    ],
)
def test_what_is_known_or_only_alike_is_none(type_: str, config: dict[str, Any], tmp_path: Path) -> None:
    assert warnings(tmp_path, config, type_) == []


def test_a_stage_of_a_user_has_values_of_its_own(tmp_path: Path) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Acme.Audit",
        "description": "Audits.",
        "x-stage": {"name": "audit", "module": "Acme.Audit"},
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mode": {"description": "How.", "type": "string", "examples": ["thorough"], "x-known": ["hasty"]},
            "level": {"description": "How deep.", "type": "integer", "x-plausible": {"maximum": 9, "reason": "deep"}},
        },
    }
    project(tmp_path, {"stages/audit.schema.json": json.dumps(schema)})
    for options, expected in (
        ({"mode": "thoruogh", "level": 10}, ["W0101", "W0102"]),
        ({"mode": "hasy"}, ["W0101"]),
        ({"mode": "hasty", "level": 9}, []),
    ):
        stages = {"after": [{"stage": "audit", "options": options}]}
        project(tmp_path, {"a.yaml": written({}, stages=stages), "gen.yaml": "schemas: [stages]\n"})
        ran = gen(["a.yaml", "--format", "json"], tmp_path)
        assert sorted(each["code"] for each in json.loads(ran.out)["problems"]) == expected


def test_what_the_runtime_has_is_known() -> None:
    entries = tomllib.loads((ROOT / "runtime/python/pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    options = SCHEMAS.options("rl").properties
    assert set(entries["crucible_runtime.adapters"]) <= set(options["adapter"].known)
    assert set(entries["crucible_runtime.environments"]) <= set(options["env"].known)


# Implausible values ---------------------------------------------------------------------------------------------------


def plausible() -> dict[str, tuple[str, tuple[str, ...], Any]]:
    """The type of recipe, the path and the rule of each field of a training configuration that has one."""
    found: dict[str, tuple[str, tuple[str, ...], Any]] = {}
    for type_ in SCHEMAS.type_names:
        config = SCHEMAS.recipe(type_).properties["training_config"]
        pending = [((name,), shape) for name, shape in config.properties.items()]
        while pending:
            path, shape = pending.pop()
            if shape.plausible:
                found.setdefault(".".join(path), (type_, path, shape))
            pending += [((*path, name), inner) for name, inner in shape.properties.items()]
    return found


PLAUSIBLE = plausible()


@pytest.mark.parametrize("field", sorted(PLAUSIBLE))
def test_a_bound_is_plausible_and_what_lies_beyond_is_not(field: str, tmp_path: Path) -> None:
    type_, path, shape = PLAUSIBLE[field]
    rule, step = shape.plausible, 1 if shape.kind == "integer" else 1e-10
    cases: list[tuple[Any, bool]] = []
    for bound, sign in ((rule.minimum, -1), (rule.maximum, 1)):
        if bound is not None:
            at = int(bound) if shape.kind == "integer" else float(bound)
            cases += [(at, True), (at + sign * step, False)]
    if rule.pattern:
        cases = [("Qwen/Qwen3.5-9B", True), ("a b", True), ("\tx", False), (" x", False), ("x\n", False)]
    for value, holds in cases:
        found = [each for each in warnings(tmp_path, _nested(path, value), type_) if each["code"] == "W0102"]
        assert (found == []) == holds, (value, found)
        assert all(rule.reason in each["message"] for each in found)


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A training configuration with a value at the path, and what must stand beside it."""
    for name in reversed(path[1:]):
        value = {name: value}
    beside = {"dataset_ref": {"name": "x"}, "model_ref": {"id": "x"}}.get(path[0], {})
    return {path[0]: {**beside, **value} if isinstance(value, dict) else value}


def test_numbers_beside_the_training_configuration(tmp_path: Path) -> None:
    def tasks(temperature: float, alpha: float) -> dict[str, Any]:
        task = {"name": "t", "samples": [{"input": "q", "target": "a"}]}
        stats = {"stats": {"tests": ["ttest"], "alpha": alpha}}
        return {"evaluation": {"temperature": temperature, "tasks": [task]}, "reliability": stats}

    assert codes(tmp_path, {}, **tasks(2.0, 0.05)) == []
    assert codes(tmp_path, {}, **tasks(20.0, 0.95)) == ["W0102", "W0102"]


def test_a_number_that_fits_the_schema_and_nothing_else(tmp_path: Path) -> None:
    [warning] = warnings(tmp_path, {"learning_rate": 1e300})
    assert warning["code"] == "W0102"
    assert "learning_rate 1e+300 is implausible" in warning["message"]
    assert warning["hint"] == "give a number from 1e-09 to 1"
    [warning] = warnings(tmp_path, {"model_ref": " a"})
    assert 'model_ref.id " a" is implausible' in warning["message"]


def test_a_name_that_nothing_installed_has(tmp_path: Path) -> None:
    def named(**options: str) -> list[dict[str, Any]]:
        return warnings(tmp_path, {"options": {"group_size": 2, "max_tokens": 8, **options}}, "rl")

    [warning] = named(env="nope")
    assert (warning["code"], warning["message"]) == ("W0104", "env nope is neither known nor installed")
    assert "known are arithmetic, deepcoder, deepmath, gsm8k, math, polaris" in warning["hint"]
    assert "an entry point of that name in crucible_runtime.environments" in warning["hint"]
    [warning] = named(env="gsm8k", adapter="nope")
    assert "adapter nope is neither known nor installed" in warning["message"]
    [warning] = named(env="arithmetc")
    assert warning["code"] == "W0101"
    assert named(env="gsm8k", adapter="gsm8k") == []


# Values without a use -------------------------------------------------------------------------------------------------


UNUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "refused by all": ("rl", {"early_stopping": {"patience": 2}}),
    "ignored by all": ("distillation", {"options": {"rolling_ttl_seconds": 3600}}),
    "refused by one, ignored by the other": ("distillation", {"options": {"ttl_seconds": 3600}}),
    "a value that none of them takes": ("supervised", {"device": "tpu"}),
    "another optimizer": ("preference", {"optimizer": "lion"}),
    "the loss of another type": ("supervised", {"loss_function": "dpo"}),
    "a place of weights": ("supervised", {"model_ref": {"id": "x", "artifact_uri": "s3://x"}}),
}


@pytest.mark.parametrize("case", UNUSED)
def test_a_value_that_no_engine_uses(case: str, tmp_path: Path) -> None:
    type_, config = UNUSED[case]
    [warning] = warnings(tmp_path, config, type_)
    assert warning["code"] == "W0103"
    assert f"in recipes of kind {type_}" in warning["message"]
    for engine in engines.tables():
        assert f"{engine}: " in warning["message"]


@pytest.mark.parametrize(
    ("type_", "config"),
    [
        ("supervised", {"early_stopping": {"patience": 2}, "validation_split": 0.1}),
        ("distillation", {"options": {"ttl_seconds": 604800, "rolling_save_every": 0}}),
        ("supervised", {"device": "cuda", "optimizer": "sgd"}),
        ("rl", {"loss_function": "dro", "options": {"eval_every": 5}}),
        ("rl", {"metrics": ["whatever/it/measures"]}),
        ("supervised", {"model_ref": {"id": "x", "name": "Mine", "framework": "pytorch", "metadata": {"a": 1}}}),
    ],
)
def test_what_some_engine_uses_or_nobody_has_to(type_: str, config: dict[str, Any], tmp_path: Path) -> None:
    assert warnings(tmp_path, config, type_) == []


def test_what_engines_make_of_values_matters_only_where_they_run(tmp_path: Path) -> None:
    project(tmp_path, {"a.yaml": written({"device": "tpu", "optimizer": "adamm"})})
    found = {}
    for target in ("python", "elixir", "ir"):
        ran = gen(["a.yaml", "--format", "json", "--target", target], tmp_path)
        found[target] = sorted(each["code"] for each in json.loads(ran.out)["problems"])
    assert found == {"python": ["W0101", "W0103"], "elixir": ["W0101"], "ir": ["W0101"]}


@pytest.mark.parametrize("type_", SCHEMAS.type_names)
def test_following_the_hint_of_an_engine_helps(type_: str, tmp_path: Path) -> None:
    for field, rules in engines.restricted(type_).items():
        shape = SCHEMAS.recipe(type_).below(("training_config", *field.split(".")))
        taken = {value for rule in rules.values() for value in rule.allow if value is not None}
        for value in sorted(taken, key=str) if shape and not shape.no_engine else ():
            assert "W0103" not in codes(tmp_path, _nested(tuple(field.split(".")), value), type_), (field, value)


# What a run makes of them ---------------------------------------------------------------------------------------------


FRAGMENT = "training_config:\n  optimizer: adamm\n"


def family(root: Path, count: int = 3, extra: str = "") -> Path:
    files = {"recipes/fragments/odd.yaml": FRAGMENT + extra}
    for name in "abcdef"[:count]:
        recipe = {"id": name, "extends": "fragments/odd.yaml", "type": "supervised", "training_config": MODEL}
        files[f"recipes/{name}.yaml"] = yaml.safe_dump(recipe, sort_keys=False)
    return project(root, files)


def test_a_fragments_warning_is_said_once_with_its_reach(tmp_path: Path) -> None:
    ran = gen(["recipes"], family(tmp_path))
    assert ran.code == 0
    assert ran.err.count("W0101]: ") == 1
    assert ran.err.startswith("recipes/fragments/odd.yaml:2:14: warning[W0101]: optimizer adamm is ")
    assert "(in 3 recipes)\n  |\n2 |   optimizer: adamm\n  |              ^^^^^\n" in ran.err
    assert "\n1 warning; gen explain W0101 tells more\n" in ran.err
    assert ran.out.endswith("; 1 warning\n")
    assert "in 2 recipes" in gen(["recipes", "--only", "a", "--only", "b"], tmp_path).err
    assert "recipes)" not in gen(["recipes", "--only", "a"], tmp_path).err


def test_a_profile_is_warned_of_at_its_own_place_whatever_is_asked_for(tmp_path: Path) -> None:
    profiles = "profiles:\n  hot:\n    training_config:\n      learning_rate: 7.0\n"
    project(tmp_path, {"a.yaml": written({}) + profiles})
    line = (tmp_path / "a.yaml").read_text().split("\n").index("      learning_rate: 7.0") + 1
    for args in (["a.yaml"], ["a.yaml", "--profile", "hot"]):
        assert gen(args, tmp_path).err.startswith(f"a.yaml:{line}:22: warning[W0102]: learning_rate 7.0 is implausible")


def test_warnings_come_in_order_of_place_beside_errors(tmp_path: Path) -> None:
    project(family(tmp_path), {"recipes/b.yaml": "id: b\ntype: supervised\n", "recipes/x.yaml": written({}, name="x")})
    project(tmp_path, {"recipes/z.yaml": written({"learning_rate": 3.0}, name="z")})
    ran = gen(["recipes", "--format", "json"], tmp_path)
    found = json.loads(ran.out)["problems"]
    assert (ran.code, [each["code"] for each in found]) == (1, ["E0202", "W0101", "W0102"])
    assert [each["file"] for each in found] == sorted(each["file"] for each in found)
    assert not (tmp_path / "generated").exists()
    text = gen(["recipes"], tmp_path).err
    assert text.endswith("3 problems in 3 files; gen explain E0202 tells more\n")


def as_errors(root: Path, *args: str) -> Ran:
    return gen(["recipes", "--warnings-as-errors", *args], root)


def test_warnings_as_errors_write_nothing(tmp_path: Path) -> None:
    family(tmp_path)
    for args in ((), ("--check",), ("--diff",), ("-q",)):
        ran = as_errors(tmp_path, *args)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("recipes/fragments/odd.yaml:2:14: error[W0101]: optimizer adamm")
        assert not (tmp_path / "generated").exists()
    assert as_errors(tmp_path, "--format", "github").out.startswith("::error file=recipes/fragments/odd.yaml,line=2")
    (tmp_path / "gen.yaml").write_text("warnings_as_errors: true\n")
    assert gen(["recipes"], tmp_path).code == 1
    (tmp_path / "recipes/fragments/odd.yaml").write_text(FRAGMENT.replace("adamm", "adamw"))
    assert gen(["recipes"], tmp_path).code == 0


def test_quiet_runs_say_warnings_and_nothing_else(tmp_path: Path) -> None:
    family(tmp_path)
    text = gen(["recipes", "-q"], tmp_path)
    assert (text.code, text.out) == (0, "")
    assert text.err.endswith("\n1 warning; gen explain W0101 tells more\n")
    found = gen(["recipes", "-q", "--format", "json"], tmp_path)
    assert [each["code"] for each in json.loads(found.out)["problems"]] == ["W0101"]
    assert gen(["recipes", "-q", "--format", "github"], tmp_path).out.count("\n") == 1
    (tmp_path / "recipes/fragments/odd.yaml").write_text("training_config: {}\n")
    for format_ in ("text", "json", "github"):
        ran = gen(["recipes", "-q", "--format", format_], tmp_path)
        assert (ran.code, ran.both) == (0, "")


def test_every_command_and_format_says_the_same_warnings(tmp_path: Path) -> None:
    family(tmp_path)
    assert gen(["recipes"], tmp_path).code == 0
    text = gen(["recipes"], tmp_path).err
    assert gen(["recipes", "--check"], tmp_path).err in text
    assert gen(["recipes", "--diff"], tmp_path).err in text
    assert gen(["recipes", "--check"], tmp_path).out.endswith(", all as the recipes say; 1 warning\n")
    lists = [json.loads(gen(["recipes", *more, "--format", "json"], tmp_path).out) for more in ([], ["--check"])]
    assert lists[0]["problems"] == lists[1]["problems"]
    assert lists[0]["summary"].endswith("; 1 warning")
    lines = [gen(["recipes", *more, "--format", "github"], tmp_path).out.split("\n")[0] for more in ([], ["--check"])]
    assert lines[0] == lines[1]
    assert lines[0].startswith("::warning file=recipes/fragments/odd.yaml,line=2,col=14,title=W0101::")


def test_the_shipped_recipes_give_no_warning(tmp_path: Path) -> None:
    ran = gen(["--warnings-as-errors", "--out", str(tmp_path / "out"), str(ROOT / "recipes")], project(tmp_path, {}))
    assert ran.code == 0, ran.both


@pytest.mark.parametrize("type_", SCHEMAS.type_names)
def test_a_new_recipe_gives_no_warning(type_: str, tmp_path: Path) -> None:
    project(tmp_path, {})
    assert gen(["new", "fresh", "--type", type_], tmp_path).code == 0
    [path] = [*tmp_path.rglob("fresh.yaml")]
    ran = gen(["--warnings-as-errors", str(path)], tmp_path)
    assert ran.code == 0, ran.both

"""Hints about the options of distillation, each followed to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import gen, project
from crucible_gen.schemas import Schemas

HEAD = "id: taught\ntype: {type}\ntraining_config:\n  model_ref: m\n  dataset_ref: d\n  options:\n"
SCHEMAS = Schemas.load()
TEACHER = sorted(
    SCHEMAS.options("prompt_distillation").properties.keys() - SCHEMAS.options("supervised").properties.keys()
)
VALUES = {
    "answer_regex": "(.)",
    "method": "prompt",
    "num_samples": "1",
    "teacher_max_tokens": "9",
    "teacher_temperature": "0.5",
}


def recipe(type_: str, **options: str) -> str:
    return HEAD.format(type=type_) + "".join(f"    {name}: {value}\n" for name, value in options.items())


def problems(tmp_path: Path, text: str) -> list[str]:
    """The hints about a recipe, none if it is right."""
    root = project(tmp_path, {"recipes/taught.yaml": text})
    ran = gen(["recipes"], root)
    assert ran.code in (0, 1), ran.both
    return [line.partition("= help: ")[2] for line in ran.err.splitlines() if "= help: " in line]


@pytest.mark.parametrize("name", TEACHER)
def test_the_hint_about_an_option_of_a_teacher_upgrades_a_supervised_recipe(name: str, tmp_path: Path) -> None:
    said = {"lr_schedule": "linear", "train_on_what": "all_tokens", name: VALUES.get(name, "x")}
    assert problems(tmp_path, recipe("supervised", **said)) == [
        f"write type: distillation, and method: prompt in training_config.options, since {name} is an option of such "
        "recipes"
    ]
    assert problems(tmp_path, recipe("distillation", **said | {"method": "prompt"})) == []


def test_the_upgrade_needs_no_other_option_to_be_right(tmp_path: Path) -> None:
    first, second = problems(tmp_path, recipe("supervised", teacher_prompt="x", group_size="4"))
    assert first.startswith("write type: distillation, and method: prompt in training_config.options, since ")
    assert second.endswith(", not of supervised ones: remove it")


def test_a_distillation_that_may_be_meant_as_either_is_told_the_method(tmp_path: Path) -> None:
    said = {"teacher_model": "m", "teacher_prompt": "x"}
    assert problems(tmp_path, recipe("distillation", **said)) == [
        "write method: prompt in training_config.options, since teacher_prompt is an option of such recipes"
    ]
    assert problems(tmp_path, recipe("distillation", **said, method="prompt")) == []


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"group_size": "4", "teacher_prompt": "x"}, "teacher_prompt"),
        ({"method": "on_policy", "group_size": "4", "source_path": "x"}, "source_path"),
        ({"method": "prompt", "teacher_prompt": "x", "group_size": "4"}, "group_size"),
        ({"method": "prompt", "teacher_prompt": "x", "kl_penalty_coef": "1.0"}, "kl_penalty_coef"),
    ],
)
def test_what_belongs_to_the_other_method_is_to_be_removed(said: dict[str, str], wrong: str, tmp_path: Path) -> None:
    (hint,) = problems(tmp_path, recipe("distillation", **said))
    assert hint.startswith(f"{wrong} is an option of ")
    assert hint.endswith(": remove it")
    assert problems(tmp_path, recipe("distillation", **{key: said[key] for key in said if key != wrong})) == []


def test_the_method_may_come_from_a_base_or_a_profile(tmp_path: Path) -> None:
    taught = recipe("distillation", teacher_prompt="x").replace("options:\n", "options:\n    teacher_model: m\n")
    root = project(
        tmp_path,
        {
            "recipes/base.yaml": "training_config: {options: {method: prompt}}\n",
            "recipes/taught.yaml": taught.replace("type:", "extends: base.yaml\ntype:"),
        },
    )
    assert gen(["recipes"], root).code == 0
    assert '"method": "prompt"' in (root / "generated/ir/taught.json").read_text("utf-8")
    (root / "recipes/base.yaml").write_text("training_config: {options: {method: on_policy}}\n", "utf-8")
    assert gen(["recipes"], root).code == 1

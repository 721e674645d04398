"""The shipped recipes train with the values of the installed tinker_cookbook, or `differences.yaml` says why not.

The comparison is complete in both directions: a value of the cookbook that no field of a recipe stands for has to be
listed there, and so has a value of a recipe that the cookbook does not have.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.engines

HERE = Path(__file__).parent
GENERATED = HERE.parent.parent / "generated" / "ir"
LIST = HERE / "differences.yaml"
RECIPES = sorted(path.stem for path in (HERE.parent.parent / "recipes").glob("*.yaml"))
COMPARED = ("config", "builder", "data", "env", "service", "sampling", "teacher")

STANDS_FOR: Mapping[str, tuple[str, ...]] = {
    "batch_size": (
        "config.batch_size",
        "builder.batch_size",
        "builder.common_config.batch_size",
        "builder.groups_per_batch",
        "builder.dataset_builder.groups_per_batch",
    ),
    "checkpoint_every": ("config.save_every",),
    "dataset_ref.name": ("data.path", "builder.file_path"),
    "dataset_ref.options.config": ("data.name",),
    "dataset_ref.options.configs": ("data.names",),
    "dataset_ref.split": ("data.split",),
    "epochs": ("config.num_epochs",),
    "gradient_clipping": ("service.adam.grad_clip_norm",),
    "id": ("config.recipe_name",),
    "learning_rate": ("config.learning_rate", "service.adam.learning_rate"),
    "loss_function": ("service.loss",),
    "model_ref.id": (
        "config.model_name",
        "builder.model_name_for_tokenizer",
        "builder.common_config.model_name_for_tokenizer",
        "builder.dataset_builder.model_name_for_tokenizer",
        "service.lora.base_model",
    ),
    "seed": ("service.lora.seed", "sampling.seed"),
    "options.adam_beta1": ("config.adam_beta1", "service.adam.beta1"),
    "options.adam_beta2": ("config.adam_beta2", "service.adam.beta2"),
    "options.adam_eps": ("config.adam_eps", "service.adam.eps"),
    "options.beta": ("config.dpo_beta",),
    "options.compute_post_kl": ("config.compute_post_kl",),
    "options.context_overflow_reward": ("builder.context_overflow_reward", "env.context_overflow_reward"),
    "options.convo_prefix": (
        "builder.convo_prefix",
        "builder.include_fewshot",
        "builder.dataset_builder.convo_prefix",
    ),
    "options.env": ("env.name",),
    "options.eval_every": ("config.eval_every",),
    "options.format_coef": ("builder.format_coef", "env.format_coef"),
    "options.grader": ("env.grader",),
    "options.group_size": ("config.group_size", "builder.group_size", "builder.dataset_builder.group_size"),
    "options.infrequent_eval_every": ("config.infrequent_eval_every",),
    "options.kl_discount_factor": ("config.kl_discount_factor",),
    "options.kl_penalty_coef": ("config.kl_penalty_coef",),
    "options.kl_reference_model": ("config.kl_reference_config",),
    "options.load_checkpoint_path": ("config.load_checkpoint_path",),
    "options.lora_rank": ("config.lora_rank", "service.lora.rank"),
    "options.loss": ("config.loss_fn",),
    "options.loss_config": ("config.loss_fn_config",),
    "options.lr_schedule": ("config.lr_schedule", "service.lr_schedule"),
    "options.max_length": ("config.max_length", "builder.common_config.max_length", "env.max_trajectory_tokens"),
    "options.max_prompt_tokens": ("builder.dataset_builder.max_prompt_tokens",),
    "options.max_steps": ("config.max_steps",),
    "options.max_steps_off_policy": ("config.async_config",),
    "options.max_tokens": (
        "config.max_tokens",
        "builder.max_generation_tokens",
        "env.max_generation_tokens",
        "sampling.max_tokens",
    ),
    "options.max_turns": ("builder.max_turns", "env.max_turns"),
    "options.num_batches": ("builder.n_batches",),
    "options.num_minibatches": ("config.stream_minibatch_config",),
    "options.num_replicas": ("config.num_replicas",),
    "options.num_samples": ("teacher.num_samples",),
    "options.num_substeps": ("config.num_substeps",),
    "options.reference_model": ("config.reference_model_name",),
    "options.remove_constant_reward_groups": ("config.remove_constant_reward_groups",),
    "options.renderer_name": (
        "config.renderer_name",
        "builder.renderer_name",
        "builder.common_config.renderer_name",
        "builder.dataset_builder.renderer_name",
    ),
    "options.rolling_save_every": ("config.rolling_save_every",),
    "options.rolling_ttl_seconds": ("config.rolling_ttl_seconds",),
    "options.rollout_max_retries": ("config.rollout_error_tolerance",),
    "options.sandbox_backend": ("builder.sandbox_backend",),
    "options.save_every_seconds": ("config.save_every_seconds",),
    "options.save_every_tokens": ("config.save_every_tokens",),
    "options.shuffle_seed": ("data.shuffle_seed", "builder.seed", "builder.shuffle_seed"),
    "options.submit_ahead": ("config.submit_ahead",),
    "options.swap": ("builder.comparison_builder.swap",),
    "options.teacher_checkpoint": ("builder.teacher_config.load_checkpoint_path",),
    "options.teacher_max_tokens": ("teacher.max_tokens",),
    "options.teacher_model": ("builder.teacher_config.base_model", "teacher.model"),
    "options.teacher_temperature": ("teacher.temperature",),
    "options.temperature": ("config.temperature", "sampling.temperature"),
    "options.test_size": ("builder.test_size", "builder.comparison_builder.test_size"),
    "options.timeout_seconds": ("builder.timeout", "env.timeout"),
    "options.train_on_what": ("config.train_on_what", "builder.common_config.train_on_what"),
    "options.ttl_seconds": ("config.ttl_seconds",),
    "options.weight_decay": ("service.adam.weight_decay",),
}
"""A field of the recipe's training_config, and what it stands for in the cookbook."""

SOURCE = {field: path for path, fields in STANDS_FOR.items() for field in fields}

Values = dict[str, Any]
Capture = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Differences:
    """The fields of the cookbook and of the recipe whose values the other side does not have, with these values."""

    cookbook: Values
    recipe: Values

    def sides(self) -> dict[str, Values]:
        return {"cookbook": self.cookbook, "recipe": self.recipe}


def leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping, by its dotted path."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, f"{path}{key}.")
        else:
            yield path + key, inner


@pytest.fixture(scope="session")
def captured() -> Capture:
    """What the cookbook trains with; a process of its own, because the cookbook's modules are changed for it."""
    done = subprocess.run([sys.executable, str(HERE / "capture.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Capture = json.loads(done.stdout)
    return found


@cache
def entries() -> list[Values]:
    sections: dict[str, list[Values]] = yaml.safe_load(LIST.read_text("utf-8"))
    return [entry for section in sections.values() for entry in section]


def cookbook_values(capture: Mapping[str, Any]) -> Values:
    return dict(leaves({part: capture[part] for part in COMPARED}))


@cache
def recipe_values(recipe: str) -> Values:
    """What the recipe says, after `extends` and with the defaults of the IR; what is null is left out."""
    experiment = json.loads((GENERATED / f"{recipe}.json").read_text("utf-8"))
    return {path: value for path, value in leaves(experiment["training_config"]) if value is not None}


def real_differences(theirs: Values, ours: Values) -> Differences:
    """What differs: a field that stands for nothing on the other side does, even where it is null or off."""
    cookbook = {
        field: value
        for field, value in theirs.items()
        if field not in SOURCE or not same(value, ours.get(SOURCE[field]))
    }
    recipe = {path: value for path, value in ours.items() if differs(path, theirs, cookbook)}
    return Differences(cookbook, recipe)


def same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def differs(path: str, theirs: Values, differing: Values) -> bool:
    fields = [field for field in STANDS_FOR.get(path, ()) if field in theirs]
    return not fields or any(field in differing for field in fields)


def listed_differences(recipe: str, theirs: Values, ours: Values) -> Differences:
    """What `differences.yaml` lists for a recipe; of an entry for every recipe, the fields that this one has."""
    found = Differences({}, {})
    for entry in entries():
        for side, known in (("cookbook", theirs), ("recipe", ours)):
            for field, value in entry.get(side, {}).items():
                if recipe in entry["recipes"] or (entry["recipes"] == "every" and field in known):
                    assert field not in found.sides()[side], f"{LIST.name} lists {field} of {recipe} twice"
                    found.sides()[side][field] = value
    return found


def mistakes(side: str, real: Values, said: Values) -> Iterator[str]:
    for field, value in real.items():
        if field not in said:
            yield f"{side}: {field} is {value!r} on this side only, and is not listed"
        elif not same(value, said[field]):
            yield f"{side}: {field} is {value!r}, and is listed as {said[field]!r}"
    yield from (f"{side}: {field} is listed, and does not differ" for field in said if field not in real)


def test_the_cookbook_runs_the_recipes_that_ship(captured: Capture) -> None:
    assert sorted(captured) == RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_values_are_the_cookbooks(recipe: str, captured: Capture) -> None:
    theirs, ours = cookbook_values(captured[recipe]), recipe_values(recipe)
    real, said = real_differences(theirs, ours).sides(), listed_differences(recipe, theirs, ours).sides()
    wrong = [line for side in real for line in mistakes(side, real[side], said[side])]
    assert not wrong, "\n".join([f"{recipe}, against {LIST.name}:", *wrong])


def test_each_difference_has_a_reason() -> None:
    for entry in entries():
        assert set(entry) <= {"reason", "recipes", "cookbook", "recipe"}, entry
        assert len(entry["reason"].split()) > 3, entry
        assert entry["recipes"] == "every" or set(entry["recipes"]) <= set(RECIPES), entry


def test_a_difference_of_every_recipe_is_one_of_some(captured: Capture) -> None:
    """What no recipe has at all would otherwise stay listed for ever."""
    cookbook = {field for capture in captured.values() for field in cookbook_values(capture)}
    recipe = {path for name in RECIPES for path in recipe_values(name)}
    for entry in entries():
        assert set(entry.get("cookbook", {})) <= cookbook, entry
        assert set(entry.get("recipe", {})) <= recipe, entry


@pytest.mark.parametrize("recipe", ["sl_basic", "sl_loop", "chat_sl", "prompt_distillation"])
def test_all_answers_are_trained_on(recipe: str, captured: Capture) -> None:
    """What train_on_what says, also where the cookbook leaves it to the data set."""
    assert recipe_values(recipe)["options.train_on_what"] == "all_assistant_messages"
    text = captured[recipe]["seen"]["trained"]
    expected = ("en",) if recipe == "prompt_distillation" else ("a1", "a2")
    assert all(answer in text for answer in expected) and "q" not in text


def test_the_student_learns_what_the_expression_finds_in_the_teachers_answer(captured: Capture) -> None:
    seen = captured["prompt_distillation"]["seen"]
    match = re.search(recipe_values("prompt_distillation")["options.answer_regex"], seen["answer"])
    assert match is not None and f"\n\n{match[1]}<|im_end|>" in seen["trained"]


@pytest.mark.parametrize(
    ("recipe", "begins"),
    [("rl_basic", True), ("rl_loop", True), ("math_rl", True), ("code_rl", False), ("on_policy_distillation", False)],
)
def test_prompts_begin_with_an_example_where_convo_prefix_says_so(recipe: str, begins: bool, captured: Capture) -> None:
    prompt = captured[recipe]["seen"]["prompt"]
    assert ("strawberry" in prompt or "4 + 5" in prompt) is begins
    assert (recipe_values(recipe).get("options.convo_prefix") == "standard") is begins

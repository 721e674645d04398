"""What `--smoke` changes of a training configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crucible_runtime.experiment.kinds import RecipeType, types
from crucible_runtime.ir import TrainingConfig
from crucible_runtime.smoke.names import ENVIRONMENTS, MODEL, PROVIDER, TEACHER

_STEPS = 20
_BATCHES = 20
_PROGRAMS = 12  # batches of an environment whose answers have to be run
_LEFT_OUT = (
    "adapter",
    "kl_reference_checkpoint",
    "kl_reference_model",
    "load_checkpoint_path",
    "lora_rank",
    "reference_model",
    "teacher_checkpoint",
    "teacher_renderer_name",
)
"""What nothing of a tiny run can stand for: it starts from weights and in a form of its own."""


def overrides(training: TrainingConfig, kind: str) -> dict[str, Any]:
    """What `--smoke` changes of a training configuration of a recipe of type `kind`, as overrides of it.

    Sizes get smaller and never larger; what a tiny run can keep, it keeps. Pure, and imports no engine.
    """
    type_, options = types()[kind], dict(training.options or {})
    id_, name = _made(type_, options)
    data: dict[str, Any] = {"name": name, "provider": PROVIDER, "format": None}
    if type_.taught:
        data["format"] = "jsonl"
    every = training.checkpoint_every
    return {
        "model_ref": {
            "id": id_,
            "provider": PROVIDER,
            "version": None,
            "artifact_uri": None,
            "options": None,
        },
        "dataset_ref": {**data, "version": None, "schema": None, "split": "train", "options": None},
        "batch_size": min(training.batch_size, type_.smoke.batch_size),
        "learning_rate": type_.smoke.learning_rate,
        "checkpoint_every": None if every is None else min(every, 5),
        "options": _options(type_, options),
    }


def _options(type_: RecipeType, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a smoke run, where they differ from the recipe's."""
    small: dict[str, Any] = {
        name: min(options[name], most)
        for name, most in type_.smoke.options.items()
        if isinstance(options.get(name), int)
    }
    # A LoRA adapter on random weights hardly learns. A model that was taught before knows its own template alone.
    left_out = (*_LEFT_OUT, "renderer_name") if type_.rollouts else _LEFT_OUT
    small |= {name: None for name in left_out if name in options}
    if type_.rollouts:
        small["num_batches"] = _batches(options, _BATCHES)
    else:
        small["max_steps"] = min(options.get("max_steps", _STEPS), _STEPS)
    if type_.environment:
        small |= _environment(options)
    if type_.teacher:
        small["teacher_model"] = TEACHER
    if type_.taught:
        small |= _teacher(options)
    return small


def _made(type_: RecipeType, options: Mapping[str, Any]) -> tuple[str, str]:
    """The id of the generated model, and the name of the generated data."""
    if not type_.environment:
        return type_.smoke.model, type_.smoke.data
    env = options.get("env", "")
    # A third-party environment makes its own rows, and its answers nothing here can teach.
    return (f"tiny-{env}", f"tiny-{env}") if env in ENVIRONMENTS else (MODEL, env or MODEL)


def _batches(options: Mapping[str, Any], most: int) -> int:
    return int(min(options.get("num_batches", most), options.get("max_steps", most), most))


def _environment(options: Mapping[str, Any]) -> dict[str, Any]:
    """What an environment is told: prompts without an example, and this machine's sandbox in the place of a service."""
    small: dict[str, Any] = {"convo_prefix": "none"} if options.get("convo_prefix") else {}
    if "sandbox_backend" in options:
        small["sandbox_backend"] = "bubblewrap"
    if options.get("env") == "deepcoder":
        small["num_batches"] = _batches(options, _PROGRAMS)
    return small


def _teacher(options: Mapping[str, Any]) -> dict[str, Any]:
    """The tiny teacher and what it is asked: it has learnt one question, and one form of answer."""
    small: dict[str, Any] = {
        "teacher_model": TEACHER,
        "teacher_prompt": "Which language is this? {text}",
        "source_path": "crucible_runtime/smoke/languages.txt",
        "teacher_max_tokens": min(options.get("teacher_max_tokens", 16), 16),
        "num_samples": min(options.get("num_samples", 1), 2),
    }
    if "answer_regex" in options:
        small["answer_regex"] = r"Final Answer: (\w+)"
    return small

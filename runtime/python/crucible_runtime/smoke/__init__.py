"""A recipe in, a run of it in a minute out: what `--smoke` changes, and the model and data that it is tried on.

Everything is made on the spot, from fixed seeds and without a download: a Qwen3 of about 107,000 random weights, a
tokenizer that is trained on the tiny data, and a few rows for every type of recipe. The code that runs is the one of a
full run. The rule that surprises: a model whose training is to raise a reward is taught a little before, as random
weights never earn one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crucible_runtime.ir import TrainingConfig

if TYPE_CHECKING:
    from pathlib import Path

    from crucible_runtime.data import Row

PROVIDER = "generated"
"""The provider of a model_ref and of a dataset_ref that are made on the spot."""
MODEL = "tiny"
"""The model of random weights; `tiny-<env>` has been taught the shape of that environment's answers."""
TEACHER = "tiny-teacher"
"""The teacher of distillation: it knows the answers to the tiny questions, and the language of the tiny texts."""
STUDENT = "tiny-student"
"""The student of on-policy distillation: it answers the tiny questions now and then."""

ENVIRONMENTS = ("arithmetic", "gsm8k", "math", "polaris", "deepmath", "deepcoder")
"""The environments that there is tiny data for, and a tiny model that has been taught."""

_STEPS = 20
_BATCHES = 20
_PROGRAMS = 12  # batches of an environment whose answers have to be run


def overrides(training: TrainingConfig, kind: str) -> dict[str, Any]:
    """What `--smoke` changes of a training configuration of a recipe of type `kind`, as overrides of it.

    Sizes get smaller and never larger; what a tiny run can keep, it keeps. Pure, and imports no engine.
    """
    options = dict(training.options or {})
    sizes, small = _SIZES[kind], {}
    for name, most in sizes["options"].items():
        if isinstance(options.get(name), int):
            small[name] = min(options[name], most)
    # A LoRA adapter on random weights hardly learns. A model that was taught before knows its own template alone.
    left_out = _LEFT_OUT if kind in ("supervised", "preference") else (*_LEFT_OUT, "renderer_name")
    small |= {name: None for name in left_out if name in options}
    if kind in ("supervised", "preference"):
        small["max_steps"] = min(options.get("max_steps", _STEPS), _STEPS)
    else:
        batches = min(options.get("num_batches", _BATCHES), options.get("max_steps", _BATCHES), _BATCHES)
        small["num_batches"] = batches
    if kind == "rl":
        small |= _environment(options)
    id_, name = MODEL, _NAMES.get(kind, "")
    if kind == "rl":
        env = options.get("env", "")
        # An environment of somebody else's makes its own rows, and its answers nobody here can teach.
        id_, name = (f"tiny-{env}", f"tiny-{env}") if env in ENVIRONMENTS else (MODEL, env or MODEL)
    if kind == "distillation":
        id_, small["teacher_model"] = STUDENT, TEACHER
    data: dict[str, Any] = {"name": name, "provider": PROVIDER, "format": None}
    if kind == "supervised" and "teacher_model" in options:
        small |= _teacher(options)
        data |= {"name": "tiny-languages", "format": "jsonl"}
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
        "batch_size": min(training.batch_size, sizes["batch_size"]),
        "learning_rate": sizes["learning_rate"],
        "checkpoint_every": None if every is None else min(every, 5),
        "options": small,
    }


def model(path: Path, name: str = MODEL) -> Path:
    """Makes the tiny model of that name (a model_ref's id) with its tokenizer in the directory `path`; `path`.

    The same bytes every time on one machine, under 1 MB. A model that is there already is left as it is. Raises
    InputError for a name that there is not.
    """
    from crucible_runtime.smoke import making

    return making.model(path, name)


def rows(name: str, kind: str) -> list[Row]:
    """The tiny data of that name (a dataset_ref's name) as rows of a recipe of type `kind`; InputError where none is.

    Rows of type rl have the columns of their environment's data set, those of the other types are canonical.
    """
    from crucible_runtime.smoke import making

    return making.rows(name, kind)


_NAMES = {"supervised": "tiny-chat", "preference": "tiny-preferences", "distillation": "tiny-questions"}

_SIZES: Mapping[str, Mapping[str, Any]] = {
    "supervised": {
        "batch_size": 8,
        "learning_rate": 5.0e-3,
        "options": {"max_length": 512, "eval_every": 10, "infrequent_eval_every": 10, "test_size": 8},
    },
    "preference": {
        "batch_size": 8,
        "learning_rate": 2.0e-3,
        "options": {"max_length": 512, "eval_every": 10, "infrequent_eval_every": 10, "test_size": 8},
    },
    "rl": {
        "batch_size": 4,
        "learning_rate": 4.0e-4,
        "options": {
            "eval_every": 10,
            "group_size": 8,
            "max_length": 1024,
            "max_steps": _BATCHES,
            "max_tokens": 48,
            "max_turns": 1,
            "num_substeps": 2,
            "test_size": 8,
        },
    },
    "distillation": {
        "batch_size": 4,
        "learning_rate": 1.0e-3,
        "options": {
            "eval_every": 10,
            "group_size": 2,
            "max_prompt_tokens": 256,
            "max_steps": _BATCHES,
            "max_tokens": 16,
            "num_substeps": 2,
        },
    },
}

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


def _environment(options: Mapping[str, Any]) -> dict[str, Any]:
    """What an environment is told: prompts without an example, and this machine's sandbox in the place of a service."""
    small: dict[str, Any] = {"convo_prefix": "none"} if options.get("convo_prefix") else {}
    if "sandbox_backend" in options:
        small["sandbox_backend"] = "bubblewrap"
    if options.get("env") == "deepcoder":
        small["num_batches"] = min(
            options.get("num_batches", _PROGRAMS), options.get("max_steps", _PROGRAMS), _PROGRAMS
        )
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

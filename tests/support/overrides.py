"""The same overrides of a training configuration in both languages, and what nobody may override."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Override:
    """One override: for Python, for Elixir, and the kinds of recipes that know its options (all without any)."""

    python: dict[str, Any]
    elixir: str
    kinds: tuple[str, ...] = ("distillation", "preference", "prompt_distillation", "rl", "supervised")


GOOD = {
    "nothing": Override({}, "%{}"),
    "an empty keyword list": Override({}, "[]"),
    "scalars": Override(
        {"epochs": 7, "batch_size": 77, "learning_rate": 7.5e-3, "checkpoint_every": 777, "mixed_precision": True},
        "%{epochs: 7, batch_size: 77, learning_rate: 7.5e-3, checkpoint_every: 777, mixed_precision: true}",
    ),
    "an integer for a float": Override({"learning_rate": 1}, "[learning_rate: 1]"),
    "an integer for a float in a map": Override(
        {"early_stopping": {"min_delta": 1, "patience": 2}}, "%{early_stopping: %{min_delta: 1, patience: 2}}"
    ),
    "an integer for a float among options": Override(
        {"options": {"weight_decay": 0, "adam_beta1": 0}}, "%{options: [weight_decay: 0, adam_beta1: 0]}"
    ),
    "no integer where nothing says float": Override(
        {"model_ref": {"metadata": {"learning_rate": 1}}}, "%{model_ref: %{metadata: %{learning_rate: 1}}}"
    ),
    "null where that is allowed": Override(
        {"checkpoint_every": None, "validation_split": None}, "%{checkpoint_every: nil, validation_split: nil}"
    ),
    "names": Override(
        {"optimizer": "adamw", "device": "cuda", "metrics": ["loss", "perplexity"], "id": "another"},
        "%{optimizer: :adamw, device: :cuda, metrics: [:loss, :perplexity], id: :another}",
    ),
    "text for names": Override({"optimizer": "adamw"}, '%{optimizer: "adamw"}'),
    "an empty list": Override({"metrics": []}, "%{metrics: []}"),
    "a part of a struct": Override({"model_ref": {"id": "another/model"}}, '%{model_ref: %{id: "another/model"}}'),
    "a part of a struct in keywords": Override(
        {"dataset_ref": {"split": "test", "version": "v2"}}, '[dataset_ref: [split: :test, version: "v2"]]'
    ),
    "maps in a struct": Override(
        {"model_ref": {"metadata": {"a": {"b": {"c": [1, {"d": 2.5}]}}}, "options": {"x": True}}},
        "%{model_ref: %{metadata: %{a: %{b: %{c: [1, %{d: 2.5}]}}}, options: %{x: true}}}",
    ),
    "empty maps and lists in a map": Override(
        {"model_ref": {"metadata": {"a": {}, "b": [], "c": {"d": {}}}}},
        "%{model_ref: %{metadata: %{a: %{}, b: [], c: %{d: %{}}}}}",
    ),
    "texts": Override(
        {"model_ref": {"version": 'a "b" \\ #{c}\n\u2028\U0001f600', "metadata": {"é ü": "'"}}},
        r"""%{model_ref: %{version: "a \"b\" \\ \#{c}\n\u2028\u{1F600}", metadata: %{"é ü": "'"}}}""",
    ),
    "numbers": Override(
        {"model_ref": {"metadata": {"a": 1.0e-7, "b": 123456.0, "c": -0.0, "d": 2**63 - 1, "e": 1.0e22}}},
        "%{model_ref: %{metadata: %{a: 1.0e-7, b: 123456.0, c: -0.0, d: 9223372036854775807, e: 1.0e22}}}",
    ),
    "a schema with text as keys": Override(
        {"dataset_ref": {"schema": {"type": "object"}}}, '%{dataset_ref: %{schema: %{"type" => "object"}}}'
    ),
    "options": Override(
        {"options": {"lora_rank": 64, "renderer_name": "llama3"}},
        '%{options: %{lora_rank: 64, renderer_name: "llama3"}}',
    ),
    "a null among options removes": Override(
        {"options": {"lora_rank": None, "lr_schedule": None, "num_batches": None}},
        "%{options: %{lora_rank: nil, lr_schedule: nil, num_batches: nil}}",
        ("distillation", "rl"),
    ),
    "no options": Override({"options": None}, "%{options: nil}", ("distillation", "preference", "rl", "supervised")),
    "options of the stage": Override(
        {"options": {"lr_schedule": "cosine", "eval_every": 3, "adam_eps": 1.0e-6}},
        "%{options: %{lr_schedule: :cosine, eval_every: 3, adam_eps: 1.0e-6}}",
    ),
    "options of reinforcement learning": Override(
        {"options": {"num_batches": 5, "loss_config": {"clip_low_threshold": 0.8, "x": 1, "y": "z"}}},
        '%{options: [num_batches: 5, loss_config: %{clip_low_threshold: 0.8, x: 1, y: "z"}]}',
        ("distillation", "rl"),
    ),
    "options of preferences": Override({"options": {"beta": 1}}, "%{options: %{beta: 1}}", ("preference",)),
}

BAD = {
    "field": ({"epoch": 1}, "%{epoch: 1}"),
    "field of a struct": ({"model_ref": {"epoch": 1}}, "%{model_ref: %{epoch: 1}}"),
    "option": ({"options": {"epoch": 1}}, "%{options: %{epoch: 1}}"),
    "option in keywords": ({"options": {"epoch": None}}, "[options: [epoch: nil]]"),
}
"""Overrides that both languages refuse by the name `epoch`."""

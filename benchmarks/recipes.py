"""A number and a directory in, that many realistic recipes out: all types, fragments, long texts; the same every time."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

FRAGMENTS = Path(__file__).parents[1] / "recipes" / "fragments"
_MODELS = ("qwen3.5-9b-base.yaml", "qwen3.5-9b.yaml", "qwen3.6-35b-a3b.yaml")
_WORDS = [
    "answers",
    "are",
    "sampled",
    "from",
    "the",
    "model",
    "as",
    "it",
    "is",
    "and",
    "judged",
    "by",
    "what",
    "they",
    "reach",
    "rather",
    "than",
    "by",
    "how",
    "they",
    "read",
    "so",
    "that",
    "a",
    "run",
    "which",
    "stops",
    "early",
    "can",
    "go",
    "on",
    "from",
    "its",
    "last",
    "checkpoint",
    "with",
    "the",
    "same",
    "data",
    "in",
    "the",
    "same",
    "order",
    "and",
    "seeds",
]
_BODIES = {
    "supervised": (
        "[fragments/supervised.yaml, fragments/{model}, fragments/no_robots.yaml]",
        "  epochs: {small}\n  batch_size: {batch}\n  learning_rate: {rate}\n"
        "  options: {{eval_every: {every}, max_length: {long}}}\n",
    ),
    "rl": (
        "[fragments/rl.yaml, fragments/{model}]",
        "  dataset_ref: {{name: arithmetic, provider: generated}}\n  batch_size: {batch}\n  learning_rate: {rate}\n"
        "  options:\n    env: arithmetic\n    convo_prefix: standard\n    eval_every: {every}\n    format_coef: 0.1\n"
        "    group_size: {small}\n    max_tokens: {long}\n    num_batches: {batch}\n",
    ),
    "preference": (
        "[fragments/cookbook.yaml, fragments/{model}]",
        "  dataset_ref: {{name: Anthropic/hh-rlhf, provider: huggingface}}\n  epochs: {small}\n  batch_size: {batch}\n"
        "  learning_rate: {rate}\n  loss_function: dpo\n  options:\n    beta: 0.1\n    eval_every: {every}\n"
        "    lr_schedule: linear\n    max_length: {long}\n    shuffle_seed: {small}\n    test_size: 1024\n",
    ),
    "distillation": (
        "[fragments/rollouts.yaml, fragments/{model}]",
        "  dataset_ref: {{name: zwhe99/DeepMath-103K, provider: huggingface}}\n  batch_size: {batch}\n"
        "  learning_rate: {rate}\n  options:\n    teacher_model: Qwen/Qwen3.5-9B\n    kl_penalty_coef: 1.0\n"
        "    eval_every: {every}\n    group_size: {small}\n    max_prompt_tokens: 1024\n    max_tokens: {long}\n",
    ),
}


def write(number: int, root: Path) -> None:
    """Writes `number` recipes, and the fragments that they extend, below `root / "recipes"`."""
    chance = random.Random(number)
    recipes = root / "recipes"
    shutil.copytree(FRAGMENTS, recipes / "fragments", dirs_exist_ok=True)
    (root / "gen.yaml").write_text("")
    types = tuple(_BODIES)
    for index in range(number):
        type_ = types[index % len(types)]
        name = f"{type_}_{index:05}"
        (recipes / f"{name}.yaml").write_text(_recipe(name, type_, chance), "utf-8")


def _recipe(name: str, type_: str, chance: random.Random) -> str:
    extends, body = _BODIES[type_]
    values = {
        "model": chance.choice(_MODELS),
        "small": chance.randint(2, 9),
        "batch": chance.choice((32, 64, 100, 128, 256)),
        "rate": f"{chance.randint(1, 9)}.0e-{chance.randint(4, 6)}",
        "every": chance.randint(5, 50),
        "long": chance.choice((256, 512, 4096, 32768)),
    }
    lines = [f"id: {name}", f"type: {type_}", "description: >-"]
    lines += [f"  {_sentence(chance)}" for _ in range(chance.randint(1, 6))]
    lines += [f"extends: {extends.format(**values)}", "", "training_config:"]
    text = "\n".join(lines) + "\n" + body.format(**values)
    text += f"\nmlops:\n  register: {{model_name: {name}}}\n"
    if chance.random() < 0.5:
        text += "  deploy: {target: vllm, strategy: canary}\n"
    if chance.random() < 0.5:
        text += "\nevaluation:\n  max_tokens: 64\n  tasks:\n    - name: sums\n      scorer: contains\n      samples:\n"
        for _ in range(chance.randint(2, 8)):
            one, two = chance.randint(1, 99), chance.randint(1, 99)
            text += f'        - {{input: "What is {one} + {two}? {_sentence(chance)}", target: "{one + two}"}}\n'
    return text


def _sentence(chance: random.Random) -> str:
    words = chance.choices(_WORDS, k=chance.randint(8, 24))
    return f"{' '.join(words).capitalize()}."

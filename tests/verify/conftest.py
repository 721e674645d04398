"""Stand-in packages, compiled once in a run, and a project with recipes of every type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import project

RECIPES = {
    "sl": """\
id: sl
type: supervised
training_config:
  model_ref: a/model
  dataset_ref: a/dataset
  epochs: 2
  learning_rate: 2.0e-4
  checkpoint_every: 5
  options: {lr_schedule: cosine, eval_every: 4}
mlops:
  register: {model_name: sl}
  deploy: {target: vllm, strategy: canary}
""",
    "rl": """\
id: rl
type: rl
training_config:
  model_ref: a/model
  dataset_ref: a/dataset
  learning_rate: 4.0e-5
  options: {num_batches: 4, group_size: 2}
mlops:
  register: {model_name: rl, lineage_type: rl_trained_from}
""",
    "dpo": """\
id: dpo
type: preference
training_config:
  model_ref: a/model
  dataset_ref: a/dataset
  learning_rate: 1.0e-5
  options: {beta: 0.1}
stages:
  after:
    - {stage: check_triggers, options: {drift_threshold: 0.3}}
mlops:
  register: {model_name: dpo}
  deploy: {target: tgi, strategy: blue_green}
""",
    "distil": """\
id: distil
type: distillation
training_config:
  model_ref: a/model
  dataset_ref: a/dataset
  learning_rate: 1.0e-4
  options: {teacher_model: a/teacher}
""",
}
"""A recipe of each type, with values that no default has."""
OTHERS = {
    "taught": """\
id: taught
type: distillation
training_config:
  model_ref: a/model
  dataset_ref: {name: taught.jsonl, provider: local}
  epochs: 2
  learning_rate: 1.0e-4
  options: {method: prompt, teacher_model: a/teacher, teacher_prompt: "{text}?", source_path: lines.txt}
""",
}
"""Recipes that tests ask for by name."""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with the known defects."""
    import stand_ins

    return stand_ins.write(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Later releases of them, without the known defects."""
    import stand_ins

    return stand_ins.write(tmp_path_factory.mktemp("repaired"), repaired=True)


@pytest.fixture
def recipes(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a project with these recipes, or all, and settings; it answers the project."""

    def write(*names: str, settings: str = "") -> Path:
        files = {f"recipes/{name}.yaml": (RECIPES | OTHERS)[name] for name in names or RECIPES}
        return project(tmp_path, {"gen.yaml": settings, **files})

    return write

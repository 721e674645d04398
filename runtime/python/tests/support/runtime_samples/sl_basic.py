"""Supervised fine-tuning on no_robots.

Stages: supervised_train, model_register, deploy; evaluation follows the run.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crucible_runtime import Result, RunConfig, main, override, start
from crucible_runtime.evaluation import Evaluation, Sample, Task
from crucible_runtime.ir import (
    BackendRef,
    DatasetRef,
    Experiment,
    ModelRef,
    StageDef,
    TrainingConfig,
)
from crucible_runtime.stages import deploy, model_register, supervised_train

NAME = "sl_basic"
DESCRIPTION = "Supervised fine-tuning on no_robots."


@dataclass(frozen=True, kw_only=True)
class Config(RunConfig):
    """What the caller supplies, besides `ports` and overrides of `training_config`.

    train_dataset: `CrucibleTrain.Supervised.Dataset`: the batches to train on
    training_client: a session to reuse
    log_path: directory for metrics and config.json
    logger: where metrics go
    """

    train_dataset: Any = None
    training_client: Any = None
    log_path: Path | str | None = None
    logger: Any = None


def training_config(
    overrides: Mapping[str, Any] | TrainingConfig | None = None,
) -> TrainingConfig:
    """The training configuration, with `overrides` in place; a whole one replaces it.

    Raises OverrideError for a field that it does not have or a value out of bounds.
    """
    return override(
        TrainingConfig(
            id="sl_basic",
            model_ref=ModelRef(id="Qwen/Qwen3.5-9B-Base", provider="huggingface"),
            dataset_ref=DatasetRef(
                name="HuggingFaceH4/no_robots",
                provider="huggingface",
            ),
            epochs=1,
            batch_size=128,
            learning_rate=2.0e-4,
            checkpoint_every=20,
            options={
                "eval_every": 8,
                "lora_rank": 32,
                "lr_schedule": "linear",
                "max_length": 32768,
                "train_on_what": "all_assistant_messages",
            },
        ),
        overrides,
        kind="supervised",
    )


def build_experiment(config: Config | None = None) -> Experiment:
    """The experiment: the same value as `CrucibleRecipes.SlBasic.build_spec/1`."""
    config = config or Config()
    training = training_config(config.training_config)
    options = training.options or {}

    return Experiment(
        id="sl_basic",
        description="Supervised fine-tuning on no_robots.",
        backend=BackendRef(id="tinker"),
        pipeline=[
            StageDef(
                name="supervised_train",
                module="CrucibleTrain.Stages.SupervisedTrain",
                options={
                    "training_config": training,
                    "ports": config.ports,
                    "train_dataset": config.train_dataset,
                    "training_client": config.training_client,
                    "log_path": config.log_path,
                    "logger": config.logger,
                    "num_epochs": training.epochs,
                    "batch_size": training.batch_size,
                    "learning_rate": training.learning_rate,
                    "lr_schedule": options.get("lr_schedule", "linear"),
                    "save_every": training.checkpoint_every or 0,
                    "eval_every": options.get("eval_every", 0),
                },
            ),
            StageDef(
                name="model_register",
                module="CrucibleModelRegistry.Stages.Register",
                options={
                    "model_name": "sl_basic",
                    "recipe": "sl_basic",
                    "base_model": training.model_ref.id,
                    "training_config": training,
                },
            ),
            StageDef(
                name="deploy",
                module="CrucibleDeployment.Stages.Deploy",
                options={"target": "vllm", "strategy": "canary"},
            ),
        ],
        dataset=training.dataset_ref,
        training_config=training,
    )


def evaluation() -> Evaluation:
    """What is asked of the model after the run."""
    return Evaluation(
        max_tokens=64,
        tasks=[
            Task(
                name="arithmetic",
                scorer="contains",
                samples=[Sample(id="1", input="What is 2 + 2?", target="4")],
            ),
        ],
    )


def run(config: Config | None = None) -> Result:
    """Trains, registers, deploys, evaluates; raises StageError, which names the stage that failed."""
    with start(build_experiment(config), config) as pipeline:
        pipeline.stage("supervised_train", supervised_train)
        pipeline.stage("model_register", model_register)
        pipeline.stage("deploy", deploy)
        return pipeline.finish(evaluation())


if __name__ == "__main__":
    sys.exit(main(Config, build_experiment, evaluation, run))

"""Reinforcement learning on gsm8k.

Stages: data_checks, rl_train, reward_audit, export_feedback.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crucible_runtime import Result, RunConfig, main, override, start
from crucible_runtime.ir import (
    BackendRef,
    DatasetRef,
    Experiment,
    ModelRef,
    Module,
    StageDef,
    TrainingConfig,
)
from crucible_runtime.stages import export_feedback, external, rl_train

NAME = "rl_basic"
DESCRIPTION = "Reinforcement learning on gsm8k."


@dataclass(frozen=True, kw_only=True)
class Config(RunConfig):
    """What the caller supplies, besides `ports` and overrides of `training_config`.

    env_group_builder: `CrucibleTrain.RL.EnvGroupBuilder`: makes the environments
    token_completer: `CrucibleTrain.Completers.TokenCompleter`: samples from the policy
    training_client: a session to reuse
    log_path: directory for metrics and config.json
    logger: where metrics go
    judge: the model that audits rewards
    """

    env_group_builder: Any = None
    token_completer: Any = None
    training_client: Any = None
    log_path: Path | str | None = None
    logger: Any = None
    judge: Any = None


def training_config(
    overrides: Mapping[str, Any] | TrainingConfig | None = None,
) -> TrainingConfig:
    """The training configuration, with `overrides` in place; a whole one replaces it.

    Raises OverrideError for a field that it does not have or a value out of bounds.
    """
    return override(
        TrainingConfig(
            id="rl_basic",
            model_ref=ModelRef(id="meta-llama/Llama-3.1-8B", provider="huggingface"),
            dataset_ref=DatasetRef(name="openai/gsm8k", provider="huggingface"),
            batch_size=128,
            learning_rate=4.0e-5,
            options={"env": "gsm8k", "group_size": 16, "max_tokens": 256},
        ),
        overrides,
        kind="rl",
    )


def build_experiment(config: Config | None = None) -> Experiment:
    """The experiment: the same value as `CrucibleRecipes.RlBasic.build_spec/1`."""
    config = config or Config()
    training = training_config(config.training_config)
    options = training.options or {}

    return Experiment(
        id="rl_basic",
        description="Reinforcement learning on gsm8k.",
        backend=BackendRef(id="tinker"),
        pipeline=[
            StageDef(
                name="data_checks",
                module="Crucible.Stage.DataChecks",
                options={
                    "required_fields": ["question", "answer"],
                    "fail_fast": True,
                    "checker": Module("Acme.Checker"),
                },
            ),
            StageDef(
                name="rl_train",
                module="CrucibleTrain.Stages.RLTrain",
                options={
                    "training_config": training,
                    "ports": config.ports,
                    "env_group_builder": config.env_group_builder,
                    "token_completer": config.token_completer,
                    "training_client": config.training_client,
                    "log_path": config.log_path,
                    "logger": config.logger,
                    "num_batches": options.get("num_batches", 1),
                    "learning_rate": training.learning_rate,
                },
            ),
            StageDef(
                name="reward_audit",
                module="Acme.Stages.RewardAudit",
                options={
                    "judge": config.judge,
                    "group_size": options.get("group_size", 1),
                    "threshold": 0.5,
                },
            ),
            StageDef(
                name="export_feedback",
                module="CrucibleFeedback.Stages.ExportFeedback",
                options=[],
            ),
        ],
        dataset=training.dataset_ref,
        training_config=training,
    )


def evaluation() -> None:
    """Nothing: this recipe asks nothing of the model after the run."""


def run(config: Config | None = None) -> Result:
    """Runs the stages one by one; raises StageError, which names the stage that failed."""
    with start(build_experiment(config), config) as pipeline:
        pipeline.stage("data_checks", external)
        pipeline.stage("rl_train", rl_train)
        pipeline.stage("reward_audit", external)
        pipeline.stage("export_feedback", export_feedback)
        return pipeline.finish()


if __name__ == "__main__":
    sys.exit(main(Config, build_experiment, evaluation, run))

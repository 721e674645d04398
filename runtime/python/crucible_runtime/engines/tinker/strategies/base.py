"""What the strategies of all recipe types share: the parts that every config of the cookbook has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crucible_runtime.engines.tinker.tree import Choice, Given, Node
from crucible_runtime.ir import TrainingConfig


class Strategy:
    """How recipes of one type become a config of the cookbook; a subclass for each type, and for each of its loops.

    counted: whether the progress that the cookbook writes at a step includes the step itself
    taught: whether a teacher writes the data before the training
    """

    counted = False
    taught = False

    def __init__(self, training: TrainingConfig, given: Given | None = None) -> None:
        """Takes the training configuration, and what is known when a run begins; left out, a config cannot be made."""
        self.training = training
        self.options: Mapping[str, Any] = training.options or {}
        self.given = given if given is not None else Given(log_path="")

    # What a strategy is asked

    def config(self) -> Node:
        """The config of the cookbook, every field of it; for a recipe that there are no problems with."""
        raise NotImplementedError

    def needed(self) -> dict[str, str]:
        """The options that no default stands for, each with what it says."""
        return {
            "lora_rank": "the service trains a LoRA adapter, never all weights; 32 is what the cookbook's recipes take"
        }

    def conflicts(self) -> list[str]:
        """What of the recipe does not go together, each a whole sentence."""
        if "max_steps_off_policy" in self.options and "num_minibatches" in self.options:
            return [
                "tinker_cookbook has no minibatches where rollouts are off policy: leave "
                "training_config.options.num_minibatches or training_config.options.max_steps_off_policy out"
            ]
        return []

    def elsewhere(self) -> list[str]:
        """What a teacher, or an environment that is not the cookbook's, lacks, each a whole sentence."""
        return []

    def loads(self) -> bool:
        """Whether the cookbook loads the rows itself, and `check_data` does not read them."""
        return False

    def check_data(self) -> None:
        """Reads the rows that the cookbook reads itself, so that they are recorded, and counts those that teach nothing.

        Raises InputError for rows that are wrong, of which the cookbook does not say where they are.
        """

    # What all configs have

    @property
    def renderer(self) -> str:
        """The renderer of the recipe, else the one that is known when a run begins."""
        return self.options.get("renderer_name") or self.given.renderer_name

    @property
    def seed(self) -> int:
        """The seed of the order of the data."""
        return self.options.get("shuffle_seed") or 0

    def common(self) -> dict[str, Any]:
        """What the four configs have; both loops lack some of it."""
        return {
            "log_path": self.given.log_path,
            "model_name": self.training.model_ref.id,
            "recipe_name": self.training.id,
            "load_checkpoint_path": self.options.get("load_checkpoint_path"),
            "renderer_name": self.renderer,
            "learning_rate": self.training.learning_rate,
            "lora_rank": self.options["lora_rank"],
            "base_url": self.given.base_url,
            "evaluator_builders": [],
            "save_every": self.training.checkpoint_every or 0,
            "eval_every": self.options.get("eval_every", 0),
            "wandb_project": None,
            "wandb_name": None,
            "enable_trace": False,
            "span_chart_every": 0,
        }

    def kept(self) -> dict[str, Any]:
        """For how long checkpoints are kept."""
        return {
            "ttl_seconds": self.options.get("ttl_seconds"),
            "rolling_save_every": self.options.get("rolling_save_every", 0),
            "rolling_ttl_seconds": self.options.get("rolling_ttl_seconds", 7200),
        }

    def adam(self) -> dict[str, Any]:
        """The numbers of Adam."""
        defaults = {"adam_beta1": 0.9, "adam_beta2": 0.95, "adam_eps": 1e-8}
        return {name: self.options.get(name, value) for name, value in defaults.items()}

    def looped(self) -> dict[str, Any]:
        """What both loops of the cookbook that are whole programs of their own have."""
        common = self.common()
        names = (
            "base_url",
            "log_path",
            "model_name",
            "learning_rate",
            "lora_rank",
            "save_every",
            "wandb_project",
            "wandb_name",
        )
        return {**{name: common[name] for name in names}, "batch_size": self.training.batch_size}

    def chat(self, train_on_what: Choice | None) -> Node:
        """How conversations become tokens."""
        return Node(
            class_="tinker_cookbook.supervised.types:ChatDatasetBuilderCommonConfig",
            fields={
                "model_name_for_tokenizer": self.training.model_ref.id,
                "renderer_name": self.renderer,
                "max_length": self.options.get("max_length"),
                "batch_size": self.training.batch_size,
                "train_on_what": train_on_what,
            },
        )

    @property
    def train_on_what(self) -> Choice:
        """Which messages the loss counts."""
        value = self.options.get("train_on_what", "all_assistant_messages")
        return Choice(class_="tinker_cookbook.renderers:TrainOnWhat", value=value)


def steps(training: TrainingConfig) -> int | None:
    """The lesser of max_steps and num_batches; None where the data alone says when to stop."""
    options = training.options or {}
    return min((options[name] for name in ("max_steps", "num_batches") if options.get(name) is not None), default=None)

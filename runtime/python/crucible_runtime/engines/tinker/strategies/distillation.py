"""Recipes of distillation: the cookbook's `distillation.train_on_policy`."""

from __future__ import annotations

from collections.abc import Mapping

from crucible_runtime.engines.tinker.datasets import OURS, Own, node
from crucible_runtime.engines.tinker.strategies.base import steps
from crucible_runtime.engines.tinker.strategies.rollouts import Rollouts
from crucible_runtime.engines.tinker.tree import Node

_PROMPTS = "tinker_cookbook.distillation.datasets:PromptOnlyDatasetBuilder"
OWN: Mapping[str, Own] = {
    "zwhe99/DeepMath-103K": Own(class_=_PROMPTS, word="deepmath", adapters=("deepmath",)),
    "allenai/tulu-3-sft-mixture": Own(class_=_PROMPTS, word="tulu3", adapters=("tulu3",)),
}
"""The cookbook's builders by the name of the data set."""


class Distillation(Rollouts):
    """The cookbook's distillation on the student's own answers."""

    def config(self) -> Node:
        """The config of `distillation.train_on_policy`."""
        teacher = Node(
            class_="tinker_cookbook.distillation.datasets:TeacherConfig",
            fields={
                "base_model": self.options["teacher_model"],
                "load_checkpoint_path": self.options.get("teacher_checkpoint"),
            },
        )
        data = Node(
            class_="tinker_cookbook.distillation.datasets:DistillationDatasetConfig",
            fields={
                "dataset_builder": self.prompts(),
                "teacher_config": teacher,
                "groups_per_batch": self.training.batch_size,
            },
        )
        return Node(
            class_="tinker_cookbook.distillation.train_on_policy:Config",
            fields={
                **self.common(),
                **self.rollouts(),
                "dataset_configs": [data],
                "kl_penalty_coef": self.options.get("kl_penalty_coef", 1.0),
                "max_steps": steps(self.training),
            },
            since={"0.6": {"session_name": None}},
        )

    def needed(self) -> dict[str, str]:
        """The teacher besides."""
        return super().needed() | {"teacher_model": "the model to learn from"}

    def loads(self) -> bool:
        """Where it is a builder of the cookbook."""
        return self.own() is not None

    def own(self) -> Own | None:
        """The cookbook's own builder where it does what the recipe says."""
        own = OWN.get(self.training.dataset_ref.name)
        fits = own is not None and own.fits(self.training.dataset_ref, self.options.get("adapter"))
        return own if fits and "shuffle_seed" not in self.options else None

    def prompts(self) -> Node:
        """The builder of the prompts: the cookbook's own where it does what the recipe says, else one of ours."""
        ref = self.training.dataset_ref
        own = self.own()
        fields = {
            "groups_per_batch": self.training.batch_size,
            "group_size": self.options["group_size"],
            "model_name_for_tokenizer": self.training.model_ref.id,
            "renderer_name": self.renderer,
            "max_prompt_tokens": self.options.get("max_prompt_tokens"),
        }
        if own is not None:
            return Node(class_=own.class_, fields={"dataset_name": own.word, "convo_prefix": None, **fields})
        return Node(
            class_=f"{OURS}:Prompts",
            fields={
                **fields,
                "ref": node(ref),
                "adapter": self.options.get("adapter"),
                "shuffle_seed": self.options.get("shuffle_seed"),
            },
        )

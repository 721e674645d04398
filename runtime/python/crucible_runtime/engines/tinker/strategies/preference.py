"""Recipes of preferences: the cookbook's `preference.train_dpo`."""

from __future__ import annotations

from collections.abc import Mapping

from crucible_runtime.engines.tinker.datasets import OURS, Own, is_jsonl, node
from crucible_runtime.engines.tinker.strategies.base import Strategy
from crucible_runtime.engines.tinker.tree import Node
from crucible_runtime.installation import project

_COMPARISONS = "tinker_cookbook.recipes.preference.datasets"
OWN: Mapping[str, Own] = {
    "Anthropic/hh-rlhf": Own(
        class_=f"{_COMPARISONS}:HHHComparisonBuilder", adapters=("hh_rlhf",), test_size=1024, any_test_size=True
    ),
    "nvidia/HelpSteer3": Own(
        class_=f"{_COMPARISONS}:HelpSteer3ComparisonBuilder",
        options=(None, {"config": "preference"}),
        adapters=("helpsteer3",),
        test_size=1024,
    ),
    "argilla/ultrafeedback-binarized-preferences": Own(
        class_=f"{_COMPARISONS}:UltraFeedbackComparisonBuilder", adapters=("ultrafeedback",), test_size=1024
    ),
}
"""The cookbook's builders by the name of the data set."""


class Preference(Strategy):
    """The cookbook's DPO."""

    def config(self) -> Node:
        """The config of `preference.train_dpo`."""
        return Node(
            class_="tinker_cookbook.preference.train_dpo:Config",
            fields={
                **self.common(),
                **self.kept(),
                **self.adam(),
                "dataset_builder": Node(
                    class_="tinker_cookbook.preference.dpo_datasets:DPODatasetBuilderFromComparisons",
                    fields={"common_config": self.chat(None), "comparison_builder": self.comparisons()},
                ),
                "lr_schedule": self.options.get("lr_schedule", "linear"),
                "num_epochs": self.training.epochs,
                "dpo_beta": self.options.get("beta", 0.1),
                "num_replicas": self.options.get("num_replicas", 8),
                "infrequent_evaluator_builders": [],
                "infrequent_eval_every": 0,
                "reference_model_name": None,
                "max_steps": self.options.get("max_steps"),
            },
            since={"0.6": {"session_name": None}},
        )

    def comparisons(self) -> Node:
        """The builder of the pairs: the cookbook's own where it does what the recipe says, else one of ours."""
        ref, test_size = self.training.dataset_ref, self.options.get("test_size")
        own = OWN.get(ref.name)
        if own and own.fits(ref, self.options.get("adapter")) and self.seed == 0:
            if own.any_test_size and test_size != 0:
                size = own.test_size if test_size is None else test_size
                return Node(class_=own.class_, fields={"swap": False, "test_size": size})
            if test_size in (None, own.test_size):
                return Node(class_=own.class_, fields={"swap": False})
        if is_jsonl(ref) and self.options.get("adapter") == "comparison" and self.seed == 0 and not test_size:
            return Node(
                class_="tinker_cookbook.preference.preference_datasets:ComparisonBuilderFromJsonl",
                fields={"swap": False, "train_path": str(project.located(ref.name)), "test_path": None},
            )
        return Node(
            class_=f"{OURS}:Comparisons",
            fields={
                "swap": False,
                "ref": node(ref),
                "adapter": self.options.get("adapter"),
                "test_size": test_size or 0,
                "shuffle_seed": self.seed,
                "common_config": self.chat(None),
            },
        )

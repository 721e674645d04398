"""Recipes of preferences: the cookbook's `preference.train_dpo`."""

from __future__ import annotations

from collections.abc import Mapping

from crucible_runtime import data
from crucible_runtime.engines.tinker import sampling
from crucible_runtime.engines.tinker.datasets import OURS, UNFIT, Own, is_jsonl, node
from crucible_runtime.engines.tinker.strategies.base import Strategy
from crucible_runtime.engines.tinker.teachable import preferences, teachable, whole_batches
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

    def check_data(self) -> None:
        """Reads the pairs that the cookbook reads itself, and counts those that teach nothing."""
        ref = self.training.dataset_ref
        if (own := self.own()) is not None:
            held_out = self.options.get("test_size", own.test_size)
            found = data.rows(own.whole(ref), adapter=own.adapters[0], kind="preference", unfit=UNFIT)
        elif self.is_file():
            found, held_out = data.rows(ref, adapter="comparison", kind="preference", unfit=UNFIT), 0
        else:
            return
        words, _ = sampling.renderer(self.training.model_ref.id, self.renderer)
        teachable(found, preferences, words, self.options.get("max_length"))
        whole_batches(len(found) - held_out, self.training.batch_size)

    def own(self) -> Own | None:
        """The cookbook's own builder where it does what the recipe says."""
        ref, test_size = self.training.dataset_ref, self.options.get("test_size")
        own = OWN.get(ref.name)
        if own is None or not own.fits(ref, self.options.get("adapter")) or self.seed != 0:
            return None
        fits = test_size != 0 if own.any_test_size else test_size in (None, own.test_size)
        return own if fits else None

    def is_file(self) -> bool:
        """Whether it is a file that the cookbook reads as the recipe says."""
        plain = self.seed == 0 and not self.options.get("test_size")
        return plain and is_jsonl(self.training.dataset_ref) and self.options.get("adapter") == "comparison"

    def comparisons(self) -> Node:
        """The builder of the pairs: the cookbook's own where it does what the recipe says, else one of ours."""
        ref, test_size = self.training.dataset_ref, self.options.get("test_size")
        if (own := self.own()) is not None:
            size = own.test_size if test_size is None else test_size
            return Node(class_=own.class_, fields={"swap": False, **({"test_size": size} if own.any_test_size else {})})
        if self.is_file():
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

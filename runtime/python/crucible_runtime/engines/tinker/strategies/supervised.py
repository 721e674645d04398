"""Supervised recipes and prompt distillation: the cookbook's supervised training, and its loop `sl_loop`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crucible_runtime import data
from crucible_runtime.data import teacher
from crucible_runtime.engines.tinker import objects, sampling
from crucible_runtime.engines.tinker.datasets import OURS, UNFIT, Own, is_conversations, node
from crucible_runtime.engines.tinker.strategies.base import Strategy
from crucible_runtime.engines.tinker.teachable import conversation, teachable, whole_batches
from crucible_runtime.engines.tinker.tree import Node
from crucible_runtime.installation import project

_CHAT = "tinker_cookbook.recipes.chat_sl.chat_datasets"
OWN: Mapping[str, Own] = {
    "HuggingFaceH4/no_robots": Own(
        class_=f"{_CHAT}:NoRobotsBuilder", adapters=("no_robots", "messages"), test_split="test"
    ),
    "allenai/tulu-3-sft-mixture": Own(class_=f"{_CHAT}:Tulu3Builder", adapters=("tulu3", "messages"), test_size=1024),
}
"""The cookbook's builders by the name of the data set."""


class Supervised(Strategy):
    """The cookbook's supervised training."""

    counted = True

    def config(self) -> Node:
        """The config of `supervised.train`."""
        return Node(
            class_="tinker_cookbook.supervised.train:Config",
            fields={
                **self.common(),
                **self.kept(),
                **self.adam(),
                "dataset_builder": self.conversations(),
                "lr_schedule": self.options.get("lr_schedule", "linear"),
                "num_epochs": self.training.epochs,
                "infrequent_evaluator_builders": [],
                "save_every_tokens": self.options.get("save_every_tokens", 0),
                "save_every_seconds": self.options.get("save_every_seconds", 0.0),
                "infrequent_eval_every": 0,
                "async_periodic_saves": False,
                "session_name": None,
                "max_steps": self.options.get("max_steps"),
                "submit_ahead": self.options.get("submit_ahead", 1),
            },
        )

    def check_data(self) -> None:
        """Reads conversations that the cookbook reads itself, and counts those that teach nothing."""
        ref, adapter = self.training.dataset_ref, self.options.get("adapter")
        own = self.own()
        if (file := self.given.data_file) is not None:
            ref, adapter = replace(ref, name=file, provider="local", format="jsonl", options=None), "messages"
        elif own is not None:
            ref, adapter = own.whole(ref), own.adapters[0]
        elif not is_conversations(ref, adapter):
            return
        found = data.rows(ref, adapter=adapter, kind="supervised", unfit=UNFIT)
        words, _ = sampling.renderer(self.training.model_ref.id, self.renderer)
        what = objects.imported(self.train_on_what.class_)(self.train_on_what.value)
        teachable(found, conversation, words, self.options.get("max_length"), train_on_what=what)
        whole_batches(len(found) - self.held_out(own), self.training.batch_size)

    def own(self) -> Own | None:
        """The cookbook's own builder where it does what the recipe says."""
        ref = self.training.dataset_ref
        own = OWN.get(ref.name)
        if own is None or not own.fits(ref, self.options.get("adapter")) or self.seed != 0:
            return None
        return own if self.options.get("test_size") in (None, own.test_size) else None

    def held_out(self, own: Own | None) -> int:
        """How many rows are not trained on."""
        said: int = self.options.get("test_size") or 0
        return said if own is None else own.test_size or 0

    def conversations(self) -> Node:
        """The builder of the conversations: the cookbook's own where it does what the recipe says, else one of ours."""
        chat, ref = self.chat(self.train_on_what), self.training.dataset_ref
        own, known = self.own(), OWN.get(ref.name)
        test_size = self.options.get("test_size")
        if own is not None:
            return Node(class_=own.class_, fields={"common_config": chat})
        if self.given.data_file or is_conversations(ref, self.options.get("adapter")):
            return Node(
                class_="tinker_cookbook.supervised.data:FromConversationFileBuilder",
                fields={
                    "common_config": chat,
                    "file_path": self.given.data_file or str(project.located(ref.name)),
                    "test_size": test_size or 0,
                    "shuffle_seed": self.seed,
                },
            )
        return Node(
            class_=f"{OURS}:Conversations",
            fields={
                "common_config": chat,
                "ref": node(ref),
                "adapter": self.options.get("adapter"),
                "test_size": test_size or 0,
                "test_split": known.test_split if known and test_size is None else None,
                "shuffle_seed": self.seed,
            },
        )


class PromptDistillation(Supervised):
    """The cookbook's supervised training on conversations that a teacher writes before."""

    taught = True

    def elsewhere(self) -> list[str]:
        """What the teacher lacks."""
        return teacher.problems(self.training, brings="tinker_cookbook")


class SlLoop(Supervised):
    """The loop `sl_loop` of the cookbook."""

    counted = False

    def config(self) -> Node:
        """The config of `recipes.sl_loop`."""
        return Node(
            class_="tinker_cookbook.recipes.sl_loop:Config",
            fields={
                **self.looped(),
                "max_length": self.options["max_length"],
                "train_on_what": self.train_on_what,
                "ttl_seconds": self.options.get("ttl_seconds"),
                "max_steps": self.options.get("max_steps"),
            },
            since={"0.6": {"session_name": None}},
        )

    def needed(self) -> dict[str, str]:
        """The length of the longest example besides."""
        return super().needed() | {"max_length": "the longest example, in tokens"}

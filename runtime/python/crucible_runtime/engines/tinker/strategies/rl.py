"""Recipes of reinforcement learning: the cookbook's `rl.train`, and its loop `rl_loop`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crucible_runtime.engines.tinker.datasets import OURS, Own, node
from crucible_runtime.engines.tinker.strategies.base import steps
from crucible_runtime.engines.tinker.strategies.rollouts import Rollouts
from crucible_runtime.engines.tinker.tree import Choice, Node
from crucible_runtime.errors import CrucibleError
from crucible_runtime.ir import DatasetRef
from crucible_runtime.plugins import family


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEnvironment:
    """An environment of the cookbook; `settled` are the options that it has a value of its own for."""

    class_: str
    name: str
    data: Own | None
    settled: Mapping[str, tuple[Any, ...]]

    def fits(self, ref: DatasetRef, options: Mapping[str, Any]) -> bool:
        """Whether the environment does what the recipe says."""
        data = self.data
        if data is None:
            known = ref.provider == "generated"
        else:
            known = ref.name == self.name and data.fits(ref, options.get("adapter"))
        return known and all(options.get(name) in values for name, values in self.settled.items())


_SETTLED: Mapping[str, tuple[Any, ...]] = {"test_size": (None,)}
_GRADED: Mapping[str, tuple[Any, ...]] = {
    **_SETTLED,
    "format_coef": (None, 0.1),
    "grader": (None, "sympy"),
    "timeout_seconds": (None, 1),
}
_PLAIN: Mapping[str, tuple[Any, ...]] = {**_GRADED, "convo_prefix": (None, "none")}
_MATH = "tinker_cookbook.recipes.math_rl.math_env"
_CONFIGS = ["primeintellect", "taco", "lcbv5"]
ENVIRONMENTS: Mapping[str, OwnEnvironment] = {
    "arithmetic": OwnEnvironment(
        class_="tinker_cookbook.recipes.math_rl.arithmetic_env:ArithmeticDatasetBuilder",
        name="arithmetic",
        data=None,
        settled={**_GRADED, "shuffle_seed": (None,)},
    ),
    "gsm8k": OwnEnvironment(
        class_=f"{_MATH}:Gsm8kDatasetBuilder",
        name="openai/gsm8k",
        data=Own(class_="", options=(None, {"config": "main"}), adapters=("gsm8k",)),
        settled=_GRADED,
    ),
    "math": OwnEnvironment(
        class_=f"{_MATH}:MathDatasetBuilder",
        name="EleutherAI/hendrycks_math",
        data=Own(class_="", adapters=("hendrycks_math",)),
        settled=_GRADED,
    ),
    "polaris": OwnEnvironment(
        class_=f"{_MATH}:PolarisDatasetBuilder",
        name="POLARIS-Project/Polaris-Dataset-53K",
        data=Own(class_="", adapters=("polaris",)),
        settled=_PLAIN,
    ),
    "deepmath": OwnEnvironment(
        class_=f"{_MATH}:DeepMathDatasetBuilder",
        name="zwhe99/DeepMath-103K",
        data=Own(class_="", adapters=("deepmath",)),
        settled=_PLAIN,
    ),
    "deepcoder": OwnEnvironment(
        class_="tinker_cookbook.recipes.code_rl.code_env:DeepcoderDatasetBuilder",
        name="agentica-org/DeepCoder-Preview-Dataset",
        data=Own(class_="", options=(None, {"configs": _CONFIGS}), adapters=("deepcoder",)),
        settled={
            **_SETTLED,
            "convo_prefix": (None, "none"),
            "grader": (None,),
            "max_length": (None, 32768),
            "sandbox_backend": (None, "sandboxfusion", "modal"),
        },
    ),
}
"""The cookbook's environments by what options.env takes."""


class Rl(Rollouts):
    """The cookbook's reinforcement learning."""

    def config(self) -> Node:
        """The config of `rl.train`."""
        return Node(
            class_="tinker_cookbook.rl.train:Config",
            fields={
                **self.common(),
                **self.kept(),
                **self.rollouts(),
                "dataset_builder": self.builder(),
                "session_name": None,
                "kl_penalty_coef": self.options.get("kl_penalty_coef", 0.0),
                "kl_reference_config": self.reference(),
                "remove_constant_reward_groups": self.options.get("remove_constant_reward_groups", False),
                "rollout_error_tolerance": self.retries(),
                "termination": None,
                "async_config": self.off_policy(),
                "stream_minibatch_config": self.minibatches(),
                "num_groups_to_log": 4,
                "rollout_json_export": True,
                "max_steps": None if self.options.get("env") == "arithmetic" else steps(self.training),
            },
            since={"0.6": {"num_epochs": self.training.epochs}},
        )

    def needed(self) -> dict[str, str]:
        """The environment besides, and the reference model where something is measured from it."""
        found = super().needed() | {"env": f"one of {', '.join(ENVIRONMENTS)}, or one of your own"}
        return found | self.references()

    def references(self) -> dict[str, str]:
        """The model that the answers are held to, where the recipe says that they are."""
        found = {}
        if self.options.get("kl_penalty_coef"):
            found["kl_reference_model"] = "the model that kl_penalty_coef measures from, such as model_ref.id"
        if "kl_reference_checkpoint" in self.options:
            found["kl_reference_model"] = "the model that kl_reference_checkpoint is a checkpoint of"
        return found

    def elsewhere(self) -> list[str]:
        """What an environment lacks that is not the cookbook's."""
        env = self.options.get("env")
        own = ENVIRONMENTS.get(env or "")
        if env is None or (own is not None and own.fits(self.training.dataset_ref, self.options)):
            return []
        try:
            return list(family(env, options=self.options).problems())
        except CrucibleError as error:
            return [str(error)]

    def reference(self) -> Node | None:
        """The model that the answers are held to; None without one."""
        if "kl_reference_model" not in self.options:
            return None
        return Node(
            class_="tinker_cookbook.rl.train:KLReferenceConfig",
            fields={
                "base_model": self.options["kl_reference_model"],
                "load_checkpoint_path": self.options.get("kl_reference_checkpoint"),
            },
        )

    def retries(self) -> Node | bool:
        """How often a rollout that fails is tried again; False for never."""
        if "rollout_max_retries" not in self.options:
            return False
        return Node(
            class_="tinker_cookbook.rl.rollout_strategy:RetryOnFailure",
            fields={"max_retries": self.options["rollout_max_retries"], "per_rollout_timeout": 0},
        )

    def off_policy(self) -> Node | None:
        """How far rollouts may be behind the model; None where they are not."""
        if "max_steps_off_policy" not in self.options:
            return None
        return Node(
            class_="tinker_cookbook.rl.train:AsyncConfig",
            fields={
                "max_steps_off_policy": self.options["max_steps_off_policy"],
                "groups_per_batch": self.training.batch_size,
            },
            since={"0.6": {"loss_fn": self.loss}},
        )

    def minibatches(self) -> Node | None:
        """In how many parts a batch is trained on as it comes; None where it is one."""
        if "num_minibatches" not in self.options:
            return None
        return Node(
            class_="tinker_cookbook.rl.train:StreamMinibatchConfig",
            fields={"groups_per_batch": self.training.batch_size, "num_minibatches": self.options["num_minibatches"]},
        )

    def own(self) -> OwnEnvironment | None:
        """The cookbook's environment where it does what the recipe says."""
        own = ENVIRONMENTS.get(self.options["env"])
        return own if own is not None and own.fits(self.training.dataset_ref, self.options) else None

    def loads(self) -> bool:
        """Where it is an environment of the cookbook that has data."""
        own = self.own()
        return own is not None and own.data is not None

    def builder(self) -> Node:
        """The cookbook's environment where it does what the recipe says, else the one of crucible_runtime."""
        env = self.options["env"]
        own = self.own()
        fields = {
            "batch_size": self.training.batch_size,
            "model_name_for_tokenizer": self.training.model_ref.id,
            "renderer_name": self.renderer,
            "group_size": self.options["group_size"],
        }
        if own is None:
            return self.our_builder(env, fields)
        prefix = self.options.get("convo_prefix")
        further: dict[str, Any] = {"seed": self.seed}
        if env == "arithmetic":
            further = {"n_batches": steps(self.training) or 100, "include_fewshot": prefix != "none"}
        elif env in ("gsm8k", "math"):
            further["convo_prefix"] = None if prefix == "none" else "standard"
        elif env == "deepcoder":
            further |= self.programs()
        return Node(class_=own.class_, fields={**fields, **further})

    def programs(self) -> dict[str, Any]:
        """The fields of the environment whose answers are programs."""
        backend = self.options.get("sandbox_backend", "sandboxfusion")
        return {
            "max_turns": self.options.get("max_turns", 2),
            "format_coef": self.options.get("format_coef", 0.1),
            "timeout": self.options.get("timeout_seconds", 6),
            "sandbox_backend": Choice(class_="tinker_cookbook.sandbox:SandboxBackend", value=backend),
            "max_generation_tokens": self.options["max_tokens"],
            "context_overflow_reward": self.options.get("context_overflow_reward", -0.1),
        }

    def our_builder(self, env: str, fields: Mapping[str, Any]) -> Node:
        """The builder of an environment that is not the cookbook's."""
        return Node(
            class_=f"{OURS}:Problems",
            fields={
                **fields,
                "env": env,
                "options": self.options,
                "allow_unsandboxed": self.given.allow_unsandboxed,
                "ref": node(self.training.dataset_ref),
                "adapter": self.options.get("adapter"),
                "shuffle_seed": self.seed,
                "test_size": self.options.get("test_size") or 0,
                "n_batches": steps(self.training),
            },
        )


class RlLoop(Rl):
    """The loop `rl_loop` of the cookbook, which has an environment of its own."""

    def config(self) -> Node:
        """The config of `recipes.rl_loop`."""
        return Node(
            class_="tinker_cookbook.recipes.rl_loop:Config",
            fields={
                **self.looped(),
                "group_size": self.options["group_size"],
                "max_tokens": self.options["max_tokens"],
                "ttl_seconds": self.options.get("ttl_seconds"),
                "max_steps": steps(self.training),
            },
            since={"0.6": {"loss_fn": self.loss, "session_name": None}},
        )

    def needed(self) -> dict[str, str]:
        """What the loop does in one way only, instead of an environment."""
        return (
            Rollouts.needed(self)
            | self.references()
            | {
                "format_coef": "0.0, as for the loop an answer is right or wrong, and nothing else counts",
                "remove_constant_reward_groups": "true, as the loop drops groups whose rewards are all the same",
            }
        )

    def elsewhere(self) -> list[str]:
        """Nothing."""
        return []

    def loads(self) -> bool:
        """Always."""
        return True

"""What reinforcement learning and distillation share: the model's own answers are trained on."""

from __future__ import annotations

from typing import Any

from crucible_runtime.engines.tinker.strategies.base import Strategy


class Rollouts(Strategy):
    """A strategy whose batches are answers of the model."""

    def needed(self) -> dict[str, str]:
        """The sizes of a batch of answers besides."""
        return super().needed() | {
            "max_tokens": "the longest answer of a rollout, in tokens",
            "group_size": "the rollouts for each problem",
        }

    def conflicts(self) -> list[str]:
        """Two losses besides."""
        said, loss = self.training.loss_function, self.options.get("loss")
        found = []
        if loss not in (None, said) and said != "cross_entropy":
            found.append(
                f"training_config.loss_function is {said} and training_config.options.loss is {loss}: leave one of "
                "them out"
            )
        return [*found, *super().conflicts()]

    def rollouts(self) -> dict[str, Any]:
        """What reinforcement learning and distillation share."""
        return {
            "max_tokens": self.options["max_tokens"],
            "temperature": self.options.get("temperature", 1.0),
            "compute_post_kl": self.options.get("compute_post_kl", False),
            "kl_discount_factor": self.options.get("kl_discount_factor", 0.0),
            "loss_fn": self.loss,
            "loss_fn_config": self.options.get("loss_config"),
            "num_substeps": self.options.get("num_substeps", 1),
        }

    @property
    def loss(self) -> str:
        """The loss of the rollouts."""
        said = self.training.loss_function
        return self.options.get("loss") or (said if said != "cross_entropy" else "importance_sampling")

"""Recipes of type preference: a model learns to prefer one answer to another, with trl's DPOTrainer.

With an adapter the reference is the model without it. Without one, the reference is a second copy of the model in
memory, unless the recipe names another.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crucible_runtime.engines.trl import arguments, tools
from crucible_runtime.errors import InputError
from crucible_runtime.interface.leftout import left_out
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import TrainingConfig

CONFIG = "DPOConfig"
"""trl's class of the arguments."""


def problems(training: TrainingConfig, config: RunConfig) -> list[str]:
    """What of the recipe does not go together, each a whole sentence."""
    return arguments.stopping(training)


def values(training: TrainingConfig) -> dict[str, Any]:
    """The arguments of the trainer, but for the folder and what depends on the number of rows."""
    given = arguments.options(training)
    return {
        **arguments.values(training),
        **arguments.evaluated(training),
        "beta": given.get("beta", 0.1),
        "loss_type": ["sigmoid"],
        "loss_weights": None,
        "label_smoothing": 0.0,
        "f_divergence_type": "reverse_kl",
        "use_weighting": False,
        "ld_alpha": None,
        "max_length": given.get("max_length"),
        "padding_free": False,
        "disable_dropout": True,
        "precompute_ref_log_probs": False,
        "sync_ref_model": False,
        "router_aux_loss_coef": None,
        "activation_offloading": False,
    }


def train(context: Context, options: Options) -> Output:
    """Trains the recipe's model on its pairs; raises InputError where none is short enough."""
    from trl import DPOConfig

    from crucible_runtime.engines.trl import models, rows, watch
    from crucible_runtime.engines.trl.shares import Dpo

    training = arguments.training(context.experiment)
    train_rows, held_out = rows.divided(context, arguments.training(context.experiment).dataset_ref, "preference")
    model, tokenizer = models.load(context)
    trainer = Dpo(
        model=model,
        ref_model=_reference(context, model),
        args=arguments.built(
            DPOConfig,
            {**values(training), **arguments.placed(context), **({} if held_out else arguments.NEVER)},
            context,
        ),
        train_dataset=_pairs(training, train_rows, tokenizer),
        eval_dataset=_pairs(training, held_out, tokenizer) if held_out else None,
        processing_class=tokenizer,
        peft_config=models.adapter(model, training),
    )
    # The trainer leaves out pairs whose prompt alone is too long.
    left = len(trainer.train_dataset)
    if not left:
        raise InputError(
            f"every prompt of {training.dataset_ref.name} fills training_config.options.max_length "
            f"{trainer.args.max_length}, and leaves no room for an answer"
        )
    longest = trainer.args.max_length
    left_out(len(train_rows) - left, len(train_rows), f"their prompts fill max_length {longest}", what="pairs")
    trainer.args.max_steps = arguments.steps(training, left)
    if count := arguments.filling(training, left):
        trainer.fill(count, _nothing)
    watch.watched(trainer, context)
    models.train(trainer, context)
    return models.finish(trainer, context)


def _nothing(pair: Mapping[str, Any]) -> dict[str, Any]:
    """A pair whose answer is preferred to itself."""
    return {name: pair[name.replace("rejected", "chosen", 1)] for name in pair}


def _pairs(training: TrainingConfig, rows: Sequence[Mapping[str, Any]], tokenizer: Any) -> Any:
    from datasets import Dataset

    for number, row in enumerate(rows, 1):
        for answer in ("chosen", "rejected"):
            try:
                tools.given(tokenizer, [*row["prompt"], *row[answer]], None)
            except InputError as error:
                raise InputError(f"row {number} of {training.dataset_ref.name}, {answer}: {error}") from error
    chosen, rejected = ("rejected", "chosen") if arguments.options(training).get("swap") else ("chosen", "rejected")
    return Dataset.from_list(
        [{"prompt": row["prompt"], "chosen": row[chosen], "rejected": row[rejected]} for row in rows]
    )


def _reference(context: Context, model: Any) -> Any | None:
    """The reference model; None where it is the trained one without its adapter."""
    from crucible_runtime.engines.trl import models

    training = arguments.training(context.experiment)
    given = arguments.options(training)
    if "reference_model" in given:
        ref = replace(training.model_ref, id=given["reference_model"], version=None)
        return models.opened(context, ref, given.get("renderer_name"))[0].eval()
    return None if "lora_rank" in given else copy.deepcopy(model).eval()

"""Recipes of type supervised: a model learns to answer like its conversations, with trl's SFTTrainer.

Tokens and labels are made here and not by the trainer, so that `train_on_what` means the same for every chat
template. The loss is a mean over all tokens of a batch that count, so a long answer weighs more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crucible_runtime.engines.trl import arguments
from crucible_runtime.engines.trl.conversations import IGNORED
from crucible_runtime.errors import InputError
from crucible_runtime.interface.leftout import left_out
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import DatasetRef, TrainingConfig

CONFIG = "SFTConfig"
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
        "max_length": given.get("max_length"),
        "packing": False,
        "padding_free": False,
        "shuffle_dataset": False,
        "assistant_only_loss": False,
        "completion_only_loss": False,
        "loss_type": "nll",
        "router_aux_loss_coef": None,
        "activation_offloading": False,
    }


def train(context: Context, options: Options) -> Output:
    """Trains the recipe's model on its conversations; raises InputError for rows that teach nothing."""
    return trained(context, arguments.training(context.experiment).dataset_ref)


def trained(context: Context, ref: DatasetRef) -> Output:
    """Trains on the conversations of a data set, which need not be the recipe's."""
    from datasets import Dataset
    from trl import SFTConfig

    from crucible_runtime.engines.trl import models, rows, watch
    from crucible_runtime.engines.trl.shares import Sft

    training = arguments.training(context.experiment)
    train_rows, held_out = rows.divided(context, ref, "supervised")
    model, tokenizer = models.load(context)
    examples = _tokens(context, tokenizer, train_rows)
    held_out_data = Dataset.from_list(_tokens(context, tokenizer, held_out)) if held_out else None
    trainer = Sft(
        model=model,
        args=arguments.built(
            SFTConfig,
            {
                **values(training),
                **arguments.placed(context),
                **({} if held_out else arguments.NEVER),
                "max_steps": arguments.steps(training, len(examples)),
            },
            context,
        ),
        train_dataset=Dataset.from_list(examples),
        eval_dataset=held_out_data,
        processing_class=tokenizer,
        peft_config=models.adapter(model, training),
    )
    if count := arguments.filling(training, len(examples)):
        trainer.fill(count, _nothing)
    watch.watched(trainer, context)
    models.train(trainer, context)
    return models.finish(trainer, context)


def _nothing(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example that teaches nothing."""
    return {**example, "labels": [IGNORED] * len(example["labels"])}


def _tokens(context: Context, tokenizer: Any, rows: Sequence[Any]) -> list[dict[str, list[int]]]:
    """Examples of `input_ids` and `labels`."""
    from crucible_runtime.engines.trl import conversations, tools

    training = arguments.training(context.experiment)
    given = arguments.options(training)
    what, longest = given.get("train_on_what", conversations.DEFAULT), given.get("max_length")
    found: list[dict[str, list[int]]] = []
    empty = cut = 0
    for number, row in enumerate(rows, 1):
        try:
            spoken = tools.given(tokenizer, row["messages"], row.get("tools"))
            made = conversations.examples(spoken, row["messages"], what, longest)
        except InputError as error:
            raise InputError(f"row {number} of {training.dataset_ref.name}: {error}") from error
        empty += not made
        cut += sum(each.cut for each in made)
        found += [{"input_ids": each.input_ids, "labels": each.labels} for each in made]
    if not found:
        raise InputError(
            f"none of the {len(rows)} rows of {training.dataset_ref.name} has anything to learn for train_on_what "
            f"{what} within {longest} tokens"
        )
    left_out(empty, len(rows), f"nothing to learn within {longest} tokens, training_config.options.max_length")
    left_out(cut, len(found), f"longer than max_length {longest} tokens", what="examples", done="cut off")
    return found

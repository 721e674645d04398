"""The rows to train on, and those that are held out.

What is held out is a fraction (validation_split) or a number of rows (test_size), drawn with the seed of the data;
or, where the recipe names neither and evaluates on the way, the hub's own split `test`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from crucible_runtime import data, smoke
from crucible_runtime.data import Row
from crucible_runtime.engines.checks import no_tools
from crucible_runtime.engines.trl import arguments
from crucible_runtime.errors import InputError
from crucible_runtime.interface.stages import Context
from crucible_runtime.ir import DatasetRef, TrainingConfig

Rows = Sequence[Row]


def divided(context: Context, ref: DatasetRef, kind: str) -> tuple[Rows, Rows]:
    """The rows of `ref` to train on and those that are held out; raises InputError where none is left to train on."""
    training = arguments.training(context.experiment)
    given = arguments.options(training)
    found = data.rows(ref, adapter=given.get("adapter"), kind=kind, unfit=unfit(training))
    count = held_out(training, len(found))
    if count is not None:
        return drawn(found, count, given.get("shuffle_seed", training.seed or arguments.SEED))
    if not given.get("eval_every"):
        return found, []
    return found, _test(context, ref, kind)


def unfit(training: TrainingConfig) -> data.Unfit | None:
    """What the template of the recipe's renderer cannot show of a row; None where the model's own template is used."""
    if arguments.options(training).get("renderer_name") != "role_colon":
        return None
    return no_tools("the template role_colon", "shows no tools; take a renderer of the model's own, or remove them")


def held_out(training: TrainingConfig, rows: int) -> int | None:
    """How many of `rows` rows the recipe holds out; None where it does not say. Raises InputError where it is all."""
    given = arguments.options(training)
    if training.validation_split is not None:
        count, words = max(1, round(training.validation_split * rows)), "validation_split"
    elif "test_size" in given:
        count, words = given["test_size"], "options.test_size"
    elif training.dataset_ref.provider == smoke.PROVIDER and given.get("eval_every"):
        return min(8, rows // 4)
    else:
        return None
    if count >= rows:
        raise InputError(
            f"training_config.{words} holds out {count} of the {rows} rows of {training.dataset_ref.name}, "
            "and none is left to train on"
        )
    return count


def drawn(rows: Rows, count: int, seed: int) -> tuple[Rows, Rows]:
    """All rows but `count` of them, in their order, and those, which `seed` draws."""
    out = set(random.Random(seed).sample(range(len(rows)), count))  # noqa: S311 - it hides nothing
    return [row for at, row in enumerate(rows) if at not in out], [rows[at] for at in sorted(out)]


def _test(context: Context, ref: DatasetRef, kind: str) -> Rows:
    """The hub's split test, where there is one."""
    why = f"the rows of {ref.name} have no split test"
    if ref.provider == "huggingface" and ref.split != "test":
        training = arguments.training(context.experiment)
        adapter = arguments.options(training).get("adapter")
        try:
            return data.rows(ref, adapter=adapter, kind=kind, split="test", unfit=unfit(training))
        except InputError as error:
            why = str(error)
    context.folder.log(
        f"nothing is evaluated on the way, as no rows are held out ({why}): "
        "set training_config.validation_split or training_config.options.test_size"
    )
    return []

"""The arguments that every trainer of this engine takes, each with its value, from a training configuration.

No default of the libraries decides a number: what the recipe says is here, and what it leaves out has its value here
too. Nothing heavy is imported. The recipe's batch is what one step of the optimizer sees, over all processes; how it
is cut into passes over the model follows from the lengths alone, and changes no result on paper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from crucible_runtime.errors import InputError
from crucible_runtime.interface.stages import Context
from crucible_runtime.ir import Experiment, TrainingConfig
from crucible_runtime.processes import world

TOKENS = 16_384
"""The most tokens that one pass over the model holds, where a batch can be cut so small."""
SEED = 0
"""The seed where the recipe gives none: a run is repeatable anyway."""
LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""
ALPHA = 32
"""The scale of a LoRA adapter, as tinker has it for every rank."""
NEVER: Mapping[str, Any] = {"eval_strategy": "no"}
"""What says that nothing is evaluated on the way."""
OPTIMIZERS: Mapping[str, str] = {"adam": "adamw_torch", "adamw": "adamw_torch", "sgd": "sgd", "rmsprop": "rmsprop"}
"""The optimizers by their names in recipes. Adam's weight decay is taken off the weights, as in AdamW, never added."""


def training(experiment: Experiment) -> TrainingConfig:
    """The training configuration of an experiment; raises InputError where it has none."""
    if experiment.training_config is None:
        raise InputError(f"experiment {experiment.id} has no training_config, and engine trl trains by it")
    return experiment.training_config


def options(training: TrainingConfig) -> Mapping[str, Any]:
    """The options of a training configuration, none where it has none."""
    return training.options or {}


def common(context: Context, training: TrainingConfig, examples: int | None = None) -> dict[str, Any]:
    """The arguments that all trainers share, for a run in the context's folder.

    `examples` is what one step of the optimizer sees, by default the recipe's batch_size. Raises InputError where that
    cannot be dealt out to the processes.
    """
    return {**values(training, examples), **placed(context)}


def placed(context: Context) -> dict[str, Any]:
    """The arguments that belong to one run: where it lies."""
    return {"output_dir": str(context.folder.checkpoints)}


def values(training: TrainingConfig, examples: int | None = None) -> dict[str, Any]:
    """As `common`, without what belongs to one run: what a plan shows."""
    return {
        **_batches(training, examples),
        **_optimizer(training),
        **_device(training),
        **_saving(training),
        "eval_strategy": "no",
        "report_to": "none",
        "push_to_hub": False,
        "disable_tqdm": True,
        "log_level": "warning",
    }


def _batches(training: TrainingConfig, examples: int | None) -> dict[str, Any]:
    given = options(training)
    each, passes = batches(examples or training.batch_size, given.get("max_length"))
    return {
        "run_name": training.id,
        "num_train_epochs": float(training.epochs),
        "max_steps": given.get("max_steps", -1),
        "per_device_train_batch_size": each,
        "per_device_eval_batch_size": each,
        "gradient_accumulation_steps": passes,
        "average_tokens_across_devices": True,
        "dataloader_drop_last": False,
        "dataloader_pin_memory": training.device != "cpu",
    }


def _optimizer(training: TrainingConfig) -> dict[str, Any]:
    given = options(training)
    return {
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": given.get("lr_schedule", "linear"),
        "lr_scheduler_kwargs": None,
        "warmup_steps": 0,
        "optim": OPTIMIZERS.get(training.optimizer, training.optimizer),
        "optim_args": None,
        "adam_beta1": given.get("adam_beta1", 0.9),
        "adam_beta2": given.get("adam_beta2", 0.95),
        "adam_epsilon": given.get("adam_eps", 1.0e-8),
        "weight_decay": given.get("weight_decay", 0.0),
        "max_grad_norm": training.gradient_clipping or 0.0,
        "label_smoothing_factor": 0.0,
        "neftune_noise_alpha": None,
    }


def _device(training: TrainingConfig) -> dict[str, Any]:
    seed = training.seed if training.seed is not None else SEED
    cpu = training.device == "cpu"
    return {
        "seed": seed,
        "data_seed": options(training).get("shuffle_seed", seed),
        "use_cpu": cpu,
        "bf16": training.mixed_precision,
        "fp16": False,
        "gradient_checkpointing": not cpu,
        "gradient_checkpointing_kwargs": None if cpu else {"use_reentrant": False},
    }


def _saving(training: TrainingConfig) -> dict[str, Any]:
    return {
        "save_strategy": "no" if training.checkpoint_every is None else "steps",
        "save_steps": training.checkpoint_every or 500,
        "save_total_limit": None,
        "restore_callback_states_from_checkpoint": True,
        "load_best_model_at_end": False,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
    }


def batches(examples: int, length: int | None) -> tuple[int, int]:
    """How many examples a process passes over at once, and how often before a step, for a step over `examples`.

    `length` is the most tokens of an example. Raises InputError where the processes cannot share the step equally.
    """
    processes = world()
    if examples % processes:
        near = max(examples // processes, 1) * processes
        raise InputError(
            f"training_config.batch_size {examples} cannot be shared by {processes} processes: "
            f"take a multiple of {processes}, such as {near}"
        )
    share = examples // processes
    most = max(1, TOKENS // (length or 1024))
    each = max(size for size in range(1, min(share, most) + 1) if share % size == 0)
    return each, share // each


def steps(training: TrainingConfig, rows: int) -> int:
    """How many optimizer steps it takes to train on `rows` examples; a last batch that is not full is one too."""
    whole = training.epochs * math.ceil(rows / training.batch_size)
    return int(min(whole, options(training).get("max_steps", whole)))


def filling(training: TrainingConfig, rows: int) -> int:
    """How many examples are missing in the last batch of an epoch, where several processes share it; 0 with one."""
    return -rows % training.batch_size if world() > 1 else 0


def lora(training: TrainingConfig) -> dict[str, Any] | None:
    """The arguments of a new adapter on every linear layer but the output, None where all weights are trained."""
    rank = options(training).get("lora_rank")
    if rank is None:
        return None
    return {
        "r": rank,
        "lora_alpha": ALPHA,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": "all-linear",
        "task_type": "CAUSAL_LM",
    }


def evaluated(training: TrainingConfig) -> dict[str, Any]:
    """The arguments that say when to evaluate on what is held out: every so many steps, or with each epoch."""
    every = options(training).get("eval_every", 0)
    if not every and training.early_stopping is None:
        return {**NEVER, "prediction_loss_only": True}
    when = {"eval_strategy": "steps", "eval_steps": every} if every else {"eval_strategy": "epoch"}
    return {**when, "prediction_loss_only": True}


def stopping(training: TrainingConfig) -> list[str]:
    """What early_stopping lacks, each a whole sentence."""
    if training.early_stopping is None:
        return []
    found = []
    if unknown := sorted({*training.early_stopping} - {"patience", "min_delta"}):
        found.append(
            f"training_config.early_stopping has {', '.join(unknown)}; engine trl knows patience and min_delta"
        )
    if training.validation_split is None and not options(training).get("test_size"):
        found.append(
            "training_config.early_stopping needs rows that are held out: set training_config.validation_split, "
            "such as 0.1"
        )
    return found


def built(config: Any, values: Mapping[str, Any], context: Context) -> Any:
    """The trainer's arguments, of the class `config`, made of `values`.

    One process trains on one GPU, also where it sees more.
    """
    import torch

    made = config(**values)
    if made.n_gpu > 1:
        context.folder.log(f"one of {made.n_gpu} GPUs is used: `accelerate launch -m` or `torchrun -m` uses them all")
        made._n_gpu = 1
    if made.device.type == "cpu":
        # Several processes number it, and PyTorch cannot read a checkpoint back to a numbered one.
        made.__dict__["_setup_devices"] = torch.device("cpu")
    return made

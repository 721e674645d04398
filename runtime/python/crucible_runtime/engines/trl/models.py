"""Loads the model and the tokenizer of a model_ref; after training, writes the weights to the run folder.

A model comes from the hub, from a directory, or is the tiny one that is made on the spot. With a lora_rank an adapter
is trained and saved, else all weights. A renderer name other than `role_colon` stands for the chat template that the
model itself brings, as that is what the name's renderer writes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from crucible_runtime import smoke
from crucible_runtime.engines.trl import arguments, checks
from crucible_runtime.engines.trl.measures import COMPLETE, metrics
from crucible_runtime.errors import CrucibleError, DivergenceError, EngineError, InputError
from crucible_runtime.installation import project
from crucible_runtime.interface.stages import Context, Output
from crucible_runtime.ir import ModelRef, TrainingConfig

ROLE_COLON = "role_colon"
"""The renderer that this package has the template of, for models that bring none."""
SILENT = "_disable_thinking"
"""How the names of renderers end that ask a model for its answer alone."""
STOP = "\n\nUser:"
"""Where an answer ends in the template of role_colon."""
ADAPTER = checks.ADAPTER
"""The file that says that a directory holds an adapter."""
_SECONDS = 3.0
"""How long a process waits with an error that all have: a launcher ends the main one, which writes it down, with it."""
_NO_PROBABILITIES = "probability tensor contains"
"""What PyTorch says where a model that has diverged is sampled from."""
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] | capitalize + ':' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ ' ' + message['content'] + '\\n\\n' }}{% endgeneration %}"
    "{% else %}{{ ' ' + message['content'] + '\\n\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def load(context: Context) -> tuple[Any, Any]:
    """The model that training starts from, on the CPU, and its tokenizer with a chat template.

    With options.load_checkpoint_path its weights, or the adapter, are those of the checkpoint. All processes call this
    together. Raises EngineError where the model is not to be had, InputError where the recipe does not fit it.
    """
    training = arguments.training(context.experiment)
    renderer = arguments.options(training).get("renderer_name")
    with _main_first(training):
        model, tokenizer = opened(context, base(training), renderer)
        return _continued(model, training), tokenizer


def base(training: TrainingConfig) -> ModelRef:
    """The model that training starts from, without an adapter: model_ref, or the checkpoint with whole weights."""
    wanted = arguments.options(training).get("load_checkpoint_path")
    if wanted is None or (project.located(wanted) / ADAPTER).exists():
        return training.model_ref
    return replace(training.model_ref, id=wanted, provider="local", version=None)


def opened(context: Context, ref: ModelRef, renderer: str | None) -> tuple[Any, Any]:
    """The model that `ref` names and its tokenizer, with the chat template of `renderer`; raises as `load` does."""
    training = arguments.training(context.experiment)
    source = place(context, ref)
    words = tokenizer(source, ref, renderer)
    return _model(source, ref, training), words


def place(context: Context, ref: ModelRef) -> str:
    """What the libraries find the model by: a directory in full, or a name on the hub; raises EngineError."""
    match ref.provider:
        case smoke.PROVIDER:
            return str(smoke.model(context.folder.path / "base" / ref.id, ref.id))
        case "huggingface":
            return ref.id
    if why := checks.missing_model(ref):
        raise EngineError(why) if ref.provider == "local" else InputError(why)
    return os.path.abspath(project.located(ref.id))


def tokenizer(source: str, ref: ModelRef, renderer: str | None) -> Any:
    """The tokenizer of a model, with the chat template of `renderer`; raises InputError where there is no template."""
    from transformers import AutoTokenizer

    with _readable(source, ref):
        found = AutoTokenizer.from_pretrained(source, revision=_revision(ref), local_files_only=_alone(ref))
    if renderer == ROLE_COLON:
        found.chat_template = TEMPLATE
    elif not found.chat_template:
        raise InputError(
            f"model {ref.id} has no chat template, so that conversations cannot become tokens"
            + (f" as {renderer}" if renderer else "")
            + f": set training_config.options.renderer_name to {ROLE_COLON}, or take the chat version of the model"
        )
    elif renderer is not None and renderer.endswith(SILENT):
        found.chat_template = "{% set enable_thinking = false %}" + found.chat_template
    if found.pad_token is None:
        found.pad_token = found.eos_token
    return found


def lora(training: TrainingConfig) -> Any | None:
    """The LoraConfig of a new adapter, None where all weights are trained."""
    values = arguments.lora(training)
    if values is None:
        return None
    from peft import LoraConfig

    return LoraConfig(**values)


def adapter(model: Any, training: TrainingConfig) -> Any | None:
    """What a trainer puts on the model: as `lora`, but None for a model that has an adapter of a checkpoint already."""
    return None if hasattr(model, "peft_config") else lora(training)


def finish(trainer: Any, context: Context) -> Output:
    """Writes what was trained to the folder's model, with its tokenizer; what the stage leaves behind.

    With a lora_rank that is the adapter alone, for the model `base_model`; `weights` says which. All processes call
    this together, the main one writes.
    """
    training = arguments.training(context.experiment)
    trainer.save_model(str(context.folder.model))
    if trainer.accelerator.is_main_process:
        _tidied(context.folder.model)
    trainer.accelerator.wait_for_everyone()
    last: dict[str, float] = {}
    for entry in trainer.state.log_history:
        if "train_runtime" not in entry:
            last |= metrics(entry)
    return {
        "engine": "trl",
        "model": "model",
        "weights": "adapter" if arguments.options(training).get("lora_rank") else "full",
        "base_model": base(training).id,
        "steps": trainer.state.global_step,
        "metrics": {name: last[name] for name in training.metrics if name in last},
        "checkpoints": [str(path.relative_to(context.folder.path)) for path in checkpoints(context)],
    }


def train(trainer: Any, context: Context) -> None:
    """Trains, in a run that is resumed from its last whole checkpoint on.

    A run that was ended after its last step takes no further one: the trainer by itself would take it. Raises
    DivergenceError, which names the last good checkpoint.
    """
    try:
        _train(trainer, context)
    except DivergenceError as error:
        if not context.folder.main:
            time.sleep(_SECONDS)
        raise error.after(_good(context, error.step)) from error


def _good(context: Context, step: int | None) -> str | None:
    """The last checkpoint whose weights have made a finite step before `step`."""
    found = [path for path in checkpoints(context) if int(path.name.rpartition("-")[2]) < (step or 0) - 1]
    return f"{context.folder.shown}/{found[-1].relative_to(context.folder.path)}" if found else None


def _train(trainer: Any, context: Context) -> None:
    from transformers import TrainerState
    from transformers.trainer import TRAINER_STATE_NAME

    checkpoint = last_checkpoint(context)
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(Path(checkpoint) / TRAINER_STATE_NAME))
        patience = state.stateful_callbacks.get("Patience", {})
        waited, most = patience.get("attributes", {}).get("_waited", 0), patience.get("args", {}).get("patience")
        if state.global_step >= state.max_steps or (most is not None and waited >= most):
            trainer._load_from_checkpoint(checkpoint)
            trainer.state = state
            context.folder.rewind(state.global_step)
            return
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    except RuntimeError as error:
        if _NO_PROBABILITIES not in str(error):
            raise
        said = "the model's probabilities of the next token are not finite"
        raise context.diverged(said, trainer.state.global_step + 1) from error


def _tidied(path: Path) -> None:
    """Leaves in a saved model what a reader of it needs, and makes it the same in every run."""
    # The one holds the arguments of this run with the paths of this machine, the other a form to fill in.
    for name in ("training_args.bin", "README.md"):
        (path / name).unlink(missing_ok=True)
    # Where an adapter is trained on, DPO keeps what it was before beside it.
    shutil.rmtree(path / "ref", ignore_errors=True)
    if (path / ADAPTER).exists():
        adapter = json.loads((path / ADAPTER).read_text("utf-8"))
        # It is written from a set, in another order each time.
        adapter["target_modules"] = sorted(adapter["target_modules"])
        (path / ADAPTER).write_text(json.dumps(adapter, indent=2) + "\n", "utf-8")


def checkpoints(context: Context) -> list[Path]:
    """The whole checkpoints of the run, the oldest first."""
    found = context.folder.checkpoints.glob(f"checkpoint-*/{COMPLETE}")
    return sorted((mark.parent for mark in found), key=lambda path: int(path.name.rpartition("-")[2]))


def last_checkpoint(context: Context) -> str | None:
    """The checkpoint that a resumed run goes on from, None where it starts anew; removes what is half written."""
    if not context.folder.resumed:
        return None
    whole = checkpoints(context)
    if context.folder.main:
        for path in context.folder.checkpoints.glob("checkpoint-*"):
            if path not in whole:
                shutil.rmtree(path)
    return str(whole[-1]) if whole else None


def _model(source: str, ref: ModelRef, training: TrainingConfig) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    # Frozen weights lose nothing that the adapter could learn; weights that are trained need their small updates.
    half = training.mixed_precision and arguments.options(training).get("lora_rank") is not None
    with _readable(source, ref):
        return AutoModelForCausalLM.from_pretrained(
            source,
            revision=_revision(ref),
            local_files_only=_alone(ref),
            adapter_kwargs={"local_files_only": _alone(ref)},
            dtype=torch.bfloat16 if half else torch.float32,
        )


def _continued(model: Any, training: TrainingConfig) -> Any:
    """The model with the adapter of options.load_checkpoint_path, where there is one; raises InputError."""
    given = arguments.options(training)
    wanted = given.get("load_checkpoint_path")
    if wanted is None or not (path := project.located(wanted) / ADAPTER).exists():
        return model
    from peft import PeftModel

    rank = json.loads(path.read_text("utf-8")).get("r")
    if rank != given.get("lora_rank"):
        raise InputError(
            f"training_config.options.load_checkpoint_path {wanted} is an adapter of rank {rank}: "
            f"set training_config.options.lora_rank to {rank}"
        )
    return PeftModel.from_pretrained(model, str(path.parent), is_trainable=True)


def _alone(ref: ModelRef) -> bool:
    """Whether nothing is to be asked of the hub: for a directory, and where the hub's name leads nowhere.

    The hub's library would try for minutes. Behind a proxy the name need not be known here.
    """
    return ref.provider != "huggingface" or not (getproxies() or _known(_hub()))


def _hub() -> str:
    from huggingface_hub import constants

    return str(urlsplit(constants.ENDPOINT).hostname)


@cache
def _known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _revision(ref: ModelRef) -> str | None:
    return ref.version if ref.provider == "huggingface" else None


@contextmanager
def _main_first(training: TrainingConfig) -> Iterator[None]:
    """The main process alone, then the others: what is downloaded or made is there when they come."""
    from accelerate import PartialState

    with PartialState(cpu=training.device == "cpu").main_process_first():
        yield


_HUB: Mapping[str, str] = {
    "RepositoryNotFoundError": "the hub has no such model, or shows it only to a token that may see it (HF_TOKEN)",
    "GatedRepoError": "its authors give it to people who asked only: ask on its page, then set HF_TOKEN",
    "RevisionNotFoundError": "it has no such version",
}


_NO_ANSWER = {
    "ConnectError",
    "ConnectionError",
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "TimeoutException",
}


@contextmanager
def _readable(source: str, ref: ModelRef) -> Iterator[None]:
    """Says in one sentence why a model cannot be read; raises EngineError."""
    try:
        yield
    except (CrucibleError, MemoryError, RuntimeError):
        raise
    except Exception as error:
        causes = list(_causes(error))
        known = next((_HUB[type(cause).__name__] for cause in causes if type(cause).__name__ in _HUB), None)
        version = f" version {ref.version}" if ref.version and ref.provider == "huggingface" else ""
        if known is None and ref.provider == "huggingface" and any(map(_unreachable, causes)):
            known = (
                "the hub cannot be reached and nothing of it is cached here. Without a network, give a directory: "
                "--set training_config.model_ref.provider=local --set training_config.model_ref.id=DIR"
            )
        raise EngineError(f"model {ref.id}{version} cannot be loaded: {known or _line(error)}") from error


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unreachable(error: BaseException) -> bool:
    return any(each.__name__ in _NO_ANSWER for each in type(error).__mro__)

"""The block in which the libraries of this engine are quiet and repeatable, and say in one line what went wrong.

What they print goes into the run's log; nothing is sent to anybody. On a CPU one thread computes, unless
OMP_NUM_THREADS says how many, since sums that are cut up otherwise round otherwise.
"""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from crucible_runtime.engines.trl import arguments
from crucible_runtime.errors import CrucibleError, EngineError
from crucible_runtime.interface.stages import Context
from crucible_runtime.ir import TrainingConfig
from crucible_runtime.rundir.capture import captured

QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
}
"""Settings of the libraries, where the environment has none of its own."""
_FULL = ("No space left on device", "PytorchStreamWriter failed", "unexpected pos ", "Disk quota exceeded")
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@contextmanager
def settled(context: Context) -> Iterator[None]:
    """The block in which this engine works; raises EngineError."""
    training = arguments.training(context.experiment)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if training.device == "cpu":
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    else:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # What the libraries of the other processes say, the main one's say too.
    quiet = context.folder.captured() if context.folder.main else captured(lambda _: None)
    with quiet, _said(context, training):
        _hush()
        _there(training.device)
        with repeatable(training):
            yield
        _freed()


def _freed() -> None:
    """Gives back the memory of a device that nothing uses any more: the evaluation loads the model again."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _there(device: str) -> None:
    """Raises EngineError where the device to train on is not there."""
    import torch

    found = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if device in found and not found[device]():
        raise EngineError(
            f"training_config.device is {device}, and PyTorch {torch.__version__} finds none here: install the build "
            "of PyTorch that fits the machine, or train with --set training_config.device=cpu"
        )


def _hush() -> None:
    """No bars, nothing told to anybody; of the libraries' messages, warnings and worse."""
    import datasets
    import transformers
    from huggingface_hub import constants

    # It read its settings when it was imported, which may have been before they were made.
    constants.HF_HUB_DISABLE_TELEMETRY = os.environ["HF_HUB_DISABLE_TELEMETRY"].lower() in ("1", "on", "yes", "true")

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_warning()


@contextmanager
def repeatable(training: TrainingConfig) -> Iterator[None]:
    """Settings of PyTorch under which the same numbers come out each time; what they were before is put back."""
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    if training.device == "cpu":
        wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
        torch.set_num_threads(int(wanted) if wanted.isdecimal() and int(wanted) else 1)
    else:
        # Some operations have no repeatable form; PyTorch says so in the log and goes on.
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)


@contextmanager
def _said(context: Context, training: TrainingConfig) -> Iterator[None]:
    """Turns what a machine can run out of into EngineError; everything else leaves as it is."""
    try:
        yield
    except CrucibleError:
        raise
    except Exception as error:
        text = str(error)
        if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
            raise EngineError(_no_memory(training)) from error
        # safetensors and torch.save have words of their own for a full disk.
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(words in text for words in _FULL):
            raise EngineError(
                f"the disk of {context.folder.shown} is full: make room, then go on with --resume"
            ) from error
        raise


def _no_memory(training: TrainingConfig) -> str:
    given = arguments.options(training)
    ways = [f"a smaller training_config.options.max_length than {given['max_length']}"] if "max_length" in given else []
    if "lora_rank" not in given:
        ways.append("an adapter, with training_config.options.lora_rank")
    if not training.mixed_precision:
        ways.append("training_config.mixed_precision=true")
    ways.append("a smaller model")
    where = "the memory of this machine" if training.device == "cpu" else f"the memory of the {training.device} device"
    return f"{where} is not enough for model {training.model_ref.id}; what needs less: {', '.join(ways)}"

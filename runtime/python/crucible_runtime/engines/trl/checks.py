"""Looks before a run whether the model, the device and the checkpoints are there; imports nothing heavy."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from crucible_runtime import smoke
from crucible_runtime.data.checks import trained_on
from crucible_runtime.engines.trl import arguments
from crucible_runtime.engines.trl.rows import unfit
from crucible_runtime.experiment.kinds import trained_kind, types
from crucible_runtime.installation import project
from crucible_runtime.interface.hub import hub_model
from crucible_runtime.interface.preflight import Finding, Inquiry, problem, unchecked
from crucible_runtime.ir import ModelRef

CONFIG = "config.json"
"""The file that says that a directory holds a model."""
ADAPTER = "adapter_config.json"
"""The file that says that a directory holds an adapter."""
_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd", "/proc/driver/nvidia/version")
"""What a machine with a GPU for `cuda` has at least one of: NVIDIA's driver, that of Windows, AMD's."""


def missing_model(ref: ModelRef) -> str:
    """Why a local model cannot be loaded, as a sentence; empty where it is there, or on the hub."""
    if ref.provider in ("huggingface", smoke.PROVIDER):
        return ""
    if ref.provider != "local":
        return (
            f"engine trl gets models from huggingface, local and {smoke.PROVIDER}, found model_ref.provider "
            f"{ref.provider}"
        )
    path = project.located(ref.id)
    if (path / CONFIG).exists():
        return ""
    missing = f"has no {CONFIG}" if path.is_dir() else "is not there"
    return (
        f"model {ref.id} cannot be loaded: the directory {missing}. "
        "A model of the hub has training_config.model_ref.provider huggingface"
    )


def data_set(inquiry: Inquiry) -> Iterator[Finding]:
    """The data set that the recipe trains on."""
    training = inquiry.experiment.training_config
    yield from trained_on(inquiry, unfit(training) if training is not None else None)


def model(inquiry: Inquiry) -> Iterator[Finding]:
    """The model that training starts from."""
    training = inquiry.experiment.training_config
    if training is None:
        return
    wanted = arguments.options(training).get("load_checkpoint_path")
    if wanted is None or (project.located(wanted) / ADAPTER).exists():
        yield from _model(training.model_ref, inquiry)


def checkpoints(inquiry: Inquiry) -> Iterator[Finding]:
    """The directories of weights that options name."""
    training = inquiry.experiment.training_config
    given = arguments.options(training) if training is not None else {}
    for name in ("load_checkpoint_path", "teacher_checkpoint"):
        if name not in given:
            continue
        path = project.located(given[name])
        if not any((path / file).exists() for file in (CONFIG, ADAPTER)):
            missing = f"has neither {CONFIG} nor {ADAPTER}" if path.is_dir() else "is not there"
            yield problem(f"training_config.options.{name} {given[name]}: the directory {missing}")


def other_models(inquiry: Inquiry) -> Iterator[Finding]:
    """The teacher, and the reference that answers are compared with."""
    training = inquiry.experiment.training_config
    if training is None or training.model_ref.provider == smoke.PROVIDER:
        return
    given, kind = arguments.options(training), types()[trained_kind(inquiry.experiment)]
    wanted = [given.get("reference_model")]
    if kind.teacher and "teacher_checkpoint" not in given:
        wanted.append(given.get("teacher_model"))
    if kind.taught and not project.located(training.dataset_ref.name).exists():
        wanted.append(given.get("teacher_model"))
    for name in wanted:
        if name is not None:
            there = project.located(name).is_dir()
            provider = (
                "local" if there or (training.model_ref.provider == "local" and not kind.teacher) else "huggingface"
            )
            yield from _model(ModelRef(id=name, provider=provider), inquiry)


def _model(ref: ModelRef, inquiry: Inquiry) -> Iterator[Finding]:
    if why := missing_model(ref):
        yield problem(why)
    elif ref.provider == "huggingface":
        yield from hub_model(ref, inquiry)


def device(inquiry: Inquiry) -> Iterator[Finding]:
    """The processor to train on."""
    training = inquiry.experiment.training_config
    if training is None or training.device == "cpu":
        return
    instead = "train with --set training_config.device=cpu"
    if training.device == "mps":
        if (platform.system(), platform.machine()) != ("Darwin", "arm64"):
            yield problem(f"training_config.device is mps, and this is no Mac with Apple silicon: {instead}")
    elif training.device == "cuda":
        try:
            installed = version("torch")
        except PackageNotFoundError:
            return  # the check of the packages says so
        if installed.endswith("+cpu"):
            yield problem(
                f"training_config.device is cuda, and PyTorch {installed} finds none here, as it is a build for the CPU: "
                f"install the build of PyTorch that fits the machine, or {instead}"
            )
        elif os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
            yield problem(f"training_config.device is cuda, and CUDA_VISIBLE_DEVICES hides every GPU: {instead}")
        elif platform.system() != "Linux":
            yield unchecked(f"whether PyTorch {installed} finds a GPU is asked when it is loaded")
        elif not any(map(os.path.exists, _DEVICES)):
            yield problem(
                f"training_config.device is cuda, and PyTorch {installed} finds none here, as the machine shows no GPU "
                f"({_DEVICES[0]} is not there): {instead}"
            )

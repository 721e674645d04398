"""What is to be served and how, from the options of a deployment: checked once, the same for every target.

There is always a version that the new one takes over from. It is the one registered before it under the same name,
and for a model's first version the base model that its training started from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crucible_runtime.errors import InputError
from crucible_runtime.installation import project
from crucible_runtime.interface.stages import Context, Options, Output
from crucible_runtime.mlops.images import unserved
from crucible_runtime.mlops.settings import SHARES, settled
from crucible_runtime.quoting import label

MOUNT = "/models"
"""Where a pod finds the volume with the models."""
HUB = "huggingface"
"""The provider whose models a server may look up on the hub."""
TINKER = "tinker://"
"""How the URI of a checkpoint of Tinker begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment: `model` is a path in the run's folder or a URI, `share` the new version's percent of the traffic.

    `base` is the model that `model` is an adapter to, as the server finds it, and None where `model` is a whole one.
    `before` is the number of the version that is served until now, None where that is the base model, which the server
    finds at `start`. `hub` says whether the server looks the base model up on the hub.
    """

    target: str
    strategy: str
    name: str
    version: str
    before: str | None
    base_model: str
    model: str
    base: str | None
    start: str
    hub: bool
    rank: int
    settings: Mapping[str, Any]
    share: int
    state: Literal["rendered", "promoted", "rolled_back"] = "rendered"

    @property
    def label(self) -> str:
        """The model's name as Kubernetes allows names, short enough for a suffix."""
        return label(self.name)

    @property
    def tracks(self) -> tuple[str, str]:
        """The names of what is served until now and of what is new; a version keeps its colour."""
        match self.strategy:
            case "blue_green":
                return ("green", "blue") if int(self.version) % 2 else ("blue", "green")
            case "ab_test":
                return "a", "b"
        return "stable", "canary"

    @property
    def traffic(self) -> dict[str, int]:
        """The percent of the traffic for each track."""
        if self.strategy == "replace" or self.target == "local":
            return {"new": 100} if self.share else {"old": 100, "new": 0}
        old, new = self.tracks
        return {old: 100 - self.share, new: self.share}


def planned(context: Context, options: Options, registration: Output) -> Plan:
    """The deployment that the options ask for; raises InputError with every problem in them."""
    target, strategy, settings = settled(options)
    training = context.experiment.training_config
    if why := unservable(target, settings, registration["base_model"]):
        raise InputError(why)
    model = str(context.trained["model"])
    base, rank = _adapter(context, model, registration)
    name = str(registration["model_name"])
    hub = model.startswith(TINKER) or (training is not None and training.model_ref.provider == HUB)
    start, hub = _found(base or str(registration["base_model"]), hub, target, name, settings)
    weight = settings.get("weight")
    return Plan(
        target=target,
        strategy=strategy,
        name=name,
        version=registration["version"],
        before=registration["previous"],
        base_model=registration["base_model"],
        model=model,
        base=start if base else None,
        start=start,
        hub=hub,
        rank=rank,
        settings=settings,
        share=100 if target == "local" else SHARES[strategy] if weight is None else weight,
    )


def unservable(target: str, settings: Mapping[str, Any], model: str) -> str | None:
    """Why the pods' image cannot serve a base model, None where it can or that is not known."""
    return unserved(settings["server"], settings["image"], model) if target == "kubernetes" else None


def _found(base: str, hub: bool, target: str, name: str, settings: Mapping[str, Any]) -> tuple[str, bool]:
    """The base model as the server finds it, and whether that is a name on the hub; `hub` says where training had it.

    Only a name that the recipe takes from the hub is looked up there: anyone may have given a model of theirs the name
    that a directory of this machine has. Tinker trains models of the hub only.
    """
    if settings.get("base_path"):
        return str(settings["base_path"]), False
    if hub and not base.startswith(("/", ".", "~")):
        return base, True
    if target == "kubernetes":
        return f"{MOUNT}/{label(name)}/base", False
    return base if "://" in base else os.path.abspath(project.located(base)), False


def _adapter(context: Context, model: str, registration: Output) -> tuple[str | None, int]:
    """The base model and the rank where the trained model is a LoRA adapter; None and 0 where it is a whole one."""
    if model.startswith(TINKER):
        training = context.experiment.training_config
        return registration["base_model"], int(((training.options if training else None) or {}).get("lora_rank") or 32)
    path = Path(context.folder.resolve(model)) / "adapter_config.json"
    if "://" in model or not path.exists():
        return None, 0
    config = json.loads(path.read_text("utf-8"))
    return str(config.get("base_model_name_or_path") or registration["base_model"]), int(config.get("r") or 32)

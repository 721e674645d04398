"""What is to be served and how, from the options of a deployment: checked once, the same for every target.

There is always a version that the new one takes over from. It is the one registered before it under the same name,
and for a model's first version the base model that its training started from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.interface.stages import Context, Options, Output
from crucible_runtime.quoting import label

TARGETS = ("vllm", "tgi", "kubernetes", "noop", "ollama", "huggingface", "local")
"""Where a model can go. A recipe cannot ask for `local`, which CrucibleDeployment does not know."""
STRATEGIES = ("canary", "blue_green", "replace", "ab_test")
"""How a new version takes over from the one before."""
SHARES: Mapping[str, int] = {"canary": 10, "blue_green": 0, "replace": 100, "ab_test": 50}
"""The percent of the traffic that the new version gets at first, as in CrucibleDeployment."""

_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_QUANTITY = r"[0-9]+(\.[0-9]+)?(m|[KMGTPE]i?)?"
_SERVERS = ("vllm", "tgi", "kubernetes", "local")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of `options.config`: the targets that read it, its type, its value where it is left out."""

    targets: tuple[str, ...]
    type: type
    default: Any = None
    least: int | None = None
    most: int | None = None
    among: tuple[str, ...] = ()
    form: str = ""
    about: str = ""


SETTINGS: Mapping[str, Setting] = {
    "replicas": Setting(targets=("vllm", "kubernetes"), type=int, default=1, least=1, about="copies of each version"),
    "port": Setting(targets=_SERVERS, type=int, default=8000, least=1, most=65535, about="where it is reached"),
    "bind": Setting(targets=("vllm", "tgi"), type=str, default="0.0.0.0", about="the address that it listens on"),  # noqa: S104 - as both servers do by themselves
    "gpus": Setting(
        targets=("vllm", "tgi", "kubernetes"), type=int, default=1, least=0, about="GPUs of one copy, which share it"
    ),
    "max_model_len": Setting(
        targets=("vllm", "tgi", "kubernetes"), type=int, least=2, about="longest prompt and answer, in tokens"
    ),
    "dtype": Setting(
        targets=("vllm", "tgi", "kubernetes"),
        type=str,
        among=("bfloat16", "float16"),
        about="the type of the weights",
    ),
    "args": Setting(
        targets=("vllm", "tgi", "kubernetes"), type=list, default=(), about="further arguments of the server, as texts"
    ),
    "model_path": Setting(
        targets=("vllm", "tgi", "kubernetes", "ollama"), type=str, about="the model as the server finds it"
    ),
    "weight": Setting(
        targets=("vllm", "tgi", "kubernetes"),
        type=int,
        least=0,
        most=100,
        about="percent of the traffic for the new version at first, with canary and ab_test",
    ),
    "timeout": Setting(
        targets=TARGETS, type=int, default=600, least=1, about="seconds to wait for an applied deployment"
    ),
    "server": Setting(
        targets=("kubernetes",), type=str, default="vllm", among=("vllm", "tgi"), about="what serves in the pods"
    ),
    "image": Setting(targets=("kubernetes",), type=str, about="the image of the pods"),
    "namespace": Setting(
        targets=("kubernetes",), type=str, form=_NAME, default="default", about="the namespace of all objects"
    ),
    "cpu": Setting(targets=("kubernetes",), type=str, form=_QUANTITY, default="4", about="processors of one pod"),
    "memory": Setting(targets=("kubernetes",), type=str, form=_QUANTITY, default="32Gi", about="memory of one pod"),
    "volume_claim": Setting(
        targets=("kubernetes",),
        type=str,
        form=_NAME,
        default="models",
        about="the claim of the volume that holds the models",
    ),
    "host": Setting(
        targets=("kubernetes",), type=str, form=rf"{_NAME}(\.{_NAME})*", about="the host name of the ingress"
    ),
    "repository": Setting(
        targets=("huggingface",), type=str, form=r"\w[\w.-]*(/\w[\w.-]*)?", about="the repository on the hub"
    ),
}
"""Everything that `options.config` can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment: `model` is a path in the run's folder or a URI, `share` the new version's percent of the traffic.

    `base` is the model that `model` is an adapter to, and None where it is a whole one; `before` is the number of the
    version that is served until now, None where that is the base model.
    """

    target: str
    strategy: str
    name: str
    version: str
    before: str | None
    base_model: str
    model: str
    base: str | None
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


def settled(options: Options) -> tuple[str, str, dict[str, Any]]:
    """Target, strategy and every setting of a deployment; raises InputError with every problem in the options."""
    problems: list[str] = []
    target = _known("target", options.get("target") or "vllm", TARGETS, problems)
    strategy = _known("strategy", options.get("strategy") or "canary", STRATEGIES, problems)
    problems += [
        f"there is no options.{name}; {did_you_mean(name, ('target', 'strategy', 'config'))}"
        for name in options
        if name not in ("target", "strategy", "config")
    ]
    settings = _settings(options.get("config") or {}, target, problems) if target in TARGETS else {}
    if settings.get("weight") is not None and strategy in ("blue_green", "replace"):
        problems.append(f"strategy {strategy} divides no traffic: leave out options.config.weight, or take canary")
    if problems:
        raise InputError("\n".join(problems))
    return target, strategy, settings


def planned(context: Context, options: Options, registration: Output) -> Plan:
    """The deployment that the options ask for; raises InputError with every problem in them."""
    target, strategy, settings = settled(options)
    model = str(context.trained["model"])
    base, rank = _adapter(context, model, registration)
    weight = settings.get("weight")
    return Plan(
        target=target,
        strategy=strategy,
        name=registration["model_name"],
        version=registration["version"],
        before=registration["previous"],
        base_model=registration["base_model"],
        model=model,
        base=base,
        rank=rank,
        settings=settings,
        share=100 if target == "local" else SHARES[strategy] if weight is None else weight,
    )


def _known(name: str, value: Any, known: tuple[str, ...], problems: list[str]) -> str:
    if value not in known:
        problems.append(f"options.{name} {value} is not known; {did_you_mean(str(value), known)}")
    return str(value)


def _settings(config: Any, target: str, problems: list[str]) -> dict[str, Any]:
    """Every setting of the target, with its default where the recipe does not say."""
    if not isinstance(config, Mapping):
        problems.append(f"options.config must be a mapping such as {{replicas: 2}}, found {config!r}")
        return {}
    known = {name: setting for name, setting in SETTINGS.items() if target in setting.targets}
    for name, value in config.items():
        if name not in known:
            problems.append(f"target {target} has no options.config.{name}; {did_you_mean(str(name), known)}")
        elif value is not None and (wanted := _unfit(known[name], value)):
            problems.append(f"options.config.{name} must be {wanted}, found {value!r}")
    given = {name: _kept(known[name], value) for name, value in config.items() if name in known and value is not None}
    return {name: given.get(name, setting.default) for name, setting in known.items()}


def _unfit(setting: Setting, value: Any) -> str:
    """What the value should be, or nothing where it is that."""
    match setting:
        case Setting(type=kind) if kind is int:
            low, high = setting.least, setting.most
            whole = isinstance(value, int) and not isinstance(value, bool)
            if whole and (low is None or value >= low) and (high is None or value <= high):
                return ""
            return f"a whole number from {low}" + (f" to {high}" if high is not None else "")
        case Setting(type=kind) if kind is list:
            fits = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
            return "" if fits else "a list of texts"
        case Setting(among=among) if among:
            return "" if value in among else f"one of {', '.join(among)}"
    if setting.form:
        number = isinstance(value, int | float) and not isinstance(value, bool) and setting.form == _QUANTITY
        text = value if isinstance(value, str) else str(value) if number else ""
        return "" if re.fullmatch(setting.form, text) else f"text of the form {setting.form}"
    fits = isinstance(value, str) and value != "" and value.isprintable()
    return "" if fits else "a text on one line"


def _kept(setting: Setting, value: Any) -> Any:
    return str(value) if setting.form and isinstance(value, int | float) else value


def _adapter(context: Context, model: str, registration: Output) -> tuple[str | None, int]:
    """The base model and the rank where the trained model is a LoRA adapter; None and 0 where it is a whole one."""
    if model.startswith("tinker://"):
        training = context.experiment.training_config
        return registration["base_model"], int(((training.options if training else None) or {}).get("lora_rank") or 32)
    path = Path(context.folder.resolve(model)) / "adapter_config.json"
    if "://" in model or not path.exists():
        return None, 0
    config = json.loads(path.read_text("utf-8"))
    return str(config.get("base_model_name_or_path") or registration["base_model"]), int(config.get("r") or 32)

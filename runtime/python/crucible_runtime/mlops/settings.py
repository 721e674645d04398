"""What a recipe can say of a deployment: target, strategy, and the settings of each target as data.

`SETTINGS` is the one table: checks, defaults, the schema that `gen` reads and docs/mlops.md all follow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.interface.stages import Options

TARGETS = ("vllm", "tgi", "kubernetes", "noop", "ollama", "huggingface", "local")
"""Where a model can go. A recipe cannot ask for `local`, which CrucibleDeployment does not know."""
STRATEGIES = ("canary", "blue_green", "replace", "ab_test")
"""How a new version takes over from the one before."""
SHARES: Mapping[str, int] = {"canary": 10, "blue_green": 0, "replace": 100, "ab_test": 50}
"""The percent of the traffic that the new version gets at first, as in CrucibleDeployment."""

_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_QUANTITY = r"[0-9]+(\.[0-9]+)?(m|[KMGTPE]i?)?"
_PATH = r"/([A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)?"
_ABSOLUTE = r"/[^\x00-\x1f\x7f]+"
_IMAGE = r"[A-Za-z0-9][A-Za-z0-9._/:@-]*"
_SERVERS = ("vllm", "tgi", "kubernetes", "local")
_UNPRIVILEGED = 1024
"""The first port that a process may open without the rights of root."""
_SECRET = ("--api-key", "--hf-token")
"""Arguments of the servers that are secrets."""


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
    "base_path": Setting(
        targets=("vllm", "tgi", "kubernetes", "ollama"),
        type=str,
        form=_ABSOLUTE,
        about="the base model as the server finds it, a full path",
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
    "image": Setting(
        targets=("kubernetes",), type=str, form=_IMAGE, about="the image of the pods; left out, that of `server`"
    ),
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
    "cache_claim": Setting(
        targets=("kubernetes",),
        type=str,
        form=_NAME,
        about="the claim of the volume for what is downloaded from the hub; left out, the manifests have one",
    ),
    "cache_size": Setting(
        targets=("kubernetes",), type=str, form=_QUANTITY, default="100Gi", about="size of the claim in the manifests"
    ),
    "gateway": Setting(
        targets=("kubernetes",),
        type=str,
        form=rf"({_NAME}/)?{_NAME}",
        default="gateway",
        about="the Gateway that routes to the service, as NAME or NAMESPACE/NAME",
    ),
    "host": Setting(
        targets=("kubernetes",),
        type=str,
        form=rf"{_NAME}(\.{_NAME})*",
        about="the host name of the route; left out, all of the Gateway",
    ),
    "path": Setting(
        targets=("kubernetes",),
        type=str,
        form=_PATH,
        about="the path of the route, which is taken off before the server; left out, `/` and the model's name",
    ),
    "max_surge": Setting(
        targets=("kubernetes",),
        type=int,
        default=0,
        least=0,
        about="spare pods while pods are replaced; with 0 one pod stops before the next starts",
    ),
    "user": Setting(
        targets=("kubernetes",), type=int, default=1000, least=1, about="the number of the user that the pods run as"
    ),
    "repository": Setting(
        targets=("huggingface",), type=str, form=r"\w[\w.-]*(/\w[\w.-]*)?", about="the repository on the hub"
    ),
}
"""Everything that `options.config` can say."""


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
    config = options.get("config") or {}
    settings = _settings(config, target, problems) if target in TARGETS else {}
    problems += _together(target, strategy, settings)
    if settings.get("cache_claim") and config.get("cache_size") is not None:
        problems.append(
            "options.config.cache_size is the size of a claim that is made, and cache_claim names one that is there: "
            "leave it out, or leave out cache_claim"
        )
    if problems:
        raise InputError("\n".join(problems))
    return target, strategy, settings


def _together(target: str, strategy: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """What no setting says alone."""
    if settings.get("weight") is not None and strategy in ("blue_green", "replace"):
        yield f"strategy {strategy} divides no traffic: leave out options.config.weight, or take canary"
    for word in settings.get("args") or ():
        if (flag := str(word).partition("=")[0].replace("_", "-")) in _SECRET:
            yield (
                f"options.config.args has {flag}, and would be written into files: use a Secret, or a variable of the "
                "environment (HF_TOKEN; VLLM_API_KEY for vllm, API_KEY for tgi)"
            )
    if target != "kubernetes":
        return
    if isinstance(port := settings.get("port"), int) and port < _UNPRIVILEGED:
        yield f"options.config.port must be from {_UNPRIVILEGED} on target kubernetes, found {port}: pods are not root"
    if settings.get("path") == "/" and not settings.get("host"):
        yield "options.config.path / without options.config.host would take every request of the Gateway: set host"


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

"""The command that serves a model."""

from __future__ import annotations

import json
from typing import Any

from crucible_runtime.mlops.target import Plan
from crucible_runtime.quoting import operand, option

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def server(plan: Plan, model: str, port: int, *, base: str | None) -> list[str]:
    """The command that serves `model` at `port`; `base` is the model that it is an adapter to, if it is one."""
    settings = plan.settings
    kind = settings.get("server") or plan.target
    match kind:
        case "local":
            return ["transformers", "serve", operand(model), "--host", "127.0.0.1", "--port", str(port)]
        case "tgi":
            command = ["text-generation-launcher", "--model-id", operand(base or model)]
            command += ["--lora-adapters", f"{_plain(plan)}={model}"] if base else []
            command += [*option("--hostname", settings.get("bind", "0.0.0.0")), "--port", str(port)]  # noqa: S104
            command += _given("--num-shard", settings["gpus"] if settings["gpus"] > 1 else None)
            command += _given("--max-total-tokens", settings["max_model_len"])
        case _:
            command = ["vllm", "serve", operand(base or model)]
            if base:
                command += [
                    "--enable-lora",
                    "--lora-modules",
                    _module(plan.name, model),
                    "--max-lora-rank",
                    _rank(plan),
                ]
            else:
                command += option("--served-model-name", plan.name)
            command += [*option("--host", settings.get("bind", "0.0.0.0")), "--port", str(port)]  # noqa: S104
            command += _given("--tensor-parallel-size", settings["gpus"] if settings["gpus"] > 1 else None)
            copies = settings["replicas"] if plan.target == "vllm" else 1
            command += _given("--data-parallel-size", copies if copies > 1 else None)
            command += _given("--max-model-len", settings["max_model_len"])
    return [*command, *_given("--dtype", settings["dtype"]), *settings["args"]]


def _given(flag: str, value: Any) -> list[str]:
    return [] if value is None else [flag, str(value)]


def _module(name: str, path: str) -> str:
    """An adapter as vLLM reads it: NAME=PATH, or JSON where the name would be read as something else."""
    if "=" not in name and not name.startswith(("{", "-")):
        return f"{name}={path}"
    return json.dumps({"name": name, "path": path})


def _plain(plan: Plan) -> str:
    """The name of an adapter for the other server, which has no way to quote `=` and `,`."""
    return plan.label if any(mark in plan.name for mark in "=,") or plan.name.startswith("-") else plan.name


def _rank(plan: Plan) -> str:
    """vLLM knows some ranks only: the smallest that holds the adapter's."""
    return str(next((rank for rank in _RANKS if rank >= plan.rank), plan.rank))

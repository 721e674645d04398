"""The command that serves a model."""

from __future__ import annotations

from typing import Any

from crucible_runtime.mlops.target import Plan

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def server(plan: Plan, model: str, port: int) -> list[str]:
    """The command that serves `model` at `port`."""
    settings = plan.settings
    kind = settings.get("server") or plan.target
    match kind:
        case "local":
            return ["transformers", "serve", model, "--host", "127.0.0.1", "--port", str(port)]
        case "tgi":
            command = ["text-generation-launcher", "--model-id", plan.base or model]
            command += ["--lora-adapters", f"{plan.name}={model}"] if plan.base else []
            command += ["--hostname", settings.get("bind", "0.0.0.0"), "--port", str(port)]  # noqa: S104
            command += _given("--num-shard", settings["gpus"] if settings["gpus"] > 1 else None)
            command += _given("--max-total-tokens", settings["max_model_len"])
        case _:
            command = ["vllm", "serve", plan.base or model]
            if plan.base:
                command += ["--enable-lora", "--lora-modules", f"{plan.name}={model}", "--max-lora-rank", _rank(plan)]
            else:
                command += ["--served-model-name", plan.name]
            command += ["--host", settings.get("bind", "0.0.0.0"), "--port", str(port)]  # noqa: S104
            command += _given("--tensor-parallel-size", settings["gpus"] if settings["gpus"] > 1 else None)
            copies = settings["replicas"] if plan.target == "vllm" else 1
            command += _given("--data-parallel-size", copies if copies > 1 else None)
            command += _given("--max-model-len", settings["max_model_len"])
    return [*command, *_given("--dtype", settings["dtype"]), *settings["args"]]


def _given(flag: str, value: Any) -> list[str]:
    return [] if value is None else [flag, str(value)]


def _rank(plan: Plan) -> str:
    """vLLM knows some ranks only: the smallest that holds the adapter's."""
    return str(next((rank for rank in _RANKS if rank >= plan.rank), plan.rank))

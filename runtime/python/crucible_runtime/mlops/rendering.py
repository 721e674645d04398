"""The files that carry out a plan: scripts, the proxy that divides the traffic, Kubernetes manifests.

Scripts go to the run's folder by themselves and name everything relative to it, so that a folder can be moved. A
script starts the new version only; what is served already is left to whoever started it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crucible_runtime.mlops import kubernetes
from crucible_runtime.mlops.commands import server
from crucible_runtime.mlops.target import MOUNT, TINKER, Plan
from crucible_runtime.quoting import comment, modelfile, operand, shell

FOLDER = "artifacts/deploy"
"""Where all of it is written, in the run's folder."""
SCRIPT = "deploy.sh"
_BASE = f"{FOLDER}/base"
"""Where the script for Ollama downloads a base model to: a name of the hub means another model in Ollama's library."""


def rendered(plan: Plan) -> dict[str, str]:
    """The text of each file by its name."""
    files: dict[str, str] = {}
    if plan.target == "kubernetes":
        files["manifests.yaml"] = kubernetes.manifests(plan)
    if plan.target in ("vllm", "tgi") and plan.strategy != "replace":
        files["nginx.conf"] = _proxy(plan)
    if plan.target == "ollama":
        files["Modelfile"] = _modelfile(plan)
    if plan.target != "noop":
        files[SCRIPT] = _script(plan)
    return files


def port(plan: Plan) -> int:
    """Where a server outside Kubernetes listens: behind the proxy there are two, the second is the new one."""
    place = int(plan.settings["port"])
    return place if plan.strategy == "replace" or plan.target == "local" else place + 2


def fetched(plan: Plan) -> str:
    """The model as the scripts find it: a checkpoint of Tinker is downloaded into the run's folder first."""
    if not plan.model.startswith(TINKER):
        return plan.model
    return f"{FOLDER}/model/{_checkpoint(plan).removeprefix('tinker://').replace('/', '_')}"


def _checkpoint(plan: Plan) -> str:
    """Only the weights of a training state can be downloaded, not those that Tinker samples from."""
    return plan.model.replace("/sampler_weights/", "/weights/")


def _script(plan: Plan) -> str:
    lines = [
        "#!/bin/sh",
        comment(_about(plan)),
        "set -eu",
        'cd "$(dirname "$0")/../.."',
        *([] if _looks_up(plan) else ["export HF_HUB_OFFLINE=1"]),
        *_download(plan),
        *_commands(plan),
    ]
    return "\n".join(lines) + "\n"


def _looks_up(plan: Plan) -> bool:
    """Whether what the script starts may ask the hub; a model of this machine never lets it look for its name there."""
    if plan.target in ("kubernetes", "huggingface"):  # pods have a variable of their own, an upload needs the hub
        return True
    given = str(plan.settings.get("model_path") or "/")
    return (plan.base is not None and plan.hub) or not given.startswith(("/", "."))


def _about(plan: Plan) -> str:
    what = f"version {plan.version} of {plan.name}"
    match plan.target:
        case "kubernetes":
            models = " and ".join(kubernetes.mounted(plan))
            claim = plan.settings["volume_claim"]
            held = f" The volume of the claim {claim}, mounted at {MOUNT}, must hold {models}." if models else ""
            return f"Serves {what} in Kubernetes.{held}"
        case "ollama":
            return f"Makes {what} known to Ollama, which then serves it."
        case "huggingface":
            return f"Uploads {what}, " + ("as a pull request." if plan.share < 100 else "into the main branch.")
    return f"Serves {what} at port {port(plan)}." + (
        "" if plan.strategy == "replace" or plan.target == "local" else " nginx.conf divides the traffic."
    )


def _download(plan: Plan) -> Iterator[str]:
    if plan.model.startswith(TINKER) and not plan.settings.get("model_path"):
        absent = shell(["test", "-d", fetched(plan)])
        command = ["tinker", "checkpoint", "download", _checkpoint(plan), "--output", f"{FOLDER}/model"]
        yield f"{absent} || {shell(command)}"
    if plan.target == "ollama" and plan.base and plan.hub:
        yield shell(["hf", "download", operand(plan.base), "--local-dir", _BASE])


def _commands(plan: Plan) -> Iterator[str]:
    match plan.target:
        case "kubernetes":
            yield from map(shell, kubernetes.commands(plan, f"{FOLDER}/manifests.yaml"))
        case "ollama":
            tag = f"{plan.label}:{plan.version}"
            yield shell(["ollama", "create", tag, "-f", f"{FOLDER}/Modelfile"])
            if plan.share == 100:
                yield shell(["ollama", "cp", tag, plan.label])
        case "huggingface":
            repository = plan.settings["repository"] or plan.name
            said = f"Version {plan.version}"
            command = [
                "hf",
                "upload",
                operand(repository),
                operand(fetched(plan)),
                ".",
                "--private",
                "--commit-message",
                said,
            ]
            yield shell(command + (["--create-pr"] if plan.share < 100 else []))
        case _:
            yield "exec " + shell(_server(plan))


def _server(plan: Plan) -> list[str]:
    return server(plan, plan.settings.get("model_path") or fetched(plan), port(plan), base=plan.base)


def _proxy(plan: Plan) -> str:
    begin = int(plan.settings["port"])
    servers = []
    for place, (track, share) in enumerate(plan.traffic.items(), begin + 1):
        weight = f"weight={share}" if share else "down"
        servers.append(f"    server 127.0.0.1:{place} {weight}; # {track}")
    return "\n".join(
        [
            comment(f"Divides the traffic of {plan.label} at port {begin}: nginx -c nginx.conf, with its full path."),
            "events {}",
            "http {",
            f"  upstream {plan.label} {{",
            *servers,
            "  }",
            "  server {",
            f"    listen {begin};",
            "    location / {",
            f"      proxy_pass http://{plan.label};",
            "      proxy_buffering off;",
            "      proxy_read_timeout 600s;",
            "    }",
            "  }",
            "}",
            "",
        ]
    )


def _modelfile(plan: Plan) -> str:
    """Ollama reads paths relative to the file itself."""
    model = plan.settings.get("model_path") or f"../../{fetched(plan)}"
    base = f"../../{_BASE}" if plan.hub else plan.base
    parts = [("FROM", base), ("ADAPTER", model)] if plan.base and base else [("FROM", model)]
    return "".join(f"{modelfile(instruction, value)}\n" for instruction, value in parts)


def record(plan: Plan, status: str, files: Mapping[str, str]) -> dict[str, Any]:
    """What deployment.json says."""
    return {
        "status": status,
        "state": plan.state,
        "target": plan.target,
        "strategy": plan.strategy,
        "model_name": plan.name,
        "version": plan.version,
        "before": plan.before or plan.base_model,
        "model": plan.model,
        "config": {name: list(value) if name == "args" else value for name, value in plan.settings.items()},
        "traffic": plan.traffic,
        "files": sorted(f"{FOLDER}/{name}" for name in files),
    }

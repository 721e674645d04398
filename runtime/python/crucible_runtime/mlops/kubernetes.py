"""The Kubernetes manifests of a plan: one Deployment for each version, Services, and what divides the traffic.

With canary and ab_test each version has its own Service, and two Ingresses of ingress-nginx divide the traffic by
weight; with blue_green one Service selects a colour; with replace the pods of the one Deployment are exchanged one by
one. A pod reads the model from a volume that holds one directory for each version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from crucible_runtime.mlops.commands import server
from crucible_runtime.mlops.target import Plan
from crucible_runtime.quoting import kubernetes_word

MOUNT = "/models"
"""Where a pod finds the volume with the models."""
_IMAGES: Mapping[str, str] = {
    "vllm": "vllm/vllm-openai:v0.11.0",
    "tgi": "ghcr.io/huggingface/text-generation-inference:3.3.6",
}
Manifest = dict[str, Any]


def manifests(plan: Plan, command: list[str]) -> str:
    """All objects as YAML; `command` is what a pod of the new version runs."""
    import yaml

    return str(yaml.safe_dump_all(_objects(plan, command), sort_keys=False, explicit_start=True))


def names(plan: Plan) -> list[str]:
    """The names of the Deployments that carry traffic, or will."""
    return [_named(plan, track) for track in _tracks(plan)]


def _tracks(plan: Plan) -> tuple[str, ...]:
    return ("",) if plan.strategy == "replace" else plan.tracks


def _named(plan: Plan, track: str) -> str:
    return f"{plan.label}-{track}" if track else plan.label


def _objects(plan: Plan, command: list[str]) -> Iterator[Manifest]:
    if plan.strategy == "replace":
        yield _deployment(plan, "", *((plan.version, command) if plan.share else _before(plan, command)))
        yield _service(plan, plan.label, {})
        yield _ingress(plan, plan.label, plan.label, {})
        return
    old, new = plan.tracks
    yield _deployment(plan, old, *_before(plan, command))
    yield _deployment(plan, new, plan.version, command)
    if plan.strategy == "blue_green":
        live, idle = (new, old) if plan.share == 100 else (old, new)
        yield _service(plan, plan.label, {"track": live})
        yield _service(plan, f"{plan.label}-preview", {"track": idle})
        yield _ingress(plan, plan.label, plan.label, {})
        return
    for track in (old, new):
        yield _service(plan, _named(plan, track), {"track": track})
    yield _ingress(plan, plan.label, _named(plan, old), {})
    weights = {"canary": "true", "canary-weight": str(plan.share)}
    annotations = {f"nginx.ingress.kubernetes.io/{name}": value for name, value in weights.items()}
    yield _ingress(plan, _named(plan, new), _named(plan, new), annotations)


def _before(plan: Plan, command: list[str]) -> tuple[str, list[str]]:
    """The version that is served until now and its command: the new one's, with the other model in it."""
    port = plan.settings["port"]
    if plan.before is None:
        return "base", server(replace(plan, base=None), plan.base_model, port)
    return plan.before, server(plan, f"{MOUNT}/{plan.label}/{plan.before}", port)


def _labels(plan: Plan, track: str) -> dict[str, str]:
    labels = {"app.kubernetes.io/name": plan.label, "app.kubernetes.io/managed-by": "crucible"}
    return labels | ({"track": track} if track else {})


def _meta(plan: Plan, name: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Manifest:
    meta: Manifest = {"name": name, "namespace": plan.settings["namespace"], "labels": dict(labels)}
    return meta | ({"annotations": dict(annotations)} if annotations else {})


def _deployment(plan: Plan, track: str, version: str, command: list[str]) -> Manifest:
    labels = _labels(plan, track)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(plan, _named(plan, track), labels, {}),
        "spec": {
            "replicas": plan.settings["replicas"],
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels | {"version": version}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "containers": [_container(plan, command)],
                    "volumes": [
                        {"name": "models", "persistentVolumeClaim": {"claimName": plan.settings["volume_claim"]}},
                        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
                    ],
                },
            },
        },
    }


def _container(plan: Plan, command: list[str]) -> Manifest:
    settings = plan.settings
    command = [kubernetes_word(word) for word in command]
    resources = {"cpu": settings["cpu"], "memory": settings["memory"]}
    gpus = {"nvidia.com/gpu": str(settings["gpus"])} if settings["gpus"] else {}
    health = {"httpGet": {"path": "/health", "port": "http"}}
    token = {"name": "huggingface", "key": "token", "optional": True}
    return {
        "name": "server",
        "image": settings["image"] or _IMAGES[settings["server"]],
        "command": command[:2] if settings["server"] == "vllm" else command[:1],
        "args": command[2:] if settings["server"] == "vllm" else command[1:],
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": token}}],
        "ports": [{"name": "http", "containerPort": settings["port"]}],
        "resources": {"requests": resources | gpus, "limits": {"memory": settings["memory"]} | gpus},
        "startupProbe": health | {"periodSeconds": 10, "failureThreshold": 180},
        "readinessProbe": health | {"periodSeconds": 5},
        "livenessProbe": health | {"periodSeconds": 20, "failureThreshold": 3},
        "securityContext": {"allowPrivilegeEscalation": False},
        "volumeMounts": [
            {"name": "models", "mountPath": MOUNT, "readOnly": True},
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - where the GPUs of a pod talk
        ],
    }


def _service(plan: Plan, name: str, selector: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(plan, name, _labels(plan, ""), {}),
        "spec": {
            "selector": {"app.kubernetes.io/name": plan.label, **selector},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def _ingress(plan: Plan, name: str, service: str, annotations: Mapping[str, str]) -> Manifest:
    backend = {"service": {"name": service, "port": {"name": "http"}}}
    rule: Manifest = {"host": plan.settings["host"]} if plan.settings["host"] else {}
    rule["http"] = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _meta(plan, name, _labels(plan, ""), annotations),
        "spec": {"ingressClassName": "nginx", "rules": [rule]},
    }

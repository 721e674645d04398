"""The Kubernetes manifests of a plan: a Deployment and a Service for each version, and a route that divides the traffic.

With canary, ab_test and blue_green two versions are there, and an HTTPRoute of the Gateway API has a weight for each;
with replace the pods of the one Deployment are exchanged one by one. Pods are such as the Pod Security Standard
`restricted` admits, and write into volumes alone. A pod reads the model from a volume that holds one directory for each
version, and what it needs of the hub from a cache that all pods share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crucible_runtime.mlops.commands import server
from crucible_runtime.mlops.images import IMAGES
from crucible_runtime.mlops.target import MOUNT, Plan
from crucible_runtime.quoting import kubernetes_word

CACHE = "/cache"
"""Where a pod finds the volume for what is downloaded from the hub."""
_SCRATCH = "/tmp"  # noqa: S108 - in the pod
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where the GPUs of a pod talk
_PLACES: Mapping[str, str] = {"models": MOUNT, "cache": CACHE, "scratch": _SCRATCH, "shared-memory": _SHARED_MEMORY}
"""Where the volumes are mounted."""
_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
"""A name that can be a path as it is."""
_STARTUP = (10, 180)
"""Seconds between two looks at a server that loads its model, and how many there are."""
_TIMEOUT = "600s"
"""How long an answer may take; without it a Gateway has a limit of its own, with Envoy 15 seconds."""
_MOVES_TRAFFIC = ("app.kubernetes.io/component", "traffic")
"""The label of the objects that say which version is answered by."""
_PORT = 80
_KEYS: Mapping[str, str] = {"vllm": "VLLM_API_KEY", "tgi": "API_KEY"}
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """What the pods of one Deployment serve: the name of the version, the model and the base of an adapter."""

    version: str
    model: str
    base: str | None

    @property
    def places(self) -> tuple[str, ...]:
        """Where the server finds the model, and the base of an adapter."""
        return (self.model,) if self.base is None else (self.base, self.model)

    @property
    def hub(self) -> bool:
        """Whether something is looked up on the hub: everything else has a full path."""
        return any(not place.startswith("/") for place in self.places)

    @property
    def mounted(self) -> tuple[str, ...]:
        """What is read from the volume with the models."""
        return tuple(place for place in self.places if place.startswith(f"{MOUNT}/"))


def manifests(plan: Plan) -> str:
    """All objects as YAML, each value written out where it stands."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return str(yaml.dump_all(_objects(plan), Dumper=Dumper, sort_keys=False, explicit_start=True))


def commands(plan: Plan, manifests: str) -> list[list[str]]:
    """What hands the file `manifests` to Kubernetes, and waits for the pods and for the route.

    Traffic moves only when the pods that get some are ready. The others are waited for afterwards, and not at all in a
    rollback: what it leaves need not work.
    """
    space = ["--namespace", plan.settings["namespace"]]
    limit = f"--timeout={plan.settings['timeout']}s"
    mounted = {each["name"]: each["persistentVolumeClaim"]["claimName"] for each in _claimed(plan)}
    made = {each["metadata"]["name"] for each in _claims(plan)}
    needed = [claim for claim in mounted.values() if claim not in made]
    accepted = '--for=jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].status}=True'
    apply = ["kubectl", "apply", "-f", manifests]
    ready = {
        track: ["kubectl", "rollout", "status", f"deployment/{_named(plan, track)}", *space, limit]
        for track in _tracks(plan)
    }
    idle = [track for track in ready if track and not plan.traffic[track]]
    return [
        *(["kubectl", "get", "persistentvolumeclaim", claim, *space] for claim in needed),
        [*apply, "--selector", "!=".join(_MOVES_TRAFFIC)],
        *(command for track, command in ready.items() if track not in idle),
        apply,
        ["kubectl", "wait", f"httproute/{plan.label}", *space, accepted, limit],
        *(ready[track] for track in idle if plan.state != "rolled_back"),
    ]


def inside(plan: Plan) -> str:
    """The new version as a pod finds it."""
    return str(plan.settings["model_path"] or f"{MOUNT}/{plan.label}/{plan.version}")


def mounted(plan: Plan) -> list[str]:
    """What the volume with the models must hold, as pods find it."""
    return [*dict.fromkeys(place for served in _served(plan).values() for place in served.mounted)]


def _tracks(plan: Plan) -> tuple[str, ...]:
    return ("",) if plan.strategy == "replace" else plan.tracks


def _named(plan: Plan, track: str) -> str:
    return f"{plan.label}-{track}" if track else plan.label


def _served(plan: Plan) -> dict[str, _Served]:
    """What each track serves: with two of them the version before and the new one, else one of these."""
    new = _Served(version=plan.version, model=inside(plan), base=plan.base)
    if plan.strategy == "replace":
        return {"": new if plan.share else _before(plan)}
    return dict(zip(plan.tracks, (_before(plan), new), strict=True))


def _before(plan: Plan) -> _Served:
    if plan.before is None:
        return _Served(version="base", model=plan.start, base=None)
    return _Served(version=plan.before, model=f"{MOUNT}/{plan.label}/{plan.before}", base=plan.base)


def _objects(plan: Plan) -> Iterator[Manifest]:
    yield from _claims(plan)
    for track, served in _served(plan).items():
        yield _deployment(plan, track, served)
    for track in _tracks(plan):
        yield _service(plan, _named(plan, track), track)
    if plan.strategy == "blue_green":
        old, new = plan.tracks
        yield _moving(_service(plan, plan.label, new if plan.share == 100 else old))
    yield _moving(_route(plan))


def _moving(manifest: Manifest) -> Manifest:
    """The object with the label of those that move traffic."""
    label, value = _MOVES_TRAFFIC
    meta = manifest["metadata"]
    return manifest | {"metadata": meta | {"labels": meta["labels"] | {label: value}}}


def _claimed(plan: Plan) -> Iterator[Manifest]:
    """The volumes of all pods that need a claim."""
    for served in _served(plan).values():
        yield from (each for each in _volumes(plan, served) if "persistentVolumeClaim" in each)


def _claims(plan: Plan) -> Iterator[Manifest]:
    """The claim for the cache, where pods look something up and the recipe names no claim."""
    if plan.settings["cache_claim"] or not any(served.hub for served in _served(plan).values()):
        return
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _meta(plan, _cache(plan), _labels(plan, "")),
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": plan.settings["cache_size"]}},
        },
    }


def _cache(plan: Plan) -> str:
    return str(plan.settings["cache_claim"] or f"{plan.label}-cache")


def _labels(plan: Plan, track: str) -> dict[str, str]:
    labels = {"app.kubernetes.io/name": plan.label, "app.kubernetes.io/managed-by": "crucible"}
    return labels | ({"track": track} if track else {})


def _meta(plan: Plan, name: str, labels: Mapping[str, str]) -> Manifest:
    return {"name": name, "namespace": plan.settings["namespace"], "labels": dict(labels)}


def _deployment(plan: Plan, track: str, served: _Served) -> Manifest:
    labels = _labels(plan, track)
    surge = plan.settings["max_surge"]
    every, times = _STARTUP
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(plan, _named(plan, track), labels),
        "spec": {
            "replicas": plan.settings["replicas"],
            "progressDeadlineSeconds": every * times + 60,
            "selector": {"matchLabels": labels},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0 if surge else 1},
            },
            "template": {
                "metadata": {"labels": labels | {"version": served.version}},
                "spec": _pod(plan, served),
            },
        },
    }


def _pod(plan: Plan, served: _Served) -> Manifest:
    """A pod that `restricted` admits; what belongs to it in a namespace is not told to it."""
    user = plan.settings["user"]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(plan, served)],
        "volumes": _volumes(plan, served),
    }


def _container(plan: Plan, served: _Served) -> Manifest:
    settings = plan.settings
    words = [kubernetes_word(word) for word in server(plan, served.model, settings["port"], base=served.base)]
    program = 2 if settings["server"] == "vllm" else 1
    resources = {"cpu": settings["cpu"], "memory": settings["memory"]}
    resources |= {"nvidia.com/gpu": str(settings["gpus"])} if settings["gpus"] else {}
    health = {"httpGet": {"path": "/health", "port": "http"}}
    every, times = _STARTUP
    return {
        "name": "server",
        "image": settings["image"] or IMAGES[settings["server"]],
        "command": words[:program],
        "args": words[program:],
        "env": list(_variables(plan, served)),
        "ports": [{"name": "http", "containerPort": settings["port"]}],
        "resources": {"requests": resources, "limits": resources},
        "startupProbe": health | {"periodSeconds": every, "failureThreshold": times},
        "readinessProbe": health | {"periodSeconds": 5},
        "livenessProbe": health | {"periodSeconds": 20, "failureThreshold": 3},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [_mount(each["name"]) for each in _volumes(plan, served)],
    }


def _mount(volume: str) -> Manifest:
    return {"name": volume, "mountPath": _PLACES[volume]} | ({"readOnly": True} if volume == "models" else {})


def _variables(plan: Plan, served: _Served) -> Iterator[Manifest]:
    """The environment: a home that can be written to, a name for the user's number, and secrets by reference."""
    yield {"name": "HOME", "value": _SCRATCH}
    yield {"name": "USER", "value": "server"}
    yield {"name": "HF_HOME", "value": CACHE if served.hub else f"{_SCRATCH}/huggingface"}
    if served.hub:
        yield _secret("HF_TOKEN", "huggingface", "token")
    else:
        yield {"name": "HF_HUB_OFFLINE", "value": "1"}
    yield _secret(_KEYS[plan.settings["server"]], plan.label, "api-key")


def _secret(variable: str, name: str, key: str) -> Manifest:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key, "optional": True}}}


def _volumes(plan: Plan, served: _Served) -> list[Manifest]:
    """The volumes of a pod: the models where it reads one of them, the cache where it asks the hub, and scratch."""
    found: list[Manifest] = []
    if served.mounted:
        claim = {"claimName": plan.settings["volume_claim"], "readOnly": True}
        found.append({"name": "models", "persistentVolumeClaim": claim})
    if served.hub:
        found.append({"name": "cache", "persistentVolumeClaim": {"claimName": _cache(plan)}})
    return [
        *found,
        {"name": "scratch", "emptyDir": {}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
    ]


def _service(plan: Plan, name: str, track: str) -> Manifest:
    selected = {"app.kubernetes.io/name": plan.label} | ({"track": track} if track else {})
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(plan, name, _labels(plan, track)),
        "spec": {"selector": selected, "ports": [{"name": "http", "port": _PORT, "targetPort": "http"}]},
    }


def _route(plan: Plan) -> Manifest:
    """The route of the Gateway API, with a path of the model's own."""
    settings = plan.settings
    path = settings["path"] or f"/{plan.name if _SEGMENT.fullmatch(plan.name) else plan.label}"
    rule: Manifest = {"matches": [{"path": {"type": "PathPrefix", "value": path}}]}
    if path != "/":
        rewritten = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": {"path": rewritten}}]
    rule["backendRefs"] = [
        {"name": _named(plan, track), "port": _PORT} | ({"weight": plan.traffic[track]} if track else {})
        for track in _tracks(plan)
    ]
    rule["timeouts"] = {"request": _TIMEOUT}
    space, _, name = settings["gateway"].rpartition("/")
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": _meta(plan, plan.label, _labels(plan, "")),
        "spec": {
            "parentRefs": [{"name": name} | ({"namespace": space} if space else {})],
            **({"hostnames": [settings["host"]]} if settings["host"] else {}),
            "rules": [rule],
        },
    }

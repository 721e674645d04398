"""Manifests as the cluster that they are applied to sees them: admission, traffic, GPUs, volumes, the hub."""

from __future__ import annotations

import ast
import copy
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from crucible_runtime.errors import InputError
from crucible_runtime.interface.preflight import Inquiry
from crucible_runtime.interface.stages import Context, RunConfig, StageResult
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.mlops import checks, deploy
from crucible_runtime.mlops.images import FAMILIES, IMAGES, unserved
from crucible_runtime.mlops.settings import STRATEGIES
from crucible_runtime.ports import Ports
from crucible_runtime.rundir.folder import Folder

Manifest = dict[str, Any]
ROOT = Path(__file__).parents[3]
HUB = "base/model"
ADAPTER = "model/adapter_config.json"


def context(
    path: Path,
    *,
    provider: str = "huggingface",
    base: str = HUB,
    adapter: bool = False,
    name: str = "m",
    previous: str | None = "1",
) -> Context:
    registered = {"model_name": name, "version": "2", "previous": previous, "base_model": base}
    trained = {"model": "model", "steps": 1, "metrics": {}}
    folder = Folder.open(path, name="r", resume=False)
    if adapter:
        folder.write(ADAPTER, json.dumps({"r": 8, "base_model_name_or_path": base}))
    training = TrainingConfig(
        id="r", model_ref=ModelRef(id=base, provider=provider), dataset_ref=DatasetRef(name="d"), options={}
    )
    stage = StageDef(name="deploy")
    done = (("CrucibleTrain.Stages.RLTrain", trained), ("CrucibleModelRegistry.Stages.Register", registered))
    return Context(
        experiment=Experiment(id="r", backend=BackendRef(id="trl"), pipeline=[stage], training_config=training),
        stage=stage,
        config=RunConfig(),
        ports=Ports(),
        finished=tuple(StageResult(name="x", module=each, options={}, output=said, seconds=1.0) for each, said in done),
        folder=folder,
    )


def text(at: Context, strategy: str = "canary", name: str = "manifests.yaml", **config: Any) -> str:
    deploy.deploy(at, {"target": "kubernetes", "strategy": strategy, "config": config})
    return (at.folder.path / "artifacts/deploy" / name).read_text()


def objects(at: Context, strategy: str = "canary", **config: Any) -> dict[str, Manifest]:
    found = yaml.safe_load_all(text(at, strategy, **config))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


def pods(found: Mapping[str, Manifest]) -> dict[str, Manifest]:
    return {name: each["spec"]["template"]["spec"] for name, each in found.items() if name.startswith("Deployment/")}


def container(pod: Manifest) -> Manifest:
    (only,) = pod["containers"]
    return dict(only)


def variables(pod: Manifest) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(pod)["env"]}


def every(path: Path) -> Iterator[tuple[str, dict[str, Manifest]]]:
    """Every kind of deployment: strategy, server, adapter or whole model, first version or later, where the base is."""
    cases = itertools.product(STRATEGIES, ("vllm", "tgi"), (False, True), (None, "1"), ("huggingface", "local"))
    for number, (strategy, server, adapter, previous, provider) in enumerate(cases):
        at = context(path / str(number), adapter=adapter, previous=previous, provider=provider)
        yield f"{strategy} {server} {adapter} {previous} {provider}", objects(at, strategy, server=server)


# Pod Security Standards, `restricted`, as of Kubernetes 1.34: https://kubernetes.io/docs/concepts/security/
# pod-security-standards. A rule is the place in a pod, and what may stand there; `absent` says whether it may be left out.

VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
}
POD_RULES: Mapping[str, tuple[Callable[[Any], bool], bool]] = {
    "hostNetwork": (lambda value: value is False, True),
    "hostPID": (lambda value: value is False, True),
    "hostIPC": (lambda value: value is False, True),
    "securityContext.runAsNonRoot": (lambda value: value is True, False),
    "securityContext.runAsUser": (lambda value: value > 0, False),
    "securityContext.seccompProfile.type": (lambda value: value in ("RuntimeDefault", "Localhost"), False),
    "securityContext.seLinuxOptions": (lambda value: False, True),
    "securityContext.sysctls": (lambda value: False, True),
    "securityContext.windowsOptions": (lambda value: False, True),
    "volumes": (lambda value: all({*each} - {"name"} <= VOLUMES for each in value), True),
    "initContainers": (lambda value: False, True),
}
CONTAINER_RULES: Mapping[str, tuple[Callable[[Any], bool], bool]] = {
    "securityContext.allowPrivilegeEscalation": (lambda value: value is False, False),
    "securityContext.capabilities.drop": (lambda value: "ALL" in value, False),
    "securityContext.capabilities.add": (lambda value: {*value} <= {"NET_BIND_SERVICE"}, True),
    "securityContext.privileged": (lambda value: value is False, True),
    "securityContext.runAsNonRoot": (lambda value: value is True, True),
    "securityContext.runAsUser": (lambda value: value > 0, True),
    "securityContext.procMount": (lambda value: value == "Default", True),
    "securityContext.seccompProfile.type": (lambda value: value in ("RuntimeDefault", "Localhost"), True),
    "securityContext.readOnlyRootFilesystem": (lambda value: value is True, False),
    "ports": (lambda value: not any("hostPort" in each for each in value), True),
    "lifecycle": (lambda value: False, True),
    **{f"{probe}.httpGet.host": (lambda value: False, True) for probe in ("startupProbe", "readinessProbe")},
    "livenessProbe.httpGet.host": (lambda value: False, True),
}
"""The last of `securityContext` is stricter than the standard: nothing is written outside of volumes."""


def looked_up(value: Any, place: str) -> Any:
    for name in place.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def violations(pod: Manifest) -> list[str]:
    """The rules that a pod breaks."""
    found = []
    for rules, kind, each in ((POD_RULES, "pod", pod), *((CONTAINER_RULES, "container", c) for c in pod["containers"])):
        for place, (fits, absent) in rules.items():
            value = looked_up(each, place)
            if not (absent if value is None else fits(value)):
                found.append(f"{kind} {place}: {value}")
    return found


def test_every_pod_is_admitted_by_pod_security_restricted(tmp_path: Path) -> None:
    for case, found in every(tmp_path):
        assert pods(found)
        for name, pod in pods(found).items():
            assert violations(pod) == [], f"{case}: {name}"


def test_the_policy_sees_what_is_missing(tmp_path: Path) -> None:
    pod = next(iter(pods(objects(context(tmp_path))).values()))
    for rules, where in ((POD_RULES, lambda each: each), (CONTAINER_RULES, lambda each: each["containers"][0])):
        for place, (_, absent) in rules.items():
            changed = copy.deepcopy(pod)
            *parents, last = place.split(".")
            at = where(changed)
            for name in parents:
                at = at.setdefault(name, {})
            if absent:
                at[last] = WRONG.get(last, True)
            else:
                del at[last]
            assert any(place in each for each in violations(changed)), place


WRONG: Mapping[str, Any] = {
    "runAsUser": 0,
    "runAsNonRoot": False,
    "add": ["SYS_ADMIN"],
    "type": "Unconfined",
    "ports": [{"containerPort": 1, "hostPort": 1}],
    "volumes": [{"name": "x", "hostPath": {"path": "/"}}],
}
"""A value that each rule refuses, where `true` is not one."""


def test_the_server_can_write_where_it_must_and_nowhere_else(tmp_path: Path) -> None:
    for case, found in every(tmp_path):
        for pod in pods(found).values():
            writable = [each["mountPath"] for each in container(pod)["volumeMounts"] if not each.get("readOnly")]
            assert {"/tmp", "/dev/shm"} <= {*writable}, case
            assert all(each["mountPath"] != "/" for each in container(pod)["volumeMounts"])
            for name in ("HOME", "HF_HOME"):
                assert variables(pod)[name].startswith(tuple(writable)), f"{case}: {name}"
            assert {each["name"] for each in container(pod)["volumeMounts"]} == {
                each["name"] for each in pod["volumes"]
            }
            assert variables(pod)["USER"], "the user's number has no name in the image"
            # A Service that is called `vllm` would set VLLM_PORT otherwise, which the server reads as its own.
            assert pod["enableServiceLinks"] is False


def test_a_port_that_only_root_may_open_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"options\.config\.port must be from 1024 on target kubernetes, found 80"):
        objects(context(tmp_path), port=80)


def test_no_spare_gpu_is_needed_to_replace_a_pod(tmp_path: Path) -> None:
    for number, (config, wanted) in enumerate((({}, (0, 1)), ({"max_surge": 2}, (2, 0)))):
        found = objects(context(tmp_path / str(number)), "replace", **config)
        rolling = found["Deployment/m"]["spec"]["strategy"]["rollingUpdate"]
        assert (rolling["maxSurge"], rolling["maxUnavailable"]) == wanted


def test_requests_are_limits_so_that_a_pod_with_a_gpu_is_the_last_to_be_evicted(tmp_path: Path) -> None:
    for pod in pods(objects(context(tmp_path), gpus=2, cpu=8, memory="64Gi")).values():
        resources = container(pod)["resources"]
        assert resources["requests"] == resources["limits"] == {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "2"}


def test_a_pod_may_load_as_long_as_its_startup_probe_allows(tmp_path: Path) -> None:
    for name, each in objects(context(tmp_path)).items():
        if name.startswith("Deployment/"):
            probe = each["spec"]["template"]["spec"]["containers"][0]["startupProbe"]
            assert each["spec"]["progressDeadlineSeconds"] > probe["periodSeconds"] * probe["failureThreshold"]


def test_nothing_is_written_with_anchors(tmp_path: Path) -> None:
    for number, strategy in enumerate(STRATEGIES):
        tokens = [*yaml.scan(text(context(tmp_path / str(number), adapter=True, previous=None), strategy))]
        assert not [each for each in tokens if isinstance(each, yaml.AnchorToken | yaml.AliasToken)]


# Traffic


def routes(found: Mapping[str, Manifest]) -> list[Manifest]:
    return [each for name, each in found.items() if name.startswith("HTTPRoute/")]


ROUTE_KEYS: Mapping[str, set[str]] = {
    "spec": {"parentRefs", "hostnames", "rules"},
    "rules": {"matches", "filters", "backendRefs", "timeouts"},
    "parentRefs": {"name", "namespace"},
    "backendRefs": {"name", "port", "weight"},
}
"""The fields of gateway.networking.k8s.io/v1 that a route may use, all of them in its standard channel."""


def test_the_traffic_is_divided_by_the_gateway_api(tmp_path: Path) -> None:
    for case, found in every(tmp_path):
        (route,) = routes(found)
        assert (route["apiVersion"], route["metadata"]["name"]) == ("gateway.networking.k8s.io/v1", "m")
        (rule,) = route["spec"]["rules"]
        assert {*route["spec"]} <= ROUTE_KEYS["spec"]
        assert {*rule} <= ROUTE_KEYS["rules"]
        for field in ("parentRefs", "backendRefs"):
            for each in (rule if field == "backendRefs" else route["spec"])[field]:
                assert {*each} <= ROUTE_KEYS[field]
                assert {"name"} <= {*each}
        for backend in rule["backendRefs"]:
            service = found[f"Service/{backend['name']}"]
            assert backend["port"] in [port["port"] for port in service["spec"]["ports"]]
            selected = [
                name
                for name, each in found.items()
                if name.startswith("Deployment/")
                and service["spec"]["selector"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
            ]
            assert len(selected) == 1, f"{case}: {backend['name']}"
        assert sum(backend.get("weight", 100) for backend in rule["backendRefs"]) == 100
        assert not any("Ingress" in name or "nginx" in str(each) for name, each in found.items())


@pytest.mark.parametrize(
    ("strategy", "weights"), [("canary", [90, 10]), ("ab_test", [50, 50]), ("blue_green", [100, 0])]
)
def test_weights_follow_promotion_and_rollback(tmp_path: Path, strategy: str, weights: list[int]) -> None:
    at = context(tmp_path)
    options = {"target": "kubernetes", "strategy": strategy}
    said = StageResult(
        name="deploy", module="CrucibleDeployment.Stages.Deploy", options=options, output={}, seconds=1.0
    )
    for stage, wanted in ((deploy.deploy, weights), (deploy.promote, [0, 100]), (deploy.rollback, [100, 0])):
        stage(at if stage is deploy.deploy else replace(at, finished=(*at.finished, said)), options)
        found = [*yaml.safe_load_all((at.folder.path / "artifacts/deploy/manifests.yaml").read_text())]
        (route,) = (each for each in found if each["kind"] == "HTTPRoute")
        assert [each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]] == wanted


def matched(found: Mapping[str, Manifest]) -> tuple[tuple[str, ...], str]:
    (route,) = routes(found)
    (match,) = route["spec"]["rules"][0]["matches"]
    assert match["path"]["type"] == "PathPrefix"
    return tuple(route["spec"].get("hostnames", ())), match["path"]["value"]


def test_each_recipe_has_a_path_of_its_own(tmp_path: Path) -> None:
    names = ("mail_en", "mail-en", "mail_de", "Mail.En", "模型")
    for config in ({}, {"host": "models.example.org"}):
        taken = [
            matched(objects(context(tmp_path / f"{len(config)}{number}", name=name), **config))
            for number, name in enumerate(names)
        ]
        assert len({*taken}) == len(names)
        assert "/" not in [path for _, path in taken]


def test_a_prefix_is_taken_off_before_the_server_sees_the_path(tmp_path: Path) -> None:
    for number, (config, wanted) in enumerate(
        (
            ({}, ((), "/m")),
            ({"host": "a.example.org"}, (("a.example.org",), "/m")),
            ({"host": "a.example.org", "path": "/"}, (("a.example.org",), "/")),
            ({"path": "/models/mine"}, ((), "/models/mine")),
        )
    ):
        found = objects(context(tmp_path / str(number)), **config)
        assert matched(found) == wanted
        filters = routes(found)[0]["spec"]["rules"][0].get("filters", [])
        rewritten = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        assert filters == ([] if wanted[1] == "/" else [{"type": "URLRewrite", "urlRewrite": {"path": rewritten}}])


def test_the_path_is_the_name_where_it_can_be(tmp_path: Path) -> None:
    for number, (name, path) in enumerate(
        (("code_rl", "/code_rl"), ("A.b-1", "/A\\.b-1"), (".b", "/m?-?b-[0-9a-f]{8}"), ("a b", "/a-b-[0-9a-f]{8}"))
    ):
        assert re.fullmatch(path, matched(objects(context(tmp_path / str(number), name=name)))[1])


@pytest.mark.parametrize("path", ["models", "/a//b", "/a/", "/../x", "/a b", "/a?b", "//"])
def test_a_path_that_no_gateway_takes_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match=r"^options\.config\.path must be text of the form"):
        objects(context(tmp_path), path=path)


def test_the_whole_gateway_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^options\.config\.path / without options\.config\.host would take every"):
        objects(context(tmp_path), path="/")


def test_a_gateway_can_be_of_another_namespace(tmp_path: Path) -> None:
    for number, (given, wanted) in enumerate(
        (("gateway", {"name": "gateway"}), ("infra/public", {"name": "public", "namespace": "infra"}))
    ):
        (route,) = routes(objects(context(tmp_path / str(number)), gateway=given))
        assert route["spec"]["parentRefs"] == [wanted]


def kubectl(at: Context, strategy: str, stage: Callable[..., Any] = deploy.deploy) -> list[str]:
    """What the script calls, in short: the verb, and what it is about."""
    options = {"target": "kubernetes", "strategy": strategy}
    done = StageResult(
        name="deploy", module="CrucibleDeployment.Stages.Deploy", options=options, output={}, seconds=1.0
    )
    stage(replace(at, finished=(*at.finished, done)), options)
    lines = (at.folder.path / "artifacts/deploy/deploy.sh").read_text().splitlines()
    return [in_short(line.split()[1:]) for line in lines if line.startswith("kubectl ")]


def in_short(words: list[str]) -> str:
    match words:
        case ["apply", "-f", _]:
            return "apply -f traffic"
        case ["rollout", "status", name, *_]:
            return f"rollout {name}"
    return " ".join(words[:2])


def test_traffic_moves_only_to_pods_that_are_ready(tmp_path: Path) -> None:
    """Only those are waited for that are to get some: a rollback does not wait for the version that is broken."""
    cases = (
        ("canary", deploy.deploy, ["stable", "canary"], []),
        ("canary", deploy.promote, ["canary"], ["stable"]),
        ("canary", deploy.rollback, ["stable"], []),
        ("blue_green", deploy.deploy, ["blue"], ["green"]),
        ("blue_green", deploy.promote, ["green"], ["blue"]),
        ("blue_green", deploy.rollback, ["blue"], []),
    )
    for number, (strategy, stage, first, later) in enumerate(cases):
        assert kubectl(context(tmp_path / str(number)), strategy, stage) == [
            "get persistentvolumeclaim",
            "apply -f",
            *(f"rollout deployment/m-{track}" for track in first),
            "apply -f traffic",
            "wait httproute/m",
            *(f"rollout deployment/m-{track}" for track in later),
        ], (strategy, stage)


def test_what_moves_traffic_is_left_out_at_first(tmp_path: Path) -> None:
    for number, strategy in enumerate(STRATEGIES):
        at = context(tmp_path / str(number))
        found = objects(at, strategy)
        script = (at.folder.path / "artifacts/deploy/deploy.sh").read_text()
        (chosen,) = re.findall(r"--selector '?([^'\s]+)", script)
        label, _, value = chosen.partition("!=")
        moved = {name for name, each in found.items() if each["metadata"]["labels"].get(label) == value}
        assert moved == {"HTTPRoute/m"} | ({"Service/m"} if strategy == "blue_green" else set())


def test_the_script_looks_for_what_it_needs_first(tmp_path: Path) -> None:
    lines = text(context(tmp_path), name="deploy.sh", namespace="serving").splitlines()
    called = [line for line in lines if line.startswith("kubectl ")]
    assert called[0] == "kubectl get persistentvolumeclaim models --namespace serving"
    assert called[-1].startswith("kubectl wait httproute/m --namespace serving ")
    assert "Accepted" in called[-1]


def test_a_long_answer_is_not_cut_by_the_gateway(tmp_path: Path) -> None:
    """Without a timeout of its own a route has that of the Gateway, with Envoy 15 seconds."""
    for case, found in every(tmp_path):
        (rule,) = routes(found)[0]["spec"]["rules"]
        assert rule["timeouts"] == {"request": "600s"}, case


# The hub


def served(pod: Manifest) -> str:
    words = [*container(pod)["command"], *container(pod)["args"]]
    return str(words[words.index("--model-id") + 1] if "--model-id" in words else words[words.index("serve") + 1])


def test_a_pod_asks_the_hub_only_for_a_model_of_the_hub(tmp_path: Path) -> None:
    kinds = set()
    for case, found in every(tmp_path):
        for pod in pods(found).values():
            local = served(pod).startswith("/models/")
            kinds.add((case.split()[-1], local))
            assert local or (served(pod) == HUB and case.endswith("huggingface")), case
            assert (variables(pod).get("HF_HUB_OFFLINE") == "1") is local, case
            assert ("HF_TOKEN" in variables(pod)) is not local, case
    assert kinds == {("huggingface", True), ("huggingface", False), ("local", True)}


@pytest.mark.parametrize("base", ["my-org/my-model", "models/base", "/srv/models/base", "./base", "~/base"])
@pytest.mark.parametrize("server", ["vllm", "tgi"])
def test_a_model_of_this_machine_is_read_from_the_volume(tmp_path: Path, base: str, server: str) -> None:
    found = objects(context(tmp_path, provider="local", base=base, adapter=True, previous=None), server=server)
    assert [served(pod) for pod in pods(found).values()] == ["/models/m/base"] * 2
    assert not re.search(rf"\b{re.escape(base)}", str([container(pod) for pod in pods(found).values()]))
    assert "PersistentVolumeClaim/m-cache" not in found


def test_the_place_of_the_base_model_is_a_setting(tmp_path: Path) -> None:
    for number, provider in enumerate(("local", "huggingface")):
        at = context(tmp_path / str(number), provider=provider, adapter=True, previous=None)
        found = objects(at, base_path="/models/shared/base")
        assert [served(pod) for pod in pods(found).values()] == ["/models/shared/base"] * 2
        assert all(variables(pod)["HF_HUB_OFFLINE"] == "1" for pod in pods(found).values())


def test_scripts_ask_the_hub_only_for_a_model_of_the_hub(tmp_path: Path) -> None:
    for number, (target, provider, adapter) in enumerate(
        itertools.product(("vllm", "tgi", "ollama"), ("huggingface", "local"), (False, True))
    ):
        at = context(tmp_path / str(number), provider=provider, base="my-org/my-model", adapter=adapter)
        deploy.deploy(at, {"target": target, "strategy": "replace"})
        folder = at.folder.path / "artifacts/deploy"
        written = "".join(each.read_text() for each in folder.iterdir() if each.name != "deployment.json")
        hub = adapter and provider == "huggingface"
        assert ("export HF_HUB_OFFLINE=1" in written) is not hub, (target, provider, adapter)
        named = [word for word in written.split() if word.endswith("my-org/my-model")]
        assert named == ([] if not adapter else ["my-org/my-model" if hub else f"{Path.cwd()}/my-org/my-model"])
        if target == "ollama" and adapter:  # Ollama would look the name up in its own library
            assert "FROM my-org/my-model" not in written


def test_a_token_comes_from_a_secret_and_never_from_the_recipe(tmp_path: Path) -> None:
    found = objects(context(tmp_path / "a", adapter=True))
    for pod in pods(found).values():
        for each in container(pod)["env"]:
            if re.search("TOKEN|KEY", each["name"]):
                assert {*each} == {"name", "valueFrom"}
                assert {*each["valueFrom"]} == {"secretKeyRef"}
    for number, args in enumerate(
        (["--api-key", "sk-1"], ["--api-key=sk-1"], ["--hf-token", "hf_1"], ["--hf_token=x"])
    ):
        with pytest.raises(InputError, match=r"^options\.config\.args has .* use a Secret") as caught:
            objects(context(tmp_path / str(number)), args=args)
        assert "sk-1" not in str(caught.value)
        assert "hf_1" not in str(caught.value)


# Volumes


def test_a_model_of_the_hub_is_downloaded_once(tmp_path: Path) -> None:
    found = objects(context(tmp_path / "a", adapter=True), cache_size="200Gi")
    claim = found["PersistentVolumeClaim/m-cache"]["spec"]
    assert claim == {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "200Gi"}}}
    for pod in pods(found).values():
        (volume,) = (each for each in pod["volumes"] if each["name"] == "cache")
        assert volume["persistentVolumeClaim"] == {"claimName": "m-cache"}
        (mount,) = (each for each in container(pod)["volumeMounts"] if each["name"] == "cache")
        assert variables(pod)["HF_HOME"] == mount["mountPath"]
    theirs = objects(context(tmp_path / "b", adapter=True), cache_claim="shared")
    assert not any(name.startswith("PersistentVolumeClaim/") for name in theirs)
    assert "shared" in str(pods(theirs))


def test_a_pod_mounts_the_models_only_where_it_reads_them(tmp_path: Path) -> None:
    found = pods(objects(context(tmp_path, previous=None)))
    mounted = {name: [each["name"] for each in pod["volumes"]] for name, pod in found.items()}
    assert mounted == {
        "Deployment/m-stable": ["cache", "scratch", "shared-memory"],
        "Deployment/m-canary": ["models", "scratch", "shared-memory"],
    }
    (models,) = (each for each in found["Deployment/m-canary"]["volumes"] if each["name"] == "models")
    assert models["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}


def test_a_size_is_refused_for_a_claim_that_is_there_already(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^options\.config\.cache_size .* leave it out, or leave out cache_claim$"):
        objects(context(tmp_path), cache_claim="shared", cache_size="200Gi")


# The recipes that ship


SHIPPED = sorted(path.stem for path in (ROOT / "generated/ir").glob("*.json"))


def test_all_recipes_are_looked_at() -> None:
    assert {*SHIPPED} == {path.stem for path in (ROOT / "recipes").glob("*.yaml")}
    assert len(SHIPPED) == 10


@pytest.mark.parametrize("recipe", SHIPPED)
def test_a_recipe_that_ships_is_admitted_with_a_path_of_its_own(recipe: str, tmp_path: Path) -> None:
    """With its own settings where it goes to Kubernetes, with the defaults otherwise."""
    ir = json.loads((ROOT / f"generated/ir/{recipe}.json").read_text("utf-8"))
    model = ir["training_config"]["model_ref"]
    stages = {each["name"]: each.get("options") or {} for each in ir["pipeline"]}
    name = stages.get("model_register", {}).get("model_name", recipe)
    own = stages.get("deploy", {})
    config = own.get("config", {}) if own.get("target") == "kubernetes" else {}
    for number, (strategy, previous, adapter) in enumerate(itertools.product(STRATEGIES, (None, "1"), (False, True))):
        place = tmp_path / str(number)
        at = context(place, provider=model["provider"], base=model["id"], adapter=adapter, previous=previous, name=name)
        found = objects(at, strategy, **config)
        for pod in pods(found).values():
            assert violations(pod) == []
        assert matched(found) == ((), f"/{name}")


# Images


def test_the_default_image_serves_the_models_of_the_recipes_that_ship() -> None:
    used = {
        str(node["training_config"]["model_ref"]["id"])
        for path in (ROOT / "recipes").rglob("*.yaml")
        if "model_ref" in (node := yaml.safe_load(path.read_text())).get("training_config", {})
    }
    assert len(used) >= 3
    for model in used:
        assert any(model.startswith(family.models) for family in FAMILIES), f"{model}: which release serves it first?"
        assert unserved("vllm", None, model) is None
    deployed = [
        recipe["mlops"]["deploy"]
        for path in (ROOT / "recipes").glob("*.yaml")
        if (recipe := yaml.safe_load(path.read_text())).get("mlops", {}).get("deploy")
    ]
    assert {each["target"] for each in deployed} <= {"vllm", "kubernetes"}


def test_an_image_that_is_older_than_the_model_is_refused(tmp_path: Path) -> None:
    at = context(tmp_path, base="Qwen/Qwen3.5-9B")
    with pytest.raises(InputError, match=r"^options\.config\.image vllm/vllm-openai:v0\.11\.0 does not serve Qwen/"):
        objects(at, image="vllm/vllm-openai:v0.11.0")
    with pytest.raises(InputError, match=r"no release of text-generation-inference serves Qwen/Qwen3\.5-9B"):
        objects(at, server="tgi")
    for image in (
        *("vllm/vllm-openai:v0.17.0", "vllm/vllm-openai:v0.17.1-cu129", "vllm/vllm-openai:latest"),
        *("registry.example.org:5000/mine:v0.1.0", f"vllm/vllm-openai@sha256:{'0' * 64}"),
    ):
        found = objects(at, image=image)
        assert {container(pod)["image"] for pod in pods(found).values()} == {image}
    assert {container(pod)["image"] for pod in pods(objects(at)).values()} == {IMAGES["vllm"]}


def test_an_image_that_is_too_old_is_reported_before_training(tmp_path: Path) -> None:
    options = {"target": "kubernetes", "config": {"image": "vllm/vllm-openai:v0.11.0"}}
    experiment = context(tmp_path, base="Qwen/Qwen3.6-35B-A3B").experiment
    stage = StageDef(name="deploy", options=options)
    (finding,) = checks.deployment(Inquiry(experiment=experiment, config=RunConfig(), root=tmp_path, stage=stage))
    assert "does not serve Qwen/Qwen3.6-35B-A3B" in finding.message


@pytest.mark.parametrize("image", ["a b", "x\ny", "--privileged", "a;b", ""])
def test_what_is_no_image_is_refused(tmp_path: Path, image: str) -> None:
    with pytest.raises(InputError, match=r"^options\.config\.image must be text of the form"):
        objects(context(tmp_path), image=image)


def test_the_page_says_which_release_serves_what() -> None:
    page = (ROOT / "docs/mlops.md").read_text("utf-8")
    for family in FAMILIES:
        first = {server: family.first[server] or "none" for server in IMAGES}
        assert f"| `{family.models}*` | {first['vllm']} | {first['tgi']} |" in page
    for image in IMAGES.values():
        assert f"`{image}`" in page


# Places where it can go wrong


def sources() -> Iterator[tuple[str, ast.FunctionDef, ast.AST]]:
    """Every node of a function of the runtime's deployment: the file, the function and the node."""
    for path in sorted(Path(deploy.__file__).parent.glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                yield from ((path.name, function, node) for node in ast.walk(function))


def test_no_server_is_told_the_base_model_but_by_the_plan() -> None:
    """`base_model` is what the recipe calls it; what a server finds it by is `Plan.start` and `Plan.base`."""
    found = {
        (name, function.name)
        for name, function, node in sources()
        if isinstance(node, ast.Attribute) and node.attr == "base_model"
    }
    assert found == {("rendering.py", "record")}


def test_yaml_is_written_in_one_place() -> None:
    found = {
        (name, function.name)
        for name, function, node in sources()
        if isinstance(node, ast.Attribute) and re.fullmatch(r"(safe_)?dump(_all)?", node.attr)
        if isinstance(node.value, ast.Name) and node.value.id == "yaml"
    }
    assert found == {("kubernetes.py", "manifests")}

"""What follows training, with the real MLflow, kubernetes-validate and `transformers serve`."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from crucible_runtime import smoke
from crucible_runtime.data import observed, rows, see
from crucible_runtime.errors import DeployError, DuplicateConfigError, InputError, RegistryError
from crucible_runtime.experiment.canonical import config_hash
from crucible_runtime.interface.stages import Context, RunConfig, StageResult
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.mlops import deploy
from crucible_runtime.mlops.feedback import export_feedback
from crucible_runtime.mlops.register import promote, register
from crucible_runtime.mlops.settings import STRATEGIES, TARGETS
from crucible_runtime.ports import Ports
from crucible_runtime.preflight import Report, examine, inquiry
from crucible_runtime.quoting import label
from crucible_runtime.rundir.folder import Folder

pytestmark = pytest.mark.engines

REGISTER = "CrucibleModelRegistry.Stages.Register"
TRAINED: Mapping[str, Any] = {
    "engine": "trl",
    "model": "model",
    "steps": 20,
    "metrics": {"loss": 5.25, "accuracy": 0.5},
    "checkpoints": [],
}


def training(**changes: Any) -> TrainingConfig:
    config = TrainingConfig(
        id="r",
        model_ref=ModelRef(id="base/model", provider="huggingface"),
        dataset_ref=DatasetRef(name="data/set", provider="huggingface"),
        options={"lora_rank": 8},
    )
    return replace(config, **changes)


def context(path: Path, module: str = REGISTER, *finished: StageResult, **config: Any) -> Context:
    """A run at `path` that has trained, and is at the stage `module`."""
    trained = StageResult(
        name="train", module="CrucibleTrain.Stages.SupervisedTrain", options={}, output=TRAINED, seconds=1.0
    )
    stage = StageDef(name="stage", module=module)
    experiment = Experiment(
        id="r", backend=BackendRef(id="tinker"), pipeline=[stage], training_config=config.pop("training", training())
    )
    folder = Folder.open(path, name="r", resume=False)
    folder.model.mkdir(exist_ok=True)
    return Context(
        experiment=experiment,
        stage=stage,
        config=RunConfig(**config),
        ports=Ports(),
        finished=(trained, *finished),
        folder=folder,
    )


def options(config: TrainingConfig | None = None, **more: Any) -> dict[str, Any]:
    return {
        "model_name": "m",
        "recipe": "r",
        "base_model": "base/model",
        "training_config": config or training(),
        **more,
    }


@pytest.fixture(autouse=True)
def _no_registry_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_a_version_carries_the_run_and_a_second_one_of_its_configuration_is_refused(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    first = register(context(tmp_path / "run-1"), options())
    json.dumps(first)
    assert first["uri"] == "models:/m/1"
    assert first["registry"] == "../mlflow.db"
    assert first["config_hash"] == config_hash(training())
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    version = client.get_model_version("m", "1")
    assert version.source == str(tmp_path / "run-1" / "model")
    assert version.tags["config_hash"] == first["config_hash"]
    assert (version.tags["recipe"], version.tags["base_model"]) == ("r", "base/model")
    data = client.get_run(first["run_id"]).data
    assert data.metrics == {"loss": 5.25, "accuracy": 0.5}
    assert data.params["options.lora_rank"] == "8"
    assert data.params["model_ref.id"] == "base/model"

    with pytest.raises(DuplicateConfigError, match=r"^duplicate_config: models:/m/1 in the registry \.\./mlflow\.db"):
        register(context(tmp_path / "run-2"), options(model_name="another"))
    assert [each.name for each in client.search_registered_models()] == ["m"]


def asked(stage_options: Mapping[str, Any], run: Path, *, resume: bool = False, **more: Any) -> Report:
    """What is found out before a run of the register stage, in the real registry."""
    stage = StageDef(name="model_register", module=REGISTER, options=stage_options)
    made = Experiment(id="r", backend=BackendRef(id="b"), pipeline=[stage], training_config=training())
    return examine(inquiry(made, RunConfig(log_path=run, resume=resume), None, **more))


def test_a_configuration_that_is_registered_is_found_before_the_training(tmp_path: Path) -> None:
    assert asked(options(), tmp_path / "run-1").problems == ()
    assert not (tmp_path / "mlflow.db").exists()
    register(context(tmp_path / "run-1"), options())
    before = (tmp_path / "mlflow.db").read_bytes()
    [told] = asked(options(), tmp_path / "run-2").problems
    assert told.startswith(
        "duplicate_config: models:/m/1 in the registry mlflow.db has the same training configuration"
    )
    assert asked(options(training(epochs=2)), tmp_path / "run-2").problems == ()
    assert asked(options(), tmp_path / "run-1", resume=True).problems == (), "it is its own version"
    assert asked(options(on_duplicate="new_version"), tmp_path / "run-2").problems == ()
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_the_same_configuration_can_be_a_new_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)
    ref = DatasetRef(name="rows.jsonl", provider="local")
    for number, given in enumerate(([{}], [{}], [{}, {}]), 1):
        here = context(tmp_path / f"run-{number}", training=training(dataset_ref=ref))
        with observed(here.folder, here.finished[0].name, same=True):
            see(ref, given)
        found = register(here, options(on_duplicate="new_version"))
        assert found["version"] == str(number)
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    one, two, three = (client.get_model_version("m", str(number)).tags for number in (1, 2, 3))
    assert one["config_hash"] == two["config_hash"] == three["config_hash"]
    assert one["data_digest"] == two["data_digest"] != three["data_digest"]


def test_a_run_that_is_gone_on_with_finds_its_own_version(tmp_path: Path) -> None:
    here = context(tmp_path / "run-1")
    assert register(here, options()) == register(here, options())


def test_versions_form_a_line_and_can_be_promoted(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    first = register(context(tmp_path / "run-1"), options())
    second = register(
        context(tmp_path / "run-2"),
        options(training(epochs=2), parent_version_id=first["version_id"], lineage_type="dpo_trained_from"),
    )
    third = register(
        context(tmp_path / "run-3"),
        options(training(epochs=3), model_name="other", parent_version_id=second["version_id"]),
    )
    assert (second["version"], second["previous"], third["version"], third["previous"]) == ("2", "1", "1", None)
    assert third["lineage"] == [
        {"version_id": 2, "uri": "models:/m/2", "lineage_type": "fine_tuned_from"},
        {"version_id": 1, "uri": "models:/m/1", "lineage_type": "dpo_trained_from"},
    ]
    with pytest.raises(RegistryError, match=r"parent_version_id 9 is no version .* Known: 1 \(models:/m/1\), 2"):
        register(context(tmp_path / "run-4"), options(training(epochs=4), parent_version_id=9))

    done = StageResult(name="model_register", module=REGISTER, options={}, output=second, seconds=1.0)
    at = context(tmp_path / "run-5", "CrucibleModelRegistry.Stages.Promote", done)
    assert promote(at, {"stage": "production"})["alias"] == "models:/m@production"
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert client.get_model_version_by_alias("m", "production").version == 2
    with pytest.raises(InputError, match=r"must be one of experiment, staging, production, archived, found live"):
        promote(at, {"stage": "live"})


def test_a_model_that_was_made_on_the_spot_stays_in_its_run(tmp_path: Path) -> None:
    toy = training(model_ref=ModelRef(id="tiny", provider="generated"))
    for name in ("run-1", "run-2"):
        assert register(context(tmp_path / name, training=toy), options(toy))["registry"] == "mlflow.db"
    assert not (tmp_path / "mlflow.db").exists()


def test_every_option_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        register(context(tmp_path / "run-1"), {"lineage_type": "merged", "parent_version_id": "3"})
    assert str(caught.value).splitlines() == [
        "options.model_name is missing",
        "options.recipe is missing",
        "options.base_model is missing",
        "options.lineage_type must be one of fine_tuned_from, distilled_from, rl_trained_from, dpo_trained_from, "
        "found merged",
        "options.parent_version_id must be the number of a version, found '3'",
    ]


def test_a_locked_database_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crucible_runtime.mlops.registry._WAIT", 0.2)
    holder = sqlite3.connect(tmp_path / "mlflow.db")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RegistryError, match=r"^the MLflow registry at \.\./mlflow\.db is locked by another process"):
        register(context(tmp_path / "run-1"), options())
    holder.close()
    (tmp_path / "mlflow.db").write_text("something else" * 200)
    with pytest.raises(RegistryError, match="is a file of another kind"):
        register(context(tmp_path / "run-2"), options())


class _Refuses(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(401, "no such account hunter22")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serving() -> Iterator[Callable[[type[http.server.BaseHTTPRequestHandler]], int]]:
    servers: list[http.server.HTTPServer] = []

    def serve(handler: type[http.server.BaseHTTPRequestHandler]) -> int:
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return int(servers[-1].server_address[1])

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_servers_that_refuse_or_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serving: Callable[..., int]
) -> None:
    port = serving(_Refuses)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:hunter22@127.0.0.1:{port}")
    with pytest.raises(RegistryError, match=r"at http://\*\*\*@127.0.0.1:\d+ refuses the account") as caught:
        register(context(tmp_path / "run-1"), options())
    assert "hunter22" not in str(caught.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:hunter22@127.0.0.1:1")
    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        register(context(tmp_path / "run-2"), options())
    assert "hunter22" not in str(caught.value)


def registered(**changes: Any) -> StageResult:
    output = {"model_name": "My_Model", "version": "3", "previous": "2", "base_model": "base/model", **changes}
    return StageResult(name="model_register", module=REGISTER, options={}, output=output, seconds=1.0)


DEPLOY = "CrucibleDeployment.Stages.Deploy"
NAME = label("My_Model")


def deployed(path: Path, options: Mapping[str, Any], **config: Any) -> tuple[Context, Mapping[str, Any]]:
    at = context(path, DEPLOY, registered(), **config)
    return at, deploy.deploy(at, options)


def manifests(at: Context) -> dict[str, dict[str, Any]]:
    """The objects by kind and name, each accepted by the real schemas of the oldest and the newest release.

    HTTPRoute is no type of Kubernetes itself, so that they do not have it.
    """
    text = (at.folder.path / "artifacts/deploy/manifests.yaml").read_text()
    found = list(yaml.safe_load_all(text))
    for each in (each for each in found if each["kind"] != "HTTPRoute"):
        for release in ("1.25", kubernetes_validate.latest_version()):
            kubernetes_validate.validate(each, release, strict=True)
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_target_and_strategy_is_rendered(tmp_path: Path, target: str, strategy: str) -> None:
    at, output = deployed(tmp_path / "run-1", {"target": target, "strategy": strategy})
    written = json.loads((at.folder.path / output["deployment"]).read_text())
    assert written["status"] == output["status"] == "rendered"
    assert sum(written["traffic"].values()) == 100
    assert all((at.folder.path / name).is_file() for name in written["files"])
    assert str(tmp_path) not in "".join((at.folder.path / name).read_text() for name in written["files"])
    if target != "noop":
        script = at.folder.path / "artifacts/deploy/deploy.sh"
        assert os.access(script, os.X_OK)
        subprocess.run(["/bin/sh", "-n", script], check=True)
    if target == "kubernetes":
        found = manifests(at)
        deployments = [name for name in found if name.startswith("Deployment/")]
        assert len(deployments) == (1 if strategy == "replace" else 2)
        for each in (found[name] for name in deployments):
            container = each["spec"]["template"]["spec"]["containers"][0]
            assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= {*container}
            assert (
                each["spec"]["selector"]["matchLabels"].items()
                <= each["spec"]["template"]["metadata"]["labels"].items()
            )


def test_a_canary_has_two_versions_and_a_weight(tmp_path: Path) -> None:
    config = {"replicas": 2, "weight": 25, "gpus": 4, "server": "tgi", "cpu": 8, "host": "models.example.org"}
    at, _ = deployed(tmp_path / "run-1", {"target": "kubernetes", "config": config})
    found = manifests(at)
    old, new = found[f"Deployment/{NAME}-stable"], found[f"Deployment/{NAME}-canary"]
    assert [each["spec"]["template"]["metadata"]["labels"]["version"] for each in (old, new)] == ["2", "3"]
    assert [each["spec"]["replicas"] for each in (old, new)] == [2, 2]
    commands = [" ".join(each["spec"]["template"]["spec"]["containers"][0]["args"]) for each in (old, new)]
    assert f"--model-id /models/{NAME}/2 " in commands[0]
    assert f"--model-id /models/{NAME}/3 " in commands[1]
    assert "--num-shard 4" in commands[1]
    (rule,) = found[f"HTTPRoute/{NAME}"]["spec"]["rules"]
    assert [each["weight"] for each in rule["backendRefs"]] == [75, 25]


def test_a_promotion_switches_the_colour_and_a_rollback_switches_it_back(tmp_path: Path) -> None:
    options = {"target": "kubernetes", "strategy": "blue_green"}
    at, _ = deployed(tmp_path / "run-1", options)
    assert live(at) == "green"  # version 2; the odd ones are blue
    done = StageResult(name="deploy", module=DEPLOY, options=options, output={}, seconds=1.0)
    for stage, colour, state in ((deploy.promote, "blue", "promoted"), (deploy.rollback, "green", "rolled_back")):
        later = replace(at, finished=(*at.finished, done))
        assert stage(later, {})["state"] == state
        assert live(later) == colour


def live(at: Context) -> str:
    """The colour that has the traffic, by the route and by the Service for clients inside the cluster."""
    found = manifests(at)
    backends = found[f"HTTPRoute/{NAME}"]["spec"]["rules"][0]["backendRefs"]
    (only,) = (each["name"] for each in backends if each["weight"])
    selected = str(found[f"Service/{NAME}"]["spec"]["selector"]["track"])
    assert only == f"{NAME}-{selected}"
    return selected


def test_an_adapter_is_served_on_its_base_model(tmp_path: Path) -> None:
    at = context(tmp_path / "run-1", DEPLOY, registered())
    (at.folder.model / "adapter_config.json").write_text('{"r": 24, "base_model_name_or_path": "base/other"}')
    for target, said in (
        ("vllm", "vllm serve base/other --enable-lora --lora-modules My_Model=model --max-lora-rank 32 "),
        ("tgi", "text-generation-launcher --model-id base/other --lora-adapters My_Model=model "),
    ):
        deploy.deploy(at, {"target": target, "strategy": "replace"})
        assert said in (at.folder.path / "artifacts/deploy/deploy.sh").read_text()


def test_every_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    config = {"replica": 2, "gpus": -1, "repository": "a/b", "namespace": "A b", "dtype": "int3", "args": "--fast"}
    with pytest.raises(InputError) as caught:
        deployed(tmp_path / "run-1", {"target": "kubernetes", "strategy": "rolling", "config": config, "traget": 1})
    lines = str(caught.value).splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("options.strategy rolling is not known; ")
    assert lines[1].startswith("there is no options.traget; did you mean target?")
    assert lines[2].startswith("target kubernetes has no options.config.replica; did you mean replicas? ")
    assert "options.config.gpus must be a whole number from 0, found -1" in lines


def test_without_the_program_nothing_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for number, (target, program) in enumerate({"kubernetes": "kubectl", "vllm": "vllm", "ollama": "ollama"}.items()):
        with pytest.raises(DeployError, match=rf"^{program} is not on the path, and target {target} needs it"):
            deployed(tmp_path / f"run-{number}", {"target": target}, apply=True)
    assert json.loads((tmp_path / "run-0/artifacts/deploy/deployment.json").read_text())["status"] == "rendered"


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{sys.executable}\n{text}")
    (folder / name).chmod(0o755)


def test_kubectl_gets_the_manifests_and_its_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    calls = tmp_path / "calls"
    program(tmp_path / "bin", "kubectl", f"import sys; open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')")
    _, output = deployed(tmp_path / "run-1", {"target": "kubernetes"}, apply=True)
    assert output["status"] == "applied"
    assert calls.read_text().splitlines() == [
        "get persistentvolumeclaim models --namespace default",
        "apply -f artifacts/deploy/manifests.yaml --selector app.kubernetes.io/component!=traffic",
        f"rollout status deployment/{NAME}-stable --namespace default --timeout=600s",
        f"rollout status deployment/{NAME}-canary --namespace default --timeout=600s",
        "apply -f artifacts/deploy/manifests.yaml",
        f"wait httproute/{NAME} --namespace default "
        '--for=jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].status}=True --timeout=600s',
    ]
    program(tmp_path / "bin", "kubectl", "import sys; sys.exit('no cluster here')")
    with pytest.raises(DeployError, match=r"(?s)deploy\.sh ended with exit code 1:.*no cluster here"):
        deployed(tmp_path / "run-2", {"target": "kubernetes"}, apply=True)


_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


def test_a_server_of_vllm_is_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    program(tmp_path / "bin", "vllm", _SERVER)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"target": "vllm", "strategy": "replace", "config": {"port": port, "timeout": 20}}
    _, output = deployed(tmp_path / "run-1", options, apply=True)
    assert output["url"] == f"http://127.0.0.1:{port}"
    with pytest.raises(DeployError, match=rf"^port {port} cannot be used .*options\.config\.port"):
        deployed(tmp_path / "run-2", options, apply=True)
    os.killpg(output["pid"], signal.SIGKILL)
    program(tmp_path / "bin", "vllm", "import sys; print('loading'); sys.exit('no GPU')")
    with pytest.raises(DeployError, match=r"^the server ended with exit code 1:\n(loading\n)?no GPU"):
        deployed(tmp_path / "run-3", {"target": "vllm", "config": {"timeout": 20}}, apply=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smoke.model(tmp_path_factory.mktemp("model") / "tiny")


def test_a_model_is_served_on_this_machine(tmp_path: Path, tiny: Path) -> None:
    at = context(tmp_path / "run-1", DEPLOY, registered(), apply=True)
    shutil.copytree(tiny, at.folder.model, dirs_exist_ok=True)
    output = deploy.local(at, {"target": "kubernetes", "strategy": "canary", "config": {"replicas": 2, "timeout": 120}})
    assert (output["status"], output["question"]) == ("applied", "Say hello.")
    assert isinstance(output["answer"], str)
    row = json.loads((at.folder.path / "samples.jsonl").read_text())
    assert row["completion"] == output["answer"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(output["url"].rpartition(":")[2])), timeout=2)


def test_a_server_that_dies_says_why(tmp_path: Path) -> None:
    at = context(tmp_path / "run-1", DEPLOY, registered(), apply=True)
    with pytest.raises(DeployError, match=r"(?s)^the server ended with exit code 1:\n.*model"):
        deploy.local(at, {"config": {"timeout": 60}})


def test_feedback_is_read_back_from_every_format(tmp_path: Path) -> None:
    import datasets

    at = context(tmp_path / "run-1", "CrucibleFeedback.Stages.ExportFeedback")
    prompt = [{"role": "user", "content": "2 + 2"}]
    for step, (said, reward) in enumerate((("4", 1.0), ("5", 0.0)), 1):
        at.folder.sample({"stage": "train", "step": step, "prompt": prompt, "completion": said, "reward": reward})
    conversation = [*prompt, {"role": "assistant", "content": "4"}]
    pair = {"prompt": prompt, "chosen": conversation[1:], "rejected": [{"role": "assistant", "content": "5"}]}
    for format_ in ("jsonl", "parquet"):
        for _ in range(2):
            output = export_feedback(at, {"format": format_, "include_exported": True})
        names = [str(at.folder.path / name) for name in output["files"]]
        read = [
            rows(DatasetRef(name=name, provider="local"), adapter=adapter, kind=kind)
            for name, adapter, kind in zip(
                names, ("messages", "chosen_rejected"), ("supervised", "preference"), strict=True
            )
        ]
        assert read == [[{"messages": conversation}], [pair]]
    output = export_feedback(at, {"format": "huggingface", "include_exported": True})
    folder = str(at.folder.path / output["path"])
    assert datasets.load_dataset(folder, cache_dir=str(tmp_path / "cache"))["train"]["messages"] == [conversation]
    loaded = datasets.load_dataset(folder, "preferences", cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded["chosen"] == [pair["chosen"]]


_RACER = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from test_mlops import context, options, register, training
print(register(context(Path(sys.argv[1])), options(training(epochs=int(sys.argv[2]))))["version_id"])
"""


def test_two_runs_that_register_at_once_get_two_numbers(tmp_path: Path) -> None:
    program = _RACER.format(path=[str(Path(__file__).parent)])
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / f"run-{number}"), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in (1, 2)
    ]
    assert sorted(racer.communicate(timeout=100)[0].strip() for racer in racers) == ["1", "2"]

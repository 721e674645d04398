"""What follows training, as far as it needs no engine: rendering, feedback, triggers, and what they refuse."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crucible_runtime.data import rows
from crucible_runtime.errors import DeployError, InputError, PipelineError
from crucible_runtime.interface.stages import Context, RunConfig, StageResult
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.mlops import deploy, feedback
from crucible_runtime.mlops.settings import SETTINGS, STRATEGIES, TARGETS
from crucible_runtime.mlops.triggers import check_triggers
from crucible_runtime.ports import Ports
from crucible_runtime.rundir.folder import Folder

REGISTERED: Mapping[str, Any] = {"model_name": "m", "version": "2", "previous": "1", "base_model": "base/model"}


def context(
    path: Path, *, model: str = "model", registered: bool = True, resume: bool = False, **config: Any
) -> Context:
    finished = [
        StageResult(
            name="train",
            module="CrucibleTrain.Stages.RLTrain",
            options={},
            output={"model": model, "steps": 1, "metrics": {}},
            seconds=1.0,
        )
    ]
    if registered:
        module = "CrucibleModelRegistry.Stages.Register"
        finished.append(StageResult(name="register", module=module, options={}, output=REGISTERED, seconds=1.0))
    training = TrainingConfig(
        id="r", model_ref=ModelRef(id="base/model"), dataset_ref=DatasetRef(name="d"), options={"lora_rank": 4}
    )
    stage = StageDef(name="stage")
    return Context(
        experiment=Experiment(id="r", backend=BackendRef(id="tinker"), pipeline=[stage], training_config=training),
        stage=stage,
        config=RunConfig(**config),
        ports=Ports(),
        finished=tuple(finished),
        folder=Folder.open(path, name="r", resume=resume),
    )


def question(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def answered(at: Context, *answers: tuple[str, str, float | None]) -> None:
    for step, (asked, said, reward) in enumerate(answers, 1):
        at.folder.sample(
            {"stage": "train", "step": step, "prompt": question(asked), "completion": said, "reward": reward}
        )


ANSWERS = (
    ("2 + 2", "4", 1.0),
    ("2 + 2", "5", 0.0),
    ("2 + 2", "4", 1.0),
    ("3 + 3", "six", 0.5),
    ("3 + 3", "6\u2028", 0.9),
    ("3 + 3", "7", -0.1),
    ("hello", "hi", None),
    ("empty", "", 1.0),
    ("alone", "only", 0.8),
)


def test_a_next_recipe_reads_what_was_exported(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    answered(at, *ANSWERS)
    output = feedback.export_feedback(at, {"format": "jsonl", "output_path": "exports/x.jsonl"})
    assert output["files"] == ["artifacts/exports/x.jsonl", "artifacts/exports/x_preferences.jsonl"]
    assert (output["examples"], output["preferences"]) == (3, 2)
    json.dumps(output)
    name, pairs = (str(at.folder.path / file) for file in output["files"])
    read = rows(DatasetRef(name=name, provider="local"), adapter="messages", kind="supervised")
    assert [row["messages"] for row in read] == [
        [*question(asked), {"role": "assistant", "content": said}]
        for asked, said in (("2 + 2", "4"), ("3 + 3", "6\u2028"), ("alone", "only"))
    ]
    read = rows(DatasetRef(name=pairs, provider="local"), adapter="chosen_rejected", kind="preference")
    assert [(row["prompt"], row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in read] == [
        (question("2 + 2"), "4", "5"),
        (question("3 + 3"), "6\u2028", "7"),
    ]


def test_answers_that_come_later_follow_into_the_same_export(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    assert feedback.export_feedback(at, {})["examples"] == 0
    answered(at, *ANSWERS)
    feedback.follow(at.folder)
    assert len((tmp_path / "run/artifacts/exports/feedback.jsonl").read_text("utf-8").split("\n")) == 4


def test_another_batch_takes_only_what_is_new(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    answered(at, *ANSWERS[:3])
    first = feedback.export_feedback(at, {"export_batch_id": "one"})
    answered(at, ("5 + 5", "10", 1.0), ("6 + 6", "12", 1.0))
    options = {"export_batch_id": "two", "output_path": "second.jsonl"}
    second = feedback.export_feedback(at, options)
    assert (first["examples"], second["examples"], second["preferences"]) == (1, 2, 0)
    assert feedback.export_feedback(at, {**options, "include_exported": True})["examples"] == 3
    assert feedback.export_feedback(at, {**options, "limit": 1})["examples"] == 1


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    answered(at, *ANSWERS)
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_text("mine\n")
    with pytest.raises(InputError, match=r"theirs\.jsonl is there already and is not what this run exported: choose"):
        feedback.export_feedback(at, {"output_path": str(theirs)})
    assert theirs.read_text() == "mine\n"
    ours = tmp_path / "ours.jsonl"
    for _ in range(2):
        assert feedback.export_feedback(at, {"output_path": str(ours)})["examples"] == 3
    ours.write_text(ours.read_text() + "{}\n")
    with pytest.raises(InputError, match=r"ours\.jsonl is there already"):
        feedback.export_feedback(at, {"output_path": str(ours)})


def test_the_options_of_an_export_are_checked(tmp_path: Path) -> None:
    wrong = {"format": "csv", "limit": 0, "include_exported": "no", "output_path": 3, "filters": {}}
    with pytest.raises(InputError) as caught:
        feedback.export_feedback(context(tmp_path / "run"), wrong)
    assert str(caught.value).splitlines() == [
        "there is no options.filters; Known: format, output_path, include_exported, limit, export_batch_id, storage",
        "options.format csv is not known; Known: jsonl, parquet, huggingface",
        "options.limit must be a whole number from 1, found 0",
        "options.include_exported must be true or false, found 'no'",
        "options.output_path must be a text, found 3",
    ]


def test_reasons_to_train_again(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    assert check_triggers(at, {})["triggers"] == []
    answered(at, *[("2 + 2", "4", 1.0)] * 4, *[("a much longer question", "5", 0.0)] * 4)
    found = check_triggers(at, {"window_size": 4, "data_count_threshold": 8})
    assert found["triggers"] == ["drift_threshold", "quality_drop", "data_count"]
    assert found["trigger_count"] == 3
    assert (found["event_count"], found["quality_average"]) == (8, 0.0)
    assert found["drift"]["ks_statistic"] == found["drift"]["quality_change"] == 1.0
    assert found["drift"]["drifted"] is True
    due = {"last_triggered_at": "2020-01-31T12:00:00Z", "schedule_interval_seconds": 60}
    assert check_triggers(at, due)["triggers"] == ["quality_drop", "scheduled"]
    with pytest.raises(InputError, match=r"no options\.threshold; did you mean ks_threshold\?"):
        check_triggers(at, {"threshold": 1})
    with pytest.raises(InputError, match="must be a time such as"):
        check_triggers(at, {**due, "last_triggered_at": "yesterday"})


def script(at: Context, options: Mapping[str, Any]) -> str:
    deploy.deploy(at, options)
    path = at.folder.path / "artifacts/deploy/deploy.sh"
    subprocess.run(["/bin/sh", "-n", path], check=True)
    return path.read_text()


def test_a_script_names_everything_relative_to_the_run(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    text = script(at, {"config": {"gpus": 2, "replicas": 3, "args": ["--seed", "a b"], "max_model_len": 4096}})
    assert text.splitlines()[-1] == (
        "exec vllm serve model --served-model-name m --host 0.0.0.0 --port 8002 --tensor-parallel-size 2 "
        "--data-parallel-size 3 --max-model-len 4096 --seed 'a b'"
    )
    proxy = (at.folder.path / "artifacts/deploy/nginx.conf").read_text()
    assert "server 127.0.0.1:8001 weight=90; # stable" in proxy
    assert "server 127.0.0.1:8002 weight=10; # canary" in proxy


def test_a_checkpoint_of_tinker_is_downloaded_first(tmp_path: Path) -> None:
    at = context(tmp_path / "run", model="tinker://run-1/sampler_weights/final")
    lines = script(at, {"strategy": "replace"}).splitlines()
    folder = "artifacts/deploy/model/run-1_weights_final"
    assert lines[-2] == (
        f"test -d {folder} || tinker checkpoint download tinker://run-1/weights/final --output artifacts/deploy/model"
    )
    assert f"vllm serve base/model --enable-lora --lora-modules m={folder} --max-lora-rank 8 " in lines[-1]


def test_each_target_has_its_own_files(tmp_path: Path) -> None:
    names = {
        "noop": [],
        "vllm": ["deploy.sh", "nginx.conf"],
        "tgi": ["deploy.sh", "nginx.conf"],
        "ollama": ["Modelfile", "deploy.sh"],
        "huggingface": ["deploy.sh"],
        "kubernetes": ["deploy.sh", "manifests.yaml"],
        "local": ["deploy.sh"],
    }
    assert {*names} == {*TARGETS}
    for target, files in names.items():
        output = deploy.deploy(context(tmp_path / target), {"target": target})
        assert output["files"] == [f"artifacts/deploy/{name}" for name in files]
        assert output["status"] == "rendered"


def test_a_hub_gets_a_pull_request_until_the_version_is_promoted(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    config = {"repository": "acme/m"}
    first = script(at, {"target": "huggingface", "strategy": "canary", "config": config}).splitlines()[-1]
    assert first == "hf upload acme/m model . --private --commit-message 'Version 2' --create-pr"
    second = script(at, {"target": "huggingface", "strategy": "replace", "config": config}).splitlines()[-1]
    assert second == first.removesuffix(" --create-pr")


def test_every_setting_is_refused_where_its_target_does_not_have_it(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    for name, setting in SETTINGS.items():
        for target in {*TARGETS} - {*setting.targets}:
            with pytest.raises(InputError, match=rf"^target {target} has no options\.config\.{name}; "):
                deploy.deploy(at, {"target": target, "config": {name: 1}})


def test_what_a_deployment_cannot_do_is_said(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    with pytest.raises(InputError) as caught:
        deploy.deploy(at, {"target": "triton", "strategy": "rolling", "config": {}})
    first, second = str(caught.value).splitlines()
    assert first == f"options.target triton is not known; Known: {', '.join(TARGETS)}"
    assert second.endswith(f"Known: {', '.join(STRATEGIES)}")
    with pytest.raises(InputError, match=r"^strategy replace divides no traffic: leave out options\.config\.weight"):
        deploy.deploy(at, {"strategy": "replace", "config": {"weight": 5}})
    with pytest.raises(InputError, match=r"^options\.config must be a mapping such as"):
        deploy.deploy(at, {"config": "replicas"})
    with pytest.raises(PipelineError, match="needs a registered model, and no model_register has run"):
        deploy.deploy(context(tmp_path / "other", registered=False), {})
    with pytest.raises(PipelineError, match="needs a deployment, and no deploy stage has run"):
        deploy.promote(at, {})


def test_replace_keeps_nothing_to_go_back_to(tmp_path: Path) -> None:
    at = context(tmp_path / "run")
    for target in ("vllm", "kubernetes"):
        done = StageResult(
            name="deploy",
            module="CrucibleDeployment.Stages.Deploy",
            options={"target": target, "strategy": "replace"},
            output={},
            seconds=1.0,
        )
        later = Context(**{**{name: getattr(at, name) for name in at.__slots__}, "finished": (*at.finished, done)})
        if target == "vllm":
            with pytest.raises(DeployError, match="keeps nothing on target vllm to go back to"):
                deploy.rollback(later, {})
        else:
            assert deploy.rollback(later, {})["traffic"] == {"old": 100, "new": 0}
            assert "/models/m/1" in (at.folder.path / "artifacts/deploy/manifests.yaml").read_text()


def test_nothing_to_do_is_applied_at_once(tmp_path: Path) -> None:
    assert deploy.deploy(context(tmp_path / "run", apply=True), {"target": "noop"})["status"] == "applied"


def documented() -> list[str]:
    rows = []
    for name, setting in SETTINGS.items():
        targets = "all" if setting.targets == TARGETS else ", ".join(f"`{target}`" for target in setting.targets)
        default = "" if setting.default in (None, ()) else f"`{setting.default}`"
        among = f": {' or '.join(f'`{value}`' for value in setting.among)}" if setting.among else ""
        rows.append(f"| `{name}` | {targets} | {default} | {setting.about}{among} |")
    return rows


def test_the_page_lists_every_setting() -> None:
    text = (Path(__file__).parents[3] / "docs/mlops.md").read_text("utf-8")
    assert "\n".join(documented()) in text


def test_gen_refuses_what_a_target_does_not_have_by_the_same_settings() -> None:
    schema = json.loads((Path(__file__).parents[3] / "schemas/stages/deploy.schema.json").read_text("utf-8"))
    targets = {rule["if"]["properties"]["target"]["const"]: rule["then"] for rule in schema["allOf"]}
    assert {*targets} == {*schema["properties"]["target"]["enum"]} == {*TARGETS} - {"local"}
    for target, then in targets.items():
        config = then["properties"]["config"]
        assert config["additionalProperties"] is False
        assert [*config["properties"]] == [name for name, each in SETTINGS.items() if target in each.targets], target
    for name, setting in SETTINGS.items():
        rule = schema["$defs"][name]
        bounds = (rule.get("minimum"), rule.get("maximum"), tuple(rule.get("enum", ())))
        assert bounds == (setting.least, setting.most, setting.among), name
        assert rule.get("default") == (list(setting.default) if setting.type is list else setting.default), name
        assert not setting.form or rule["pattern"] == f"^{setting.form}$", name

"""The pipeline and the stages: what each stage receives, and every way in which a run can go wrong."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import crucible_runtime.stages as stages
from crucible_runtime import Context, OverrideError, Ports, RunConfig, StageError, plugins, runs, start
from crucible_runtime.errors import (
    AdapterMissingError,
    DivergenceError,
    EngineMissingError,
    PipelineError,
    PortError,
    PreflightError,
    UnsupportedError,
)
from crucible_runtime.evaluation import Evaluation, Sample, Task
from crucible_runtime.interface.environments import Outcome
from crucible_runtime.interface.leftout import left_out
from crucible_runtime.interface.stages import after_evaluation, must_be_finite
from crucible_runtime.ir import BackendRef, Experiment, StageDef
from crucible_runtime.plan import summary
from crucible_runtime.rundir.files import rows
from crucible_runtime.rundir.folder import SAMPLES
from runtime_samples import rl_basic, sl_basic

REGISTER = "CrucibleModelRegistry.Stages.Register"
DEPLOY = "CrucibleDeployment.Stages.Deploy"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs write below the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Recorder:
    """An engine and adapters that note what they receive."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Mapping[str, Any]]] = []

    def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        self.seen.append((context.stage.name, options))
        return {"loss": 0.5, "learning_rate": options["learning_rate"]}

    def note(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        self.seen.append((context.stage.name, options))
        return {"after": [stage.name for stage in context.finished]}


class Parrot:
    """A sampling client that answers with what it was told to say."""

    def __init__(self, *answers: str) -> None:
        self.answers = iter(answers)
        self.asked: list[tuple[list[Mapping[str, Any]], Mapping[str, Any]]] = []
        self.open = 0

    def start_session(self, config: Any) -> str:
        self.open += 1
        return "session"

    def sample(self, session: Any, prompt: Any, params: Mapping[str, Any], **options: Any) -> str:
        self.asked.append((list(prompt), params))
        return next(self.answers)

    def sample_stream(self, session: Any, prompt: Any, params: Any, **options: Any) -> Iterator[Any]:
        raise NotImplementedError

    def compute_logprobs(self, session: Any, prompt: Any, **options: Any) -> Any:
        raise NotImplementedError

    def await_(self, future: Any) -> Mapping[str, Any]:
        if future == "fail":
            raise ConnectionError("gone")
        return {"sequences": [{"text": future, "stop_reason": "stop"}]}

    def close_session(self, session: Any) -> None:
        self.open -= 1


ASKED = Ports(sampling_client=Parrot("4"))


def sl_config(recorder: Recorder, **values: Any) -> sl_basic.Config:
    adapters = {REGISTER: recorder.note, DEPLOY: recorder.note}
    values.setdefault("ports", None if hasattr(recorder, "sampler") else Ports(sampling_client=Parrot("4")))
    return sl_basic.Config(engine=recorder, adapters=adapters, **values)


def test_a_run_hands_each_stage_its_options_in_order() -> None:
    recorder, parrot, dataset = Recorder(), Parrot("It is 4.<|im_end|>\n"), object()
    ports = Ports(sampling_client=parrot)
    config = sl_config(recorder, ports=ports, train_dataset=dataset, training_config={"epochs": 3, "learning_rate": 1})
    result = sl_basic.run(config)

    assert [name for name, _ in recorder.seen] == ["supervised_train", "model_register", "deploy"]
    trained = recorder.seen[0][1]
    assert trained["train_dataset"] is dataset
    assert trained["ports"] is ports
    assert (trained["num_epochs"], trained["learning_rate"], trained["batch_size"]) == (3, 1.0, 128)
    assert trained["training_config"] == sl_basic.training_config({"epochs": 3, "learning_rate": 1.0})
    assert recorder.seen[2][1] == {"target": "vllm", "strategy": "canary"}

    assert [stage.name for stage in result.stages] == ["supervised_train", "model_register", "deploy"]
    assert [stage.module for stage in result.stages] == [s.module for s in result.experiment.pipeline]
    assert [dict(stage.options) for stage in result.stages] == [dict(options) for _, options in recorder.seen]
    assert result.stages[0].output == {"loss": 0.5, "learning_rate": 1.0}
    assert result.stages[2].output == {"after": ["supervised_train", "model_register"]}
    assert all(stage.seconds >= 0 for stage in result.stages)
    assert result.evaluation is not None
    assert [(s.task, s.correct, s.total, s.accuracy) for s in result.evaluation.scores] == [("arithmetic", 1, 1, 1.0)]
    assert parrot.open == 0


def test_stages_of_third_parties_run_and_an_empty_keyword_list_is_no_options() -> None:
    recorder = Recorder()
    modules = ("Crucible.Stage.DataChecks", "Acme.Stages.RewardAudit", "CrucibleFeedback.Stages.ExportFeedback")
    config = rl_basic.Config(engine=recorder, adapters=dict.fromkeys(modules, recorder.note), judge="me")
    result = rl_basic.run(config)
    assert [name for name, _ in recorder.seen] == ["data_checks", "rl_train", "reward_audit", "export_feedback"]
    assert recorder.seen[2][1] == {"judge": "me", "group_size": 16, "threshold": 0.5}
    assert recorder.seen[3][1] == {}
    assert result.evaluation is None


def test_the_options_of_a_stage_cannot_be_changed() -> None:
    def change(context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        options["target"] = "tgi"  # type: ignore[index]
        return {}

    recorder = Recorder()
    config = sl_basic.Config(engine=recorder, adapters={REGISTER: recorder.note, DEPLOY: change}, ports=ASKED)
    with pytest.raises(StageError, match=r"stage deploy: TypeError"):
        sl_basic.run(config)


def test_a_failure_names_its_stage_and_keeps_its_cause() -> None:
    def fail(context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        assert context.output("supervised_train") == {"loss": 0.5, "learning_rate": 2.0e-4}
        assert context.output("deploy") is None
        raise KeyError("model_name")

    recorder = Recorder()
    with pytest.raises(StageError, match=r"^stage model_register: KeyError: 'model_name'\n") as caught:
        sl_basic.run(sl_basic.Config(engine=recorder, adapters={REGISTER: fail, DEPLOY: recorder.note}, ports=ASKED))
    assert caught.value.stage == "model_register"
    assert isinstance(caught.value.__cause__, KeyError)
    assert [name for name, _ in recorder.seen] == ["supervised_train"]


def test_without_an_engine_nothing_trains(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    installed(monkeypatch, plugins.ENGINES)
    with pytest.raises(EngineMissingError, match=r"^engine trl is not installed; none is known here$"):
        sl_basic.run()
    assert list(place.iterdir()) == []


def test_without_an_adapter_a_stage_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, plugins.ADAPTERS)
    engine = Recorder()
    with pytest.raises(AdapterMissingError, match=r"^nothing runs CrucibleModelRegistry\.Stages\.Register"):
        sl_basic.run(sl_basic.Config(engine=engine, ports=ASKED))
    assert engine.seen == []


def test_an_evaluation_without_a_client_is_refused_before_anything_trains() -> None:
    engine = Recorder()
    with pytest.raises(PreflightError, match=r"^the evaluation asks the trained model, and the engine cannot: supply"):
        sl_basic.run(sl_config(engine, ports=None))
    assert engine.seen == []


def test_an_evaluation_that_nobody_announced_fails_as_evaluation() -> None:
    empty = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[])
    message = r"^stage evaluation: no adapter for the port sampling_client"
    with pytest.raises(StageError, match=message) as caught, start(empty) as pipeline:
        pipeline.finish(sl_basic.evaluation())
    assert isinstance(caught.value.__cause__, PortError)


def test_a_wrong_override_fails_before_any_stage() -> None:
    recorder = Recorder()
    with pytest.raises(OverrideError, match=r"epochs must be at least 1"):
        sl_basic.run(sl_config(recorder, training_config={"epochs": 0}))
    assert recorder.seen == []


EXPERIMENT = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name="one"), StageDef(name="two")])


def nothing(context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def test_a_run_must_follow_its_experiment() -> None:
    def run(*names: str, finish: bool = True) -> None:
        with start(EXPERIMENT) as pipeline:
            for name in names:
                pipeline.stage(name, nothing)
            if finish:
                pipeline.finish()

    run("one", "two")
    with pytest.raises(PipelineError, match=r"(?m)^the run left out two$"):
        run("one")
    with pytest.raises(PipelineError, match=r"(?m)^stage two is out of order: one comes next$"):
        run("two", "one")
    with pytest.raises(PipelineError, match=r"(?m)^stage one has run already$"):
        run("one", "one")
    with pytest.raises(PipelineError, match=r"(?m)^the experiment has no stage three: it has one, two$"):
        run("one", "three")
    with pytest.raises(PipelineError, match=r"(?m)^the run ended without finish$"):
        run("one", "two", finish=False)


def test_no_stage_comes_after_finish() -> None:
    with start(EXPERIMENT) as pipeline:
        pipeline.stage("one", nothing)
        pipeline.stage("two", nothing)
        pipeline.finish()
        with pytest.raises(PipelineError, match=r"^stage one comes after finish$"):
            pipeline.stage("one", nothing)


def test_the_same_stage_may_stand_twice() -> None:
    twice = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name="one"), StageDef(name="one")])
    with start(twice) as pipeline:
        pipeline.stage("one", nothing)
        pipeline.stage("one", nothing)
        assert len(pipeline.finish().stages) == 2


def test_a_stage_that_returns_nothing_has_failed() -> None:
    message = "(?m)^stage one: it returned a NoneType, a stage returns a mapping$"
    with pytest.raises(StageError, match=message), start(EXPERIMENT) as pipeline:
        pipeline.stage("one", lambda context, options: None)  # type: ignore[arg-type, return-value]


def test_an_error_outside_of_stages_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), start(EXPERIMENT):
        raise ZeroDivisionError


# Entry points


def installed(monkeypatch: pytest.MonkeyPatch, group: str, **points: str) -> None:
    found = [EntryPoint(name.replace("__", "."), value, group) for name, value in points.items()]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [p for p in found if p.group == group])


def test_the_default_engine_trains_and_what_it_prints_is_logged(
    monkeypatch: pytest.MonkeyPatch, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    installed(monkeypatch, plugins.ENGINES, trl=f"{__name__}:Loud")
    recorder = Recorder()
    modules = {REGISTER: recorder.note, DEPLOY: recorder.note}
    config = sl_basic.Config(adapters=modules, ports=Ports(sampling_client=Parrot("4")))
    result = sl_basic.run(config)
    assert result.stages[0].output["loss"] == 0.5
    assert result.path == place / "runs" / "sl_basic-1"
    log = (result.path / "run.log").read_text()
    logged = {line.partition(" ")[2] for line in log.splitlines()}
    assert {"from python", "100 %", "from below", "from a child"} <= logged
    assert capfd.readouterr() == ("", "")


class Loud(Recorder):
    """Prints in every way that there is."""

    def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        print("from python", flush=True)
        print("\r50 %\r100 %", file=sys.stderr)
        os.write(2, b"from below\n")
        subprocess.run(["echo", "from a child"], check=True)
        return super().train(context, options)


def test_an_engine_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(
        monkeypatch, plugins.ENGINES, trl=f"{__name__}:Recorder", tinker="no.such.module:Engine", odd=f"{__name__}:odd"
    )
    with pytest.raises(EngineMissingError, match=r"engine tlr is not installed; did you mean trl\? Known: odd, tinker"):
        sl_basic.run(sl_basic.Config(engine="tlr"))
    with pytest.raises(
        EngineMissingError, match=r"tinker is installed as no\.such\.module:Engine, which does not load"
    ):
        sl_basic.run(sl_basic.Config(engine="tinker"))
    with pytest.raises(EngineMissingError, match=r"odd is installed as .*:odd, which does not load"):
        sl_basic.run(sl_basic.Config(engine="odd"))
    with pytest.raises(AdapterMissingError, match=rf"nothing runs {REGISTER}"):
        sl_basic.run(sl_basic.Config(engine="trl", adapters={}))


class Narrow(Recorder):
    """An engine that can do little, and says so."""

    def problems(self, experiment: Experiment, config: RunConfig) -> list[str]:
        return ["engine narrow cannot honour this", "nor that"]


def test_what_an_engine_cannot_honour_is_said_at_once_and_before_anything(place: Path) -> None:
    engine = Narrow()
    with pytest.raises(UnsupportedError, match=r"^engine narrow cannot honour this\nnor that$") as caught:
        sl_basic.run(sl_config(engine))
    assert caught.value.problems == ("engine narrow cannot honour this", "nor that")
    assert engine.seen == []
    assert list(place.iterdir()) == []


class Able(Recorder):
    """An engine that leaves a model, and can ask it."""

    def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"model": "model"}

    def sampler(self, context: Context, model: str) -> Parrot:
        assert context.folder.resolve(model) == str(context.folder.model)
        return Parrot("It is 4.")


def test_the_engine_asks_the_model_that_it_trained_unless_the_caller_has_a_client() -> None:
    def correct(**values: Any) -> int:
        evaluation = sl_basic.run(sl_config(Able(), **values)).evaluation
        assert evaluation is not None
        return evaluation.scores[0].correct

    assert correct() == 1
    assert correct(ports=Ports(sampling_client=Parrot("five"))) == 0


def test_an_installed_stage_runs_and_a_supplied_one_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, plugins.ADAPTERS, Acme__Stages__One=f"{__name__}:from_a_package")
    experiment = Experiment(
        id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name="one", module="Acme.Stages.One", options={"a": 1})]
    )
    with start(experiment) as pipeline:
        assert pipeline.stage("one", stages.external) == {"package": {"a": 1}}
        pipeline.finish()
    with start(experiment, RunConfig(adapters={"Acme.Stages.One": nothing})) as pipeline:
        assert pipeline.stage("one", stages.external) == {}
        pipeline.finish()


def from_a_package(context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"package": dict(options)}


@pytest.mark.parametrize("name", ["supervised_train", "rl_train", "dpo_train", "distillation"])
def test_training_stages_need_an_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, plugins.ENGINES)
    experiment = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name=name)])
    with pytest.raises(StageError) as caught, start(experiment) as pipeline:
        pipeline.stage(name, getattr(stages, name))
    assert isinstance(caught.value.__cause__, EngineMissingError)


@pytest.mark.parametrize("name", ["model_register", "deploy", "export_feedback", "check_triggers", "external"])
def test_other_stages_need_an_adapter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, plugins.ADAPTERS)
    experiment = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name=name, module="Acme.X")])
    with pytest.raises(AdapterMissingError, match=r"nothing runs Acme.X"), start(experiment) as pipeline:
        pipeline.stage(name, getattr(stages, name))


def test_an_evaluation_records_what_it_asked() -> None:
    parrot = Parrot("Four", "fail")
    samples = [
        Sample(id="1", input="2 + 2?", target="four", system_prompt="Be brief."),
        Sample(id="2", input="?", target=""),
    ]
    evaluation = Evaluation(
        temperature=0.0, max_tokens=8, stop=["\n"], tasks=[Task(name="t", scorer="case_insensitive", samples=samples)]
    )
    with start(
        Experiment(id="e", backend=BackendRef(id="b"), pipeline=[]), RunConfig(ports=Ports(sampling_client=parrot))
    ) as pipeline:
        result = pipeline.finish(evaluation)
    assert parrot.asked[0] == (
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}],
        {"temperature": 0.0, "max_tokens": 8, "stop": ["\n"]},
    )
    assert result.evaluation is not None
    score = result.evaluation.scores[0]
    assert [(a.id, a.output, a.score, a.error) for a in score.answers] == [
        ("1", "Four", 1.0, None),
        ("2", "", 0.0, "ConnectionError: gone"),
    ]
    assert (score.accuracy, score.correct, score.total) == (0.5, 1, 2)


def plain(context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


SEEN: list[tuple[str, int]] = []


@after_evaluation(lambda context: SEEN.append((context.stage.name, len(rows(context.folder.path / SAMPLES)))))
def declared(context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("installed_as", "adapters", "seen"),
    [
        ("declared", {}, [("evaluation", 1)]),
        ("plain", {}, []),
        ("plain", {"Acme.One": declared}, [("evaluation", 1)]),
        ("declared", {"Acme.One": plain}, []),
    ],
)
def test_a_stage_may_have_more_to_do_after_the_evaluation(
    installed_as: str, adapters: dict[str, Any], seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    SEEN.clear()
    installed(monkeypatch, plugins.ADAPTERS, Acme__One=f"{__name__}:{installed_as}")
    experiment = Experiment(id="e", backend=BackendRef(id="b"), pipeline=[StageDef(name="one", module="Acme.One")])
    config = RunConfig(ports=Ports(sampling_client=Parrot("4")), adapters=adapters)
    evaluation = Evaluation(tasks=[Task(name="t", samples=[Sample(id="1", input="2 + 2?", target="4")])])
    with start(experiment, config) as pipeline:
        pipeline.stage("one", stages.external)
        pipeline.finish(evaluation)
    assert seen == SEEN


class Diverging(Recorder):
    """An engine whose training diverges, in what it reports or in what it leaves behind."""

    def __init__(self, name: str, value: float, *, reports: bool) -> None:
        super().__init__()
        self.name, self.value, self.reports = name, value, reports

    def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        context.step(1, 3, {"loss": 1.0})
        if self.reports:
            context.step(2, 3, {"loss": 1.0, self.name: self.value})
            raise AssertionError("it trained on")
        return {"metrics": {self.name: self.value}}


@pytest.mark.parametrize("reports", [True, False])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["loss", "grad_norm", "train/kl", "env/all/reward/total"])
def test_a_training_that_diverges_ends_the_run_whatever_the_engine(name: str, value: float, reports: bool) -> None:
    engine = Diverging(name, value, reports=reports)
    config = sl_config(engine, log_path="here")
    with pytest.raises(StageError) as failure:
        sl_basic.run(config)
    assert isinstance(failure.value.__cause__, DivergenceError)
    at = " at step 2" if reports else ""
    assert f"training diverged{at}: {name} is {value}. Nothing after that is saved or registered" in str(failure.value)
    assert engine.seen == []
    assert not list(Path("here/stages").glob("*"))
    assert json.loads(Path("here/result.json").read_text())["state"] == "failed"


def test_a_model_with_weights_that_are_not_finite_is_not_registered() -> None:
    class Broken(Recorder):
        def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
            context.folder.model.mkdir()
            header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
            weights = struct.pack("<Q", len(header)) + header + struct.pack("<f", float("nan"))
            (context.folder.model / "model.safetensors").write_bytes(weights)
            return {"metrics": {"loss": 1.0}, "model": "model"}

    engine = Broken()
    with pytest.raises(StageError, match=r"diverged: a weight is not finite, in a of model\.safetensors"):
        sl_basic.run(sl_config(engine, log_path="here"))
    assert engine.seen == []


@pytest.mark.parametrize(
    ("name", "judged"),
    [
        *((name, True) for name in ("loss", "eval_loss", "train_mean_nll", "surrogate_loss:sum", "optim/kl_sample_v1")),
        *((name, True) for name in ("rewards/chosen", "Train-Loss", "grad_norm", "teacher_kl/dataset_0", "aux_loss")),
        *((name, False) for name in ("learning_rate", "accuracy", "reward_std", "glossary", "tokens", "lossless")),
    ],
)
def test_a_metric_is_judged_by_the_words_of_its_name(name: str, judged: bool) -> None:
    assert must_be_finite(name) == judged


class Wasteful(Recorder):
    """An engine that leaves rows out."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        left_out(0, 10, "nothing is said of none")
        left_out(self.count, 10, "longer than 40 tokens")
        left_out(self.count, 10, "longer than 40 tokens")
        left_out(10, 10, "longer than 80 tokens", done="cut off")
        return super().train(context, options)


def answering() -> Ports:
    return Ports(sampling_client=Parrot(*["4"] * 20))


def test_what_is_left_out_is_said_with_its_reason_wherever_a_reader_looks() -> None:
    engine = Wasteful(9)
    config = sl_basic.Config(
        engine=engine, adapters={REGISTER: engine.note, DEPLOY: engine.note}, log_path="here", ports=answering()
    )
    told = summary(sl_basic.run(config))
    lines = [f"{stage}: {text}" for stage, text in ((engine.seen[0][0], each) for each in (
        "9 of 10 rows are left out: longer than 40 tokens", "10 of 10 rows are cut off: longer than 80 tokens"))]  # fmt: skip
    shown = [told, Path("here/run.log").read_text(), runs.described(runs.read(Path("here")))]
    for text in shown:
        assert all(line in text for line in lines)
    assert [f"{note['stage']}: {note['text']}" for note in json.loads(Path("here/notes.json").read_text())] == lines
    assert "9 of 10 rows are left out: longer than 40 tokens" in Path("here/report.html").read_text()
    assert "nothing is said of none" not in told


@pytest.mark.parametrize(
    ("count", "allowed", "why"),
    [
        (10, None, "10 of 10 rows are left out: longer than 40 tokens; nothing is left"),
        (
            2,
            0.1,
            r"2 of 10 rows are left out: .*; that is a share of 0.2, and .*dataset_ref.options.max_left_out is 0.1",
        ),
        (1, 0, "1 of 10 rows is left out: .*max_left_out is 0\n"),
        (1, 0.1, ""),
    ],
)
def test_too_much_that_is_left_out_fails_the_stage(count: int, allowed: float | None, why: str) -> None:
    engine = Wasteful(count)
    options = {"dataset_ref": {"options": {"max_left_out": allowed}}} if allowed is not None else {}
    config = sl_basic.Config(
        engine=engine,
        adapters={REGISTER: engine.note, DEPLOY: engine.note},
        training_config=options,
        log_path="here",
        ports=answering(),
    )
    if not why:
        sl_basic.run(config)
        return
    with pytest.raises(StageError, match=why):
        sl_basic.run(config)
    assert engine.seen == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_outcome_has_a_reward_that_is_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="reward must be a finite number, found"):
        Outcome(reward=value)
    with pytest.raises(ValueError, match="correct must be a finite number, found"):
        Outcome(reward=0.0, metrics={"correct": value})

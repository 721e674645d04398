"""The engine trl really trains: losses fall, a seed makes the same bytes again, a killed run goes on as if it had not been."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crucible_runtime import override, smoke, start
from crucible_runtime.engines.trl import TrlEngine, arguments
from crucible_runtime.errors import CrucibleError, DivergenceError, EngineError, StageError, UnsupportedError
from crucible_runtime.experiment.kinds import trained_kind
from crucible_runtime.interface.stages import Context, RunConfig
from crucible_runtime.ir import ModelRef
from crucible_runtime.stages import supervised_train

pytestmark = pytest.mark.engines

GENERATED = Path(__file__).parent.parent.parent / "generated" / "python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(GENERATED), "OMP_NUM_THREADS": "1"}
WEIGHTS = ("model.safetensors", "adapter_model.safetensors")


@pytest.fixture(scope="module", autouse=True)
def _settings() -> Iterator[None]:
    """One thread, and the generated recipes on the path."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, str(GENERATED))
    yield
    sys.path.remove(str(GENERATED))


def recipe(name: str) -> Any:
    return importlib.import_module(f"crucible_recipes.{name}")


def small(name: str, overrides: Mapping[str, Any] | None = None) -> Any:
    """A recipe's training configuration as --smoke has it, with `overrides` in place."""
    module = recipe(name)
    kind = trained_kind(module.build_experiment())
    training = module.training_config(smoke.overrides(module.training_config(), kind))
    return override(training, overrides, kind=kind)


def trained(name: str, path: Path, overrides: Mapping[str, Any] | None = None, *, resume: bool = False) -> Context:
    """The context after the training stage of a small run in this process."""
    module = recipe(name)
    config = module.Config(training_config=small(name, overrides), log_path=path, resume=resume)
    experiment = module.build_experiment(config)
    experiment = replace(experiment, pipeline=experiment.pipeline[:1])
    with start(experiment, config) as pipeline:
        stage = experiment.pipeline[0]
        pipeline.stage(stage.name, supervised_train)
        context = pipeline._context(stage)
        pipeline.finish()
    return context


def command(name: str, path: Path, *more: str) -> list[str]:
    return ["-m", f"crucible_recipes.{name}", "--smoke", "--log-path", str(path), *more]


def ran(name: str, path: Path, *more: str, by: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A small run in a process of its own."""
    done = subprocess.run(
        [sys.executable, *by, *command(name, path, *more)],
        env=ENVIRONMENT,
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def weights(path: Path) -> str:
    """The SHA-256 of what was trained."""
    found = next(path / "model" / name for name in WEIGHTS if (path / "model" / name).exists())
    return hashlib.sha256(found.read_bytes()).hexdigest()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text("utf-8").splitlines()]


def losses(path: Path, name: str = "loss") -> list[float]:
    return [row[name] for row in rows(path) if name in row]


def output(path: Path) -> dict[str, Any]:
    record = next((path / "stages").glob("1-*.json"))
    found: dict[str, Any] = json.loads(record.read_text("utf-8"))["output"]
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run of sl_loop in a process of its own."""
    path = tmp_path_factory.mktemp("whole") / "run"
    done = ran("sl_loop", path)
    assert done.stderr == "", "libraries speak into the log"
    return path


def test_the_loss_falls_by_three_and_the_output_says_so(whole: Path) -> None:
    assert losses(whole)[0] - losses(whole)[-1] > 3.0
    assert [row["step"] for row in rows(whole)] == [*range(1, 21)]
    found = output(whole)
    assert found["metrics"] == {"loss": losses(whole)[-1], "accuracy": losses(whole, "accuracy")[-1]}
    assert found == {
        "engine": "trl",
        "model": "model",
        "weights": "full",
        "base_model": "tiny",
        "steps": 20,
        "metrics": found["metrics"],
        "checkpoints": [f"checkpoints/checkpoint-{step}" for step in (5, 10, 15, 20)],
    }
    assert {path.name for path in (whole / "model").iterdir()} == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_the_same_seed_makes_the_same_bytes_in_another_process(whole: Path, tmp_path: Path) -> None:
    trained("sl_loop", tmp_path / "again")
    assert weights(tmp_path / "again") == weights(whole)
    assert (tmp_path / "again" / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    trained("sl_loop", tmp_path / "other", {"seed": 1, "options": {"shuffle_seed": 1}})
    assert weights(tmp_path / "other") != weights(whole)


def test_a_killed_run_goes_on_to_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    program = ["nice", "-n", "19", sys.executable, *command("sl_loop", path)]  # on a busy machine this test is not late
    process = subprocess.Popen(program, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    complete, metrics = path / "checkpoints" / "checkpoint-10" / "complete", path / "metrics.jsonl"
    end = time.monotonic() + 60
    while time.monotonic() < end and not (complete.exists() and metrics.read_bytes().count(b"\n") > 10):
        time.sleep(0.005)  # a step further than the checkpoint, so that there is a row to take back
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not list((path / "stages").glob("*")), "it was killed in time"
    steps = len(rows(path))
    assert 10 < steps < 20
    half = path / "checkpoints" / "checkpoint-19"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    ran("sl_loop", path, "--resume")
    assert weights(path) == weights(whole)
    assert (path / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    assert not half.exists()
    assert output(path) == output(whole)


def test_preferences_are_learnt_the_same_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        trained("dpo", tmp_path / name)
    assert weights(tmp_path / "one") == weights(tmp_path / "two")
    found = losses(tmp_path / "one")
    assert found[0] == pytest.approx(0.6931, abs=1e-4)
    assert found[-1] < 0.2
    assert losses(tmp_path / "one", "accuracy")[-1] == 1.0
    assert losses(tmp_path / "one", "eval_accuracy")[-1] == 1.0
    trained("dpo", tmp_path / "swapped", {"options": {"swap": True}})
    assert losses(tmp_path / "swapped", "logps/chosen")[0] == losses(tmp_path / "one", "logps/rejected")[0]


@pytest.mark.parametrize("name", ["chat_sl", "prompt_distillation"])
def test_the_loss_of_the_other_recipes_falls(name: str, tmp_path: Path) -> None:
    trained(name, tmp_path / "run")
    assert losses(tmp_path / "run")[0] - losses(tmp_path / "run")[-1] > 2.0


class Seen(Exception):
    """Carries what a trainer was made with."""


@pytest.mark.parametrize("name", ["sl_basic", "dpo"])
def test_the_trainer_has_the_numbers_of_the_recipe(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crucible_runtime.engines.trl import shares

    seen: dict[str, Any] = {}

    def made(**given: Any) -> None:
        seen.update(given)
        raise Seen

    monkeypatch.setattr(shares, "Sft", made)
    monkeypatch.setattr(shares, "Dpo", made)
    options = {
        "adam_beta1": 0.81,
        "adam_beta2": 0.93,
        "adam_eps": 1e-7,
        "weight_decay": 0.02,
        "lr_schedule": "cosine",
        "shuffle_seed": 9,
        "test_size": 16,
        "eval_every": 7,
        "max_length": 300,
        "lora_rank": 6,
        **({"beta": 0.3} if name == "dpo" else {}),
    }
    values = {
        "learning_rate": 3e-4,
        "epochs": 3,
        "batch_size": 6,
        "seed": 5,
        "gradient_clipping": 0.7,
        "checkpoint_every": 4,
        "optimizer": "sgd",
        "options": options,
    }
    with pytest.raises(StageError) as caught:
        trained(name, tmp_path / "run", {**values, "options": {**options, "max_steps": None}})
    assert isinstance(caught.value.__cause__, Seen)
    args, rank = seen["args"], seen["peft_config"]
    assert (args.learning_rate, args.num_train_epochs, args.seed, args.data_seed) == (3e-4, 3, 5, 9)
    assert (args.adam_beta1, args.adam_beta2, args.adam_epsilon, args.weight_decay) == (0.81, 0.93, 1e-7, 0.02)
    assert args.per_device_train_batch_size * args.gradient_accumulation_steps == 6
    assert (args.max_grad_norm, args.optim, args.lr_scheduler_type, args.warmup_steps) == (0.7, "sgd", "cosine", 0)
    assert (args.save_strategy, args.save_steps, args.eval_strategy, args.eval_steps) == ("steps", 4, "steps", 7)
    assert (args.max_length, args.use_cpu, args.bf16, args.fp16) == (300, True, False, False)
    assert (rank.r, rank.lora_alpha, rank.lora_dropout) == (6, 32, 0.0)
    assert len(seen["eval_dataset"]) == 16
    assert len(seen["train_dataset"]) == 144
    if name == "dpo":
        assert (args.beta, args.loss_type, seen["ref_model"]) == (0.3, ["sigmoid"], None)
    else:
        assert args.max_steps == 72  # three epochs of 144 rows in batches of 6


@pytest.mark.parametrize("name", ["sl_basic", "sl_loop", "chat_sl", "prompt_distillation", "dpo"])
def test_the_plan_has_the_numbers_of_the_shipped_recipe(name: str) -> None:
    module = recipe(name)
    training, given = module.training_config(), module.training_config().options
    plan = TrlEngine().plan(module.build_experiment(), RunConfig())
    shown = dict(line.split(None, 1) for line in plan.splitlines() if line.startswith("  "))
    assert int(shown["r"]) == given["lora_rank"]
    assert float(shown["learning_rate"]) == training.learning_rate
    assert float(shown["num_train_epochs"]) == training.epochs
    each, passes = int(shown["per_device_train_batch_size"]), int(shown["gradient_accumulation_steps"])
    assert each * passes == training.batch_size
    assert each * given["max_length"] <= max(arguments.TOKENS, given["max_length"])
    assert float(shown["adam_beta2"]) == given["adam_beta2"] == 0.95
    assert float(shown["max_grad_norm"]) == 0.0
    assert int(shown["max_length"]) == given["max_length"]
    assert int(shown["save_steps"]) == training.checkpoint_every
    assert TrlEngine().problems(module.build_experiment(), RunConfig()) == []


def test_an_adapter_is_trained_saved_asked_and_trained_on(tmp_path: Path) -> None:
    rank = {"options": {"lora_rank": 8}}
    context = trained("sl_loop", tmp_path / "one", rank)
    found = losses(tmp_path / "one")
    assert found[0] - found[-1] > 0.6
    saved = json.loads((tmp_path / "one" / "model" / "adapter_config.json").read_text("utf-8"))
    assert (saved["r"], saved["lora_alpha"], saved["target_modules"]) == (8, 32, sorted(saved["target_modules"]))
    assert output(tmp_path / "one")["weights"] == "adapter"
    client = TrlEngine().sampler(context, "model")
    session = client.start_session(None)
    assert session.model.peft_config["default"].r == 8
    wanted = {"options": {"lora_rank": 8, "load_checkpoint_path": str(tmp_path / "one" / "model")}}
    trained("sl_loop", tmp_path / "two", wanted)
    assert losses(tmp_path / "two")[0] < found[0] - 0.5
    with pytest.raises(StageError, match=r"is an adapter of rank 8: set training_config\.options\.lora_rank to 8"):
        trained("sl_loop", tmp_path / "three", {"options": {**wanted["options"], "lora_rank": 4}})


def test_training_starts_from_whole_weights(whole: Path, tmp_path: Path) -> None:
    trained("sl_loop", tmp_path / "run", {"options": {"load_checkpoint_path": str(whole / "model"), "max_steps": 2}})
    assert losses(tmp_path / "run")[0] < losses(whole)[0] - 2.0


def test_two_processes_train_as_one_and_go_on(whole: Path, tmp_path: Path) -> None:
    by = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    path = tmp_path / "run"
    done = ran("sl_loop", path, by=by)
    assert done.stdout.count("report: ") == 1, "the main process alone speaks"
    assert done.stderr == "", "libraries speak into the log"
    assert losses(path) == pytest.approx(losses(whole), abs=1e-3)
    assert [row["step"] for row in rows(path)] == [*range(1, 21)]
    before, measured = weights(path), (path / "metrics.jsonl").read_bytes()
    # What a kill in the middle leaves: no finished stage, no model, and a checkpoint of step 10.
    for left in ("stages", "model", "checkpoints/checkpoint-15", "checkpoints/checkpoint-20"):
        shutil.rmtree(path / left)
    ran("sl_loop", path, "--resume", by=by)
    assert (weights(path), (path / "metrics.jsonl").read_bytes()) == (before, measured)


@pytest.mark.parametrize("name", ["sl_loop", "dpo"])
@pytest.mark.parametrize("rows_", [13, 20])
def test_a_last_batch_that_is_not_full_is_the_same_step_for_two_processes(
    name: str, rows_: int, tmp_path: Path
) -> None:
    kind = "preference" if name == "dpo" else "supervised"
    (tmp_path / "data.jsonl").write_text(
        "".join(
            json.dumps(row) + "\n"
            for row in smoke.rows("tiny-preferences" if name == "dpo" else "tiny-chat", kind)[:rows_]
        )
    )
    data = {"name": str(tmp_path / "data.jsonl"), "provider": "local", "format": None, "options": None}
    changes = ["dataset_ref=" + json.dumps(data), "batch_size=8", "epochs=2"]
    if name == "dpo":
        changes += ["options.adapter=chosen_rejected", "options.test_size=null", "options.eval_every=0"]
    sets = [part for change in changes for part in ("--set", f"training_config.{change}")]
    ran(name, tmp_path / "one", *sets)
    ran(name, tmp_path / "two", *sets, by=("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"))
    assert len(losses(tmp_path / "one")) == 2 * -(-rows_ // 8)
    for measured in ("loss", "grad_norm"):
        assert losses(tmp_path / "two", measured) == pytest.approx(losses(tmp_path / "one", measured), rel=2e-3)


def test_accelerate_launch_trains(whole: Path, tmp_path: Path) -> None:
    by = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0")
    ran("sl_loop", tmp_path / "run", "--set", "training_config.options.max_steps=3", by=by)
    assert losses(tmp_path / "run")[0] == pytest.approx(losses(whole)[0], abs=1e-3)
    assert json.loads((tmp_path / "run" / "environment.json").read_text("utf-8"))["processes"] == 2


def test_a_batch_that_processes_cannot_share_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UnsupportedError, match="batch_size 8 cannot be shared by 3 processes: take a multiple of 3"):
        trained("sl_loop", tmp_path / "run")


def test_training_stops_early_after_a_resume_too(tmp_path: Path) -> None:
    stop = {"patience": 2, "min_delta": 100.0}
    values = {"validation_split": 0.1, "early_stopping": stop, "checkpoint_every": 4, "options": {"eval_every": 2}}
    path = tmp_path / "run"
    trained("sl_loop", path, values)
    assert [row["step"] for row in rows(path) if "eval_loss" in row] == [2, 4, 6]
    assert output(path)["steps"] == 6
    before = weights(path)
    for left in ("stages", "model", "checkpoints/checkpoint-6"):
        shutil.rmtree(path / left, ignore_errors=True)
    trained("sl_loop", path, values, resume=True)
    assert (output(path)["steps"], weights(path)) == (6, before), "it remembers how long it has waited"
    with pytest.raises(UnsupportedError, match=r"early_stopping needs rows that are held out: set .*validation_split"):
        trained("sl_loop", tmp_path / "other", {"early_stopping": stop})


def test_half_precision_trains(tmp_path: Path) -> None:
    trained("sl_loop", tmp_path / "run", {"mixed_precision": True, "options": {"max_steps": 5, "lora_rank": 4}})
    assert losses(tmp_path / "run")[-1] < losses(tmp_path / "run")[0]


ASKED = [{"role": "user", "content": "What is 2 + 2?"}]


def test_a_sampler_answers_the_same_whatever_it_was_asked_before(whole: Path) -> None:
    module = recipe("sl_loop")
    config = module.Config(training_config=small("sl_loop"), log_path=whole, resume=True)
    with start(module.build_experiment(config), config) as pipeline:
        pipeline.stage("supervised_train", supervised_train)
        client = TrlEngine().sampler(pipeline._context(module.build_experiment(config).pipeline[0]), "model")
        session = client.start_session(None)

        def say(**params: Any) -> list[dict[str, str]]:
            found: list[dict[str, str]] = client.await_(client.sample(session, ASKED, params))["sequences"]
            return found

        greedy = say(temperature=0.0, max_tokens=40)
        drawn = say(temperature=1.0, max_tokens=20, num_samples=2)
        assert say(temperature=1.0, max_tokens=20, num_samples=2) == drawn
        assert drawn[0] != drawn[1]
        assert say(temperature=1.0, max_tokens=20, seed=7)[0] != drawn[0]
        assert say(temperature=0.0, max_tokens=40) == greedy
        assert say(temperature=0.0, max_tokens=1)[0]["stop_reason"] == "length"
        text = drawn[0]["text"]
        stop = next(letter for letter in text[1:] if letter.isalnum() and letter != text[0])
        cut = say(temperature=1.0, max_tokens=20, stop=[stop])
        assert cut == [{"text": text[: text.index(stop)], "stop_reason": "stop"}]
        logprobs = client.await_(client.compute_logprobs(session, ASKED))["logprobs"]
        assert logprobs[0] is None
        assert all(value < 0 for value in logprobs[1:])
        client.close_session(session)
        pipeline.finish()


def broken(name: str, path: Path, overrides: Mapping[str, Any] | None = None) -> str:
    """What a run says that cannot be."""
    with pytest.raises(CrucibleError) as caught:
        trained(name, path, overrides)
    return str(caught.value)


def test_what_is_missing_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for number, (values, words) in enumerate(
        [
            ({"id": "nowhere", "provider": "local"}, "model nowhere cannot be loaded: the directory is not there. A"),
            ({"id": "empty", "provider": "local"}, "model empty cannot be loaded: the directory has no config.json"),
        ]
    ):
        assert words in broken("sl_loop", tmp_path / str(number), {"model_ref": values})
    said = broken("sl_loop", tmp_path / "gpu", {"device": "cuda"})
    assert "training_config.device is cuda, and PyTorch 2" in said
    assert "finds none here" in said


def test_a_model_without_a_template_needs_a_renderer(tmp_path: Path) -> None:
    (smoke.model(tmp_path / "bare") / "chat_template.jinja").unlink()
    model = {"model_ref": {"id": str(tmp_path / "bare"), "provider": "local"}}
    said = broken("sl_loop", tmp_path / "run", {**model, "options": {"renderer_name": "qwen3_5"}})
    assert "has no chat template, so that conversations cannot become tokens as qwen3_5: set training_config" in said
    trained("sl_loop", tmp_path / "other", {**model, "options": {"renderer_name": "role_colon", "max_steps": 1}})


def test_a_renderer_can_turn_thinking_off(tmp_path: Path) -> None:
    from crucible_runtime.engines.trl.models import tokenizer

    path = smoke.model(tmp_path / "tiny")
    template = "{{ 'quiet' if enable_thinking is false else 'loud' }}"
    (path / "chat_template.jinja").write_text(template, "utf-8")
    ref = ModelRef(id=str(path))
    for renderer, word in (("qwen3_5", "loud"), ("qwen3_5_disable_thinking", "quiet"), (None, "loud")):
        assert tokenizer(str(path), ref, renderer).apply_chat_template(ASKED, tokenize=False) == word


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "RepositoryNotFoundError",
            "the hub has no such model, or shows it only to a token that may see it (HF_TOKEN)",
        ),
        ("GatedRepoError", "its authors give it to people who asked only"),
        ("RevisionNotFoundError", "it has no such version"),
    ],
)
def test_what_the_hub_refuses_is_said_in_one_sentence(
    name: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import transformers
    from crucible_runtime.engines.trl.models import tokenizer
    from huggingface_hub import errors

    def refused(*_: Any, **__: Any) -> None:
        cause = getattr(errors, name).__new__(getattr(errors, name))
        raise OSError("a long story\nof many lines") from cause

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", refused)
    with pytest.raises(EngineError, match=r"^model acme/one version v2 cannot be loaded: ") as caught:
        tokenizer("acme/one", ModelRef(id="acme/one", provider="huggingface", version="v2"), None)
    assert words in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_said_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            *command("sl_loop", tmp_path / "run"),
            "--set=training_config.model_ref.provider=huggingface",
            "--set=training_config.model_ref.id=Qwen/Qwen3.5-9B-Base",
        ],
        env={**ENVIRONMENT, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    first = done.stderr.splitlines()[0]
    assert first.startswith(
        "error: stage supervised_train: model Qwen/Qwen3.5-9B-Base cannot be loaded: the hub cannot be"
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "memory of this machine is not enough"),
        (MemoryError(), "memory of this machine is not enough for model tiny; what needs less: a smaller"),
        (OSError(28, "No space left on device"), "is full: make room, then go on with --resume"),
        (RuntimeError("PytorchStreamWriter failed writing file data/3"), "is full: make room"),
    ],
)
def test_what_a_machine_runs_out_of_is_said_in_one_sentence(
    error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trl

    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(trl.SFTTrainer, "train", fails)
    with pytest.raises(StageError) as caught:
        trained("sl_loop", tmp_path / "run")
    assert isinstance(caught.value.__cause__, EngineError)
    assert words in str(caught.value)


def test_nothing_is_asked_of_the_network_where_everything_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def looked_up(*where: Any, **_: Any) -> None:
        asked.append(where)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(socket.socket, "connect", looked_up)
    smoke.model(tmp_path / "tiny")
    values = {"model_ref": {"id": str(tmp_path / "tiny"), "provider": "local"}, "options": {"max_steps": 1}}
    trained("sl_loop", tmp_path / "run", values)
    assert asked == []


# What is trained on, and where.

TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "Bye"},
    {"role": "assistant", "content": "So long"},
]
OWN = {
    "last_assistant_message": "So long<|im_end|>",
    "last_assistant_turn": "So long<|im_end|>",
    "all_assistant_messages": "Hello<|im_end|>So long<|im_end|>",
}
COLON = {
    "last_assistant_message": " So long\n\nUser:",
    "last_assistant_turn": " So long\n\nUser:",
    "all_assistant_messages": " Hello\n\n So long\n\nUser:",
    "all_messages": " Be kind.\n\n Hi\n\n Hello\n\n Bye\n\n So long\n\nUser:",
    "all_user_and_system_messages": " Be kind.\n\n Hi\n\n Bye\n\n",
    "all_tokens": "System: Be kind.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: Bye\n\nAssistant: So long\n\n",
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(smoke.model(tmp_path_factory.mktemp("tiny") / "tiny"))


def taught(tokenizer: Any, what: str, messages: Any = TALK, length: int | None = None) -> list[str]:
    """The text that the loss counts in each example."""
    from crucible_runtime.engines.trl.conversations import IGNORED, examples

    found = examples(tokenizer, messages, what, length)
    for each in found:
        assert all(label in (IGNORED, token) for label, token in zip(each.labels, each.input_ids, strict=True))
    return [tokenizer.decode([label for label in each.labels if label != IGNORED]) for each in found]


@pytest.mark.parametrize("what", OWN)
def test_a_template_of_the_model_counts_answers_and_their_end(tokenizer: Any, what: str) -> None:
    assert taught(tokenizer, what) == [OWN[what]]


@pytest.mark.parametrize("what", COLON)
def test_role_colon_counts_any_message(tokenizer: Any, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from crucible_runtime.engines.trl.models import TEMPLATE

    monkeypatch.setattr(tokenizer, "chat_template", TEMPLATE)
    assert taught(tokenizer, what) == [COLON[what]]


@pytest.mark.parametrize("what", ["last_assistant_message", "all_assistant_messages", "all_messages"])
def test_role_colon_makes_the_tokens_and_weights_of_the_cookbook(
    tokenizer: Any, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crucible_runtime.engines.trl.conversations import IGNORED, examples
    from crucible_runtime.engines.trl.models import TEMPLATE
    from tinker_cookbook.renderers.base import TrainOnWhat
    from tinker_cookbook.renderers.role_colon import RoleColonRenderer

    monkeypatch.setattr(tokenizer, "chat_template", TEMPLATE)
    (ours,) = examples(tokenizer, TALK, what, None)
    tokens, counted = RoleColonRenderer(tokenizer).build_supervised_example(TALK, TrainOnWhat(what))  # type: ignore[arg-type]
    assert ours.input_ids == tokens.to_ints()
    assert [label != IGNORED for label in ours.labels] == [weight > 0 for weight in counted.tolist()]


def test_a_conversation_may_begin_with_an_answer(tokenizer: Any) -> None:
    assert taught(tokenizer, "all_assistant_messages", TALK[2:]) == ["Hello<|im_end|>So long<|im_end|>"]


def test_flags_say_what_counts(tokenizer: Any) -> None:
    flagged = [{**message, "trainable": message["content"] == "Hello"} for message in TALK]
    assert taught(tokenizer, "customized", flagged) == ["Hello<|im_end|>"]
    with pytest.raises(CrucibleError, match="needs trainable"):
        taught(tokenizer, "customized")
    with pytest.raises(CrucibleError, match="take customized, or leave it out"):
        taught(tokenizer, "all_assistant_messages", flagged)


def test_what_a_template_does_not_mark_off_is_refused(tokenizer: Any) -> None:
    with pytest.raises(CrucibleError, match="a message of the role system, which the model's own chat template"):
        taught(tokenizer, "all_messages")


def test_a_template_that_rewrites_history_makes_an_example_of_each_answer(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorter = (
        "{% for m in messages %}{% set old = m.role == 'assistant' and not loop.last %}"
        "{{ m.role + '=' + (m.content[:2] if old else m.content) + '<|im_end|>' }}"
        "{% endfor %}{% if add_generation_prompt %}assistant={% endif %}"
    )
    monkeypatch.setattr(tokenizer, "chat_template", shorter)
    assert taught(tokenizer, "all_assistant_messages") == ["Hello<|im_end|>", "So long<|im_end|>"]


def test_what_is_cut_off_teaches_nothing(tokenizer: Any) -> None:
    assert taught(tokenizer, "last_assistant_message", length=8) == []
    whole = taught(tokenizer, "all_tokens")[0]
    assert whole.startswith(taught(tokenizer, "all_tokens", length=8)[0])


def test_role_colon_is_what_the_template_writes(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from crucible_runtime.engines.trl.conversations import _role_colon
    from crucible_runtime.engines.trl.models import TEMPLATE

    monkeypatch.setattr(tokenizer, "chat_template", TEMPLATE)
    text = tokenizer.apply_chat_template(TALK, tokenize=False)
    assert _role_colon(TALK, [])[0].startswith(text.removesuffix("\n\n"))
    asked = tokenizer.apply_chat_template(TALK[:2], tokenize=False, add_generation_prompt=True)
    assert text.startswith(asked)


DIVERGES: Mapping[str, Any] = {"learning_rate": 1e9, "gradient_clipping": None, "checkpoint_every": 1}


@pytest.mark.parametrize("name", ["sl_basic", "dpo", "rl_basic", "on_policy_distillation", "prompt_distillation"])
def test_a_training_that_diverges_ends_the_run_and_leaves_no_model(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        StageError, match=r"training diverged at step [0-9]+: .*smaller .*learning_rate than 1e[+]09"
    ) as why:
        trained(name, tmp_path / "run", DIVERGES)
    assert isinstance(why.value.__cause__, DivergenceError)
    assert not (tmp_path / "run" / "model").exists()
    assert not list((tmp_path / "run" / "stages").glob("*"))
    step = why.value.__cause__.step
    assert step is not None
    kept = [path.parent.name for path in (tmp_path / "run" / "checkpoints").glob("*/complete")]
    assert set(kept) <= {f"checkpoint-{number}" for number in range(1, step)}


def test_weights_that_are_not_finite_end_the_run_at_that_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    real = torch.optim.AdamW.step
    taken: list[int] = []

    def step(self: Any, *rest: Any, **named: Any) -> Any:
        found = real(self, *rest, **named)
        taken.append(1)
        if len(taken) == 3:
            with torch.no_grad():
                self.param_groups[0]["params"][0].fill_(float("nan"))
        return found

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(StageError, match="training diverged at step 3: the largest weight is nan"):
        trained("sl_basic", tmp_path / "run", {"checkpoint_every": 1})
    kept = {path.parent.name for path in (tmp_path / "run" / "checkpoints").glob("*/complete")}
    assert kept == {"checkpoint-1", "checkpoint-2"}


def test_rows_that_are_too_long_are_counted_and_refused_above_a_share(tmp_path: Path) -> None:
    rows = [{"question": "w " * 200, "answer": "4"}] * 9 + [{"question": "2 + 2?", "answer": "4"}]
    ref: dict[str, Any] = {"name": "long", "provider": "inline", "split": "train", "options": {"rows": rows}}
    changed = {"dataset_ref": ref, "options": {"max_length": 40, "adapter": "question_answer"}}
    context = trained("sl_basic", tmp_path / "run", changed)
    (note,) = (each["text"] for each in context.folder.notes() if "left out" in each["text"])
    assert note == ("9 of 10 rows are left out: nothing to learn within 40 tokens, training_config.options.max_length")
    ref["options"]["max_left_out"] = 0.5
    with pytest.raises(StageError, match=r"9 of 10 rows are left out.*share of 0.9.*max_left_out is 0.5"):
        trained("sl_basic", tmp_path / "again", changed)
    assert not (tmp_path / "again" / "model").exists()

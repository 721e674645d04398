"""Reinforcement learning and distillation with trl: numbers arrive, rewards and gradients flow, a kill costs nothing."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest
from crucible_runtime import override, smoke
from crucible_runtime.engines import checks
from crucible_runtime.engines.trl import TrlEngine, batches, distillation, grpo
from crucible_runtime.errors import StageError
from crucible_runtime.experiment.rules import training_stages
from crucible_runtime.interface.environments import Outcome, Settings
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import Experiment, TrainingConfig
from crucible_runtime.pipeline import start
from crucible_runtime.stages import distillation as distillation_stage
from crucible_runtime.stages import rl_train

pytestmark = pytest.mark.engines

GENERATED = Path(__file__).parent.parent.parent / "generated" / "python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(GENERATED), "OMP_NUM_THREADS": "1"}
RL = ("code_rl", "math_rl", "rl_basic", "rl_loop")


@pytest.fixture(scope="module", autouse=True)
def _settings() -> Iterator[None]:
    """One thread, and the generated recipes on the path."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, str(GENERATED))
    yield
    sys.path.remove(str(GENERATED))


def experiment(name: str, overrides: Mapping[str, Any] | None = None, *, tiny: bool = False) -> Experiment:
    """A recipe's experiment with its training stage alone, as --smoke has it where `tiny`, with `overrides` in place."""
    module = importlib.import_module(f"crucible_recipes.{name}")
    training = module.training_config()
    kind = training_stages()[module.build_experiment().pipeline[0].module]
    if tiny:
        training = override(training, smoke.overrides(training, kind), kind=kind)
    made: Experiment = module.build_experiment(module.Config(training_config=override(training, overrides, kind=kind)))
    return replace(made, pipeline=made.pipeline[:1])


def trained(name: str, path: Path, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the training stage of a tiny run in this process leaves behind."""
    made = experiment(name, overrides, tiny=True)
    stage = made.pipeline[0].name
    with start(made, RunConfig(log_path=path)) as pipeline:
        output = pipeline.stage(stage, rl_train if stage == "rl_train" else distillation_stage)
        pipeline.finish()
    return dict(output)


def rows(path: Path, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / name).read_text("utf-8").splitlines()]


def weights(path: Path) -> str:
    return hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()


def training_of(name: str, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
    found = experiment(name, overrides).training_config
    assert found is not None
    return found


@pytest.mark.parametrize("name", RL)
def test_the_numbers_of_a_recipe_are_those_of_its_grpo_config(name: str, tmp_path: Path) -> None:
    from trl import GRPOConfig

    training = training_of(name)
    options = training.options or {}
    made = GRPOConfig(output_dir=str(tmp_path), **grpo.values(training))
    assert made.per_device_train_batch_size * made.gradient_accumulation_steps * options["num_substeps"] == (
        training.batch_size * options["group_size"]
    )
    assert made.generation_batch_size == training.batch_size * options["group_size"]
    assert made.num_generations == options["group_size"]
    assert made.max_completion_length == options["max_tokens"]
    assert made.max_steps == options["num_batches"] * options["num_substeps"]
    assert (made.learning_rate, made.lr_scheduler_type) == (training.learning_rate, "constant")
    assert (made.temperature, made.top_p, made.top_k, made.repetition_penalty) == (1.0, 1.0, 0, 1.0)
    assert (made.beta, made.loss_type, made.scale_rewards, made.num_iterations) == (0.0, "dr_grpo", "none", 1)
    assert made.epsilon == made.epsilon_high == grpo.UNCLIPPED
    assert (made.adam_beta1, made.adam_beta2, made.adam_epsilon) == (0.9, 0.95, 1e-8)
    assert (made.weight_decay, made.max_grad_norm, made.shuffle_dataset, made.use_vllm) == (0.0, 0.0, False, False)
    assert made.save_steps == 20 * options["num_substeps"]


def test_the_numbers_of_the_recipe_are_those_of_its_distillation_config(tmp_path: Path) -> None:
    from trl import DistillationConfig

    training = training_of("on_policy_distillation", {"options": {"num_batches": 7}})
    options = training.options or {}
    made = DistillationConfig(output_dir=str(tmp_path), **distillation.values(training))
    assert made.per_device_train_batch_size * made.gradient_accumulation_steps == 1024 * 4
    assert (made.max_steps, made.max_completion_length) == (7, options["max_tokens"])
    assert (made.beta, made.temperature, made.learning_rate) == (1.0, 1.0, 1e-4)
    assert (made.lr_scheduler_type, made.adam_beta2, made.max_grad_norm) == ("constant", 0.95, 0.0)


def test_losses_and_substeps_become_those_of_trl() -> None:
    def values(**options: Any) -> dict[str, Any]:
        return grpo.values(training_of("math_rl", {"options": options}))

    ppo = values(loss="ppo", loss_config={"clip_low_threshold": 0.75})
    assert (ppo["loss_type"], ppo["epsilon"], round(ppo["epsilon_high"], 9)) == ("dr_grpo", 0.25, 0.2)
    cispo = values(loss="cispo", loss_config={"clip_high_threshold": 4.0})
    assert (cispo["loss_type"], cispo["epsilon_high"]) == ("cispo", 4.0)
    halves = values(num_substeps=2, kl_penalty_coef=0.3, temperature=0.7)
    assert halves["per_device_train_batch_size"] * halves["gradient_accumulation_steps"] == 200
    assert halves["steps_per_generation"] == 2 * halves["gradient_accumulation_steps"]
    assert (halves["max_steps"], halves["save_steps"], halves["beta"], halves["temperature"]) == (200, 40, 0.3, 0.7)


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("code_rl", {}, ["options.max_turns 2", "set it to 1", "options.sandbox_backend", "set it to bubblewrap"]),
        ("math_rl", {"options": {"loss": "dro"}}, ["options.loss", "importance_sampling, ppo or cispo"]),
        ("math_rl", {"options": {"group_size": 1}}, ["group_size is 1", "take 2 or more"]),
        ("math_rl", {"options": {"num_substeps": 3}}, ["num_substeps 3 does not divide the 400 rollouts"]),
        ("math_rl", {"options": {"num_batches": None}}, ["makes up problems without end"]),
        ("math_rl", {"options": {"env": "arithmetics"}}, ["no environment arithmetics", "did you mean arithmetic"]),
        ("math_rl", {"options": {"env": None}}, ["options.env is missing"]),
        ("math_rl", {"options": {"env": "gsm8k"}}, ["makes up no problems", "a data set of the hub or a file"]),
        ("math_rl", {"options": {"max_tokens": None}}, ["options.max_tokens is missing"]),
        ("math_rl", {"options": {"loss_config": {"clip": 1}}}, ["no setting clip of the loss importance_sampling"]),
        (
            "math_rl",
            {"options": {"loss": "cispo", "loss_config": {"clip_low_threshold": 0.8}}},
            ["clip_low_threshold 0.8", "bounds ratios from above alone"],
        ),
        ("math_rl", {"loss_function": "ppo"}, ["loss_function ppo", "are two losses"]),
        ("math_rl", {"options": {"kl_reference_model": "Qwen/Qwen3-4B"}}, ["kl_reference_model", "Qwen/Qwen3.5-9B"]),
        ("rl_loop", {"options": {"kl_penalty_coef": 0.1}}, ["remove_constant_reward_groups true with kl_penalty_coef"]),
        ("math_rl", {"options": {"max_steps_off_policy": 2}}, ["max_steps_off_policy 2", "take turns"]),
        ("math_rl", {"options": {"kl_discount_factor": 0.5}}, ["kl_discount_factor"]),
        ("math_rl", {"options": {"test_size": 5}}, ["test_size 5", "the recipe's evaluation"]),
        ("math_rl", {"validation_split": 0.1}, ["validation_split 0.1"]),
        ("math_rl", {"metrics": ["perplexity"]}, ["perplexity"]),
        ("on_policy_distillation", {"options": {"teacher_model": None}}, ["teacher_model is missing"]),
        ("on_policy_distillation", {"options": {"kl_penalty_coef": 0.0}}, ["kl_penalty_coef is 0"]),
        ("on_policy_distillation", {"options": {"num_substeps": 2}}, ["num_substeps 2", "set it to 1"]),
        ("on_policy_distillation", {"options": {"temperature": 0.5}}, ["temperature 0.5", "set it to 1.0"]),
    ],
)
def test_what_cannot_be_honoured_is_said(name: str, overrides: dict[str, Any], words: list[str]) -> None:
    problems = TrlEngine().problems(experiment(name, overrides), RunConfig())
    assert all(any(word in problem for problem in problems) for word in words), problems


@pytest.mark.parametrize("name", ["math_rl", "rl_basic", "rl_loop", "on_policy_distillation"])
def test_the_recipes_are_honoured_as_they_are(name: str) -> None:
    assert list(TrlEngine().problems(experiment(name), RunConfig())) == []


def test_batches_keep_the_order_of_the_data_and_are_filled_from_its_beginning() -> None:
    def filled(**options: Any) -> list[int]:
        changes = {"batch_size": 2, "options": {"shuffle_seed": None, "num_batches": None, **options}}
        return batches.filled(training_of("rl_basic", changes), [0, 1, 2, 3, 4])

    assert filled() == [0, 1, 2, 3]
    assert filled(num_batches=4) == [0, 1, 2, 3, 4, 0, 1, 2]
    assert filled(num_batches=4, max_steps=1) == [0, 1]
    from datasets import Dataset

    shuffled = list(Dataset.from_dict({"at": [0, 1, 2, 3, 4]}).shuffle(seed=3)["at"])
    assert filled(shuffle_seed=3, num_batches=2) == shuffled[:4] != [0, 1, 2, 3]


def test_rewards_reach_the_weights_the_metrics_and_the_samples(tmp_path: Path) -> None:
    output = trained("math_rl", tmp_path / "run", {"options": {"num_batches": 2}})
    assert output["steps"] == 2
    base = weights(tmp_path / "run" / "base" / "tiny-arithmetic")
    assert weights(tmp_path / "run" / "model") != base
    for row in rows(tmp_path / "run"):
        assert row["grad_norm"] > 0
        assert row["accuracy"] == row["correct"] == pytest.approx(row["reward"])
    samples = rows(tmp_path / "run", "samples.jsonl")
    assert [row["step"] for row in samples] == [1, 1, 1, 1, 2, 2, 2, 2]
    for row in samples:
        assert row["prompt"][-1]["content"].startswith("What is ")
        number = int(row["prompt"][-1]["content"].split()[2])
        assert (row["reward"] == 1.0) is (row["completion"].strip(" .") == str(2 * number))


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for number, seed in enumerate((3, 3, 4)):
        trained("math_rl", tmp_path / str(number), {"seed": seed, "options": {"num_batches": 2}})
    first, second, other = (weights(tmp_path / str(number) / "model") for number in range(3))
    assert first == second != other


def test_an_adapter_is_trained_against_the_model_that_it_is_put_on(tmp_path: Path) -> None:
    overrides = {"options": {"num_batches": 3, "lora_rank": 4, "kl_penalty_coef": 0.5, "num_substeps": 2}}
    output = trained("math_rl", tmp_path, overrides)
    assert (output["weights"], output["steps"]) == ("adapter", 6)
    assert json.loads((tmp_path / "model" / "adapter_config.json").read_text())["r"] == 4
    kl = [row["kl"] for row in rows(tmp_path)]
    assert kl[0] == pytest.approx(0.0, abs=1e-6)
    assert max(kl) > 1e-6


def test_answers_end_where_role_colon_ends_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crucible_runtime.engines.trl import models, rollouts

    monkeypatch.setattr(rollouts, "AT_ONCE", 3000)
    seen: list[int] = []
    inner = rollouts.GRPOTrainer._generate_single_turn

    def counted(self: Any, prompt_ids: list[Any], *rest: Any, **named: Any) -> Any:
        seen.append(len(prompt_ids))
        return inner(self, prompt_ids, *rest, **named)

    monkeypatch.setattr(rollouts.GRPOTrainer, "_generate_single_turn", counted)
    trained("rl_loop", tmp_path, {"options": {"num_batches": 1, "renderer_name": "role_colon"}})
    assert seen == [2] * 16, "32 answers in pieces of 3000 // (1024 + 48) tokens"
    trainer = object.__new__(rollouts.GRPO)
    trainer._stop = models.STOP
    from transformers import AutoTokenizer

    trainer.processing_class = AutoTokenizer.from_pretrained(tmp_path / "model")
    ids = trainer.processing_class("yes\n\nUser: and on it goes")["input_ids"]
    cut = trainer._ended(ids)
    assert trainer.processing_class.decode(cut).startswith("yes\n\nUser:")
    assert models.STOP not in trainer.processing_class.decode(cut[:-1])
    assert trainer._ended(ids[:2]) == ids[:2]
    assert rollouts.spoken([{"content": "yes\n\nUser: more"}], models.STOP) == "yes"


def test_an_answer_that_outgrows_max_length_gets_the_reward_of_the_recipe(tmp_path: Path) -> None:
    trained("math_rl", tmp_path, {"options": {"num_batches": 1, "max_length": 5, "context_overflow_reward": -3.0}})
    assert {row["reward"] for row in rows(tmp_path, "samples.jsonl")} == {-3.0}


class Single:
    """Environments that count their calls: each is for one answer alone."""

    adapter = None
    made: ClassVar[list[Single]] = []

    def __init__(self, settings: Settings) -> None:
        self.calls: list[str] = []

    def environment(self, row: Mapping[str, Any]) -> Single:
        made = type(self)(Settings(options={}))
        Single.made.append(made)
        return made

    def initial_observation(self) -> list[Mapping[str, Any]]:
        self.calls.append("asked")
        return [{"role": "user", "content": "What is 2 + 3?"}]

    def step(self, completion: str, *, ended: bool = True) -> Outcome:
        self.calls.append("answered")
        return Outcome(reward=float(len(completion) % 2))

    def rows(self, seed: int) -> Iterator[Mapping[str, Any]]:
        yield from ({} for _ in range(100))

    def problems(self) -> list[str]:
        return []


class Again(Single):
    """Environments that go on where an answer is long: no trial call finds that out."""

    def step(self, completion: str, *, ended: bool = True) -> Outcome:
        return Outcome(reward=0.0, stop=completion == checks.ANSWER, observation=[{"role": "user", "content": "More"}])


class Fickle(Single):
    """Environments that ask another question each time."""

    def initial_observation(self) -> list[Mapping[str, Any]]:
        return [{"role": "user", "content": f"What is 2 + {len(Single.made) % 10}?"}]


def own(name: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Installs an environment of this module; the overrides that train on it."""
    point = EntryPoint("ours", f"{__name__}:{name}", "crucible_runtime.environments")
    real = importlib.metadata.entry_points

    def points(*, group: str) -> Any:
        return [*real(group=group), point] if group == point.group else real(group=group)

    monkeypatch.setattr("importlib.metadata.entry_points", points)
    Single.made.clear()
    return {
        "dataset_ref": {"name": "ours", "provider": "generated"},
        "batch_size": 2,
        "options": {"env": "ours", "num_batches": 1, "group_size": 4},
    }


def test_no_environment_is_shared_between_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained("math_rl", tmp_path, own("Single", monkeypatch))
    answered = [made.calls for made in Single.made if "answered" in made.calls]
    assert len(answered) >= 2 * 4
    assert {tuple(calls) for calls in answered} == {("asked", "answered")}


@pytest.mark.parametrize(
    ("name", "message"),
    [("Again", "goes on after the first answer"), ("Fickle", "asks another question each time")],
)
def test_an_environment_that_needs_more_than_one_answer_is_refused(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StageError, match=f"environment ours {message}"):
        trained("math_rl", tmp_path, own(name, monkeypatch))


def test_a_student_needs_a_teacher_with_its_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    other = tmp_path / "other"
    smoke.model(tmp_path / "tiny")
    Qwen3ForCausalLM(
        Qwen3Config(vocab_size=600, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    ).save_pretrained(other)
    AutoTokenizer.from_pretrained(tmp_path / "tiny").save_pretrained(other)
    with pytest.raises(StageError, match=r"knows 512 tokens \(600 with padding\).*take two models of one family"):
        trained("on_policy_distillation", tmp_path / "run", {"options": {"teacher_checkpoint": str(other)}})


def test_the_coefficient_weighs_the_divergence(tmp_path: Path) -> None:
    for name, coefficient in (("once", 1.0), ("twice", 2.0)):
        overrides = {"options": {"num_batches": 1, "kl_penalty_coef": coefficient, "max_prompt_tokens": 2}}
        trained("on_policy_distillation", tmp_path / name, overrides)
    once, twice = (rows(tmp_path / name)[0]["loss"] for name in ("once", "twice"))
    assert twice == pytest.approx(2 * once)
    assert {len(row["prompt"][-1]["content"].split()) for row in rows(tmp_path / "once", "samples.jsonl")} == {2}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("math_rl", ["options.num_batches=8", "options.num_substeps=2", "checkpoint_every=3"]),
        ("on_policy_distillation", ["options.num_batches=8", "checkpoint_every=3"]),
    ],
)
def test_a_run_that_is_killed_goes_on_to_the_same_bytes(name: str, changes: list[str], tmp_path: Path) -> None:
    flags = ["--smoke", *(part for change in changes for part in ("--set", f"training_config.{change}"))]

    def command(path: Path, *more: str) -> list[str]:
        return [sys.executable, "-m", f"crucible_recipes.{name}", *flags, "--log-path", str(path), *more]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole), env=ENVIRONMENT, cwd=tmp_path, capture_output=True, check=True)
    process = subprocess.Popen(
        command(killed), env=ENVIRONMENT, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    substeps = 2 if name == "math_rl" else 1
    mark = killed / "checkpoints" / f"checkpoint-{3 * substeps}" / "complete"
    while not mark.exists():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "model").exists()
    begun = mark.stat().st_mtime_ns
    subprocess.run(command(killed, "--resume"), env=ENVIRONMENT, cwd=tmp_path, capture_output=True, check=True)
    assert mark.stat().st_mtime_ns == begun, "it began anew"
    assert weights(killed / "model") == weights(whole / "model")
    for file in ("metrics.jsonl", "samples.jsonl"):
        assert (killed / file).read_text("utf-8") == (whole / file).read_text("utf-8")

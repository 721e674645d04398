"""The engine tinker without tinker: what it refuses, and the config that it would call the cookbook with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from crucible_runtime.engines import mapping
from crucible_runtime.engines.tinker import TinkerEngine, objects, records, strategies, table, tree
from crucible_runtime.errors import EngineMissingError, FolderError, InputError, UnsupportedError
from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.experiment.override import override
from crucible_runtime.experiment.rules import training_stages
from crucible_runtime.installation.distribution import install_command
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.pipeline import start

RUNTIME = Path(__file__).parents[1]
ROOT = RUNTIME.parents[1]
STAGES = {kind: module for module, kind in training_stages().items()}
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
COMMON: Mapping[str, Any] = {"lora_rank": 8, "renderer_name": "role_colon"}
ROLLOUTS: Mapping[str, Any] = {**COMMON, "group_size": 4, "max_tokens": 32}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "supervised": COMMON,
    "rl": {**ROLLOUTS, "env": "gsm8k"},
    "preference": COMMON,
    "distillation": {**ROLLOUTS, "teacher_model": "Qwen/Qwen3.5-9B"},
}
DATA = {
    "supervised": DatasetRef(name="HuggingFaceH4/no_robots", provider="huggingface"),
    "rl": DatasetRef(name="openai/gsm8k", provider="huggingface", options={"config": "main"}),
    "preference": DatasetRef(name="Anthropic/hh-rlhf", provider="huggingface"),
    "distillation": DatasetRef(name="zwhe99/DeepMath-103K", provider="huggingface"),
}
LOSSES = {"supervised": "cross_entropy", "rl": "ppo", "preference": "dpo", "distillation": "importance_sampling"}


def experiment(
    kind: str, options: Mapping[str, Any] | None = None, *, entry: str | None = None, **changed: Any
) -> Experiment:
    training = TrainingConfig(
        id="test",
        model_ref=ModelRef(id="Qwen/Qwen3.5-9B-Base", provider="huggingface"),
        dataset_ref=DATA[kind],
        loss_function=LOSSES[kind],
        options={**OPTIONS[kind], **(options or {})},
    )
    return Experiment(
        id="test",
        backend=BackendRef(id="tinker", options=None if entry is None else {"entry": entry}),
        pipeline=[StageDef(name="train", module=STAGES[kind])],
        training_config=replace(training, **changed),
    )


def problems(of: Experiment) -> list[str]:
    return list(TinkerEngine().problems(of, RunConfig()))


def config(of: Experiment, **given: Any) -> tree.Node:
    assert problems(of) == []
    kind = training_stages()[of.pipeline[0].module or ""]
    return strategies.config(of, kind, tree.Given(log_path="here", renderer_name="role_colon", **given))


def builder(of: Experiment) -> tree.Node:
    found: tree.Node = config(of).fields["dataset_builder"]
    return found


def recipe(name: str) -> Any:
    sys.path.insert(0, str(ROOT / "generated" / "python"))
    try:
        return __import__(f"crucible_recipes.{name}", fromlist=[name])
    finally:
        sys.path.pop(0)


# The table


def option_names() -> Iterator[tuple[str, str]]:
    rules = json.loads((RUNTIME / "crucible_runtime" / "rules.json").read_text("utf-8"))
    for kind, options in rules["options"].items():
        yield from ((kind, name) for name in options)


def test_the_rules_have_options_to_look_at() -> None:
    assert ("rl", "kl_penalty_coef") in set(option_names()) and len(list(option_names())) > 90


@pytest.mark.parametrize(("kind", "name"), sorted(option_names()))
def test_every_option_has_a_rule(kind: str, name: str) -> None:
    rule = mapping.load("tinker").rule(f"options.{name}", kind)
    assert rule is not None and (rule.to or rule.refuse or rule.unused)


@pytest.mark.parametrize("kind", STAGES)
def test_every_field_has_a_rule(kind: str) -> None:
    training = experiment(kind).training_config
    assert training is not None
    for path, _ in mapping.values(training):
        assert mapping.load("tinker").rule(path, kind) is not None, path
    assert {field.name for field in fields(TrainingConfig)} <= {
        path.partition(".")[0] for path in mapping.load("tinker").rules
    }


def test_a_rule_of_no_option_is_none() -> None:
    known = {name for _, name in option_names()}
    paths = [path for path in mapping.load("tinker").rules if path.startswith("options.")]
    assert {path.removeprefix("options.") for path in paths} == known


def every_name(kind: str) -> set[str]:
    """The fields of all nodes of a type's configs: with the cookbook's builders and with ours."""
    more: Mapping[str, Any] = {
        "rl": [{}, {"format_coef": 0.5}, {"shuffle_seed": 3, "kl_reference_model": "m"}],
        "supervised": [{}, {"test_size": 3}],
        "preference": [{}, {"test_size": 0}],
        "distillation": [{}, {"shuffle_seed": 3}],
    }
    trees = [strategies.config(experiment(kind, options), kind, tree.Given(log_path="")) for options in more[kind]]
    if kind == "rl":
        code = DatasetRef(name="agentica-org/DeepCoder-Preview-Dataset", provider="huggingface")
        trees += [
            strategies.config(experiment("rl", {"env": "deepcoder"}, dataset_ref=code), kind, tree.Given(log_path=""))
        ]
        sums = DatasetRef(name="arithmetic", provider="generated")
        trees += [
            strategies.config(experiment("rl", {"env": "arithmetic"}, dataset_ref=sums), kind, tree.Given(log_path=""))
        ]
    if kind == "supervised":
        ref = DatasetRef(name="a.jsonl", provider="local")
        own = experiment(kind, {"adapter": "messages"}, dataset_ref=ref)
        trees.append(strategies.config(own, kind, tree.Given(log_path="")))
    return {name for each in trees for node in tree.nodes(each) for name in node.at("99")}


@pytest.mark.parametrize("kind", STAGES)
def test_what_a_field_becomes_is_a_field_of_the_config(kind: str) -> None:
    names = every_name(kind)
    for path, rules in mapping.load("tinker").rules.items():
        rule = mapping.load("tinker").rule(path, kind)
        if rule in rules and rule is not None:
            assert set(rule.to) <= names, path


@pytest.mark.parametrize("entry", table.entries())
def test_an_entry_says_what_becomes_of_every_field_that_it_has(entry: str) -> None:
    kind = table.entries()[entry]["kind"]
    options = {"max_length": 64} if entry == "sl_loop" else {"format_coef": 0.0, "remove_constant_reward_groups": True}
    node = strategies.config(
        experiment(kind, options, entry=entry, loss_function="cross_entropy"), kind, tree.Given(log_path="")
    )
    assert node.class_ == table.entries()[entry]["class"]
    told = {
        name for rules in table.entries()[entry]["fields"].values() for rule in rules for name in rule.get("to", [])
    }
    assert told <= set(node.at("99"))
    assert set(node.at("99")) - told <= {"base_url", "log_path", "wandb_project", "wandb_name", "session_name"}


# What is refused

WRONG: list[tuple[str, str, Any]] = [
    ("supervised", "seed", 1),
    ("supervised", "gradient_clipping", 1.0),
    ("supervised", "early_stopping", {"patience": 2}),
    ("supervised", "validation_split", 0.1),
    ("supervised", "optimizer", "sgd"),
    ("supervised", "optimizer", "adamw"),
    ("supervised", "mixed_precision", True),
    ("supervised", "device", "cuda"),
    ("supervised", "loss_function", "dpo"),
    ("supervised", "options.weight_decay", 0.01),
    ("supervised", "options.infrequent_eval_every", 10),
    ("preference", "options.reference_model", "Qwen/Qwen3.5-9B"),
    ("preference", "options.swap", True),
    ("preference", "loss_function", "ppo"),
    ("rl", "epochs", 2),
    ("rl", "options.adam_beta2", 0.999),
    ("rl", "options.adam_eps", 1e-12),
    ("rl", "options.lr_schedule", "linear"),
    ("rl", "loss_function", "dpo"),
    ("rl", "validation_split", 0.1),
    ("distillation", "options.ttl_seconds", 3600),
    ("distillation", "options.rolling_save_every", 5),
    ("distillation", "options.adam_beta1", 0.8),
    ("distillation", "epochs", 2),
]


@pytest.mark.parametrize(("kind", "path", "value"), WRONG)
def test_what_the_cookbook_cannot_honour_is_refused(kind: str, path: str, value: Any) -> None:
    section, _, name = path.partition(".")
    wrong = experiment(kind, {name: value}) if section == "options" else experiment(kind, **{path: value})
    (problem,) = problems(wrong)
    assert f"engine tinker cannot honour training_config.{path} {canonical(value)}: " in problem
    assert problem.count(";") >= 1 and len(problem.split("; ", 1)[1]) > 3
    assert problems(experiment(kind)) == []


def test_a_model_of_this_machine_is_refused() -> None:
    (problem,) = problems(experiment("supervised", model_ref=ModelRef(id="tiny", provider="generated")))
    assert 'training_config.model_ref.provider "generated"' in problem and "engine trl" in problem


@pytest.mark.parametrize(
    ("kind", "missing", "options"),
    [
        ("supervised", "lora_rank", {}),
        ("rl", "lora_rank", {}),
        ("rl", "env", {}),
        ("rl", "max_tokens", {}),
        ("rl", "group_size", {}),
        ("rl", "kl_reference_model", {"kl_penalty_coef": 0.1}),
        ("distillation", "teacher_model", {}),
    ],
)
def test_what_is_needed_and_not_there_is_named(kind: str, missing: str, options: Mapping[str, Any]) -> None:
    made = experiment(kind, options)
    training = made.training_config
    assert training is not None
    left = {name: value for name, value in (training.options or {}).items() if name != missing}
    (problem,) = problems(replace(made, training_config=replace(training, options=left)))
    assert problem.startswith(f"engine tinker needs training_config.options.{missing}: ")


def test_all_problems_come_at_once_and_stop_a_run_and_a_plan() -> None:
    wrong = experiment("supervised", {"weight_decay": 0.1}, seed=1, gradient_clipping=1.0)
    assert len(problems(wrong)) == 3
    with pytest.raises(UnsupportedError, match=r"seed 1:(.|\n)*gradient_clipping 1\.0:(.|\n)*weight_decay 0\.1:"):
        TinkerEngine().plan(wrong, RunConfig())


def test_two_losses_contradict_each_other() -> None:
    (problem,) = problems(experiment("rl", {"loss": "cispo"}))
    assert "loss_function is ppo" in problem and "options.loss is cispo" in problem


def test_minibatches_and_rollouts_off_policy_exclude_each_other() -> None:
    (problem,) = problems(experiment("rl", {"num_minibatches": 2, "max_steps_off_policy": 1}))
    assert "num_minibatches" in problem and "max_steps_off_policy" in problem


def test_an_unknown_entry_is_refused() -> None:
    (problem,) = problems(experiment("supervised", entry="sl_lopo"))
    assert problem == "engine tinker knows no entry sl_lopo; did you mean sl_loop? Known: sl_loop, rl_loop"


def test_an_entry_of_another_type_is_refused() -> None:
    (problem,) = problems(experiment("preference", entry="sl_loop"))
    assert problem == "entry sl_loop is for recipes of type supervised, this one is preference"


def test_an_unknown_option_of_the_backend_is_refused() -> None:
    made = replace(experiment("supervised"), backend=BackendRef(id="tinker", options={"entri": "sl_loop"}))
    assert problems(made) == ["engine tinker knows no backend.options.entri; did you mean entry? Known: entry"]


LOOP = {
    "sl_loop": ("supervised", {"max_length": 64, "lr_schedule": "linear"}),
    "rl_loop": ("rl", {"format_coef": 0.0, "remove_constant_reward_groups": True}),
}


@pytest.mark.parametrize(
    ("entry", "options", "changed", "named"),
    [
        ("sl_loop", {"lr_schedule": "cosine"}, {}, 'options.lr_schedule "cosine"'),
        ("sl_loop", {"shuffle_seed": 5}, {}, "options.shuffle_seed 5"),
        ("sl_loop", {"adam_beta2": 0.9}, {}, "options.adam_beta2 0.9"),
        ("sl_loop", {"load_checkpoint_path": "tinker://x"}, {}, "options.load_checkpoint_path"),
        ("sl_loop", {}, {"epochs": 2}, "epochs 2"),
        ("sl_loop", {}, {"dataset_ref": DatasetRef(name="x", provider="huggingface")}, 'dataset_ref.name "x"'),
        ("rl_loop", {"temperature": 0.5}, {}, "options.temperature 0.5"),
        ("rl_loop", {"kl_penalty_coef": 0.1, "kl_reference_model": "m"}, {}, "options.kl_penalty_coef 0.1"),
        ("rl_loop", {"num_substeps": 2}, {}, "options.num_substeps 2"),
        ("rl_loop", {"compute_post_kl": True}, {}, "options.compute_post_kl true"),
        ("rl_loop", {"max_steps_off_policy": 1}, {}, "options.max_steps_off_policy 1"),
    ],
)
def test_a_loop_refuses_what_it_has_no_setting_for(
    entry: str, options: Mapping[str, Any], changed: Mapping[str, Any], named: str
) -> None:
    kind, needed = LOOP[entry]
    right: dict[str, Any] = {"loss_function": "cross_entropy"}
    assert problems(experiment(kind, needed, entry=entry, **right)) == []
    found = problems(experiment(kind, {**needed, **options}, entry=entry, **{**right, **changed}))
    assert found and found[0].startswith(f"engine tinker (entry {entry}) cannot honour training_config.{named}")
    assert "leave backend.options.entry out" in found[0]


# Which builder


@pytest.mark.parametrize(
    ("kind", "options", "changed", "expected"),
    [
        ("supervised", {}, {}, "NoRobotsBuilder"),
        ("supervised", {"shuffle_seed": 0, "adapter": "no_robots"}, {}, "NoRobotsBuilder"),
        ("supervised", {"shuffle_seed": 1}, {}, "Conversations"),
        ("supervised", {"test_size": 5}, {}, "Conversations"),
        ("supervised", {"adapter": "prompt_completion"}, {}, "Conversations"),
        ("supervised", {}, {"dataset_ref": replace(DATA["supervised"], split="test")}, "Conversations"),
        ("supervised", {}, {"dataset_ref": replace(DATA["supervised"], version="abc")}, "Conversations"),
        ("supervised", {}, {"dataset_ref": DatasetRef(name="allenai/tulu-3-sft-mixture", provider="huggingface")},
         "Tulu3Builder"),
        ("supervised", {"adapter": "messages"}, {"dataset_ref": DatasetRef(name="a.jsonl", provider="local")},
         "FromConversationFileBuilder"),
        ("supervised", {}, {"dataset_ref": DatasetRef(name="a.jsonl", provider="local")}, "Conversations"),
        ("supervised", {}, {"dataset_ref": DatasetRef(name="a.csv", provider="local")}, "Conversations"),
        ("supervised", {}, {"dataset_ref": DatasetRef(name="a", provider="inline", options={"rows": []})},
         "Conversations"),
        ("rl", {}, {}, "Gsm8kDatasetBuilder"),
        ("rl", {"format_coef": 0.1, "grader": "sympy", "adapter": "gsm8k"}, {}, "Gsm8kDatasetBuilder"),
        ("rl", {"env": "math"}, {"dataset_ref": DatasetRef(name="EleutherAI/hendrycks_math", provider="huggingface")},
         "MathDatasetBuilder"),
        ("rl", {"env": "deepmath"}, {"dataset_ref": DATA["distillation"]}, "DeepMathDatasetBuilder"),
        ("rl", {"env": "polaris"},
         {"dataset_ref": DatasetRef(name="POLARIS-Project/Polaris-Dataset-53K", provider="huggingface")},
         "PolarisDatasetBuilder"),
        ("rl", {"env": "arithmetic"}, {"dataset_ref": DatasetRef(name="arithmetic", provider="generated")},
         "ArithmeticDatasetBuilder"),
        ("rl", {"env": "arithmetic", "shuffle_seed": 4},
         {"dataset_ref": DatasetRef(name="arithmetic", provider="generated")}, "Problems"),
        ("rl", {"env": "arithmetic", "format_coef": 0.3},
         {"dataset_ref": DatasetRef(name="arithmetic", provider="generated")}, "Problems"),
        ("preference", {}, {}, "HHHComparisonBuilder"),
        ("preference", {"test_size": 7}, {}, "HHHComparisonBuilder"),
        ("preference", {"test_size": 0}, {}, "Comparisons"),
        ("preference", {}, {"dataset_ref": DatasetRef(name="nvidia/HelpSteer3", provider="huggingface",
                                                      options={"config": "preference"})}, "HelpSteer3ComparisonBuilder"),
        ("preference", {"test_size": 7}, {"dataset_ref": DatasetRef(name="nvidia/HelpSteer3", provider="huggingface")},
         "Comparisons"),
        ("preference", {}, {"dataset_ref": DatasetRef(name="argilla/ultrafeedback-binarized-preferences",
                                                      provider="huggingface")}, "UltraFeedbackComparisonBuilder"),
        ("preference", {}, {"dataset_ref": DatasetRef(name="a.jsonl", provider="local")}, "Comparisons"),
        ("preference", {"adapter": "comparison"}, {"dataset_ref": DatasetRef(name="a.jsonl", provider="local")},
         "ComparisonBuilderFromJsonl"),
        ("distillation", {}, {}, "PromptOnlyDatasetBuilder"),
        ("distillation", {"shuffle_seed": 0}, {}, "Prompts"),
        ("distillation", {}, {"dataset_ref": DatasetRef(name="a.jsonl", provider="local")}, "Prompts"),
    ],
)  # fmt: skip
def test_the_cookbooks_builder_is_taken_where_it_does_what_the_recipe_says(
    kind: str, options: Mapping[str, Any], changed: Mapping[str, Any], expected: str
) -> None:
    node = config(experiment(kind, options, **changed))
    builders = [each.class_.rpartition(":")[2] for each in tree.nodes(node)]
    assert expected in builders
    ours = {"Conversations", "Comparisons", "Prompts", "Problems"}
    assert ours & set(builders) == ours & {expected}


def test_a_builder_of_ours_evaluates_on_the_split_that_the_cookbooks_does() -> None:
    node = builder(experiment("supervised", {"shuffle_seed": 3}))
    assert (node.fields["test_split"], node.fields["shuffle_seed"], node.fields["test_size"]) == ("test", 3, 0)
    assert node.fields["ref"].class_ == "crucible_runtime.ir:DatasetRef"


# Values


def test_steps_are_the_lesser_of_two_limits() -> None:
    assert config(experiment("rl", {"num_batches": 7, "max_steps": 5})).fields["max_steps"] == 5
    assert config(experiment("rl", {"num_batches": 7})).fields["max_steps"] == 7
    assert config(experiment("rl")).fields["max_steps"] is None
    sums = DatasetRef(name="arithmetic", provider="generated")
    node = config(experiment("rl", {"env": "arithmetic", "num_batches": 7}, dataset_ref=sums))
    assert (node.fields["max_steps"], node.fields["dataset_builder"].fields["n_batches"]) == (None, 7)


def test_the_loss_is_that_of_the_options_else_that_of_the_field() -> None:
    assert config(experiment("rl")).fields["loss_fn"] == "ppo"
    assert config(experiment("rl", {"loss": "cispo"}, loss_function="cross_entropy")).fields["loss_fn"] == "cispo"
    assert config(experiment("rl", loss_function="cross_entropy")).fields["loss_fn"] == "importance_sampling"


def test_options_of_reinforcement_learning_become_parts_of_the_config() -> None:
    options = {"kl_penalty_coef": 0.2, "kl_reference_model": "m", "rollout_max_retries": 3, "max_steps_off_policy": 2}
    found = config(experiment("rl", options, batch_size=8)).fields
    assert found["kl_penalty_coef"] == 0.2
    assert found["kl_reference_config"].fields == {"base_model": "m", "load_checkpoint_path": None}
    assert found["rollout_error_tolerance"].fields == {"max_retries": 3, "per_rollout_timeout": 0}
    assert found["async_config"].fields == {"max_steps_off_policy": 2, "groups_per_batch": 8}
    streamed = config(experiment("rl", {"num_minibatches": 4}, batch_size=8)).fields["stream_minibatch_config"]
    assert streamed.fields == {"groups_per_batch": 8, "num_minibatches": 4}


def test_later_versions_have_more_fields() -> None:
    node = config(experiment("rl"))
    assert "num_epochs" not in node.at("0.5.8") and node.at("0.6.1")["num_epochs"] == 1
    assert "num_epochs" in node.at("0.10.0rc1")
    loop = config(experiment("rl", LOOP["rl_loop"][1], entry="rl_loop", loss_function="cross_entropy"))
    assert "loss_fn" not in loop.at("0.5.8") and loop.at("0.6.1")["loss_fn"] == "importance_sampling"


def test_the_service_is_what_the_caller_says_else_what_the_recipe_says() -> None:
    engine, made = TinkerEngine(), experiment("supervised")
    there = replace(made, backend=BackendRef(id="tinker", endpoint_url="http://there"))
    assert 'base_url="http://here"' in engine.plan(there, RunConfig(base_url="http://here"))
    assert 'base_url="http://there"' in engine.plan(there, RunConfig())
    assert "base_url=None" in engine.plan(made, RunConfig())


# The plan


@pytest.mark.parametrize("name", RECIPES)
def test_the_plan_shows_every_value_of_the_recipe(name: str) -> None:
    module = recipe(name)
    text = TinkerEngine().plan(module.build_experiment(), module.Config(log_path="runs/x"))
    training = module.training_config()
    assert text.startswith("tinker_cookbook ") and 'log_path="runs/x/tinker"' in text
    assert f"learning_rate={training.learning_rate!r}" in text
    assert f"lora_rank={training.options['lora_rank']}" in text
    assert f"save_every={training.checkpoint_every}" in text
    assert f"={training.batch_size}," in text


def test_a_dry_run_loads_nothing_of_the_engine() -> None:
    program = (
        "import sys; from crucible_recipes import rl_basic as r; from crucible_runtime.engines.tinker import TinkerEngine;"
        "print(TinkerEngine().plan(r.build_experiment(), r.Config()));"
        "heavy = {'tinker', 'tinker_cookbook', 'torch', 'datasets', 'transformers', 'numpy', 'chz', 'httpx'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{ROOT / 'generated' / 'python'}:{RUNTIME}", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Gsm8kDatasetBuilder(" in done.stdout


def test_a_plan_shows_no_password() -> None:
    text = TinkerEngine().plan(experiment("supervised"), RunConfig(base_url="http://me:hidden99@there"))
    assert 'base_url="http://***@there"' in text


# What is kept of the cookbook's files


class Kept:
    """Stands for a Context; keeps the steps and samples that it is told."""

    def __init__(self) -> None:
        self.stage = StageDef(name="train")
        self.folder = self
        self.steps: list[tuple[int, int | None, Mapping[str, float]]] = []
        self.samples: list[Mapping[str, Any]] = []

    def step(self, step: int, total: int | None, metrics: Mapping[str, float]) -> None:
        self.steps.append((step, total, metrics))

    def sample(self, row: Mapping[str, Any]) -> None:
        self.samples.append(row)


def test_steps_that_are_made_again_replace_those_of_before(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    old = [{"step": n, "train_mean_nll": 9.0 - n, "progress": (n + 1) / 5, "time/total": 3.0} for n in range(4)]
    metrics.write_text("".join(json.dumps(row) + "\n" for row in old) + '{"step": 4, "trai')
    records.mend(tmp_path)
    kept = Kept()
    new = [{"step": n, "train_mean_nll": 1.0, "progress": (n + 1) / 5} for n in range(2, 5)]
    with records.Records(kept, tmp_path, counted=True) as copied, metrics.open("a") as file:  # type: ignore[arg-type]
        file.write("".join(json.dumps(row) + "\n" for row in new))
    assert [(step, total, row["loss"]) for step, total, row in kept.steps] == [
        (1, 5, 9.0), (2, 5, 8.0), (3, 5, 1.0), (4, 5, 1.0), (5, 5, 1.0)
    ]  # fmt: skip
    assert copied.steps == 5 and copied.last["loss"] == 1.0
    assert "time/total" not in kept.steps[0][2] and "step" not in kept.steps[0][2]


def test_a_step_that_cannot_be_kept_ends_the_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_SECONDS", 0.001)
    kept = Kept()

    def full(*_: Any) -> None:
        done.set()
        raise FolderError(tmp_path, OSError(28, "No space left on device"))

    done = threading.Event()
    monkeypatch.setattr(kept, "step", full)
    begin = time.monotonic()
    with (
        pytest.raises(FolderError, match="No space left"),
        records.Records(kept, tmp_path, counted=True),  # type: ignore[arg-type]
    ):
        (tmp_path / "metrics.jsonl").write_text('{"step": 0}\n')
        assert done.wait(10)
        time.sleep(30)  # the loop of the cookbook
    assert time.monotonic() - begin < 20


def test_a_run_that_was_complete_has_its_steps(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "reward/total": 0.5, "progress/done_frac": 1.0}\n')
    kept = Kept()
    with records.Records(kept, tmp_path, counted=False):  # type: ignore[arg-type]
        pass
    assert kept.steps == [(1, 1, {"reward": 0.5, "reward/total": 0.5, "progress/done_frac": 1.0})]


@pytest.mark.parametrize(
    ("row", "counted", "expected"),
    [
        ({"step": 1, "progress": 1 / 8}, False, 8),
        ({"step": 1, "progress": 2 / 8}, True, 8),
        ({"step": 0, "progress": 0.0}, False, None),
        ({"step": 3, "progress/done_frac": 0.5}, False, 8),
        ({"step": 3}, True, None),
    ],
)
def test_the_number_of_steps_is_told_by_how_far_it_is(row: Mapping[str, Any], counted: bool, expected: int) -> None:
    assert records.total(row, counted=counted) == expected


def test_texts_come_from_the_rollouts_and_from_what_is_drawn(tmp_path: Path) -> None:
    def said(role: str, content: Any) -> Mapping[str, Any]:
        return {"tag": "div", "data": {"type": "conversation", "messages": [{"role": role, "content": content}]}}

    table_of = {"tag": "table", "children": [{"tag": "td", "children": ["reward"]}, {"tag": "td", "children": ["0.9"]}]}
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "four"}]
    drawn = {"root": {"tag": "body", "children": [said("user", "2+2?"), said("assistant", parts), table_of]}}
    (tmp_path / "train_logtree.json").write_text(json.dumps(drawn))
    assert list(records.samples(tmp_path)) == [
        {"prompt": [{"role": "user", "content": "2+2?"}], "completion": "four", "reward": 0.9}
    ]
    step = {"reward": 1.0, "metrics": {"correct": 1.0, "stop/done": 1.0}, "logs": {"prompt": "[]", "completion": "4"}}
    (tmp_path / "train_rollout_summaries.jsonl").write_text(json.dumps({"steps": [step]}) + "\n")
    assert list(records.samples(tmp_path)) == [{"prompt": [], "completion": "4", "reward": 1.0, "correct": 1.0}]
    assert list(records.samples(tmp_path / "none")) == []


def test_the_model_is_the_last_that_can_be_sampled_from() -> None:
    rows: list[dict[str, Any]] = [
        {"name": "1", "state_path": "tinker://a", "sampler_path": "tinker://b"}, {"name": "2", "state_path": "tinker://c"}
    ]  # fmt: skip
    assert records.model(rows) == "tinker://b"
    assert records.model(rows[1:]) is None


# Without the packages


def test_without_the_packages_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crucible_runtime.installation.packages.find_spec", lambda name: None)
    with pytest.raises(EngineMissingError, match=rf"engine tinker .*{re.escape(install_command('tinker'))}"):
        start(experiment("supervised"), RunConfig(engine="tinker")).__enter__()


def test_a_field_that_the_installed_class_has_besides_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "imported", lambda name: DatasetRef)
    names = [field.name for field in fields(DatasetRef)]
    made = tree.Node(class_="x:Config", fields=dict.fromkeys([*names, "gone"]))
    (gone,) = objects.differences(made, "9.9")
    assert gone.startswith("x:Config of tinker_cookbook 9.9 has no field gone; install ")
    (new,) = objects.differences(replace(made, fields=dict.fromkeys(names[1:])), "9.9")
    assert new.startswith("x:Config of tinker_cookbook 9.9 has a field name, which is not set here")
    with pytest.raises(UnsupportedError):
        objects.made(made, "9.9")


def test_overrides_reach_the_config() -> None:
    training = experiment("rl").training_config
    assert training is not None
    changed = override(training, {"learning_rate": 5e-6, "options": {"group_size": 3}}, kind="rl")
    found = config(replace(experiment("rl"), training_config=changed)).fields
    assert (found["learning_rate"], found["dataset_builder"].fields["group_size"]) == (5e-6, 3)


def test_an_experiment_that_trains_nothing_is_none_of_this_engine() -> None:
    with pytest.raises(Exception, match="no stage that trains"):
        problems(replace(experiment("rl"), pipeline=[StageDef(name="deploy", module="X")]))


def test_a_missing_environment_is_named() -> None:
    (problem,) = problems(experiment("rl", {"env": "chess"}))
    assert "there is no environment chess" in problem
    assert isinstance(InputError(problem), Exception)

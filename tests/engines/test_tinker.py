"""The engine tinker with the real tinker and tinker_cookbook, against a service of this machine.

Each shipped recipe becomes the objects that the cookbook's own entry makes, but for what `differences.yaml` gives a
reason for; its numbers arrive at the service. Everything that is looked at here comes from one process, `tinker_runs`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from crucible_runtime.engines.tinker import table
from crucible_runtime.interface.stages import must_be_finite
from measured import NEUTRAL

pytestmark = pytest.mark.engines

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
ROLLOUTS = ("rl_basic", "rl_loop", "code_rl", "math_rl", "on_policy_distillation")
CHAT = ("sl_basic", "sl_loop", "chat_sl", "prompt_distillation")
NLL = 2.0

Report = dict[str, Any]


def printed(program: str, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, str(HERE / program), *arguments], capture_output=True, text=True, check=False, cwd=HERE
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Report:
    found: Report = printed("tinker_runs.py", str(tmp_path_factory.mktemp("tinker")))
    return found


@pytest.fixture(scope="module")
def captured() -> Report:
    """What the cookbook's own entries train with."""
    found: Report = printed("capture.py")
    return found


def training(recipe: str) -> Report:
    found: Report = json.loads((ROOT / "generated" / "ir" / f"{recipe}.json").read_text("utf-8"))["training_config"]
    return found


def listed(recipe: str) -> set[str]:
    """The cookbook's fields that differ from the recipe for a reason."""
    sections: dict[str, list[Report]] = yaml.safe_load((HERE / "differences.yaml").read_text("utf-8"))
    entries = [entry for section in sections.values() for entry in section]
    return {
        field for entry in entries if entry["recipes"] == "every" or recipe in entry["recipes"]
        for field in entry.get("cookbook", {})
    }  # fmt: skip


def leaves(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {name: leaf for key, inner in value.items() for name, leaf in leaves(inner, f"{path}.{key}").items()}
    return {path: value}


def to(report: Report, page: str) -> list[Report]:
    return [request for request in report["asked"] if request["to"] == page]


def adam(report: Report) -> list[Report]:
    return [request["adam_params"] for request in to(report, "optim_step")]


# The objects


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_objects_are_those_of_the_cookbooks_own_entry(recipe: str, runs: Report, captured: Report) -> None:
    for part in ("config", "builder"):
        ours, theirs = leaves(runs[recipe][part], part), leaves(captured[recipe][part], part)
        assert set(ours) == set(theirs)
        # rl_basic asks for the batches that the data has, and says in a word that an error ends the run.
        said = {"config.max_steps", "config.rollout_error_tolerance"} if recipe in ROLLOUTS else set()
        different = {name for name, value in ours.items() if value != theirs[name]}
        assert different <= listed(recipe) | said, {name: (ours[name], theirs[name]) for name in different}
    if recipe in ROLLOUTS:
        assert runs[recipe]["config"].get("rollout_error_tolerance", False) is False
        batches = training(recipe)["options"].get("num_batches")
        assert runs[recipe]["config"]["max_steps"] == (None if recipe == "math_rl" else batches)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_objects_have_the_values_of_the_recipe(recipe: str, runs: Report) -> None:
    wanted, report = training(recipe), runs[recipe]
    options, found = wanted["options"], {**report["builder"], **report["config"]}
    common = report["builder"].get("common_config", {})
    assert found["model_name"] == wanted["model_ref"]["id"]
    assert found["learning_rate"] == wanted["learning_rate"]
    assert found["lora_rank"] == options["lora_rank"]
    assert found["save_every"] == wanted["checkpoint_every"]
    sizes = {found.get(name, common.get("batch_size")) for name in ("batch_size", "groups_per_batch")}
    assert wanted["batch_size"] in sizes
    same = {
        "eval_every", "max_tokens", "temperature", "group_size", "num_substeps", "kl_penalty_coef", "ttl_seconds",
        "adam_beta1", "adam_beta2", "adam_eps", "lr_schedule", "renderer_name", "max_prompt_tokens",
    }  # fmt: skip
    for name in same & set(found) & set(options):
        assert found[name] == options[name], name
    for name in {"max_length", "train_on_what"} & set(options) & {*common, *found}:
        assert {**common, **found}[name] == options[name] or recipe == "dpo", name


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_entry_is_that_of_the_recipe(recipe: str, runs: Report) -> None:
    entry = json.loads((ROOT / "generated" / "ir" / f"{recipe}.json").read_text("utf-8"))["backend"].get("options")
    assert (runs[recipe]["class"] == table.entries().get(recipe, {}).get("class")) is (entry == {"entry": recipe})


# What goes over the wire


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_small_run_trains_through_the_real_client(recipe: str, runs: Report) -> None:
    report, wanted = runs[recipe], training(recipe)
    (model,) = to(report, "create_model")
    assert model["base_model"] == wanted["model_ref"]["id"]
    assert model["lora_config"]["rank"] == wanted["options"]["lora_rank"]
    named = {
        request["user_metadata"]["recipe_name"] for request in to(report, "create_session") if request["user_metadata"]
    }
    assert named == {f"recipe_{recipe}" if recipe.endswith("_loop") else recipe}
    assert report["output"]["engine"] == "tinker"
    assert report["output"]["model"] == "tinker://run/sampler_weights/final"
    assert report["output"]["checkpoints"] == ["tinker://run/weights/final"]
    assert report["output"]["steps"] == len(report["rows"]) == len(adam(report)) > 0
    assert [row["step"] for row in report["rows"]] == list(range(1, len(report["rows"]) + 1))
    assert not report["key"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_rows_that_were_seen_have_a_digest(recipe: str, runs: Report) -> None:
    name = training(recipe)["dataset_ref"]["name"]
    seen = [each["name"].partition(" [")[0] for each in runs[recipe]["seen"] if each["rows"] and each["digest"]]
    if recipe == "prompt_distillation":
        assert any(name.endswith(("multilingual.txt", ".jsonl")) for name in seen), runs[recipe]["seen"]
    elif name == "arithmetic":
        assert seen == [], "the cookbook makes its sums itself, of the seed"
    else:
        assert name in seen, runs[recipe]["seen"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_all_that_is_measured_is_judged_or_says_nothing_of_divergence(recipe: str, runs: Report) -> None:
    names = {name for row in runs[recipe]["rows"] for name in row}
    assert names
    assert [name for name in sorted(names) if not must_be_finite(name) and not NEUTRAL.search(name)] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_adam_is_that_of_the_recipe_at_every_step(recipe: str, runs: Report) -> None:
    report, wanted = runs[recipe], training(recipe)
    options, sent = wanted["options"], adam(runs[recipe])
    for step in sent:
        assert step["beta1"] == options["adam_beta1"] and step["beta2"] == options["adam_beta2"]
        assert step["eps"] == options["adam_eps"] and step["weight_decay"] == 0 and step["grad_clip_norm"] == 0
    # sl_loop lowers it over all the data, whatever max_steps says; 2 of the teacher's 4 answers make a batch.
    total = {"sl_loop": 1100 // 8, "prompt_distillation": 2}.get(recipe, 3)
    falls = options["lr_schedule"] == "linear"
    rates = [wanted["learning_rate"] * (1 - number / total if falls else 1) for number in range(len(sent))]
    assert [step["learning_rate"] for step in sent] == pytest.approx(rates)
    assert [row["learning_rate"] for row in report["rows"]] == pytest.approx(rates)


@pytest.mark.parametrize("recipe", ROLLOUTS)
def test_rollouts_are_sampled_as_the_recipe_says(recipe: str, runs: Report) -> None:
    report, options = runs[recipe], training(recipe)["options"]
    small = {**options, **({"max_tokens": 64} if recipe == "math_rl" else {})}
    asks = [ask for ask in to(report, "asample") if ask["sampling_params"]["max_tokens"] == small["max_tokens"]]
    asks = [ask for ask in asks if not ask.get("prompt_logprobs")][: 4 if recipe == "rl_loop" else 8]
    groups, size = (1, 2) if recipe == "code_rl" else (4, 2)
    assert sum(ask["num_samples"] for ask in asks) == groups * size
    assert {ask["sampling_params"]["temperature"] for ask in asks} == {options["temperature"]}
    losses = {request["loss_fn"] for request in to(report, "forward_backward")}
    assert losses <= {options["loss"]} and (losses or recipe == "code_rl")


@pytest.mark.parametrize("recipe", CHAT)
def test_answers_are_trained_on(recipe: str, runs: Report) -> None:
    batches = to(runs[recipe], "forward_backward")
    assert {request["loss_fn"] for request in batches} == {"cross_entropy"}
    assert {request["examples"] for request in batches} == {2 if recipe == "prompt_distillation" else 8}
    expected = ["en"] if recipe == "prompt_distillation" else ["a1", "a2"]
    assert all(answer in batches[0]["trained"] for answer in expected) and "q1" not in batches[0]["trained"]
    assert [row["loss"] for row in runs[recipe]["rows"]] == [NLL] * len(batches)


def test_dpo_weighs_by_beta(runs: Report) -> None:
    """Where both models think alike, the gradient of a pair is half of beta, one way and the other."""
    for name, beta in (("dpo", 0.1), ("pairs_in_the_recipe", 0.3)):
        first, second = to(runs[name], "forward_backward")[:2]
        assert first["examples"] == second["examples"] == 4
        assert second["weights"] == pytest.approx([-beta / 2 / 2, beta / 2 / 2])


def test_the_model_is_asked_after_the_run(runs: Report) -> None:
    for recipe, tokens in (("sl_basic", 64), ("chat_sl", 16), ("rl_basic", 256)):
        (session,) = [each for each in to(runs[recipe], "create_sampling_session") if "model_path" in each]
        assert session["model_path"] == "tinker://run/sampler_weights/final"
        last = to(runs[recipe], "asample")[-1]
        assert last["sampling_params"]["max_tokens"] == tokens
        assert last["sampling_params"]["stop"] == ["\n\nUser:"]
        assert set(runs[recipe]["evaluation"]) <= {"It is \\boxed{0}.", "It is \\boxed{1}. Final Answer: en"}
        assert runs[recipe]["evaluation"]


def test_rollouts_are_kept_with_their_texts(runs: Report) -> None:
    samples = [row for row in runs["rl_basic"]["samples"] if row["stage"] == "rl_train"]
    assert [row["step"] for row in samples] == [1] * 4 + [2] * 4
    assert {(row["completion"], row["reward"]) for row in samples} == {
        ("It is \\boxed{0}.", 0.0),
        ("It is \\boxed{1}. Final Answer: en", 1.0),
    }
    assert all("What is 0 + 1?" in row["prompt"][-1]["content"] for row in samples)
    assert [row["reward"] for row in runs["rl_basic"]["rows"]] == [0.5, 0.5]
    assert {row["reward"] for row in runs["code_rl"]["samples"]} == {-0.1}


# Data of one's own


def test_a_file_of_conversations(runs: Report) -> None:
    report = runs["file_of_conversations"]
    assert [step["learning_rate"] for step in adam(report)] == [0.001, 0.001]
    assert "a" in to(report, "forward_backward")[0]["trained"]
    assert len([ask for ask in to(report, "asample") if ask.get("prompt_logprobs")]) == 2 * 2


def test_a_table_of_questions(runs: Report) -> None:
    batches = to(runs["table_of_questions"], "forward_backward")
    assert [request["examples"] for request in batches] == [2, 2]
    assert "It is" in batches[0]["trained"] and "How much" not in batches[0]["trained"]


def test_prompts_in_the_recipe_are_cut(runs: Report) -> None:
    report = runs["prompts_in_the_recipe"]
    prompts = {ask["prompt"] for ask in to(report, "asample") if not ask.get("prompt_logprobs")}
    assert len(prompts) == 4 and all(len(prompt.partition("User: ")[2].partition("\n")[0]) == 20 for prompt in prompts)
    (teacher,) = [each for each in to(report, "create_sampling_session") if each.get("base_model") == "Qwen/Qwen3.5-9B"]
    assert "model_path" not in teacher


def test_an_environment_of_ours(runs: Report) -> None:
    report = runs["problems_of_ours"]
    asks = to(report, "asample")
    assert {ask["sampling_params"]["temperature"] for ask in asks} == {0.7, 1.0}  # the test set is tried at 1.0
    batches = to(report, "forward_backward")
    assert {request["loss_fn"] for request in batches} == {"ppo"}
    assert {request["loss_fn_config"]["clip_low_threshold"] for request in batches} == {0.8}
    assert len(batches) == len(adam(report)) == 2 * 2
    samples = report["samples"]
    assert len(samples) == 8 and {row["reward"] for row in samples} <= {0.0, 1.0}
    assert all(row["prompt"][-1]["content"].startswith("What is ") for row in samples)


# What goes wrong, and how it goes on


def test_a_run_goes_on_where_the_last_checkpoint_is(runs: Report) -> None:
    report = runs["resumed"]
    assert "refuses" in report["failed"] and "no optim_step today" in report["failed"]
    assert [row["step"] for row in report["before"]] == [1, 2, 3]
    (load,) = to(report, "load_weights")
    assert load["path"] == "tinker://run/weights/000002" and load["optimizer"] is True
    assert not to(report, "create_model")
    assert [row["step"] for row in report["rows"]] == [1, 2, 3, 4, 5]
    assert [row["learning_rate"] for row in report["rows"]] == pytest.approx([2e-4 * (1 - n / 5) for n in range(5)])
    assert len(adam(report)) == 3
    assert report["output"]["checkpoints"][-1] == "tinker://run/weights/final"


@pytest.mark.parametrize(
    ("recipe", "measured", "step"),
    [
        ("sl_basic", "loss", 4),
        ("sl_loop", "loss", 4),
        ("dpo", "surrogate_loss:sum", 2),
        ("rl_basic", "kl", 4),
        ("rl_loop", "loss:sum", 4),
        ("on_policy_distillation", "kl", 4),
    ],
)
def test_a_run_ends_at_the_step_that_is_not_finite(recipe: str, measured: str, step: int, runs: Report) -> None:
    report = runs["not_finite"][recipe]
    assert f"training diverged at step {step}: {measured} is nan. " in report["failed"]
    assert report["passes"] <= 5 and [row["step"] for row in report["rows"]][-1] == step
    assert report["stages"] == []
    good = [f"tinker://run/weights/{number:06}" for number in range(1, len(report["checkpoints"]) + 1)]
    assert [each["state_path"] for each in report["checkpoints"]] == good
    assert len(good) < step - 1, "a checkpoint is good when a step after it was finite"
    if good:
        assert report["failed"].endswith(f"load_checkpoint_path={good[-1]}")


def test_rows_that_teach_nothing_are_left_out_and_counted(runs: Report) -> None:
    report = runs["left_out"]
    for case in ("ours", "the cookbook's", "pairs"):
        assert "9 of 10 rows are left out: nothing to learn within max_length 60 tokens; that is a" in report[case]
    assert report["notes"] == [
        "3 of 10 rows are left out: nothing to learn within max_length 60 tokens",
        "1 of 7 rows is left out: they fill no batch of 2, training_config.batch_size",
    ]
    assert sum(request["examples"] for request in to(report["some"], "forward_backward")) == 6


def test_the_teacher_is_asked_once_for_each_line(runs: Report) -> None:
    report = runs["teacher"]
    assert "no asample today" in report["failed"]
    asks = to(report, "asample")
    assert len(asks) == 8
    options = training("prompt_distillation")["options"]
    for ask in asks:
        sent = ask["sampling_params"]
        assert (sent["max_tokens"], sent["temperature"]) == (
            options["teacher_max_tokens"],
            options["teacher_temperature"],
        )
        assert ask["num_samples"] == options["num_samples"]
    lines = [row["messages"][0]["content"] for row in report["file"]]
    assert len(lines) == 4 and {row["messages"][1]["content"] for row in report["file"]} == {"en"}
    models = {each.get("base_model") for each in to(report, "create_sampling_session")}
    assert models == {options["teacher_model"]}


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("no key", "engine tinker needs a key: set TINKER_API_KEY"),
        ("no key at all", "engine tinker needs a key: set TINKER_API_KEY"),
        ("a key of something else", "the key in TINKER_API_KEY is none of a Tinker service"),
        ("a key that is not known", "does not accept the key: set TINKER_API_KEY"),
        ("nobody there", "no Tinker service answers at http://127.0.0.1:9: "),
        ("a password in the address", "the address of the service has a password in it"),
        ("the service refuses", "refuses: Error code: 400"),
        ("a bad row", "bad.jsonl:2: no column messages"),
        ("too few rows", "batch_size is 2, and few has 1 rows"),
        ("no renderer", "recommends no renderer for who/knows: name one with training_config.options.renderer_name"),
        ("another renderer than the loop's", "renderer_name qwen3_5: the loop takes role_colon"),
        ("a loss that is no number", "training diverged at step 1: loss is nan"),
        ("several processes", "start one process, without torchrun or accelerate"),
        ("a class with a new field", "of tinker_cookbook 0.5.8 has a field new_knob, which is not set here"),
    ],
)
def test_one_message_says_what_is_wrong(case: str, says: str, runs: Report) -> None:
    told = runs["failures"][case]
    assert says in told
    for secret in ("tml-another-key", "hf_1234567890", "hidden99", "Traceback"):
        assert secret not in told

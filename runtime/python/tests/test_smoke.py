"""What `--smoke` changes of a recipe, and the tiny data: no engine is needed for either."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crucible_runtime import smoke
from crucible_runtime.environments import family
from crucible_runtime.errors import InputError
from crucible_runtime.experiment.kinds import trained_kind, types
from crucible_runtime.experiment.override import override
from crucible_runtime.ir import DatasetRef, ModelRef, TrainingConfig
from crucible_runtime.smoke import data

GENERATED = Path(__file__).parents[3] / "generated"
RECIPES = sorted(path.stem for path in (GENERATED / "ir").glob("*.json"))


@pytest.fixture(autouse=True)
def _recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GENERATED / "python"))


def training(name: str) -> tuple[TrainingConfig, str]:
    experiment = importlib.import_module(f"crucible_recipes.{name}").build_experiment()
    return experiment.training_config, trained_kind(experiment)


def smoked(config: TrainingConfig, kind: str) -> TrainingConfig:
    return override(config, smoke.overrides(config, kind), kind=kind)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_tiny_run_that_its_own_schema_accepts(name: str) -> None:
    config, kind = training(name)
    tiny = smoked(config, kind)
    assert (tiny.model_ref.provider, tiny.dataset_ref.provider) == ("generated", "generated")
    assert "lora_rank" not in tiny.options
    assert min(tiny.options.get("max_steps", 20), tiny.options.get("num_batches", 20)) <= 20
    if not types()[kind].taught:
        assert smoke.rows(tiny.dataset_ref.name, kind)


@pytest.mark.parametrize("name", RECIPES)
def test_numbers_get_smaller_and_the_rest_stays(name: str) -> None:
    config, kind = training(name)
    tiny = smoked(config, kind)
    assert tiny.batch_size <= config.batch_size
    for option, value in tiny.options.items():
        before = config.options.get(option)
        if isinstance(value, int) and isinstance(before, int):
            assert value <= before, option
    kept = {"optimizer", "loss_function", "seed", "gradient_clipping", "epochs", "metrics", "device"}
    assert all(getattr(tiny, field) == getattr(config, field) for field in kept)
    same = {"adam_beta2", "temperature", "format_coef", "loss", "train_on_what", "lr_schedule", "beta", "env"}
    assert all(tiny.options[option] == config.options[option] for option in same & config.options.keys())


@pytest.mark.parametrize("name", RECIPES)
def test_a_tiny_run_of_a_tiny_run_is_the_same(name: str) -> None:
    config, kind = training(name)
    once = smoked(config, kind)
    assert smoked(once, kind) == once


def test_what_nothing_tiny_stands_for_is_left_out() -> None:
    config, _ = training("rl_loop")
    options = {
        **config.options,
        "load_checkpoint_path": "/there",
        "kl_reference_model": "Qwen/Qwen3.5-9B",
        "adapter": "gsm8k",
        "max_turns": 3,
        "sandbox_backend": "modal",
    }
    tiny = smoked(replace(config, options=options, model_ref=ModelRef(id="a/b", version="v2")), "rl")
    assert not {"load_checkpoint_path", "kl_reference_model", "adapter"} & tiny.options.keys()
    assert (tiny.options["max_turns"], tiny.options["sandbox_backend"]) == (1, "bubblewrap")
    assert tiny.model_ref.version is None


def test_a_smaller_recipe_keeps_its_sizes() -> None:
    config = TrainingConfig(
        id="mine", model_ref=ModelRef(id="m"), dataset_ref=DatasetRef(name="d"), batch_size=2, options={"max_steps": 3}
    )
    tiny = smoked(config, "supervised")
    assert (tiny.batch_size, tiny.options["max_steps"]) == (2, 3)


def test_an_environment_of_ones_own_makes_its_rows_and_gets_the_untaught_model() -> None:
    config, _ = training("math_rl")
    changed = smoke.overrides(replace(config, options={**config.options, "env": "chess"}), "rl")
    assert (changed["model_ref"]["id"], changed["dataset_ref"]["name"]) == ("tiny", "chess")


def test_nothing_heavy_is_imported_for_it() -> None:
    code = (
        "import sys; from crucible_runtime import smoke; from crucible_runtime.data import teacher\n"
        "smoke.rows('tiny-chat', 'supervised')\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_data_names_the_nearest_and_what_to_do() -> None:
    with pytest.raises(InputError, match="did you mean tiny-chat") as caught:
        smoke.rows("tiny-chats", "supervised")
    assert "provider: local" in str(caught.value)
    with pytest.raises(InputError, match="no tiny data tiny-chat for recipes of type rl"):
        smoke.rows("tiny-chat", "rl")


@pytest.mark.parametrize("env", [env for env in smoke.ENVIRONMENTS if env != "deepcoder"])
def test_the_first_answer_to_each_tiny_problem_is_right_and_the_others_earn_nothing(env: str) -> None:
    made = family(env, options={"env": env, "format_coef": 0.1})
    for row, answers in data.environment(env):
        rewards = [made.environment(row).step(answer).reward for answer in answers]
        assert rewards[0] == 1.0
        assert max(rewards[1:]) <= 0.0


def test_the_tiny_data_is_varied_and_complete() -> None:
    rows: dict[str, Any] = data.named()
    assert len(rows["tiny-chat"]) == len({str(row) for row in rows["tiny-chat"]}) == 160
    assert len({str(row) for row in rows["tiny-preferences"]}) == 160
    assert {code for _, code in data.texts()} == {"en", "de", "es", "fr", "tr", "ot"}
    assert [sum(code == each for _, code in data.texts()) for each in ("en", "ot")] == [5, 5]

"""The ten recipes with `--smoke`, as a user starts them: all their stages run, and the model learns by a margin.

The margins are about two thirds of what was measured. A run may take 60 s on two cores; what is held here is the time
that its processes compute, which a busy machine does not change.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from crucible_runtime import smoke
from crucible_runtime.environments import family
from crucible_runtime.interface.stages import must_be_finite
from crucible_runtime.smoke import data
from measured import NEUTRAL

pytestmark = pytest.mark.engines

GENERATED = Path(__file__).parent.parent.parent / "generated" / "python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(GENERATED), "OMP_NUM_THREADS": "1"}
COMPUTED = 45
"""The most seconds that all processes of a run compute."""


@dataclass(frozen=True)
class Learns:
    """A metric, and by how much its mean over the last three steps is better than over the first three."""

    metric: str
    margin: float
    steps: int
    stages: tuple[str, ...]


RUNS = {
    "chat_sl": Learns("loss", -1.9, 19, ("supervised_train", "model_register", "deploy", "export_feedback")),
    "code_rl": Learns("reward", 0.1, 12, ("rl_train", "model_register", "deploy")),
    "dpo": Learns("loss", -0.28, 19, ("dpo_train", "model_register", "deploy")),
    "math_rl": Learns("reward", 0.3, 20, ("rl_train",)),
    "on_policy_distillation": Learns("loss", -1.8, 20, ("distillation", "model_register")),
    "prompt_distillation": Learns("loss", -2.0, 16, ("distillation", "model_register", "deploy")),
    "rl_basic": Learns("reward", 0.3, 20, ("rl_train", "model_register")),
    "rl_loop": Learns("reward", 0.35, 20, ("rl_train",)),
    "sl_basic": Learns("loss", -1.9, 19, ("supervised_train", "model_register", "deploy")),
    "sl_loop": Learns("loss", -1.9, 20, ("supervised_train",)),
}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", RUNS)
def test_a_recipe_learns_in_a_minute(name: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", f"crucible_recipes.{name}", "--smoke", "--log-path", "run"],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "libraries speak into the log"
    run, wanted = tmp_path / "run", RUNS[name]
    result = json.loads((run / "result.json").read_text("utf-8"))
    assert [stage["name"] for stage in result["stages"]] == list(wanted.stages)
    values = [row[wanted.metric] for row in rows(run / "metrics.jsonl") if wanted.metric in row]
    assert len(values) == wanted.steps
    measured = {name for row in rows(run / "metrics.jsonl") for name in row}
    assert [name for name in sorted(measured) if not must_be_finite(name) and not NEUTRAL.search(name)] == []
    change = mean(values[-3:]) - mean(values[:3])
    print(f"{name}: {wanted.metric} {mean(values[:3]):.3f} -> {mean(values[-3:]):.3f}")
    assert change / wanted.margin >= 1, f"{wanted.metric} changed by {change:.3f}, {wanted.margin} is wanted: {values}"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime <= COMPUTED
    assert (run / "report.html").exists()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".jsonl"] == [], "data stays in the run folder"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for name in ("tiny", "tiny-arithmetic", "tiny-teacher"):
        smoke.model(root / name, name)
    return root


def digest(path: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(path.iterdir())}


def test_tiny_models_are_tiny_and_the_same_bytes_in_another_process(models: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from crucible_runtime import smoke;"
        "[smoke.model(Path(sys.argv[1]) / name, name) for name in sys.argv[2:]]"
    )
    names = [path.name for path in models.iterdir()]
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path), *names], check=True, env=environment)
    for name in names:
        assert digest(models / name) == digest(tmp_path / name)
        assert sum(file.stat().st_size for file in (models / name).iterdir()) < 1_000_000
    assert len({digest(models / name)["model.safetensors"] for name in names}) == 3
    assert len({digest(models / name)["tokenizer.json"] for name in names}) == 1


def test_a_tiny_model_has_107_thousand_weights_and_a_template_that_marks_answers(models: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(models / "tiny")
    assert model.num_parameters() == 106_880
    tokenizer = AutoTokenizer.from_pretrained(models / "tiny")
    assert len(tokenizer) == model.config.vocab_size == 512
    text = "Grüße, 東京 \N{GRINNING FACE}"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    asked = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]
    found = tokenizer.apply_chat_template(asked, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    marked = [token for token, mask in zip(found["input_ids"], found["assistant_masks"], strict=True) if mask]
    assert tokenizer.decode(marked) == "yes<|im_end|>"


def test_a_model_that_is_there_is_left_and_making_one_leaves_chance_as_it_was(models: Path) -> None:
    import torch

    before = digest(models / "tiny")
    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    assert smoke.model(models / "tiny") == models / "tiny"
    smoke.model(models / "another", "tiny")
    assert torch.equal(torch.rand(1), wanted)
    assert digest(models / "tiny") == before == digest(models / "another")


def test_an_unknown_model_names_the_nearest(tmp_path: Path) -> None:
    from crucible_runtime.errors import InputError

    with pytest.raises(InputError, match="did you mean tiny-teacher"):
        smoke.model(tmp_path / "x", "tiny-teachers")


def test_the_tiny_teacher_knows_the_languages(models: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(models / "tiny-teacher")
    tokenizer = AutoTokenizer.from_pretrained(models / "tiny-teacher")
    right = 0
    for text, code in data.texts():
        asked = [{"role": "user", "content": f"Which language is this? {text}"}]
        inputs = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True, return_tensors="pt")
        said = model.generate(**inputs, max_new_tokens=16, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        right += tokenizer.decode(said, skip_special_tokens=True) == f"Final Answer: {code}"
    assert right >= 25, f"{right} of {len(data.texts())}"


def test_programs_of_the_tiny_data_are_judged_in_the_sandbox() -> None:
    made = family("deepcoder", options={"env": "deepcoder", "format_coef": 0.1, "sandbox_backend": "bubblewrap"})
    assert list(made.problems()) == []
    for row, answers in data.environment("deepcoder"):
        assert made.environment(row).step(answers[0]).reward == 1.0
        assert max(made.environment(row).step(answer).reward for answer in answers[1:]) <= 0.0

"""The installed tinker_cookbook in, what its ten recipes train with out: JSON, {recipe: {part: {field: value}}}.

Each entry is run as `python -m <module>` runs it, up to its third optimizer step. Replaced are the training service,
the hub, the tokenizers, and the function that opens the run's log, where the config arrives. The network is refused.

The parts: `config` and `builder` are what the entry built; `data` is what it asked of the hub, `env` what its
environments were made with, `service` what reached the training service and `sampling` the sampler; `teacher` is what
was asked of the teacher before the training, and `seen` are the texts that were trained on.
"""

from __future__ import annotations

import contextlib
import enum
import inspect
import io
import json
import logging
import os
import re
import runpy
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

_FOLDER = tempfile.TemporaryDirectory(prefix="cookbook-")
RUNS = Path(_FOLDER.name)
os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TINKER_COOKBOOK_RUNS_DIR=str(RUNS))
os.environ.pop("TINKER_API_KEY", None)

import chz  # noqa: E402
import datasets  # type: ignore[import-untyped]  # noqa: E402
import tinker  # noqa: E402
import torch  # noqa: E402
from tinker_cookbook import tokenizer_utils  # noqa: E402
from tinker_cookbook.recipes.code_rl import code_env  # noqa: E402
from tinker_cookbook.rl.problem_env import ProblemEnv  # noqa: E402
from tinker_cookbook.utils import ml_log  # noqa: E402

ENTRIES = {
    "sl_basic": "sl_basic",
    "sl_loop": "sl_loop",
    "chat_sl": "chat_sl.train",
    "rl_basic": "rl_basic",
    "rl_loop": "rl_loop",
    "code_rl": "code_rl.train",
    "math_rl": "math_rl.train",
    "dpo": "preference.dpo.train",
    "prompt_distillation": "prompt_distillation.train",
    "on_policy_distillation": "distillation.on_policy_distillation",
}
TEACHER = "prompt_distillation.create_data"
MODELS = ("Qwen/Qwen3.5-9B-Base", "Qwen/Qwen3.5-9B", "Qwen/Qwen3.6-35B-A3B")
STEPS = 3  # three learning rates tell a line from a curve

Fields = dict[str, Any]


class Enough(BaseException):
    """Ends a recipe whose steps were seen; no `except Exception` on the way stops it."""


@dataclass
class Seen:
    """What one run asked of the outside world, and the config that it logged."""

    config: Any = None
    loads: list[Fields] = field(default_factory=list)
    shuffles: list[int | None] = field(default_factory=list)
    env: Fields = field(default_factory=dict)
    lora: Fields = field(default_factory=dict)
    steps: list[Fields] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    sampling: list[Fields] = field(default_factory=list)
    sampled_models: list[str] = field(default_factory=list)
    texts: Fields = field(default_factory=dict)


seen = Seen()


def note(where: list[Any], what: Any) -> None:
    """Adds what is not there yet."""
    if what not in where:
        where.append(what)


def plain(value: Any) -> Any:
    """A config as JSON: its objects as mappings, enumerations by value, times and the folder of the runs by name."""
    if chz.is_chz(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in chz.chz_fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\d{4}(-\d\d){4}", "<time>", value.replace(str(RUNS), "$RUNS"))
    if value is None or isinstance(value, bool | int | float):
        return value
    return repr(value)


# The tokenizers


class CharTokenizer:
    """One token a character; a control word of the chat formats is one token."""

    bos_token: str | None = None
    eos_token = "<|endoftext|>"
    name_or_path = "chars"
    special = re.compile(r"<\|\w+\|>|</?think>|</?tool_call>|</?tool_response>")

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self.eos_token_id = self._special_id(self.eos_token)

    def _special_id(self, text: str) -> int:
        number = self._ids.setdefault(text, 0x110000 + len(self._ids))
        self._texts[number] = text
        return number

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        tokens: list[int] = []
        at = 0
        for match in self.special.finditer(text):
            tokens += map(ord, text[at : match.start()])
            tokens.append(self._special_id(match.group()))
            at = match.end()
        return [*tokens, *map(ord, text[at:])]

    def decode(self, tokens: Any, **_: Any) -> str:
        numbers = [tokens] if isinstance(tokens, int) else tokens
        return "".join(self._texts.get(int(n)) or chr(int(n)) for n in numbers)

    def convert_tokens_to_ids(self, token: str) -> int:
        return self._special_id(token) if self.special.fullmatch(token) else ord(token)


TOKENIZER = CharTokenizer()


# The service


class Done:
    """A finished request: some callers await it, others ask for its `result`."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self, timeout: float | None = None) -> Any:
        return self._value

    async def result_async(self, timeout: float | None = None) -> Any:
        return self._value


class FakeSampler:
    """Answers right and wrong in turn, so that the rewards of a group differ."""

    _turn = 0

    def _sequence(self) -> SimpleNamespace:
        FakeSampler._turn += 1
        answer = f"Final Answer: en \\boxed{{{FakeSampler._turn % 2}}}"
        seen.texts.setdefault("answer", answer)
        stop = "<|im_end|>" if getattr(seen.config, "renderer_name", "role_colon") == "qwen3_5" else "\n\nUser:"
        tokens = TOKENIZER.encode(answer + stop)
        return SimpleNamespace(tokens=tokens, logprobs=[0.0] * len(tokens), stop_reason="stop")

    def sample(self, prompt: tinker.ModelInput, num_samples: int, sampling_params: tinker.SamplingParams) -> Done:
        seen.texts.setdefault("prompt", TOKENIZER.decode(prompt.to_ints()))
        note(seen.sampling, {**sampling_params.model_dump(exclude={"stop"}), "num_samples": num_samples})
        return Done(SimpleNamespace(sequences=[self._sequence() for _ in range(num_samples)]))

    async def sample_async(self, **request: Any) -> SimpleNamespace:
        answer: SimpleNamespace = self.sample(**request).result()
        return answer

    async def compute_logprobs_async(self, prompt: tinker.ModelInput) -> list[float | None]:
        return [0.0] * prompt.length


class FakeTrainer:
    """Takes every pass and step, and ends the run at the last step that is wanted."""

    def _forward_backward(self, data: list[tinker.Datum], loss_fn: str) -> Done:
        note(seen.losses, loss_fn)
        inputs = data[0].loss_fn_inputs
        if "weights" in inputs:
            pairs = zip(inputs["target_tokens"].data, inputs["weights"].data, strict=True)
            seen.texts.setdefault("trained", TOKENIZER.decode([token for token, weight in pairs if weight]))
        outputs = [{"logprobs": tinker.TensorData.from_torch(torch.zeros(d.model_input.length))} for d in data]
        return Done(SimpleNamespace(loss_fn_outputs=outputs, metrics={}))

    def forward_backward(self, data: list[tinker.Datum], loss_fn: str) -> Done:
        return self._forward_backward(data, loss_fn)

    async def forward_backward_async(self, data: list[tinker.Datum], loss_fn: str, loss_fn_config: Any = None) -> Done:
        return self._forward_backward(data, loss_fn)

    def forward_backward_custom(self, data: list[tinker.Datum], loss_fn: Callable[..., Any]) -> Done:
        return self._forward_backward(data, loss_fn.__name__)

    def optim_step(self, params: tinker.AdamParams) -> Done:
        seen.steps.append(params.model_dump())
        if len(seen.steps) == STEPS:
            raise Enough
        return Done(SimpleNamespace(metrics={}))

    async def optim_step_async(self, params: tinker.AdamParams) -> Done:
        return self.optim_step(params)

    def save_weights_and_get_sampling_client(self) -> FakeSampler:
        return FakeSampler()

    async def save_weights_and_get_sampling_client_async(self) -> FakeSampler:
        return FakeSampler()


CREATE_LORA = inspect.signature(tinker.ServiceClient.create_lora_training_client)


class FakeService:
    """Stands for tinker.ServiceClient."""

    def __init__(self, **_: Any) -> None: ...

    def create_lora_training_client(self, *args: Any, **named: Any) -> FakeTrainer:
        bound = CREATE_LORA.bind(self, *args, **named)
        bound.apply_defaults()
        seen.lora = {k: v for k, v in bound.arguments.items() if k not in ("self", "user_metadata")}
        return FakeTrainer()

    async def create_lora_training_client_async(self, *args: Any, **named: Any) -> FakeTrainer:
        return self.create_lora_training_client(*args, **named)

    def create_sampling_client(self, *, base_model: str, model_path: str | None = None) -> FakeSampler:
        note(seen.sampled_models, base_model)
        return FakeSampler()


# The hub

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "q1"},
    {"role": "assistant", "content": "a1"},
    {"role": "user", "content": "q2"},
    {"role": "assistant", "content": "a2"},
]
TESTS = json.dumps([{"input": "1", "output": "1", "testtype": "stdin_stdout"}])
QUESTION = "What is 0 + 1?"
PAIR = {"chosen": "\n\nHuman: q\n\nAssistant: good", "rejected": "\n\nHuman: q\n\nAssistant: bad"}
# name: one row that holds exactly the columns that the recipes read, and rows enough for three steps and a bit
HUB: dict[str, tuple[Fields, int]] = {
    "HuggingFaceH4/no_robots": ({"messages": TALK}, 1100),
    "openai/gsm8k": ({"question": QUESTION, "answer": "It is 1.\n#### 1"}, 520),
    "agentica-org/DeepCoder-Preview-Dataset": ({"problem": "Echo.", "tests": TESTS, "starter_code": ""}, 120),
    "Anthropic/hh-rlhf": (PAIR, 1100),
    "zwhe99/DeepMath-103K": ({"question": QUESTION}, 3100),
}
TESTED = 1100
SENTENCES = 300


class Splits(datasets.DatasetDict):  # type: ignore[misc]
    """A data set that was loaded whole, and notes which of its splits are used."""

    load: Fields

    def __getitem__(self, split: Any) -> Any:
        note(seen.loads, {**self.load, "split": split})
        return super().__getitem__(split)


def load_dataset(path: str, name: str | None = None, split: str | None = None) -> Any:
    """Rows of the hub's shape; every other argument of the real function is refused."""
    row, count = HUB[path]
    splits = Splits(train=datasets.Dataset.from_list([row] * count), test=datasets.Dataset.from_list([row] * TESTED))
    splits.load = {"path": path, "name": name}
    return splits if split is None else splits[split]


# The parts of the cookbook that are listened to

SHUFFLE = datasets.Dataset.shuffle
PROBLEM = ProblemEnv.__init__
AGENT = code_env.build_agent_tool_env  # type: ignore[attr-defined]


def shuffle(rows: datasets.Dataset, *args: Any, **named: Any) -> datasets.Dataset:
    seen.shuffles.append(named.get("seed", args[0] if args else None))
    return SHUFFLE(rows, *args, **named)


def problem(env: ProblemEnv, *args: Any, **named: Any) -> None:
    PROBLEM(env, *args, **named)
    seen.env["made"] = env  # a subclass goes on setting attributes, so it is read later


def agent(**named: Any) -> Any:
    seen.env.update({name: value for name, value in named.items() if name.startswith(("max_", "context_"))})
    return AGENT(**named)


class QuietLog:
    """Stands for the run's log."""

    store = None

    def log_metrics(self, metrics: Fields, step: int | None = None) -> None: ...

    def get_logger_url(self) -> None: ...

    def close(self) -> None: ...


def open_log(*_: Any, config: Any, **__: Any) -> QuietLog:
    seen.config = config
    return QuietLog()


def refuse(*_: Any) -> NoReturn:
    raise AssertionError("a recipe reached for the network")


# Running and reporting


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def run_entry(name: str) -> Seen:
    """Runs `python -m tinker_cookbook.recipes.<name>` without arguments, and gives what was seen of it."""
    global seen
    seen = Seen()
    module = f"tinker_cookbook.recipes.{name}"
    with replaced(sys, "argv", [module]), contextlib.suppress(Enough, SystemExit):
        runpy.run_module(module, run_name="__main__")
    return seen


def schedule(rates: list[float]) -> str:
    """What three learning rates in a row look like: constant, linear, or neither."""
    first, second = rates[0] - rates[1], rates[1] - rates[2]
    if first == second == 0:
        return "constant"
    return "linear" if abs(first - second) < 1e-9 * rates[0] else "neither"


def data_part(run: Seen) -> Fields:
    """What was asked of the hub; the split that is loaded first is the one that is trained on."""
    part: Fields = {}
    for load in run.loads:
        kind = "" if load["split"] == run.loads[0]["split"] else "test_"
        part[f"{kind}path"], part[f"{kind}split"] = load["path"], load["split"]
        note(part.setdefault(f"{kind}names", []), load["name"])
    for kind in ("", "test_"):
        if len(part.get(f"{kind}names", ())) == 1:
            (part[f"{kind}name"],) = part.pop(f"{kind}names")
    return part | {"shuffle_seed": run.shuffles[0] if run.shuffles else None}


def env_part(run: Seen) -> Fields:
    """What environments were made with, and ask; their name is that of the class which builds the data set of them."""
    part = dict(run.env)
    if (made := part.pop("made", None)) is not None:
        part = {name: value for name, value in vars(made).items() if name in ("format_coef", "grader", "timeout")}
    kind = type(getattr(run.config, "dataset_builder", None)).__name__
    if part and kind.endswith("DatasetBuilder"):
        part["name"] = kind.removesuffix("DatasetBuilder").lower()
    if suffix := run.texts.get("prompt", "").partition(QUESTION)[2].partition("\n")[0]:
        part["question_suffix"] = suffix
    return part


def report(run: Seen) -> Fields:
    config = plain(run.config)
    builder = config.pop("dataset_builder", None) or (config.pop("dataset_configs", None) or [{}])[0]
    rates = [step["learning_rate"] for step in run.steps]
    return {
        "config": config,
        "builder": builder,
        "data": data_part(run),
        "env": env_part(run),
        "service": {
            "loss": run.losses[0] if len(run.losses) == 1 else run.losses,
            "lr_schedule": schedule(rates),
            "lora": run.lora,
            "adam": run.steps[0],
        },
        "sampling": run.sampling[0] if run.sampling else {},
        "teacher": {},
        "seen": run.texts,
    }


def teacher_part(run: Seen) -> Fields:
    (model,) = run.sampled_models
    (sampling,) = run.sampling
    return {"model": model, **sampling}


def capture() -> dict[str, Fields]:
    """Runs the ten recipes."""
    logging.disable(logging.CRITICAL)
    source = RUNS / "tinker_cookbook/example_data/multilingual.txt"  # the teacher reads it from the working directory
    source.parent.mkdir(parents=True)
    source.write_text("Hello there.\n" * SENTENCES)
    register: Callable[[str, Callable[[], Any]], None] = tokenizer_utils.register_tokenizer
    for model in MODELS:
        register(model, lambda: TOKENIZER)
    found: dict[str, Fields] = {}
    with contextlib.ExitStack() as stack:
        for owner, name, value in (
            (socket.socket, "connect", refuse),
            (tinker, "ServiceClient", FakeService),
            (datasets, "load_dataset", load_dataset),
            (code_env, "load_dataset", load_dataset),
            (datasets.Dataset, "shuffle", shuffle),
            (ProblemEnv, "__init__", problem),
            (code_env, "build_agent_tool_env", agent),
            (ml_log, "setup_logging", open_log),
        ):
            stack.enter_context(replaced(owner, name, value))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(contextlib.chdir(RUNS))
        for recipe, entry in ENTRIES.items():
            teacher = run_entry(TEACHER) if recipe == "prompt_distillation" else None
            found[recipe] = report(run_entry(entry))
            if teacher is not None:
                found[recipe]["teacher"] = teacher_part(teacher)
                found[recipe]["seen"] |= teacher.texts
    return found


if __name__ == "__main__":
    print(json.dumps(capture(), indent=1, ensure_ascii=False))

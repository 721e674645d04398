"""What tinker_cookbook cannot honour, and which of its builders does what: all that is known without importing it.

`mapping.json` says what becomes of each field. Besides the fields it has a table for each entry, which is a loop of
the cookbook that a recipe asks for with `backend: {id: tinker, options: {entry: sl_loop}}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from crucible_runtime.data import teacher
from crucible_runtime.engines import mapping
from crucible_runtime.engines.mapping import Rule, Table
from crucible_runtime.errors import CrucibleError, did_you_mean
from crucible_runtime.ir import DatasetRef, Experiment, TrainingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A builder of the cookbook for one data set of the hub, which it loads itself.

    word: its name of the data set
    options: what dataset_ref.options may be
    adapters: what options.adapter may be, besides nothing
    test_size: rows that it holds out; any_test_size: whether another number can be asked for
    test_split: the split that it evaluates on
    """

    class_: str
    word: str = ""
    options: tuple[Mapping[str, Any] | None, ...] = (None,)
    adapters: tuple[str, ...] = ()
    test_size: int | None = None
    any_test_size: bool = False
    test_split: str | None = None

    def fits(self, ref: DatasetRef, adapter: str | None) -> bool:
        """Whether the builder trains on what `ref` names, read as `adapter` says."""
        whole = ref.provider == "huggingface" and ref.split == "train" and ref.version is None and ref.format is None
        return whole and (ref.options or None) in self.options and adapter in (None, *self.adapters)


CHAT = "tinker_cookbook.recipes.chat_sl.chat_datasets"
COMPARISONS = "tinker_cookbook.recipes.preference.datasets"
PROMPTS = "tinker_cookbook.distillation.datasets:PromptOnlyDatasetBuilder"
OWN: Mapping[str, Mapping[str, Own]] = {
    "supervised": {
        "HuggingFaceH4/no_robots": Own(
            class_=f"{CHAT}:NoRobotsBuilder", adapters=("no_robots", "messages"), test_split="test"
        ),
        "allenai/tulu-3-sft-mixture": Own(
            class_=f"{CHAT}:Tulu3Builder", adapters=("tulu3", "messages"), test_size=1024
        ),
    },
    "preference": {
        "Anthropic/hh-rlhf": Own(
            class_=f"{COMPARISONS}:HHHComparisonBuilder", adapters=("hh_rlhf",), test_size=1024, any_test_size=True
        ),
        "nvidia/HelpSteer3": Own(
            class_=f"{COMPARISONS}:HelpSteer3ComparisonBuilder",
            options=(None, {"config": "preference"}),
            adapters=("helpsteer3",),
            test_size=1024,
        ),
        "argilla/ultrafeedback-binarized-preferences": Own(
            class_=f"{COMPARISONS}:UltraFeedbackComparisonBuilder", adapters=("ultrafeedback",), test_size=1024
        ),
    },
    "distillation": {
        "zwhe99/DeepMath-103K": Own(class_=PROMPTS, word="deepmath", adapters=("deepmath",)),
        "allenai/tulu-3-sft-mixture": Own(class_=PROMPTS, word="tulu3", adapters=("tulu3",)),
    },
}
"""The cookbook's builders by the type of the recipe and the name of the data set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEnvironment:
    """An environment of the cookbook; `settled` are the options that it has a value of its own for."""

    class_: str
    name: str
    data: Own | None
    settled: Mapping[str, tuple[Any, ...]]

    def fits(self, ref: DatasetRef, options: Mapping[str, Any]) -> bool:
        """Whether the environment does what the recipe says."""
        data = self.data
        if data is None:
            known = ref.provider == "generated"
        else:
            known = ref.name == self.name and data.fits(ref, options.get("adapter"))
        return known and all(options.get(name) in values for name, values in self.settled.items())


_SETTLED: Mapping[str, tuple[Any, ...]] = {"test_size": (None,)}
_GRADED: Mapping[str, tuple[Any, ...]] = {
    **_SETTLED,
    "format_coef": (None, 0.1),
    "grader": (None, "sympy"),
    "timeout_seconds": (None, 1),
}
_PLAIN: Mapping[str, tuple[Any, ...]] = {**_GRADED, "convo_prefix": (None, "none")}
_MATH = "tinker_cookbook.recipes.math_rl.math_env"
_CONFIGS = ["primeintellect", "taco", "lcbv5"]
ENVIRONMENTS: Mapping[str, OwnEnvironment] = {
    "arithmetic": OwnEnvironment(
        class_="tinker_cookbook.recipes.math_rl.arithmetic_env:ArithmeticDatasetBuilder",
        name="arithmetic",
        data=None,
        settled={**_GRADED, "shuffle_seed": (None,)},
    ),
    "gsm8k": OwnEnvironment(
        class_=f"{_MATH}:Gsm8kDatasetBuilder",
        name="openai/gsm8k",
        data=Own(class_="", options=(None, {"config": "main"}), adapters=("gsm8k",)),
        settled=_GRADED,
    ),
    "math": OwnEnvironment(
        class_=f"{_MATH}:MathDatasetBuilder",
        name="EleutherAI/hendrycks_math",
        data=Own(class_="", adapters=("hendrycks_math",)),
        settled=_GRADED,
    ),
    "polaris": OwnEnvironment(
        class_=f"{_MATH}:PolarisDatasetBuilder",
        name="POLARIS-Project/Polaris-Dataset-53K",
        data=Own(class_="", adapters=("polaris",)),
        settled=_PLAIN,
    ),
    "deepmath": OwnEnvironment(
        class_=f"{_MATH}:DeepMathDatasetBuilder",
        name="zwhe99/DeepMath-103K",
        data=Own(class_="", adapters=("deepmath",)),
        settled=_PLAIN,
    ),
    "deepcoder": OwnEnvironment(
        class_="tinker_cookbook.recipes.code_rl.code_env:DeepcoderDatasetBuilder",
        name="agentica-org/DeepCoder-Preview-Dataset",
        data=Own(class_="", options=(None, {"configs": _CONFIGS}), adapters=("deepcoder",)),
        settled={
            **_SETTLED,
            "convo_prefix": (None, "none"),
            "grader": (None,),
            "max_length": (None, 32768),
            "sandbox_backend": (None, "sandboxfusion", "modal"),
        },
    ),
}
"""The cookbook's environments by what options.env takes."""


def entry_of(experiment: Experiment) -> str | None:
    """The loop of the cookbook that the recipe asks for, or None for the one of its type."""
    entry: str | None = (experiment.backend.options or {}).get("entry")
    return entry


def problems(experiment: Experiment, kind: str) -> list[str]:
    """Everything of the experiment that the cookbook cannot honour, each a whole sentence."""
    training = experiment.training_config
    if training is None:
        return ["engine tinker trains what training_config says, and the experiment has none"]
    found = _backend(experiment, kind)
    if found:
        return found
    return [
        *_table(entry_of(experiment)).problems(training, kind),
        *_missing(training, kind, entry_of(experiment)),
        *_conflicts(training, kind),
        *_elsewhere(training, kind, experiment),
    ]


def is_jsonl(ref: DatasetRef) -> bool:
    """Whether a data set is a JSONL file of this machine, of which nothing else is said."""
    jsonl = (ref.format or Path(ref.name).suffix.removeprefix(".")) == "jsonl"
    return ref.provider == "local" and jsonl and not ref.options and ref.schema is None


def is_conversations(ref: DatasetRef, adapter: str | None) -> bool:
    """Whether it is such a file of conversations, which the cookbook reads as it is."""
    return is_jsonl(ref) and adapter == "messages"


@cache
def _written() -> Mapping[str, Any]:
    text = files("crucible_runtime.engines").joinpath("tinker", "mapping.json").read_text("utf-8")
    written: Mapping[str, Any] = json.loads(text)
    return written


def entries() -> Mapping[str, Mapping[str, Any]]:
    """The loops by name: the type of recipe that each is for, its config's class, and its table."""
    found: Mapping[str, Mapping[str, Any]] = _written()["entries"]
    return found


@cache
def _table(entry: str | None) -> Table:
    """The table of the engine; that of an entry takes its place, and refuses what it does not name."""
    base = mapping.load("tinker")
    if entry is None:
        return base
    instead = "leave backend.options.entry out to train without that loop"
    own = {path: [Rule(**_tuples(rule)) for rule in rules] for path, rules in entries()[entry]["fields"].items()}
    none = Rule(refuse="the loop has no such setting", instead=instead)
    rules = {
        path: own.get(path) or [rule if rule.unused or (rule.refuse and not rule.to) else none for rule in found]
        for path, found in base.rules.items()
    }
    with_instead = {
        path: [replace(rule, instead=rule.instead or instead) for rule in found] for path, found in rules.items()
    }
    return Table(engine=f"tinker (entry {entry})", rules=with_instead)


def _tuples(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in rule.items()}


def _backend(experiment: Experiment, kind: str) -> list[str]:
    options = dict(experiment.backend.options or {})
    entry = options.pop("entry", None)
    found = [
        f"engine tinker knows no backend.options.{name}; {did_you_mean(name, ['entry'])}" for name in sorted(options)
    ]
    if entry is None:
        return found
    if entry not in entries():
        return [*found, f"engine tinker knows no entry {entry}; {did_you_mean(str(entry), entries())}"]
    if entries()[entry]["kind"] != kind:
        return [*found, f"entry {entry} is for recipes of type {entries()[entry]['kind']}, this one is {kind}"]
    return found


def _missing(training: TrainingConfig, kind: str, entry: str | None) -> list[str]:
    """What the cookbook needs and no default stands for."""
    options = training.options or {}
    needed = {
        "lora_rank": "the service trains a LoRA adapter, never all weights; 32 is what the cookbook's recipes take",
    }
    if kind in ("rl", "distillation"):
        needed["max_tokens"] = "the longest answer of a rollout, in tokens"
        needed["group_size"] = "the rollouts for each problem"
    if kind == "rl" and entry is None:
        needed["env"] = f"one of {', '.join(ENVIRONMENTS)}, or one of your own"
    if kind == "distillation":
        needed["teacher_model"] = "the model to learn from"
    if options.get("kl_penalty_coef") and kind == "rl":
        needed["kl_reference_model"] = "the model that kl_penalty_coef measures from, such as model_ref.id"
    if "kl_reference_checkpoint" in options:
        needed["kl_reference_model"] = "the model that kl_reference_checkpoint is a checkpoint of"
    if entry == "sl_loop":
        needed["max_length"] = "the longest example, in tokens"
    if entry == "rl_loop":
        needed["format_coef"] = "0.0, as for the loop an answer is right or wrong, and nothing else counts"
        needed["remove_constant_reward_groups"] = "true, as the loop drops groups whose rewards are all the same"
    return [
        f"engine tinker needs training_config.options.{name}: {why}"
        for name, why in needed.items()
        if name not in options
    ]


def _conflicts(training: TrainingConfig, kind: str) -> list[str]:
    options = training.options or {}
    found = []
    said, loss = training.loss_function, options.get("loss")
    if kind in ("rl", "distillation") and loss not in (None, said) and said != "cross_entropy":
        found.append(
            f"training_config.loss_function is {said} and training_config.options.loss is {loss}: leave one of them out"
        )
    if "max_steps_off_policy" in options and "num_minibatches" in options:
        found.append(
            "tinker_cookbook has no minibatches where rollouts are off policy: leave "
            "training_config.options.num_minibatches or training_config.options.max_steps_off_policy out"
        )
    return found


def _elsewhere(training: TrainingConfig, kind: str, experiment: Experiment) -> list[str]:
    """What a teacher, or an environment that is not the cookbook's, lacks."""
    from crucible_runtime.plugins import family

    options = training.options or {}
    if kind == "supervised":
        return teacher.problems(training, brings="tinker_cookbook")
    env = options.get("env")
    if kind != "rl" or entry_of(experiment) is not None or env is None:
        return []
    own = ENVIRONMENTS.get(env)
    if own is not None and own.fits(training.dataset_ref, options):
        return []
    try:
        return list(family(env, options=options).problems())
    except CrucibleError as error:
        return [str(error)]

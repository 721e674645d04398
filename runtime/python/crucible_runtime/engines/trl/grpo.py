"""Recipes of type rl: a model learns from the rewards of an environment, with trl's GRPOTrainer.

Each batch has batch_size problems, group_size answers to each, and num_substeps steps of the optimizer. Num_batches,
max_steps and checkpoint_every count batches, where the trainer and metrics.jsonl count steps of the optimizer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import Any

from crucible_runtime import data, smoke
from crucible_runtime.engines.checks import multi_turn
from crucible_runtime.engines.trl import arguments, batches
from crucible_runtime.errors import CrucibleError, InputError
from crucible_runtime.interface.environments import Family, Outcome
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import TrainingConfig
from crucible_runtime.plugins import family
from crucible_runtime.ports import Message

LOSSES: Mapping[str, Mapping[str, float]] = {
    "importance_sampling": {},
    "ppo": {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2},
    "cispo": {"clip_low_threshold": 0.0, "clip_high_threshold": 1.2},
}
"""The losses of this engine, with what loss_config may set for each and what that is where it does not."""
UNCLIPPED = 1.0e6
"""No ratio of two probabilities that trains gets this far from 1."""
CONFIG = "GRPOConfig"
"""trl's class of the arguments."""


def problems(training: TrainingConfig, config: RunConfig) -> list[str]:
    """What of a recipe of type rl cannot be honoured and stands in no table, each a whole sentence."""
    given = arguments.options(training)
    found = [*_sizes(training), *_losses(training)]
    reference = given.get("kl_reference_model")
    if reference is not None and reference != training.model_ref.id:
        found.append(
            f"engine trl cannot honour training_config.options.kl_reference_model {reference}: its reference is the "
            f"model that training starts from; leave the option out, or set it to {training.model_ref.id}"
        )
    if "env" not in given:
        return [*found, "training_config.options.env is missing: the environment that sets the problems, such as gsm8k"]
    try:
        # The table judges the sandbox, and says the same of it.
        others = {name: value for name, value in given.items() if name != "sandbox_backend"}
        made = family(given["env"], options=others, allow_unsandboxed=config.allow_unsandboxed)
    except InputError as error:
        return [*found, str(error)]
    found += made.problems()
    if getattr(made, "multi_turn", False):
        found.append(multi_turn(f"environment {given['env']}"))
    if made.adapter is not None and _made_up(training):
        found.append(
            f"environment {given['env']} makes up no problems, and training_config.dataset_ref.provider is "
            f"{smoke.PROVIDER}: name a data set of the hub or a file"
        )
    if made.adapter is None and batches.wanted(training) is None:
        found.append(
            f"environment {given['env']} makes up problems without end: set training_config.options.num_batches"
        )
    return found


def _sizes(training: TrainingConfig) -> Iterator[str]:
    given = arguments.options(training)
    group, substeps = given.get("group_size", 1), given.get("num_substeps", 1)
    if group < 2:
        yield (
            f"training_config.options.group_size is {group}, and an answer is only compared with others to the same "
            "problem: take 2 or more"
        )
    if training.batch_size * group % substeps:
        yield (
            f"training_config.options.num_substeps {substeps} does not divide the {training.batch_size * group} "
            "rollouts of a batch, which are batch_size * group_size"
        )
    if "max_tokens" not in given:
        yield "training_config.options.max_tokens is missing: the length of the longest answer, in tokens"


def _losses(training: TrainingConfig) -> Iterator[str]:
    given = arguments.options(training)
    name = loss(training)
    if training.loss_function in LOSSES and training.loss_function != name:
        yield (
            f"training_config.loss_function {training.loss_function} and training_config.options.loss {name} are two "
            "losses: name one of them"
        )
    known = LOSSES.get(name, {})
    for setting, value in (given.get("loss_config") or {}).items():
        if setting not in known:
            settings = f"it has {', '.join(known)}" if known else "it has none"
            yield f"engine trl knows no setting {setting} of the loss {name}: {settings}"
        elif name == "cispo" and setting == "clip_low_threshold" and value != 0:
            yield (
                f"engine trl cannot honour training_config.options.loss_config.clip_low_threshold {value}: its cispo "
                "bounds ratios from above alone; leave it out"
            )
    if given.get("remove_constant_reward_groups") and (name == "cispo" or given.get("kl_penalty_coef")):
        yield (
            "engine trl cannot honour training_config.options.remove_constant_reward_groups true with "
            + (f"the loss {name}" if name == "cispo" else f"kl_penalty_coef {given['kl_penalty_coef']}")
            + ": such a group keeps its weight there; leave the option out"
        )


def loss(training: TrainingConfig) -> str:
    """The name of the loss: options.loss, else loss_function where that is one of reinforcement learning."""
    named = training.loss_function if training.loss_function in LOSSES else "importance_sampling"
    return str(arguments.options(training).get("loss", named))


def values(training: TrainingConfig, count: int | None = None) -> dict[str, Any]:
    """The arguments of the trainer, each with its value; `count` batches where the recipe does not say how many."""
    given = arguments.options(training)
    substeps = given.get("num_substeps", 1)
    group = given.get("group_size", 1)
    count = count if count is not None else batches.wanted(training)
    common = arguments.values(training, training.batch_size * group // substeps)
    return common | {
        "max_steps": count * substeps if count is not None else -1,
        "num_train_epochs": 1.0,
        "lr_scheduler_type": given.get("lr_schedule", "constant"),
        "save_steps": common["save_steps"] * substeps,
        "num_generations": group,
        "steps_per_generation": substeps * common["gradient_accumulation_steps"],
        **batches.sampling(training),
        "beta": given.get("kl_penalty_coef", 0.0),
        "num_iterations": 1,
        "scale_rewards": "none",
        "importance_sampling_level": "token",
        "mask_truncated_completions": False,
        "disable_dropout": False,
        "sync_ref_model": False,
        "shuffle_dataset": False,
        "use_vllm": False,
        "remove_unused_columns": False,
        "log_completions": False,
        **_loss_values(training),
    }


def _loss_values(training: TrainingConfig) -> dict[str, Any]:
    name = loss(training)
    settings = {**LOSSES.get(name, {}), **(arguments.options(training).get("loss_config") or {})}
    match name:
        case "ppo":
            low, high = 1 - settings["clip_low_threshold"], settings["clip_high_threshold"] - 1
            return {"loss_type": "dr_grpo", "epsilon": low, "epsilon_high": high}
        case "cispo":
            return {"loss_type": "cispo", "epsilon": UNCLIPPED, "epsilon_high": settings["clip_high_threshold"]}
    return {"loss_type": "dr_grpo", "epsilon": UNCLIPPED, "epsilon_high": UNCLIPPED}


def train(context: Context, options: Options) -> Output:
    """Trains on the rewards of the recipe's environment; what the stage leaves behind.

    Raises InputError for data that holds no problems, and what loading a model raises.
    """
    from datasets import Dataset
    from trl import GRPOConfig

    from crucible_runtime.engines.trl import models, watch
    from crucible_runtime.engines.trl.rollouts import GRPO

    training = arguments.training(context.experiment)
    made = _family(training, context.config)
    problems = [
        _Problem(family=made, row=row, name=f"environment {arguments.options(training)['env']}")
        for row in _rows(training, made)
    ]
    model, tokenizer = models.load(context)
    asked = [problem.asked() for problem in problems]
    rewards = _Rewards(context, problems, asked, [len(ids) for ids in _tokens(tokenizer, asked)], tokenizer)
    trainer = GRPO(
        model=model,
        reward_funcs=rewards,
        args=arguments.built(
            GRPOConfig,
            {**values(training, len(problems) // training.batch_size), **arguments.placed(context)},
            context,
        ),
        train_dataset=Dataset.from_list([{"prompt": prompt, "problem": number} for number, prompt in enumerate(asked)]),
        processing_class=tokenizer,
        peft_config=models.adapter(model, training),
    )
    trainer.samples(training)
    rewards.ends = {*trainer.eos_token_ids}
    watch.watched(trainer, context)
    with rewards:
        models.train(trainer, context)
    return models.finish(trainer, context)


def _family(training: TrainingConfig, config: RunConfig) -> Family:
    given = arguments.options(training)
    return family(given["env"], options=given, allow_unsandboxed=config.allow_unsandboxed)


def _rows(training: TrainingConfig, family: Family) -> list[Mapping[str, Any]]:
    """The rows of the problems of all batches in their order."""
    given, ref = arguments.options(training), training.dataset_ref
    count = batches.wanted(training)
    if _made_up(training):
        seed = given.get("shuffle_seed", training.seed or arguments.SEED)
        made = list(itertools.islice(family.rows(seed), (count or 0) * training.batch_size))
        data.see(ref, made)
        return made
    rows = data.rows(ref, adapter=given.get("adapter", family.adapter), kind="rl", limit=batches.limit(training))
    if not rows:
        raise InputError(f"data set {ref.name} holds no problems")
    return list(batches.filled(training, rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """One problem, which makes an environment of its own for each answer: none is shared between rollouts."""

    family: Family
    row: Mapping[str, Any]
    name: str

    def asked(self) -> list[Message]:
        """What the model is asked."""
        return list(self.family.environment(self.row).initial_observation())

    def step(self, prompt: Sequence[Message], answer: str, *, ended: bool) -> Outcome:
        """What an answer is worth; raises InputError for an environment that asks anew, or goes on."""
        environment = self.family.environment(self.row)
        if list(environment.initial_observation()) != list(prompt):
            raise InputError(
                f"{self.name} asks another question each time that it is made of the same row, and an answer belongs to "
                "one question: make the question from the row alone"
            )
        outcome = environment.step(answer, ended=ended)
        if not outcome.stop:
            raise InputError(multi_turn(self.name))
        return outcome


def _made_up(training: TrainingConfig) -> bool:
    """Whether the environment makes up its problems: generated data is either that or the tiny one."""
    ref = training.dataset_ref
    return ref.provider == smoke.PROVIDER and not ref.name.startswith("tiny-")


def _tokens(tokenizer: Any, prompts: Sequence[Sequence[Message]]) -> list[list[int]]:
    made = tokenizer.apply_chat_template(
        [list(prompt) for prompt in prompts], add_generation_prompt=True, return_dict=True
    )
    return list(made["input_ids"])


class _Rewards:
    """What the trainer asks for rewards: answers in, their rewards out, and some of them to samples.jsonl."""

    __name__ = "reward"

    def __init__(
        self,
        context: Context,
        problems: Sequence[_Problem],
        asked: Sequence[Sequence[Message]],
        lengths: Sequence[int],
        tokenizer: Any,
    ) -> None:
        """Takes the problems in their order, what each asks, and the lengths of their prompts in tokens."""
        from crucible_runtime.engines.trl import models

        given = arguments.options(arguments.training(context.experiment))
        self.ends: set[int] = set()
        self._context, self._problems, self._lengths, self._tokenizer = context, problems, lengths, tokenizer
        self._asked = asked
        self._step = 0
        self._longest = given.get("max_length")
        self._stop = models.STOP if given.get("renderer_name") == models.ROLE_COLON else None
        self._pool = ThreadPoolExecutor(max_workers=max(2, cpu_count() or 2))

    def __enter__(self) -> _Rewards:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __call__(
        self,
        prompts: Sequence[Sequence[Message]],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        problem: Sequence[int],
        trainer_state: Any,
        log_metric: Any,
        **_: Any,
    ) -> list[float]:
        """The reward of each answer. Programs run side by side; the order is that of the answers all the same."""
        from crucible_runtime.engines.trl.rollouts import spoken

        texts = [spoken(completion, self._stop) for completion in completions]
        self._step = trainer_state.global_step + 1
        outcomes = list(self._pool.map(self._outcome, texts, completion_ids, problem))
        for name in sorted({name for outcome in outcomes for name in outcome.metrics}):
            mean = sum(outcome.metrics.get(name, 0.0) for outcome in outcomes) / len(outcomes)
            log_metric(name, mean)
            if name == "correct":
                log_metric("accuracy", mean)
        stage, step = self._context.stage.name, self._step
        for at in batches.shown(len(texts), len(problem) // len(set(problem))):
            found = outcomes[at]
            measured = {**found.metrics, "reward": found.reward}
            self._context.folder.sample(batches.sample(stage, step, prompts[at], texts[at], measured))
        return [outcome.reward for outcome in outcomes]

    def _outcome(self, text: str, ids: Sequence[int], problem: int) -> Outcome:
        ended = bool(ids) and (ids[-1] in self.ends or self._stopped(ids))
        if self._longest is not None and self._lengths[problem] + len(ids) > self._longest:
            ended = False
        try:
            return self._problems[problem].step(self._asked[problem], text, ended=ended)
        except CrucibleError:
            raise
        except Exception as error:
            raise CrucibleError(
                f"the environment failed on problem {problem} at step {self._step}: {type(error).__name__}: {error}"
            ) from error

    def _stopped(self, ids: Sequence[int]) -> bool:
        return self._stop is not None and self._stop in self._tokenizer.decode(ids)

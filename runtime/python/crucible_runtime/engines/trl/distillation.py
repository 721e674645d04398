"""Recipes of type distillation: a student learns to answer as its teacher would.

The student answers, the teacher says how likely each of its tokens would have been, and the divergence between the
two is what gets smaller. It is the reverse one, taken over the whole vocabulary, of which a sampled token's is an
estimate. Kl_penalty_coef weighs a loss that has no other part, so that Adam, which does not see how large a loss is,
trains the same with any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crucible_runtime import data, smoke
from crucible_runtime.engines.trl import arguments, batches
from crucible_runtime.engines.trl.rows import unfit
from crucible_runtime.errors import InputError
from crucible_runtime.installation import project
from crucible_runtime.interface.leftout import left_out
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import ModelRef, TrainingConfig

CONFIG = "DistillationConfig"
"""trl's class of the arguments."""


def problems(training: TrainingConfig, config: RunConfig) -> list[str]:
    """What of a recipe of type distillation cannot be honoured and stands in no table, each a whole sentence."""
    given = arguments.options(training)
    found = [
        f"training_config.options.{name} is missing: {what}"
        for name, what in (
            ("teacher_model", "the model to learn from"),
            ("max_tokens", "the length of the longest answer, in tokens"),
        )
        if name not in given
    ]
    if given.get("kl_penalty_coef") == 0:
        found.append(
            "training_config.options.kl_penalty_coef is 0, and the divergence from the teacher is all there is to learn "
            "from: take 1.0, or leave it out"
        )
    return found


def values(training: TrainingConfig, count: int | None = None) -> dict[str, Any]:
    """The arguments of the trainer, each with its value; `count` batches where the recipe does not say how many."""
    given = arguments.options(training)
    count = count if count is not None else batches.wanted(training)
    return arguments.values(training, training.batch_size * given.get("group_size", 1)) | {
        "max_steps": count if count is not None else -1,
        "num_train_epochs": 1.0,
        "lr_scheduler_type": given.get("lr_schedule", "constant"),
        **batches.sampling(training),
        "beta": 1.0,
        "disable_dropout": False,
        "shuffle_dataset": False,
        "use_vllm": False,
        "remove_unused_columns": False,
        "log_completions": False,
    }


def train(context: Context, options: Options) -> Output:
    """Trains the student on the teacher's judgement of its answers; what the stage leaves behind.

    Raises InputError for data without questions and for a teacher with another vocabulary, and what loading a model
    raises.
    """
    from datasets import Dataset
    from trl import DistillationConfig

    from crucible_runtime.engines.trl import models, watch
    from crucible_runtime.engines.trl.rollouts import Distillation

    training = arguments.training(context.experiment)
    given = arguments.options(training)
    model, tokenizer = models.load(context)
    asked = _prompts(training)
    prompts = [_shortened(prompt, tokenizer, given.get("max_prompt_tokens")) for prompt in asked]
    most, group = given.get("max_prompt_tokens"), given.get("group_size", 1)
    cut = sum(prompt != before for prompt, before in zip(prompts, asked, strict=True))
    left_out(cut, len(prompts), f"longer than max_prompt_tokens {most}", what="prompts", done="cut off")
    trainer = Distillation(
        model=model,
        teacher_model=_teacher(context, training, len(tokenizer), model.config.get_text_config().vocab_size),
        args=arguments.built(
            DistillationConfig,
            {**values(training, len(prompts) // training.batch_size), **arguments.placed(context)},
            context,
        ),
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts for _ in range(group)]),
        processing_class=tokenizer,
        peft_config=models.adapter(model, training),
    )
    trainer.samples(training)
    trainer.coefficient = given.get("kl_penalty_coef", 1.0)
    trainer.heard = _listener(context, trainer, group)
    watch.watched(trainer, context)
    models.train(trainer, context)
    return models.finish(trainer, context)


def _prompts(training: TrainingConfig) -> list[list[Mapping[str, Any]]]:
    """The questions of all batches in their order."""
    given, ref = arguments.options(training), training.dataset_ref
    rows = data.rows(
        ref, adapter=given.get("adapter"), kind="distillation", limit=batches.limit(training), unfit=unfit(training)
    )
    if not rows:
        raise InputError(f"data set {ref.name} holds no questions")
    return batches.filled(training, [list(row["prompt"]) for row in rows])


def _shortened(prompt: Sequence[Mapping[str, Any]], tokenizer: Any, most: int | None) -> list[Mapping[str, Any]]:
    """The conversation with its last message cut off at `most` tokens."""
    last = prompt[-1]
    ids = tokenizer(last["content"], add_special_tokens=False)["input_ids"] if most is not None else []
    if most is None or len(ids) <= most:
        return [*prompt]
    return [*prompt[:-1], {**last, "content": tokenizer.decode(ids[:most])}]


def _teacher(context: Context, training: TrainingConfig, tokens: int, vocabulary: int) -> Any:
    """The model to learn from, with the weights or the adapter of teacher_checkpoint where there is one."""
    from accelerate import PartialState

    from crucible_runtime.engines.trl import models

    given = arguments.options(training)
    name, checkpoint = given["teacher_model"], given.get("teacher_checkpoint")
    ref, adapter = teacher_ref(training, name), ""
    if checkpoint is not None:
        path = project.located(checkpoint)
        if (path / "adapter_config.json").exists():
            adapter = str(path)
        else:
            ref = ModelRef(id=checkpoint, provider="local")
    with PartialState(cpu=training.device == "cpu").main_process_first():
        teacher, spoken = models.opened(context, ref, given.get("renderer_name"))
    if adapter:
        from peft import PeftModel

        teacher = PeftModel.from_pretrained(teacher, adapter).merge_and_unload()
    found = teacher.config.get_text_config().vocab_size
    if len(spoken) != tokens or found != vocabulary:
        raise InputError(
            f"training_config.options.teacher_model {name} knows {len(spoken)} tokens ({found} with padding) and model "
            f"{training.model_ref.id} {tokens} ({vocabulary}): the teacher judges the student's tokens, so that both "
            "need the same tokenizer; take two models of one family"
        )
    return teacher


def teacher_ref(training: TrainingConfig, name: str) -> ModelRef:
    """Where a teacher is: made on the spot as the student is, a directory where there is one, else on the hub."""
    if training.model_ref.provider == smoke.PROVIDER:
        return replace(training.model_ref, id=name)
    there = project.located(name).is_dir()
    return ModelRef(id=name, provider="local" if there else "huggingface")


def _listener(context: Context, trainer: Any, group: int) -> Any:
    """What writes some of the student's answers to samples.jsonl as they come."""

    def heard(prompts: Sequence[Any], completions: Sequence[Sequence[int]]) -> None:
        step = trainer.state.global_step + 1
        for at in batches.shown(len(prompts), group):
            said = trainer.processing_class.decode(completions[at], skip_special_tokens=True)
            context.folder.sample(batches.sample(context.stage.name, step, prompts[at], said, {"reward": None}))

    return heard

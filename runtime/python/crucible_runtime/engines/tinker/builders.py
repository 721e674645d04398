"""What the cookbook's loops ask for data, answered from `crucible_runtime.data` and `crucible_runtime.environments`.

These stand where the cookbook has no builder that does what a recipe says: data sets that it does not know, files in
other formats, rows in the recipe, environments of third parties. They import tinker, so that only a run loads them.
Rows are shuffled and cut as the cookbook's own builders do it.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import chz
import datasets
import tinker
from tinker_cookbook import renderers
from tinker_cookbook.distillation.datasets import PromptOnlyEnv
from tinker_cookbook.preference.preference_datasets import ComparisonDatasetBuilder
from tinker_cookbook.preference.types import Comparison, LabeledComparison
from tinker_cookbook.rl.problem_env import ProblemGroupBuilder
from tinker_cookbook.rl.types import Env, EnvGroupBuilder, RLDataset, RLDatasetBuilder, StepResult
from tinker_cookbook.supervised.data import SupervisedDatasetFromHFDataset, conversation_to_datum
from tinker_cookbook.supervised.types import ChatDatasetBuilder, ChatDatasetBuilderCommonConfig, SupervisedDataset
from tinker_cookbook.tokenizer_utils import get_tokenizer

from crucible_runtime import data
from crucible_runtime.engines.tinker.datasets import UNFIT
from crucible_runtime.engines.tinker.teachable import conversation, preferences, teachable, whole_batches
from crucible_runtime.errors import InputError
from crucible_runtime.interface.environments import Family
from crucible_runtime.ir import DatasetRef
from crucible_runtime.plugins import family


@chz.chz
class Conversations(ChatDatasetBuilder):
    """Conversations of any data set, for supervised training."""

    ref: DatasetRef
    adapter: str | None
    test_size: int
    test_split: str | None
    shuffle_seed: int

    def __call__(self) -> tuple[SupervisedDataset, SupervisedDataset | None]:
        """What is trained on, and what is evaluated: test_size rows of it, or test_split."""
        table = _table(self._rows(None)).shuffle(seed=self.shuffle_seed)
        table, test = _held_out(table, self.test_size, self.ref.name)
        if self.test_split is not None:
            test = _table(self._rows(self.test_split))
        size = self.common_config.batch_size
        _enough(table, size, self.ref.name)
        return self._batches(table, size), self._batches(test, min(size, len(test))) if test is not None else None

    def _rows(self, split: str | None) -> Sequence[Mapping[str, Any]]:
        """The rows of a split that teach something."""
        rows = data.rows(self.ref, unfit=UNFIT, adapter=self.adapter, kind="supervised", split=split)
        common, part = self.common_config, f" (split {split})" if split is not None else ""
        what = common.train_on_what
        return teachable(rows, conversation, self.renderer, common.max_length, train_on_what=what, part=part)

    def _batches(self, table: datasets.Dataset, size: int) -> SupervisedDataset:
        common, renderer = self.common_config, self.renderer
        return SupervisedDatasetFromHFDataset(
            table,
            batch_size=size,
            map_fn=lambda row: conversation_to_datum(
                json.loads(row["row"])["messages"], renderer, common.max_length, common.train_on_what
            ),
        )


@chz.chz
class Comparisons(ComparisonDatasetBuilder):
    """Pairs of a preferred and a rejected answer of any data set."""

    ref: DatasetRef
    adapter: str | None
    test_size: int
    shuffle_seed: int
    common_config: ChatDatasetBuilderCommonConfig

    def get_train_and_test_datasets(self) -> tuple[datasets.Dataset, datasets.Dataset | None]:
        """What is trained on, and test_size rows of it that are not."""
        rows = data.rows(self.ref, unfit=UNFIT, adapter=self.adapter, kind="preference")
        common = self.common_config
        renderer = renderers.get_renderer(common.renderer_name, get_tokenizer(common.model_name_for_tokenizer))
        table = _table(teachable(rows, preferences, renderer, common.max_length)).shuffle(seed=self.shuffle_seed)
        table, test = _held_out(table, self.test_size, self.ref.name)
        _enough(table, common.batch_size, self.ref.name)
        return table, test

    def example_to_labeled_comparison(self, example: Mapping[str, str]) -> LabeledComparison:
        """The preferred answer is always A."""
        row = json.loads(example["row"])
        comparison = Comparison(
            prompt_conversation=row["prompt"], completion_A=row["chosen"], completion_B=row["rejected"]
        )
        return LabeledComparison(comparison=comparison, label="A")


@chz.chz
class Prompts(RLDatasetBuilder):
    """Prompts of any data set, for a teacher to judge what is answered."""

    ref: DatasetRef
    adapter: str | None
    shuffle_seed: int | None
    groups_per_batch: int
    group_size: int
    model_name_for_tokenizer: str
    renderer_name: str
    max_prompt_tokens: int | None

    async def __call__(self) -> tuple[RLDataset, None]:
        """The prompts in the order of the data, or in that of shuffle_seed."""
        rows = list(data.rows(self.ref, unfit=UNFIT, adapter=self.adapter, kind="distillation"))
        if self.shuffle_seed is not None:
            random.Random(self.shuffle_seed).shuffle(rows)  # noqa: S311 - an order is no secret
        tokenizer = get_tokenizer(self.model_name_for_tokenizer)
        renderer = renderers.get_renderer(self.renderer_name, tokenizer=tokenizer)
        groups = [self._group(row["prompt"], tokenizer, renderer) for row in rows]
        return Groups(groups, self.groups_per_batch, self.ref.name), None

    def _group(self, prompt: Sequence[Any], tokenizer: Any, renderer: renderers.Renderer) -> EnvGroupBuilder:
        *before, last = prompt
        tokens = tokenizer.encode(last["content"])
        cut = self.max_prompt_tokens is not None and len(tokens) > self.max_prompt_tokens
        text = tokenizer.decode(tokens[: self.max_prompt_tokens]) if cut else last["content"]
        return ProblemGroupBuilder(
            env_thunk=partial(PromptOnlyEnv, text, renderer, convo_prefix=before),
            num_envs=self.group_size,
            dataset_name=self.ref.name,
        )


@chz.chz
class Problems(RLDatasetBuilder):
    """The problems of an environment of `crucible_runtime.environments`."""

    env: str
    options: Mapping[str, Any]
    allow_unsandboxed: bool
    ref: DatasetRef
    adapter: str | None
    shuffle_seed: int
    test_size: int
    n_batches: int | None
    batch_size: int
    group_size: int
    model_name_for_tokenizer: str
    renderer_name: str

    async def __call__(self) -> tuple[RLDataset, RLDataset | None]:
        """What is trained on, and test_size problems that are not, each tried once."""
        problems = family(self.env, options=self.options, allow_unsandboxed=self.allow_unsandboxed)
        tokenizer = get_tokenizer(self.model_name_for_tokenizer)
        renderer = renderers.get_renderer(self.renderer_name, tokenizer=tokenizer)
        rows = self._rows(problems)
        test, rows = rows[: self.test_size], rows[self.test_size :]
        train = Groups(self._groups(rows, problems, renderer, self.group_size), self.batch_size, self.ref.name)
        if not test:
            return train, None
        return train, Groups(self._groups(test, problems, renderer, 1), self.batch_size, self.ref.name)

    def _rows(self, problems: Family) -> list[Mapping[str, Any]]:
        if problems.adapter is None:
            wanted = self.test_size + self.batch_size * (self.n_batches or 100)
            made = list(islice(problems.rows(self.shuffle_seed), wanted))
            data.see(self.ref, made)
            return made
        rows: list[Mapping[str, Any]] = [*data.rows(self.ref, adapter=self.adapter or problems.adapter, kind="rl")]
        random.Random(self.shuffle_seed).shuffle(rows)  # noqa: S311 - an order is no secret
        return rows

    def _groups(
        self, rows: Sequence[Mapping[str, Any]], problems: Family, renderer: renderers.Renderer, size: int
    ) -> list[EnvGroupBuilder]:
        return [
            ProblemGroupBuilder(
                env_thunk=partial(Rollout, problems, row, renderer, self.options),
                num_envs=size,
                dataset_name=self.env,
            )
            for row in rows
        ]


class Groups(RLDataset):
    """Groups of rollouts in a fixed order, the last batch of which may be smaller."""

    def __init__(self, groups: Sequence[EnvGroupBuilder], batch_size: int, name: str) -> None:
        """Takes at least one group."""
        if not groups:
            raise InputError(f"data set {name} has no rows to train on")
        self._groups = groups
        self._batch_size = batch_size

    def get_batch(self, index: int) -> Sequence[EnvGroupBuilder]:
        """The groups of the batch with this number, from 0."""
        return self._groups[index * self._batch_size : (index + 1) * self._batch_size]

    def __len__(self) -> int:
        """The number of batches."""
        return math.ceil(len(self._groups) / self._batch_size)


class Rollout(Env):
    """One try at a problem of `crucible_runtime.environments`, in tokens."""

    def __init__(
        self, problems: Family, row: Mapping[str, Any], renderer: renderers.Renderer, options: Mapping[str, Any]
    ) -> None:
        """Makes the problem of the row."""
        self._environment = problems.environment(row)
        self._renderer = renderer
        self._longest = options.get("max_length")
        self._overflow = options.get("context_overflow_reward")
        self._conversation: list[Any] = []

    async def initial_observation(self) -> tuple[tinker.ModelInput, Any]:
        """The question in tokens, and where an answer to it ends."""
        self._conversation = list(self._environment.initial_observation())
        return self._prompt(), self._renderer.get_stop_sequences()

    async def step(self, action: list[int], *, extra: Any = None) -> StepResult:
        """What the environment makes of an answer; judging may take long, so it has a thread of its own."""
        message, termination = self._renderer.parse_response(action)
        said = renderers.get_text_content(message)
        ended = termination.is_clean and (extra or {}).get("stop_reason") != "length"
        outcome = await asyncio.to_thread(self._environment.step, said, ended=ended)
        logs = {"prompt": json.dumps(self._conversation, ensure_ascii=False), "completion": said}
        reward, stop = outcome.reward, outcome.stop
        self._conversation += [{"role": "assistant", "content": said}, *outcome.observation]
        following = tinker.ModelInput.empty() if stop else self._prompt()
        if self._longest is not None and following.length >= self._longest:
            reward, stop = (reward if self._overflow is None else self._overflow), True
        return StepResult(
            reward=reward,
            episode_done=stop,
            next_observation=following,
            next_stop_condition=self._renderer.get_stop_sequences(),
            metrics=dict(outcome.metrics),
            logs=logs,
        )

    def _prompt(self) -> tinker.ModelInput:
        return self._renderer.build_generation_prompt(self._conversation)


def _table(rows: Sequence[Mapping[str, Any]]) -> datasets.Dataset:
    """Rows as JSON, because a table of the library `datasets` would give all of them the same keys."""
    return datasets.Dataset.from_dict({"row": [json.dumps(row, ensure_ascii=False) for row in rows]})


def _held_out(table: datasets.Dataset, test_size: int, name: str) -> tuple[datasets.Dataset, datasets.Dataset | None]:
    """The table without its first rows, and these."""
    if test_size == 0:
        return table, None
    if test_size >= len(table):
        raise InputError(f"training_config.options.test_size holds out {test_size} rows, and {name} has {len(table)}")
    return table.skip(test_size), table.take(test_size)


def _enough(table: datasets.Dataset, batch_size: int, name: str) -> None:
    """The cookbook leaves out a last batch that is not full: it is counted, and refused where it is the only one."""
    if len(table) < batch_size:
        raise InputError(
            f"training_config.batch_size is {batch_size}, and {name} has {len(table)} rows to train on: "
            f"take a batch_size of at most {len(table)}"
        )
    whole_batches(len(table), batch_size)

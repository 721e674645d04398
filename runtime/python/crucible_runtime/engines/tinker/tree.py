"""An experiment in, the config that tinker_cookbook trains with out: as data, without importing it.

The config is a tree of Nodes: a class by name, and every one of its fields. No default of the installed version can
drift in, because nothing is left out; `objects` holds the tree to the real classes before it makes anything of it.
Where the cookbook has a builder that does exactly what a recipe says, the tree names that one, and else one of ours
(`builders`). The rule that surprises: what is known only when a run begins (its directory, the renderer that is
recommended for a model, the data that a teacher wrote) is a Given, in words where nothing runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from crucible_runtime.engines.tinker import table
from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.ir import DatasetRef, Experiment, TrainingConfig

OURS = "crucible_runtime.engines.tinker.builders"
OLDEST = "0.5.8"
"""The version whose fields are shown where none is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An object to be made: `class_` as `module:Name`, and every field; `since` are fields of later versions."""

    class_: str
    fields: Mapping[str, Any]
    since: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def at(self, version: str) -> Mapping[str, Any]:
        """The fields that the class has in a version of tinker_cookbook such as `0.5.8`."""
        later = [new for since, new in self.since.items() if numbers(since) <= numbers(version)]
        return {name: value for group in (self.fields, *later) for name, value in group.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A member of an enumeration, by the enumeration's name and the member's value."""

    class_: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is known when a run begins; where nothing runs, in words.

    log_path: where the cookbook writes its own files
    base_url: the service; None for the client's own
    renderer_name: the renderer to take where the recipe names none
    data_file: the data that a teacher wrote, in the place of dataset_ref.name
    allow_unsandboxed: whether programs that a model wrote may run without a sandbox
    """

    log_path: str
    base_url: str | None = None
    renderer_name: str = ""
    data_file: str | None = None
    allow_unsandboxed: bool = False


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: (0, 5, 8) of `0.5.8`."""
    parts = version.replace("-", ".").replace("+", ".").split(".")
    count = next((i for i, part in enumerate(parts) if not part.isdigit()), len(parts))
    return tuple(map(int, parts[:count]))


def config(experiment: Experiment, kind: str, given: Given) -> Node:
    """The config for the training stage of an experiment that `table.problems` has nothing against."""
    training = experiment.training_config
    assert training is not None
    plan = _Plan(training, dict(training.options or {}), given)
    entry = table.entry_of(experiment)
    builders = {
        "sl_loop": plan.sl_loop,
        "rl_loop": plan.rl_loop,
        "supervised": plan.supervised,
        "rl": plan.rl,
        "preference": plan.preference,
        "distillation": plan.distillation,
    }
    return builders[entry or kind]()


def shown(value: Any, version: str = OLDEST, indent: int = 0) -> str:
    """A tree as text, a field a line, as Python would write it."""
    space = " " * 4 * indent
    match value:
        case Node():
            rows = value.at(version).items()
            body = "".join(f"{space}    {name}={shown(inner, version, indent + 1)},\n" for name, inner in rows)
            return f"{value.class_}(\n{body}{space})"
        case Choice():
            return f"{value.class_}({canonical(value.value)})"
        case [Node(), *_]:
            body = "".join(f"{space}    {shown(inner, version, indent + 1)},\n" for inner in value)
            return f"[\n{body}{space}]"
        case str():
            return canonical(value)
        case Mapping():
            return canonical(value)
    return repr(value)


def steps(training: TrainingConfig) -> int | None:
    """The lesser of max_steps and num_batches; None where the data alone says when to stop."""
    options = training.options or {}
    return min((options[name] for name in ("max_steps", "num_batches") if options.get(name) is not None), default=None)


class _Plan:
    """The parts of a config, from one training configuration."""

    def __init__(self, training: TrainingConfig, options: Mapping[str, Any], given: Given) -> None:
        self.training = training
        self.options = options
        self.given = given

    # What all configs have

    @property
    def renderer(self) -> str:
        return self.options.get("renderer_name") or self.given.renderer_name

    @property
    def seed(self) -> int:
        return self.options.get("shuffle_seed") or 0

    def common(self) -> dict[str, Any]:
        """What the four configs have; both loops lack some of it."""
        return {
            "log_path": self.given.log_path,
            "model_name": self.training.model_ref.id,
            "recipe_name": self.training.id,
            "load_checkpoint_path": self.options.get("load_checkpoint_path"),
            "renderer_name": self.renderer,
            "learning_rate": self.training.learning_rate,
            "lora_rank": self.options["lora_rank"],
            "base_url": self.given.base_url,
            "evaluator_builders": [],
            "save_every": self.training.checkpoint_every or 0,
            "eval_every": self.options.get("eval_every", 0),
            "wandb_project": None,
            "wandb_name": None,
            "enable_trace": False,
            "span_chart_every": 0,
        }

    def kept(self) -> dict[str, Any]:
        """For how long checkpoints are kept."""
        return {
            "ttl_seconds": self.options.get("ttl_seconds"),
            "rolling_save_every": self.options.get("rolling_save_every", 0),
            "rolling_ttl_seconds": self.options.get("rolling_ttl_seconds", 7200),
        }

    def adam(self) -> dict[str, Any]:
        defaults = {"adam_beta1": 0.9, "adam_beta2": 0.95, "adam_eps": 1e-8}
        return {name: self.options.get(name, value) for name, value in defaults.items()}

    def rollouts(self) -> dict[str, Any]:
        """What reinforcement learning and distillation share."""
        return {
            "max_tokens": self.options["max_tokens"],
            "temperature": self.options.get("temperature", 1.0),
            "compute_post_kl": self.options.get("compute_post_kl", False),
            "kl_discount_factor": self.options.get("kl_discount_factor", 0.0),
            "loss_fn": self.loss,
            "loss_fn_config": self.options.get("loss_config"),
            "num_substeps": self.options.get("num_substeps", 1),
        }

    @property
    def loss(self) -> str:
        said = self.training.loss_function
        return self.options.get("loss") or (said if said != "cross_entropy" else "importance_sampling")

    def chat(self, train_on_what: Choice | None) -> Node:
        return Node(
            class_="tinker_cookbook.supervised.types:ChatDatasetBuilderCommonConfig",
            fields={
                "model_name_for_tokenizer": self.training.model_ref.id,
                "renderer_name": self.renderer,
                "max_length": self.options.get("max_length"),
                "batch_size": self.training.batch_size,
                "train_on_what": train_on_what,
            },
        )

    @property
    def train_on_what(self) -> Choice:
        value = self.options.get("train_on_what", "all_assistant_messages")
        return Choice(class_="tinker_cookbook.renderers:TrainOnWhat", value=value)

    # The six configs

    def supervised(self) -> Node:
        return Node(
            class_="tinker_cookbook.supervised.train:Config",
            fields={
                **self.common(),
                **self.kept(),
                **self.adam(),
                "dataset_builder": self.conversations(),
                "lr_schedule": self.options.get("lr_schedule", "linear"),
                "num_epochs": self.training.epochs,
                "infrequent_evaluator_builders": [],
                "save_every_tokens": self.options.get("save_every_tokens", 0),
                "save_every_seconds": self.options.get("save_every_seconds", 0.0),
                "infrequent_eval_every": 0,
                "async_periodic_saves": False,
                "session_name": None,
                "max_steps": self.options.get("max_steps"),
                "submit_ahead": self.options.get("submit_ahead", 1),
            },
        )

    def looped(self) -> dict[str, Any]:
        """What both loops of the cookbook that are whole programs of their own have."""
        common = self.common()
        names = (
            "base_url",
            "log_path",
            "model_name",
            "learning_rate",
            "lora_rank",
            "save_every",
            "wandb_project",
            "wandb_name",
        )
        return {**{name: common[name] for name in names}, "batch_size": self.training.batch_size}

    def sl_loop(self) -> Node:
        return Node(
            class_="tinker_cookbook.recipes.sl_loop:Config",
            fields={
                **self.looped(),
                "max_length": self.options["max_length"],
                "train_on_what": self.train_on_what,
                "ttl_seconds": self.options.get("ttl_seconds"),
                "max_steps": self.options.get("max_steps"),
            },
            since={"0.6": {"session_name": None}},
        )

    def rl(self) -> Node:
        return Node(
            class_="tinker_cookbook.rl.train:Config",
            fields={
                **self.common(),
                **self.kept(),
                **self.rollouts(),
                "dataset_builder": self.problems(),
                "session_name": None,
                "kl_penalty_coef": self.options.get("kl_penalty_coef", 0.0),
                "kl_reference_config": self.reference(),
                "remove_constant_reward_groups": self.options.get("remove_constant_reward_groups", False),
                "rollout_error_tolerance": self.retries(),
                "termination": None,
                "async_config": self.off_policy(),
                "stream_minibatch_config": self.minibatches(),
                "num_groups_to_log": 4,
                "rollout_json_export": True,
                "max_steps": None if self.options.get("env") == "arithmetic" else steps(self.training),
            },
            since={"0.6": {"num_epochs": self.training.epochs}},
        )

    def rl_loop(self) -> Node:
        return Node(
            class_="tinker_cookbook.recipes.rl_loop:Config",
            fields={
                **self.looped(),
                "group_size": self.options["group_size"],
                "max_tokens": self.options["max_tokens"],
                "ttl_seconds": self.options.get("ttl_seconds"),
                "max_steps": steps(self.training),
            },
            since={"0.6": {"loss_fn": self.loss, "session_name": None}},
        )

    def preference(self) -> Node:
        return Node(
            class_="tinker_cookbook.preference.train_dpo:Config",
            fields={
                **self.common(),
                **self.kept(),
                **self.adam(),
                "dataset_builder": Node(
                    class_="tinker_cookbook.preference.dpo_datasets:DPODatasetBuilderFromComparisons",
                    fields={"common_config": self.chat(None), "comparison_builder": self.comparisons()},
                ),
                "lr_schedule": self.options.get("lr_schedule", "linear"),
                "num_epochs": self.training.epochs,
                "dpo_beta": self.options.get("beta", 0.1),
                "num_replicas": self.options.get("num_replicas", 8),
                "infrequent_evaluator_builders": [],
                "infrequent_eval_every": 0,
                "reference_model_name": None,
                "max_steps": self.options.get("max_steps"),
            },
            since={"0.6": {"session_name": None}},
        )

    def distillation(self) -> Node:
        teacher = Node(
            class_="tinker_cookbook.distillation.datasets:TeacherConfig",
            fields={
                "base_model": self.options["teacher_model"],
                "load_checkpoint_path": self.options.get("teacher_checkpoint"),
            },
        )
        data = Node(
            class_="tinker_cookbook.distillation.datasets:DistillationDatasetConfig",
            fields={
                "dataset_builder": self.prompts(),
                "teacher_config": teacher,
                "groups_per_batch": self.training.batch_size,
            },
        )
        return Node(
            class_="tinker_cookbook.distillation.train_on_policy:Config",
            fields={
                **self.common(),
                **self.rollouts(),
                "dataset_configs": [data],
                "kl_penalty_coef": self.options.get("kl_penalty_coef", 1.0),
                "max_steps": steps(self.training),
            },
            since={"0.6": {"session_name": None}},
        )

    # The parts of reinforcement learning

    def reference(self) -> Node | None:
        if "kl_reference_model" not in self.options:
            return None
        return Node(
            class_="tinker_cookbook.rl.train:KLReferenceConfig",
            fields={
                "base_model": self.options["kl_reference_model"],
                "load_checkpoint_path": self.options.get("kl_reference_checkpoint"),
            },
        )

    def retries(self) -> Node | bool:
        if "rollout_max_retries" not in self.options:
            return False
        return Node(
            class_="tinker_cookbook.rl.rollout_strategy:RetryOnFailure",
            fields={"max_retries": self.options["rollout_max_retries"], "per_rollout_timeout": 0},
        )

    def off_policy(self) -> Node | None:
        if "max_steps_off_policy" not in self.options:
            return None
        return Node(
            class_="tinker_cookbook.rl.train:AsyncConfig",
            fields={
                "max_steps_off_policy": self.options["max_steps_off_policy"],
                "groups_per_batch": self.training.batch_size,
            },
            since={"0.6": {"loss_fn": self.loss}},
        )

    def minibatches(self) -> Node | None:
        if "num_minibatches" not in self.options:
            return None
        return Node(
            class_="tinker_cookbook.rl.train:StreamMinibatchConfig",
            fields={"groups_per_batch": self.training.batch_size, "num_minibatches": self.options["num_minibatches"]},
        )

    # Data

    def conversations(self) -> Node:
        chat, ref = self.chat(self.train_on_what), self.training.dataset_ref
        own = table.OWN["supervised"].get(ref.name)
        test_size = self.options.get("test_size")
        if own and own.fits(ref, self.options.get("adapter")) and self.seed == 0 and test_size in (None, own.test_size):
            return Node(class_=own.class_, fields={"common_config": chat})
        if self.given.data_file or table.is_conversations(ref, self.options.get("adapter")):
            return Node(
                class_="tinker_cookbook.supervised.data:FromConversationFileBuilder",
                fields={
                    "common_config": chat,
                    "file_path": self.given.data_file or ref.name,
                    "test_size": test_size or 0,
                    "shuffle_seed": self.seed,
                },
            )
        return Node(
            class_=f"{OURS}:Conversations",
            fields={
                "common_config": chat,
                "ref": _ref(ref),
                "adapter": self.options.get("adapter"),
                "test_size": test_size or 0,
                "test_split": own.test_split if own and test_size is None else None,
                "shuffle_seed": self.seed,
            },
        )

    def comparisons(self) -> Node:
        ref, test_size = self.training.dataset_ref, self.options.get("test_size")
        own = table.OWN["preference"].get(ref.name)
        if own and own.fits(ref, self.options.get("adapter")) and self.seed == 0:
            if own.any_test_size and test_size != 0:
                size = own.test_size if test_size is None else test_size
                return Node(class_=own.class_, fields={"swap": False, "test_size": size})
            if test_size in (None, own.test_size):
                return Node(class_=own.class_, fields={"swap": False})
        if table.is_jsonl(ref) and self.options.get("adapter") == "comparison" and self.seed == 0 and not test_size:
            return Node(
                class_="tinker_cookbook.preference.preference_datasets:ComparisonBuilderFromJsonl",
                fields={"swap": False, "train_path": ref.name, "test_path": None},
            )
        return Node(
            class_=f"{OURS}:Comparisons",
            fields={
                "swap": False,
                "ref": _ref(ref),
                "adapter": self.options.get("adapter"),
                "test_size": test_size or 0,
                "shuffle_seed": self.seed,
            },
        )

    def prompts(self) -> Node:
        ref = self.training.dataset_ref
        own = table.OWN["distillation"].get(ref.name)
        fields = {
            "groups_per_batch": self.training.batch_size,
            "group_size": self.options["group_size"],
            "model_name_for_tokenizer": self.training.model_ref.id,
            "renderer_name": self.renderer,
            "max_prompt_tokens": self.options.get("max_prompt_tokens"),
        }
        if own and own.fits(ref, self.options.get("adapter")) and "shuffle_seed" not in self.options:
            return Node(class_=own.class_, fields={"dataset_name": own.word, "convo_prefix": None, **fields})
        return Node(
            class_=f"{OURS}:Prompts",
            fields={
                **fields,
                "ref": _ref(ref),
                "adapter": self.options.get("adapter"),
                "shuffle_seed": self.options.get("shuffle_seed"),
            },
        )

    def problems(self) -> Node:
        """The cookbook's environment where it does what the recipe says, else the one of crucible_runtime."""
        env = self.options["env"]
        own = table.ENVIRONMENTS.get(env)
        fields = {
            "batch_size": self.training.batch_size,
            "model_name_for_tokenizer": self.training.model_ref.id,
            "renderer_name": self.renderer,
            "group_size": self.options["group_size"],
        }
        if own is None or not own.fits(self.training.dataset_ref, self.options):
            return self.our_problems(env, fields)
        prefix = self.options.get("convo_prefix")
        further: dict[str, Any] = {"seed": self.seed}
        if env == "arithmetic":
            further = {"n_batches": steps(self.training) or 100, "include_fewshot": prefix != "none"}
        elif env in ("gsm8k", "math"):
            further["convo_prefix"] = None if prefix == "none" else "standard"
        elif env == "deepcoder":
            further |= self.programs()
        return Node(class_=own.class_, fields={**fields, **further})

    def programs(self) -> dict[str, Any]:
        backend = self.options.get("sandbox_backend", "sandboxfusion")
        return {
            "max_turns": self.options.get("max_turns", 2),
            "format_coef": self.options.get("format_coef", 0.1),
            "timeout": self.options.get("timeout_seconds", 6),
            "sandbox_backend": Choice(class_="tinker_cookbook.sandbox:SandboxBackend", value=backend),
            "max_generation_tokens": self.options["max_tokens"],
            "context_overflow_reward": self.options.get("context_overflow_reward", -0.1),
        }

    def our_problems(self, env: str, fields: Mapping[str, Any]) -> Node:
        return Node(
            class_=f"{OURS}:Problems",
            fields={
                **fields,
                "env": env,
                "options": self.options,
                "allow_unsandboxed": self.given.allow_unsandboxed,
                "ref": _ref(self.training.dataset_ref),
                "adapter": self.options.get("adapter"),
                "shuffle_seed": self.seed,
                "test_size": self.options.get("test_size") or 0,
                "n_batches": steps(self.training),
            },
        )


def _ref(ref: DatasetRef) -> Node:
    return Node(
        class_="crucible_runtime.ir:DatasetRef", fields={each.name: getattr(ref, each.name) for each in fields(ref)}
    )


def nodes(value: Any) -> Sequence[Node]:
    """Every Node of a tree, from the top."""
    match value:
        case Node():
            groups = (value.fields, *value.since.values())
            return [value, *(node for group in groups for inner in group.values() for node in nodes(inner))]
        case list():
            return [node for inner in value for node in nodes(inner)]
    return []

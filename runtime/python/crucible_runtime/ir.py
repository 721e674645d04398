"""The structs of CrucibleIR as frozen dataclasses: the same fields, order and defaults.

Generated from schemas/ir by `gen structs python`: change the schemas, not this file. Names that are atoms in Elixir are
text here, and so are modules and timestamps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class Module(str):
    """The name of an Elixir module, in a place where it could be any text: `Module("Acme.Checker")`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendCapabilities:
    """What an inference backend can do, and its limits and prices.

    `%CrucibleIR.Backend.Capabilities{}` in Elixir.
    """

    backend_id: str
    """Name of the backend."""
    provider: str
    """Who runs the backend."""
    models: Sequence[str] = field(default_factory=list)
    """Models that the backend serves."""
    default_model: str | None = None
    """Model that is used where a request names none."""
    supports_streaming: bool = True
    """Whether answers can be streamed."""
    supports_tools: bool = True
    """Whether the model can call tools."""
    supports_vision: bool = False
    """Whether prompts can hold images."""
    supports_audio: bool = False
    """Whether prompts can hold audio."""
    supports_json_mode: bool = True
    """Whether answers can be forced to be JSON."""
    supports_extended_thinking: bool = False
    """Whether the model can think at length before it answers."""
    supports_caching: bool = False
    """Whether prompts can be cached."""
    max_tokens: int | None = None
    """Longest answer, in tokens."""
    max_context_length: int | None = None
    """Longest prompt and answer together, in tokens."""
    max_images_per_request: int | None = None
    """Most images in one request."""
    requests_per_minute: int | None = None
    """Most requests in one minute."""
    tokens_per_minute: int | None = None
    """Most tokens in one minute."""
    cost_per_million_input: float | None = None
    """Price of a million input tokens, in US dollars."""
    cost_per_million_output: float | None = None
    """Price of a million output tokens, in US dollars."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the backend that nothing reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendCompletion:
    """What an inference backend answered to one prompt.

    `%CrucibleIR.Backend.Completion{}` in Elixir.
    """

    choices: Sequence[Mapping[str, Any]] = field(default_factory=list)
    """The answers, best first."""
    model: str | None = None
    """The model that answered."""
    usage: Mapping[str, Any] | None = None
    """Tokens that the request used."""
    latency_ms: int | None = None
    """Time until the whole answer, in milliseconds."""
    time_to_first_token_ms: int | None = None
    """Time until the first token, in milliseconds."""
    request_id: str | None = None
    """Name of the request."""
    trace_id: str | None = None
    """Name of the trace that the request belongs to."""
    raw_response: Mapping[str, Any] | None = None
    """The backend's answer as it came."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the answer that nothing reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """How an inference backend samples its answer.

    `%CrucibleIR.Backend.Options{}` in Elixir.
    """

    model: str | None = None
    """The model to ask; left out, the backend's default."""
    temperature: float | None = None
    """Sampling temperature; 0 picks the likeliest token."""
    max_tokens: int | None = None
    """Longest answer, in tokens."""
    top_p: float | None = None
    """Sample only from the likeliest tokens that together have this probability, above
    0 up to 1.
    """
    top_k: int | None = None
    """Sample only from this many likeliest tokens."""
    frequency_penalty: float | None = None
    """Penalty on tokens by how often they have come up, from -2 to 2."""
    presence_penalty: float | None = None
    """Penalty on tokens that have come up at all, from -2 to 2."""
    stop: Sequence[str] | None = None
    """Texts that end the answer."""
    response_format: str | None = None
    """Form of the answer."""
    json_schema: Mapping[str, Any] | None = None
    """JSON Schema that the answer must fit, where response_format is json_schema."""
    stream: bool = False
    """Whether the answer is streamed."""
    cache_control: str | None = None
    """How the prompt is cached."""
    extended_thinking: bool = False
    """Whether the model thinks at length before it answers."""
    thinking_budget_tokens: int | None = None
    """Most tokens that the thinking may take."""
    seed: int | None = None
    """Seed of the sampling."""
    timeout_ms: int | None = None
    """Longest wait for the answer, in milliseconds."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Settings that only this backend knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPrompt:
    """What is asked of an inference backend.

    `%CrucibleIR.Backend.Prompt{}` in Elixir.
    """

    messages: Sequence[Mapping[str, Any]] = field(default_factory=list)
    """The conversation so far, oldest first."""
    system: str | None = None
    """The system prompt."""
    tools: Sequence[Mapping[str, Any]] | None = None
    """Tools that the model may call, each as the backend describes tools."""
    tool_choice: str | Mapping[str, Any] | None = None
    """Whether, or which, tool must be called."""
    options: BackendOptions = field(default_factory=BackendOptions)
    """How the answer is sampled."""
    request_id: str | None = None
    """Name of the request."""
    trace_id: str | None = None
    """Name of the trace that the request belongs to."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the request that nothing reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRef:
    """The backend that an experiment runs on; a bare string is its id.

    `%CrucibleIR.BackendRef{}` in Elixir.
    """

    id: str
    """Name of the backend."""
    model_version: str | None = None
    """Version of the model that the backend should serve."""
    endpoint_url: str | None = None
    """URL under which the backend is reached."""
    deployment_id: str | None = None
    """The deployment of the backend to use."""
    fallback: BackendRef | None = None
    """The backend to use where this one fails."""
    profile: str = "default"
    """Which of the backend's named configurations to use."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRef:
    """A data set by name, origin and split; a bare string is its name.

    `%CrucibleIR.DatasetRef{}` in Elixir.
    """

    name: str
    """Which data set: a name that the provider knows, such as
    `HuggingFaceH4/no_robots`, or a path.
    """
    version: str | None = None
    """Version or revision of the data set."""
    format: str | None = None
    """Format of the files."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of one row."""
    provider: str = "crucible_datasets"
    """Who provides the data set."""
    split: str = "train"
    """Which split of the data set is used."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are, such as `config`, the name of a data
    set's configuration.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentConfig:
    """Where and how a model version is to be served.

    `%CrucibleIR.Deployment.Config{}` in Elixir.
    """

    id: str
    """Name of the deployment."""
    model_version_id: str
    """The model version to serve."""
    target: Mapping[str, Any] | None = None
    """Where to deploy to, and its settings."""
    resources: Mapping[str, Any] | None = None
    """Processors and memory for one replica."""
    scaling: Mapping[str, Any] | None = None
    """Bounds and signals for automatic scaling."""
    health_check: Mapping[str, Any] | None = None
    """How to tell that a replica is healthy."""
    endpoint: Mapping[str, Any] | None = None
    """How the deployment is reached."""
    metadata: Mapping[str, Any] | None = None
    """Facts about the deployment that nothing reads."""
    replicas: int = 1
    """Number of replicas."""
    environment: str = "development"
    """Which environment it belongs to."""
    strategy: str = "rolling"
    """How a new version takes over from the old one."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """The observed state of one deployment.

    `%CrucibleIR.Deployment.Status{}` in Elixir.
    """

    id: str
    """Name of this status record."""
    deployment_id: str
    """The deployment that it is about."""
    ready_replicas: int | None = None
    """Replicas that are ready; the contract knows no 0, null stands for none."""
    total_replicas: int | None = None
    """Replicas that should be ready."""
    endpoint_url: str | None = None
    """URL under which the deployment is reached."""
    traffic_percent: float | None = None
    """Share of the traffic that it receives, in percent."""
    last_health_check: str | None = None
    """When its health was last checked, as ISO 8601 with its offset from UTC, such as
    2026-01-31T12:00:00Z.
    """
    error_message: str | None = None
    """Why it failed."""
    created_at: str | None = None
    """When it was deployed, as ISO 8601 with its offset from UTC, such as
    2026-01-31T12:00:00Z.
    """
    updated_at: str | None = None
    """When its state last changed, as ISO 8601 with its offset from UTC, such as
    2026-01-31T12:00:00Z.
    """
    state: str = "pending"
    """How far the deployment is."""
    health: str = "unknown"
    """What the last health check found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """How the answers of several models are combined into one.

    `%CrucibleIR.Reliability.Ensemble{}` in Elixir.
    """

    strategy: str = "none"
    """How the answers are combined."""
    execution_mode: str = "parallel"
    """In which order the models are asked."""
    models: Sequence[str] | None = None
    """The models that vote."""
    weights: Mapping[str, Any] | None = None
    """Weight of each model's vote, by model, where the strategy is weighted."""
    min_agreement: float | None = None
    """Fraction of the models that must agree, from 0 to 1."""
    timeout_ms: int | None = None
    """Longest wait for one model, in milliseconds."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDef:
    """One step of an experiment's pipeline.

    `%CrucibleIR.StageDef{}` in Elixir.
    """

    name: str
    """Name of the stage; results and errors are reported under it."""
    module: str | None = None
    """The Elixir module that implements the stage, without the `Elixir.` prefix."""
    options: Mapping[str, Any] | Sequence[Any] | None = None
    """What the stage is told, as its own schema allows."""
    enabled: bool = True
    """Whether the stage should run; crucible_framework 0.5.2 runs it either way, so a
    stage that is off must be left out.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedging:
    """When a slow request is sent a second time.

    `%CrucibleIR.Reliability.Hedging{}` in Elixir.
    """

    strategy: str = "off"
    """When the second request is sent."""
    delay_ms: int | None = None
    """Delay before the second request, in milliseconds."""
    percentile: float | None = None
    """Latency percentile after which the second request is sent, as a fraction between
    0 and 1, such as 0.95.
    """
    max_hedges: int | None = None
    """Largest number of further requests for one request."""
    budget_percent: float | None = None
    """Largest extra cost, in percent of the cost without hedging."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """Which safety checks inputs and outputs pass through.

    `%CrucibleIR.Reliability.Guardrail{}` in Elixir.
    """

    profiles: Sequence[str] = field(default_factory=lambda: ["default"])
    """Named sets of checks to apply."""
    prompt_injection_detection: bool | None = None
    """Whether to look for prompt injection."""
    jailbreak_detection: bool | None = None
    """Whether to look for attempts to break the model's rules."""
    pii_detection: bool | None = None
    """Whether to look for personal data."""
    pii_redaction: bool | None = None
    """Whether to remove the personal data that is found."""
    content_moderation: bool | None = None
    """Whether to look for harmful content."""
    fail_on_detection: bool | None = None
    """Whether a finding stops the run."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Which statistical tests compare the results, and at which level.

    `%CrucibleIR.Reliability.Stats{}` in Elixir.
    """

    tests: Sequence[str] = field(default_factory=lambda: ["ttest", "bootstrap"])
    """The tests to run."""
    alpha: float = 0.05
    """Significance level, between 0 and 1."""
    confidence_level: float | None = None
    """Level of the confidence intervals, between 0 and 1."""
    effect_size_type: str | None = None
    """Which effect size is computed."""
    multiple_testing_correction: str | None = None
    """How levels are corrected where several tests are run."""
    bootstrap_iterations: int | None = None
    """Number of bootstrap samples."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Which fairness metrics are computed over which groups.

    `%CrucibleIR.Reliability.Fairness{}` in Elixir.
    """

    enabled: bool = False
    """Whether fairness is measured."""
    metrics: Sequence[str] | None = None
    """The metrics to compute."""
    group_by: str | None = None
    """Attribute that says which group an example belongs to."""
    threshold: float | None = None
    """Smallest acceptable value, from 0 to 1, such as 0.8 for the four-fifths rule."""
    fail_on_violation: bool | None = None
    """Whether a value below the threshold stops the run."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackConfig:
    """How feedback from users of a deployed model is collected and used.

    `%CrucibleIR.Feedback.Config{}` in Elixir.
    """

    retention_days: int | None = None
    """Days after which feedback is deleted; left out, it is kept."""
    drift_detection: Mapping[str, Any] | None = None
    """How drift of the inputs and outputs is measured."""
    retraining_trigger: Mapping[str, Any] | None = None
    """What makes retraining start."""
    enabled: bool = False
    """Whether feedback is collected."""
    sampling_rate: float = 1.0
    """Fraction of the requests that are recorded, from 0 to 1."""
    feedback_types: Sequence[str] = field(
        default_factory=lambda: ["thumbs", "correction"],
    )
    """Kinds of feedback to collect."""
    storage: str = "postgres"
    """Where feedback is stored."""
    anonymize_pii: bool = True
    """Whether personal data is removed before feedback is stored."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityConfig:
    """The reliability measures of an experiment.

    `%CrucibleIR.Reliability.Config{}` in Elixir.
    """

    ensemble: Ensemble | None = None
    """How answers of several models are combined."""
    hedging: Hedging | None = None
    """When slow requests are sent again."""
    guardrails: Guardrail | None = None
    """Safety checks on inputs and outputs."""
    stats: Stats | None = None
    """Statistical tests of the results."""
    fairness: Fairness | None = None
    """Fairness metrics of the results."""
    monitoring: Mapping[str, Any] | None = None
    """Settings for watching the model at run time."""
    drift: Mapping[str, Any] | None = None
    """Settings for noticing that inputs or outputs drift."""
    circuit_breaker: Mapping[str, Any] | None = None
    """When calls to a failing backend are suspended."""
    feedback: FeedbackConfig | None = None
    """How feedback from users is collected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """One report that an experiment writes.

    `%CrucibleIR.OutputSpec{}` in Elixir.
    """

    name: str
    """Name of the report."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are, such as `path`, the file to write."""
    formats: Sequence[str] = field(default_factory=lambda: ["markdown"])
    """The formats to write; crucible_framework 0.5.2 renders markdown and json."""
    sink: str = "file"
    """Where the report goes; crucible_framework 0.5.2 writes to file and stdout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One registered version of a model, with the numbers that it reached.

    `%CrucibleIR.ModelVersion{}` in Elixir.
    """

    id: str
    """Name of this version."""
    model_id: str
    """The model that this is a version of."""
    version: str
    """Version number or label, such as `1.2.0`."""
    training_run_id: str | None = None
    """The training run that produced it."""
    metrics: Mapping[str, Any] | None = None
    """Numbers that the version reached, by metric."""
    artifact_uri: str | None = None
    """URI of the weights."""
    parent_version: str | None = None
    """The version that it was trained from."""
    description: str | None = None
    """What is particular about the version."""
    created_at: str | None = None
    """When the version was registered, as ISO 8601 with its offset from UTC, such as
    2026-01-31T12:00:00Z.
    """
    created_by: str | None = None
    """Who registered the version."""
    stage: str = "development"
    """Where the version stands in its life."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """A model by name and origin; a bare string is its id.

    `%CrucibleIR.ModelRef{}` in Elixir.
    """

    id: str
    """Which model: a name that the provider knows, such as `Qwen/Qwen3.5-9B-Base`, or
    a path.
    """
    name: str | None = None
    """Name of the model for people."""
    version: str | None = None
    """Version or revision of the model."""
    artifact_uri: str | None = None
    """URI of the weights."""
    architecture: str | None = None
    """Family of the network."""
    task: str | None = None
    """What the model is made for."""
    metadata: Mapping[str, Any] | None = None
    """Facts about the model that no stage reads."""
    provider: str = "local"
    """Who provides the model."""
    framework: str = "nx"
    """Library that the weights are made for."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """What is trained, on which data, and with which hyperparameters.

    `%CrucibleIR.Training.Config{}` in Elixir.
    """

    id: str
    """Name of the configuration; left out, the id of the recipe."""
    model_ref: ModelRef
    """The model that training starts from."""
    dataset_ref: DatasetRef
    """The data set that is trained on."""
    validation_split: float | None = None
    """Fraction of the data that is held out for validation, between 0 and 1."""
    seed: int | None = None
    """Seed of every random choice: order of the data, initial adapter weights,
    sampling.
    """
    gradient_clipping: float | None = None
    """Largest norm of the gradient; larger gradients are scaled down to it. Left out,
    none is clipped.
    """
    early_stopping: Mapping[str, Any] | None = None
    """When to stop before the last epoch; needs a validation_split."""
    checkpoint_every: int | None = None
    """Optimizer steps between two checkpoints; left out, only the end is saved."""
    epochs: int = 1
    """How many times training passes over the data set."""
    batch_size: int = 32
    """Examples in one batch; in reinforcement learning and on-policy distillation,
    groups of rollouts.
    """
    learning_rate: float = 0.001
    """Step size of the optimizer at its highest; lr_schedule says how it changes."""
    optimizer: str = "adam"
    """The optimizer."""
    loss_function: str = "cross_entropy"
    """The loss that is minimised."""
    metrics: Sequence[str] = field(default_factory=lambda: ["loss", "accuracy"])
    """Metrics to record while training."""
    device: str = "cpu"
    """Kind of processor to train on, where the engine trains locally."""
    mixed_precision: bool = False
    """Whether to compute in 16 bit where that is safe."""
    options: Mapping[str, Any] | None = None
    """Options of the recipe's type, such as lora_rank; options/<type>.schema.json
    lists them.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment: the stages to run, on which backend, over which data, and what
    to report.

    `%CrucibleIR.Experiment{}` in Elixir.
    """

    id: str
    """Name of the experiment."""
    backend: BackendRef
    """The backend that runs it."""
    pipeline: Sequence[StageDef]
    """The stages, in the order in which they run."""
    description: str | None = None
    """What the experiment is for, in a sentence or two."""
    owner: str | None = None
    """Who answers for the experiment: a person or a team."""
    tags: Sequence[str] | None = None
    """Words to find the experiment by."""
    metadata: Mapping[str, Any] | None = None
    """Facts about the experiment that no stage reads."""
    dataset: DatasetRef | None = None
    """The data set that the experiment is about."""
    reliability: ReliabilityConfig | None = None
    """Ensemble, hedging, guardrails, statistics, fairness and feedback settings."""
    outputs: Sequence[OutputSpec] | None = None
    """The reports to write when the pipeline has run."""
    created_at: str | None = None
    """When the experiment was written down, as ISO 8601 with its offset from UTC, such
    as 2026-01-31T12:00:00Z.
    """
    updated_at: str | None = None
    """When the experiment was last changed, as ISO 8601 with its offset from UTC, such
    as 2026-01-31T12:00:00Z.
    """
    experiment_type: str | None = None
    """What kind of experiment it is."""
    model_version: ModelVersion | None = None
    """The registered model version that the experiment starts from or produces."""
    training_config: TrainingConfig | None = None
    """What is trained and how."""
    baseline: ModelRef | None = None
    """The model that the results are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackEvent:
    """One piece of feedback on one answer of a deployed model.

    `%CrucibleIR.Feedback.Event{}` in Elixir.
    """

    id: str
    """Name of the event."""
    deployment_id: str | None = None
    """The deployment that answered."""
    model_version: str | None = None
    """Version of the model that answered."""
    input: Mapping[str, Any] | None = None
    """What was asked."""
    output: Mapping[str, Any] | None = None
    """What was answered."""
    feedback_value: Any = None
    """The feedback itself; its shape depends on feedback_type."""
    user_id: str | None = None
    """Who gave the feedback."""
    session_id: str | None = None
    """The conversation that it belongs to."""
    latency_ms: int | None = None
    """Time until the answer, in milliseconds."""
    metadata: Mapping[str, Any] | None = None
    """Facts about the event that nothing reads."""
    feedback_type: str = "thumbs"
    """Kind of the feedback."""
    timestamp: str | None = None
    """When the feedback was given, as ISO 8601 with its offset from UTC, such as
    2026-01-31T12:00:00Z.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """One execution of a training configuration: its state, metrics and checkpoints.

    `%CrucibleIR.Training.Run{}` in Elixir.
    """

    id: str
    """Name of the run."""
    config: TrainingConfig
    """The configuration that is trained with."""
    current_epoch: int | None = None
    """The epoch that is being trained, counted from 1."""
    metrics_history: Sequence[Mapping[str, Any]] | None = None
    """Metrics recorded so far, oldest first."""
    best_metrics: Mapping[str, Any] | None = None
    """The best metrics so far."""
    checkpoint_uris: Sequence[str] | None = None
    """URIs of the checkpoints written so far, oldest first."""
    final_model_version: str | None = None
    """The model version that the run was registered as."""
    started_at: str | None = None
    """When the run began, as ISO 8601 with its offset from UTC, such as
    2026-01-31T12:00:00Z.
    """
    completed_at: str | None = None
    """When the run ended, as ISO 8601 with its offset from UTC, such as
    2026-01-31T12:00:00Z.
    """
    error_message: str | None = None
    """Why the run failed."""
    status: str = "pending"
    """How far the run is."""
    options: Mapping[str, Any] | None = None
    """Further settings, passed on as they are."""


STRUCTS: Mapping[str, type[Any]] = {
    "BackendCapabilities": BackendCapabilities,
    "BackendCompletion": BackendCompletion,
    "BackendOptions": BackendOptions,
    "BackendPrompt": BackendPrompt,
    "BackendRef": BackendRef,
    "DatasetRef": DatasetRef,
    "DeploymentConfig": DeploymentConfig,
    "DeploymentStatus": DeploymentStatus,
    "Ensemble": Ensemble,
    "Experiment": Experiment,
    "Fairness": Fairness,
    "FeedbackConfig": FeedbackConfig,
    "FeedbackEvent": FeedbackEvent,
    "Guardrail": Guardrail,
    "Hedging": Hedging,
    "ModelRef": ModelRef,
    "ModelVersion": ModelVersion,
    "OutputSpec": OutputSpec,
    "ReliabilityConfig": ReliabilityConfig,
    "StageDef": StageDef,
    "Stats": Stats,
    "TrainingConfig": TrainingConfig,
    "TrainingRun": TrainingRun,
}
"""Every struct by name."""

MODULE_FIELDS: Mapping[str, frozenset[str]] = {
    "StageDef": frozenset({"module"}),
}
"""The fields that hold the name of an Elixir module, by struct."""

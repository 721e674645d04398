"""What the caller supplies of a run, and whether anything uses it: what is accepted is used, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from crucible_runtime.errors import did_you_mean
from crucible_runtime.experiment import rules
from crucible_runtime.experiment.kinds import kind, kind_of
from crucible_runtime.experiment.override import Adjusted
from crucible_runtime.interface.preflight import Inquiry, used_by
from crucible_runtime.interface.stages import Engine, RunConfig
from crucible_runtime.ir import TrainingConfig
from crucible_runtime.plugins import Part, engine_name
from crucible_runtime.ports import Ports
from crucible_runtime.preflight.report import Line

PIPELINE = ("log_path", "resume")
"""The fields of a Config that every run uses."""
_SAMPLING = "ports.sampling_client"


def problems(inquiry: Inquiry, parts: Sequence[Part]) -> list[str]:
    """What the caller supplied and nothing in the run uses, each a sentence that names it."""
    config, experiment = inquiry.config, inquiry.experiment
    trains = kind(experiment) is not None
    found = []
    if config.engine is not None and not trains:
        found.append(f"engine {engine_name(config)}: this recipe trains nothing")
    found += _adapters(inquiry)
    found += _training(inquiry)
    used = _used(inquiry, parts)
    return [*found, *(_unused(name, inquiry) for name in _names(inquiry) if name not in used)]


def client(inquiry: Inquiry, engine: Engine | None) -> list[Line]:
    """What is wrong with who answers the evaluation, as lines of a report."""
    port = _ports(inquiry.config).get("sampling_client")
    if port is not None or getattr(engine, "sampler", None) is not None:
        return []
    message = (
        "the evaluation asks the trained model, and the engine cannot: supply a client with "
        "Config(ports=Ports(sampling_client=...))"
    )
    return [Line(asked="evaluation", check="client", state="problem", message=message)]


def _names(inquiry: Inquiry) -> Iterator[str]:
    """The names of everything that was supplied and is not the pipeline's own."""
    config = inquiry.config
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name == "ports":
            yield from (f"ports.{name}" for name in _ports(config))
        elif field.name not in (*PIPELINE, "engine", "adapters", "training_config") and not _is_default(field, value):
            yield field.name
    own = {field.name: getattr(config, field.name) for field in fields(config)}
    for stage in inquiry.experiment.pipeline:
        options = stage.options if isinstance(stage.options, Mapping) else {}
        for name in rules.live(stage.module):
            value = options.get(name)
            if value is not None and value is not own.get(name) and name not in ("log_path", "ports"):
                yield name


def _used(inquiry: Inquiry, parts: Sequence[Part]) -> set[str]:
    """The names that something in the run uses."""
    # Whoever calls `finish` of a pipeline made by hand may evaluate.
    found = {_SAMPLING} if inquiry.evaluation is not None or not _is_recipe(inquiry.config) else set()
    for part in parts:
        declared = used_by(part.thing)
        if declared is not None:
            found |= set(declared)
        elif part.supplied or not part.trains:
            # Who wrote it supplies it, or wrote the schema of its options: it uses what they hold.
            options = part.stage.options if part.stage is not None else None
            found |= set(options) if isinstance(options, Mapping) else set()
            found |= {f"ports.{name}" for name in _ports(inquiry.config)} if part.supplied else set()
            found |= {"base_url", "allow_unsandboxed", "apply"} if part.supplied else set()
    return found


def _is_recipe(config: RunConfig) -> bool:
    """Whether the Config is one of a generated module, which always says what is asked after its run."""
    return type(config) is not RunConfig


def _ports(config: RunConfig) -> dict[str, Any]:
    """The ports that the caller supplied an adapter for, by name."""
    ports = config.ports
    if not isinstance(ports, Ports):
        return {}
    found = {field.name: getattr(ports, field.name) for field in fields(ports)}
    left_open = Ports()
    return {name: value for name, value in found.items() if type(value) is not type(getattr(left_open, name))}


def _is_default(field: Field[Any], value: Any) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return value is None or value is False or value is default


def _unused(name: str, inquiry: Inquiry) -> str:
    """The sentence about a value that nothing uses."""
    stages = ", ".join(stage.name for stage in inquiry.experiment.pipeline)
    if name == "apply":
        return f"--apply: the recipe deploys nothing (its stages: {stages}); leave it out"
    if name == "allow_unsandboxed":
        return "--allow-unsandboxed: the recipe runs no programs that a model writes; leave it out"
    trains = kind(inquiry.experiment) is not None
    flag = "--base-url" if name == "base_url" else name
    by = f"engine {engine_name(inquiry.config)} does not use it" if trains else "no stage of the recipe uses it"
    if name == _SAMPLING:
        return f"{name} is supplied, and the recipe asks the model nothing after the run: leave it out"
    hint = _INSTEAD.get(name, "leave it out, or supply an engine of your own that does")
    return f"{flag} is supplied, and {by}: {hint}"


_INSTEAD: Mapping[str, str] = {
    "base_url": "leave it out, or train with --engine tinker",
    "train_dataset": (
        "it trains on training_config.dataset_ref. Rows of your own are "
        'training_config={"dataset_ref": {"provider": "inline", "options": {"rows": [...]}}}'
    ),
    "logger": "every step is a row of metrics.jsonl in the directory of the run",
}


def _adapters(inquiry: Inquiry) -> Iterator[str]:
    """What adapters were supplied for that the recipe does not have."""
    modules = {stage.module for stage in inquiry.experiment.pipeline if stage.module is not None}
    for module in inquiry.config.adapters:
        if module not in modules:
            yield f"adapters: the recipe has no stage {module}; {did_you_mean(module, sorted(modules))}"
        elif kind_of(module) is not None:
            yield f"adapters: {module} trains, and an engine runs it: supply engine=... instead"


def _training(inquiry: Inquiry) -> Iterator[str]:
    """What of the overrides a hand-made experiment does not have in its training configuration."""
    wanted, training = inquiry.config.training_config, inquiry.experiment.training_config
    if isinstance(wanted, Adjusted) or not wanted:
        return
    if training is None:
        yield "training_config is overridden, and the experiment has none"
    elif isinstance(wanted, TrainingConfig):
        if wanted != training:
            yield "training_config is supplied, and the experiment has another one: build the experiment with it"
    else:
        yield from (
            f"training_config.{path} is overridden, and the experiment has another value: build the experiment with "
            "training_config(config.training_config)"
            for path in _missing(wanted, training)
        )


def _missing(wanted: Mapping[str, Any], found: Any, path: str = "") -> Iterator[str]:
    """The paths of overrides that are not in place."""
    for name, value in wanted.items():
        below = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
        if isinstance(value, Mapping) and below is not None:
            yield from _missing(value, below, f"{path}{name}.")
        elif below != value and not (value is None and not below):
            yield f"{path}{name}"

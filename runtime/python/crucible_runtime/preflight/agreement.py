"""Whether the options of training stages agree with the training configuration, which the engines train by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crucible_runtime.errors import CanonicalError
from crucible_runtime.experiment import rules
from crucible_runtime.experiment.canonical import canonical, plain
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import Experiment, StageDef


def problems(experiment: Experiment, config: RunConfig) -> list[str]:
    """Every option of a training stage that says another thing than the experiment, each a whole sentence.

    Generated experiments always agree: each of these options reads its value from the training configuration.
    """
    return [each for stage in experiment.pipeline for each in _stage(experiment, stage, config)]


def _stage(experiment: Experiment, stage: StageDef, config: RunConfig) -> Iterator[str]:
    options = stage.options if isinstance(stage.options, Mapping) else {}
    for name, source in rules.repeated(stage.module).items():
        if name not in options:
            continue
        path, default = source["path"], source["default"]
        said, meant = _plain(options[name]), _plain(_at(experiment, path))
        if said == meant or (meant is None and said in (None, default)):
            continue
        shown = "another one" if path == "training_config" else _shown(said)
        yield (
            f"stage {stage.name}: options.{name} is {shown}, and {path} is {_shown(meant)}: "
            f"both must say the same; leave options.{name} out, or change {path}"
        )
    place = options.get("log_path")
    if "log_path" in rules.live(stage.module) and place is not None and str(place) != str(config.log_path):
        yield (
            f"stage {stage.name}: options.log_path is {place}, and the run writes to "
            f"{config.log_path or 'a new directory below runs/'}: set Config(log_path=...) alone"
        )


def _at(experiment: Experiment, path: str) -> Any:
    value: Any = experiment
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value


def _plain(value: Any) -> Any:
    try:
        return plain(value)
    except CanonicalError:
        return value


def _shown(value: Any) -> str:
    try:
        text = canonical(value)
    except CanonicalError:
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else "another one"

"""The engine `tinker`: a recipe is trained by tinker_cookbook's own loops, on a Tinker service.

The config of such a loop is first made as data (`tree`), which is what `--dry-run` prints; a run makes the cookbook's
objects of it (`objects`) and calls the cookbook's own main. What the cookbook cannot honour is said before anything is
loaded (`table`). The cookbook writes into the directory `tinker` of the run's own, and what belongs to a run is copied
from there (`records`).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from crucible_runtime.data import teacher
from crucible_runtime.engines.checks import reward
from crucible_runtime.engines.tinker import (
    datasets,
    judge,
    loaded,
    objects,
    records,
    sampling,
    service,
    strategies,
    table,
    tree,
)
from crucible_runtime.engines.tinker.strategies import STRATEGIES
from crucible_runtime.errors import InputError, PipelineError, UnsupportedError
from crucible_runtime.experiment.kinds import trained_kind
from crucible_runtime.installation.packages import needs
from crucible_runtime.interface.preflight import checked_by, uses
from crucible_runtime.interface.stages import Context, Options, Output, RunConfig
from crucible_runtime.ir import Experiment, TrainingConfig
from crucible_runtime.ports import SamplingClient
from crucible_runtime.secrets import scrub

__all__ = ["PLACE", "STRATEGIES", "TinkerEngine", "base_url"]

PLACE = "tinker"
"""The cookbook's directory in that of a run."""


@checked_by(datasets.data_set, service.processes, service.key, reward)
@uses("base_url")
@needs("tinker", "tinker", "tinker_cookbook")
class TinkerEngine:
    """Trains on a Tinker service; needs a key in TINKER_API_KEY."""

    def problems(self, experiment: Experiment, config: RunConfig) -> Sequence[str]:
        """What tinker_cookbook cannot honour, each a sentence that names the field and what would work."""
        return strategies.problems(experiment, trained_kind(experiment))

    def plan(self, experiment: Experiment, config: RunConfig) -> str:
        """The config that the cookbook would be called with, every field of it; loads nothing of the engine.

        Raises UnsupportedError where there are problems.
        """
        self._check(experiment, config)
        kind, training = trained_kind(experiment), _training(experiment)
        home = f"{config.log_path}/{PLACE}" if config.log_path is not None else f"<run directory>/{PLACE}"
        given = tree.Given(
            log_path=home,
            base_url=base_url(experiment, config),
            renderer_name=f"<the one that is recommended for {training.model_ref.id}>",
            data_file=training.dataset_ref.name if strategies.strategy(experiment, kind).taught else None,
            allow_unsandboxed=config.allow_unsandboxed,
        )
        installed = objects.version()
        return scrub(
            f"tinker_cookbook {installed}\n{tree.shown(strategies.config(experiment, kind, given), installed)}"
        )

    def train(self, context: Context, options: Options) -> Output:
        """Runs the cookbook's loop; the model is a place of the service (tinker://...).

        Raises UnsupportedError for what the cookbook cannot honour, InputError for a key, a renderer or data that cannot
        be used, PortError where the service fails.
        """
        experiment, config = context.experiment, context.config
        self._check(experiment, config)
        url = base_url(experiment, config)
        service.check(url)
        with service.told(url):
            return _trained(context, url)

    def sampler(self, context: Context, model: str) -> SamplingClient:
        """Asks the model that a training stage left behind."""
        training = _training(context.experiment)
        return sampling.sampler(
            model,
            base_model=training.model_ref.id,
            renderer_name=(training.options or {}).get("renderer_name"),
            base_url=base_url(context.experiment, context.config),
        )

    def _check(self, experiment: Experiment, config: RunConfig) -> None:
        if problems := self.problems(experiment, config):
            raise UnsupportedError(problems)


def base_url(experiment: Experiment, config: RunConfig) -> str | None:
    """The service: what the caller says, else the recipe's backend, else None, which is the client's own."""
    return config.base_url or experiment.backend.endpoint_url


def _training(experiment: Experiment) -> TrainingConfig:
    assert experiment.training_config is not None
    return experiment.training_config


def _trained(context: Context, url: str | None) -> Output:
    """The stage, once the service is there."""
    from tinker_cookbook import cli_utils

    kind, training = trained_kind(context.experiment), _training(context.experiment)
    model, renderer_name = training.model_ref.id, _renderer_name(context.experiment)
    place = context.folder.path / PLACE
    config = _made(context, url, renderer_name, place)
    sampling.renderer(model, renderer_name)
    cli_utils.check_log_dir(str(place), behavior_if_exists="resume" if context.config.resume else "raise")
    place.mkdir(parents=True, exist_ok=True)
    records.mend(place)
    main = objects.imported(f"{type(config).__module__}:main")
    by = strategies.strategy(context.experiment, kind)
    listening = loaded.recorded(training.dataset_ref) if by.loads() else nullcontext()
    with records.Records(context, place, counted=by.counted) as kept, judge.judged(context, place), listening:
        _run(main, config)
    return _output(training, records.checkpoints(place), kept.steps, kept.last)


def _renderer_name(experiment: Experiment) -> str:
    """The renderer of the recipe, else the one that is recommended; raises UnsupportedError where a loop has another."""
    training, entry = _training(experiment), table.entry_of(experiment)
    model = training.model_ref.id
    name = sampling.renderer_for(model, (training.options or {}).get("renderer_name"))
    if entry is not None and name != (recommended := sampling.renderer_for(model, None)):
        raise UnsupportedError(
            [
                f"engine tinker (entry {entry}) cannot honour training_config.options.renderer_name {name}: the "
                f"loop takes {recommended} for {model}; leave backend.options.entry out to train without that loop"
            ]
        )
    return name


def _output(
    training: TrainingConfig, found: Sequence[Mapping[str, Any]], steps: int, last: Mapping[str, float]
) -> Output:
    """What the stage leaves behind; raises InputError where no step was made, PipelineError where there is no model."""
    trained = records.model(found)
    if steps == 0:
        raise InputError(
            f"tinker_cookbook made no step: it leaves out a last batch that is not full, and data set "
            f"{training.dataset_ref.name} has less than one of batch_size {training.batch_size}"
        )
    if trained is None:
        raise PipelineError(f"tinker_cookbook ended without a model that can be sampled from; its log is in {PLACE}/")
    return {
        "engine": "tinker",
        "model": trained,
        "steps": steps,
        "metrics": {name: last[name] for name in training.metrics if name in last},
        "checkpoints": list(dict.fromkeys(row["state_path"] for row in found if "state_path" in row)),
    }


def _made(context: Context, url: str | None, renderer_name: str, place: Path) -> Any:
    """The cookbook's config, after a teacher has written the data where there is one."""
    training, kind = _training(context.experiment), trained_kind(context.experiment)
    data_file = None
    if strategies.strategy(context.experiment, kind).taught:
        data_file = str(teacher.write(context, sampling.asking(training.options or {}, url)))
    given = tree.Given(
        log_path=str(place),
        base_url=url,
        renderer_name=renderer_name,
        data_file=data_file,
        allow_unsandboxed=context.config.allow_unsandboxed,
    )
    strategies.strategy(context.experiment, kind, given).check_data()
    return objects.made(strategies.config(context.experiment, kind, given), objects.version())


def _run(main: Any, config: Any) -> None:
    """Runs a loop of the cookbook; some of them are coroutines."""
    running = main(config)
    if inspect.iscoroutine(running):
        asyncio.run(running)

"""The stages that a generated run calls by name.

A training stage is run by an engine, any other stage by an adapter: what the caller supplies goes first, then what is
installed as an entry point. Nothing here pretends: a stage that nobody runs raises, and names what is missing. What
an installed one prints goes into the log of the run; what the caller's own prints stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crucible_runtime.errors import AdapterMissingError, CrucibleError, EngineMissingError, did_you_mean
from crucible_runtime.pipeline import Context, Engine, Options, Output, RunConfig, StageFunction, kind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from crucible_runtime.ir import Experiment

ENGINES = "crucible_runtime.engines"
"""Entry points that return an Engine when called; their name is what `--engine` takes."""
DEFAULT = "trl"
"""The engine that trains where nobody names one."""
ADAPTERS = "crucible_runtime.stages"
"""Entry points that are stage functions; their name is the Elixir module of the stage."""


def supervised_train(context: Context, options: Options) -> Output:
    """Trains on the answers of conversations (`CrucibleTrain.Stages.SupervisedTrain`); raises EngineMissingError."""
    return _train(context, options)


def rl_train(context: Context, options: Options) -> Output:
    """Trains on the rewards of an environment (`CrucibleTrain.Stages.RLTrain`); raises EngineMissingError."""
    return _train(context, options)


def dpo_train(context: Context, options: Options) -> Output:
    """Trains on preferred and rejected answers (`CrucibleTrain.Stages.DPOTrain`); raises EngineMissingError."""
    return _train(context, options)


def distillation(context: Context, options: Options) -> Output:
    """Trains on a teacher's judgement (`CrucibleTrain.Stages.Distillation`); raises EngineMissingError."""
    return _train(context, options)


def model_register(context: Context, options: Options) -> Output:
    """Registers the trained model (`CrucibleModelRegistry.Stages.Register`); raises AdapterMissingError."""
    return external(context, options)


def deploy(context: Context, options: Options) -> Output:
    """Deploys the registered model (`CrucibleDeployment.Stages.Deploy`); raises AdapterMissingError."""
    return external(context, options)


def export_feedback(context: Context, options: Options) -> Output:
    """Exports what users said of the model (`CrucibleFeedback.Stages.ExportFeedback`); raises AdapterMissingError."""
    return external(context, options)


def check_triggers(context: Context, options: Options) -> Output:
    """Looks whether to train again (`CrucibleFeedback.Stages.CheckTriggers`); raises AdapterMissingError."""
    return external(context, options)


def external(context: Context, options: Options) -> Output:
    """Runs a stage by its module: the caller's adapter, else the installed one; raises AdapterMissingError."""
    module = context.stage.module or context.stage.name
    supplied = context.config.adapters.get(module)
    if supplied is not None:
        return _ready(module, supplied)(context, options)
    found = _installed(ADAPTERS)
    if module not in found:
        raise AdapterMissingError(
            f"nothing runs {module}: install a package with an entry point of that name in {ADAPTERS}, "
            f"or supply one with adapters={{{module!r}: ...}}"
        )
    with context.folder.captured():
        return _ready(module, _load(found[module], AdapterMissingError))(context, options)


def _ready(module: str, adapter: StageFunction) -> StageFunction:
    from crucible_runtime.installed import missing

    if absent := missing(module, adapter):
        raise AdapterMissingError(absent)
    return adapter


def _train(context: Context, options: Options) -> Output:
    wanted = context.config.engine
    if wanted is not None and not isinstance(wanted, str):
        return wanted.train(context, options)
    with context.folder.captured():
        return engine(wanted).train(context, options)


def missing(experiment: Experiment, config: RunConfig) -> list[str]:
    """What stages after training lack on this machine, and then the engine too, each with its remedy.

    The engine alone is asked when the run begins. Raises EngineMissingError for an unknown one.
    """
    from crucible_runtime import installed
    from crucible_runtime.running import engine_name

    found, absent = _installed(ADAPTERS), []
    for stage in experiment.pipeline:
        if stage.module in found and stage.module not in config.adapters:
            absent.append(installed.missing(stage.module, _load(found[stage.module], AdapterMissingError)))
    if any(absent) and kind(experiment) is not None:
        absent.insert(0, installed.missing(f"engine {engine_name(config)}", engine(config.engine)))
    return [sentence for sentence in absent if sentence]


def engine(wanted: Engine | str | None) -> Engine:
    """The engine that trains: itself, or the installed one of that name, by default trl; raises EngineMissingError."""
    if wanted is not None and not isinstance(wanted, str):
        return wanted
    installed = _installed(ENGINES)
    name = wanted if wanted is not None else DEFAULT
    if name not in installed:
        raise EngineMissingError(f"engine {name} is not installed; {did_you_mean(name, sorted(installed))}")
    make: Callable[[], Engine] = _load(installed[name], EngineMissingError)
    return make()


def _installed(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def _load(point: EntryPoint, missing: type[CrucibleError]) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise missing(f"{point.name} is installed as {point.value}, which does not load: {error}") from error

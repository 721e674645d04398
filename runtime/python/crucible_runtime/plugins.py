"""Engines, stage adapters and environments that are installed as entry points, and what they lack on this machine.

What the caller supplies takes precedence over what is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crucible_runtime.errors import AdapterMissingError, CrucibleError, EngineMissingError, InputError, did_you_mean
from crucible_runtime.experiment.kinds import kind_of
from crucible_runtime.installation.packages import missing
from crucible_runtime.interface.environments import Family, Settings
from crucible_runtime.interface.stages import Engine, Hook, RunConfig, StageFunction, hook_after_evaluation
from crucible_runtime.ir import Experiment, StageDef

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENGINES = "crucible_runtime.engines"
"""Entry points that return an Engine when called; their name is what `--engine` takes."""
DEFAULT = "trl"
"""The engine that trains where none is named."""
ADAPTERS = "crucible_runtime.stages"
"""Entry points that are stage functions; their name is the Elixir module of the stage."""
ENVIRONMENTS = "crucible_runtime.environments"
"""Entry points that make a Family of Settings; their name is what `options.env` takes."""


def engine(wanted: Engine | str | None) -> Engine:
    """The engine that trains: itself, or the installed one of that name, by default trl; raises EngineMissingError."""
    if wanted is not None and not isinstance(wanted, str):
        return wanted
    found = _installed(ENGINES)
    name = wanted if wanted is not None else DEFAULT
    if name not in found:
        raise EngineMissingError(f"engine {name} is not installed; {did_you_mean(name, sorted(found))}")
    make: Callable[[], Engine] = _load(found[name], EngineMissingError)
    return make()


def engine_name(config: RunConfig) -> str:
    """What a record calls the engine of a configuration."""
    if config.engine is None:
        return DEFAULT
    return config.engine if isinstance(config.engine, str) else type(config.engine).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What has a part in a run and may declare something of it: an engine, an adapter of a stage, an environment.

    `name` is how messages call it, `stage` the stage that it runs; `supplied` says that the caller made it.
    """

    name: str
    thing: object
    stage: StageDef | None
    trains: bool = False
    supplied: bool = False


def parts(experiment: Experiment, config: RunConfig, engine: Engine | None) -> Iterator[Part]:
    """The parts of a run, in the order of its stages; a stage that nothing runs is left out."""
    installed = _installed(ADAPTERS)
    for stage in experiment.pipeline:
        if kind_of(stage.module) is not None:
            if engine is not None:
                made = config.engine is not None and not isinstance(config.engine, str)
                yield Part(name=f"stage {stage.name}", thing=engine, stage=stage, trains=True, supplied=made)
            yield from _environment(experiment, stage)
        elif stage.module is not None and stage.module in config.adapters:
            found = config.adapters[stage.module]
            yield Part(name=f"stage {stage.name}", thing=found, stage=stage, supplied=True)
        elif stage.module in installed:
            loaded = _load(installed[stage.module], AdapterMissingError)
            yield Part(name=f"stage {stage.name}", thing=loaded, stage=stage)


def _environment(experiment: Experiment, stage: StageDef) -> Iterator[Part]:
    """The family of environments that a recipe names, where it is installed."""
    training = experiment.training_config
    env = (training.options or {}).get("env") if training is not None else None
    points = _installed(ENVIRONMENTS) if isinstance(env, str) else {}
    if env in points:
        try:
            yield Part(name=f"environment {env}", thing=points[env].load(), stage=stage, trains=True)
        except ImportError:
            return  # `family` says so


def adapter(module: str, config: RunConfig) -> StageFunction:
    """What runs the stage of an Elixir module.

    Raises AdapterMissingError where nothing does, and where it lacks a package.
    """
    found = config.adapters.get(module)
    if found is None:
        installed = _installed(ADAPTERS)
        if module not in installed:
            raise AdapterMissingError(_nobody(module))
        found = _load(installed[module], AdapterMissingError)
    if absent := missing(module, found):
        raise AdapterMissingError(absent)
    return found


def lacking_engine(engine: Engine, config: RunConfig) -> str:
    """What an engine lacks on this machine, with its remedy; empty where it lacks nothing."""
    return missing(f"engine {engine_name(config)}", engine)


def lacking_adapters(experiment: Experiment, config: RunConfig, finished: tuple[str, ...] = ()) -> list[str]:
    """What the adapters of an experiment's stages lack on this machine, each with its remedy; also those nobody has.

    A stage that has `finished` is not among them. Nothing is imported of what
    they need: a run that would fail in its last stage can be refused before its first.
    """
    installed, found = _installed(ADAPTERS), {}
    for stage in experiment.pipeline:
        module = stage.module
        if module is None or stage.name in finished or kind_of(module) is not None:
            continue
        if module not in config.adapters and module not in installed:
            found[module] = _nobody(module)
            continue
        runs = config.adapters.get(module) or _load(installed[module], AdapterMissingError)
        if absent := missing(module, runs):
            found[module] = absent
    return list(found.values())


def hooks_after_evaluation(experiment: Experiment, config: RunConfig) -> list[Hook]:
    """What the stages of an experiment do when the evaluation has ended, in the order of the stages."""
    found = _adapters(experiment, config).values()
    return [hook for each in found if (hook := hook_after_evaluation(each)) is not None]


def family(env: str, *, options: Mapping[str, Any], allow_unsandboxed: bool = False) -> Family:
    """The family of environments of that name, made with a recipe's options.

    Raises InputError, which names the nearest one, for a name that is not installed, and for options that the family
    cannot honour.
    """
    found = _installed(ENVIRONMENTS)
    if env not in found:
        raise InputError(
            f"there is no environment {env}; {did_you_mean(env, sorted(found))}. "
            f"One of your own is an entry point of that name in {ENVIRONMENTS}"
        )
    try:
        make: Callable[[Settings], Family] = found[env].load()
    except ImportError as error:
        raise InputError(f"environment {env} cannot be loaded from {found[env].value}: {error}") from error
    return make(Settings(options=options, allow_unsandboxed=allow_unsandboxed))


def _nobody(module: str) -> str:
    return (
        f"nothing runs {module}: install a package with an entry point of that name in {ADAPTERS}, "
        f"or supply one with adapters={{{module!r}: ...}}"
    )


def _adapters(experiment: Experiment, config: RunConfig) -> dict[str, StageFunction]:
    """The adapters of an experiment's stages by module: the caller's own, else the installed ones."""
    installed, found = _installed(ADAPTERS), {}
    for module in (stage.module for stage in experiment.pipeline if stage.module is not None):
        if module in config.adapters:
            found[module] = config.adapters[module]
        elif module in installed:
            found[module] = _load(installed[module], AdapterMissingError)
    return found


def _installed(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def _load(point: EntryPoint, missing: type[CrucibleError]) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise missing(f"{point.name} is installed as {point.value}, which does not load: {error}") from error

"""Engines, stage adapters and environments that are installed as entry points, and what they lack on this machine.

What the caller supplies takes precedence over what is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from crucible_runtime.errors import AdapterMissingError, CrucibleError, EngineMissingError, InputError, did_you_mean
from crucible_runtime.installation.packages import missing
from crucible_runtime.interface.environments import Family, Settings
from crucible_runtime.interface.stages import Engine, Hook, RunConfig, StageFunction, hook_after_evaluation
from crucible_runtime.ir import Experiment

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


def adapter(module: str, config: RunConfig) -> StageFunction:
    """What runs the stage of an Elixir module.

    Raises AdapterMissingError where nothing does, and where it lacks a package.
    """
    found = config.adapters.get(module)
    if found is None:
        installed = _installed(ADAPTERS)
        if module not in installed:
            raise AdapterMissingError(
                f"nothing runs {module}: install a package with an entry point of that name in {ADAPTERS}, "
                f"or supply one with adapters={{{module!r}: ...}}"
            )
        found = _load(installed[module], AdapterMissingError)
    if absent := missing(module, found):
        raise AdapterMissingError(absent)
    return found


def lacking_engine(engine: Engine, config: RunConfig) -> str:
    """What an engine lacks on this machine, with its remedy; empty where it lacks nothing."""
    return missing(f"engine {engine_name(config)}", engine)


def lacking_adapters(experiment: Experiment, config: RunConfig) -> list[str]:
    """What the installed adapters of an experiment's stages lack on this machine, each with its remedy.

    A stage that nothing runs, and one that the caller's own adapter runs, is not among them. Nothing is imported of
    what they need: a run that would fail in its last stage can be refused before its first.
    """
    found = _adapters(experiment, config, supplied=False)
    return [absent for module, adapter in found.items() if (absent := missing(module, adapter))]


def hooks_after_evaluation(experiment: Experiment, config: RunConfig) -> list[Hook]:
    """What the stages of an experiment do when the evaluation has ended, in the order of the stages."""
    found = _adapters(experiment, config, supplied=True).values()
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


def _adapters(experiment: Experiment, config: RunConfig, *, supplied: bool) -> dict[str, StageFunction]:
    """The adapters of an experiment's stages by module: the installed ones, and where asked for the caller's own."""
    installed, found = _installed(ADAPTERS), {}
    for module in (stage.module for stage in experiment.pipeline if stage.module is not None):
        if module in config.adapters:
            if supplied:
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

"""What a run writes down when it begins, so that it can be looked at, resumed and compared.

Live values, secrets and places of this machine are in none of it. A run that is resumed must be the same experiment on
the same engine, but where it lies, which processes it has, and what is installed may have changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import zip_longest
from typing import Any

from crucible_runtime.errors import CanonicalError, InputError
from crucible_runtime.experiment.canonical import canonical, plain, pretty
from crucible_runtime.experiment.kinds import kind_of
from crucible_runtime.installation.packages import environment
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import Experiment, StageDef
from crucible_runtime.plugins import engine_name
from crucible_runtime.rundir.folder import CONFIG, ENVIRONMENT, EXPERIMENT, Folder
from crucible_runtime.secrets import hidden

_TEXTUAL = (str, int, float, bool)
_MOST = 10
_STAGE = re.compile(r"pipeline\[(\d+)\]").match


def begin(folder: Folder, experiment: Experiment, config: RunConfig) -> None:
    """Writes experiment, configuration and environment of a run that begins or is resumed.

    Raises InputError where the run in the directory is of another experiment, FolderError where it cannot be written.
    """
    text, around = recorded(experiment, config), environment()
    if folder.started:
        later = _compare(folder, experiment, text, config)
        if later:
            folder.log("\n".join(["settings of stages that have not run have changed:", *later]))
            folder.write_exact(EXPERIMENT, text)
        changed = _changed(folder.read(ENVIRONMENT) or {}, around)
        folder.log("the run goes on" + (f"; packages changed: {', '.join(changed)}" if changed else ""))
    else:
        folder.write_exact(CONFIG, pretty(hidden(plain(_settings(experiment, config)))))
        folder.log("the run begins")
    folder.write_json(ENVIRONMENT, around)
    if not folder.started:
        folder.write_exact(EXPERIMENT, text)


def recorded(experiment: Experiment, config: RunConfig) -> str:
    """The experiment as canonical JSON for a reader: null in place of what only this run has, secrets hidden."""
    supplied = {field.name for field in fields(config)} - {"training_config"}

    def option(name: str, value: Any) -> Any:
        if name == "log_path" or (name in supplied and not isinstance(value, _TEXTUAL)):
            return None
        return _kept(value)

    def stage(each: StageDef) -> StageDef:
        if isinstance(each.options, Mapping):
            return replace(each, options={name: option(name, value) for name, value in each.options.items()})
        return replace(each, options=_kept(each.options))

    return pretty(hidden(plain(replace(experiment, pipeline=[stage(each) for each in experiment.pipeline]))))


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The packages whose versions differ between two environments."""
    old, new = before.get("packages", {}), now.get("packages", {})
    return [
        f"{name} {old.get(name)} -> {new.get(name)}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)
    ]


def _settings(experiment: Experiment, config: RunConfig) -> dict[str, Any]:
    """What was configured, less where the run lies and whether it goes on: no part of what it computes."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    textual = {name: value for name, value in values.items() if isinstance(value, _TEXTUAL)}
    for name in ("log_path", "resume"):
        textual.pop(name, None)
    return textual | {"engine": engine_name(config), "training_config": _kept(experiment.training_config)}


def _compare(folder: Folder, experiment: Experiment, text: str, config: RunConfig) -> list[str]:
    """What has changed in the settings of stages that have not run, a line for each field.

    Raises InputError, which names the fields, where the run in the directory is of another experiment.
    """
    found = list(_differences(hidden(folder.read(EXPERIMENT)), json.loads(text)))
    free = _not_run(folder, experiment)
    later = [each for each in found if (place := _STAGE(each[0])) and int(place[1]) in free]
    # A stage's options repeat the training configuration.
    found = [each for each in found if each not in later]
    found = [each for each in found if each[0].startswith("training_config")] or found
    engine = (folder.read(CONFIG) or {}).get("engine")
    if engine != engine_name(config):
        found.append(("engine", engine, engine_name(config)))
    if found:
        lines = _lines(found[:_MOST])
        if len(found) > _MOST:
            lines.append(f"and {len(found) - _MOST} more fields differ")
        head = f"the run in {folder.shown} is of another experiment: resume it with what it was begun with"
        raise InputError("\n".join([head, *lines]))
    return _lines(later)


def _lines(found: list[tuple[str, Any, Any]]) -> list[str]:
    return [f"{path} was {canonical(old)}, and is {canonical(new)} now" for path, old, new in found]


def _not_run(folder: Folder, experiment: Experiment) -> set[int]:
    """The places of the stages whose settings may change: those that have not finished and do not train."""
    done = len(folder.records())
    before = (folder.read(EXPERIMENT) or {}).get("pipeline") or []
    trains = [index for index, stage in enumerate(before) if kind_of(_elixir(stage.get("module"))) is not None]
    first = max([done, *(index + 1 for index in trains)])
    return {*range(first, max(len(before), len(experiment.pipeline)))}


def _elixir(module: str | None) -> str:
    """The name of a module as recipes have it."""
    return (module or "").removeprefix("Elixir.")


def _differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and (len(old) == len(new) or path == "pipeline"):
        for index, (one, other) in enumerate(zip_longest(old, new)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif old != new:
        yield path, old, new


def _kept(value: Any) -> Any:
    """The value, or None for one that JSON cannot hold: it is live."""
    try:
        plain(value)
    except CanonicalError:
        return None
    return value

"""The Config of a recipe, made of what is supplied as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_args

from crucible_runtime.cli.sources import Supplied, Types, changes, merged
from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.experiment import rules
from crucible_runtime.experiment.override import Adjusted
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import TrainingConfig

_TYPES = {
    "str": "string",
    "Path": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "None": "null",
    "NoneType": "null",
}
"""The types of Python that text can stand for, and what JSON calls them."""
_FLAGS = ("resume", "apply", "allow_unsandboxed")


def types(config: type[RunConfig]) -> Types:
    """The JSON types of the value at a path of a Config, by which a flag is read."""
    own = {field.name: _json_types(field) for field in fields(config)}

    def at(path: Sequence[str]) -> frozenset[str] | None:
        if path[0] == "training_config":
            return rules.types_at(path[1:])
        return own.get(path[0]) if len(path) == 1 else None

    return at


def check(config: type[RunConfig], supplied: Supplied) -> None:
    """Raises InputError for each supplied field that the Config does not have, or that text cannot supply."""
    values = supplied.values
    known = [field.name for field in fields(config) if _from_text(field)]
    live = {field.name for field in fields(config)} - {*known}
    problems = {name: f"{name} is a live value: only Python can supply it" for name in values if name in live}
    for name in values:
        if name not in live and name not in known:
            problems[name] = f"there is no {name} to set; {did_you_mean(str(name), known)}"
    if not isinstance(values.get("training_config", {}), Mapping):
        problems["training_config"] = "training_config must be a mapping of its fields"
    for name in ("log_path", "engine", "base_url"):
        if not isinstance(values.get(name, ""), str):
            problems[name] = f"{name} must be text"
    for name in _FLAGS:
        if not isinstance(values.get(name, False), bool) and (name, values[name]) != ("apply", "local"):
            or_local = ", or local" if name == "apply" else ""
            problems[name] = f"{name} must be true or false{or_local}"
    if problems:
        raise InputError("\n".join(supplied.said(problem, str(name)) for name, problem in problems.items()))


def smoke(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the Config that make a recipe small, below those that the user `wanted`."""

    def small(training: TrainingConfig, kind: str) -> Mapping[str, Any]:
        from crucible_runtime.smoke import overrides

        found = dict(overrides(training, kind))
        for name in ("model_ref", "dataset_ref"):
            # A model or a data set that the user names is not one that is made on the spot.
            if {"id", "name", "provider"} & {*(wanted.get(name) or {})}:
                found.pop(name, None)
        return merged(found, wanted)

    return {"training_config": Adjusted(wanted, small, unused="--smoke: this recipe trains nothing")}


def recorded(config: type[RunConfig], recipe: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the Config with which the run that is to be resumed was begun, where the user sets none of them.

    Raises InputError where there is no run of the recipe to resume.
    """
    from crucible_runtime.experiment.canonical import plain
    from crucible_runtime.rundir.folder import CONFIG, Folder, latest

    path = Path(wanted["log_path"]) if "log_path" in wanted else latest(recipe)
    written = Folder(path, resumed=True, main=False).read(CONFIG)
    if not isinstance(written, dict):
        return {"log_path": str(path)}
    training = written.pop("training_config", None)
    known = {field.name for field in fields(config)} - {*wanted, "resume", "apply", "allow_unsandboxed", "log_path"}
    found = {name: value for name, value in written.items() if name in known and value is not None}
    if isinstance(training, dict):

        def before(now: TrainingConfig, kind: str) -> Mapping[str, Any]:
            old = plain(now)
            assert isinstance(old, dict)
            return changes(old, training)

        found["training_config"] = Adjusted({}, before, unused="this recipe has no training configuration to resume")
    return {**found, "log_path": str(path)}


def _from_text(field: Field[Any]) -> bool:
    """Whether a command line can supply the field: any other holds an object that only Python can make."""
    return field.name in ("training_config", "engine", "apply") or _names(field) <= _TYPES.keys()


def _json_types(field: Field[Any]) -> frozenset[str] | None:
    """The JSON types of a field; None where it may be of another one too."""
    names = _names(field) - {"Engine"}  # which text names
    return frozenset(_TYPES[name] for name in names) if names <= _TYPES.keys() else None


def _names(field: Field[Any]) -> set[str]:
    """The names of the types that a field may have."""
    if isinstance(field.type, str):
        return {name.strip() for name in field.type.split("|")}
    return {getattr(part, "__name__", "") for part in get_args(field.type) or (field.type,)}

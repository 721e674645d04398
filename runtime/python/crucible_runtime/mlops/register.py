"""Registers a trained model as a version: `CrucibleModelRegistry.Stages.Register` and `Stages.Promote`.

A version carries the hash of its training configuration, and the registry takes each hash once, under whatever name,
just as in Elixir. A run that was killed after it had registered, and is gone on with, finds its own version and keeps
it; only another run's is a DuplicateConfigError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from crucible_runtime.errors import DuplicateConfigError, InputError, PipelineError, RegistryError
from crucible_runtime.experiment.canonical import canonical, config_hash, plain
from crucible_runtime.installation import project
from crucible_runtime.installation.packages import needs
from crucible_runtime.interface.preflight import checked_by, uses
from crucible_runtime.interface.stages import Context, Options, Output
from crucible_runtime.mlops import names
from crucible_runtime.mlops.checks import duplicate, stage_of_life
from crucible_runtime.mlops.checks import registration as registrable
from crucible_runtime.mlops.names import LINEAGE, MARK, STAGES
from crucible_runtime.mlops.registry import Registry, Version, opened

_PARAMS = 100
_LONGEST = 6000


@checked_by(registrable, duplicate)
@uses()
@needs("mlops", "alembic", "mlflow", "sqlalchemy")
def register(context: Context, options: Options) -> Output:
    """Registers the trained model as a new version of `options.model_name`; what it is known by from now on.

    Raises InputError for options that cannot be used, DuplicateConfigError where another version has the same training
    configuration, RegistryError where the registry does not answer.
    """
    if wrong := names.problems(options):
        raise InputError("\n".join(wrong))
    training = options.get("training_config") or {}
    digest = config_hash(training)
    with opened(context) as registry:
        known = registry.versions()
        parent = _parent(options, known)
        same = [version for version in known if version.tags.get("config_hash") == digest]
        mark = context.folder.read(MARK) or {}
        own = next((version for version in same if version.run == mark.get("run_id")), None)
        if same and own is None and names.on_duplicate(options) == names.REFUSE:
            raise DuplicateConfigError(names.duplicate(same[0].uri, registry.shown), same[0].uri)
        version = own or _registered(context, options, registry, digest, parent, len(known) and known[-1].id)
    return {
        "model_name": version.model,
        "version": version.number,
        "version_id": version.id,
        "uri": version.uri,
        "registry": registry.shown,
        "run_id": version.run,
        "config_hash": digest,
        "data_digest": version.tags.get("data_digest"),
        "stage": version.tags["stage"],
        "recipe": options["recipe"],
        "base_model": options["base_model"],
        "source": context.trained["model"],
        "artifacts": _artifacts(context, options),
        "lineage": [
            {"version_id": each.id, "uri": each.uri, "lineage_type": kind} for each, kind in _ancestry(version, known)
        ],
        "previous": max((each.number for each in known if _before(each, version)), key=int, default=None),
    }


@checked_by(stage_of_life)
@uses()
@needs("mlops", "alembic", "mlflow", "sqlalchemy")
def promote(context: Context, options: Options) -> Output:
    """Moves the version that was registered before to the stage `options.stage`; its name and stage.

    In MLflow that is the tag `stage`, and the alias of that name on the model. Raises InputError for another stage,
    PipelineError where nothing was registered, RegistryError where the registry does not answer.
    """
    if wrong := names.promotion_problems(options):
        raise InputError("\n".join(wrong))
    stage = str(options["stage"])
    made = registration(context)
    with opened(context) as registry:
        registry.client.set_model_version_tag(made["model_name"], made["version"], "stage", stage)
        registry.client.set_registered_model_alias(made["model_name"], stage, made["version"])
    return {"uri": made["uri"], "stage": stage, "alias": f"models:/{made['model_name']}@{stage}"}


def registration(context: Context) -> Output:
    """What the register stage left behind; raises PipelineError where none has run."""
    for stage in context.finished:
        if stage.module == "CrucibleModelRegistry.Stages.Register":
            return stage.output
    raise PipelineError(f"stage {context.stage.name} needs a registered model, and no model_register has run")


def _registered(
    context: Context, options: Options, registry: Registry, digest: str, parent: Version | None, last: int
) -> Version:
    """Writes the run and then the version, in this order: what is torn off in between leaves no version behind."""
    from mlflow.exceptions import MlflowException

    client, name = registry.client, str(options["model_name"])
    run = _run(context, options, registry)
    context.folder.write_json(MARK, {"run_id": run, "registry": registry.shown})
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(name)
    tags = {
        "version_id": str(last + 1),
        "config_hash": digest,
        "stage": STAGES[0],
        "recipe": str(options["recipe"]),
        "base_model": str(options["base_model"]),
        "artifacts": canonical(_artifacts(context, options)),
    }
    if (data := _data_digest(context)) is not None:
        tags["data_digest"] = data
    if options.get("version") is not None:
        tags["version"] = str(options["version"])
    if parent is not None:
        tags["parent_version_id"] = str(parent.id)
    if kind := options.get("lineage_type") or (LINEAGE[0] if parent is not None else None):
        tags["lineage_type"] = str(kind)
    source = context.folder.resolve(context.trained["model"])
    made = client.create_model_version(
        name, source=source, run_id=run, tags=tags, description=context.experiment.description
    )
    return Version(id=last + 1, model=name, number=str(made.version), run=run, tags=tags)


def _data_digest(context: Context) -> str | None:
    """SHA-256 of the rows of the data set where they are a file or stand in the recipe, with line ends as one byte."""
    training = context.experiment.training_config
    if training is None:
        return None
    ref = training.dataset_ref
    rows = (ref.options or {}).get("rows")
    if ref.provider == "inline" and rows is not None:
        return config_hash(rows)
    path = project.located(ref.name)
    if ref.provider == "huggingface" or not path.is_file():
        return None
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            digest.update(line[:-2] + b"\n" if line.endswith(b"\r\n") else line)
    return digest.hexdigest()


def _run(context: Context, options: Options, registry: Registry) -> str:
    """MLflow's record of the run: the training configuration as parameters, the last value of each metric."""
    from mlflow.entities import Metric, Param

    client = registry.client
    run = client.create_run(registry.experiment(str(options["model_name"])), run_name=context.experiment.id)
    identity = str(run.info.run_id)
    params = [Param(path, text[:_LONGEST]) for path, text in _flat(plain(options.get("training_config") or {})) if path]
    for begin in range(0, len(params), _PARAMS):
        client.log_batch(identity, params=params[begin : begin + _PARAMS])
    measured = {name: value for name, value in context.trained.get("metrics", {}).items() if value is not None}
    steps = int(context.trained.get("steps") or 0)
    client.log_batch(
        identity, metrics=[Metric(name, float(value), run.info.start_time, steps) for name, value in measured.items()]
    )
    client.set_terminated(identity)
    return identity


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a JSON value by their paths; a list is one leaf."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else key)
    elif value is not None:
        yield path, value if isinstance(value, str) else canonical(value)


def _artifacts(context: Context, options: Options) -> list[Mapping[str, Any]]:
    """The files of the version: those that the recipe names, else what training left."""
    if options.get("artifacts"):
        return [dict(each) for each in options["artifacts"]]
    model = context.trained["model"]
    backend = "tinker" if str(model).startswith("tinker://") else "local"
    return [{"type": "checkpoint", "storage_backend": backend, "storage_path": model}]


def _parent(options: Options, known: list[Version]) -> Version | None:
    wanted = options.get("parent_version_id")
    if wanted is None:
        return None
    found = next((version for version in known if version.id == wanted), None)
    if found is None:
        there = ", ".join(f"{version.id} ({version.uri})" for version in known) or "none"
        raise RegistryError(f"options.parent_version_id {wanted} is no version of the registry. Known: {there}")
    return found


def _ancestry(version: Version, known: list[Version]) -> Iterator[tuple[Version, str]]:
    """The parent, its parent and so on, each with how its child came from it."""
    by_id = {each.id: each for each in known}
    while parent := by_id.get(int(version.tags.get("parent_version_id", 0))):
        yield parent, version.tags["lineage_type"]
        version = parent


def _before(other: Version, version: Version) -> bool:
    return other.model == version.model and other.id < version.id

"""The registry of models that belongs to a run's folder: MLflow, on a sqlite file beside the run.

MLFLOW_TRACKING_URI names another registry, and MLflow's own variables the account there. Whatever goes wrong is one
RegistryError without a secret in it. A model that was made on the spot, as a smoke run does, goes into a registry
inside its own run, so that toys never take the place of real configurations.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crucible_runtime.errors import CrucibleError, RegistryError
from crucible_runtime.interface.stages import Context
from crucible_runtime.mlops.names import FILE, REFUSED, is_toy
from crucible_runtime.quoting import file_name
from crucible_runtime.secrets import scrub

_WAIT = 5.0
_HTTP = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_REFUSED = ("401", "403", "UNAUTHENTICATED", "PERMISSION_DENIED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One registered version: `id` counts all versions of the registry, `number` those of its model."""

    id: int
    model: str
    number: str
    run: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The name under which MLflow finds it."""
        return f"models:/{self.model}/{self.number}"


class Registry:
    """The versions of all models."""

    def __init__(self, client: Any, shown: str, artifacts: str | None) -> None:
        """Takes MLflow's client, the registry's place as messages name it, and where runs would keep artifacts."""
        self.client = client
        self.shown = shown
        self._artifacts = artifacts

    def versions(self, model: str | None = None) -> list[Version]:
        """Every version that a crucible run registered, of one model or of all, the oldest first."""
        found: list[Version] = []
        token = None
        condition = f"name = '{_quoted(model)}'" if model is not None else ""
        while True:
            page = self.client.search_model_versions(condition, max_results=1000, page_token=token)
            found += (_version(each) for each in page if "version_id" in each.tags)
            if not (token := page.token):
                return sorted(found, key=lambda version: version.id)

    def experiment(self, name: str) -> str:
        """The id of MLflow's experiment of that name, made where there is none."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = f"{self._artifacts}/{quote(file_name(name))}" if self._artifacts is not None else None
        return str(self.client.create_experiment(name, artifact_location=place))


@contextmanager
def opened(context: Context) -> Iterator[Registry]:
    """The registry of a run, for one registration at a time; raises RegistryError."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    path = _file(context)
    uri = named or f"sqlite:///{path}"
    shown = scrub(named) if named else os.path.relpath(path, context.folder.path)
    client_class = _client()
    with _turn(None if named else path), _clear(shown):
        if named or path.exists():
            _probe(uri)
        with context.folder.captured():
            if not named:
                _begun(path, client_class)
            client = client_class(tracking_uri=uri, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or uri)
            client.search_registered_models(max_results=1)  # MLflow looks at its tables at the first question
        yield Registry(client, shown, None if named else path.with_name("mlartifacts").as_uri())


def _begun(path: Path, client_class: Any) -> None:
    """Makes the database where there is none, whole or not at all: MLflow cannot go on with one that is half made."""
    if path.exists():
        return
    new = path.with_name(f"{path.name}.new")
    for left in (new, new.with_name(f"{new.name}-journal")):
        left.unlink(missing_ok=True)
    client_class(tracking_uri=f"sqlite:///{new}", registry_uri=f"sqlite:///{new}").search_registered_models(
        max_results=1
    )
    new.replace(path)


def _file(context: Context) -> Path:
    return (context.folder.path if is_toy(context.experiment) else context.folder.root) / FILE


def _client() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name, value in _HTTP.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return MlflowClient


def _probe(uri: str) -> None:
    """Opens a database once and writes nothing: MLflow itself would go on trying for minutes."""
    if uri.startswith("sqlite:///"):
        import sqlite3

        path = Path(uri.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_WAIT)
        try:
            connection.execute("BEGIN IMMEDIATE").close()
            connection.execute("SELECT name FROM sqlite_master").close()
        finally:
            connection.close()
    elif not uri.startswith(("http", "file", "databricks", "/", ".")):
        import sqlalchemy

        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.pool.NullPool)
        with engine.connect():
            pass


@contextmanager
def _turn(path: Path | None) -> Iterator[None]:
    """Waits until no other run is between looking for its configuration and registering it."""
    if path is None:
        yield
        return
    import fcntl

    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _clear(shown: str) -> Iterator[None]:
    import sqlite3

    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except CrucibleError:
        raise
    except (MlflowException, SQLAlchemyError, sqlite3.Error, ImportError, OSError) as error:
        raise RegistryError(_said(shown, error)) from error


def _said(shown: str, error: Exception) -> str:
    text = scrub(str(error))
    where = f"the MLflow registry at {shown}"
    if "database is locked" in text:
        return (
            f"{where} is locked by another process: wait for its end, or name another registry with MLFLOW_TRACKING_URI"
        )
    if "not a database" in text:
        return f"{where} is a file of another kind: move it away, or name another registry with MLFLOW_TRACKING_URI"
    if any(mark in text for mark in _REFUSED):
        return f"{where} {REFUSED}"
    first = " ".join((text.splitlines() or [type(error).__name__])[0].split())
    if any(mark in text for mark in ("Connection", "connect", "resolve", "timed out")):
        return f"{where} cannot be reached: {_short(first)}"
    return f"{where} failed: {_short(first)}"


def _short(text: str, most: int = 240) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _version(found: Any) -> Version:
    return Version(
        id=int(found.tags["version_id"]),
        model=found.name,
        number=str(found.version),
        run=found.run_id or None,
        tags=dict(found.tags),
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")

"""Looks before a run whether its model can be registered and deployed; the registry is read and never made.

MLflow is not imported: a sqlite file is read by sqlite3, a server is asked by its REST interface.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from crucible_runtime.errors import CrucibleError
from crucible_runtime.experiment.canonical import config_hash
from crucible_runtime.interface.preflight import Finding, Inquiry, problem, unchecked
from crucible_runtime.mlops import names
from crucible_runtime.mlops.serving import lacking
from crucible_runtime.mlops.settings import settled
from crucible_runtime.mlops.target import unservable
from crucible_runtime.secrets import scrub

SECONDS = 3.0
"""How long a registry's server may take for one question."""
_SEARCH = "api/2.0/mlflow/model-versions/search"


def registration(inquiry: Inquiry) -> Iterator[Finding]:
    """The options of a registration, and whether the registry takes the model's name."""
    yield from map(problem, names.problems(inquiry.options))


def duplicate(inquiry: Inquiry) -> Iterator[Finding]:
    """Whether the registry has the same training configuration already."""
    options = inquiry.options
    uri = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI")
    if names.on_duplicate(options) != names.REFUSE or (uri is None and names.is_toy(inquiry.experiment)):
        return
    wanted = config_hash(options.get("training_config") or {})
    shown = scrub(uri) if uri else names.FILE
    try:
        if uri is None:
            found = _in_file(inquiry.root / names.FILE, wanted)
        elif uri.startswith("sqlite:///"):
            found = _in_file(Path(uri.removeprefix("sqlite:///").partition("?")[0]), wanted)
        elif uri.startswith(("http://", "https://")):
            if not (inquiry.network or inquiry.begins):
                yield unchecked(f"the registry at {shown} is asked when the run begins")
                return
            found = _in_server(uri, wanted)
        else:
            yield unchecked(f"the registry at {shown} is asked when the model is registered")
            return
    except HTTPError as error:
        refused = error.code in (401, 403)
        told = names.REFUSED if refused else f"it answers with status {error.code}"
        yield (
            problem(f"the MLflow registry at {shown} {told}") if refused else unchecked(f"registry at {shown}: {told}")
        )
        return
    except (sqlite3.Error, OSError, ValueError) as error:
        why = scrub(str(getattr(error, "reason", None) or error))
        message = f"the MLflow registry at {shown} cannot be read: {why}"
        away = uri is not None and uri.startswith("http")
        yield problem(message) if away or "not a database" in why else unchecked(message)
        return
    own = _own(inquiry)
    for version, run in found:
        if run is None or run != own:
            yield problem(names.duplicate(version, shown))
            return


def stage_of_life(inquiry: Inquiry) -> Iterator[Finding]:
    """The stage that a version is promoted to."""
    yield from map(problem, names.promotion_problems(inquiry.options))


def deployment(inquiry: Inquiry) -> Iterator[Finding]:
    """The target of a deployment, its settings, and whether its image serves the model."""
    training = inquiry.experiment.training_config
    try:
        target, _, settings = settled(inquiry.options)
    except CrucibleError as error:
        yield from map(problem, str(error).splitlines())
        return
    if training is not None and (why := unservable(target, settings, training.model_ref.id)):
        yield problem(why)


def carried_out(inquiry: Inquiry) -> Iterator[Finding]:
    """What carries out a deployment that the caller wants applied."""
    apply = inquiry.config.apply
    if not apply:
        return
    target = "local" if apply == "local" else str(inquiry.options.get("target") or "vllm")
    if lacks := lacking(target):
        yield problem(lacks)


def _own(inquiry: Inquiry) -> str | None:
    """MLflow's run of the version that a resumed run has registered before it was ended."""
    if inquiry.path is None:
        return None
    try:
        found = json.loads((inquiry.path / names.MARK).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return str(found.get("run_id")) if isinstance(found, Mapping) else None


def _in_file(path: Path, wanted: str) -> list[tuple[str, str | None]]:
    """The versions with a configuration in a sqlite file, and the run of each; none where there is no file."""
    if not path.exists():
        return []
    connection = sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True, timeout=SECONDS / 10)
    try:
        rows = connection.execute(
            "SELECT tags.name, tags.version, versions.run_id FROM model_version_tags AS tags JOIN model_versions AS "
            "versions ON tags.name = versions.name AND tags.version = versions.version "
            "WHERE tags.key = 'config_hash' AND tags.value = ? AND versions.current_stage != 'Deleted_Internal'",
            (wanted,),
        ).fetchall()
    finally:
        connection.close()
    return [(f"models:/{name}/{version}", run) for name, version, run in rows]


def _in_server(uri: str, wanted: str) -> list[tuple[str, str | None]]:
    """The same in a registry of a server."""
    parts = urlsplit(uri)
    question = urlencode({"filter": f"tags.config_hash = '{wanted}'", "max_results": 1})
    host = parts.netloc.rpartition("@")[2]
    request = Request(f"{parts.scheme}://{host}{parts.path.rstrip('/')}/{_SEARCH}?{question}")  # noqa: S310 - http(s)
    for name, value in _account(parts.username, parts.password):
        request.add_header(name, value)
    with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        found: Any = json.loads(answer.read(1 << 22))
    versions = found.get("model_versions", []) if isinstance(found, Mapping) else []
    return [
        (f"models:/{each['name']}/{each['version']}", each.get("run_id"))
        for each in versions
        if {tag["key"]: tag.get("value") for tag in each.get("tags", ())}.get("config_hash") == wanted
    ]


def _account(user: str | None, password: str | None) -> Iterator[tuple[str, str]]:
    """The header that says who asks, from the variables of MLflow, else from the address."""
    import base64

    user = os.environ.get("MLFLOW_TRACKING_USERNAME", user)
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD", password)
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        yield "Authorization", f"Bearer {token}"
    elif user:
        yield "Authorization", "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()

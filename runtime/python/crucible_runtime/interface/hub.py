"""Asks the hub of models whether it has a model, by its REST interface; needs no library of the hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from crucible_runtime.interface.preflight import Finding, Inquiry, problem, unchecked
from crucible_runtime.ir import ModelRef

_SECONDS = 5.0
_GATED = (401, 403)


def hub_model(ref: ModelRef, inquiry: Inquiry) -> Iterator[Finding]:
    """What is wrong with the name of a model of the hub, or with the account; without the network it is not checked."""
    if not inquiry.network:
        yield unchecked(f"model {ref.id} is on the hub: --preflight asks it")
        return
    version = f"/revision/{quote(ref.version, safe='')}" if ref.version else ""
    end = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    request = Request(f"{end}/api/models/{quote(ref.id)}{version}", method="GET")  # noqa: S310 - the hub's own address
    if token := _token():
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=_SECONDS):  # noqa: S310
            return
    except HTTPError as error:
        if error.code == 404:
            yield problem(f"the hub has no model {ref.id}" + (f" version {ref.version}" if ref.version else ""))
        elif error.code in _GATED:
            yield problem(f"the hub has no model {ref.id}, or shows it only to a token that may see it: set HF_TOKEN")
        else:
            yield unchecked(f"the hub answers with status {error.code} for model {ref.id}")
    except (OSError, ValueError) as error:
        yield unchecked(f"the hub cannot be reached for model {ref.id}: {getattr(error, 'reason', None) or error}")


def _token() -> str:
    """The token of the hub, as its own library finds it."""
    if token := os.environ.get("HF_TOKEN"):
        return token
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    try:
        return (home / "token").read_text("utf-8").strip()
    except OSError:
        return ""

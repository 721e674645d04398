"""Checks the address and the key of a Tinker service, and says in one sentence what is wrong with them.

The client tries for minutes to reach a service that is not there, so that the first question to it is asked here. The
key comes from the environment, or from what `tinker auth login` stored; it is never shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crucible_runtime.errors import InputError, PortError
from crucible_runtime.interface.preflight import Finding, Inquiry, problem, unchecked
from crucible_runtime.processes import world
from crucible_runtime.secrets import scrub

_SECONDS = 10.0
_ONE = "engine tinker trains on the service: start one process, without torchrun or accelerate"
_STORED = Path("~/.tinker/credentials.json")
_BEGINS = ("tml-", "eyJ")
_KEY = "set TINKER_API_KEY in the environment (a key of the service begins with tml-), or run `tinker auth login`"


def address(base_url: str | None) -> str:
    """Where the service is: what was asked for, else TINKER_BASE_URL, else the client's own."""
    from tinker.lib.base_url import resolve_base_url

    url: str = resolve_base_url(base_url)
    return url


def check(base_url: str | None) -> None:
    """Raises InputError for an address that is none, or no key that can be one, and PortError where nobody answers."""
    import httpx

    _check_key()
    url = address(base_url)
    if base_url is not None and httpx.URL(url).userinfo:
        raise InputError(
            "the address of the service has a password in it, which would be kept with the run: "
            "leave base_url out, and set TINKER_BASE_URL in the environment"
        )
    try:
        # A server that has no such page answers all the same, and says so later with a better reason.
        answer = httpx.get(f"{url}/api/v1/healthz", timeout=_SECONDS, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PortError(scrub(f"no Tinker service answers at {url}: {str(error) or type(error).__name__}")) from error
    if answer.status_code >= 500:
        raise PortError(scrub(f"the Tinker service at {url} is not well: it answers with status {answer.status_code}"))


def processes(inquiry: Inquiry) -> Iterator[Finding]:
    """How many processes train together: the service is asked by one."""
    if world() > 1:
        yield problem(_ONE)


def key(inquiry: Inquiry) -> Iterator[Finding]:
    """The key of the service, in the environment or in what `tinker auth login` stored."""
    named, command = os.environ.get("TINKER_API_KEY", ""), os.environ.get("TINKER_CREDENTIAL_CMD")
    if named and not named.startswith(_BEGINS):
        yield problem(f"the key in TINKER_API_KEY is none of a Tinker service: {_KEY}")
    elif not named and not command and not _STORED.expanduser().exists():
        missing = f"engine tinker needs a key: {_KEY}"
        yield problem(missing) if inquiry.begins or inquiry.network else unchecked(missing)


@contextmanager
def told(base_url: str | None) -> Iterator[None]:
    """Turns what the client raises in the block into one sentence, an InputError or a PortError."""
    import tinker

    try:
        yield
    except tinker.TinkerError as error:
        raise _said(error, base_url) from error


def _check_key() -> None:
    from tinker.lib.credentials import JsonCredentialStore, default_credentials_path

    key = os.environ.get("TINKER_API_KEY", "")
    if key or os.environ.get("TINKER_CREDENTIAL_CMD"):
        if key and not key.startswith(_BEGINS):
            raise InputError(f"the key in TINKER_API_KEY is none of a Tinker service: {_KEY}")
        return
    if JsonCredentialStore(default_credentials_path()).get_default_key() is None:
        raise InputError(f"engine tinker needs a key: {_KEY}")


def _said(error: Any, base_url: str | None) -> Exception:
    import tinker

    url, text = address(base_url), str(error)
    match error:
        case tinker.AuthenticationError():
            return InputError(scrub(f"the Tinker service at {url} does not accept the key: {_KEY}"))
        case tinker.PermissionDeniedError():
            return PortError(scrub(f"the Tinker service at {url} does not allow this: {text}"))
        case tinker.APIConnectionError():
            return PortError(
                scrub(f"the Tinker service at {url} does not answer any more: {text}; go on with --resume")
            )
        case tinker.APIError():
            return PortError(scrub(f"the Tinker service at {url} refuses: {text}"))
    return PortError(scrub(f"the client of the Tinker service at {url}: {text}"))

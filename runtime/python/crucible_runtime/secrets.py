"""Hides secrets where something is shown or recorded: terminal, log, report, the records of a run.

Nothing that is executed or hashed goes through here. A secret is

- the value of an environment variable whose name says so (`HF_TOKEN`, `PGPASSWORD`, `OPENAI_APIKEY`), in each form in
  which programs write it: JSON, HTML, quoted for a URL, the base64 of HTTP Basic authentication;
- what an address says of who asks (`https://token@host`, `u:p@ss@host`, `?token=...`), wherever it stands, and in other
  text too if the address is in the environment or in what a run was configured with;
- the value of a header such as `Authorization`, `X-Api-Key` or `Cookie`, and in a record the value of a field with such a name.

What a recipe itself contains is no secret (`disclose`), and neither is a value of fewer than six characters, which
would be found everywhere. A value of lower-case letters alone is found only as a whole word.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

HIDDEN = "***"
"""What stands in place of a secret."""

_NAME = re.compile(
    r"(?:TOKEN|API_?KEYS?|KEY|(?:ACCESS|SECRET|PRIVATE)_?KEY_?ID|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?"
    r"|AUTHORIZATION|COOKIE|(?:^|_)PASS|_PWD|_AUTH)(?:_?\d+)?$",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"(?:^|[_-])(?:api_?key|access_?key|secret(?:_?key)?|password|passwd|authorization|(?:auth|access|api|hf|refresh"
    r"|bearer|session)_?token|token)$",
    re.IGNORECASE,
)
_USER = re.compile(r"USER(?:_?NAME)?$", re.IGNORECASE)
_ACCOUNT = re.compile(r"(?<=://)(?!git@)(?:[^\s/?#\"'<>\\]+|[^\s/?#:@\"'<>\\]+:(?!\d+[/?#])[^\s@\"'<>\\]+)(?=@)")
"""What stands before the last `@` of an address, signs of a path in a password included; `git@` says nothing."""
_PARAMETER = re.compile(
    r"(?i)((?:[?&;#]|&amp;)[\w.-]*(?:token|key|secret|password|passwd|pwd|sig|signature|credential|auth)=)"
    r"([^\s&;#\"'<>\\]+)"
)
_PAIR = re.compile(
    r"(?i)(?:^|[\s?&;#])[\w.-]*(?:token|key|secret|password|passwd|pwd|sig|signature|credential|auth)=([^\s&;#\"']+)"
)
"""The same, and as connection strings have it."""
_HEADER = re.compile(
    r"((?i:authorization\W{1,4}(?:Basic|Bearer))\s+|\b(?i:Basic|Bearer)\s+(?=\S*(?:[0-9=]|[a-z][A-Z])))"
    r"[A-Za-z0-9+/=._~-]{8,}"
)
_KEY_HEADER = re.compile(
    r"(?i)((?<![\w-])(?:x-[\w-]*(?:key|token|secret|auth)|(?:[\w-]+-)?api-key|(?:private|access|auth|job|deploy)-token)"
    r"[\"']?:\s*[\"']?)[^\s\"'<>\\,;]{6,}"
)
_COOKIE = re.compile(r"(?i)((?<![\w-])(?:set-)?cookie[\"']?:\s*[\"']?)[^\s=\"'<>\\]+=[^\r\n\"'<>\\]+")
"""Headers with a key or a session."""
_SHORTEST = 6
_SHORTEST_LINE = 16
_USERS = ("", "token", "oauth2", "git", "x-access-token", "__token__", "user", "api")
"""Who asks where only a token counts."""

_public: set[str] = set()
_concealed: set[str] = set()
_made: tuple[Any, tuple[tuple[str, re.Pattern[str] | None], ...]] = (None, ())


def disclose(value: Any, *, supplied: Any = None) -> None:
    """Makes known that the text in `value`, a recipe's experiment, is no secret, its keys included.

    Text that is a value in `supplied` as well, the configuration of a run, may be one all the same; what an address in
    it says of who asks is one, also where it stands without the address.
    """
    private = set(_supplied(supplied))
    _public.update(text for text in _texts(value) if text not in private)
    _concealed.update(secret for text in private for secret in _in_address(text))


def scrub(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`text` with every secret of the environment (of this process, where none is given), and of addresses, as `***`."""
    for form, pattern in _forms_to_find(os.environ if environment is None else environment):
        if form in text:
            text = text.replace(form, HIDDEN) if pattern is None else pattern.sub(HIDDEN, text)
    if "://" in text:
        text = _ACCOUNT.sub(HIDDEN, text)
    if "=" in text:
        text = _PARAMETER.sub(rf"\1{HIDDEN}", text)
    if "-" in text and ":" in text:
        text = _KEY_HEADER.sub(rf"\1{HIDDEN}", text)
    lower = text.lower()
    if "cookie" in lower:
        text = _COOKIE.sub(rf"\1{HIDDEN}", text)
    return _HEADER.sub(rf"\1{HIDDEN}", text) if "asic" in lower or "earer" in lower else text


def hidden(value: Any) -> Any:
    """A value of JSON's types without secrets: its texts as `scrub` leaves them, its keys as they are."""
    match value:
        case str():
            return scrub(value)
        case Mapping():
            return {key: _field(str(key), item) for key, item in value.items()}
        case list() | tuple():
            return [hidden(item) for item in value]
    return value


class Clean(str):
    """Text of which a record is made: nothing in it is left to hide, and its structure must stay."""

    __slots__ = ()


def _field(name: str, value: Any) -> Any:
    if isinstance(value, str) and value and _FIELD.search(name) and value not in _public:
        return HIDDEN
    return hidden(value)


def _forms_to_find(environment: Mapping[str, str]) -> tuple[tuple[str, re.Pattern[str] | None], ...]:
    """Each form of each secret, the longest first; collected again only where the environment or `_public` changed."""
    global _made
    state = (dict(environment), len(_public), len(_concealed))
    if _made[0] != state:
        found = sorted(_secrets(environment), key=len, reverse=True)
        _made = state, tuple((form, re.compile(rf"\b{form}\b") if _is_word(form) else None) for form in found)
    return _made[1]


def _is_word(secret: str) -> bool:
    return len(secret) < _SHORTEST_LINE and secret.isascii() and secret.isalpha() and secret.islower()


def _secrets(environment: Mapping[str, str]) -> set[str]:
    """The values that must not be seen, each in all its forms."""
    values = {value for name, value in environment.items() if _NAME.search(name)}
    values |= {secret for value in environment.values() for secret in _in_address(value)} | _concealed
    found = {value for value in values if len(value) >= _SHORTEST}
    lines = {line.strip() for value in values for line in value.splitlines()}
    found |= {line for line in lines if len(line) >= _SHORTEST_LINE or (len(line) >= _SHORTEST and line in found)}
    users = {value for name, value in environment.items() if _USER.search(name)}
    users |= {user for value in environment.values() for user in _users(value)}
    public = "\n".join(_public)
    return {form for value in found if not _is_public(value, public) for form in _forms(value, users)}


def _is_public(secret: str, public: str) -> bool:
    return secret in public and re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", public) is not None


def _in_address(text: str) -> Iterator[str]:
    """The passwords and tokens of the addresses in a text, as they stand and without percent signs."""
    if "=" in text:
        yield from (match[1] for match in _PAIR.finditer(text))
    if "://" not in text:
        return
    import urllib.parse

    for match in _ACCOUNT.finditer(text):
        user, _, password = match[0].partition(":")
        secret = password or user
        yield from {secret, urllib.parse.unquote(secret)}


def _users(text: str) -> Iterator[str]:
    if "://" in text:
        import urllib.parse

        for match in _ACCOUNT.finditer(text):
            user = match[0].partition(":")[0]
            yield from {user, urllib.parse.unquote(user)}


def _forms(value: str, users: Iterable[str]) -> Iterator[str]:
    """A secret as programs write it."""
    import base64

    yield value
    data = value.encode("utf-8", "surrogateescape")
    for account in [*(f"{user}:".encode("utf-8", "surrogateescape") + data for user in {*users, *_USERS}), data + b":"]:
        yield (basic := base64.b64encode(account).decode())
        yield basic.rstrip("=")
    if not value.isalnum():
        import html
        import json
        import urllib.parse

        yield json.dumps(value)[1:-1]
        yield json.dumps(value, ensure_ascii=False)[1:-1]
        escaped = html.escape(value)
        yield escaped
        yield escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")  # as templates escape them
        yield html.escape(value, quote=False)
        yield repr(value)[1:-1]
        for quoted in (urllib.parse.quote(data, safe=""), urllib.parse.quote(data), urllib.parse.quote_plus(data)):
            yield quoted
            yield re.sub("%..", lambda match: match[0].lower(), quoted)


def _texts(value: Any) -> Iterator[str]:
    """Every text in an experiment, keys and names of fields included."""
    items: Iterable[Any] = ()
    match value:
        case str():
            yield value
        case Mapping():
            items = [*(str(key) for key in value), *value.values()]
        case list() | tuple():
            items = value
        case _ if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            items = [*names, *(getattr(value, name) for name in names)]
    for item in items:
        yield from _texts(item)


def _supplied(value: Any) -> Iterator[str]:
    """The text in a configuration, without keys; other objects than a configuration are left alone."""
    items: Iterable[Any] = ()
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        items = value.values()
    elif isinstance(value, list | tuple):
        items = value
    elif dataclasses.is_dataclass(value):
        fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
        items = [each for each in fields if isinstance(each, str | Mapping | list | tuple)]
    for item in items:
        yield from _supplied(item)

"""Removes secrets from text: no file, log, report or message of a run holds one.

A secret is the value of an environment variable whose name ends in TOKEN, KEY, SECRET or PASSWORD, and the password in
a URL. What surprises: a value of fewer than six characters is left alone, for it would be found everywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

HIDDEN = "***"
"""What stands in place of a secret."""

_NAME = re.compile(r"(?:^|_)(?:TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS)$", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^\s/:@\"'<>]*:[^\s/@\"'<>]+(?=@)")
_SHORTEST = 6
_SHORTEST_LINE = 16


def scrub(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`text` with every secret of the environment (of this process, where none is given) as `***`."""
    for secret in sorted(_secrets(os.environ if environment is None else environment), key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return _IN_URL.sub(HIDDEN, text) if "://" in text else text


def _secrets(environment: Mapping[str, str]) -> set[str]:
    """The values that must not be seen, each as it stands and as JSON, HTML and a URL write it."""
    values = [value for name, value in environment.items() if _NAME.search(name)]
    found = {value for value in values if len(value) >= _SHORTEST}
    lines = {line.strip() for value in values for line in value.splitlines()}
    found |= {line for line in lines if len(line) >= _SHORTEST_LINE or (len(line) >= _SHORTEST and line in found)}
    return {form for value in found for form in _forms(value)}


def _forms(value: str) -> Iterator[str]:
    yield value
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
        yield urllib.parse.quote(value, safe="")

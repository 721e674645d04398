"""Render the templates of this package to HTML.

Every value is escaped by Jinja2's autoescape and a name that a template does not receive is an error, so text of a
recipe or a model cannot become markup. Line breaks and indentation of a template are not part of its output.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from crucible_runtime.secrets import scrub

_LAYOUT = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Assets:
    """Style and script of every page, and the SHA-256 of the script in base64, as its content security policy has it."""

    style: Markup
    script: Markup
    script_digest: str


def render(template: str, **values: object) -> str:
    """Return the output of `templates/<template>`, with `values` and the assets of a page as its variables."""
    return _environment().get_template(template).render(assets=_assets(), **values)


def visible(value: object) -> object:
    """Hide secrets in a string, and spell out what HTML must not contain or what changes the direction of a line."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if (value := scrub(value)).isprintable():
        return value
    return "".join(c if c.isprintable() or c in "\n\t\u00a0\u3000" else _spelled(c) for c in value)


class _WithoutLayout(Extension):
    """Drops each line break of a template's own text together with the white space around it."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Yield the tokens of a template; values that it inserts later are not affected."""
        for token in stream:
            if token.type == "data":
                yield Token(token.lineno, token.type, _LAYOUT.sub("", token.value))
            else:
                yield token


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__name__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        extensions=[_WithoutLayout],
        auto_reload=False,
    )


@cache
def _assets() -> Assets:
    style, script = (files(__package__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    # Both are files of this package: the only text that is markup without being a template.
    return Assets(
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_digest=b64encode(sha256(script.encode()).digest()).decode(),
    )


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()

"""Names, attributes and children in, HTML out; whatever is not HTML already is text, and is escaped.

So that what a model or a recipe says can never become a part of the page, there is no other way to make HTML.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias


class Html(str):
    """Text that is HTML: only `element` and `joined` make it, and the page of what it writes itself."""

    __slots__ = ()


Child: TypeAlias = "str | Html | int | float | None | Iterable[Child]"
_VOID = frozenset({"meta", "br", "line", "path", "rect", "circle", "polyline", "polygon"})


def element(name: str, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """`<name attributes>children</name>`; `class_` is `class`, and `aria_label` is `aria-label`."""
    written = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    inner = joined(children)
    if name in _VOID and not inner:
        return Html(f"<{name}{written}>" if name in ("meta", "br") else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{inner}</{name}>")


def joined(children: Child) -> Html:
    """The children one after the other, each escaped unless it is HTML."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str | int | float):
        return Html(escape(_visible(str(children))))
    return Html("".join(map(joined, children)))


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(_visible(str(value)))}"'


def _visible(text: str) -> str:
    """Characters that HTML must not hold, and those that turn the direction of a line, are written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t\u00a0\u3000" else _written(c) for c in text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()

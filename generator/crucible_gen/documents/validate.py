"""A document against a JSON Schema, as problems with places.

jsonschema-rs decides and says which keyword failed where; this module turns its paths into places, and `refusals` turns
what failed into sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from crucible_gen.diagnostics import Place, Problem
from crucible_gen.documents.document import Node

if TYPE_CHECKING:
    from crucible_gen.documents.refusals import Advise, Raw, Refusal

_TRANSPARENT = ("anyOf", "oneOf", "allOf", "then", "else", "items")
"""Steps in a schema that say nothing of a value by themselves: its description may stand around them."""


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


FORMATS = {"regex": _is_regex, "date-time": lambda text: True}
"""What a format asks of a text: a regular expression is one of Python's `re`, and moments are read by the rules."""


class Validator:
    """A JSON Schema, compiled once; `check` may be called for any number of documents."""

    def __init__(self, schema: Raw, code: str | None = None, advise: Advise = lambda name, path, document: "") -> None:
        """`schema` is self-contained; `code` replaces the code of every problem (schema files have one of their own).

        `advise` may know where a field belongs that the schema does not allow where it stands.
        """
        import jsonschema_rs

        self._schema = schema
        self._code = code
        self._advise = advise
        self._compiled = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats=FORMATS)

    def check(self, node: Node, known: Sequence[Problem] = ()) -> list[Problem]:
        """Every problem of the document, in order of place; nothing is raised.

        `known` are problems that were found in another way: they come back too, and no more is said at their places.
        """
        plain = node.plain()
        if self._compiled.is_valid(plain):
            return list(known)
        from crucible_gen.documents.refusals import problems  # most documents have none

        taken = {problem.place for problem in known}
        found: dict[tuple[Place, str], Problem] = {(problem.place, problem.message): problem for problem in known}
        errors = sorted(_leaves(self._compiled.iter_errors(plain)), key=_priority)
        wrong_type = {tuple(error.instance_path) for error in errors if error.kind.name == "type"}
        for error in errors:
            if error.kind.name != "type" and tuple(error.instance_path) in wrong_type:
                continue  # one sentence a value: what its type should be comes before what it should be
            for problem in problems(self._refusal(node, error)):
                if problem.place not in taken:
                    key = problem.place, problem.message
                    found.setdefault(key, problem._replace(code=self._code or problem.code))
        return sorted(found.values())

    def _refusal(self, document: Node, error: Any) -> Refusal:
        path = _path(document, error.instance_path, error.instance)
        assert path is not None
        node, parent = document.get(*path), document.get(*path[:-1])
        assert node is not None and parent is not None
        from crucible_gen.documents.refusals import Refusal

        return Refusal(
            kind=error.kind,
            keyword=error.schema_path[-1],
            document=document,
            path=path,
            node=node,
            parent=parent,
            part=_walk(self._schema, error.schema_path[:-1]),
            about=self._about(error.schema_path),
            message=error.message,
            field=lambda name: self._property(error.schema_path, name),
            resolve=self._target,
            advise=self._advise,
        )

    def _about(self, path: Sequence[str | int]) -> str:
        """The description nearest to the keyword that failed."""
        for end in range(len(path) - 1, 0, -1):
            part = _walk(self._schema, path[:end])
            if isinstance(part.get("description"), str):
                return str(part["description"])
            if path[end - 1] not in _TRANSPARENT and not isinstance(path[end - 1], int):
                break
        return ""

    def _property(self, path: Sequence[str | int], name: str) -> Raw:
        """What the schema says of a property that is missing: beside `required`, or around the condition that asks."""
        for end in range(len(path) - 1, -1, -1):
            part = _walk(self._schema, path[:end])
            wanted = self._target(part.get("properties", {}).get(name, {}))
            if "description" in wanted:
                return wanted
        return {}

    def _target(self, raw: Raw) -> Raw:
        """The schema that `raw` refers to, if it refers to one; its own keywords win."""
        if "$ref" not in raw:
            return raw
        return {**_walk(self._schema, raw["$ref"].removeprefix("#/").split("/")), **raw}


def _leaves(errors: Iterable[Any]) -> Iterator[Any]:
    """The errors that a person can act on: inside `anyOf` and `oneOf` those of the branch that fits best."""
    for error in errors:
        branches: Sequence[Sequence[Any]] = getattr(error.kind, "context", ())
        candidates = [branch for branch in branches if not any(_is_own_type(leaf, error) for leaf in branch)]
        if len(candidates) == 1 and candidates[0]:
            yield from _leaves(candidates[0])
        elif branches and not candidates:
            yield from _widest_type(branches)
        else:
            yield error


def _is_own_type(leaf: Any, error: Any) -> bool:
    return leaf.kind.name == "type" and list(leaf.instance_path) == list(error.instance_path)


def _widest_type(branches: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """All branches ask for another type: the one that asks for most stands for them."""
    leaves = [leaf for branch in branches for leaf in branch if leaf.kind.name == "type"]
    yield max(leaves, key=lambda leaf: ("null" not in leaf.kind.types, len(leaf.kind.types)))


def _priority(error: Any) -> tuple[list[str], int]:
    return [str(step).rjust(6) for step in error.instance_path], error.kind.name != "type"


def _walk(schema: Any, path: Sequence[str | int]) -> Raw:
    for step in path:
        if isinstance(schema, list):
            schema = schema[int(step)]
        else:
            schema = schema[str(step).replace("~1", "/").replace("~0", "~")]
    return schema if isinstance(schema, dict) else {}


def _path(node: Node, steps: Sequence[str | int], found: Any) -> tuple[str | int, ...] | None:
    """The way to the value `found`, which jsonschema-rs says in `steps`: without keys that are empty, and with numbers
    for keys that look like one. None where the steps lead elsewhere.
    """
    if not steps and node.plain() == found:
        return ()
    ways: list[tuple[str | int, Sequence[str | int]]] = []
    if isinstance(node.value, tuple):
        ways = [(step, steps[1:]) for step in steps[:1] if isinstance(step, int)]
    elif isinstance(node.value, dict):
        ways = [(key, steps[1:]) for key in node.value if steps and _is_step(key, steps[0])]
        ways += [("", steps)] if "" in node.value else []
    for step, rest in ways:
        below = node.get(step)
        if below is not None and (path := _path(below, rest, found)) is not None:
            return step, *path
    return None


def _is_step(key: str, step: str | int) -> bool:
    looks = isinstance(step, int) and re.fullmatch(r"\+?[0-9]+", key) is not None
    return key == step or (looks and (key.lstrip("+0") or "0") == str(step))

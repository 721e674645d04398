"""Checks of a Python package's classes and entry points against the release that the runtime is written for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.facts import Field, PythonObject
from crucible_gen.conformance.contracts.schema_types import Severity
from crucible_gen.conformance.contracts.subject import Upgrade
from crucible_gen.diagnostics import Problem


class _Kind(NamedTuple):
    """Classes or entry points: the keys of a contract for them and for their members, and the word for one."""

    key: str
    members: str
    word: str

    def of(self, contract: Contract) -> Mapping[str, PythonObject]:
        """Those of a contract, by name."""
        return contract.classes if self.key == "classes" else contract.entry_points


_KINDS = (_Kind("classes", "fields", "class"), _Kind("entry_points", "parameters", "entry point"))


class _Difference(NamedTuple):
    """How a field or parameter differs."""

    code: str
    severity: Severity
    message: str
    hint: str


class _Pair(NamedTuple):
    """A class or entry point that baseline and release both have."""

    upgrade: Upgrade
    kind: _Kind
    name: str
    old: PythonObject
    new: PythonObject


def missing_objects(upgrade: Upgrade) -> Iterator[Problem]:
    """Classes and entry points that are gone."""
    for kind in _KINDS:
        for name in kind.of(upgrade.baseline):
            if name not in kind.of(upgrade.contract):
                place, see = upgrade.contract.place(kind.key, name), upgrade.see(kind.key, name)
                message = f"{upgrade.release} has no {kind.word} {name}"
                yield Problem(place, "E0819", message, hint="the runtime uses it", see=see)


def new_objects(upgrade: Upgrade) -> Iterator[Problem]:
    """Classes and entry points that the baseline does not have."""
    for kind in _KINDS:
        for name in kind.of(upgrade.contract):
            if name not in kind.of(upgrade.baseline):
                place, see = upgrade.contract.place(kind.key, name), upgrade.see(kind.key, name)
                message = f"{upgrade.release} has a new {kind.word}: {name}"
                yield Problem(place, "E0820", message, see=see, severity="warning")


def changed_entry_points(upgrade: Upgrade) -> Iterator[Problem]:
    """Entry points of another kind (an error), and constants with another value."""
    for pair in _pairs(upgrade):
        old, new = pair.old, pair.new
        if (old.kind, old.value) != (new.kind, new.value):
            yield Problem(
                upgrade.contract.place(pair.kind.key, pair.name),
                "E0815",
                f"{pair.name} is {new.value or new.kind} in {upgrade.release}, and was {old.value or old.kind}",
                hint="the runtime calls it as it was",
                see=upgrade.see(pair.kind.key, pair.name),
                severity="error" if old.kind != new.kind else "warning",
            )


def members(upgrade: Upgrade) -> Iterator[Problem]:
    """Fields of classes and parameters of functions: names, defaults and types."""
    for pair in _pairs(upgrade):
        old, new = pair.old.by_name, pair.new.by_name
        for name in {**new, **old}:
            path = (pair.kind.key, pair.name, pair.kind.members)
            place = upgrade.contract.place(*path, *_index(new, name))
            see = upgrade.see(*path, *_index(old, name))
            for difference in _differences(f"{pair.name}.{name}", old.get(name), new.get(name), upgrade.release):
                code, severity, message, hint = difference
                yield Problem(place, code, message, hint=hint, see=see, severity=severity)


def _differences(name: str, old: Field | None, new: Field | None, release: str) -> Iterator[_Difference]:
    """How a field or parameter differs; None for one that the baseline or the release does not have."""
    if new is None:
        yield _Difference("E0811", "error", f"{name} is gone in {release}", "do not pass it")
    elif old is None and new.required:
        yield _Difference("E0816", "error", f"{name} is new in {release}, and has no default", "pass it")
    elif old is None:
        message = f"{name} is new in {release}: {_default(new)}"
        yield _Difference("E0812", "warning", message, "pass it, so that nothing depends on it")
    else:
        if new.required and not old.required:
            yield _Difference("E0816", "error", f"{name} has no default any more in {release}", "pass it")
        elif _default(old) != _default(new):
            message = f"{name} has {_default(new)} in {release}, and had {_default(old)}"
            yield _Difference("E0814", "warning", message, "pass the value that the recipe means")
        if old.type != new.type:
            message = f"{name} is {new.type} in {release}, and was {old.type}"
            yield _Difference("E0815", "warning", message, "look at its values")


def _default(field: Field) -> str:
    if field.default_factory is not None:
        return f"the default {field.default_factory}()"
    return f"the default {field.default}" if field.default is not None else "no default"


def _pairs(upgrade: Upgrade) -> Iterator[_Pair]:
    """The classes and entry points that both have."""
    for kind in _KINDS:
        old = kind.of(upgrade.baseline)
        for name, new in kind.of(upgrade.contract).items():
            if name in old:
                yield _Pair(upgrade, kind, name, old[name], new)


def _index(members_: Mapping[str, Field], name: str) -> tuple[int, str] | tuple[()]:
    """The steps from the list of members to the name of one; none where it is not there."""
    return (list(members_).index(name), "name") if name in members_ else ()

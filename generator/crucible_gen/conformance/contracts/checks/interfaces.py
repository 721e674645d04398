"""Checks of ports and behaviours against the baseline: what an adapter must offer, and whether anything asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.facts import Interface, one_line
from crucible_gen.conformance.contracts.subject import Upgrade
from crucible_gen.diagnostics import Place, Problem

CODES = {"E0826": "an adapter must offer something else"}
"""What each code of this step means, in a line."""


class _Kind(NamedTuple):
    """Ports or behaviours: the key of a contract, and the word for one."""

    key: str
    word: str

    def of(self, contract: Contract) -> Mapping[str, Interface]:
        """Those of a contract, by name."""
        return contract.ports if self.key == "ports" else contract.behaviours


_KINDS = (_Kind("ports", "port"), _Kind("behaviours", "behaviour"))


class _Pair(NamedTuple):
    """A port or behaviour that baseline and release both have."""

    upgrade: Upgrade
    kind: _Kind
    name: str
    old: Interface
    new: Interface

    @property
    def see(self) -> tuple[tuple[str, Place]]:
        """Where it stands in the baseline."""
        return self.upgrade.see(self.kind.key, self.name)

    def callback_place(self, function: tuple[str, int]) -> Place:
        """Where the name of a callback stands in the contract."""
        index = list(self.new.by_function).index(function)
        return self.upgrade.contract.place(self.kind.key, self.name, "callbacks", index, "name")


def missing_kinds(upgrade: Upgrade) -> Iterator[Problem]:
    """A release without any port or behaviour, where the baseline has some."""
    for kind in _missing_kinds(upgrade):
        yield Problem(
            upgrade.contract.place(),
            "E0819",
            f"{upgrade.release} has no {kind.word}s",
            hint=f"nothing can be said of its {kind.word}s; adapters may not fit",
            see=upgrade.see(kind.key),
            severity="warning",
        )


def missing_interfaces(upgrade: Upgrade) -> Iterator[Problem]:
    """Ports and behaviours that are gone: to hand over an adapter for a port that is gone raises."""
    for kind in _compared_kinds(upgrade):
        is_port = kind.key == "ports"
        for name in kind.of(upgrade.baseline):
            if name not in kind.of(upgrade.contract):
                yield Problem(
                    upgrade.contract.place(kind.key, name),
                    "E0819",
                    f"{upgrade.release} has no {kind.word} {name}",
                    hint="hand over no adapter for it" if is_port else "nothing asks for it any more",
                    see=upgrade.see(kind.key, name),
                    severity="error" if is_port else "warning",
                )


def new_interfaces(upgrade: Upgrade) -> Iterator[Problem]:
    """Ports and behaviours that the baseline does not have."""
    for kind in _compared_kinds(upgrade):
        for name in kind.of(upgrade.contract):
            if name not in kind.of(upgrade.baseline):
                message = f"{upgrade.release} has a new {kind.word}: {name}"
                place = upgrade.contract.place(kind.key, name)
                yield Problem(place, "E0820", message, hint="nothing that runs needs it", severity="warning")


def new_callbacks(upgrade: Upgrade) -> Iterator[Problem]:
    """Callbacks that the baseline does not have; an error for one that is not optional."""
    for pair in _pairs(upgrade):
        for function, callback in pair.new.by_function.items():
            if function not in pair.old.by_function:
                yield Problem(
                    pair.callback_place(function),
                    "E0826",
                    f"{pair.name}: {callback.label} is new in {upgrade.release}",
                    hint="adapters may leave it out" if callback.optional else "add it to each adapter",
                    see=pair.see,
                    severity="warning" if callback.optional else "error",
                )


def changed_callbacks(upgrade: Upgrade) -> Iterator[Problem]:
    """Callbacks with another specification."""
    for pair in _pairs(upgrade):
        for function, callback in pair.new.by_function.items():
            old = pair.old.by_function.get(function)
            if old is not None and one_line(old.spec) != one_line(callback.spec):
                change = f"is {one_line(callback.spec)} in {upgrade.release}, and was {one_line(old.spec)}"
                yield Problem(
                    pair.callback_place(function),
                    "E0826",
                    f"{pair.name}: {callback.label} {change}",
                    hint="look at each adapter",
                    see=pair.see,
                    severity="warning",
                )


def missing_callbacks(upgrade: Upgrade) -> Iterator[Problem]:
    """Callbacks that are gone; an error where one of the same name takes another number of arguments."""
    for pair in _pairs(upgrade):
        names = {name for name, _ in pair.new.by_function}
        for function, callback in pair.old.by_function.items():
            if function not in pair.new.by_function:
                yield Problem(
                    upgrade.contract.place(pair.kind.key, pair.name, "callbacks"),
                    "E0826",
                    f"{pair.name}: {callback.label} is gone in {upgrade.release}",
                    hint="nothing calls it any more",
                    see=pair.see,
                    severity="error" if callback.name in names else "warning",
                )


def _missing_kinds(upgrade: Upgrade) -> list[_Kind]:
    """The kinds of which the baseline has some and the release none."""
    baseline = upgrade.baseline
    return [kind for kind in _KINDS if kind.of(baseline) and not kind.of(upgrade.contract)]


def _compared_kinds(upgrade: Upgrade) -> list[_Kind]:
    """The other kinds."""
    missing = _missing_kinds(upgrade)
    return [kind for kind in _KINDS if kind not in missing]


def _pairs(upgrade: Upgrade) -> Iterator[_Pair]:
    """The ports and behaviours that both have."""
    for kind in _KINDS:
        old = kind.of(upgrade.baseline)
        for name, new in kind.of(upgrade.contract).items():
            if name in old:
                yield _Pair(upgrade, kind, name, old[name], new)

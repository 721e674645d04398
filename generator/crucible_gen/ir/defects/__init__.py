"""Known defects of released packages, a data file each (`D0003.json`), and what they mean for a recipe.

A range of versions without an upper end says that no release is known to be free of the defect, not that there is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

_FILES = Path(__file__).parent
_BOUND = re.compile(r"(>=|<=|>|<|==)\s*(\d+\.\d+\.\d+)").fullmatch
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)").match


class Probe(NamedTuple):
    """How `gen verify --run` finds out whether a defect still shows: a case of `probe.exs` and what it needs."""

    shows: str
    stage: str
    live: Sequence[str] = ()
    keys: Sequence[str] = ()
    function: str = ""
    described: str = ""


class Raises(NamedTuple):
    """The exception with which a defect ends a run, and the function that raises it."""

    exception: str
    function: str


class Rates(NamedTuple):
    """The schedule that a defect trains with (`sees`), whichever other than `says_not` the recipe names."""

    says_not: str
    sees: str


class Defect(NamedTuple):
    """One known defect: the stages of the releases that have it, what is seen, and what gen does about it.

    `stops` says that a pipeline with one of its stages cannot run to its end. `raises` and `rates` say how the defect
    shows in a run. `stand_ins` are the modules of the generated project's runtime that run in the place of such stages.
    """

    id: str
    title: str
    package: str
    versions: str
    stages: tuple[str, ...]
    stops: bool
    symptom: str
    answer: str
    test: str
    probe: Probe
    raises: Raises | None = None
    rates: Rates | None = None
    stand_ins: Mapping[str, str] = MappingProxyType({})

    def covers(self, version: str) -> bool:
        """Whether a release is in the range; a version that says nothing is in no range."""
        found = _numbers(version)
        return found is not None and all(_holds(found, bound) for bound in self.versions.split(" and "))


@cache
def defects() -> Mapping[str, Defect]:
    """Every known defect by id, in order."""
    read = (_read(json.loads(path.read_text("utf-8"))) for path in sorted(_FILES.glob("D*.json")))
    return {defect.id: defect for defect in read}


def _read(document: dict[str, Any]) -> Defect:
    """The defect that a data file describes."""
    parts: dict[str, object] = {"stages": tuple(document["stages"]), "probe": Probe(**document["probe"])}
    for name, type_ in (("raises", Raises), ("rates", Rates)):
        if name in document:
            parts[name] = type_(**document[name])
    return Defect(**{**document, **parts})


def stopping(modules: Iterable[str], releases: Mapping[str, str]) -> list[Defect]:
    """The defects that stop a pipeline of these stages; `releases` are the versions of packages."""
    named = set(modules)
    stops = (defect for defect in defects().values() if defect.stops and not named.isdisjoint(defect.stages))
    return [defect for defect in stops if defect.covers(releases.get(defect.package, ""))]


def story(defect: Defect) -> str:
    """What `gen explain` prints."""
    import textwrap

    def filled(text: str) -> str:
        return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)

    stages = ", ".join(defect.stages) or "every stage"
    stops = (
        "A pipeline with such a stage does not run to its end."
        if defect.stops
        else "Generated recipes run all the same."
    )
    parts = [
        f"# {defect.id}: {defect.title}",
        filled(f"In {defect.package} {defect.versions}: {stages}. {stops}"),
        filled(defect.symptom),
        filled(defect.answer),
        filled(
            f"gen verify --run shows whether your {defect.package} still has it, and says when it has gone. "
            f"{defect.test} shows it on stand-ins."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _numbers(version: str) -> tuple[int, ...] | None:
    found = _VERSION(version)
    return tuple(map(int, found.groups())) if found else None


def _holds(version: tuple[int, ...], bound: str) -> bool:
    found = _BOUND(bound.strip())
    assert found is not None, f"a bound is an operator and a version, found {bound}"
    limit = _numbers(found[2])
    assert limit is not None
    match found[1]:
        case ">=":
            return version >= limit
        case "<=":
            return version <= limit
        case ">":
            return version > limit
        case "<":
            return version < limit
    return version == limit

"""What tinker_cookbook cannot honour, by the table of the engine: known without importing it.

`schemas/engines/tinker.json` says what becomes of each field. Besides the fields it has a table for each entry, which is
a loop of the cookbook that a recipe asks for with `backend: {id: tinker, options: {entry: sl_loop}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from crucible_runtime.engines import mapping
from crucible_runtime.engines.mapping import Rule, Table
from crucible_runtime.errors import did_you_mean
from crucible_runtime.ir import Experiment


def entry_of(experiment: Experiment) -> str | None:
    """The loop of the cookbook that the recipe asks for, or None for the one of its type."""
    entry: str | None = (experiment.backend.options or {}).get("entry")
    return entry


def problems(experiment: Experiment, kind: str) -> list[str]:
    """Every value that the table of the experiment's loop refuses, each as a sentence that says what would work."""
    assert experiment.training_config is not None
    return _table(entry_of(experiment)).problems(experiment.training_config, kind)


def entries() -> Mapping[str, Mapping[str, Any]]:
    """The loops by name: the type of recipe that each is for, its config's class, and its table."""
    found: Mapping[str, Mapping[str, Any]] = mapping.written("tinker")["entries"]
    return found


@cache
def _table(entry: str | None) -> Table:
    """The table of the engine; that of an entry takes its place, and refuses what it does not name."""
    base = mapping.load("tinker")
    if entry is None:
        return base
    instead = "leave backend.options.entry out to train without that loop"
    own = mapping.rules(entries()[entry]["fields"])
    none = Rule(refuse="the loop has no such setting", instead=instead)
    rules = {
        path: own.get(path) or [rule if rule.unused or (rule.refuse and not rule.to) else none for rule in found]
        for path, found in base.rules.items()
    }
    with_instead = {
        path: [replace(rule, instead=rule.instead or instead) for rule in found] for path, found in rules.items()
    }
    return Table(engine=f"tinker (entry {entry})", rules=with_instead)


def backend_problems(experiment: Experiment, kind: str) -> list[str]:
    """What of `backend.options` means nothing here, each a whole sentence."""
    options = dict(experiment.backend.options or {})
    entry = options.pop("entry", None)
    found = [
        f"engine tinker knows no backend.options.{name}; {did_you_mean(name, ['entry'])}" for name in sorted(options)
    ]
    if entry is None:
        return found
    if entry not in entries():
        return [*found, f"engine tinker knows no entry {entry}; {did_you_mean(str(entry), entries())}"]
    if entries()[entry]["kind"] != kind:
        return [*found, f"entry {entry} is for recipes of type {entries()[entry]['kind']}, this one is {kind}"]
    return found

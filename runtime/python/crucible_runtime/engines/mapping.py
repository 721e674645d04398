"""What an engine cannot honour of a training configuration, by its table.

A table is JSON, `schemas/engines/<engine>.json`, which the documentation is written from too; an installed runtime has a
copy. For each field of `CrucibleIR.Training.Config` and each option it has a list of rules. The first rule whose `kinds`
hold the recipe's type (a rule without `kinds` holds for all) says what becomes of the field:

    {"to": ["learning_rate"]}                          the engine's arguments that it becomes
    {"to": [...], "allow": [null, "adam"], ...}        the same, and any other value is refused
    {"to": [...], "each": ["loss", "reward"], ...}     the same for each item of a list
    {"refuse": "it has no ...", "instead": "..."}      any value but null is refused; `instead` is what would work
    {"unused": "checkpoints are files ..."}            not passed on, for this reason

`how` says in words how a value is changed on its way. `schemas/engine.schema.json` is the form of a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.ir import DatasetRef, ModelRef, TrainingConfig

_SCHEMAS = Path("schemas") / "engines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What becomes of one field in one engine, for recipes of some types (of all where `kinds` is empty)."""

    kinds: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    how: str = ""
    allow: tuple[Any, ...] | None = None
    each: tuple[Any, ...] | None = None
    refuse: str = ""
    instead: str = ""
    unused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The table of one engine: rules by the path of a field, such as `epochs`, `model_ref.id`, `options.lora_rank`."""

    engine: str
    rules: Mapping[str, Sequence[Rule]]

    def rule(self, path: str, kind: str) -> Rule | None:
        """The rule for a field in recipes of a type, or None where the table says nothing."""
        return next((rule for rule in self.rules.get(path, ()) if not rule.kinds or kind in rule.kinds), None)

    def problems(self, training: TrainingConfig, kind: str) -> list[str]:
        """Every value that the engine cannot honour, each as a sentence that says what would work."""
        return [sentence for path, value in values(training) if (sentence := self._problem(path, value, kind))]

    def _problem(self, path: str, value: Any, kind: str) -> str:
        name = f"training_config.{path}"
        rule = self.rule(path, kind)
        if rule is None:
            return "" if value is None else f"engine {self.engine} knows no {name} in recipes of type {kind}"
        found = value
        if rule.each is not None:
            found = [item for item in value or () if item not in rule.each]
            wrong = bool(found)
        elif rule.allow is not None:
            wrong = not any(type(value) is type(each) and value == each for each in rule.allow)
        else:
            wrong = bool(rule.refuse) and value is not None
        if not wrong:
            return ""
        known = f" {', '.join(map(str, rule.each))}" if rule.each is not None else ""
        instead = f"; {rule.instead}{known}" if rule.instead else ""
        return f"engine {self.engine} cannot honour {name} {canonical(found)}: {rule.refuse}{instead}"


@cache
def load(engine: str) -> Table:
    """The table of an engine of this package."""
    return Table(engine=engine, rules=rules(written(engine)["fields"]))


@cache
def written(engine: str) -> Mapping[str, Any]:
    """The table of an engine of this package as its file has it."""
    found: Mapping[str, Any] = json.loads((directory() / f"{engine}.json").read_text("utf-8"))
    return found


def directory() -> Path:
    """Where the tables are: beside this module where it is installed, else with the schemas of the project or checkout."""
    here = Path(__file__).resolve().parent
    project = here.parent.parent
    places = (here / "tables", project / _SCHEMAS, project.parent.parent / _SCHEMAS)
    return next((place for place in places if place.is_dir()), places[0])


def rules(fields: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Sequence[Rule]]:
    """The rules of each field, as a table has them."""
    return {path: tuple(map(_rule, found)) for path, found in fields.items()}


def _rule(written: Mapping[str, Any]) -> Rule:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in written.items()}
    return Rule(**fields)


def values(training: TrainingConfig) -> Iterator[tuple[str, Any]]:
    """Every field of a training configuration by its path, those of its references and each of its options too."""
    for field in fields(training):
        value = getattr(training, field.name)
        if field.name == "options":
            yield from ((f"options.{name}", option) for name, option in (value or {}).items())
        elif isinstance(value, ModelRef | DatasetRef):
            yield from ((f"{field.name}.{each.name}", getattr(value, each.name)) for each in fields(value))
        else:
            yield field.name, value

"""Checks of a stage's options: those that go into a struct, and the keys that the stage reads by name."""

from __future__ import annotations

from collections.abc import Iterator

from crucible_gen.conformance.contracts.checks.structs import UPDATE
from crucible_gen.conformance.contracts.elixir_values import parse_value
from crucible_gen.conformance.contracts.subject import StageSubject, quoted
from crucible_gen.diagnostics import Place, Problem

CODES = {"E0821": "a stage does not take an option of its schema"}
"""What each code of this step means, in a line."""


def renamed_options(subject: StageSubject) -> Iterator[Problem]:
    """Options that have another name in the release; an error where the stage raises for unknown ones."""
    for name, new in subject.renamed.items():
        yield subject.problem(
            "E0813",
            f"option {name} of {subject.module} is {new} in {subject.release}",
            f"rename {name} to {new}; {UPDATE}",
            at=subject.property(name),
            fact=subject.fact(new),
            severity="error" if _raises(subject) else "warning",
        )


def unknown_options(subject: StageSubject) -> Iterator[Problem]:
    """Options that the stage does not take; nothing is reported where its treatment of them is unknown."""
    if subject.stage.unknown_keys == "unknown":
        return
    for name in subject.properties:
        if name in subject.fields or name in subject.read_by_name or name in subject.renamed:
            continue
        effect = "raises KeyError" if _raises(subject) else "has no effect"
        yield subject.problem(
            "E0821",
            f"{subject.module} does not take {name} in {subject.release}: it {effect}",
            f"remove {name} here and from recipes; {UPDATE}",
            at=subject.property(name),
            fact=subject.stage_fact(),
            severity="error" if _raises(subject) else "warning",
        )


def _raises(subject: StageSubject) -> bool:
    """Whether the stage raises for an option that it does not know."""
    return subject.stage.unknown_keys == "raise"


def new_options(subject: StageSubject) -> Iterator[Problem]:
    """Fields of the options struct that the schema does not have; an error for one that the struct enforces."""
    for name in subject.new_fields:
        enforced = name in subject.struct.enforce_keys
        yield subject.problem(
            "E0816" if enforced else "E0812",
            f"{subject.module} {'needs' if enforced else 'takes'} {name} in {subject.release}",
            f"add {name} to the schema; {UPDATE}",
            at=subject.whole(),
            fact=subject.fact(name),
            severity="error" if enforced else "warning",
        )


def enforced_options(subject: StageSubject) -> Iterator[Problem]:
    """Options that the struct enforces and a recipe may leave out."""
    for name in subject.struct.enforce_keys:
        if name in subject.properties and not subject.is_given(name):
            yield _needed(subject, name, subject.fact(name))


def required_keys(subject: StageSubject) -> Iterator[Problem]:
    """Keys that the stage cannot do without, and that the schema does not have or a recipe may leave out."""
    for name, read in subject.stage.options_read.items():
        if not read.required:
            continue
        fact = subject.stage_fact("options_read", name)
        if name not in subject.properties:
            message = f"{subject.module} needs {name} in {subject.release}"
            yield subject.problem("E0816", message, f"add {name} to the schema", at=subject.whole(), fact=fact)
        elif not subject.is_given(name):
            yield _needed(subject, name, fact)


def new_keys(subject: StageSubject) -> Iterator[Problem]:
    """Keys that the stage may read, did not read in the baseline, and the schema does not have.

    Nothing is reported where the baseline does not list the keys that the stage reads.
    """
    baseline = subject.context.baseline
    before = baseline.stages.get(subject.module) if baseline is not None else None
    if before is None or not before.options_read:
        return
    for name, read in subject.stage.options_read.items():
        if name not in subject.properties and not read.required and name not in before.options_read:
            yield subject.problem(
                "E0812",
                f"{subject.module} reads {name} in {subject.release}",
                f"add {name} to the schema, so that recipes can say it",
                at=subject.whole(),
                fact=subject.stage_fact("options_read", name),
                severity="warning",
            )


def defaults_of_keys(subject: StageSubject) -> Iterator[Problem]:
    """Defaults of the keys that the stage reads, where the code and the schema give one."""
    for name, read in subject.stage.options_read.items():
        schema = subject.properties.get(name, {})
        if read.default is None or "default" not in schema:
            continue
        if not subject.context.is_default(schema, parse_value(read.default), is_stage=True):
            yield subject.problem(
                "E0814",
                f"{name} has the default {quoted(schema['default'])} here and {read.default} in {subject.release}",
                "say the stage's own default in the schema",
                at=subject.property(name, "default"),
                fact=subject.stage_fact("options_read", name),
                severity="warning",
            )


def _needed(subject: StageSubject, name: str, fact: Place) -> Problem:
    message = f"{subject.module} needs {name} in {subject.release}, and a recipe may leave it out"
    return subject.problem("E0816", message, f"add {name} to required", at=subject.property(name), fact=fact)

"""Checks of a struct's schema: its fields, their order, defaults and types, and what the struct enforces."""

from __future__ import annotations

from collections.abc import Iterator

from crucible_gen.conformance.contracts.facts import one_line
from crucible_gen.conformance.contracts.schema_types import type_differences
from crucible_gen.conformance.contracts.subject import Subject, default_of, quoted
from crucible_gen.diagnostics import Problem

CODES = {
    "E0811": "a schema has a field that the package does not have",
    "E0812": "the package has a field that the schema does not have",
    "E0813": "the package has given a field another name",
    "E0814": "the package has another default",
    "E0815": "the package has another type",
    "E0816": "the package insists on a field",
    "E0817": "the package does not insist on a field any more",
    "E0818": "the package has the fields in another order",
}
"""What each code of this step means, in a line."""

UPDATE = "gen contracts update --write changes the schema"
"""The hint at what corrects a schema."""


def renamed_fields(subject: Subject) -> Iterator[Problem]:
    """Fields that have another name in the release."""
    for name, new in subject.renamed.items():
        yield subject.problem(
            "E0813",
            f"{subject.module}.{name} is {new} in {subject.release}",
            f"rename {name} to {new} here and in recipes; {UPDATE}",
            at=subject.property(name),
            fact=subject.fact(new),
        )


def missing_fields(subject: Subject) -> Iterator[Problem]:
    """Properties that are no fields of the struct."""
    for name in subject.properties:
        if name not in subject.fields and name not in subject.renamed:
            yield subject.problem(
                "E0811",
                f"{subject.module} has no field {name} in {subject.release}: a recipe that sets it does not compile",
                f"remove {name} here and from recipes; {UPDATE}",
                at=subject.property(name),
                fact=subject.context.contract.place(*subject.struct_path),
            )


def new_fields(subject: Subject) -> Iterator[Problem]:
    """Fields that the schema does not have; an error for one that the struct enforces."""
    for name in subject.new_fields:
        enforced = name in subject.struct.enforce_keys
        what = "enforces a new field" if enforced else "has a new field"
        yield subject.problem(
            "E0816" if enforced else "E0812",
            f"{subject.module} {what} in {subject.release}: {name}",
            f"add {name} to the schema; {UPDATE}",
            at=subject.whole(),
            fact=subject.fact(name),
            severity="error" if enforced else "warning",
        )


def enforced_fields(subject: Subject) -> Iterator[Problem]:
    """Fields that the struct enforces and the schema does not."""
    ours, names = _enforced_by_schema(subject), _names_in_schema(subject)
    for field in subject.struct.enforce_keys:
        name = names.get(field, field)
        if field not in ours and name in subject.properties:
            yield subject.problem(
                "E0816",
                f"{subject.module} enforces {field} in {subject.release}: a literal without it does not compile",
                f"add {field} to x-enforce, and to required or give it a source; {UPDATE}",
                at=subject.property(name),
                fact=subject.fact(field),
            )


def no_longer_enforced_fields(subject: Subject) -> Iterator[Problem]:
    """Fields that the schema enforces and the struct does not."""
    names = _names_in_schema(subject)
    for field in sorted(_enforced_by_schema(subject) - set(subject.struct.enforce_keys)):
        name = names.get(field, field)
        if name in subject.properties and field in subject.fields:
            yield subject.problem(
                "E0817",
                f"{subject.module} does not enforce {field} any more in {subject.release}",
                f"take {field} out of x-enforce; {UPDATE}",
                at=subject.property(name),
                fact=subject.fact(field),
                severity="warning",
            )


def _enforced_by_schema(subject: Subject) -> set[str]:
    """The fields that the schema enforces, by their names in the release."""
    return {subject.renamed.get(name, name) for name in subject.document["x-enforce"]}


def _names_in_schema(subject: Subject) -> dict[str, str]:
    return {new: name for name, new in subject.renamed.items()}


def field_order(subject: Subject) -> Iterator[Problem]:
    """The order of the fields that both sides have."""
    ours = [name for name in subject.properties if name in subject.fields]
    if ours != [name for name in subject.fields if name in subject.properties]:
        yield subject.problem(
            "E0818",
            f"{subject.module} has its fields in another order in {subject.release}: {', '.join(subject.fields)}",
            UPDATE,
            at=subject.whole(),
            fact=subject.context.contract.place(*subject.struct_path),
            severity="warning",
        )


def defaults(subject: Subject) -> Iterator[Problem]:
    """Defaults of fields: an error for a struct, whose own default is what recipes run with."""
    for name, field_name in subject.paired.items():
        schema, field = subject.properties[name], subject.fields[field_name]
        if subject.context.is_default(schema, default_of(field), is_stage=subject.is_stage):
            continue
        ours = "no default" if "default" not in schema else f"the default {quoted(schema['default'])}"
        effect = "" if subject.is_stage else ": a recipe without it runs with another value than its JSON says"
        yield subject.problem(
            "E0814",
            f"{name} has {ours} here and {field.default} in {subject.release}{effect}",
            f"{UPDATE}; then look at what the recipes mean",
            at=subject.property(name, "default"),
            fact=subject.fact(field_name),
            severity="warning" if subject.is_stage else "error",
        )


def types(subject: Subject) -> Iterator[Problem]:
    """Types of fields, where the schema's author has not accepted the difference in `x-contract-type`."""
    for name, field_name in subject.paired.items():
        schema, field = subject.properties[name], subject.fields[field_name]
        type_ = one_line(field.type or "term()")
        if "x-inject" in schema or schema.get("x-contract-type") == type_:
            continue
        differences = type_differences(
            subject.allows(schema), subject.wanted(field), nil_default=default_of(field) is None
        )
        for severity, text in differences:
            yield subject.problem(
                "E0815",
                f"{name} is {type_} in {subject.release}: {text}",
                f"say in the schema what {subject.release} takes, or correct the recipes",
                at=subject.property(name),
                fact=subject.fact(field_name),
                severity=severity,
            )

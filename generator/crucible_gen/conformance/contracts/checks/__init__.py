"""Compare schemas with contracts, and contracts with the ones that the schemas or the runtime were written for.

A difference is an error when recipes that run today stop running or run with other values than `generated/ir` says,
and a warning otherwise. Each check is a function of what it compares to problems, and stands in the table `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from crucible_gen.conformance.contracts.checks import coverage, interfaces, options, python_objects, stages, structs
from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.subject import (
    Context,
    SchemaFiles,
    StageSubject,
    Subject,
    Upgrade,
    described_package,
)
from crucible_gen.diagnostics import Problem
from crucible_gen.schemas import Schemas

__all__ = ["CHECKS", "check"]


class _Checks(NamedTuple):
    """The checks by what each compares."""

    structs: tuple[Callable[[Subject], Iterable[Problem]], ...]
    stages: tuple[Callable[[StageSubject], Iterable[Problem]], ...]
    elixir_packages: tuple[Callable[[Context], Iterable[Problem]], ...]
    elixir_upgrades: tuple[Callable[[Upgrade], Iterable[Problem]], ...]
    python_upgrades: tuple[Callable[[Upgrade], Iterable[Problem]], ...]


CHECKS = _Checks(
    structs=(
        structs.renamed_fields,
        structs.missing_fields,
        structs.new_fields,
        structs.enforced_fields,
        structs.no_longer_enforced_fields,
        structs.field_order,
        structs.defaults,
        structs.types,
    ),
    stages=(
        stages.description,
        stages.name,
        stages.described_options_that_raise,
        stages.form_of_options,
        options.renamed_options,
        options.unknown_options,
        options.new_options,
        options.enforced_options,
        options.required_keys,
        options.new_keys,
        options.defaults_of_keys,
        structs.defaults,
        structs.types,
    ),
    elixir_packages=(
        coverage.missing_modules,
        coverage.undescribed_modules,
    ),
    elixir_upgrades=(
        interfaces.missing_kinds,
        interfaces.missing_interfaces,
        interfaces.new_interfaces,
        interfaces.new_callbacks,
        interfaces.changed_callbacks,
        interfaces.missing_callbacks,
    ),
    python_upgrades=(
        python_objects.missing_objects,
        python_objects.new_objects,
        python_objects.changed_entry_points,
        python_objects.members,
    ),
)


def check(schemas: Schemas, contracts: Mapping[str, Contract], baselines: Mapping[str, Contract]) -> list[Problem]:
    """Every difference between schemas and contracts, in order of place.

    `contracts` and `baselines` are by package; a baseline is the release that schemas or runtime were written for.
    """
    files = SchemaFiles(schemas)
    problems: set[Problem] = set()
    for package, contract in contracts.items():
        baseline = baselines.get(package)
        if contract.language == "elixir":
            problems.update(_against_schemas(Context(schemas, files, contract, baseline)))
        if baseline is not None:
            checks = CHECKS.python_upgrades if contract.language == "python" else CHECKS.elixir_upgrades
            for check_upgrade in checks:
                problems.update(check_upgrade(Upgrade(contract, baseline)))
    return sorted(problems)


def _against_schemas(context: Context) -> Iterator[Problem]:
    """The differences between the schemas and one Elixir package."""
    for check_package in CHECKS.elixir_packages:
        yield from check_package(context)
    for key, document in context.schemas.documents.items():
        if "x-elixir-struct" in document:
            yield from _struct(context, key)
        elif "x-stage" in document:
            yield from _stage(context, key)


def _struct(context: Context, key: str) -> Iterator[Problem]:
    document = context.schemas.documents[key]
    struct = context.contract.structs.get(document["x-elixir-struct"])
    if struct is not None and described_package(document) == context.contract.package:
        subject = Subject.of_struct(context, key, document, struct)
        for check_struct in CHECKS.structs:
            yield from check_struct(subject)


def _stage(context: Context, key: str) -> Iterator[Problem]:
    document = context.schemas.documents[key]
    stage = context.contract.stages.get(document["x-stage"]["module"])
    if stage is not None and described_package(document) in (context.contract.package, None):
        subject = StageSubject.of_stage(context, key, document, stage)
        for check_stage in CHECKS.stages:
            yield from check_stage(subject)

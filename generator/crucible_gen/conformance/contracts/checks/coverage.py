"""Checks of whole structs and stages: those that the release lacks, and those that no schema describes."""

from __future__ import annotations

from collections.abc import Iterator

from crucible_gen.conformance.contracts.similarity import nearest_module
from crucible_gen.conformance.contracts.subject import Context, described_package
from crucible_gen.diagnostics import Problem

CODES = {
    "E0819": "the package does not have it any more",
    "E0820": "the package has something that no schema describes",
}
"""What each code of this step means, in a line."""


def missing_modules(context: Context) -> Iterator[Problem]:
    """Structs and stages that schemas of this package describe and the release does not have."""
    contract = context.contract
    for key, document in context.schemas.documents.items():
        if described_package(document) != contract.package:
            continue
        if "x-elixir-struct" in document:
            if document["x-elixir-struct"] not in contract.structs:
                yield _missing(context, key, "struct")
        elif "x-stage" in document and document["x-stage"]["module"] not in contract.stages:
            yield _missing(context, key, "stage")


def _missing(context: Context, key: str, kind: str) -> Problem:
    contract, document = context.contract, context.schemas.documents[key]
    path = ("x-elixir-struct",) if kind == "struct" else ("x-stage", "module")
    module = document["x-elixir-struct"] if kind == "struct" else document["x-stage"]["module"]
    near = nearest_module(module, contract.structs if kind == "struct" else contract.stages)
    hint = f"is it {near} now?" if near else f"remove this schema, and the {kind} from recipes"
    see = ((f"the contract of {context.release}", contract.place(f"{kind}s")),)
    message = f"{context.release} has no {kind} {module}"
    about = str(document.get("description", ""))
    return Problem(context.files.place(key, *path), "E0819", message, hint, about, see)


def undescribed_modules(context: Context) -> Iterator[Problem]:
    """Stages without a schema, and structs of a package that has schemas for other structs."""
    documents = context.schemas.documents.values()
    structs = {
        raw["x-elixir-struct"]
        for raw in documents
        if "x-elixir-struct" in raw and described_package(raw) == context.contract.package
    }
    stages = {raw["x-stage"]["module"] for raw in documents if "x-stage" in raw}
    undescribed = [("struct", module) for module in context.contract.structs if structs and module not in structs]
    undescribed += [("stage", module) for module in context.contract.stages if module not in stages]
    for kind, module in undescribed:
        yield Problem(
            context.contract.place(f"{kind}s", module),
            "E0820",
            f"no schema describes the {kind} {module} of {context.release}",
            hint="write a schema file for it, if recipes should be able to say it",
            severity="warning",
        )

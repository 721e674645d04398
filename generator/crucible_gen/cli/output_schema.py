"""The JSON Schema of everything that commands print with `--format json`, made from the models of their output."""

from __future__ import annotations

from typing import Any

from crucible_gen.cli import output
from crucible_gen.conformance.contracts import output as contracts
from crucible_gen.conformance.verify import output as verify
from crucible_gen.diagnostics.output import OutputModel, ProblemsOutput


def models() -> dict[str, type[OutputModel]]:
    """The model of each command's output by name of the command; `problems` is what each prints instead if it fails."""
    return {
        "generate": output.GenerateOutput,
        "check": output.CheckOutput,
        "problems": ProblemsOutput,
        "settings": output.settings_model(),
        "contracts_pull": contracts.PullOutput,
        "contracts_check": contracts.CheckOutput,
        "contracts_diff": contracts.DiffOutput,
        "verify": verify.VerifyOutput,
    }


def schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) that any output fits; `$defs` has each command's output by name, then their parts."""
    commands: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for name, model in models().items():
        commands[name] = model.model_json_schema(mode="serialization")
        parts |= commands[name].pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Output",
        "description": "What the commands of gen print with --format json, by the name of the command.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in commands],
        "$defs": commands | dict(sorted(parts.items())),
    }

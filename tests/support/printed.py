"""What commands print for programs, validated against the schema that `gen schema output` prints."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from command import gen
from jsonschema import Draft202012Validator


@functools.cache
def output_schema() -> dict[str, Any]:
    """The schema as the command prints it."""
    ran = gen(["schema", "output"], Path(__file__).parent)
    assert (ran.code, ran.err) == (0, "")
    schema: dict[str, Any] = json.loads(ran.out)
    return schema


@functools.cache
def validator(command: str) -> Draft202012Validator:
    """The validator of a command's output, by its name in `$defs`."""
    assert command in output_schema()["$defs"], f"no output is named {command}"
    whole = {key: value for key, value in output_schema().items() if key != "anyOf"}
    return Draft202012Validator(whole | {"$ref": f"#/$defs/{command}"})


def printed(command: str, text: str) -> Any:
    """The value of what a command printed; fails unless it is as the schema says."""
    value = json.loads(text)
    assert [error.message for error in validator(command).iter_errors(value)] == []
    assert Draft202012Validator(output_schema()).is_valid(value)
    return value

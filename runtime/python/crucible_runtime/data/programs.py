"""The tests of a programming problem in one form, from any of the forms that data sets have.

A test is `{"input": text, "output": text}` for a program that reads and prints, or `{"function": name, "arguments":
[...], "outputs": [value, ...]}` for a function: what it returns must be one of the outputs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crucible_runtime.data.row import BadRow, Row, shown

ENOUGH = 5
"""Tests of a problem that show whether its outputs are in lists; a problem of the data set has no fewer."""


def tests(row: Row) -> list[Row]:
    """The tests in the column `tests` or `ground_truth`, which may be JSON in a text; raises BadRow."""
    name = "ground_truth" if row.get("tests") is None and "ground_truth" in row else "tests"
    found, metadata = _read(row.get(name), name), _read(row.get("metadata"), "metadata")
    if isinstance(found, Mapping) and "inputs" in found and "outputs" in found:
        return _columns(found, name)
    if isinstance(found, Mapping):
        found = [found]
    if found is None:
        return []
    if not isinstance(found, list):
        raise BadRow(f"column {name}: expected a list of tests, found {shown(found)}")
    function = metadata.get("func_name") if isinstance(metadata, Mapping) else None
    return _agreed([_test(test, function, f"column {name}[{number}]") for number, test in enumerate(found)])


def _agreed(found: list[Row]) -> list[Row]:
    """Tests whose outputs are what the functions return: some data sets put each into a list, and do not say so.

    All outputs of a problem are in such lists or none is. Where each is a list of one value, that value is what is
    returned if it is a list too, or if there are ENOUGH tests: to return 5 for `[5]` must not be right by chance.
    """
    calls = [test for test in found if "wrapped" in test]
    lists = [test["outputs"][0] for test in calls if test.pop("wrapped")]
    if len(lists) == len(calls) and (len(lists) >= ENOUGH or all(isinstance(each[0], list) for each in lists)):
        for test, output in zip(calls, lists, strict=True):
            test["outputs"] = output
    return found


def _columns(found: Mapping[str, Any], name: str) -> list[Row]:
    """Tests with all inputs in one list and all outputs in another."""
    inputs, outputs, function = found["inputs"], found["outputs"], found.get("fn_name")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise BadRow(f"column {name}: expected as many inputs as outputs, found {shown(found)}")
    if function is None:
        pairs = zip(map(_joined, inputs), map(_joined, outputs), strict=True)
        return [{"input": given, "output": wanted} for given, wanted in pairs]
    return _agreed(
        [_call(function, given, wanted, f"column {name}") for given, wanted in zip(inputs, outputs, strict=True)]
    )


def _test(test: Any, function: Any, where: str) -> Row:
    if not isinstance(test, Mapping):
        raise BadRow(f"{where}: expected a test with input and output, found {shown(test)}")
    if "arguments" in test and "outputs" in test:
        return dict(test)
    for key in ("input", "output"):
        if key not in test:
            raise BadRow(f"{where}: no {key}: it has {', '.join(map(str, test)) or 'nothing'}")
    if (test.get("testtype") or test.get("type")) not in ("functional", "function_call"):
        return {"input": _joined(test["input"]), "output": _joined(test["output"])}
    own = _read(test.get("metadata"), f"{where}.metadata")
    name = test.get("fn_name") or (own.get("func_name") if isinstance(own, Mapping) else None) or function
    if not isinstance(name, str):
        raise BadRow(f"{where}: expected fn_name or metadata.func_name, the function to call")
    return _call(name, test["input"], test["output"], where)


def _call(function: Any, given: Any, wanted: Any, where: str) -> Row:
    """A call: the arguments are a list, or a text with one in JSON on each line."""
    try:
        if isinstance(given, str):
            given = [json.loads(line) for line in given.split("\n") if line.strip()]
        if isinstance(wanted, str):
            output, wrapped = json.loads(wanted), False
        else:
            output, wrapped = wanted, isinstance(wanted, list) and len(wanted) == 1
    except ValueError as error:
        raise BadRow(f"{where}: expected arguments and output in JSON: {error}") from None
    if not isinstance(given, list):
        raise BadRow(f"{where}: expected a list of arguments, found {shown(given)}")
    return {"function": function, "arguments": given, "outputs": [output], "wrapped": wrapped}


def _joined(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _read(value: Any, where: str) -> Any:
    if not isinstance(value, str) or not value.strip():
        return None if isinstance(value, str) else value
    try:
        return json.loads(value)
    except ValueError as error:
        raise BadRow(f"column {where.removeprefix('column ')}: expected JSON, found {shown(value)}: {error}") from None

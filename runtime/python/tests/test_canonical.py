"""Canonical JSON: Jason's bytes for sorted keys, and nothing that is no JSON."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crucible_runtime import canonical, config_hash, pretty
from crucible_runtime.errors import CanonicalError
from crucible_runtime.ir import BackendRef, DatasetRef, ModelRef, Module, StageDef, TrainingConfig
from crucible_runtime.ports import Ports

FLOATS = [
    (2.0e-4, "0.0002"),
    (1.5e-4, "1.5e-4"),
    (5.0e-5, "5.0e-5"),
    (1.0e5, "1.0e5"),
    (123456.0, "123456.0"),
    (1.0e3, "1.0e3"),
    (100.0, "100.0"),
    (9007199254740992.0, "9.007199254740992e15"),
    (9007199254740991.0, "9007199254740991.0"),
    (0.0, "0.0"),
    (-0.0, "-0.0"),
    (-1.5, "-1.5"),
    (0.1, "0.1"),
    (0.05, "0.05"),
    (0.001, "0.001"),
    (1.0e-4, "0.0001"),
    (0.3333333333333333, "0.3333333333333333"),
    (5.0e-324, "5.0e-324"),
    (1.7976931348623157e308, "1.7976931348623157e308"),
]


@pytest.mark.parametrize(("value", "text"), FLOATS, ids=[text for _, text in FLOATS])
def test_floats_are_written_as_erlang_writes_them(value: float, text: str) -> None:
    assert canonical(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_itself(value: float) -> None:
    assert struct.pack(">d", float(canonical(value))) == struct.pack(">d", value)


def awkward_floats() -> Iterable[float]:
    for exponent in range(-30, 31):
        for digits in (1, 12, 123, 1234567, 123456789012345, 9007199254740993):
            yield float(f"{digits}e{exponent}")
            yield -float(f"{digits}e{exponent}")
    for power in (52, 53, 54):
        yield from (2.0**power - 1, 2.0**power, 2.0**power + 1)


@pytest.mark.elixir
def test_floats_are_erlangs_own(tmp_path: Path) -> None:
    elixir = shutil.which("elixir")
    assert elixir, "this test needs Elixir"
    values = [*awkward_floats(), *(value for value, _ in FLOATS)]
    (tmp_path / "bits").write_bytes(b"".join(struct.pack(">d", value) for value in values))
    program = """
    for <<value::float <- File.read!(hd(System.argv()))>> do
      IO.puts(:erlang.float_to_binary(value, [:short]))
    end
    """
    (tmp_path / "floats.exs").write_text(program)
    command = [elixir, str(tmp_path / "floats.exs"), str(tmp_path / "bits")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [canonical(value) for value in values] == run.stdout.split()


def test_only_what_must_be_escaped_is() -> None:
    text = 'a"\\/\b\t\n\f\r\x00\x1f\x7f\u2028é😀\u202e#{x}'
    assert canonical(text) == '"a\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001F\x7f\u2028é😀\u202e#{x}"'
    assert json.loads(canonical(text)) == text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=100)
def test_what_is_written_is_json_with_sorted_keys(value: Any) -> None:
    compact = canonical(value)
    assert json.loads(compact) == value
    assert json.loads(pretty(value)) == value
    assert canonical(json.loads(compact)) == compact
    layout = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2) + "\n"
    assert [line[: len(line) - len(line.lstrip(" "))] for line in pretty(value).split("\n")] == [
        line[: len(line) - len(line.lstrip(" "))] for line in layout.split("\n")
    ]


def test_keys_are_sorted_by_code_point() -> None:
    assert canonical({"\U0001f600": 1, "\uffff": 2, "b": 3, "B": 4, "a": 5}) == (
        '{"B":4,"a":5,"b":3,"\uffff":2,"\U0001f600":1}'
    )


def test_structs_give_every_field_and_modules_their_prefix() -> None:
    stage = StageDef(
        name="check", module="Acme.Check", options={"checker": Module("Acme.Checker"), "text": "Acme.Text"}
    )
    assert json.loads(canonical(stage)) == {
        "enabled": True,
        "module": "Elixir.Acme.Check",
        "name": "check",
        "options": {"checker": "Elixir.Acme.Checker", "text": "Acme.Text"},
    }
    assert canonical(StageDef(name="check")) == '{"enabled":true,"module":null,"name":"check","options":null}'
    assert json.loads(canonical(BackendRef(id="a", fallback=BackendRef(id="b"))))["fallback"]["profile"] == "default"


def test_pretty_is_what_a_reviewer_reads() -> None:
    assert pretty({"b": [], "a": {"c": [1, 2.5]}, "d": {}}) == (
        '{\n  "a": {\n    "c": [\n      1,\n      2.5\n    ]\n  },\n  "b": [],\n  "d": {}\n}\n'
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {"b": object()}]}, "a[1].b: object is a live value, and JSON cannot hold it"),
        ({"ports": Ports()}, "ports: Ports is a live value, and JSON cannot hold it"),
        ({"a": float("nan")}, "a: nan is no number in JSON"),
        (float("-inf"), "value: -inf is no number in JSON"),
        ({"a": {1: 2}}, "a.1: the key is of type int, and JSON has text keys only"),
        (["\ud800"], "[0]: '\\ud800' is no Unicode text"),
        ({"a": {1, 2}}, "a: set is a live value, and JSON cannot hold it"),
        (ModelRef, "value: type is a live value, and JSON cannot hold it"),
    ],
)
def test_what_is_no_json_is_named(value: Any, message: str) -> None:
    with pytest.raises(CanonicalError) as caught:
        canonical(value)
    assert str(caught.value) == message


def test_a_path_is_text() -> None:
    assert canonical({"log_path": PurePosixPath("runs/a")}) == '{"log_path":"runs/a"}'


def test_the_hash_is_that_of_the_compact_text() -> None:
    config = TrainingConfig(id="a", model_ref=ModelRef(id="m"), dataset_ref=DatasetRef(name="d"), options={"z": 1.0e-5})
    compact = canonical(config)
    assert " " not in compact
    assert '"options":{"z":1.0e-5}' in compact
    assert config_hash(config) == hashlib.sha256(compact.encode()).hexdigest()

"""Trained weights that are not finite are found in the files that hold them."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crucible_runtime.errors import PipelineError
from crucible_runtime.pipeline.weights import _CHUNK, not_finite

FORMS = {"F16": "<e", "F32": "<f", "F64": "<d"}
NOT_FINITE = (math.nan, -math.nan, math.inf, -math.inf)


def number(kind: str, value: float) -> bytes:
    if kind == "BF16":  # the upper half of a number of 32 bits
        return struct.pack("<f", value)[2:]
    return struct.pack(FORMS[kind], value)


def written(folder: Path, tensors: Mapping[str, tuple[str, bytes]]) -> Path:
    header, at = {}, 0
    for name, (kind, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": [len(data)], "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path = folder / "adapter_model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values()))
    return folder


@pytest.mark.parametrize("kind", ["BF16", *FORMS])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_one_weight_is_enough(kind: str, value: float, tmp_path: Path) -> None:
    good = number(kind, 1.5) * (_CHUNK // 2 + 3)
    assert not_finite(written(tmp_path, {"a": (kind, good)})) is None
    bad = good + number(kind, value) + number(kind, 0.0)
    assert not_finite(written(tmp_path, {"a": (kind, good), "b": (kind, bad)})) == "b of adapter_model.safetensors"


@pytest.mark.parametrize("kind", [*FORMS])
@given(data=st.data())
def test_finite_weights_are_finite(kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    width = {"F16": 16, "F32": 32, "F64": 64}[kind]
    values = data.draw(st.lists(st.floats(width=width), max_size=20))
    folder = written(tmp_path_factory.mktemp("model"), {"a": (kind, b"".join(number(kind, each) for each in values))})
    assert (not_finite(folder) is None) == all(map(math.isfinite, values))


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    assert not_finite(written(tmp_path, {"a": ("I32", b"\xff" * 8), "b": ("F8_E4M3", b"\x7f")})) is None
    assert not_finite(tmp_path / "nothing") is None


def test_a_torn_file_is_said_to_be_one(tmp_path: Path) -> None:
    path = written(tmp_path, {"a": ("F32", bytes(400))}) / "adapter_model.safetensors"
    whole = path.read_bytes()
    for size in (3, 20, len(whole) - 1, len(whole) - 400):
        path.write_bytes(whole[:size])
        with pytest.raises(PipelineError, match="is no whole file of safetensors"):
            not_finite(tmp_path)

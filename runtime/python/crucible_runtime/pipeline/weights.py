"""Whether trained weights on this machine are finite numbers, read from files of safetensors without loading a model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from crucible_runtime.errors import PipelineError

_CHUNK = 2**20
"""So many bytes are looked at at once; a multiple of the size of every number."""
_LONGEST = 100 * 2**20
"""The longest header that a file of safetensors may have, in bytes."""
_MASKS: Mapping[str, tuple[int, int, int]] = {
    "BF16": (2, 0x7F, 0x80),
    "F16": (2, 0x7C, 0),
    "F32": (4, 0x7F, 0x80),
    "F64": (8, 0x7F, 0xF0),
}
"""By type: bytes of a number, and the bits of its last byte and of the one before that are all set where it is not finite."""


def not_finite(model: Path) -> str | None:
    """The first weight below `model` that is not a finite number, as `NAME of FILE`; None where all are.

    Numbers of other types than those of IEEE 754 are not looked at. Raises PipelineError for a file that is torn.
    """
    for path in sorted(model.glob("*.safetensors")):
        for name, kind, begin, end in _tensors(path):
            if kind in _MASKS and _has_not_finite(path, kind, begin, end):
                return f"{name} of {path.name}"
    return None


def _tensors(path: Path) -> Iterator[tuple[str, str, int, int]]:
    """Name, type, and where the numbers begin and end in the file, of each tensor."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(min(size, _LONGEST)))
            found = [
                (name, each["dtype"], *each["data_offsets"]) for name, each in header.items() if name != "__metadata__"
            ]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PipelineError(f"{path} is no whole file of safetensors: {error}") from error
    for name, kind, begin, end in found:
        yield name, kind, 8 + size + begin, 8 + size + end


def _has_not_finite(path: Path, kind: str, begin: int, end: int) -> bool:
    size, last, before = _MASKS[kind]
    whole = bytes(each & last == last for each in range(256))
    part = bytes(each & before == before for each in range(256))
    with path.open("rb") as file:
        file.seek(begin)
        while begin < end:
            data = file.read(min(_CHUNK, end - begin))
            if not data:
                raise PipelineError(f"{path} is no whole file of safetensors: it ends within its weights")
            begin += len(data)
            high = int.from_bytes(data[size - 1 :: size].translate(whole), "little")
            if high and high & int.from_bytes(data[size - 2 :: size].translate(part), "little"):
                return True
    return False

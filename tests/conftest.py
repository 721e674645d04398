"""What all tests share: goldens, and the option that rewrites them."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # how long an example takes is the machine's matter
settings.load_profile("unhurried")

Tree: TypeAlias = Mapping[str, bytes]
"""Files by path, below the directory that is compared."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected files of tests/golden")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is for people who look at the result: not where CI is set")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, Tree], None]:
    """A function of a directory and the files that should be there, byte for byte and no others."""
    node = request.node.nodeid
    update = request.config.getoption("--update-golden")

    def compare(expected: Path, actual: Tree) -> None:
        if update:
            rewrite(expected, actual)
        if difference := compared(read_tree(expected), actual, expected.name):
            pytest.fail(f"{difference}\nto accept this: pytest '{node}' --update-golden", pytrace=False)

    return compare


def read_tree(root: Path) -> dict[str, bytes]:
    """Every file below `root`; of `root` itself, if it is a file, the only one."""
    if root.is_file():
        return {"": root.read_bytes()}
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def rewrite(root: Path, files: Tree) -> None:
    """Makes the directory, or with the only path "" the file, hold what `files` says and nothing else."""
    if root.is_dir():
        shutil.rmtree(root)
    for name, data in files.items():
        path = root / name if name else root
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def compared(expected: Tree, actual: Tree, name: str) -> str:
    """The unified diff of two trees, or the empty string where they are equal."""
    lines: list[str] = []
    for path in sorted({*expected, *actual}):
        old, new = expected.get(path), actual.get(path)
        if old == new:
            continue
        label = f"{name}/{path}" if path else name
        before = f"{label} ({'no such file' if old is None else 'expected'})"
        after = f"{label} ({'no such file' if new is None else 'found'})"
        found = list(difflib.unified_diff(_lines(old), _lines(new), before, after, lineterm=""))
        lines += found or [f"--- {before}", f"+++ {after}", "(an empty file)"]
    return "\n".join(lines)


def _lines(data: bytes | None) -> list[str]:
    """Lines that show every byte: line ends other than LF, and bytes that are no UTF-8, are written out."""
    text = (data or b"").decode("utf-8", "backslashreplace")
    ends = "" if text.endswith("\n") or not text else "\n\\ no newline at the end"
    return (text.removesuffix("\n") + ends).replace("\r", "\\r").split("\n") if text else []

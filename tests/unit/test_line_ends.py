"""What git and editors do to files without changing what they say: other line ends, and a byte order mark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import MINIMAL, gen, project
from crucible_gen.documents import content, digest
from crucible_gen.incremental import snapshot
from crucible_gen.schemas import shipped
from hypothesis import given
from hypothesis import strategies as st
from whole import tree

BOM = b"\xef\xbb\xbf"
BASE = 'training_config:\n  options:\n    renderer_name: "a\n      b"\n'
STAGE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Audit",
    "description": "Audits.",
    "x-stage": {"name": "audit", "module": "MyTeam.Audit", "package": "my_team ~> 1.2"},
    "type": "object",
    "additionalProperties": False,
    "properties": {},
}
FILES = {
    "gen.yaml": "recipes: [recipes]\nschemas: [stages]\ntemplates: own\n",
    "recipes/one.yaml": f"id: one\nextends: base.yaml\ndescription: |\n  Two\n  lines.\n{MINIMAL}",
    "recipes/base.yaml": BASE,
    "recipes/two.json": json.dumps(
        {"id": "two", "type": "supervised", "training_config": {"model_ref": "m", "dataset_ref": "d"}}, indent=2
    ),
    "stages/audit.schema.json": json.dumps(STAGE, indent=2),
    "own/python/__init__.py.j2": (shipped("templates") / "python/__init__.py.j2").read_text("utf-8"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = project(tmp_path, FILES)
    assert gen([], root).code == 0
    return root


def changed(root: Path, pattern: str, change: str) -> None:
    found = [path for path in root.glob(pattern) if path.is_file()]
    assert found, pattern
    for path in found:
        data = path.read_bytes()
        if "crlf" in change:
            data = data.replace(b"\n", b"\r\n")
        path.write_bytes(BOM + data if "bom" in change else data)


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize(
    ("pattern", "change"),
    [
        *(("recipes/*", change) for change in ("crlf", "bom", "crlf and bom")),
        *(("stages/*", "crlf"), ("own/*/*", "crlf"), ("own/*/*", "bom"), ("gen.yaml", "crlf and bom")),
        *(("generated/**/*", "crlf"), ("**/*", "crlf")),
    ],
)
def test_they_change_nothing(pattern: str, change: str, cached: bool, root: Path) -> None:
    changed(root, pattern, change)
    before = tree(root)
    flags = [] if cached else ["--no-cache"]
    for args in (["--check", *flags], ["--diff", *flags], flags):
        ran = gen(args, root)
        assert ran.code == 0, ran.both
    assert "created" not in ran.out and "updated" not in ran.out
    assert tree(root) == before


def test_what_a_file_with_other_line_ends_says_still_counts(root: Path) -> None:
    changed(root, "**/*", "crlf")
    path = root / "generated/python/crucible_recipes/one.py"
    path.write_bytes(path.read_bytes() + b"# mine\r\n")
    assert gen(["--check"], root).code == 1
    assert "E0604" in gen([], root).err


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", BOM, b""])).map(b"".join))
def test_a_record_has_the_digest_that_headers_have(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "file"
    path.write_bytes(data)
    assert snapshot.digest(str(path)) == digest(content(data))

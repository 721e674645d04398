"""Files of data: a row means the same in every format; what is no file of rows is named; where paths begin."""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import row_files
from crucible_runtime import data
from crucible_runtime.data import contents, teacher
from crucible_runtime.engines.trl.checks import missing_model
from crucible_runtime.errors import EngineMissingError, InputError
from crucible_runtime.installation import project
from crucible_runtime.ir import DatasetRef, ModelRef

CASES = json.loads((Path(__file__).parent / "cases" / "rows.json").read_text("utf-8"))["cases"]
CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(project.VARIABLE, raising=False)
    monkeypatch.setattr(project, "_module", [])  # and other tests are of no project


def read(name: str, kind: str = "supervised", **ref: Any) -> list[dict[str, Any]]:
    return data.rows(DatasetRef(name=name, provider="local", **ref), adapter=None, kind=kind)


def refusal(name: str, content: bytes, **ref: Any) -> str:
    Path(name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        read(name, **ref)
    return str(refused.value)


@pytest.mark.parametrize("name", row_files.FORMATS)
@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_row_means_the_same_in_every_format(case: Any, name: str) -> None:
    Path(name).write_bytes(row_files.FORMATS[name](case["row"]))
    if "refused" in case:
        with pytest.raises(InputError) as refused:
            read(name, case["kind"])
        assert case["refused"] in str(refused.value)
    else:
        assert read(name, case["kind"]) == [case["is"]]


@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_row_in_the_recipe_means_the_same(case: Any) -> None:
    ref = DatasetRef(name="x", provider="inline", options={"rows": [case["row"]]})
    if "refused" in case:
        with pytest.raises(InputError, match=r"dataset_ref\.options\.rows\[0\]"):
            data.rows(ref, adapter=None, kind=case["kind"])
    else:
        assert data.rows(ref, adapter=None, kind=case["kind"]) == [case["is"]]


@pytest.mark.parametrize(
    ("text", "column", "half"),
    [
        (r'{"text": "nice \ud83d"}', 16, r"\ud83d"),
        (r'{"text": "\uDE00 x"}', 11, r"\uDE00"),
        (r'{"text": "\ud83d\ude00 \ud83d\n"}', 24, r"\ud83d"),
        (r'{"\ud83d": "x", "text": "y"}', 3, r"\ud83d"),
    ],
)
def test_half_a_character_is_a_bad_row(text: str, column: int, half: str) -> None:
    found = refusal("x.jsonl", f'{{"text": "a"}}\n{text}\n'.encode())
    assert found.splitlines()[1] == f"  x.jsonl:2:{column}: {half} is half of a character: write both halves"
    assert refusal("x.json", f"[\n {text}]".encode()).startswith(f"x.json:2:{column + 1}: {half}")


def test_whole_pairs_and_escaped_backslashes_are_text() -> None:
    Path("x.jsonl").write_text(r'{"text": "\ud83d\ude00 \\ud83d"}')
    assert read("x.jsonl")[0]["messages"][0]["content"] == "\U0001f600 \\ud83d"


def test_half_a_character_in_a_row_of_python_is_a_bad_row() -> None:
    row = {"messages": [{"role": "user", "content": "a\ud83d"}]}
    with pytest.raises(InputError, match=r"rows\[0\]: column messages\[0\]\.content: half"):
        data.rows(
            DatasetRef(name="x", provider="inline", options={"rows": [row]}), adapter="messages", kind="supervised"
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04xx", "the file is a ZIP archive: unpack it"),
        (b"PAR1xx", "the file is a Parquet file: set dataset_ref.format to parquet"),
        (b"BZh91AY", "the file is packed with bzip2"),
        (b"\xfd7zXZ\x00", "the file is packed with xz"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "run: git lfs pull"),
        (b"<!DOCTYPE html>\n<html>\n", "a web page"),
        (b"\x1f\x8b\x08\x00", "packed with gzip, and cannot be unpacked"),
        (gzip.compress(b'{"text": "a"}\n' * 99, mtime=0)[:-9], "packed with gzip, and cannot be unpacked"),
        (json.dumps(CHAT, indent=2).encode(), "one JSON object over several lines"),
        (b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> b\n", "x.jsonl:1: the merge-conflict marker <<<<<<< HEAD"),
        (b'{"text": 1e999}', "the number 1e999 is too large"),
    ],
)
def test_what_is_no_file_of_rows_is_named_in_one_message(content: bytes, words: str) -> None:
    found = refusal("x.jsonl", content)
    assert words in found
    assert len(found.splitlines()) <= 2


def test_a_name_that_says_packed_is_held_to_it() -> None:
    assert "and it is not: rename it" in refusal("x.jsonl.gz", b'{"text": "a"}\n')


def test_zstd_without_its_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    Path("x.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfdxx")
    with pytest.raises(EngineMissingError, match="packed with zstd, which pyarrow unpacks"):
        read("x.jsonl.zst")


# The source of a teacher


def test_the_source_of_a_teacher_is_read_as_data_is() -> None:
    Path("lines.txt").write_bytes("\ufeffone\u2028two\r\n \nthree\x0cfour\r\u00e9\n".encode())
    assert teacher.texts("lines.txt") == ["one\u2028two", "three\x0cfour", "\u00e9"]
    Path("lines.txt").write_bytes(gzip.compress(b"one\n"))
    assert teacher.texts("lines.txt") == ["one"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a\ncaf\u00e9\n".encode("latin-1"), "lines.txt:2:4: the byte 0xe9 (\u00e9 in Latin-1) is not UTF-8"),
        ("a\n".encode("utf-16"), "the file is in UTF-16"),
        (b" \n", "has no line with a text"),
        (b"a\n<<<<<<< HEAD\n", "lines.txt:2: the merge-conflict marker"),
    ],
)
def test_a_source_that_is_no_text_is_named(content: bytes, words: str) -> None:
    Path("lines.txt").write_bytes(content)
    with pytest.raises(InputError) as refused:
        teacher.texts("lines.txt")
    assert words in str(refused.value)


# Where relative paths begin


@pytest.fixture
def module(tmp_path: Path) -> dict[str, str]:
    """The globals of a generated module of a project."""
    package = tmp_path / "project/generated/python/recipes"
    package.mkdir(parents=True)
    (package.parent / "pyproject.toml").write_text('[tool.crucible-runtime]\nproject = "../.."\n')
    (tmp_path / "project/train.jsonl").write_bytes(row_files.jsonl(CHAT))
    return {"__file__": str(package / "one.py")}


@pytest.mark.parametrize("at", ["project", "project/generated/python", "."])
def test_a_relative_path_begins_at_the_project(
    module: dict[str, str], at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / at)
    project.enter(module)
    assert read("train.jsonl") == [CHAT]
    with pytest.raises(InputError, match=rf"there is no such file in {tmp_path / 'project'}; did you mean train.jsonl"):
        read("trian.jsonl")


def test_the_working_directory_comes_second(module: dict[str, str]) -> None:
    project.enter(module)
    Path("mine.jsonl").write_bytes(row_files.jsonl(CHAT))
    assert read("mine.jsonl") == [CHAT]
    Path("train.jsonl").write_text("broken")
    assert read("train.jsonl") == [CHAT]


def test_a_stated_project_takes_precedence(module: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    project.enter(module)
    Path("other").mkdir()
    Path("other/train.jsonl").write_bytes(row_files.jsonl({"text": "other"}))
    monkeypatch.setenv(project.VARIABLE, "other")
    assert read("train.jsonl")[0]["messages"][0]["content"] == "other"


@pytest.mark.parametrize("text", ["", "[tool]\n", "broken", "tool = 1\n", '[tool.crucible-runtime]\nproject = "no"\n'])
def test_without_a_project_the_working_directory_stands_for_it(
    module: dict[str, str], text: str, tmp_path: Path
) -> None:
    (tmp_path / "project/generated/python/pyproject.toml").write_text(text)
    project.enter(module)
    assert project.root() is None
    assert project.located("x") == Path("x")


def test_a_directory_of_a_model_begins_at_the_project_too(module: dict[str, str], tmp_path: Path) -> None:
    ref = ModelRef(id="models/mine", provider="local")
    project.enter(module)
    assert "the directory is not there" in missing_model(ref)
    (tmp_path / "project/models/mine").mkdir(parents=True)
    (tmp_path / "project/models/mine/config.json").write_text("{}")
    assert missing_model(ref) == ""


def test_only_registered_modules_read_a_home_in_a_path() -> None:
    """What a recipe names begins at its project; the others are files of the user's, or what is written."""
    package = Path(data.__file__).parents[1]
    found = {
        str(path.relative_to(package)) for path in package.rglob("*.py") if "expanduser" in path.read_text("utf-8")
    }
    assert found == {
        "interface/hub.py",
        "engines/tinker/service.py",
        "mlops/feedback.py",
        "installation/project.py",
    }, "use crucible_runtime.installation.project.located"


def test_no_other_module_makes_a_path_of_the_name_of_a_data_set() -> None:
    wrong = re.compile(r"\bPath\((?:\w+\.)*(?:\w*ref\.name|source_path)\)(?!\.suffix)|open\((?:\w+\.)*ref\.name")
    package = Path(data.__file__).parents[1]
    found = [path.name for path in sorted(package.rglob("*.py")) if wrong.search(path.read_text("utf-8"))]
    assert not found, "use crucible_runtime.installation.project.located"


def test_the_ending_of_a_packed_file_is_that_below() -> None:
    assert [contents.bare_suffix(Path(name)) for name in ("a.jsonl", "a.CSV.GZ", "a.parquet", "a.gz")] == [
        "jsonl",
        "csv",
        "parquet",
        "",
    ]

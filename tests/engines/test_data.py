"""Data sets through the real libraries: those of the hub from a directory in its form, Parquet and Arrow files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc
import pytest
from crucible_runtime import data
from crucible_runtime.errors import InputError
from crucible_runtime.ir import DatasetRef
from pyarrow import parquet

pytestmark = pytest.mark.engines

CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
PADDED = {"messages": [{**message, "name": None} for message in CHAT["messages"]]}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def hub(tmp_path: Path) -> str:
    """A data set as it lies on the hub: two configurations, two splits."""
    root = tmp_path / "owner_name"
    for config in ("easy", "hard"):
        for split, count in (("train", 3), ("test", 1)):
            path = root / config / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [{"question": f"{config} {number}", "answer": f"So\n#### {number}"} for number in range(count)]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    configs = [
        {
            "config_name": config,
            "data_files": [{"split": split, "path": f"{config}/{split}.jsonl"} for split in ("train", "test")],
        }
        for config in ("easy", "hard")
    ]
    (root / "README.md").write_text("---\nconfigs: " + json.dumps(configs) + "\n---\n")
    return str(root)


def asked(hub: str, **given: Any) -> list[str]:
    ref = {name: given.pop(name) for name in ("options", "split") if name in given}
    dataset = DatasetRef(name=hub, provider="huggingface", **ref)
    return [row["problem"] for row in data.rows(dataset, adapter="gsm8k", kind="rl", **given)]


@pytest.mark.parametrize("streaming", [True, False])
def test_configurations_and_splits(hub: str, streaming: bool) -> None:
    easy = {"config": "easy", "streaming": streaming}
    assert asked(hub, options=easy) == ["easy 0", "easy 1", "easy 2"]
    assert asked(hub, options=easy, split="test") == ["easy 0"]
    assert data.rows(
        DatasetRef(name=hub, provider="huggingface", options=easy), adapter="gsm8k", kind="rl", split="test"
    ) == [{"problem": "easy 0", "answer": "0", "solution": "So\n#### 0"}]
    both = {"configs": ["hard", "easy"], "streaming": streaming}
    assert asked(hub, options=both, limit=4) == ["hard 0", "hard 1", "hard 2", "easy 0"]


def test_a_limit_streams(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    seen = []
    load = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda *a, **k: (seen.append(k["streaming"]), load(*a, **k))[1])
    for limit in (2, None):
        asked(hub, options={"config": "easy"}, limit=limit)
    assert seen == [True, False]


@pytest.mark.parametrize("limit", [1, None])
def test_what_the_hub_does_not_have(hub: str, limit: int | None) -> None:
    def refused(**given: Any) -> str:
        with pytest.raises(InputError) as error:
            asked(hub, limit=limit, **given)
        return str(error.value)

    assert "Set dataset_ref.options.config, or configs for several" in refused()
    assert "Set dataset_ref.options.config" in refused(options={"config": "esy"})
    assert "Set dataset_ref.split" in refused(options={"config": "easy"}, split="validation")


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError) as error:
        asked("openai/gsm8k", options={"config": "main"})
    told = str(error.value)
    assert told.startswith("data set openai/gsm8k [main, train] cannot be loaded: ")
    assert told.endswith("A file of your own is dataset_ref {name: train.jsonl, provider: local}")


def test_bad_rows_of_the_hub_have_places(hub: str) -> None:
    (Path(hub) / "easy" / "train.jsonl").write_text(
        '{"question": "Q", "answer": "#### 1"}\n{"question": "Q", "answer": "1"}\n'
    )
    with pytest.raises(InputError) as error:
        asked(hub, options={"config": "easy"})
    assert f"{hub} [easy, train] row 2: column answer: expected a solution that ends with ####" in str(error.value)


def test_parquet_and_arrow_files(tmp_path: Path) -> None:
    import datasets
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist([PADDED] * 3)
    parquet.write_table(table, tmp_path / "data.parquet")
    with pyarrow.OSFile(str(tmp_path / "data.arrow"), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    datasets.Dataset.from_list([PADDED] * 3).save_to_disk(tmp_path / "saved")
    (saved,) = (tmp_path / "saved").glob("*.arrow")
    for path in (tmp_path / "data.parquet", tmp_path / "data.arrow", saved):
        ref = DatasetRef(name=str(path), provider="local")
        assert data.rows(ref, adapter=None, kind="supervised", limit=2) == [CHAT, CHAT]
    parquet.write_table(
        pyarrow.table({"question": ["Q", None], "answer": [1.0, float("nan")]}), tmp_path / "bad.parquet"
    )
    with pytest.raises(InputError) as error:
        data.rows(DatasetRef(name=str(tmp_path / "bad.parquet"), provider="local"), adapter=None, kind="rl")
    assert "bad.parquet row 2: column question: expected text, found null" in str(error.value)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_files_that_are_none(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=f"data.{suffix}: not an? {suffix.capitalize()} file"):
        data.rows(DatasetRef(name=str(path), provider="local"), adapter=None, kind="rl")


CASES = json.loads((Path(__file__).parents[2] / "runtime/python/tests/cases/rows.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_row_of_a_table_means_what_it_means_in_json(case: Any, ending: str, packed: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    table = pyarrow.Table.from_pylist([case["row"]])
    if ending == "parquet":
        parquet.write_table(table, path)
    else:
        with pyarrow.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    if packed:
        (tmp_path / f"x.{ending}.gz").write_bytes(gzip.compress(path.read_bytes()))
    dataset = DatasetRef(name=str(path) + packed, provider="local")
    if "refused" in case:
        with pytest.raises(InputError) as refused:
            data.rows(dataset, adapter=None, kind=case["kind"])
        assert case["refused"] in str(refused.value)
    else:
        assert data.rows(dataset, adapter=None, kind=case["kind"]) == [case["is"]]


@pytest.mark.parametrize("name", ["x.jsonl.zst", "x.jsonl.zstd", "packed.jsonl"])
def test_zstd_is_unpacked_whatever_its_frames(name: str, tmp_path: Path) -> None:
    rows = [(json.dumps(CHAT) + "\n").encode()] * 2
    (tmp_path / name).write_bytes(b"".join(pyarrow.compress(row, "zstd", asbytes=True) for row in rows))
    assert data.rows(DatasetRef(name=str(tmp_path / name), provider="local"), adapter=None, kind="supervised") == [
        CHAT,
        CHAT,
    ]
    (tmp_path / name).write_bytes(pyarrow.compress(rows[0], "zstd", asbytes=True)[:-4])
    with pytest.raises(InputError, match="packed with zstd, and cannot be unpacked: Truncated"):
        data.rows(DatasetRef(name=str(tmp_path / name), provider="local"), adapter=None, kind="supervised")


def test_text_of_a_table_that_is_not_utf_8_is_a_bad_row(tmp_path: Path) -> None:
    texts = pyarrow.array([b"good", b"caf\xe9"]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet row 2: a text that is not UTF-8, from the byte 0xe9 on"):
        data.rows(DatasetRef(name=str(tmp_path / "x.parquet"), provider="local"), adapter=None, kind="supervised")


def test_a_map_of_a_table_is_a_mapping(tmp_path: Path) -> None:
    message = pyarrow.map_(pyarrow.string(), pyarrow.string())
    maps = pyarrow.array([[list(message.items()) for message in CHAT["messages"]]], pyarrow.list_(message))
    parquet.write_table(pyarrow.table({"messages": maps}), tmp_path / "x.parquet")
    assert data.rows(
        DatasetRef(name=str(tmp_path / "x.parquet"), provider="local"), adapter=None, kind="supervised"
    ) == [CHAT]

"""Data sets through the real libraries: those of the hub from a directory in its form, Parquet and Arrow files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from crucible_runtime import data
from crucible_runtime.errors import InputError
from crucible_runtime.ir import DatasetRef

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

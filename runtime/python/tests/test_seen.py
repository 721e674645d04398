"""What a run has seen of its data: a resumed run sees the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crucible_runtime import Context, StageError, data, start
from crucible_runtime.errors import PreflightError
from crucible_runtime.experiment.digests import rows_digest
from crucible_runtime.interface.preflight import checked_by
from crucible_runtime.interface.stages import Result, RunConfig
from crucible_runtime.ir import DatasetRef
from crucible_runtime.stages import supervised_train
from runtime_samples import sl_basic


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def conversation(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": f"a{number}"}]}


def write(rows: Sequence[Mapping[str, Any]], name: str = "rows.jsonl") -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


class Engine:
    """Reads the recipe's rows, and ends early where it is told to."""

    def __init__(self, *, killed: bool = False) -> None:
        self.killed = killed

    def train(self, context: Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
        training = context.experiment.training_config
        assert training is not None
        ref = training.dataset_ref
        data.rows(ref, adapter=None, kind="supervised")
        if self.killed:
            raise KeyboardInterrupt
        return {"model": "model"}


def ran(engine: Any, *, resume: bool = False, options: Mapping[str, Any] | None = None) -> Result:
    ref = DatasetRef(name="rows.jsonl", provider="local", options=dict(options) if options else None)
    config = RunConfig(engine=engine, log_path="run", resume=resume)
    experiment = sl_basic.build_experiment()
    assert experiment.training_config is not None
    training = replace(experiment.training_config, dataset_ref=ref)
    stage = replace(experiment.pipeline[0], options=None)
    experiment = replace(experiment, pipeline=[stage], training_config=training)
    with start(experiment, config) as pipeline:
        pipeline.stage(stage.name, supervised_train)
        return pipeline.finish()


def seen() -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(Path("run/data.json").read_text("utf-8"))
    return found["supervised_train"]


def test_a_run_records_the_rows_that_it_saw() -> None:
    rows = [conversation(number) for number in range(4)]
    write(rows)
    ran(Engine())
    (only,) = seen()
    assert only == {
        "name": "rows.jsonl",
        "split": "train",
        "limit": None,
        "rows": 4,
        "digest": rows_digest(rows),
    }


# Going on


def killed(rows: Sequence[Mapping[str, Any]]) -> None:
    write(rows)
    with pytest.raises(KeyboardInterrupt):
        ran(Engine(killed=True))


def test_a_run_goes_on_with_the_rows_that_it_saw() -> None:
    killed([conversation(number) for number in range(40)])
    Path("rows.jsonl").write_text(
        Path("rows.jsonl").read_text("utf-8").replace(": ", ":").replace("\n", "\r\n"), "utf-8"
    )
    ran(Engine(), resume=True)


@pytest.mark.parametrize(
    "now",
    [
        [conversation(number) for number in range(100, 120)],
        [conversation(number) for number in reversed(range(40))],
        [conversation(number) for number in range(39)],
        [*(conversation(number) for number in range(39)), conversation(99)],
    ],
)
def test_a_run_does_not_go_on_with_other_rows(now: Sequence[Mapping[str, Any]]) -> None:
    before = [conversation(number) for number in range(40)]
    killed(before)
    write(now)
    with pytest.raises(StageError) as caught:
        ran(Engine(), resume=True)
    assert str(caught.value) == (
        f"stage supervised_train: the data has changed since the run began: rows.jsonl had 40 rows (digest "
        f"{rows_digest(before)[:12]}), and has {len(now)} now (digest {rows_digest(now)[:12]}); put the rows back to "
        "resume, or start a new run"
    )
    write(before)
    ran(Engine(), resume=True)


def test_an_engine_that_looks_at_its_data_says_so_before_it_begins() -> None:
    from crucible_runtime.data.checks import trained_on

    @checked_by(trained_on)
    class Careful(Engine):
        pass

    killed([conversation(number) for number in range(40)])
    write([conversation(number) for number in range(20)])
    with pytest.raises(PreflightError, match=r"the data has changed since the run began: rows\.jsonl had 40 rows"):
        ran(Careful(), resume=True)


def test_data_may_change_when_the_training_is_over() -> None:
    write([conversation(number) for number in range(4)])
    ran(Engine())
    Path("run/result.json").unlink()
    write([conversation(9)])
    ran(Engine(), resume=True)
    assert seen()[0]["rows"] == 4


# The digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=4)


@given(ROWS, ROWS)
def test_rows_have_one_digest_and_others_another(rows: list[Any], others: list[Any]) -> None:
    again = [dict(reversed(row.items())) for row in rows]
    assert rows_digest(again) == rows_digest(rows)
    same = json.dumps(rows, sort_keys=True) == json.dumps(others, sort_keys=True)
    assert (rows_digest(rows) == rows_digest(others)) == same


def test_rows_of_an_environment_have_a_digest_too() -> None:
    assert rows_digest([{1: "a", "b": {2}}]) == rows_digest([{1: "a", "b": {2}}])
    assert rows_digest(["\ud800"]) != rows_digest(["?"])


def test_what_reads_rows_in_the_runtime_is_observed() -> None:
    """A place that reads rows by itself would be a new one here."""
    package = Path(data.__file__).parents[1]
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(word in path.read_text("utf-8") for word in ("data.see(", "data.rows(", "family.rows("))
    }
    assert found == {
        "engines/checks.py",
        "engines/tinker/builders.py",
        "engines/tinker/loaded.py",
        "engines/tinker/strategies/preference.py",
        "engines/tinker/strategies/supervised.py",
        "engines/trl/distillation.py",
        "engines/trl/grpo.py",
        "engines/trl/rows.py",
    }

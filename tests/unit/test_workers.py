"""However many processes work, the results are those of one, in order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from crucible_gen import build, workers
from whole import small, tree, whole


@pytest.fixture(params=[1, 2, 5])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(os, "cpu_count", lambda: request.param)
    return int(request.param)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 10, 11])
def test_results_come_in_order(cores: int, number: int) -> None:
    pieces = workers.chunks(list(range(number)), 2)
    assert [item for piece in pieces for item in piece] == list(range(number))
    assert list(workers.spread(lambda piece: [each * each for each in piece], pieces)) == [
        [each * each for each in piece] for piece in pieces
    ]


def test_several_processes_work(cores: int) -> None:
    ran = set(workers.spread(lambda piece: os.getpid(), workers.chunks(range(20), 1)))
    assert len(ran) == cores


def test_what_a_worker_could_not_do_is_done_here(cores: int) -> None:
    here = os.getpid()

    def fragile(piece: Sequence[int]) -> int:
        if os.getpid() != here and 3 in piece:
            os._exit(9)
        return sum(piece)

    assert list(workers.spread(fragile, workers.chunks(range(10), 1))) == list(range(10))


def test_an_error_is_raised_here_and_leaves_no_process(cores: int) -> None:
    def wrong(piece: Sequence[int]) -> int:
        if 3 in piece:
            raise ValueError("three")
        return 0

    with pytest.raises(ValueError, match="three"):
        list(workers.spread(wrong, workers.chunks(range(10), 1)))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("broken", [False, True])
def test_recipes_that_workers_make_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    said, trees = [], []
    for cores in (1, 3):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr(build, "_CHUNK", 2)
        root = small(tmp_path / str(cores), [f"r{number}" for number in range(9)])
        if broken:
            (root / "recipes/r3.yaml").write_text("id: r3\nextends: nowhere.yaml\n")
            (root / "recipes/r5.yaml").write_text("id: r7\n")
            (root / "recipes/base.yaml").write_text("type: rl\n")
            (root / "recipes/r8.yaml").write_text("id: r8\nextends: [base.yaml, nowhere.yaml]\n")
        ran = whole(["--no-cache", "recipes"], root).ran
        said.append((ran.code, ran.both))
        trees.append(tree(root / "generated") if not broken else {})
    assert said[0] == said[1]
    assert trees[0] == trees[1]
    assert said[0][0] == int(broken)

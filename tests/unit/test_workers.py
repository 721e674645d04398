"""However many processes work, the results are those of one, in order."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from crucible_gen import build
from crucible_gen.incremental import workers
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


@pytest.mark.parametrize("number", [0, 1, 2, 256])
def test_checks_that_hold(cores: int, number: int) -> None:
    assert workers.all_hold([lambda: True] * number, 9)


@pytest.mark.parametrize("wrong", [0, 1, 9])
def test_one_check_that_does_not_hold_is_enough(cores: int, wrong: int) -> None:
    assert not workers.all_hold([lambda number=number: number != wrong for number in range(10)], 9)


@pytest.mark.parametrize("most", [1, 3])
def test_every_check_is_done_once_by_whoever_is_free(cores: int, most: int, tmp_path: Path) -> None:
    def check(number: int) -> bool:
        time.sleep(0.02)
        with open(tmp_path / "done", "a") as file:
            file.write(f"{number} {os.getpid()}\n")
        return True

    assert workers.all_hold([partial(check, number) for number in range(20)], most)
    done = [line.split() for line in (tmp_path / "done").read_text().splitlines()]
    assert sorted(int(number) for number, _ in done) == list(range(20))
    assert len({process for _, process in done}) == min(cores, most)


def test_nobody_goes_on_after_a_check_that_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    done: list[int] = []
    assert not workers.all_hold([lambda: False, lambda: not done.append(1)], 9)
    assert done == []


def test_a_check_whose_worker_dies_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    here = os.getpid()

    def fragile() -> bool:
        time.sleep(0.02)
        if os.getpid() != here:
            os._exit(9)
        return True

    assert not workers.all_hold([fragile] * 10, 9)


def test_a_check_that_raises_does_not_hold_and_leaves_no_process(cores: int) -> None:
    def wrong() -> bool:
        time.sleep(0.02)
        raise OSError("gone")

    try:
        held = workers.all_hold([wrong] * 10, 9)  # no error here where a worker took the first check, and all others
    except OSError:
        held = False
    assert not held
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

"""The short ways and the long way always say the same: of thousands of random changes, one after the other.

GEN_CHANGES says how many changes there are in each run (default: a few, so that the suite stays quick).
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from command import gen
from crucible_gen import fast, made, proof
from whole import CHANGES, small, tree, whole

STEPS = int(os.environ.get("GEN_CHANGES", "40"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("margin", [fast.MARGIN, 0], ids=["stamps are young", "stamps are believed"])
def test_the_short_way_says_what_the_long_way_says(
    seed: int, margin: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a cache: `--check`, then `gen`; and then the tree is the one that a first run on an empty disk writes."""
    monkeypatch.setattr(fast, "MARGIN", margin)
    chance = random.Random(seed)
    root = small(tmp_path / "p")
    branches = [root / "recipes", *[tmp_path / f"branch{number}" for number in range(2)]]
    for branch in branches[1:]:
        shutil.copytree(root / "recipes", branch)
    good = bad = short_ways = 0
    for step in range(STEPS):
        if bad == 3:  # what cannot be generated tells little
            bad = 0
            shutil.rmtree(root)
            small(root)
        name = _change(root, branches, chance)
        where = f"step {step}: {name}"
        long = gen(["--check", "--regenerate", "recipes"], root)
        ran = whole(["--check", "recipes"], root)
        short, short_ways = ran.ran, short_ways + ran.short
        assert (short.code, short.out, short.err) == (long.code, long.out, long.err), where
        if chance.random() < 0.7:
            ran = whole(["--force", "-q", "recipes"], root).ran
            good, bad = (good + 1, 0) if ran.code == 0 else (good, bad + 1)
            if ran.code == 0:
                assert gen(["--check", "--regenerate", "recipes"], root).code == 0, where
                _same_as_afresh(root, tmp_path, where)
                again = whole(["--force", "-q", "recipes"], root)
                assert again.ran.code == 0, where
                short_ways += again.short
    assert good >= STEPS // 10
    if margin == 0:  # young stamps may send every run the long way, which is right and not short
        assert short_ways >= STEPS // 20


def _change(root: Path, branches: list[Path], chance: random.Random) -> str:
    """One random change; now and then a branch switch, which changes many files at once."""
    if chance.random() < 0.1:
        other = chance.choice(branches[1:])
        spare = other.with_name("spare")
        (root / "recipes").rename(spare)
        other.rename(root / "recipes")
        spare.rename(other)
        return "switch"
    change = chance.choice(CHANGES)
    change(root, chance)
    return change.__name__


def _same_as_afresh(root: Path, tmp_path: Path, where: str) -> None:
    fresh = tmp_path / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(root, fresh, ignore=lambda folder, names: ["generated"] if folder == str(root) else [])
    ran = gen(["-q", "recipes"], fresh)
    assert ran.code == 0, (where, ran.both)
    wanted, found = tree(fresh / "generated"), tree(root / "generated")
    assert {path: found.get(path) for path in wanted} == wanted, where


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("own", [True, False], ids=["own schemas and templates", "shipped ones"])
def test_proof_is_given_only_where_the_long_way_agrees(
    seed: int, own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    root = small(tmp_path / "p")
    good = tmp_path / "good"
    proved = 0
    answers: list[tuple[int, int] | None] = []
    prove = proof.prove
    monkeypatch.setattr(proof, "prove", lambda request: answers.append(prove(request)) or answers[-1])
    _settle(root, own)
    for step in range(3 * STEPS):
        if step % 3 == 0:
            if gen(["--force", "-q", "recipes"], root).code == 0:
                shutil.rmtree(good, ignore_errors=True)
                shutil.copytree(root, good, symlinks=True)
            else:
                shutil.rmtree(root)
                shutil.copytree(good, root, symlinks=True)
        change = chance.choice(CHANGES)
        change(root, chance)
        _settle(root, own)
        short = gen(["--check", "recipes"], root)
        if answers and answers.pop():
            proved += 1
            long = gen(["--check", "--regenerate", "recipes"], root)
            assert (short.code, short.out, short.err) == (long.code, long.out, long.err), (step, change.__name__)
        answers.clear()
    assert proved > STEPS // 8


def _settle(root: Path, own: bool) -> None:
    """Takes settings away that change everything, and those that name schemas and templates if there are to be none."""
    (root / "recipes/gen.yaml").unlink(missing_ok=True)
    if not own:
        lines = (root / "gen.yaml").read_text().splitlines(keepends=True)
        (root / "gen.yaml").write_text(
            "".join(line for line in lines if ": templates" not in line and "[stages]" not in line)
        )


def test_the_shipped_recipes_are_proved() -> None:
    root = Path(__file__).parents[2]
    request = made.Request([root / "recipes"], root, root / "generated", whole=True)
    if gen(["--check", "--regenerate", "recipes"], root).code == 0:
        assert proof.prove(request) is not None
    else:
        pytest.fail("generated/ is not what the generator writes; run: gen recipes/")

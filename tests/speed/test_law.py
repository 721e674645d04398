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
from crucible_gen.documents import content
from crucible_gen.incremental import session, snapshot
from whole import CHANGES, small, tree, whole

STEPS = int(os.environ.get("GEN_CHANGES", "40"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(session.OFF, raising=False)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("margin", [snapshot.MARGIN, 0], ids=["stamps are young", "stamps are believed"])
def test_the_short_way_says_what_the_long_way_says(
    seed: int, margin: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a cache: `--check`, then `gen`; and then the tree is the one that a first run on an empty disk writes."""
    monkeypatch.setattr(snapshot, "MARGIN", margin)
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
        paths = _named(root, chance)
        long = gen(["--check", *paths], root)
        ran = whole(["--check", *paths], root)
        short, short_ways = ran.ran, short_ways + ran.short
        assert (short.code, short.out, short.err) == (long.code, long.out, long.err), (where, paths)
        if chance.random() < 0.7:
            expected = _after_the_long_way(root, tmp_path, paths)
            ran = whole(["--force", "-q", *paths], root).ran
            good, bad = (good + 1, 0) if ran.code == 0 else (good, bad + 1)
            if ran.code == 0:
                assert gen(["--check", *paths], root).code == 0, (where, paths)
                assert tree(root / "generated") == expected, (where, paths)
                if paths == ["recipes"]:
                    _same_as_afresh(root, tmp_path, where)
                again = whole(["--force", "-q", *paths], root)
                assert again.ran.code == 0, (where, paths)
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


def _named(root: Path, chance: random.Random) -> list[str]:
    """The paths of a run: mostly all recipes, now and then one or two of them."""
    names = sorted(path.name for path in (root / "recipes").glob("*.yaml") if path.name != "gen.yaml")
    if not names or chance.random() < 0.7:
        return ["recipes"]
    return [f"recipes/{name}" for name in chance.sample(names, min(len(names), chance.randint(1, 2)))]


def _after_the_long_way(root: Path, tmp_path: Path, paths: list[str]) -> dict[str, bytes]:
    """The outputs after the same run without a cache, in a copy of the project."""
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, symlinks=True)
    gen(["--force", "-q", *paths], copy)
    return tree(copy / "generated")


def _same_as_afresh(root: Path, tmp_path: Path, where: str) -> None:
    fresh = tmp_path / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(root, fresh, ignore=lambda folder, names: ["generated"] if folder == str(root) else [])
    ran = gen(["-q", "recipes"], fresh)
    assert ran.code == 0, (where, ran.both)
    wanted, found = tree(fresh / "generated"), tree(root / "generated")
    assert {path: content(found.get(path, b"")) for path in wanted} == wanted, where


def test_the_shipped_outputs_are_what_the_recipes_say() -> None:
    ran = gen(["--check", "recipes"], Path(__file__).parents[2])
    assert ran.code == 0, f"generated/ is not what the generator writes; run: gen recipes/\n{ran.both}"

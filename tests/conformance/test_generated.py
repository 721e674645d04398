"""generated/ is what the generator writes, byte for byte, and nothing else."""

from __future__ import annotations

from pathlib import Path

from command import gen
from generated_code import GENERATED, ROOT, STEMS


def test_every_file_is_what_the_generator_writes(tmp_path: Path) -> None:
    out = tmp_path / "generated"
    ran = gen(["recipes/", "--out", str(out)], ROOT)
    assert ran.code == 0, ran.both
    written = [path.relative_to(out) for path in sorted(out.rglob("*")) if path.is_file()]
    assert len(written) > 4 * len(STEMS)
    differ = [str(path) for path in written if not _same(out / path, GENERATED / path)]
    assert not differ, f"{differ} differ; run: gen recipes/"


def test_check_finds_nothing_that_differs_or_is_left_over() -> None:
    ran = gen(["--check", "recipes/"], ROOT)
    assert ran.code == 0, ran.both


def test_every_recipe_is_there_in_every_language() -> None:
    recipes = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
    assert recipes == STEMS
    for stem in STEMS:
        assert (GENERATED / f"elixir/lib/crucible_recipes/{stem}.ex").is_file()
        assert (GENERATED / f"python/crucible_recipes/{stem}.py").is_file()


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()

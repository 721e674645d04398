"""generated/ is what the generator writes, byte for byte, and nothing else."""

from __future__ import annotations

from command import gen
from crucible_gen.build import Request, build
from crucible_gen.languages import registry
from generated_code import GENERATED, ROOT, STEMS


def test_every_file_is_what_the_generator_writes() -> None:
    result = build(Request([ROOT / "recipes"], ROOT, GENERATED, registry.BUILT_IN))
    assert not result.problems
    assert len(result.files) > 4 * len(STEMS)
    on_disk = {path: path.read_bytes() for path in GENERATED.rglob("*") if path.is_file()}
    differ = [file.path for file in result.files if on_disk.get(GENERATED / file.path) != file.data]
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

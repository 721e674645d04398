"""docs/verify.md shows what the command prints, and says what each proof says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command import gen
from crucible_gen.conformance.verify.proofs import PROOFS
from crucible_gen.ir import defects

PAGE = Path(__file__).parents[2] / "docs" / "verify.md"
BLOCK = re.compile(r"```console\n\$ gen (verify[^\n]*)\n(recipe .*?)```\n", re.DOTALL)


@pytest.mark.elixir
def test_the_page_shows_what_is_printed(recipes: Callable[..., Path], packages: Path) -> None:
    root = recipes()
    gen(["recipes"], root)
    build = root / "my_app" / "_build" / "dev"
    build.mkdir(parents=True)
    (build / "lib").symlink_to(packages, target_is_directory=True)
    (root / "my_app" / "mix.exs").touch()
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    assert len(found) == 1
    for command, printed in found:
        ran = gen(command.split(), root)
        assert ran.err == ""
        assert printed.rstrip("\n").endswith("...") or ran.out == printed
        assert ran.out.startswith(printed.rstrip("\n").removesuffix("..."))


def test_the_page_names_every_proof_and_every_defect() -> None:
    text = PAGE.read_text("utf-8")
    for name, proof in PROOFS.items():
        assert f"| `{name}` | {proof.meaning}" in text
    for defect in defects.defects().values():
        assert f"| {defect.id} | {defect.package} {defect.versions} | {defect.title} |" in text

"""Bounds on what a project may ask for: links out of it, long chains, many problems, places that cannot be read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command import MINIMAL, gen, in_child, project
from crucible_gen.diagnostics import report
from crucible_gen.recipes.resolve import LONGEST
from whole import command, environment


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path / "p", {"recipes/a.yaml": f"id: a\n{MINIMAL}"})


@pytest.mark.parametrize("flags", [[], ["--no-cache"], ["--check"]])
def test_a_link_to_everything_is_not_followed(root: Path, flags: list[str]) -> None:
    (root / "recipes/x").symlink_to("/")
    done = subprocess.run(
        command("recipes", *flags), cwd=root, env=environment(root / "c"), capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "recipes/x: error[E0541]: this link: recipes/x is outside of the project, it leads to"
    )


@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1, 3000])
def test_a_chain_of_files_has_an_end(length: int, root: Path) -> None:
    folder = root / "recipes/fragments"
    folder.mkdir()
    for number in range(1, length):
        (folder / f"f{number}.yaml").write_text(f"extends: f{number + 1}.yaml\n")
    (folder / f"f{length}.yaml").write_text("tags: [a]\n")
    (root / "recipes/b.yaml").write_text(f"id: b\nextends: fragments/f1.yaml\n{MINIMAL}")
    ran = gen(["recipes/b.yaml"], root)
    assert ran.code == (length > LONGEST), ran.both
    if ran.code:
        assert f"fragments/f{LONGEST}.yaml:1:10: error[E0308]: more than {LONGEST} files extend each other" in ran.err


@pytest.mark.parametrize("count", [report.MOST, report.MOST + 1, 5000])
def test_of_many_problems_the_first_are_shown_and_the_others_counted(count: int, root: Path) -> None:
    lines = "".join(f"unknown_{number}: 1\n" for number in range(count))
    (root / "recipes/a.yaml").write_text(f"id: a\n{MINIMAL}{lines}")
    ran = gen(["recipes"], root)
    assert ran.err.count("error[E0201]") == report.MOST
    more = f"and {count - report.MOST} more, which --format json prints\n" in ran.err
    assert more == (count > report.MOST)
    assert f"{count} problems; gen explain E0201" in ran.err
    ran = gen(["recipes", "--format", "github"], root)
    assert ran.out.count("title=E0201") == report.MOST
    assert (f"::error::and {count - report.MOST} more problems\n" in ran.out) == (count > report.MOST)
    assert gen(["recipes", "--format", "json"], root).out.count('"E0201"') == count


def test_a_directory_that_may_not_be_read_is_not_said_to_be_empty(root: Path) -> None:
    folder = root / "recipes/fragments"
    folder.mkdir()
    (folder / "f.yaml").write_text("tags: [a]\n")
    (root / "recipes/b.yaml").write_text(f"id: b\nextends: fragments/f.yaml\n{MINIMAL}")
    folder.chmod(0)

    def work() -> tuple[int, str]:
        ran = gen(["recipes/b.yaml"], root)
        return ran.code, ran.both

    try:
        code, said = in_child(work)
    finally:
        folder.chmod(0o755)
    assert code == 1
    assert "error[E0301]: extends fragments/f.yaml: recipes/fragments/f.yaml cannot be read: permission denied" in said


def test_a_working_directory_that_was_deleted_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && {' '.join(command('settings'))}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "gen: the working directory is not there any more; change to one that is\n"

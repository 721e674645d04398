"""Outputs that are as the recipes say are proved; whatever is done to one of them, they are not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from command import gen
from crucible_gen import made, proof, workers
from whole import small

NAMES = [f"r{number}" for number in range(9)]
EX, PY, IR = "elixir/lib/crucible_recipes/r3.ex", "python/crucible_recipes/r3.py", "ir/r3.json"
WRAPPERS = "elixir/lib/crucible_recipes/compat.ex"
ASKS = "compat: [crucible_train@0.3.0]\n"
WRAPPED = f"id: r3\ntype: rl\ndescription: It.\nextends: fragments/base.yaml\n{ASKS}"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = small(tmp_path_factory.mktemp("proof") / "p", NAMES)
    (root / "gen.yaml").write_text("")
    assert gen(["-q", "recipes"], root).code == 0
    return root


@pytest.fixture(params=[1, 3], ids=["one process", "three processes"])
def root(request: pytest.FixtureRequest, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "cpu_count", lambda: request.param)
    monkeypatch.setattr(proof, "_ENOUGH", 1)
    monkeypatch.setattr(proof, "_CHUNK", 2)
    shutil.copytree(good, tmp_path / "p", symlinks=True)
    monkeypatch.chdir(tmp_path / "p")
    return tmp_path / "p"


ALL = ("elixir", "python", "ir")


def prove(
    root: Path, compat: Sequence[str] = (), targets: Sequence[str] = ALL, templates: Path | None = None
) -> object:
    """The numbers that are proved, or None."""
    out = root / "generated"
    request = made.Request(
        [root / "recipes"], root, out, targets, templates=templates, compat=tuple(compat), whole=True
    )
    return proof.prove(request)


def test_what_is_as_it_should_be_is_proved(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prove(root) == (9, 9 * 4 + 20)
    monkeypatch.chdir(root / "recipes")
    assert prove(root) == (9, 9 * 4 + 20)


def test_templates_that_are_not_there_are_not_proved(root: Path) -> None:
    assert prove(root, templates=root / "gone") is None
    (root / "none").mkdir()
    assert prove(root, templates=root / "none") == (9, 9 * 4 + 20)


def _append(path: Path, text: str = " ") -> None:
    path.write_text(path.read_text() + text)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    shutil.move(path, path.parents[3] / "elsewhere")
    path.symlink_to(path.parents[3] / "elsewhere")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    **{f"edited {name}": lambda out, name=name: _append(out / name) for name in (EX, PY, IR, f"{IR}.gen")},
    **{f"missing {name}": lambda out, name=name: (out / name).unlink() for name in (EX, PY, IR, f"{IR}.gen")},
    **{
        f"{what.__name__} {name}": lambda out, what=what, name=name: what(out / name)
        for what in (_fifo, _link, _folder)
        for name in (EX, IR)
    },
    "empty": lambda out: (out / PY).write_text(""),
    "long": lambda out: _append(out / PY, "#" * 100_000),
    "head": lambda out: (out / EX).write_text((out / EX).read_text().replace("recipes/r3", "recipes/r4", 1)),
    "another's": lambda out: shutil.copy(out / EX, out / EX.replace("r3", "r4")),
    "shared": lambda out: _append(out / "elixir/mix.exs"),
    "manifest": lambda out: _append(out / "manifest.txt"),
    "no manifest": lambda out: (out / "manifest.txt").unlink(),
    "renamed": lambda out: (out / EX).rename(out / EX.replace("r3", "r33")),
    "left over": lambda out: shutil.copy(out / EX, out / EX.replace("r3", "r33")),
    "left over deep": lambda out: shutil.copytree(out / "ir", out / "ir/old"),
    "sidecar": lambda out: (out / "ir/x.json.gen").write_text(""),
    "half": lambda out: (out / "ir/x.tmp").write_text(""),
    "folder is a link": lambda out: (
        shutil.move(out / "elixir/lib", out.parent / "lib"),
        (out / "elixir/lib").symlink_to(out.parent / "lib"),
    ),
    "recipe": lambda out: _append(out.parent / "recipes/r3.yaml", "# more\n"),
    "recipe gone": lambda out: (out.parent / "recipes/r3.yaml").unlink(),
    "recipe more": lambda out: shutil.copy(out.parent / "recipes/r3.yaml", out.parent / "recipes/r33.yaml"),
    "fragment": lambda out: _append(out.parent / "recipes/fragments/base.yaml", "# more\n"),
    "no fragment": lambda out: (out.parent / "recipes/fragments/base.yaml").unlink(),
    "in a circle": lambda out: (out.parent / "recipes/fragments/base.yaml").write_text("extends: base.yaml\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_as_it_should_be_is_not_proved(change: str, root: Path) -> None:
    CHANGES[change](root / "generated")
    assert prove(root) is None
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("name", ["elixir/notes.txt", "elixir/deps/a/mix.exs", "python/.venv/x.py.gen", "ir/x/y.json"])
def test_what_is_not_ours_is_no_matter(name: str, root: Path) -> None:
    path = root / "generated" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")
    assert prove(root) == (9, 9 * 4 + 20)


@pytest.mark.parametrize(
    "extends",
    [
        "fragments/base.yaml",
        "[fragments/base.yaml, fragments/other.yaml]",
        "['fragments/base.yaml', \"fragments/other.yaml\"]  # both",
        "\n  - fragments/other.yaml  # first\n\n  - fragments/base.yaml",
        "# two\n- fragments/other.yaml\n- fragments/base.yaml",
        "[fragments/../fragments/base.yaml]",
    ],
)
def test_ways_to_write_what_is_extended(extends: str, root: Path) -> None:
    (root / "recipes/r3.yaml").write_text(
        f"id: r3\ntype: supervised\ndescription: It.\nextends: {extends}\ntraining_config:\n  epochs: 1\n"
    )
    assert prove(root) is None
    assert gen(["-q", "recipes"], root).code == 0
    assert prove(root) == (9, 9 * 4 + 20)


@pytest.mark.parametrize(
    "extends",
    ["", '"extends": "fragments/base.yaml", ', '"extends": ["fragments/other.json", "fragments/base.yaml"], '],
)
def test_recipes_and_fragments_in_json_are_proved(extends: str, root: Path) -> None:
    (root / "recipes/fragments/other.json").write_text('{"training_config": {"batch_size": 64}}')
    (root / "recipes/r3.yaml").unlink()
    config = '{"epochs": 1, "model_ref": "Qwen/Qwen3.5-9B-Base", "dataset_ref": "HuggingFaceH4/no_robots"}'
    text = f'{{"id": "r3", {extends}"type": "supervised", "description": "It.", "training_config": {config}}}\n'
    (root / "recipes/r3.json").write_text(text)
    ran = gen(["-q", "recipes"], root)
    assert ran.code == 0, ran.both
    assert prove(root) == (9, 9 * 4 + 20)
    _append(root / "recipes/fragments/other.json")
    assert (prove(root) is None) == ("other" in extends)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"extends": 1}', '{"extends": [1]}', '{"extends": {"a": "b"}}', '{"a": ' + "[" * 100_000]
)
def test_json_that_is_no_recipe_is_not_proved(text: str, root: Path) -> None:
    (root / "recipes/r3.yaml").unlink()
    (root / "recipes/r3.json").write_text(text)
    assert prove(root) is None


@pytest.fixture
def neighbours(root: Path) -> Path:
    """A recipe that extends a file beside it, which extends another one; neither has an id."""
    (root / "recipes/common.yaml").write_text("extends: [fragments/base.yaml, deeper.yaml]\n")
    (root / "recipes/deeper.yaml").write_text("type: supervised\ntraining_config:\n  epochs: 3\n")
    (root / "recipes/r3.yaml").write_text("id: r3\ndescription: It.\nextends: common.yaml\n")
    ran = gen(["-q", "recipes"], root)
    assert ran.code == 0, ran.both
    return root


def test_fragments_beside_recipes_are_no_recipes(neighbours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever check finds first that their outputs are not there, and in whichever process."""
    assert prove(neighbours) == (9, 9 * 4 + 20)
    all_hold = workers.all_hold
    monkeypatch.setattr(workers, "all_hold", lambda checks, most: all_hold(checks[::-1], most))
    assert prove(neighbours) == (9, 9 * 4 + 20)


def test_a_recipe_that_others_extend_is_no_fragment(root: Path) -> None:
    (root / "recipes/r3.yaml").write_text("id: r3\ndescription: It.\nextends: r4.yaml\n")
    assert gen(["-q", "recipes"], root).code == 0
    assert prove(root) == (9, 9 * 4 + 20)
    for path in (root / "generated").rglob("r4.*"):
        path.unlink()
    assert prove(root) is None


BESIDE: dict[str, Callable[[Path], object]] = {
    "edited": lambda recipes: _append(recipes / "deeper.yaml", "# more\n"),
    "named": lambda recipes: (recipes / "deeper.yaml").write_text(
        '"id": deeper\n' + (recipes / "deeper.yaml").read_text()
    ),
    "extended by nothing": lambda recipes: (recipes / "alone.yaml").write_text("type: supervised\n"),
    "extended by what nothing extends": lambda recipes: (
        (recipes / "alone.yaml").write_text("extends: neighbour.yaml\n"),
        (recipes / "neighbour.yaml").write_text("type: supervised\n"),
    ),
    "a recipe without outputs": lambda recipes: [path.unlink() for path in recipes.parent.glob("generated/**/r4.*")],
    "broken": lambda recipes: (recipes / "deeper.yaml").write_text("{"),
}


@pytest.mark.parametrize("change", BESIDE)
def test_what_is_neither_recipe_nor_fragment_is_not_proved(change: str, neighbours: Path) -> None:
    BESIDE[change](neighbours / "recipes")
    assert prove(neighbours) is None


def test_outputs_longer_than_a_block_are_read_whole(root: Path) -> None:
    text = "".join(f"  Line {number} of a long description of it.\n" for number in range(2000))
    recipe = root / "recipes/r3.yaml"
    recipe.write_text(recipe.read_text().replace("description: Recipe r3.", f"description: |\n{text}".rstrip()))
    assert gen(["-q", "recipes"], root).code == 0
    assert (root / "generated" / PY).stat().st_size > 2 * proof._BLOCK
    assert prove(root) == (9, 9 * 4 + 20)
    _append(root / "generated" / PY, "#\n")
    assert prove(root) is None


@pytest.mark.parametrize("key", ["compat", '"com\\x70at"', "settings", "fragment"])
def test_a_missing_wrapper_is_not_proved(key: str, root: Path) -> None:
    """Whether it should be there is said by no digest: it is where a recipe names a stage of it."""
    elsewhere = key in ("settings", "fragment")
    (root / "recipes/r3.yaml").write_text(WRAPPED.replace(ASKS, "" if elsewhere else ASKS.replace("compat", key)))
    if key == "settings":
        (root / "gen.yaml").write_text(ASKS)
    elif key == "fragment":
        _append(root / "recipes/fragments/base.yaml", ASKS)
    ran = gen(["-q", "recipes"], root)
    assert ran.code == 0, ran.both
    asked = ("crucible_train@0.3.0",) if key == "settings" else ()
    assert prove(root, asked) == (9, 9 * 4 + 21)
    (root / "generated" / WRAPPERS).unlink()
    assert prove(root, asked) is None


def test_edited_wrappers_are_not_proved(root: Path) -> None:
    (root / "recipes/r3.yaml").write_text(WRAPPED)
    assert gen(["-q", "recipes"], root).code == 0
    _append(root / "generated" / WRAPPERS)
    assert prove(root) is None


def test_wrappers_that_no_recipe_has_any_more_are_not_proved(root: Path) -> None:
    """A text that names one is no stage."""
    (root / "recipes/r3.yaml").write_text(WRAPPED)
    assert gen(["-q", "recipes"], root).code == 0
    left = (root / "generated" / WRAPPERS).read_bytes()
    (root / "recipes/r3.yaml").write_text(
        WRAPPED.replace(ASKS, "").replace("It.", "As CrucibleRecipes.Compat.ReinforcementLearning.")
    )
    assert gen(["-q", "recipes"], root).code == 0
    (root / "generated" / WRAPPERS).write_bytes(left)
    assert prove(root) is None


def test_data_that_are_no_target_tell_nothing_of_wrappers(root: Path) -> None:
    (root / "recipes/r3.yaml").write_text(WRAPPED)
    assert gen(["-q", "recipes"], root).code == 0
    left = (root / "generated" / WRAPPERS).read_bytes()
    (root / "recipes/r3.yaml").write_text(WRAPPED.replace(ASKS, ""))
    (root / "gen.yaml").write_text("targets: [elixir]\n")
    assert gen(["-q", "recipes"], root).code == 0
    (root / "generated" / WRAPPERS).write_bytes(left)
    assert b"CrucibleRecipes.Compat." in (root / "generated" / IR).read_bytes()
    assert prove(root, (), ("elixir",)) is None


@pytest.mark.parametrize("targets", [ALL, ("ir",), ("elixir", "python")])
@pytest.mark.parametrize("recipe", [WRAPPED, WRAPPED.replace(ASKS, "")], ids=["wrapped", "bare"])
def test_outputs_are_counted_where_nothing_else_is(
    targets: tuple[str, ...], recipe: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their names are looked at only where there are more, or fewer."""
    shutil.rmtree(root / "generated")
    (root / "recipes/r3.yaml").write_text(recipe)
    (root / "gen.yaml").write_text(f"targets: [{', '.join(targets)}]\n")
    assert gen(["-q", "recipes"], root).code == 0
    looked: list[int] = []
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    by_name = proof._Case.has_no_others
    monkeypatch.setattr(proof._Case, "has_no_others", lambda self, recipes: looked.append(1) or by_name(self, recipes))
    provable = "ir" in targets or recipe != WRAPPED  # else nothing says whether the wrappers should be there
    assert bool(prove(root, (), targets)) == provable
    assert not looked
    (root / "generated" / targets[0] / "notes.txt").write_text("mine\n")
    assert bool(prove(root, (), targets)) == provable
    assert looked


@pytest.mark.parametrize("targets", [("elixir", "ir"), ("elixir",)])
def test_a_wrapper_is_missed_whatever_templates_leave_out(targets: tuple[str, ...], root: Path) -> None:
    """Templates of your own may name no stage; then the data tell, and where there are none either, nothing is proved."""
    (root / "own/elixir").mkdir(parents=True)
    (root / "own/elixir/recipe.ex.j2").write_text("# nothing\n")
    (root / "gen.yaml").write_text(f"templates: own\ntargets: [{', '.join(targets)}]\n")
    (root / "recipes/r3.yaml").write_text("id: r3\ntype: rl\ndescription: Compatible.\nextends: fragments/base.yaml\n")
    assert gen(["-q", "recipes"], root).code == 0
    assert bool(prove(root, (), targets, root / "own")) == ("ir" in targets)
    _append(root / "recipes/r3.yaml", ASKS)
    assert gen(["-q", "recipes"], root).code == 0
    assert bool(prove(root, (), targets, root / "own")) == ("ir" in targets)
    (root / "generated" / WRAPPERS).unlink()
    assert prove(root, (), targets, root / "own") is None


def test_where_there_is_no_elixir_no_wrapper_is_missed(root: Path) -> None:
    (root / "gen.yaml").write_text("targets: [python]\n")
    (root / "recipes/r3.yaml").write_text(WRAPPED)
    assert gen(["-q", "recipes"], root).code == 0
    assert prove(root, (), ("python",)) == (9, 9 + 5)


def test_many_recipes_are_not_too_many_checks(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    counted: list[int] = []
    monkeypatch.setattr(proof.find, "files", lambda *_: [f"/r{number}.yaml" for number in range(1_000_000)])
    monkeypatch.setattr(workers, "all_hold", lambda checks, most: counted.append(len(checks)))
    assert prove(root) is None
    assert counted[0] <= 256

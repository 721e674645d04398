"""The command `gen` as a user has it: with its cache, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import crucible_gen
from command import Ran, gen, project
from crucible_gen.incremental import Session
from crucible_gen.incremental.session import OFF
from crucible_gen.schemas import shipped


@dataclass(frozen=True)
class Whole:
    """What a command did, and whether it was done without the long way."""

    ran: Ran
    short: bool


def whole(args: Sequence[str], cwd: Path) -> Whole:
    """Runs `gen` as its own process would, in this one: the cache is that of the environment."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd):
        session = Session(list(args))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = session.answer()
        if code is not None:
            return Whole(Ran(code, out.getvalue(), err.getvalue(), ""), short=True)
        return Whole(gen(args, cwd, session), short=False)


def command(*args: str) -> list[str]:
    """The command line that runs `gen` in a process of its own."""
    return [sys.executable, "-m", "crucible_gen", *args]


def environment(cache: Path) -> dict[str, str]:
    """The environment of such a process, with a cache of its own, which it uses even where sessions are off."""
    paths = [str(Path(crucible_gen.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    own = {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": os.pathsep.join(filter(None, paths)), OFF: ""}
    return {**os.environ, **own}


def process(args: Sequence[str], cwd: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Runs `gen` in a process of its own."""
    return subprocess.run(command(*args), cwd=cwd, env=environment(cache), capture_output=True, text=True, check=False)


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def recipe(name: str, type_: str = "supervised", *, extends: str = "fragments/base.yaml", epochs: int = 1) -> str:
    """The text of a recipe that starts from a fragment."""
    return (
        f"id: {name}\ntype: {type_}\ndescription: Recipe {name}.\nextends: {extends}\n"
        f"training_config:\n  epochs: {epochs}\n"
    )


BASE = "training_config:\n  model_ref: Qwen/Qwen3.5-9B-Base\n  dataset_ref: HuggingFaceH4/no_robots\n"
OTHER = "training_config:\n  batch_size: 64\n"
STAGE = """{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Acme.Audit",
  "description": "Audits the model.",
  "x-stage": {"name": "audit", "module": "Acme.Audit"},
  "type": "object",
  "additionalProperties": false,
  "properties": {"level": {"description": "%s", "type": "integer"}}
}
"""


def small(root: Path, names: Sequence[str] = ("a", "b", "c")) -> Path:
    """A project with fragments, a schema and a template of its own."""
    files = {f"recipes/{name}.yaml": recipe(name) for name in names}
    files |= {"recipes/fragments/base.yaml": BASE, "recipes/fragments/other.yaml": OTHER}
    files |= {"gen.yaml": "schemas: [stages]\ntemplates: templates\n", "stages/audit.schema.json": STAGE % "How deep."}
    project(root, files)
    (root / "templates/elixir").mkdir(parents=True, exist_ok=True)
    shutil.copy(shipped("templates") / "elixir/recipe.ex.j2", root / "templates/elixir/recipe.ex.j2")
    return root


Change = Callable[[Path, random.Random], None]


def _pick(root: Path, chance: random.Random, pattern: str) -> Path | None:
    found = sorted(path for path in root.glob(pattern) if path.is_file())
    return chance.choice(found) if found else None


def edit_recipe(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "recipes/*.yaml"):
        extends = chance.choice(["fragments/base.yaml", "[fragments/base.yaml, fragments/other.yaml]"])
        path.write_text(recipe(path.stem, extends=extends, epochs=chance.randint(1, 9)))


def rewrite_extends(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "recipes/*.yaml"):
        forms = [
            "extends:\n  - fragments/other.yaml # why\n  - 'fragments/base.yaml'",
            '"extends": fragments/base.yaml',
        ]
        lines = path.read_text().split("\n")
        path.write_text("\n".join(chance.choice(forms) if "extends" in line else line for line in lines))


def break_recipe(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "recipes/*.yaml"):
        path.write_text(path.read_text() + "no_such_field: 1\n")


def ask_for_wrappers(root: Path, chance: random.Random) -> None:
    """A recipe or a fragment asks for wrapper stages, for which there is one more output, or asks no more."""
    for path in root.glob("recipes/*.yaml"):
        path.write_text(path.read_text().replace("type: supervised", "type: rl"))
    if path := _pick(root, chance, chance.choice(["recipes/*.yaml", "recipes/fragments/*.yaml"])):
        lines = [line for line in path.read_text().split("\n") if "crucible_train@" not in line]
        asks = ["", 'compat: ["crucible_train@0.3.0"]\n', '"com\\x70at": [crucible_train@0.3.0]\n']
        path.write_text("\n".join(lines) + chance.choice(asks))


def delete_wrappers(root: Path, chance: random.Random) -> None:
    (root / "generated/elixir/lib/crucible_recipes_runtime/compat.ex").unlink(missing_ok=True)


def extend_a_neighbour(root: Path, chance: random.Random) -> None:
    """A recipe extends a file beside it, which has no id, or sometimes has one."""
    name = chance.choice(["d", "shared"])
    (root / f"recipes/{name}.yaml").write_text(chance.choice(["", "", f"id: {name}\n"]) + OTHER)
    if path := _pick(root, chance, "recipes/[a-c].yaml"):
        path.write_text(recipe(path.stem, extends=f"[fragments/base.yaml, {name}.yaml]"))


def edit_fragment(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "recipes/fragments/*.yaml"):
        text = (BASE if path.stem == "base" else OTHER) + f"  learning_rate: {chance.randint(1, 9)}.0e-4\n"
        path.write_text(text)


def touch(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, chance.choice(["recipes/**/*", "generated/**/*", "stages/*", "gen.yaml"])):
        at = chance.choice([0, 10**9, 4 * 10**9])
        os.utime(path, (at, at))


def replace_by_equal(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, chance.choice(["recipes/**/*", "generated/**/*"])):
        shutil.copy2(path, path.with_name("copy.tmp.bak"))
        os.replace(path.with_name("copy.tmp.bak"), path)


def add_recipe(root: Path, chance: random.Random) -> None:
    name = chance.choice("defgh")
    (root / f"recipes/{name}.yaml").write_text(recipe(name, epochs=chance.randint(1, 9)))


def delete_recipe(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "recipes/*.yaml"):
        path.unlink()


def rename_recipe(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "recipes/*.yaml"):
        renamed = path.rename(path.with_stem(chance.choice("defgh")))
        if chance.random() < 0.8:
            renamed.write_text(recipe(renamed.stem))


def swap(root: Path, chance: random.Random) -> None:
    """Two files of one kind change places and keep their times."""
    pattern = chance.choice(["recipes/*.yaml", "generated/**/[a-c].*", "generated/elixir/test/**/*.exs"])
    one, two = _pick(root, chance, pattern), _pick(root, chance, pattern)
    if one and two and one != two:
        spare = one.with_name("spare.bak")
        for source, target in ((one, spare), (two, one), (spare, two)):
            source.rename(target)


def edit_output(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "generated/**/*"):
        data = bytearray(path.read_bytes())
        if data:
            data[chance.randrange(len(data))] = chance.choice(b"aZ0 \n")
        path.write_bytes(data + chance.choice([b"", b"x"]))


def edit_header(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "generated/**/*"):
        data = bytearray(path.read_bytes())
        if len(data) > 150:
            data[chance.randrange(150)] = chance.choice(b"0123456789abcdef")
        path.write_bytes(data)


def line_ends(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "generated/**/*"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def delete_output(root: Path, chance: random.Random) -> None:
    if path := _pick(root, chance, "generated/**/*"):
        path.unlink()


def copy_output(root: Path, chance: random.Random) -> None:
    source, target = _pick(root, chance, "generated/**/*"), _pick(root, chance, "generated/**/*")
    if source and target:
        named = chance.choice([target, target.with_stem("copied"), target.with_name(f"{target.name}.gen")])
        if not (named.exists() and source.samefile(named)):
            shutil.copy(source, named)


def link_output(root: Path, chance: random.Random) -> None:
    path = _pick(root, chance, "generated/**/*")
    if path and not path.is_symlink():
        shutil.copy(path, root / "elsewhere")
        path.unlink()
        path.symlink_to(root / "elsewhere")


def add_foreign(root: Path, chance: random.Random) -> None:
    path = root / chance.choice(
        ["generated/elixir/mix.lock", "generated/notes.txt", "recipes/notes.txt", "recipes/.x.yaml"]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(chance.choice(["one", "two"]))


def edit_schema(root: Path, chance: random.Random) -> None:
    (root / "stages/audit.schema.json").write_text(STAGE % chance.choice(["How deep.", "How high."]))


def edit_template(root: Path, chance: random.Random) -> None:
    path = root / "templates/elixir/recipe.ex.j2"
    text = path.read_text().removeprefix("# ours\n")
    path.write_text(chance.choice(["", "# ours\n"]) + text)


def edit_settings(root: Path, chance: random.Random) -> None:
    there = chance.choice([True, True, True, False])
    text = (
        "schemas: [stages]\ntemplates: templates\n"
        if there
        else chance.choice(["schemas: [gone]\n", "templates: gone\n"])
    )
    extra = chance.choice(["", "targets: [python]\n", "compat: [crucible_train@0.3.0]\n", "# nothing\n"])
    (root / "gen.yaml").write_text(text + extra)


def settings_nearer(root: Path, chance: random.Random) -> None:
    path = root / "recipes/gen.yaml"
    if path.exists():
        path.unlink()
    else:
        path.write_text("out: ../generated\n")


CHANGES: tuple[Change, ...] = (
    edit_recipe, rewrite_extends, break_recipe, edit_fragment, touch, replace_by_equal, add_recipe, delete_recipe,
    rename_recipe, swap, edit_output, edit_header, line_ends, delete_output, copy_output, link_output, add_foreign,
    edit_schema, edit_template, edit_settings, settings_nearer, ask_for_wrappers,
    delete_wrappers, delete_wrappers, extend_a_neighbour,
)  # fmt: skip

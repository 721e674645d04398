"""Each kind of change of the table "where to change what" is made in a copy, seen to work, and its files are counted.

The copy is a repository of its own, so that `git` says which files a change touches. What is written by commands
(generated code, tables of the documentation, expected files of goldens) is not counted: nobody edits it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from command import MINIMAL
from pages import ROOT, blocks

pytestmark = pytest.mark.slow

PARTS = ("generator", "runtime", "schemas", "templates", "recipes", "docs", "tests/golden/recipes", "Makefile")
WRITTEN = (
    "generated/*",
    "runtime/python/crucible_runtime/ir.py",
    "runtime/python/crucible_runtime/rules.json",
    "runtime/elixir/lib/crucible_runtime/recipe/schema.ex",
    "runtime/elixir/test/support/crucible_ir.ex",
    *(f"docs/{page}.md" for page in ("build-steps", "engines", "errors", "mapping", "recipe-reference")),
    "tests/golden/recipes/*/expected/*",
)
"""What commands write: `make structs`, `gen`, `docs/reference.py` and `pytest --update-golden`."""


def stated() -> dict[str, int]:
    """How many files each change needs, by its first cell, as the documentation says."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("## Where to change what\n")[2].partition("\n## ")[0]
    return {change: int(count) for change, count in re.findall(r"^\| ([^|]+) \| (\d+) \|", table, re.MULTILINE)}


class Copy:
    """A checkout to change, and a project beside it that uses what was changed."""

    def __init__(self, root: Path) -> None:
        self.root, self.use = root / "copy", root / "use"
        for part in PARTS:
            (self.root / part).parent.mkdir(parents=True, exist_ok=True)
            ignored = shutil.ignore_patterns("__pycache__", "_build", "*.egg-info", ".*_cache", "expected")
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, self.root / part, **({"ignore": ignored} if (ROOT / part).is_dir() else {}))
        self.use.mkdir()
        (self.use / "gen.yaml").write_text("recipes: [recipes]\n", "utf-8")
        for words in ("init -q", "add -A", "-c user.name=t -c user.email=t@example.org commit -q -m before"):
            self.run(f"git {words}", self.root)

    def run(self, command: str, cwd: Path | None = None, code: int | None = 0) -> str:
        """Both streams of a command, which ends with any code if that is None; `gen` and `python` are the copy's."""
        paths = [self.root / "generator", self.root / "runtime" / "python", self.use / "site"]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "PYTHONPATH": os.pathsep.join(map(str, [self.use / "generated" / "python", *paths])),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_CACHE_HOME": str(self.use / "cache"),
        }
        command = re.sub(r"^(\.venv/bin/)?gen\b", f"{sys.executable} -m crucible_gen", command)
        command = re.sub(r"^(\.venv/bin/)?python\b", sys.executable, command)
        done = subprocess.run(
            ["sh", "-c", command], cwd=cwd or self.use, env=environment, capture_output=True, text=True, check=False
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done.stdout + done.stderr

    def write(self, path: str, text: str) -> None:
        """A new file of the checkout, or one with another text."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Changes one place of a file."""
        text = (self.root / path).read_text("utf-8")
        assert text.count(old) == 1, f"{path} has {text.count(old)} times {old}"
        self.write(path, text.replace(old, new))

    def edit(self, path: str, change: Callable[[Any], object]) -> None:
        """Changes a JSON file."""
        document = json.loads((self.root / path).read_text("utf-8"))
        change(document)
        self.write(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def make(self, target: str) -> None:
        """Runs what a target of the Makefile runs."""
        lines = (self.root / "Makefile").read_text("utf-8").partition(f"\n{target}:")[2].split("\n")[1:]
        for line in lines:
            if not line.startswith("\t"):
                return
            self.run(line.strip(), self.root)

    def generate(self, recipes: Mapping[str, str], words: str = "") -> None:
        """Writes recipes of the project that uses the copy, and generates from them."""
        for name, text in recipes.items():
            (self.use / "recipes").mkdir(exist_ok=True)
            (self.use / "recipes" / f"{name}.yaml").write_text(f"id: {name}\n{text}", "utf-8")
        self.run(f"gen recipes {words}")

    def printed(self, name: str) -> dict[str, str]:
        """What a recipe became, by language."""
        paths = {
            "elixir": f"lib/crucible_recipes/{name}.ex",
            "python": f"crucible_recipes/{name}.py",
            "ir": f"{name}.json",
        }
        return {target: (self.use / "generated" / target / path).read_text("utf-8") for target, path in paths.items()}

    def install(self, name: str, group: str, entry: str) -> None:
        """An entry point of a package, as an installer leaves it."""
        info = self.use / "site" / f"{name}-9.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n", "utf-8")

    def changed(self) -> list[str]:
        """The files that differ from before, but for what commands write."""
        self.run("git add -A -N", self.root)
        names = self.run("git diff --name-only HEAD", self.root).splitlines()
        return [name for name in names if not any(fnmatch(name, pattern) for pattern in WRITTEN)]


@dataclass(frozen=True)
class Change:
    """A kind of change: how the table calls it, how it is made, and what must work then."""

    row: str
    make: Callable[[Copy], None]
    see: Callable[[Copy], None]


def _training(text: str) -> str:
    return f"{MINIMAL}  {text}\n"


# A language ----------------------------------------------------------------------------------------------------------


def _add_language(copy: Copy) -> None:
    for block in blocks((ROOT / "docs" / "adding-a-language.md").read_text("utf-8")):
        if block.word == "file" and block.path.endswith(".py"):
            name = block.path.rpartition("/")[2]
            text = block.text.replace("from acme_lua", "from crucible_gen.languages.lua")
            copy.write(f"generator/crucible_gen/languages/lua/{name}", text)
    copy.replace("generator/crucible_gen/languages/registry.py", '"python", "ir")', '"python", "ir", "lua")')


def _see_language(copy: Copy) -> None:
    copy.generate({"one": MINIMAL})
    assert "---@class OneRecipe" in (copy.use / "generated/lua/recipes/one.lua").read_text("utf-8")
    assert "lua" in copy.run("gen --help") and "lua" in copy.run("gen schema settings")
    copy.run("gen --check recipes")


# A recipe type -------------------------------------------------------------------------------------------------------

TYPE = "ranking"


def _add_type(copy: Copy) -> None:
    def recipe(schema: Any) -> None:
        schema["properties"]["type"]["enum"].append(TYPE)
        rule = next(each for each in schema["allOf"] if "supervised" in json.dumps(each))
        schema["allOf"].append(json.loads(json.dumps(rule).replace("supervised", TYPE)))

    copy.edit("schemas/recipe.schema.json", recipe)
    for folder, name in (("options", "supervised"), ("stages", "supervised_train")):
        text = (copy.root / f"schemas/{folder}/{name}.schema.json").read_text("utf-8")
        text = text.replace("supervised", TYPE).replace("CrucibleTrain.Stages.SupervisedTrain", "Acme.Ranking")
        copy.write(f"schemas/{folder}/{name.replace('supervised', TYPE)}.schema.json", text)
    for engine in ("trl", "tinker"):
        path = f"schemas/engines/{engine}.json"
        text = (copy.root / path).read_text("utf-8")
        copy.write(path, re.sub(r'("kinds": \[[^]]*"supervised")', rf'\1, "{TYPE}"', text))
        strategies = f"runtime/python/crucible_runtime/engines/{engine}/strategies"
        if engine == "trl":
            copy.write(
                f"runtime/python/crucible_runtime/engines/trl/{TYPE}.py",
                '"""Recipes of rankings."""\n\nfrom crucible_runtime.engines.trl.supervised import CONFIG, problems, '
                'train, values\n\n__all__ = ["CONFIG", "problems", "train", "values"]\n',
            )
            copy.replace(
                f"{strategies}.py", "prompt_distillation, supervised\n", f"prompt_distillation, {TYPE}, supervised\n"
            )
            copy.replace(f"{strategies}.py", '    "rl": grpo,\n', f'    "rl": grpo,\n    "{TYPE}": {TYPE},\n')
        else:
            module = "crucible_runtime.engines.tinker.strategies.supervised"
            copy.write(
                f"{strategies}/{TYPE}.py",
                f'"""Recipes of rankings."""\n\nfrom {module} import Supervised\n\n\n'
                f'class Ranking(Supervised):\n    """As the cookbook trains on conversations."""\n',
            )
            first = f"from {module} import PromptDistillation, SlLoop, Supervised\n"
            copy.replace(f"{strategies}/__init__.py", first, f"{first}from {module[:-10]}{TYPE} import Ranking\n")
            copy.replace(f"{strategies}/__init__.py", '    "rl": Rl,\n', f'    "rl": Rl,\n    "{TYPE}": Ranking,\n')
    text = (copy.root / "templates/new/supervised.yaml").read_text("utf-8")
    copy.write(f"templates/new/{TYPE}.yaml", text.replace("supervised", TYPE))
    copy.write(f"tests/golden/recipes/minimal_{TYPE}/{TYPE}.yaml", f"id: {TYPE}\n{MINIMAL.replace('supervised', TYPE)}")
    _add_type_to_code(copy)
    copy.make("structs")
    copy.run("gen recipes", copy.root)
    copy.run("python docs/reference.py", copy.root)


def _add_type_to_code(copy: Copy) -> None:
    copy.edit(
        "schemas/meta.schema.json",
        lambda meta: meta["$defs"]["stage"]["properties"]["types"]["items"]["enum"].append(TYPE),
    )
    expected = "generator/crucible_gen/conformance/verify/expectations.py"
    stages = "runtime/python/crucible_runtime/stages.py"
    function = f'def {TYPE}_train(context: Context, options: Options) -> Output:\n    """Trains on rankings."""\n'
    after = "\n\ndef model_register("
    copy.replace(stages, after, f"\n\n{function}    return _train(context, options)\n{after}")
    rule = f'    "{TYPE}": _KindRule(counts_epochs=True, rounds=1, schedule="linear"),\n'
    copy.replace(expected, '    "rl": _KindRule', f'{rule}    "rl": _KindRule')


def _see_type(copy: Copy) -> None:
    copy.run(f"gen new one --type {TYPE} --dir recipes")
    copy.generate({"two": MINIMAL.replace("supervised", TYPE)})
    for name in ("one", "two"):
        for text in copy.printed(name).values():
            assert "Acme.Ranking" in text
    for engine, config in (("trl", "trl.SFTConfig"), ("tinker", "tinker_cookbook")):
        plan = copy.run(f"python -m crucible_recipes.one --dry-run --engine {engine}", code=None)
        assert "ranking_train" in plan and config in plan
        errors = [line for line in plan.splitlines() if "error: " in line]
        assert all("is not installed" in line or "TINKER_API_KEY" in line for line in errors), plan
    assert "tiny-chat" in copy.run("python -m crucible_recipes.two --smoke --dry-run")
    wrong = copy.run("python -m crucible_recipes.two --json --set training_config.options.beta=1", code=1)
    assert "beta" in wrong
    copy.run(f"gen tests/golden/recipes/minimal_{TYPE} --out {copy.use}/golden", copy.root)
    module = "crucible_gen.conformance.verify.expectations"
    assert copy.run(f"python -c 'from {module} import fewer; print(fewer(\"{TYPE}\"))'") == "{'epochs': 2}\n"


# Options, fields, stages ---------------------------------------------------------------------------------------------


def _add_option(copy: Copy) -> None:
    option = {"description": "How much is taken from the right token.", "type": "number", "minimum": 0}
    copy.edit(
        "schemas/options/supervised.schema.json", lambda schema: schema["properties"].update(label_smoothing=option)
    )
    _rule(copy, "trl", "options.label_smoothing", {"kinds": ["supervised"], "to": ["label_smoothing_factor"]})
    _rule(
        copy,
        "tinker",
        "options.label_smoothing",
        {"kinds": ["supervised"], "refuse": "it has none", "instead": "leave it out"},
    )
    copy.make("structs")
    copy.run("gen recipes", copy.root)
    copy.run("python docs/reference.py", copy.root)


def _rule(copy: Copy, engine: str, field: str, rule: Mapping[str, Any]) -> None:
    """A new rule of an engine's table."""
    copy.edit(f"schemas/engines/{engine}.json", lambda table: table["fields"].update({field: [rule]}))


def _see_option(copy: Copy) -> None:
    copy.generate({"one": _training("options: {label_smoothing: 0.1}")})
    text = copy.printed("one")
    assert "label_smoothing: 0.1" in text["elixir"]
    assert '"label_smoothing": 0.1' in text["python"] and '"label_smoothing": 0.1' in text["ir"]
    changed = copy.run("python -m crucible_recipes.one --json --set training_config.options.label_smoothing=0.25")
    assert '"label_smoothing": 0.25' in changed
    copy.run("python -m crucible_recipes.one --json --set training_config.options.label_smoothing=-1", code=1)
    refused = copy.run("python -m crucible_recipes.one --dry-run --engine tinker", code=1)
    assert "cannot honour training_config.options.label_smoothing 0.1: it has none; leave it out" in refused
    assert "label_smoothing" in (copy.root / "docs/recipe-reference.md").read_text("utf-8")


def _add_field(copy: Copy) -> None:
    field = {"description": "Whether the file is compressed.", "type": "boolean", "default": False}
    copy.edit("schemas/ir/output_spec.schema.json", lambda schema: schema["properties"].update(compressed=field))
    copy.make("structs")
    copy.run("gen recipes", copy.root)
    copy.run("python docs/reference.py", copy.root)


def _see_field(copy: Copy) -> None:
    copy.generate({"one": f"{MINIMAL}outputs: [{{name: report, compressed: true}}]\n"})
    text = copy.printed("one")
    assert "compressed: true" in text["elixir"] and "compressed=True" in text["python"]
    assert '"compressed": true' in text["ir"]
    assert '"compressed": true' in copy.run("python -m crucible_recipes.one --json")
    assert "compressed" in (copy.root / "runtime/elixir/test/support/crucible_ir.ex").read_text("utf-8")


STAGE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Acme.Audit",
    "description": "Audits the model.",
    "x-stage": {"name": "audit", "module": "Acme.Audit"},
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "level": {"description": "How strict it is.", "type": "integer", "x-from": "training_config.epochs"}
    },
}
AUDITED = f"{MINIMAL}stages: {{after: [{{stage: audit}}]}}\n"


def _add_stage(copy: Copy) -> None:
    copy.write("schemas/stages/audit.schema.json", json.dumps(STAGE, indent=2) + "\n")
    copy.write("tests/golden/recipes/audited/audited.yaml", f"id: audited\n{AUDITED}")
    copy.run("python docs/reference.py", copy.root)


def _see_stage(copy: Copy, words: str = "") -> None:
    copy.generate({"one": AUDITED}, words)
    text = copy.printed("one")
    assert "%{level: training_config.epochs}" in text["elixir"]
    assert 'options={"level": training.epochs}' in text["python"]
    assert '"level": 1' in text["ir"]
    assert "Acme.Audit" in copy.run("python -m crucible_recipes.one --dry-run")
    golden = "tests/golden/recipes/audited"
    if (copy.root / golden).is_dir():
        copy.run(f"gen {golden} --out {copy.use}/golden", copy.root)


def _add_stage_outside(copy: Copy) -> None:
    (copy.use / "stages").mkdir()
    (copy.use / "stages" / "audit.schema.json").write_text(json.dumps(STAGE), "utf-8")


# Engines and problems ------------------------------------------------------------------------------------------------

ENGINE = '''"""The engine `echo`, which trains nothing."""

import json
from pathlib import Path

from crucible_runtime.engines import mapping

TABLE = {table}


class Echo:
    """An engine with a table."""

    def problems(self, experiment, config):
        """What the table refuses."""
        return TABLE.problems(experiment.training_config, "supervised")

    def plan(self, experiment, config):
        """What `--dry-run` shows."""
        return "echo of nothing\\n"

    def train(self, context, options):
        """Trains nothing."""
        return {{"echo": True}}
'''


def _fields(copy: Copy) -> dict[str, Any]:
    """A table that passes everything on but the seed."""
    known = json.loads((copy.root / "schemas/engines/trl.json").read_text("utf-8"))["fields"]
    refused = {"refuse": "it has no dice", "instead": "leave it out"}
    return {"fields": {name: [{"to": [name]}] for name in known} | {"seed": [refused]}}


def _add_engine(copy: Copy) -> None:
    copy.write("schemas/engines/echo.json", json.dumps(_fields(copy), indent=2) + "\n")
    text = ENGINE.format(table='mapping.load("echo")').replace("import json\nfrom pathlib import Path\n\n", "")
    copy.write("runtime/python/crucible_runtime/engines/echo/__init__.py", text)
    entry = 'tinker = "crucible_runtime.engines.tinker:TinkerEngine"\n'
    copy.replace("runtime/python/pyproject.toml", entry, f'{entry}echo = "crucible_runtime.engines.echo:Echo"\n')
    copy.install("crucible_runtime", "crucible_runtime.engines", "echo = crucible_runtime.engines.echo:Echo")


def _add_engine_outside(copy: Copy) -> None:
    read = 'json.loads(Path(__file__).with_name("echo.json").read_text("utf-8"))'
    table = f'mapping.Table(engine="echo", rules=mapping.rules({read}["fields"]))'
    (copy.use / "site").mkdir()
    (copy.use / "site" / "acme_echo.py").write_text(ENGINE.format(table=table), "utf-8")
    (copy.use / "site" / "echo.json").write_text(json.dumps(_fields(copy)), "utf-8")
    copy.install("acme_echo", "crucible_runtime.engines", "echo = acme_echo:Echo")


def _see_engine(copy: Copy) -> None:
    copy.generate({"one": MINIMAL, "two": _training("seed: 3")})
    assert "echo of nothing" in copy.run("python -m crucible_recipes.one --dry-run --engine echo")
    refused = copy.run("python -m crucible_recipes.two --dry-run --engine echo", code=1)
    assert "engine echo cannot honour training_config.seed 3: it has no dice; leave it out" in refused


def _add_problem(copy: Copy) -> None:
    rules = "generator/crucible_gen/recipes/rules.py"
    title = "a description is a shout"
    copy.replace(rules, "\nCODES = {\n", f'\nCODES = {{\n    "E0499": "{title}",\n')
    copy.replace(
        rules,
        "        problems += _evaluation(node)\n",
        "        problems += _evaluation(node)\n        problems += _shouts(node)\n",
    )
    text = (copy.root / rules).read_text("utf-8")
    copy.write(
        rules,
        f"{text}\n\ndef _shouts(node: Node) -> Iterator[Problem]:\n"
        '    said = node.get("description")\n'
        "    if said is not None and str(said.value).isupper():\n"
        '        yield Problem(said.place, "E0499", "this is a shout", hint="write small letters")\n',
    )
    page = "generator/crucible_gen/cli/explain/E0499.md"
    copy.write(
        page,
        f"# E0499: {title}\n\nSay it calmly.\n\n```yaml wrong\ndescription: AH\n```\n\n```yaml right\ndescription: Ah\n```\n",
    )
    copy.run("python docs/reference.py", copy.root)


def _see_problem(copy: Copy) -> None:
    (copy.use / "recipes").mkdir()
    (copy.use / "recipes" / "one.yaml").write_text(f"id: one\ndescription: AH\n{MINIMAL}", "utf-8")
    said = copy.run("gen recipes", code=1)
    assert "recipes/one.yaml:2:14: error[E0499]: this is a shout\n" in said and "write small letters" in said
    assert "Say it calmly." in copy.run("gen explain E0499")
    assert "`E0499`" in (copy.root / "docs/errors.md").read_text("utf-8")


CHANGES = (
    Change("a language that ships", _add_language, _see_language),
    Change("a recipe type", _add_type, _see_type),
    Change("an option of a recipe type", _add_option, _see_option),
    Change("a field of an IR struct", _add_field, _see_field),
    Change("a stage that ships", _add_stage, _see_stage),
    Change("a stage of your own project", _add_stage_outside, lambda copy: _see_stage(copy, "--schemas stages")),
    Change("an engine that ships", _add_engine, _see_engine),
    Change("an engine of another package", _add_engine_outside, _see_engine),
    Change("a kind of problem", _add_problem, _see_problem),
)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.row.replace(" ", "_"))
def test_a_change_works_and_touches_the_files_that_the_table_says(change: Change, copy: Copy) -> None:
    change.make(copy)
    change.see(copy)
    touched = copy.changed()
    assert len(touched) == stated()[change.row], touched


def test_every_number_of_the_table_is_counted() -> None:
    counted = {change.row for change in CHANGES} | {"a language of another package"}
    assert counted == stated().keys()

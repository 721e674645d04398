"""Hostile text in every field of text of every schema, through every place that generated files and messages have.

The fields are read from the schemas, so that a new one is walked too. A field that refuses such text says so in words
that are safe to print; one that takes it has it as data in Elixir, Python, JSON, on the terminal and in the report.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from command import gen, project
from crucible_gen.diagnostics import Problem, Problems, output, report
from crucible_gen.languages import registry
from crucible_gen.recipes import rules, vocabulary
from crucible_gen.recipes.resolve import Reader, Source
from crucible_gen.schemas import Schemas, Shape
from crucible_runtime import plan as plans
from crucible_runtime import quoting
from crucible_runtime.experiment.canonical import pretty
from crucible_runtime.mlops.settings import SETTINGS
from crucible_runtime.report import page
from crucible_runtime.runs import Run
from elixir_project import tool
from test_quoting import safe

SCHEMAS = Schemas.load()
VALIDATOR = vocabulary.validator(SCHEMAS)
LANGUAGES = registry.built_in()
ROOT = Path(__file__).parents[2]
WORD = "harmless"
HOSTILE = (
    WORD
    + " \x07\x1b[31m\x9b2J\u202e\u2066\u200b\u2028<script>alert(1)</script></style></title></pre><img src=x onerror=y>"
    + " #{System.halt(1)} $(touch PWNED) `touch PWNED` ';\";touch PWNED;' \"\"\" ''' {{ 7*7 }} {% raw %} {0} %s \\N{BULLET} \\"
    + " a: b # c &d *e !f |g >h @i %j ##[error]k",
    WORD
    + '\n::error file=x::pwn\n  ::stop-commands::y\r\n---\n...\n- a\n"""\nend\nend\n#{1}\n\ttab\n# gen: inputs=0 body=0\n',
    WORD + " long" * 400,
)
TEXT = ("text", "symbol", "module", "timestamp")
FREE = ("any", "map", "text_map", "keywords")
Step = str | int
Path_ = tuple[Step, ...]


# Every field of text


def paths(shape: Shape, path: Path_ = ()) -> Iterator[Path_]:
    """Where a value of this shape has text; the keys of a map are text, too."""
    if shape.kind in TEXT or shape.short:
        yield path
    if shape.kind in FREE and not shape.properties:
        yield (*path, "*")
    for name, inner in shape.properties.items():
        if name not in path and name not in ("extends", "profiles"):  # a fallback has one, and so on
            yield from paths(inner, (*path, name))
    if shape.items is not None:
        yield from paths(shape.items, (*path, 0))


def least(shape: Shape) -> Any:
    """The least that a value of this shape must say."""
    if shape.enum:
        return shape.enum[0]
    if shape.short:
        return WORD
    match shape.kind:
        case "boolean":
            return True
        case "integer" | "number" | "float":
            return shape.minimum or 1
        case "list":
            return [least(shape.items)] if shape.items is not None else []
        case "text" | "symbol":
            return WORD
        case "module":
            return "Acme.Harmless"
        case "timestamp":
            return "2026-01-31T12:00:00Z"
    return {name: least(shape.properties[name]) for name in shape.required}


def whole(shape: Shape, path: Path_, inner: Any) -> Any:
    """A value of this shape that has `inner` at the path, and what else it must have."""
    if not path:
        return inner
    step, *rest = path
    if step == "*":
        return {inner: {inner: [inner]}}
    if step == 0:
        assert shape.items is not None
        return [whole(shape.items, tuple(rest), inner)]
    required = {name: least(shape.properties[name]) for name in shape.required}
    return required | {str(step): whole(shape.properties[str(step)], tuple(rest), inner)}


START: Mapping[str, Any] = {
    "id": "example",
    "type": "supervised",
    "training_config": {"model_ref": WORD, "dataset_ref": WORD},
}
Written = Callable[[str], dict[str, Any]]
"""A recipe that has a text in one field."""


def fields() -> Iterator[tuple[str, Written]]:
    """Every field of text by a name."""
    first = next(iter(SCHEMAS.kinds))
    for kind in SCHEMAS.kinds.values():
        recipe = SCHEMAS.recipe(kind.name)
        said = {kind.option: kind.value} if kind.option else {}
        start = merged(START, {"type": kind.type, "training_config": {"options": said}})
        for path in paths(recipe):
            if path[:2] == ("training_config", "options") or kind.name == first:
                yield f"{kind.name} {path}", partial(_in_recipe, recipe, start, path)
    for name, stage in SCHEMAS.stages.items():
        if stage.info.role == "stage":
            for path in paths(stage.shape):
                yield f"stage {name} {path}", partial(_in_stage, name, stage.shape, path)
    for target, name in deployed():
        yield f"deploy to {target} {name}", partial(_in_deployment, target, name)


def _in_recipe(recipe: Shape, start: Mapping[str, Any], path: Path_, text: str) -> dict[str, Any]:
    return merged(start, whole(recipe, path, text))


def _in_stage(name: str, shape: Shape, path: Path_, text: str) -> dict[str, Any]:
    return merged(START, {"stages": {"after": [{"stage": name, "options": whole(shape, path, text)}]}})


def _in_deployment(target: str, name: str, text: str) -> dict[str, Any]:
    config = {name: [text] if name == "args" else text}
    mlops = {"register": {"model_name": WORD}, "deploy": {"target": target, "config": config}}
    return merged(START, {"mlops": mlops})


def deployed() -> Iterator[tuple[str, str]]:
    """The settings of text of each target."""
    schema = json.loads((ROOT / "schemas/stages/deploy.schema.json").read_text("utf-8"))
    for branch in schema["allOf"]:
        target = branch["if"]["properties"]["target"].get("const")
        for name in branch["then"]["properties"]["config"].get("properties", {}):
            if target and schema["$defs"][name]["type"] in ("string", "array"):
                yield target, name


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        both = isinstance(found.get(key), Mapping) and isinstance(value, Mapping)
        found[key] = merged(found[key], value) if both else value
    return found


FIELDS = dict(fields())
NAMES = [*FIELDS]


# What gen says of them


def found_in(recipe: Mapping[str, Any], folder: Path) -> list[Problem]:
    path = folder / "example.json"
    path.write_text(json.dumps(recipe), "utf-8")
    try:
        read = Reader(SCHEMAS).recipe(Source(path, "example.json"))
    except Problems as error:
        return sorted(error.problems)
    return VALIDATOR.check(read.written, rules.identity(read, LANGUAGES)) or rules.check(read, SCHEMAS, LANGUAGES)


@dataclass(frozen=True)
class Walked:
    """The recipes that were accepted, by stem, with the field and the text, and the project that gen wrote."""

    accepted: Mapping[str, tuple[str, str]]
    refused: Mapping[tuple[str, str], list[Problem]]
    root: Path
    said: Sequence[str]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    folder, root = tmp_path_factory.mktemp("field"), project(tmp_path_factory.mktemp("fields"), {})
    accepted: dict[str, tuple[str, str]] = {}
    refused = {}
    (root / "recipes").mkdir()
    for number, (name, written) in enumerate(FIELDS.items()):
        for letter, text in zip("wabc", (WORD, *HOSTILE), strict=True):
            stem = f"f{number}_{letter}"
            recipe = written(text)
            if problems := found_in(recipe, folder):
                refused[name, text] = problems
            else:
                accepted[stem] = (name, text)
                said = recipe if recipe["id"] == text else recipe | {"id": stem}
                (root / "recipes" / f"{stem}.json").write_text(json.dumps(said), "utf-8")
    ran = [
        gen(arguments, root)
        for arguments in (["recipes"], ["--check", "recipes"], ["--check", "--format", "github", "recipes"])
    ]
    assert [each.code for each in ran] == [0, 0, 0], ran[0].both[:3000]
    return Walked(accepted, refused, root, [each.both for each in ran])


def test_every_field_is_walked() -> None:
    assert len(FIELDS) > 200
    assert {name for _, name in deployed()} <= {*SETTINGS}, "a deployment's own test sends them through its files"


def test_what_gen_says_is_only_read(walked: Walked) -> None:
    for text in walked.said:
        assert safe(text)
    for (name, text), problems in walked.refused.items():
        for each in (report.text(problems, color=False), report.github(problems)):
            assert safe(each), (name, text)
        assert report.github(problems).count("\n") == len(problems), (name, text)
        rendered = output.ProblemsOutput(problems=output.problem_outputs(problems)).text()
        assert safe(rendered) and len(json.loads(rendered)["problems"]) == len(problems), (name, text)


def test_most_fields_take_any_text(walked: Walked) -> None:
    taken = {name for name, text in walked.accepted.values() if text == HOSTILE[0]}
    assert len(taken) > len(FIELDS) / 4


# What is generated


def python_shape(source: str) -> str:
    """A module with S in place of each text: what a text that stays one cannot change."""

    class Texts(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant("S") if isinstance(node.value, str) else node

    return ast.dump(Texts().visit(ast.parse(source)))


def pairs(walked: Walked) -> Iterator[tuple[str, str, str]]:
    """Stems of hostile recipes with those that have a harmless text in the same field, and the text."""
    for stem, (_, text) in walked.accepted.items():
        harmless = stem[:-1] + "w"
        if text != WORD and harmless in walked.accepted:
            yield stem, harmless, text


def test_every_text_that_is_taken_is_data_in_json_and_python(walked: Walked) -> None:
    generated = walked.root / "generated"
    for stem, harmless, text in pairs(walked):
        assert len(json.loads((generated / f"ir/{stem}.json").read_text("utf-8"))) == len(
            json.loads((generated / f"ir/{harmless}.json").read_text("utf-8"))
        )
        sources = [(generated / f"python/crucible_recipes/{each}.py").read_text("utf-8") for each in (stem, harmless)]
        shapes = [
            python_shape(source).replace(each, "ID") for source, each in zip(sources, (stem, harmless), strict=True)
        ]
        assert shapes[0] == shapes[1], walked.accepted[stem]
        constants = {node.value for node in ast.walk(ast.parse(sources[0])) if isinstance(node, ast.Constant)}
        assert text in constants, walked.accepted[stem]


SCRIPT = """
defmodule Shape do
  def of(path) do
    {:ok, tree} = path |> File.read!() |> Code.string_to_quoted()
    Macro.prewalk(tree, fn
      text when is_binary(text) -> "S"
      {name, _, rest} -> {said(name), [], rest}
      other -> said(other)
    end)
  end

  defp said(atom) when is_atom(atom) and atom not in [nil, true, false] do
    text = Atom.to_string(atom)

    if String.contains?(text, "harmless") or String.match?(text, ~r/^f\\d+_?[a-c]|^f\\d+_?w/i),
      do: :s,
      else: atom
  end

  defp said(other), do: other
end

[list] = System.argv()
for line <- File.stream!(list) do
  [one, other] = String.split(String.trim(line), "\\t")
  if Shape.of(one) != Shape.of(other), do: IO.puts(one)
end
"""


@pytest.mark.elixir
def test_every_text_that_is_taken_is_data_in_elixir(walked: Walked, tmp_path: Path) -> None:
    folder = walked.root / "generated/elixir/lib/crucible_recipes"
    listed = [f"{folder / stem}.ex\t{folder / harmless}.ex\n" for stem, harmless, _ in pairs(walked)]
    assert len(listed) > len(FIELDS)
    (tmp_path / "list").write_text("".join(listed))
    (tmp_path / "shape.exs").write_text(SCRIPT)
    done = subprocess.run(
        [tool("elixir"), "--erl", "+fnu", str(tmp_path / "shape.exs"), str(tmp_path / "list")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""


# What a run shows


class Tags(HTMLParser):
    """The elements of a page, with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))


def tags(text: str) -> list[tuple[str, ...]]:
    reader = Tags()
    reader.feed(text)
    return reader.found


def test_every_text_that_is_taken_is_data_on_the_terminal_and_in_the_report(walked: Walked, tmp_path: Path) -> None:
    pages = {}
    for stem, (name, _) in walked.accepted.items():
        path = walked.root / f"generated/python/crucible_recipes/{stem}.py"
        spec = importlib.util.spec_from_file_location(stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[stem] = module  # dataclasses look their module up
        try:
            spec.loader.exec_module(module)
            experiment = module.build_experiment()
        finally:
            del sys.modules[stem]
        shown = quoting.printable_json(pretty(experiment))
        assert safe(shown) and json.loads(shown) == json.loads(pretty(experiment)), name
        assert safe(quoting.printable(plans.plan(experiment, module.evaluation()))), name
        run = Run(
            path=tmp_path / "run",
            state="failed",
            error=module.DESCRIPTION,
            failed=experiment.pipeline[0].name,
            experiment=json.loads(pretty(experiment)),
            config={},
            environment={},
            stages=(),
            asked=None,
            metrics=(),
        )
        pages[stem] = page(run)
    for stem, harmless, _ in pairs(walked):
        assert tags(pages[stem]) == tags(pages[harmless]), walked.accepted[stem]


# Settings


@pytest.mark.parametrize("name", json.loads((ROOT / "schemas/settings.schema.json").read_text("utf-8"))["properties"])
def test_no_text_of_settings_reaches_the_terminal_as_it_is(name: str, tmp_path: Path) -> None:
    for text in HOSTILE:
        for value in (text, [text], {text: text}, {text: {text: text}}):
            root = project(tmp_path, {"gen.yaml": json.dumps({name: value}), "recipes/a.json": json.dumps(START)})
            for more in (["--check"], ["settings"], ["--check", "--format", "github"], ["--check", "--format", "json"]):
                ran = gen(more, root)
                assert ran.code in (0, 1, 2), ran.both
                assert safe(ran.both), (value, more)

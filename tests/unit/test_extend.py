"""Schema files of third parties: found, checked, and added to the shipped ones."""

# ruff: noqa: E501 -- a table has a line a row

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from command import project
from crucible_gen.diagnostics.problems import Problem, Problems
from crucible_gen.languages import registry
from crucible_gen.schemas import Schemas, third_party

SHIPPED = Schemas.load()
RUN = registry.get("python").run_values


def extend(schemas: Schemas, paths: list[Path]) -> Schemas:
    types = {language.name: language.type_problem for language in registry.built_in()}
    return third_party.extend(schemas, paths, RUN, types)


def stage(name: str = "audit", properties: dict[str, Any] | None = None, **more: Any) -> str:
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Acme.Audit",
        "description": "Audits.",
        "x-stage": {"name": name, "module": "Acme.Audit"},
        "type": "object",
        "additionalProperties": False,
        "properties": properties or {},
    }
    return json.dumps(document | more, indent=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(*paths: str) -> list[Problem]:
    with pytest.raises(Problems) as caught:
        extend(SHIPPED, [Path(path) for path in paths])
    return list(caught.value.problems)


def names(schemas: Schemas) -> set[str]:
    return set(schemas.stages) - set(SHIPPED.stages)


def test_without_paths_nothing_changes() -> None:
    assert extend(SHIPPED, []) is SHIPPED


def test_directories_are_read_to_the_bottom_and_files_as_named(here: Path) -> None:
    project(
        here,
        {"s/a.schema.json": stage("a"), "s/deep/b.schema.json": stage("b"), "s/notes.json": "{", "c.json": stage("c")},
    )
    schemas = extend(SHIPPED, [Path("s"), Path("c.json")])
    assert names(schemas) == {"a", "b", "c"}
    assert set(schemas.documents) >= set(SHIPPED.documents)
    assert schemas.stages["b"].info.module == "Acme.Audit"


def test_a_file_may_refer_to_files_beside_it_and_to_shipped_ones(here: Path) -> None:
    level = {"title": "Level", "description": "L.", "$schema": "https://json-schema.org/draft/2020-12/schema"}
    level |= {"$defs": {"level": {"description": "How strict.", "type": "integer", "minimum": 1}}}
    properties = {
        "level": {"$ref": "../shared.schema.json#/$defs/level"},
        "judge": {"description": "Who judges.", "$ref": "ir/model_ref.schema.json"},
    }
    project(here, {"s/deep/a.schema.json": stage("a", properties), "s/shared.schema.json": json.dumps(level)})
    shape = extend(SHIPPED, [Path("s")]).stages["a"].shape
    assert shape.properties["level"].minimum == 1
    assert shape.properties["judge"].record == "model_ref"


def test_keys_depend_on_how_the_files_lie_to_each_other_alone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(here, {"one/s/a.schema.json": stage("a"), "two/s/a.schema.json": stage("a"), "one/sub/x": ""})
    first = extend(SHIPPED, [Path("one/s")])
    monkeypatch.chdir(here / "one" / "sub")
    second = extend(SHIPPED, [Path("../../two/s")])
    assert list(first.places) == list(second.places) == ["own/a.schema.json"]


def test_a_file_of_the_same_path_as_a_shipped_one_does_not_replace_it(here: Path) -> None:
    project(here, {"stages/bench.schema.json": stage("acme_bench")})
    schemas = extend(SHIPPED, [Path("stages")])
    assert schemas.stages["bench"] == SHIPPED.stages["bench"]
    assert names(schemas) == {"acme_bench"}


def test_a_stage_is_described_once(here: Path) -> None:
    project(here, {"a.schema.json": stage("bench"), "b.schema.json": stage("audit"), "c.schema.json": stage("audit")})
    first, second = refused("a.schema.json", "b.schema.json", "c.schema.json")
    assert first.code == second.code == "E0503"
    assert first.message == "stage bench is described twice: here and in the shipped schemas"
    assert second.message == "stage audit is described twice: here and in b.schema.json"
    assert (first.place.file, first.place.line) == ("a.schema.json", 6)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", "E0134", "`{` is never closed"),
        ("[]", "E0501", "the file must be a mapping, found an empty list"),
        (stage(properties={"a": {"type": "integer"}}), "E0501", "a must have one of description, $ref"),
        (stage(properties={"a": {"description": "A.", "minimun": 1}}), "E0501", "unknown field minimun in a"),
        (stage(properties={"A b": {"description": "A."}}), "E0501", 'the names in properties must be a word of small letters, digits and `_`, found "A b"'),
        (stage(**{"x-stage": {"name": "audit", "module": "acme"}}), "E0501", 'module must be the name of an Elixir module, found "acme"'),
        (stage(additionalProperties=True), "E0501", "additionalProperties must be false, found true"),
        (stage(properties={"a": {"description": "A.", "$ref": "b.schema.json"}}), "E0502", "$ref b.schema.json leads to no schema"),
        (stage(properties={"a": {"description": "A.", "type": "integer", "x-from": "training_config.epoch"}}), "E0504", "x-from training_config.epoch of option a: a supervised recipe has no field epoch"),
    ],
)  # fmt: skip
def test_mistakes_have_their_place(here: Path, text: str, code: str, message: str) -> None:
    project(here, {"s/a.schema.json": text})
    (problem,) = refused("s")
    assert (problem.code, problem.message) == (code, message)
    assert problem.place.file == "s/a.schema.json"
    assert problem.place.line


def test_mistakes_of_all_files_come_together(here: Path) -> None:
    bad = stage(properties={"a": {"description": "A.", "x": 1}})
    project(here, {"s/a.schema.json": bad, "s/b.schema.json": "[", "empty/x": ""})
    found = refused("s", "empty", "gone")
    assert [(problem.code, problem.place.file) for problem in found] == [
        ("E0505", "empty"),
        ("E0505", "gone"),
        ("E0501", "s/a.schema.json"),
        ("E0151", "s/b.schema.json"),
    ]


def test_an_option_may_be_fed_by_a_field_that_every_type_has(here: Path) -> None:
    fed = {"description": "A.", "type": "integer", "x-from": "training_config.options.lora_rank", "default": 1}
    project(here, {"a.schema.json": stage(properties={"a": fed})})
    assert extend(SHIPPED, [Path("a.schema.json")]).stages["audit"].shape.properties["a"].source == fed["x-from"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"type": "integer", "default": "x"}, 'default must be a whole number, found the text "x"'),
        ({"type": "integer", "minimum": 1, "default": 0}, "default must be at least 1, found 0"),
        ({"type": "string", "enum": ["a"], "default": "b"}, 'default must be a, found "b"'),
        ({"type": "string", "x-elixir-type": "timestamp", "default": "tomorrow"}, "default cannot stand here"),
    ],
)
def test_a_default_that_its_own_schema_refuses(here: Path, option: dict[str, Any], message: str) -> None:
    project(here, {"a.schema.json": stage(properties={"one": {"description": "One."} | option})})
    (problem,) = refused("a.schema.json")
    assert (problem.code, problem.place.file) == ("E0501", "a.schema.json")
    assert problem.message == message


def test_a_default_of_null_or_one_that_fits(here: Path) -> None:
    options = {"one": {"type": ["integer", "null"], "default": None}, "two": {"type": "number", "default": 1}}
    described = {name: {"description": "One."} | option for name, option in options.items()}
    project(here, {"a.schema.json": stage(properties=described)})
    assert names(extend(SHIPPED, [Path("a.schema.json")])) == {"audit"}


def test_a_live_value_is_called_as_nothing_that_every_run_has(here: Path) -> None:
    live = {"description": "Live.", "x-inject": {"elixir": "term()", "python": "Any", "needed": False}}
    project(here, {"a.schema.json": stage(properties={"resume": live, "judge": live, "log_path": live})})
    (problem,) = refused("a.schema.json")
    assert problem.code == "E0501"
    assert problem.message == "every run has a resume of its own, which a live value of a stage cannot be"
    assert problem.hint == "name it after its stage, such as audit_resume"
    assert (problem.place.file, problem.place.line) == ("a.schema.json", 12)


@pytest.mark.parametrize(
    ("language", "text", "message", "hint"),
    [
        ("python", "__import__('os').system('touch X')", "expected a type of Python", "write a type such as"),
        ("python", "str\n    x = 1", "expected a type on one line", "write it without line ends"),
        ("python", "(?i)x", "expected a type of Python", "write a type such as"),
        ("python", "lambda: 1", "expected a type of Python", "write a type such as"),
        ("python", "str if True else int", "expected a type of Python", "write a type such as"),
        ("python", "Mapping[str, f()]", "expected a type of Python", "write a type such as"),
        ("python", "str = 1", "expected a type of Python", "write a type such as"),
        ("python", "os.PathLike", "expected a type of Python", "write a type such as"),
        ("python", "'str'", "expected a type of Python", "write a type such as"),
        ("python", "(" * 5000, "expected a type of Python", "write a type such as"),
        ("python", "sequence[str]", "a generated module has no sequence", "did you mean Sequence?"),
        ("python", "Ｐath", "expected a type of Python", "write a type such as"),
        ("elixir", 'System.cmd("touch", ["X"])', "expected a type of Elixir", "write a type such as"),
        ("elixir", "term()\n  def x, do: 1", "expected a type on one line", "write it without line ends"),
        ("elixir", "term(), do: 1", "expected a type of Elixir", "write a type such as"),
        ("elixir", "(?i)x", "expected a type of Elixir", "write a type such as"),
        ("elixir", "unquote(x)", "expected a type of Elixir", "there is no type unquote"),
        ("elixir", "#{x}", "expected a type of Elixir", "write a type such as"),
        ("elixir", "strings()", "expected a type of Elixir", "there is no type strings"),
        ("elixir", "[" * 5000, "expected a type of Elixir", "write a type such as"),
    ],
)
def test_a_type_is_a_type(here: Path, language: str, text: str, message: str, hint: str) -> None:
    inject = {"elixir": "term()", "python": "Any", "needed": False} | {language: text}
    project(here, {"a.schema.json": stage(properties={"judge": {"description": "Live.", "x-inject": inject}})})
    (problem,) = refused("a.schema.json")
    assert (problem.code, problem.place.line) == ("E0501", 15 if language == "elixir" else 16)
    assert problem.message.startswith(f"x-inject.{language}: {message}")
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "python",
            ["Any", "str | None", "Mapping[str, Any]", "Callable[[str, int], bool]", "tuple[int, ...]", "Ports | None"],
        ),
        (
            "elixir",
            [
                *("term()", "String.t() | nil", "{module(), term()} | nil", "[String.t()]", "[atom: term()]", "0..100"),
                *("(term() -> boolean())", "(-> :ok | {:error, term()})", "(... -> any())", "%{name: String.t()}"),
                *(
                    "%{optional(atom()) => term()}",
                    "%{required(:a) => [integer(), ...]}",
                    "Acme.Judge.t(String.t())",
                    "%{}",
                ),
            ],
        ),
    ],
)
def test_types_of_every_form_are_types(language: str, texts: list[str]) -> None:
    assert [registry.get(language).type_problem(text) for text in texts] == [None] * len(texts)


def test_what_every_run_has_is_what_the_runtime_says() -> None:
    text = (Path(__file__).parents[2] / "runtime/python/crucible_runtime/interface/stages.py").read_text("utf-8")
    (config,) = (each for each in ast.parse(text).body if isinstance(each, ast.ClassDef) and each.name == "RunConfig")
    fields = {
        each.target.id for each in config.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    # What stages are handed too, by the same name.
    assert fields == RUN | {"ports", "training_config", "log_path"}

"""Both languages build the same experiment, whatever is overridden, and whatever feeds a stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import gen, project
from elixir_project import Verdict, ask
from generated import GENERATED, STEMS, compact, ir, module, python
from overrides import BAD, GOOD

SCRIPT = """
import importlib, json, sys
from crucible_runtime import CrucibleError
from crucible_runtime.canonical import canonical

answers = []
for stem, overrides in json.load(sys.stdin):
    recipe = importlib.import_module(f"crucible_recipes.{stem}")
    try:
        answers.append(["value", canonical(recipe.build_experiment(recipe.Config(training_config=overrides)))])
    except CrucibleError as error:
        answers.append(["raised", str(error)])
json.dump(answers, sys.stdout)
"""

pytestmark = pytest.mark.elixir


def type_of(stem: str) -> str:
    """The type of a recipe, as its stage tells."""
    types = {"supervised_train": "supervised", "rl_train": "rl", "dpo_train": "preference", "distillation": "distillation"}
    names = [stage["name"] for stage in json.loads(ir(stem))["pipeline"]]
    return next(type_ for name, type_ in types.items() if name in names)


def in_python(cases: list[tuple[str, dict[str, Any]]], path: Path, directory: Path) -> list[tuple[str, str]]:
    """What Python makes of recipes with overrides: a value or an exception, and its text."""
    script, asked = directory / "ask.py", directory / "asked.json"
    script.write_text(SCRIPT.replace("sys.stdin", "open(sys.argv[1], encoding='utf-8')"), "utf-8")
    asked.write_text(json.dumps(cases), "utf-8")
    ran = python(str(script), str(asked), path=path, warnings="default")
    assert ran.returncode == 0, ran.stderr
    return [(kind, text) for kind, text in json.loads(ran.stdout)]


@pytest.fixture(scope="module")
def elixir(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    asked = {}
    for stem in STEMS:
        name = module(GENERATED / "elixir", stem)
        sources = {case: override.elixir for case, override in GOOD.items() if type_of(stem) in override.types}
        sources |= {case: source for case, (_, source) in BAD.items()}
        for case, source in sources.items():
            built = f"{name}.build_spec(%{{training_config: {source}}})"
            asked[f"{stem} {case}"] = f"CrucibleRecipes.to_json({built})"
    return ask(GENERATED / "elixir", tmp_path_factory.mktemp("overrides"), asked)


@pytest.mark.parametrize("stem", STEMS)
def test_the_same_override_makes_the_same_experiment(elixir: Verdict, stem: str, tmp_path: Path) -> None:
    cases = [case for case, override in GOOD.items() if type_of(stem) in override.types]
    answers = in_python([(stem, GOOD[case].python) for case in cases], GENERATED / "python", tmp_path)
    for case, (kind, text) in zip(cases, answers, strict=True):
        assert kind == "value", (case, text)
        assert elixir.values.get(f"{stem} {case}", elixir.raised.get(f"{stem} {case}")) == text, case
    plain = compact(ir(stem))
    assert {case for case, (_, text) in zip(cases, answers, strict=True) if text == plain} >= {"nothing"}
    assert answers[cases.index("scalars")][1].count('"learning_rate":0.0075') >= 3


@pytest.mark.parametrize("stem", STEMS)
def test_what_nobody_may_override_is_named_in_both(elixir: Verdict, stem: str, tmp_path: Path) -> None:
    answers = in_python([(stem, overrides) for overrides, _ in BAD.values()], GENERATED / "python", tmp_path)
    for case, (kind, text) in zip(BAD, answers, strict=True):
        assert kind == "raised" and " epoch" in text, (case, text)
        assert "%KeyError{key: :epoch" in elixir.raised[f"{stem} {case}"], case


# Stages of third parties -----------------------------------------------------------------------------------------------

FED: dict[str, tuple[str, dict[str, Any]]] = {
    "recipe": ("id", {"type": "string"}),
    "recipe_type": ("type", {"type": "string", "x-elixir-type": "atom"}),
    "owner": ("owner", {"type": "string", "default": "nobody"}),
    "tags": ("tags", {"type": "array"}),
    "created": ("created_at", {"type": "string", "x-elixir-type": "timestamp"}),
    "backend": ("backend", {"type": "object"}),
    "backend_id": ("backend.id", {"type": "string", "x-elixir-type": "atom"}),
    "backend_profile": ("backend.profile", {"type": "string", "x-elixir-type": "atom", "default": "none"}),
    "dataset": ("dataset", {"type": "object"}),
    "dataset_name": ("dataset.name", {"type": "string"}),
    "dataset_version": ("dataset.version", {"type": "string", "default": "main"}),
    "dataset_split": ("dataset.split", {"type": "string", "x-elixir-type": "atom"}),
    "model": ("training_config.model_ref", {"type": "object"}),
    "task": ("training_config.model_ref.task", {"type": "string", "x-elixir-type": "atom", "default": "chat"}),
    "rate": ("training_config.learning_rate", {"type": "number", "x-elixir-type": "float"}),
    "clip": ("training_config.gradient_clipping", {"type": "number", "x-elixir-type": "float", "default": 1}),
    "seed": ("training_config.seed", {"type": "integer", "default": 0}),
    "mixed": ("training_config.mixed_precision", {"type": "boolean", "default": False}),
    "metrics": ("training_config.metrics", {"type": "array"}),
    "options": ("training_config.options", {"type": "object"}),
    "rank": ("training_config.options.lora_rank", {"type": "integer", "default": 8}),
    "rank_or_none": ("training_config.options.lora_rank", {"type": "integer"}),
    "reported": ("training_config.options.train_on_what", {"type": "string", "x-elixir-type": "atom", "default": "x"}),
    "patience": ("training_config.early_stopping.patience", {"type": "integer", "default": 3}),
    "patience_or_none": ("training_config.early_stopping.patience", {"type": "integer"}),
    "alpha": ("reliability.stats.alpha", {"type": "number", "x-elixir-type": "float"}),
    "baseline": ("baseline.id", {"type": "string", "default": "none"}),
    "longest": ("evaluation.max_tokens", {"type": "integer", "default": 1}),
    "model_name": ("mlops.register.model_name", {"type": "string", "default": "none"}),
}
SAID = {
    "checker": {"type": "string", "x-elixir-type": "module"},
    "judges": {"type": "array", "items": {"$ref": "ir/model_ref.schema.json"}},
    "rows": {"type": "object", "x-elixir-type": "text_map"},
    "hook": {"type": "object", "x-elixir-type": "keyword"},
    "at": {"type": "string", "x-elixir-type": "timestamp"},
    "weight": {"type": "number", "x-elixir-type": "float"},
}
OPTIONS = {
    "checker": "Acme.Audit.Checker",
    "judges": ["short", {"id": "long", "provider": "huggingface"}],
    "rows": {"a b": {"c": [1, "#{x}"]}},
    "hook": {"on_error": "stop", "retries": 3},
    "at": "2026-01-31T13:00:00+01:00",
    "weight": 1,
}
BARE: dict[str, Any] = {"type": "supervised", "training_config": {"model_ref": "m", "dataset_ref": "d"}}
FULL: dict[str, Any] = BARE | {
    "description": "Everything that a stage can be fed from.",
    "owner": "research",
    "tags": ["nightly", "qwen3.5"],
    "created_at": "2026-01-31T12:00:00Z",
    "backend": {"id": "local", "options": {"retries": 3}},
    "dataset": {"name": "other", "split": "test"},
    "baseline": "base/model",
    "reliability": {"stats": {"alpha": 0.05}},
    "mlops": {"register": {"model_name": "audited"}},
    "evaluation": {"tasks": [{"name": "t", "samples": [{"input": "i", "target": "t"}]}]},
    "training_config": {
        "model_ref": {"id": "m", "task": "code"},
        "dataset_ref": {"name": "d", "version": "v2"},
        "gradient_clipping": 2,
        "seed": 0,
        "mixed_precision": True,
        "early_stopping": {"patience": 9},
        "options": {"lora_rank": 4, "train_on_what": "all_tokens"},
    },
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a stage of a third party that takes a map, and one that takes keywords, in bare and full recipes."""
    properties = {name: {"description": "Fed.", "x-from": source, **raw} for name, (source, raw) in FED.items()}
    properties |= {name: {"description": "Said.", **raw} for name, raw in SAID.items()}
    properties["token"] = {
        "description": "Secret of the service.",
        "x-inject": {"elixir": "String.t() | nil", "python": "str | None", "needed": True},
    }
    files = {"gen.yaml": "schemas: [stages/]\n"}
    for kind in ("map", "keyword"):
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Acme.Audit",
            "description": "Audits the training.",
            "x-stage": {"name": f"audit_{kind}", "module": f"Acme.Audit.{kind.title()}", "options": kind},
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
        }
        files[f"stages/{kind}.schema.json"] = json.dumps(schema)
    stages = {"before": [{"stage": "audit_map"}], "after": [{"stage": "audit_keyword", "options": OPTIONS}]}
    for name, recipe in (("bare", BARE), ("full", FULL)):
        files[f"recipes/{name}.json"] = json.dumps(recipe | {"id": name, "stages": stages})
    root = project(tmp_path_factory.mktemp("audited"), files)
    ran = gen(["recipes"], root)
    assert ran.code == 0, ran.both
    return root


def test_a_stage_is_fed_the_same_in_both(audited: Path, tmp_path: Path) -> None:
    overrides = {
        "": ({}, "%{}"),
        " overridden": (
            {"early_stopping": {"patience": 5}, "seed": 7, "options": {"lora_rank": 2, "train_on_what": None}},
            "%{early_stopping: %{patience: 5}, seed: 7, options: %{lora_rank: 2, train_on_what: nil}}",
        ),
        " emptied": (
            {"early_stopping": None, "gradient_clipping": None, "options": None, "model_ref": {"task": None}},
            "%{early_stopping: nil, gradient_clipping: nil, options: nil, model_ref: %{task: nil}}",
        ),
    }
    generated = audited / "generated"
    asked = {
        f"{stem}{case}": f"CrucibleRecipes.to_json({module(generated / 'elixir', stem)}.build_spec(training_config: {source}))"
        for stem in ("bare", "full")
        for case, (_, source) in overrides.items()
    }
    verdict = ask(generated / "elixir", tmp_path, asked)
    assert (verdict.warnings, verdict.unformatted, verdict.raised) == ([], {}, {})
    cases = [(stem, value) for stem in ("bare", "full") for value, _ in overrides.values()]
    answers = in_python(cases, generated / "python", tmp_path)
    assert answers == [("value", verdict.values[key]) for key in asked]
    for stem in ("bare", "full"):
        assert verdict.values[stem] == compact((generated / f"ir/{stem}.json").read_text("utf-8"))


def test_what_feeds_a_stage_is_what_the_experiment_holds(audited: Path) -> None:
    bare, full = (json.loads((audited / f"generated/ir/{stem}.json").read_text("utf-8")) for stem in ("bare", "full"))
    fed, fed_full = bare["pipeline"][0]["options"], full["pipeline"][0]["options"]
    for experiment, options in ((bare, fed), (full, fed_full)):
        assert options["recipe"] == experiment["id"]
        assert options["recipe_type"] == "supervised"
        for name in ("backend", "dataset"):
            assert options[name] == experiment[name]
        assert options["backend_id"] == experiment["backend"]["id"]
        assert options["backend_profile"] == experiment["backend"]["profile"] == "default"
        assert options["dataset_split"] == experiment["dataset"]["split"]
        assert options["model"] == experiment["training_config"]["model_ref"]
        assert options["options"] == experiment["training_config"]["options"]
        assert options["tags"] == experiment["tags"]
        assert options["created"] == experiment["created_at"]
        assert options["token"] is None
    nothing_said = {
        "owner": "nobody", "dataset_version": "main", "task": "chat", "clip": 1.0, "seed": 0, "mixed": False,
        "rank": 8, "rank_or_none": None, "reported": "x", "patience": 3, "patience_or_none": None, "alpha": None,
        "baseline": "none", "longest": 1, "model_name": "none",
    }  # fmt: skip
    everything_said = {
        "owner": "research", "dataset_version": "main", "task": "code", "clip": 2.0, "seed": 0, "mixed": True,
        "rank": 4, "rank_or_none": 4, "reported": "all_tokens", "patience": 9, "patience_or_none": 9, "alpha": 0.05,
        "baseline": "base/model", "longest": 1024, "model_name": "audited",
    }  # fmt: skip
    assert {name: fed[name] for name in nothing_said} == nothing_said
    assert {name: fed_full[name] for name in everything_said} == everything_said
    said = full["pipeline"][-1]["options"]
    assert said["checker"] == "Elixir.Acme.Audit.Checker"
    assert [judge["id"] for judge in said["judges"]] == ["short", "long"]
    assert (said["at"], said["weight"], said["hook"]) == ("2026-01-31T12:00:00Z", 1.0, OPTIONS["hook"])


def test_the_tools_find_nothing_in_what_is_fed(audited: Path, tmp_path: Path) -> None:
    import black
    from generated import lint, types

    for path in sorted((audited / "generated/python").rglob("*.py")):
        text = path.read_text("utf-8")
        assert black.format_str(text, mode=black.Mode()) == text
    linted = lint(audited / "generated/python")
    assert linted.returncode == 0, linted.stdout
    typed = types(audited / "generated/python", tmp_path, "crucible_recipes")
    assert typed.returncode == 0, typed.stdout + typed.stderr

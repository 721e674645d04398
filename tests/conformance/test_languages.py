"""Both languages build the same experiment, whatever is overridden, and whatever feeds a stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import black
import pytest
from command import gen, project
from elixir_project import Verdict, ask
from generated_code import GENERATED, STEMS, compact, ir, lint, module, python, types
from overrides import BAD, GOOD

SCRIPT = """
import importlib, json, sys
from crucible_runtime import CrucibleError
from crucible_runtime.experiment.canonical import canonical

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


def kind_of(stem: str) -> str:
    """The kind of a recipe, as its stage and its options tell."""
    types = {
        "supervised_train": "supervised",
        "rl_train": "rl",
        "dpo_train": "preference",
        "distillation": "distillation",
    }
    experiment = json.loads(ir(stem))
    if (experiment["training_config"]["options"] or {}).get("method") == "prompt":
        return "prompt_distillation"
    names = [stage["name"] for stage in experiment["pipeline"]]
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
        sources = {case: override.elixir for case, override in GOOD.items() if kind_of(stem) in override.kinds}
        sources |= {case: source for case, (_, source) in BAD.items()}
        for case, source in sources.items():
            built = f"{name}.build_spec(%{{training_config: {source}}})"
            asked[f"{stem} {case}"] = f"CrucibleRecipes.to_json({built})"
    return ask(GENERATED / "elixir", tmp_path_factory.mktemp("overrides"), asked)


@pytest.mark.parametrize("stem", STEMS)
def test_the_same_override_makes_the_same_experiment(elixir: Verdict, stem: str, tmp_path: Path) -> None:
    cases = [case for case, override in GOOD.items() if kind_of(stem) in override.kinds]
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


# Stages of third parties ---------------------------------------------------------------------------------------------

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
    """A bare and a full recipe with two stages of third parties: one takes a map, one takes keywords."""
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
    modules = {stem: module(generated / "elixir", stem) for stem in ("bare", "full")}
    asked = {
        f"{stem}{case}": f"CrucibleRecipes.to_json({name}.build_spec(training_config: {source}))"
        for stem, name in modules.items()
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
    for path in sorted((audited / "generated/python").rglob("*.py")):
        text = path.read_text("utf-8")
        assert black.format_str(text, mode=black.Mode()) == text
    linted = lint(audited / "generated/python")
    assert linted.returncode == 0, linted.stdout
    typed = types(audited / "generated/python", tmp_path, "crucible_recipes")
    assert typed.returncode == 0, typed.stdout + typed.stderr


# Recipes at the edges ------------------------------------------------------------------------------------------------

LONGEST = "long_" + "x" * 123
AWKWARD: dict[str, dict[str, Any]] = {
    LONGEST: BARE | {"mlops": {"register": {"model_name": "m" * 120}}, "description": "word " * 60 + "x" * 120},
    "V2.Large-Model": BARE | {"description": "  leading, trailing and\n\n    indented\n\n\nlines \n"},
    "quoted": BARE | {"description": '"""quoted""" and "ends with a quote"', "owner": "'"},
    "empty": BARE | {"tags": [], "metadata": {}, "outputs": [], "stages": {}, "mlops": {}, "reliability": {}},
    "moments": BARE
    | {"created_at": "2026-01-31T12:00:00.5-11:30", "updated_at": "0001-01-01T00:00:00Z"}
    | {"model_version": {"id": "v1", "model_id": "m", "version": "1", "created_at": "9999-12-31T23:59:59.999999Z"}},
    "numbers": BARE
    | {"metadata": {"a": 1, "b": 1.0, "c": 2**63 - 1, "d": -(2**63), "e": 1e-300, "f": 123456.0, "g": 0.1, "h": -0.0}}
    | {"training_config": BARE["training_config"] | {"learning_rate": 1, "epochs": 3.0, "validation_split": 0.5}},
    "short_forms": BARE
    | {"backend": "local", "dataset": "d", "baseline": "b"}
    | {"training_config": {"model_ref": "org/model", "dataset_ref": "org/data"}},
    "asked": BARE
    | {
        "evaluation": {
            "name": "final exam",
            "temperature": 0,
            "stop": ["\n\n", '"'],
            "tasks": [
                {
                    "name": "rows",
                    "dataset": {"name": "d", "split": "test", "options": {"config": "main"}},
                    "input_column": "question",
                    "target_column": "answer",
                    "limit": 5,
                },
                {"name": "written", "samples": [{"input": "", "target": "", "system_prompt": "#{x}"}]},
            ],
        }
    },
    "asked_as_a_stage": BARE
    | {
        "evaluation": {
            "as": "stage",
            "module": "Acme.Evaluate",
            "name": "exam",
            "tasks": [{"name": "t", "scorer": "contains", "samples": [{"input": "i", "target": "t"}]}],
        }
    },
    "keywords": BARE
    | {
        "mlops": {
            "register": {
                "model_name": "m",
                "artifacts": [{"type": "config", "storage_backend": "s3", "storage_path": "p"}],
            },
            "deploy": {"target": "noop", "config": {"timeout": 5}},
            "feedback": {"storage": "Acme.Feedback.Store", "limit": 1},
            "triggers": {},
        }
    },
    "config": BARE | {"stages": {"before": [{"stage": "guardrails", "options": {"adapter": "Config.Guard"}}]}},
    "twice": BARE
    | {
        "stages": {
            "before": [{"stage": "validate"}, {"stage": "validate", "name": "validate again " + "y" * 100}],
            "after": [{"stage": "report", "enabled": False}, {"stage": "bench", "options": {"alpha": 0.01}}],
        }
    },
}


def test_recipes_at_the_edges_agree(tmp_path: Path) -> None:
    root = project(
        tmp_path, {f"recipes/{id_}.json": json.dumps(recipe | {"id": id_}) for id_, recipe in AWKWARD.items()}
    )
    ran = gen(["recipes"], root)
    assert ran.code == 0, ran.both
    generated = root / "generated"
    stems = sorted(path.stem for path in (generated / "ir").glob("*.json"))
    assert len(stems) == len(AWKWARD)
    asked = {
        stem: f"CrucibleRecipes.to_json({module(generated / 'elixir', stem)}.build_spec(training_config: [seed: 3]))"
        for stem in stems
    }
    asked |= {f"{stem} name": f"{module(generated / 'elixir', stem)}.name()" for stem in stems}
    verdict = ask(generated / "elixir", tmp_path, asked)
    assert (verdict.warnings, verdict.unformatted, verdict.raised) == ([], {}, {})
    assert {verdict.values[f"{stem} name"] for stem in stems} == set(AWKWARD)
    answers = in_python([(stem, {"seed": 3}) for stem in stems], generated / "python", tmp_path)
    assert answers == [("value", verdict.values[stem]) for stem in stems]
    for stem in stems:
        written = compact((generated / f"ir/{stem}.json").read_text("utf-8"))
        assert verdict.values[stem].replace('"seed":3', '"seed":null') == written
        path = generated / f"python/crucible_recipes/{stem}.py"
        assert black.format_str(path.read_text("utf-8"), mode=black.Mode()) == path.read_text("utf-8")
    linted = lint(generated / "python")
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("profile", [None, "smoke"])
def test_a_profile_changes_every_language(profile: str | None, tmp_path: Path) -> None:
    smoke = {"training_config": {"epochs": 1, "options": {"lora_rank": None, "max_steps": 2}}, "mlops": None}
    recipe = FULL | {"id": "tried", "profiles": {"smoke": smoke}}
    root = project(tmp_path, {"recipes/tried.json": json.dumps(recipe)})
    ran = gen(["recipes", *(["--profile", profile] if profile else [])], root)
    assert ran.code == 0, ran.both
    generated = root / "generated"
    expected = compact((generated / "ir/tried.json").read_text("utf-8"))
    assert ('"max_steps":2' in expected, '"model_register"' in expected) == (bool(profile), not profile)
    verdict = ask(generated / "elixir", tmp_path, {"it": "CrucibleRecipes.to_json(CrucibleRecipes.Tried.build_spec())"})
    assert (verdict.warnings, verdict.values["it"]) == ([], expected)
    assert in_python([("tried", {})], generated / "python", tmp_path) == [("value", expected)]

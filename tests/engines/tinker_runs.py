"""The shipped recipes on the engine tinker in, what came of them out: JSON, {case: {part: value}}.

The client is the real one; it talks to `tinker_service`. Tokenizers, the hub and the runs' directory are those of
`capture`, which shows what the cookbook's own entries do. The first argument is a directory to work in.

The parts of a recipe: `config` and `builder` are the objects that are made of it as it ships; `asked` is what reached
the service when a small version of it ran, `output` and `evaluation` are what that run left behind, `rows` its metrics
and `samples` its samples.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import capture

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "generated" / "python"))

import datasets  # noqa: E402
import tinker_service  # noqa: E402
from crucible_runtime import errors  # noqa: E402
from crucible_runtime.engines.tinker import objects, sampling, strategies, tree  # noqa: E402
from crucible_runtime.experiment.kinds import trained_kind  # noqa: E402
from crucible_runtime.ir import DatasetRef, ModelRef, TrainingConfig  # noqa: E402
from tinker_cookbook import tokenizer_utils  # noqa: E402
from tinker_cookbook.distillation import datasets as prompts  # noqa: E402
from tinker_cookbook.recipes.code_rl import code_env  # noqa: E402
from tinker_cookbook.recipes.math_rl import math_env  # noqa: E402
from tinker_cookbook.supervised import train  # noqa: E402

SMALL: Mapping[str, Mapping[str, Any]] = {
    "sl_basic": {"batch_size": 8, "options": {"max_steps": 3}},
    "sl_loop": {"batch_size": 8, "options": {"max_steps": 3}},
    "chat_sl": {"batch_size": 8, "options": {"max_steps": 3}},
    "rl_basic": {"batch_size": 2, "options": {"group_size": 2, "num_batches": 2}},
    "rl_loop": {"batch_size": 2, "options": {"group_size": 2, "num_batches": 2}},
    "code_rl": {"batch_size": 1, "options": {"group_size": 2, "num_batches": 1, "eval_every": 0}},
    "math_rl": {"batch_size": 2, "options": {"group_size": 2, "num_batches": 2, "max_tokens": 64}},
    "dpo": {"batch_size": 2, "options": {"max_steps": 3, "test_size": 2}},
    "prompt_distillation": {"batch_size": 2, "epochs": 1, "options": {"max_steps": 3}},
    "on_policy_distillation": {"batch_size": 2, "options": {"group_size": 2, "num_batches": 2}},
}
"""What is overridden so that a run takes a second; everything else is as it ships."""
SENTENCES = ["Guten Morgen.", "Buenos días.", "Good morning.", "Bonjour.", "Merhaba.", "Hello.", "Hola.", "Salut."]
TALK = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
MODEL = ModelRef(id="Qwen/Qwen3.5-9B-Base", provider="huggingface")
COMMON: Mapping[str, Any] = {"lora_rank": 4, "renderer_name": "role_colon"}
Report = dict[str, Any]


def load_dataset(*args: Any, **named: Any) -> Any:
    """The hub of `capture`, with few rows to evaluate on; this package asks for a whole data set as it is."""
    assert not named.pop("revision", None)
    assert not named.pop("streaming", False)
    found = capture.load_dataset(*args, **named)
    if isinstance(found, datasets.DatasetDict):
        return datasets.DatasetDict(train=found["train"], test=found["test"].select(range(16)))
    return found


def without_stages(recipe: str) -> Any:
    """A generated module whose experiment trains and does nothing else."""
    module = import_module(f"crucible_recipes.{recipe}")
    whole = module.build_experiment

    def build(config: Any = None) -> Any:
        made = whole(config)
        return dataclasses.replace(made, pipeline=made.pipeline[:1])

    module.build_experiment = build
    return module


def run(experiment: Any, config: Any, evaluation: Any = None) -> Any:
    from crucible_runtime.pipeline import start
    from crucible_runtime.plugins import engine

    with start(experiment, config) as pipeline:
        stage = experiment.pipeline[0]
        pipeline.stage(stage.name, lambda context, options: engine("tinker").train(context, options))
        return pipeline.finish(evaluation)


@contextlib.contextmanager
def service(**changes: Any) -> Iterator[tuple[tinker_service.Service, str]]:
    made = tinker_service.Service(capture.TOKENIZER.encode)
    for name, value in changes.items():
        setattr(made, name, value)
    with tinker_service.serve(made) as url:
        yield made, url


def asked(made: tinker_service.Service) -> list[Report]:
    """The requests, with what is long in short: how many examples, which inputs they have, and their weights."""
    found = []
    for request in made.asked:
        short = {name: value for name, value in request.items() if name not in ("inputs", "prompt")}
        if "prompt" in request:
            tokens = [token for chunk in request["prompt"]["chunks"] for token in chunk["tokens"]]
            short["prompt"] = capture.TOKENIZER.decode(tokens)
        if "inputs" in request:
            inputs = request["inputs"]
            short["examples"], short["names"] = len(inputs), sorted(inputs[0])
            weights = {round(weight, 6) for each in inputs for weight in each.get("weights", [])}
            short["weights"] = sorted(weights - {0.0})
            pairs = zip(inputs[0]["target_tokens"], inputs[0].get("weights", []), strict=False)
            short["trained"] = capture.TOKENIZER.decode([int(token) for token, weight in pairs if weight])
        found.append(short)
    return found


def lines(path: Path) -> list[Report]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def small(recipe: str, home: Path, overrides: Mapping[str, Any] | None = None, **changed: Any) -> Report:
    """A small run of a shipped recipe."""
    module = without_stages(recipe)
    with service() as (made, url):
        config = module.Config(
            base_url=url, engine="tinker", log_path=home, training_config=overrides or SMALL[recipe], **changed
        )
        result = run(module.build_experiment(config), config, module.evaluation())
    scores = result.evaluation.scores if result.evaluation is not None else []
    return {
        "asked": asked(made),
        "output": dict(result.stages[0].output),
        "evaluation": [answer.output for score in scores for answer in score.answers],
        "rows": lines(home / "metrics.jsonl"),
        "samples": lines(home / "samples.jsonl"),
        "seen": [each for stage in json.loads((home / "data.json").read_text()).values() for each in stage]
        if (home / "data.json").exists()
        else [],
        "key": any(tinker_service.KEY.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file()),
    }


def objects_of(recipe: str) -> Report:
    """The cookbook's config, made of a recipe as it ships."""
    experiment = import_module(f"crucible_recipes.{recipe}").build_experiment()
    kind = trained_kind(experiment)
    data_file = "prompt_distillation_lang.jsonl" if recipe == "prompt_distillation" else None
    node = strategies.config(experiment, kind, tree.Given(log_path="$RUNS/here", data_file=data_file))
    config = capture.plain(objects.made(node, objects.version()))
    builder = config.pop("dataset_builder", None) or (config.pop("dataset_configs", None) or [{}])[0]
    return {"config": config, "builder": builder, "class": node.class_}


# Cases besides the recipes


def own(home: Path, kind: str, ref: DatasetRef, options: Mapping[str, Any], **changed: Any) -> Report:
    """A run of a recipe on data of one's own; what reached the service."""
    module = {"supervised": "sl_basic", "rl": "rl_basic", "preference": "dpo", "distillation": "on_policy_distillation"}
    training = TrainingConfig(
        id="own", model_ref=MODEL, dataset_ref=ref, batch_size=2, options={**COMMON, **options}, **changed
    )
    recipe = without_stages(module[kind])
    with service() as (made, url):
        config = recipe.Config(base_url=url, engine="tinker", log_path=home, training_config=training)
        result = run(recipe.build_experiment(config), config)
    return {
        "asked": asked(made),
        "output": dict(result.stages[0].output),
        "samples": lines(home / "samples.jsonl"),
        "seen": [each for stage in json.loads((home / "data.json").read_text()).values() for each in stage]
        if (home / "data.json").exists()
        else [],
        "rows": lines(home / "metrics.jsonl"),
    }


def file_of_conversations(home: Path) -> Report:
    path = home.with_suffix(".jsonl")
    path.write_text("".join(json.dumps({"messages": TALK}) + "\n" for _ in range(6)))
    ref = DatasetRef(name=str(path), provider="local", format="jsonl")
    return own(
        home, "supervised", ref, {"adapter": "messages", "lr_schedule": "constant", "test_size": 2, "eval_every": 1}
    )


def table_of_questions(home: Path) -> Report:
    path = home.with_suffix(".csv")
    path.write_text("question,answer\n" + "".join(f"How much is {n}?,It is {n}.\n" for n in range(5)))
    return own(
        home, "supervised", DatasetRef(name=str(path), provider="local"), {"train_on_what": "last_assistant_message"}
    )


def pairs_in_the_recipe(home: Path) -> Report:
    rows = [{"prompt": f"q{n}", "chosen": "good", "rejected": "bad"} for n in range(4)]
    ref = DatasetRef(name="pairs", provider="inline", options={"rows": rows})
    return own(home, "preference", ref, {"beta": 0.3, "lr_schedule": "constant"}, loss_function="dpo")


def prompts_in_the_recipe(home: Path) -> Report:
    rows = [{"prompt": f"Tell me about {n} " + "x" * 40} for n in range(4)]
    ref = DatasetRef(name="asked", provider="inline", options={"rows": rows})
    options = {"teacher_model": "Qwen/Qwen3.5-9B", "group_size": 2, "max_tokens": 16, "max_prompt_tokens": 20}
    return own(home, "distillation", ref, options)


def problems_of_ours(home: Path) -> Report:
    """An environment of crucible_runtime, because the cookbook's has another format_coef."""
    ref = DatasetRef(name="arithmetic", provider="generated")
    options = {
        "env": "arithmetic",
        "group_size": 2,
        "max_tokens": 16,
        "format_coef": 0.5,
        "num_batches": 2,
        "loss": "ppo",
        "loss_config": {"clip_low_threshold": 0.8},
        "temperature": 0.7,
        "num_substeps": 2,
        "test_size": 1,
        "eval_every": 1,
    }
    return own(home, "rl", ref, options)


def resumed(home: Path) -> Report:
    """A run that the service ends at its fourth step, and the rest of it."""
    module = without_stages("sl_basic")
    overrides = {
        "batch_size": 8,
        "checkpoint_every": 2,
        "options": {"max_steps": 5, "eval_every": 0, "submit_ahead": 0},
    }
    with service(failing={"optim_step": (3, 400)}) as (made, url):
        config = module.Config(base_url=url, engine="tinker", log_path=home, training_config=overrides)
        failed = message(lambda: run(module.build_experiment(config), config))
        before, first = lines(home / "metrics.jsonl"), len(made.asked)
        made.failing.clear()
        result = run(module.build_experiment(config), dataclasses.replace(config, resume=True))
    return {
        "failed": failed,
        "before": before,
        "asked": asked(made)[first:],
        "rows": lines(home / "metrics.jsonl"),
        "output": dict(result.stages[0].output),
    }


def not_finite(home: Path) -> Report:
    """Runs of every type whose log-probabilities are NaN from the third pass on; what is left of each."""
    found = {}
    for recipe in ("sl_basic", "sl_loop", "dpo", "rl_basic", "rl_loop", "on_policy_distillation"):
        module, place = without_stages(recipe), home / recipe
        length = {"num_batches": 8} if "num_batches" in SMALL[recipe]["options"] else {"max_steps": 8}
        overrides = {**SMALL[recipe], "checkpoint_every": 1, "options": {**SMALL[recipe]["options"], **length}}
        with service(finite=3) as (made, url):
            config = module.Config(base_url=url, engine="tinker", log_path=place, training_config=overrides)
            experiment = module.build_experiment(config)
            failed = message(lambda: run(experiment, config))  # noqa: B023 - it is called at once
        found[recipe] = {
            "failed": failed,
            "passes": len(made.of("forward_backward")),
            "rows": lines(place / "metrics.jsonl"),
            "checkpoints": lines(place / "tinker" / "checkpoints.jsonl"),
            "stages": [each.name for each in (place / "stages").glob("*")],
        }
    return found


def left_out(home: Path) -> Report:
    """Data of which max_length cuts the answers away, read by our builders and by the cookbook's own; what is said."""

    def rows(long: int, of: int = 10) -> list[Report]:
        asked = ["word " * 90 if number < long else "q" for number in range(of)]
        return [{"messages": [{"role": "user", "content": each}, TALK[1]]} for each in asked]

    def conversations(name: str, long: int, adapter: str | None) -> Any:
        path = home / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows(long)))
        return own(
            home / name,
            "supervised",
            DatasetRef(name=str(path), provider="local", options={"max_left_out": 0.5}),
            {"max_length": 60, **({"adapter": adapter} if adapter else {})},
        )

    def pairs() -> Any:
        made = [{"prompt": row["messages"][0]["content"], "chosen": "a", "rejected": "b"} for row in rows(9)]
        ref = DatasetRef(name="pairs", provider="inline", options={"rows": made, "max_left_out": 0.5})
        return own(home / "pairs", "preference", ref, {"max_length": 60}, loss_function="dpo")

    home.mkdir()
    return {
        "ours": message(lambda: conversations("ours", 9, None)),
        "the cookbook's": message(lambda: conversations("theirs", 9, "messages")),
        "pairs": message(pairs),
        "some": conversations("some", 3, None),
        "notes": [each["text"] for each in json.loads((home / "some" / "notes.json").read_text())],
    }


def message(work: Callable[[], Any]) -> str:
    """How a run fails: as one message of ours."""
    try:
        work()
    except errors.CrucibleError as error:
        return str(error)
    return "it did not fail"


def failures(home: Path) -> Report:
    def no_key() -> Any:
        with capture.replaced(os, "environ", {k: v for k, v in os.environ.items() if k != "TINKER_API_KEY"}):
            return small("sl_basic", home / "no-key")

    def wrong_key(key: str) -> Any:
        with capture.replaced(os, "environ", {**os.environ, "TINKER_API_KEY": key}):
            return small("sl_basic", home / f"wrong-{len(key)}")

    def nobody() -> Any:
        module = without_stages("sl_basic")
        config = module.Config(base_url="http://127.0.0.1:9", engine="tinker", log_path=home / "nobody")
        return run(module.build_experiment(config), config)

    def password() -> Any:
        module = without_stages("sl_basic")
        config = module.Config(base_url="http://me:hidden99@127.0.0.1:9", engine="tinker", log_path=home / "password")
        return run(module.build_experiment(config), config)

    def refuses() -> Any:
        module = without_stages("sl_basic")
        with service(failing={"create_model": (0, 400)}) as (_, url):
            config = module.Config(
                base_url=url, engine="tinker", log_path=home / "refuses", training_config=SMALL["sl_basic"]
            )
            return run(module.build_experiment(config), config)

    def bad_row() -> Any:
        path = home / "bad.jsonl"
        path.write_text('{"messages": [{"role": "user", "content": "q"}]}\n{"message": 1}\n')
        return own(home / "bad", "supervised", DatasetRef(name=str(path), provider="local"), {"adapter": "messages"})

    def too_few() -> Any:
        ref = DatasetRef(name="few", provider="inline", options={"rows": [{"messages": TALK}]})
        return own(home / "few", "supervised", ref, {})

    def no_renderer() -> Any:
        return small(
            "sl_basic", home / "renderer", {"options": {"renderer_name": None}, "model_ref": {"id": "who/knows"}}
        )

    def other_renderer() -> Any:
        return small("sl_loop", home / "loop", {"options": {"renderer_name": "qwen3_5"}})

    def no_number() -> Any:
        with capture.replaced(tinker_service, "NLL", float("nan")):
            return small("sl_basic", home / "nan")

    def several() -> Any:
        with capture.replaced(os, "environ", {**os.environ, "WORLD_SIZE": "2"}):
            return small("sl_basic", home / "several")

    def changed_class() -> Any:
        newer = capture.chz.chz(type("Config", (train.Config,), {"__annotations__": {"new_knob": int}, "new_knob": 3}))
        newer.__module__ = train.__name__
        with capture.replaced(train, "Config", newer):
            return objects_of("sl_basic")

    home.mkdir()
    return {
        "no key": message(no_key),
        "no key at all": message(lambda: wrong_key("")),
        "a key of something else": message(lambda: wrong_key("hf_1234567890")),
        "a key that is not known": message(lambda: wrong_key("tml-another-key-9876543210")),
        "nobody there": message(nobody),
        "a password in the address": message(password),
        "the service refuses": message(refuses),
        "a bad row": message(bad_row),
        "too few rows": message(too_few),
        "no renderer": message(no_renderer),
        "another renderer than the loop's": message(other_renderer),
        "a loss that is no number": message(no_number),
        "several processes": message(several),
        "a class with a new field": message(changed_class),
    }


def teacher(home: Path) -> Report:
    """The teacher's data, broken off after some answers and gone on with."""
    overrides = {**SMALL["prompt_distillation"], "dataset_ref": {"name": "taught.jsonl"}}
    module = without_stages("prompt_distillation")
    # One question at a time, so that it is known which ones were answered.
    with capture.replaced(sampling, "_UNDER_WAY", 1), service(failing={"asample": (3, 400)}) as (made, url):
        config = module.Config(base_url=url, engine="tinker", log_path=home, training_config=overrides)
        failed = message(lambda: run(module.build_experiment(config), config))
        made.failing.clear()
        result = run(module.build_experiment(config), dataclasses.replace(config, resume=True))
    return {
        "failed": failed,
        "asked": asked(made),
        "file": lines(Path("taught.jsonl")),
        "output": dict(result.stages[0].output),
    }


CASES: Mapping[str, Callable[[Path], Report]] = {
    "file_of_conversations": file_of_conversations,
    "table_of_questions": table_of_questions,
    "pairs_in_the_recipe": pairs_in_the_recipe,
    "prompts_in_the_recipe": prompts_in_the_recipe,
    "problems_of_ours": problems_of_ours,
    "resumed": resumed,
    "not_finite": not_finite,
    "left_out": left_out,
    "failures": failures,
    "teacher": teacher,
}


def everything(home: Path) -> Iterator[tuple[str, Report]]:
    for recipe in SMALL:
        yield recipe, objects_of(recipe) | small(recipe, home / recipe)
    for name, case in CASES.items():
        yield name, case(home / name)


def main() -> None:
    home = Path(sys.argv[1])
    os.environ["TINKER_API_KEY"] = tinker_service.KEY
    os.environ["TINKER_TELEMETRY"] = "0"
    os.environ["HOME"] = str(home)
    register: Callable[[str, Callable[[], Any]], None] = tokenizer_utils.register_tokenizer
    for model in capture.MODELS:
        register(model, lambda: capture.TOKENIZER)
    with contextlib.ExitStack() as stack:
        for owner in (datasets, code_env, math_env, prompts):
            stack.enter_context(capture.replaced(owner, "load_dataset", load_dataset))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.chdir(home))
        source = home / "tinker_cookbook/example_data/multilingual.txt"
        source.parent.mkdir(parents=True)
        source.write_text("".join(f"{sentence}\n" for sentence in SENTENCES))
        wanted = sys.argv[2:]
        found = {} if wanted else dict(everything(home))
        for name in wanted:
            found[name] = CASES[name](home / name) if name in CASES else small(name, home / name) | objects_of(name)
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()

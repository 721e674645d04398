"""Data sets: files, inline and generated rows, the adapters, and what is said of rows that cannot be used."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from crucible_runtime import data
from crucible_runtime.data import ADAPTERS, BadRow
from crucible_runtime.data.adapters import NAMES, boxed, guess
from crucible_runtime.engines.tinker.datasets import UNFIT
from crucible_runtime.engines.trl import tools
from crucible_runtime.engines.trl.rows import unfit as role_colon
from crucible_runtime.errors import EngineMissingError, InputError
from crucible_runtime.installation.distribution import install_command
from crucible_runtime.ir import DatasetRef, ModelRef, TrainingConfig

RUNTIME = Path(__file__).parents[1]
ROOT = RUNTIME.parents[1]
CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
USER, ASSISTANT = CHAT["messages"]
SYSTEM, NO = {"role": "system", "content": "S"}, {"role": "assistant", "content": "No"}
OTHER = {"role": "user", "content": "And?"}

Load = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Writes a file (text, bytes, or rows as JSONL) and reads it as a data set."""
    monkeypatch.chdir(tmp_path)

    def loaded(
        content: str | bytes | list[Any],
        name: str = "data.jsonl",
        *,
        kind: str = "supervised",
        adapter: str | None = None,
        split: str | None = None,
        limit: int | None = None,
        **ref: Any,
    ) -> list[dict[str, Any]]:
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        dataset = DatasetRef(name=name, provider="local", **ref)
        return data.rows(dataset, adapter=adapter, kind=kind, split=split, limit=limit)

    return loaded


def refusal(load: Load, content: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as refused:
        load(content, *args, **kwargs)
    return str(refused.value)


# Files


def test_jsonl(load: Load) -> None:
    assert load([CHAT, CHAT]) == [CHAT, CHAT]
    assert load("\n" + json.dumps(CHAT) + "\r\n\n  \n" + json.dumps(CHAT)) == [CHAT, CHAT]
    assert load([CHAT] * 3, limit=2) == [CHAT, CHAT]


def test_json_csv_and_tsv(load: Load) -> None:
    wanted = [{"problem": "1 +\n1?", "answer": "2"}]
    assert load('[{"question": "1 +\\n1?", "answer": 2}]', "data.json", kind="rl") == wanted
    assert load('question,answer\n"1 +\n1?",2\n\n', "data.csv", kind="rl") == wanted
    assert load('question\tanswer\n"1 +\n1?"\t2\n', "data.tsv", kind="rl") == wanted
    assert load('question,answer\n"1 +\n1?",2\n', "data.txt", kind="rl", format="csv") == wanted
    assert load("messages\n" + '"' + json.dumps(CHAT["messages"]).replace('"', '""') + '"', "data.csv") == [CHAT]


def test_text_is_utf_8_with_or_without_a_mark(load: Load) -> None:
    text = '{"text": "größer \u2028 \u0085 end"}\n{"text": "b"}'
    said = [{"messages": [{"role": "assistant", "content": each}]} for each in ("größer \u2028 \x85 end", "b")]
    assert load(text) == load("\ufeff" + text) == said
    assert load(("\ufeff" + "text\ngrößer\n").encode(), "data.csv")[0]["messages"][0]["content"] == "größer"
    assert refusal(load, text.encode("utf-16")).startswith("data set data.jsonl: the file is in UTF-16")
    assert (
        refusal(load, text.encode("latin-1", "replace"))
        == "data.jsonl:1:13: the byte 0xf6 (ö in Latin-1) is not UTF-8: save the file as UTF-8"
    )


def test_files_without_rows(load: Load) -> None:
    assert refusal(load, "") == "data set data.jsonl: the file is empty"
    assert refusal(load, "\n \n") == "data set data.jsonl has no rows"
    assert refusal(load, "[]", "data.json") == "data set data.json has no rows"
    assert refusal(load, "question,answer\n", "data.csv") == "data set data.csv has no rows"
    assert "expected a line with the names" in refusal(load, "\n", "data.csv")


def test_files_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.jsonl").write_text("{}")

    def refused(name: str) -> str:
        with pytest.raises(InputError) as error:
            data.rows(DatasetRef(name=name, provider="local"), adapter=None, kind="rl")
        return str(error.value)

    told = f"data set trian.jsonl: there is no such file in {tmp_path}; did you mean train.jsonl? Known: train.jsonl"
    assert refused("trian.jsonl") == told
    assert refused("nowhere/x.jsonl") == f"data set nowhere/x.jsonl: there is no such file in {tmp_path / 'nowhere'}"
    assert "this is a directory" in refused(str(tmp_path))


def test_formats_that_there_are_not(load: Load) -> None:
    assert refusal(load, "{}", format="jsonlines").startswith("there is no format jsonlines; did you mean jsonl?")
    assert "its suffix says no format; set dataset_ref.format to one of jsonl," in refusal(load, "{}", "data.bin")


def test_parquet_without_its_library(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        EngineMissingError, match=rf"pyarrow, which is not installed: {re.escape(install_command('local'))}"
    ):
        load(b"PAR1", "data.parquet")


# Bad rows


def test_all_bad_rows_are_in_one_error(load: Load) -> None:
    lines = [
        json.dumps(CHAT),
        '{"mesages": []}',
        '{"messages": "Hi"}',
        '{"messages": [{"role": "user", "content": 3}]}',
        '{"messages": [{"role": "asistant", "content": "Hi"}]}',
        '{"messages": [{"role": "user", "text": "Hi"}]}',
        '{"messages": ["Hi"]}',
        '{"messages": []}',
        '{"messages": [{"role": "user", "content": "Hi"}]}',
        '{"messages": [}',
        '["Hi"]',
        '{"messages": NaN}',
        "{}",
    ]
    assert refusal(load, "\n".join(lines)).split("\n") == [
        "data set data.jsonl: 12 of 13 rows cannot be used with the adapter messages in recipes of type supervised",
        "  data.jsonl:2: no column messages: did you mean mesages? Known: mesages",
        '  data.jsonl:3: column messages: expected a list of messages, found "Hi"',
        "  data.jsonl:4: column messages[0].content: expected text, found 3",
        "  data.jsonl:5: column messages[0].role: there is no role asistant; "
        "did you mean assistant? Known: system, user, assistant, tool, developer",
        "  data.jsonl:6: column messages[0]: no content; Known: role, text",
        '  data.jsonl:7: column messages[0]: expected a message {"role": ..., "content": ...}, found "Hi"',
        "  data.jsonl:8: column messages: expected a list of messages, found []",
        "  data.jsonl:9: no message of the assistant, so that there is nothing to learn",
        "  data.jsonl:10:15: not JSON: Expecting value",
        '  data.jsonl:11: expected an object with columns by name, found ["Hi"]',
        "  data.jsonl:12: NaN is no number of JSON",
        "  data.jsonl:13: no column messages: the row is empty",
    ]


def test_of_many_bad_rows_the_first_twenty_are_shown(load: Load) -> None:
    told = refusal(load, [CHAT] + [{"messages": number} for number in range(30)]).split("\n")
    assert told[0].startswith("data set data.jsonl: 30 of 31 rows cannot be used")
    assert len(told) == 22
    assert told[20] == "  data.jsonl:21: column messages: expected a list of messages, found 19"
    assert told[21] == "  ... and 10 others"


def test_bad_lines_of_csv(load: Load) -> None:
    told = refusal(load, 'question,answer\na,1\n"b\nb",2\nc\nd,4,5\n', "data.csv", kind="rl").split("\n")
    assert told[1:] == [
        "  data.csv:5: expected 2 columns (question, answer), found 1",
        "  data.csv:6: expected 2 columns (question, answer), found 3",
    ]
    assert "data.csv:2: not CSV: unexpected end of data" in refusal(
        load, 'question,answer\n"a,1\n', "data.csv", kind="rl"
    )
    assert refusal(load, "a,b,a,,\n", "data.csv") == "data.csv:1: the columns (no name), a are there twice"
    assert "column answer: expected text, found null" in refusal(load, "question,answer\na,\n", "data.csv", kind="rl")


def test_bad_json(load: Load) -> None:
    assert refusal(load, '[{"a": 1},\n{"b" 2}]', "data.json") == "data.json:2:6: not JSON: Expecting ':' delimiter"
    assert "one row a line has the format jsonl" in refusal(load, "{}\n{}", "data.json")
    assert refusal(load, "{}", "data.json") == "data.json: expected a list of rows, found {}"
    assert "data.json row 2: expected an object" in refusal(load, '[{"text": "a"}, 3]', "data.json")
    assert "NaN is no number of JSON" in refusal(load, '[{"a": NaN}]', "data.json")
    assert refusal(load, "[" * 100_000, "data.json") == "data.json: nested too deep to read"
    assert "data.jsonl:1: nested too deep to read" in refusal(load, "[" * 100_000)
    assert "data.jsonl:1: the column text is there twice" in refusal(load, '{"text": "a", "text": "b"}')


# What a dataset_ref may say


def test_columns_are_renamed(load: Load) -> None:
    row = {"frage": "1 + 1?", "antwort": "2"}
    columns = {"question": "frage", "answer": "antwort"}
    assert load([row], kind="rl", options={"columns": columns}) == [{"problem": "1 + 1?", "answer": "2"}]
    told = refusal(load, [row], kind="rl", options={"columns": {"question": "farge"}})
    assert "no column farge, which dataset_ref.options.columns.question names; did you mean frage?" in told


def test_a_schema_holds_rows_to_it(load: Load) -> None:
    row = {"question": "1 + 1?", "answer": "2"}
    schema = {"required": ["source"], "properties": {"answer": {"type": "integer"}}}
    told = refusal(load, [row], kind="rl", schema=schema)
    assert "data.jsonl:1: column (row): 'source' is a required property; column answer: '2' is not of type" in told
    assert load([row], kind="rl", schema={"required": ["answer"]}) == [{"problem": "1 + 1?", "answer": "2"}]
    assert refusal(load, [row], schema={"type": 3}).startswith("dataset_ref.schema is no JSON Schema")


def test_what_cannot_be_honoured_is_said_at_once(load: Load) -> None:
    told = refusal(load, [CHAT], version="v2", split="test", options={"colums": {}, "streaming": "yes"})
    assert told.split("\n") == [
        "dataset_ref.options has no colums; did you mean columns? Known: config, configs, streaming, columns, rows, max_left_out",
        'dataset_ref.options.streaming must be true or false, found "yes"',
        "data set data.jsonl has the split train alone, and test is asked for",
        "dataset_ref.version v2: data of the provider local has no versions",
    ]
    assert load([CHAT], split="train") == [CHAT]


def test_inline_rows() -> None:
    ref = DatasetRef(name="mine", provider="inline", options={"rows": [CHAT, CHAT]})
    assert data.rows(ref, adapter=None, kind="supervised", limit=1) == [CHAT]
    with pytest.raises(InputError, match=r"dataset_ref\.options\.rows\[0\]: expected a mapping of columns, found 3"):
        data.rows(DatasetRef(name="mine", provider="inline", options={"rows": [3]}), adapter=None, kind="supervised")
    with pytest.raises(InputError, match="expects its rows in dataset_ref"):
        data.rows(DatasetRef(name="mine", provider="inline"), adapter=None, kind="supervised")


def test_providers(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load([CHAT])
    assert data.rows(DatasetRef(name="data.jsonl"), adapter=None, kind="supervised") == [CHAT]
    with pytest.raises(InputError, match="crucible_datasets is a library of Elixir"):
        data.rows(DatasetRef(name="mmlu"), adapter=None, kind="supervised")
    with pytest.raises(InputError, match="there is no provider hugingface; did you mean huggingface"):
        data.rows(DatasetRef(name="a/b", provider="hugingface"), adapter=None, kind="supervised")
    monkeypatch.setitem(sys.modules, "datasets", None)
    for provider in ("huggingface", "crucible_datasets"):
        with pytest.raises(
            EngineMissingError, match=rf"datasets, which is not installed: {re.escape(install_command('local'))}"
        ):
            data.rows(DatasetRef(name="a/b", provider=provider), adapter=None, kind="supervised")


@pytest.mark.parametrize(
    ("name", "kind", "columns"),
    [
        ("tiny-chat", "supervised", {"messages"}),
        ("tiny-preferences", "preference", {"prompt", "chosen", "rejected"}),
        ("tiny-questions", "distillation", {"prompt"}),
        ("tiny-gsm8k", "rl", {"problem", "answer", "solution"}),
        ("tiny-math", "rl", {"problem", "answer", "solution"}),
        ("tiny-deepmath", "rl", {"problem", "answer"}),
        ("tiny-polaris", "rl", {"problem", "answer"}),
        ("tiny-deepcoder", "rl", {"problem", "tests", "starter_code"}),
    ],
)
def test_generated_rows(name: str, kind: str, columns: set[str]) -> None:
    found = data.rows(DatasetRef(name=name, provider="generated"), adapter=None, kind=kind, limit=3)
    assert [set(row) for row in found] == [columns] * 3


# Adapters


def adapted(name: str, row: dict[str, Any]) -> Any:
    return ADAPTERS[name](row)


@pytest.mark.parametrize(
    ("adapter", "row", "wanted"),
    [
        ("messages", CHAT, CHAT),
        (
            "messages",
            {"messages": [{**USER, "name": None, "trainable": True}]},
            {"messages": [{**USER, "trainable": True}]},
        ),
        ("prompt_completion", {"prompt": "Hi", "completion": "Ho"}, CHAT),
        ("prompt_completion", {"prompt": [USER], "completion": [ASSISTANT]}, CHAT),
        ("question_answer", {"question": "Hi", "answer": 2.5}, {"problem": "Hi", "answer": "2.5"}),
        ("text", {"text": "Ho"}, {"messages": [ASSISTANT], "prompt": [{"role": "user", "content": "Ho"}]}),
        ("prompt", {"prompt": "Hi"}, {"prompt": [USER]}),
        ("first_user_message", {"messages": [{"role": "system", "content": "S"}, USER, ASSISTANT]}, {"prompt": [USER]}),
        (
            "chosen_rejected",
            {"prompt": "Hi", "chosen": "Ho", "rejected": "No"},
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "No"}]},
        ),
        (
            "chosen_rejected",
            {"chosen": CHAT["messages"], "rejected": [USER, {"role": "assistant", "content": "No"}]},
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "No"}]},
        ),
        (
            "chosen_rejected",
            {"prompt": "Hi", "chosen": [SYSTEM, USER, ASSISTANT], "rejected": [SYSTEM, USER, NO]},
            {"prompt": [SYSTEM, USER], "chosen": [ASSISTANT], "rejected": [NO]},
        ),
        (
            "chosen_rejected",
            {"prompt": [SYSTEM, USER], "chosen": [USER, ASSISTANT], "rejected": [USER, NO]},
            {"prompt": [SYSTEM, USER], "chosen": [ASSISTANT], "rejected": [NO]},
        ),
        (
            "chosen_rejected",
            {"prompt": "Hi", "chosen": [ASSISTANT, USER, ASSISTANT], "rejected": [ASSISTANT, USER, NO]},
            {"prompt": [USER], "chosen": [ASSISTANT, USER, ASSISTANT], "rejected": [ASSISTANT, USER, NO]},
        ),
        ("messages", {**CHAT, "tools": [{"name": "f"}]}, {**CHAT, "tools": [{"name": "f"}]}),
        ("messages", {**CHAT, "tools": []}, CHAT),
        (
            "chosen_rejected",
            {"prompt": "Hi", "chosen": CHAT["messages"], "rejected": [USER, {"role": "assistant", "content": "No"}]},
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "No"}]},
        ),
        (
            "hh_rlhf",
            {
                "chosen": "\n\nHuman: Hi\n\nAssistant: Ho\n\nHuman: Is Human: a word?\n\nAssistant: Yes.\n\nIt is.",
                "rejected": "\n\nHuman: Hi\n\nAssistant: Ho\n\nHuman: Is Human: a word?\n\nAssistant: No.",
            },
            {
                "prompt": [USER, ASSISTANT, {"role": "user", "content": "Is Human: a word?"}],
                "chosen": [{"role": "assistant", "content": "Yes.\n\nIt is."}],
                "rejected": [{"role": "assistant", "content": "No."}],
            },
        ),
        ("hh_rlhf", {"chosen": "\n\nHuman: A\n\nAssistant: B", "rejected": "\n\nHuman: C\n\nAssistant: D"}, None),
        ("hh_rlhf", {"chosen": "\n\nHuman: A\n\nAssistant: B", "rejected": "\n\nHuman: A\n\nAssistant: B"}, None),
        ("hh_rlhf", {"chosen": "\n\nHuman: A\n\nHuman: B", "rejected": "\n\nHuman: A\n\nHuman: C"}, None),
        (
            "helpsteer3",
            {"context": [USER], "response1": "Ho", "response2": "No", "overall_preference": -2},
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "No"}]},
        ),
        (
            "helpsteer3",
            {"context": [USER], "response1": "No", "response2": "Ho", "overall_preference": 1},
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "No"}]},
        ),
        ("helpsteer3", {"context": [USER], "response1": "A", "response2": "B", "overall_preference": 0}, None),
        (
            "ultrafeedback",
            {"instruction": "Hi", "chosen_response": "Ho", "rejected_response": "No"},
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "No"}]},
        ),
        (
            "gsm8k",
            {"question": "Q", "answer": "A <<1+1=2>>\n#### 1,234"},
            {"problem": "Q", "answer": "1234", "solution": "A <<1+1=2>>\n#### 1,234"},
        ),
        (
            "hendrycks_math",
            {"problem": "Q", "solution": "\\boxed{1}, so \\boxed{\\frac{1}{2}}."},
            {"problem": "Q", "answer": "\\frac{1}{2}", "solution": "\\boxed{1}, so \\boxed{\\frac{1}{2}}."},
        ),
        (
            "hendrycks_math",
            {"problem": "Q", "solution": "S", "answer": "2"},
            {"problem": "Q", "answer": "2", "solution": "S"},
        ),
        ("hendrycks_math", {"problem": "Q", "solution": "S"}, None),
        ("deepmath", {"question": "Q", "final_answer": "2"}, {"problem": "Q", "answer": "2"}),
        ("deepmath", {"question": "Q", "final_answer": ""}, None),
        ("polaris", {"problem": "Q", "answer": "2"}, {"problem": "Q", "answer": "2"}),
        (
            "deepcoder",
            {"problem": "Q", "tests": '[{"input": "1", "output": "2"}]', "starter_code": " "},
            {"problem": "Q", "tests": [{"input": "1", "output": "2"}], "starter_code": None},
        ),
        ("deepcoder", {"problem": "Q", "tests": "[]"}, None),
    ],
)
def test_adapters(adapter: str, row: dict[str, Any], wanted: Any) -> None:
    assert adapted(adapter, row) == wanted


@pytest.mark.parametrize(
    ("adapter", "row", "told"),
    [
        ("chosen_rejected", {"chosen": "A", "rejected": "B", "promt": "C"}, "no column prompt: did you mean promt?"),
        ("chosen_rejected", {"prompt": "C", "chosen": "A", "rejected": "A"}, "expected two answers that differ"),
        (
            "chosen_rejected",
            {"chosen": [ASSISTANT, USER], "rejected": [USER]},
            "expected conversations that begin alike",
        ),
        (
            "chosen_rejected",
            {"prompt": "C", "chosen": [USER], "rejected": "A"},
            "column chosen: expected an answer of the assistant, found one of the user",
        ),
        (
            "chosen_rejected",
            {"prompt": "Hi", "chosen": [SYSTEM, ASSISTANT], "rejected": [SYSTEM, NO]},
            "column chosen: it begins with a message of the system that column prompt does not end with",
        ),
        (
            "chosen_rejected",
            {"prompt": "Hi", "chosen": [OTHER, ASSISTANT], "rejected": [OTHER, NO]},
            "column chosen: it begins with a message of the user that column prompt does not end with",
        ),
        ("hh_rlhf", {"chosen": "A", "rejected": "B"}, "column chosen: expected a transcript of turns"),
        ("helpsteer3", {"overall_preference": "x"}, 'column overall_preference: expected a number, found "x"'),
        ("gsm8k", {"question": "Q", "answer": "2"}, "expected a solution that ends with #### and the result"),
        ("question_answer", {"question": "Q", "answer": []}, "column answer: expected text, found []"),
        ("question_answer", {"question": "Q", "answer": float("nan")}, "column answer: expected text, found NaN"),
        ("question_answer", {"question": " ", "answer": "2"}, "column question: expected text, found none"),
        ("messages", {"messages": "[{"}, "found text that is not JSON"),
        ("prompt_completion", {"prompt": 1, "completion": "A"}, "column prompt: expected text, found 1"),
    ],
)
def test_adapters_say_what_is_wrong(adapter: str, row: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRow) as refused:
        adapted(adapter, row)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("supervised", {"messages": [USER, ASSISTANT]}),
        ("preference", {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "No"}]}),
        ("distillation", {"prompt": [USER]}),
    ],
)
def test_a_preference_serves_every_type_of_recipe(load: Load, kind: str, wanted: Any) -> None:
    assert load([{"prompt": "Hi", "chosen": "Ho", "rejected": "No"}], kind=kind, adapter="chosen_rejected") == [wanted]


def test_a_problem_serves_every_type_but_preference(load: Load) -> None:
    row = {"question": "Hi", "answer": "Ho\n#### 2"}
    assert load([row], kind="rl", adapter="gsm8k") == [{"problem": "Hi", "answer": "2", "solution": "Ho\n#### 2"}]
    worked = {"role": "assistant", "content": "Ho\n#### 2"}
    assert load([row], adapter="gsm8k") == [{"messages": [USER, worked]}]
    assert load([row], kind="distillation", adapter="gsm8k") == [{"prompt": [USER]}]
    assert "no preferred and rejected answer" in refusal(load, [row], kind="preference", adapter="gsm8k")


def test_a_conversation_is_asked_up_to_its_first_question(load: Load) -> None:
    system = {"role": "system", "content": "S"}
    row = {"messages": [system, USER, ASSISTANT, USER, ASSISTANT]}
    assert load([row], kind="distillation") == [{"prompt": [system, USER]}]


TOOLS = [{"type": "function", "function": {"name": "f"}}]
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}


def test_tools_are_kept_or_their_row_is_refused(load: Load) -> None:
    assert load([{**CHAT, "tools": TOOLS}]) == [{**CHAT, "tools": TOOLS}]
    for kind in ("preference", "distillation"):
        row = {"prompt": "Hi", "chosen": "Ho", "rejected": "No", "tools": TOOLS}
        told = refusal(load, [row], kind=kind, adapter="chosen_rejected" if kind == "preference" else "prompt")
        assert "data.jsonl:1: column tools: recipes of type" in told


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({**CHAT, "tools": TOOLS}, "tools: "),
        ({"messages": [USER, CALL]}, "messages[1].tool_calls: "),
    ],
)
def test_an_engine_that_shows_no_tools_refuses_the_row(
    row: dict[str, Any], where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.jsonl").write_text(json.dumps(CHAT) + "\n" + json.dumps(row) + "\n")
    training = TrainingConfig(
        id="e",
        model_ref=ModelRef(id="tiny", provider="generated"),
        dataset_ref=DatasetRef(name="data.jsonl", provider="local"),
        options={"renderer_name": "role_colon"},
    )
    for unfit in (role_colon(training), UNFIT):
        with pytest.raises(InputError) as caught:
            data.rows(training.dataset_ref, adapter=None, kind="supervised", unfit=unfit)
        assert f"data.jsonl:2: {where}" in str(caught.value)
    assert role_colon(replace(training, options={})) is None


class Template:
    """A tokenizer that is no more than its chat template."""

    def __init__(self, template: str) -> None:
        self.template = jinja2.Template(template)

    def apply_chat_template(self, said: Any, *, tools: Any = None, tokenize: bool = False) -> str:
        return self.template.render(messages=said, tools=tools)


def test_tools_go_into_the_template_of_the_model_or_are_refused() -> None:
    whole = Template("{{ tools }}{% for each in messages %}{{ each.content }}{{ each.tool_calls }}{% endfor %}")
    blind = Template("{% for each in messages %}{{ each.content }}{% endfor %}")
    told = tools.given(whole, [USER, ASSISTANT], TOOLS)
    assert "function" in told.apply_chat_template([USER, ASSISTANT])
    assert told.template is whole.template
    assert tools.given(whole, [USER, CALL], None) is whole
    assert tools.given(blind, [USER, ASSISTANT], None) is blind
    with pytest.raises(InputError, match=r"^column tools: the model's chat template does not show tools$"):
        tools.given(blind, [USER, ASSISTANT], TOOLS)
    with pytest.raises(InputError, match=r"^messages\[1\]\.tool_calls: the model's chat template does not show them$"):
        tools.given(blind, [USER, CALL], None)


def test_rows_that_nobody_can_train_on_are_left_out_and_counted(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    good = {"context": [USER], "response1": "A", "response2": "B", "overall_preference": 1}
    assert len(load([good, {**good, "overall_preference": 0}, good], kind="preference", limit=2)) == 2
    assert "1 of 3 rows is left out: the adapter helpsteer3 takes none of them from data.jsonl" in caplog.text
    tie = {**good, "overall_preference": 0}
    assert "the adapter helpsteer3 leaves out all of its 1 rows" in refusal(load, [tie], kind="preference")


def test_the_adapter_is_known_by_name_or_by_columns(load: Load) -> None:
    assert guess("openai/gsm8k", ["question", "answer"], "rl") == "gsm8k"
    assert guess("mine", ["question", "answer"], "rl") == "question_answer"
    assert guess("mine", ["prompt", "chosen", "rejected"], "preference") == "chosen_rejected"
    assert guess("mine", ["prompt", "chosen", "rejected"], "distillation") == "prompt"
    told = refusal(load, [{"q": 1, "a": 2}], kind="rl")
    assert told.startswith(
        "data set data.jsonl: no adapter for recipes of type rl is known by its name, nor by its columns a, q. "
        "Tried: deepcoder (problem, tests); deepmath (question, final_answer);"
    )
    assert "Set options.adapter" in told
    # One row that lacks a column does not hide what the others tell.
    assert "1 of 2 rows cannot be used with the adapter messages" in refusal(load, [{"a": 1}, CHAT])


def test_an_unknown_adapter_and_an_unknown_type(load: Load) -> None:
    assert refusal(load, [CHAT], adapter="mesages").startswith("there is no adapter mesages; did you mean messages?")
    assert refusal(load, [CHAT], kind="supervise").startswith("there is no type of recipe supervise; did you mean")


def test_another_package_brings_an_adapter(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        importlib.metadata.EntryPoint("shouted", "json:loads", "crucible_runtime.adapters"),
        importlib.metadata.EntryPoint("broken", "no_such_module:broken", "crucible_runtime.adapters"),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: importlib.metadata.EntryPoints(points))
    assert "adapter broken cannot be loaded from no_such_module:broken" in refusal(load, [{}], adapter="broken")
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: shouted)
    assert load([{"text": "ho"}], adapter="shouted")[0]["messages"][1]["content"] == "HO"


def shouted(row: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [USER, {"role": "assistant", "content": row["text"].upper()}]}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\\boxed{5}", "5"),
        ("\\boxed{1} and \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\fbox{a}", "a"),
        ("\\boxed 5$", "5"),
        ("\\boxed{5", None),
        ("\\boxed", None),
        ("\\boxed(5)", None),
        ("5", None),
        ("\\boxed{}", ""),
    ],
)
def test_the_last_box(text: str, answer: str | None) -> None:
    assert boxed(text) == answer


# What is written elsewhere


def test_the_adapters_are_entry_points() -> None:
    project = tomllib.loads((RUNTIME / "pyproject.toml").read_text("utf-8"))["project"]
    table = project["entry-points"]["crucible_runtime.adapters"]
    assert table == {name: f"{function.__module__}:{function.__name__}" for name, function in ADAPTERS.items()}
    assert set(NAMES.values()) <= set(ADAPTERS)


def test_each_recipe_names_the_adapter_of_its_data() -> None:
    for path in sorted((ROOT / "generated" / "ir").glob("*.json")):
        training = json.loads(path.read_text("utf-8"))["training_config"]
        dataset, adapter = training["dataset_ref"], training["options"].get("adapter")
        if dataset["provider"] == "generated":
            assert adapter is None, path.name
        else:
            assert adapter in ADAPTERS, path.name
            assert ADAPTERS[adapter] is ADAPTERS[NAMES.get(dataset["name"], "messages")], path.name


def test_the_documentation_lists_every_adapter_and_provider() -> None:
    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    for name in (*ADAPTERS, *data.PROVIDERS, *data.OPTIONS):
        assert f"`{name}`" in text, name
    written = [yaml.safe_load(block.partition("```")[0]) for block in text.split("```yaml\n")[1:]]
    for ref in (each["training_config"]["dataset_ref"] for each in written if "training_config" in each):
        assert set(ref) <= set(DatasetRef.__dataclass_fields__)
        assert set(ref.get("options", {})) <= set(data.OPTIONS)

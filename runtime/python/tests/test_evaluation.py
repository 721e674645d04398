"""The scorers: character for character what the Elixir runner does, and what an evaluation refuses."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crucible_runtime.errors import CrucibleError, InputError, PortError
from crucible_runtime.evals.loop import evaluate, loaded
from crucible_runtime.evals.scorers import SCORERS
from crucible_runtime.evaluation import COMPARES, Evaluation, Sample, Task, final
from crucible_runtime.ir import DatasetRef, ModelRef, TrainingConfig
from crucible_runtime.ports import NoopSamplingClient

# output, target, exact_match, contains, case_insensitive: what TinkexCookbook.Eval.Runner 0.4.0 scores, measured on
# Elixir 1.14. EvalEx.Scorer.ExactMatch 0.2.0 ignores case: on every row here it gives the last of the three numbers.
CASES = [
    ("4", "4", 1, 1, 1),
    (" 4\n", "4", 1, 1, 1),
    ("4", " 4 ", 1, 0, 1),
    ("The answer is 4.", "4", 0, 1, 0),
    ("YES", "yes", 0, 0, 1),
    ("", "", 1, 1, 1),
    ("anything", "", 0, 1, 0),
    ("  ", "", 1, 1, 1),
    ("\u00a0\u2003x\u3000\u0085", "x", 1, 1, 1),
    ("\u200bx", "x", 0, 1, 0),
    ("\x1cx", "x", 0, 1, 0),
    ("ΟΔΟΣ", "οδος", 0, 0, 0),
    ("ΟΔΟΣ", "οδοσ", 0, 0, 1),
    ("STRASSE", "straße", 0, 0, 0),
    ("İ", "i\u0307", 0, 0, 1),
    ("é", "e\u0301", 0, 0, 0),
    ("ÉCOLE", "école", 0, 0, 1),
    ("😀", "😀", 1, 1, 1),
    ("a\r\n", "a", 1, 1, 1),
    ("a\0b", "a", 0, 1, 0),
    ("I", "\u0131", 0, 0, 0),
    ("\u0131", "I", 0, 0, 0),
    ("\u0130stanbul", "istanbul", 0, 0, 0),
    ("x", "\xa0", 0, 0, 0),
    ("\xa0", "\xa0", 1, 1, 1),
    ("\ufeffx", "x", 0, 1, 0),
    ("\u180ex", "x", 0, 1, 0),
    ("x\u2060", "x", 0, 1, 0),
    ("\ufb01", "fi", 0, 0, 0),
    ("\uff21", "\uff41", 0, 0, 1),
    ("\u01c5", "\u01c6", 0, 0, 1),
    ("\u1e9e", "\xdf", 0, 0, 1),
    ("\xc5", "\xe5", 0, 0, 1),
    ("e\u0301", "\xe9", 0, 0, 0),
    ("xe\u0301", "e", 0, 1, 0),
    ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468", 0, 1, 0),
    ("\U0001f1e9\U0001f1ea", "\U0001f1e9", 0, 1, 0),
    ("a\u2028", "a", 1, 1, 1),
    ("a\tb", "a b", 0, 0, 0),
    ("1,000", "1000", 0, 0, 0),
    ("", "x", 0, 0, 0),
    ("\n\n4\n\n", "\t4", 1, 0, 1),
    ("Yes.", "yes", 0, 0, 0),
    ("\u03c2", "\u03a3", 0, 0, 0),
    ("\u03a3", "\u03c3", 0, 0, 1),
    ("\x1f4", "4", 0, 1, 0),
    ("\x0b4\x0c", "4", 1, 1, 1),
    ("\u2167", "\u2177", 0, 0, 1),
    ("\u13a0", "\uab70", 0, 0, 1),
    ("\U00010400", "\U00010428", 0, 0, 1),
    ("\u0130\u0130", "i\u0307i\u0307", 0, 0, 1),
    ("d\u017e", "D\u017d", 0, 0, 1),
    ("\u0391\u03a3 ", "\u03b1\u03c2", 0, 0, 0),
    ("\r\n", "\n", 1, 1, 1),
    ("x\r\ny", "\n", 0, 1, 0),
    ("x\r\ny", "\r", 0, 1, 0),
    ("\uac01", "\u1100\u1161\u11a8", 0, 0, 0),
    ("\u202fx\u205f", "x", 1, 1, 1),
    ("K", "k", 0, 0, 1),
    ("\u03a9", "\u03c9", 0, 0, 1),
]


@pytest.mark.parametrize(("output", "target", "exact", "contained", "folded"), CASES)
def test_scorers(output: str, target: str, exact: int, contained: int, folded: int) -> None:
    scores = {name: scorer(output, target) for name, scorer in SCORERS.items()}
    assert scores == {"exact_match": exact, "contains": contained, "case_insensitive": folded}
    assert all(type(score) is float for score in scores.values())


@pytest.mark.elixir
def test_trimming_and_lower_case_are_elixirs(tmp_path: Path) -> None:
    """For every character: what Elixir trims and what it makes of it in lower case."""
    elixir = shutil.which("elixir")
    assert elixir, "this test needs Elixir"
    program = """
    for code <- 0..0x10FFFF, code not in 0xD800..0xDFFF do
      text = <<code::utf8>>
      lower = text |> String.downcase() |> String.to_charlist()
      space = String.trim(text) == ""
      if space or lower != [code], do: IO.puts("#{code} #{space} #{Enum.join(lower, ",")}")
    end
    """
    (tmp_path / "characters.exs").write_text(program)
    run = subprocess.run([elixir, str(tmp_path / "characters.exs")], capture_output=True, text=True, check=True)
    theirs = {int(code): (space, lower) for code, space, lower in (line.split(" ") for line in run.stdout.splitlines())}
    assert len(theirs) > 1000
    exact, folded = SCORERS["exact_match"], SCORERS["case_insensitive"]
    for code in (*range(0xD800), *range(0xE000, 0x110000)):
        space, lower = theirs.get(code, ("false", str(code)))
        assert (exact(chr(code), "") == 1.0) is (space == "true"), hex(code)
        if space == "false":
            assert folded(chr(code), "".join(map(chr, map(int, lower.split(","))))) == 1.0, hex(code)


class Client(NoopSamplingClient):
    """Answers every prompt with the same response."""

    def __init__(self, response: Any) -> None:
        self.response = response

    def start_session(self, config: Any) -> str:  # type: ignore[override]
        return "session"

    def sample(self, session: Any, prompt: Any, params: Mapping[str, Any], **options: Any) -> Any:
        return self.response

    def await_(self, future: Any) -> Any:
        return future


def asked(response: Any, target: str = "4") -> Any:
    task = Task(name="t", samples=[Sample(id="1", input="?", target=target)])
    return evaluate(Evaluation(tasks=[task]), Client(response)).scores[0].answers[0]


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("4<|eot_id|>", "4"),
        ("4<|im_end|>\n", "4"),
        ("4<|end_of_text|><|eot_id|>", "4"),
        ("4<|eot_id|><|end_of_text|>", "4<|eot_id|>"),
        ("<|im_end|>4", "<|im_end|>4"),
        (None, ""),
    ],
)
def test_stop_tokens_at_the_end_are_cut_off(text: str | None, output: str) -> None:
    assert asked({"sequences": [{"text": text}]}, target=output).output == output


def test_where_every_sample_fails_the_evaluation_fails() -> None:
    with pytest.raises(CrucibleError, match=r"^task t: every sample failed, the first with: KeyError: 'sequences'$"):
        asked({})


def test_a_task_without_samples_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(CrucibleError, match=r"^task t has no samples and names no data set$"):
        evaluate(Evaluation(tasks=[Task(name="t")]), Client({}))


QUESTIONS = DatasetRef(name="q", provider="inline", options={"rows": [{"q": "2 + 2", "a": 4}, {"q": "?", "a": "5"}]})


def test_the_rows_of_a_data_set_become_samples() -> None:
    task = Task(name="t", dataset=QUESTIONS, input_column="q", target_column="a")
    (score,) = evaluate(Evaluation(tasks=[task]), Client({"sequences": [{"text": "4"}]})).scores
    assert [(answer.id, answer.input, answer.target, answer.score) for answer in score.answers] == [
        ("1", "2 + 2", "4", 1.0),
        ("2", "?", "5", 0.0),
    ]
    assert [len(samples) for _, samples in loaded(Evaluation(tasks=[replace(task, limit=1)]))] == [1]


SOLUTION = "She has 6 * 12 = <<6*12=72>>72 eggs.\nThat is 72.\n#### {}"


@pytest.mark.parametrize("target", ["72", "1,072", "$72", "-3"])
def test_the_answer_of_a_worked_solution_is_compared_and_not_the_way_to_it(target: str) -> None:
    rows = DatasetRef(name="q", provider="inline", options={"rows": [{"q": "?", "a": SOLUTION.format(target)}]})
    task = Task(name="t", scorer="contains", dataset=rows, input_column="q", target_column="a")
    right, wrong = target.replace(",", ""), "71"
    for text, correct in ((f"It is {right}.", 1), (f"It is {wrong}.", 0)):
        (score,) = evaluate(Evaluation(tasks=[task]), Client({"sequences": [{"text": text}]})).scores
        assert (score.answers[0].target, score.correct) == (right, correct)


@pytest.mark.parametrize("target", ["72", "#### 72", "a #### b", "x\n#### 72\nand more", "", "\n####"])
def test_any_other_target_is_as_it_stands(target: str) -> None:
    assert final(target) == target


def test_every_scorer_says_what_it_compares() -> None:
    assert set(COMPARES) == set(SCORERS)
    docs = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text("utf-8")
    assert all(f"| `{name}` | {said} |" in docs for name, said in COMPARES.items())


def test_a_column_that_there_is_not_is_named() -> None:
    task = Task(name="t", dataset=QUESTIONS, input_column="question", target_column="a")
    with pytest.raises(InputError, match=r"no column question"):
        evaluate(Evaluation(tasks=[task]), Client({}))


def test_a_smoke_run_asks_the_tiny_questions_instead_of_a_hubs() -> None:
    toy = TrainingConfig(
        id="t", model_ref=ModelRef(id="tiny", provider="generated"), dataset_ref=DatasetRef(name="tiny-chat")
    )
    hub = DatasetRef(name="openai/gsm8k", provider="huggingface", split="test")
    task = Task(name="t", dataset=hub, input_column="question", target_column="answer", limit=3)
    ((_, samples),) = loaded(Evaluation(tasks=[task]), toy)
    assert len(samples) == 3
    assert all(sample.target.isdigit() for sample in samples)


def test_without_a_client_the_port_says_so() -> None:
    task = Task(name="t", samples=[Sample(id="1", input="?", target="4")])
    with pytest.raises(PortError, match=r"no adapter for the port sampling_client"):
        evaluate(Evaluation(tasks=[task]), NoopSamplingClient())

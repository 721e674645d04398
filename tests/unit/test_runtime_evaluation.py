"""The scorers: character for character what the Elixir runner does, and what an evaluation refuses."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from crucible_runtime.errors import CrucibleError, PortError
from crucible_runtime.evaluation import SCORERS, Evaluation, Sample, Task, evaluate
from crucible_runtime.ir import DatasetRef
from crucible_runtime.ports import NoopSamplingClient

# output, target, exact_match, contains, case_insensitive
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
    task = Task(name="gsm8k", dataset=DatasetRef(name="openai/gsm8k"), input_column="question", target_column="answer")
    with pytest.raises(CrucibleError, match=re.escape("task gsm8k has no samples (dataset openai/gsm8k)")):
        evaluate(Evaluation(tasks=[task]), Client({}))


def test_without_a_client_the_port_says_so() -> None:
    task = Task(name="t", samples=[Sample(id="1", input="?", target="4")])
    with pytest.raises(PortError, match=r"no adapter for the port sampling_client"):
        evaluate(Evaluation(tasks=[task]), NoopSamplingClient())

"""The environments: what they ask, and what answers are worth. Mathematics that needs sympy is in tests/engines."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crucible_runtime.environments import Environment, Family, Settings, family, forms
from crucible_runtime.environments.code import Deepcoder, fenced, same_output, same_value
from crucible_runtime.environments.grading import GRADERS, Grader, plain
from crucible_runtime.environments.math import SUFFIX
from crucible_runtime.errors import InputError

linux = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is a program of Linux")


def made(env: str, **options: Any) -> Family:
    return family(env, options={"env": env, **options})


def worth(environment: Environment, answer: str, *, ended: bool = True) -> float:
    outcome = environment.step(answer, ended=ended)
    assert outcome.stop
    return outcome.reward


# Finding them


def test_an_unknown_environment_is_told_the_nearest() -> None:
    with pytest.raises(InputError) as refusal:
        made("gsm8")
    assert str(refusal.value).startswith(
        "there is no environment gsm8; did you mean gsm8k? Known: arithmetic, deepcoder,"
    )


def test_another_package_brings_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("ours", f"{__name__}:Ours", "crucible_runtime.environments")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: importlib.metadata.EntryPoints([point]))
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: Ours)
    found = family("ours", options={"env": "ours"}, allow_unsandboxed=True)
    assert isinstance(found, Ours)
    assert found.settings == Settings(options={"env": "ours"}, allow_unsandboxed=True)
    broken = importlib.metadata.EntryPoint("broken", "no_such_module:Broken", "crucible_runtime.environments")
    monkeypatch.undo()
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: importlib.metadata.EntryPoints([broken]))
    with pytest.raises(InputError, match="environment broken cannot be loaded from no_such_module:Broken: No module"):
        family("broken", options={})


class Ours:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings


# Sums


def test_arithmetic_asks_for_a_sum_after_an_example() -> None:
    asked = made("arithmetic").environment({"x": 3, "y": 40}).initial_observation()
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    assert asked[-1]["content"] == "What is 3 + 40?"
    assert len(made("arithmetic", convo_prefix="none").environment({"x": 3, "y": 40}).initial_observation()) == 1


@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        ("43", 1.0),
        ("3 + 40 = 43", 1.0),
        ("It is 43.", 1.0),
        ("43 or 44", 0.0),
        ("-43", 0.0),
        ("", 0.0),
        ("forty-three", 0.0),
        ("9" * 10_000, 0.0),
        ("4,3", 0.0),
        ("43.0", 1.0),
        ("4.43", 0.0),
        ("1_43", 0.0),
        ("0x43", 0.0),
        ("43, not ٤٤", 0.0),
        ("٤٣", 0.0),
        ("86/2", 0.0),
        ("0 + 43", 0.0),
        ("0+43", 0.0),
        ("(0) +43", 0.0),
        ("86 - 43", 0.0),
        ("1 \\cdot 43", 0.0),
        ("1. Add 40 and 3\n- 43", 1.0),
        ("答案是43。", 1.0),
    ],
)
def test_arithmetic_counts_the_last_whole_number(answer: str, reward: float) -> None:
    assert worth(made("arithmetic").environment({"x": 3, "y": 40}), answer) == reward


def test_arithmetic_makes_the_same_rows_for_the_same_seed() -> None:
    first, again, other = (list(islice(made("arithmetic").rows(seed), 200)) for seed in (0, 0, 1))
    assert first == again != other
    assert {type(row["x"]) for row in first} == {int}
    assert all(0 <= row[name] <= 100 for row in first for name in "xy")
    assert made("arithmetic").adapter is None


def test_a_row_without_a_sum_is_refused() -> None:
    with pytest.raises(InputError, match="expects a row with the whole numbers x and y"):
        made("arithmetic").environment({"x": "3", "y": 4})


# Reward


@pytest.mark.parametrize(
    ("options", "answer", "ended", "reward"),
    [
        ({}, "\\boxed{4}", True, 1.0),
        ({}, "\\boxed{5}", True, 0.0),
        ({}, "4", True, -0.1),
        ({}, "\\boxed{4}", False, 0.9),
        ({"format_coef": 0.5}, "4", True, -0.5),
        ({"format_coef": 0.0}, "4", True, 0.0),
        ({"context_overflow_reward": -0.3}, "\\boxed{4}", False, -0.3),
        ({"context_overflow_reward": -0.3}, "4", True, -0.1),
    ],
)
def test_the_reward_is_correct_less_the_missing_format(
    options: Mapping[str, Any], answer: str, ended: bool, reward: float
) -> None:
    environment = made("gsm8k", **options).environment({"problem": "2 + 2?", "answer": "4"})
    assert worth(environment, answer, ended=ended) == pytest.approx(reward)


def test_the_metrics_are_the_parts_of_the_reward() -> None:
    environment = made("gsm8k").environment({"problem": "2 + 2?", "answer": "4"})
    assert environment.step("\\boxed{4}").metrics == {"correct": 1.0, "format": 1.0}
    assert environment.step("4").metrics == {"correct": 0.0, "format": 0.0}
    assert environment.step("\\boxed{4}", ended=False).metrics == {"correct": 1.0, "format": 0.0}


# Mathematics


@pytest.mark.parametrize(
    ("env", "row"),
    [
        ("gsm8k", {"question": "Two and two?", "answer": "Count.\n#### 4"}),
        ("math", {"problem": "Two and two?", "solution": "Thus \\boxed{4}."}),
        ("deepmath", {"question": "Two and two?", "final_answer": "4"}),
        ("polaris", {"problem": "Two and two?", "answer": "4"}),
    ],
)
def test_each_reads_the_rows_of_its_data_set_and_adapted_ones(env: str, row: Mapping[str, str]) -> None:
    for each in (row, {"problem": "Two and two?", "answer": "4"}):
        environment = made(env).environment(each)
        asked = environment.initial_observation()
        assert asked[-1] == {"role": "user", "content": "Two and two?" + SUFFIX}
        assert len(asked) == (3 if env in ("gsm8k", "math") else 1)
        assert worth(environment, "It is \\boxed{4}") == 1.0


def test_an_example_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="environment polaris has no example conversation of its own"):
        made("polaris", convo_prefix="standard")
    asked = made("gsm8k", convo_prefix="none").environment({"problem": "2 + 2?", "answer": "4"}).initial_observation()
    assert len(asked) == 1


def test_options_and_rows_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match="there is no grader symp; did you mean sympy"):
        made("gsm8k", grader="symp")
    with pytest.raises(InputError, match="needs a problem and its answer: no column question"):
        made("gsm8k").environment({"answer": "#### 4"})
    with pytest.raises(InputError, match="expected a solution that ends with ####"):
        made("gsm8k").environment({"question": "2 + 2?", "answer": "4"})


@pytest.mark.parametrize(
    ("found", "wanted", "equal"),
    [
        ("4", "4", True),
        ("4.0", "4", True),
        ("4.50", "4.5", True),
        ("-4", "4", False),
        ("1,234", "1234", True),
        ("$4$", "4", True),
        (" 4 .", "4", True),
        ("\\text{Monday}", "Monday", True),
        ("\\dfrac{1}{2}", "\\frac12", True),
        ("\\left( 1, 2 \\right)", "(1,2)", True),
        ("10000000000000000000001", "10000000000000000000000", False),
        ("", "", False),
        ("4", "", False),
    ],
)
def test_plain_answers_are_compared_without_sympy(found: str, wanted: str, equal: bool) -> None:
    grader = Grader(method="sympy", seconds=1)
    assert grader.equal(found, wanted) is equal
    assert not grader._idle


TASKS = r"""
48+48/2
\sum_{k=1}^{42} k
\binom{8}{4}
10^{10^{10}}
144/2
\frac{144}{2}
8\cdot9
(8)(9)
2(36)
72^1
72+0
-(-72)
7 2
7\,2
72=72
6!/10
\sqrt{5184}
\int_0^1 72 dx
\lim_{x\to0}72
\max(72,3)
|-72|
--72
72\frac{0}{1}
7_2
1_0
٧٢
７２
[72]
72,73
0x48
7.2e1
\infty
""".strip().split("\n")


@pytest.mark.parametrize("method", GRADERS)
@pytest.mark.parametrize("task", TASKS)
def test_what_still_has_to_be_computed_is_no_answer(method: str, task: str) -> None:
    grader = Grader(method=method, seconds=1)
    assert not grader.equal(task, "72")
    assert not grader._idle  # it is decided without a computation


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("2^{10}", "1024"),
        ("2x+3x", "5x"),
        ("\\sqrt{9}-2+\\sqrt{2}", "1+\\sqrt{2}"),
        ("silent", "\\text{listen}"),
        ("\\text{silent}", "listen"),
        ("5\\text{ cm}", "5\\text{ inches}"),
        ("9^{9^{9}}", "10^{10^{2}}"),
        ("x", "10^{10^{10}}"),
        ("\\sqrt{2}+\\sqrt{2}", "2\\sqrt{2}"),
        ("\\sqrt{12}+5-4", "2\\sqrt{3}+1"),
        ("\\frac{48+48/2}{144}", "\\frac{1}{2}"),
        ("\\sin(0)", "0"),
        ("1_0", "10"),
        ("١٠", "10"),
        ("5", "[5]"),
        ("5", "\\{5\\}"),
        ("\\{5\\}", "5"),
        ("0", "\\text{false}"),
        ("(1,2)", "[1,2]"),
        ("e^{i\\pi}", "-1"),
        ("x^{2^{2^{2}}}", "x^{16}"),
        ("(" * 500 + "x" + ")" * 500, "x"),
    ],
)
def test_an_answer_is_made_of_what_its_reference_is_made_of(found: str, wanted: str) -> None:
    grader = Grader(method="math_verify", seconds=1)
    assert not grader.equal(found, wanted)
    assert not grader._idle


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("72.0", "72"),
        ("\\$72", "72"),
        ("72\\%", "72"),
        ("90^\\circ", "90"),
        ("(72)", "72"),
        ("72\\text{ dollars}", "72"),
        ("72", "72 \\mbox{ inches}^2"),
        ("72.0\\,\\text{cm}^{2}", "72"),
        ("72.0\\text{ cm}", "72\\text{ cm}"),
        ("1 000", "1000"),
        ("\\frac{3}{6}", "\\frac12"),
        ("1/2", "0.5"),
        ("-0.5", "\\frac{-1}{2}"),
        ("3.5", "3\\frac{1}{2}"),
        ("\\frac{7}{2}", "3\\frac12"),
        ("\\log_2 3", "\\log_{2}{3}".replace("{3}", "3")),
    ],
)
def test_numbers_are_equal_however_they_are_written(found: str, wanted: str) -> None:
    grader = Grader(method="sympy", seconds=1)
    assert grader.equal(found, wanted)
    assert not grader._idle


@given(st.text(alphabet="0123456789x+-*/^_!.,(){}[]\\|=<>&'% ab\u0661", max_size=60) | st.text(max_size=40))
def test_reading_a_form_ends_and_raises_nothing_else(text: str) -> None:
    try:
        form = forms.read(plain(text))
    except forms.UnreadableError:
        return
    assert forms.answers(form, form)


def test_only_commas_of_thousands_go() -> None:
    assert [plain(each) for each in ("1,234,567", "1,23", "(1,2)", "1{,}000")] == ["1234567", "1,23", "(1,2)", "1000"]


# Programs

ADD = "Here:\n```python\na, b = map(int, input().split())\nprint(a + b)\n```\n"
SUB = ADD.replace("a + b", "a - b")
TESTS = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin_stdout"}, {"input": "5 5", "output": "10"}]


def problem(tests: Any, starter: str | None = None, metadata: Any = None, **options: Any) -> Environment:
    row = {"problem": "Add.", "tests": tests, "starter_code": starter, "metadata": metadata}
    return made("deepcoder", **options).environment(row)


def test_programs_are_asked_for_in_the_form_of_their_tests() -> None:
    reading = problem(TESTS).initial_observation()[0]["content"]
    assert reading.startswith("Add.\n\n") and "standard input" in reading
    calling = problem(TESTS, starter="class Solution:\n    def add(self, a, b):").initial_observation()[0]["content"]
    assert "class Solution:" in calling and "standard input" not in calling


@linux
@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        (ADD, 1.0),
        ("```python\nprint(0)\n```\nno, rather\n" + ADD, 1.0),
        (SUB, 0.0),
        ("```python\nraise SystemExit(1)\n```", 0.0),
        ("```python\nthis is no Python\n```", 0.0),
        ("a + b", -0.1),
        ("", -0.1),
        ("```python\nprint(1)", -0.1),
    ],
)
def test_a_program_is_right_where_every_test_passes(answer: str, reward: float) -> None:
    assert worth(problem(TESTS), answer) == pytest.approx(reward)


@linux
def test_a_program_cannot_know_what_is_expected() -> None:
    """It sees its input, and no test: guessing from what is in memory and on disk finds nothing."""
    answer = """```python
import gc, os
found = [each for each in gc.get_objects() if isinstance(each, dict) and ("output" in each or "outputs" in each)]
print(found[0]["output"] if found else os.listdir("."))
```"""
    environment = problem([{"input": "", "output": "[]"}])
    assert worth(environment, answer) == 1.0  # it prints that the directory is empty, the only thing there is


@linux
@pytest.mark.parametrize(
    ("tests", "metadata"),
    [
        ('[{"input": "[1, 2]\\n3", "output": "[1, 2, 3]", "testtype": "functional"}]', '{"func_name": "add"}'),
        (
            [{"input": "[1, 2]\n3", "output": "[1, 2, 3]", "testtype": "functional", "metadata": {"func_name": "add"}}],
            None,
        ),
        ({"fn_name": "add", "inputs": [[[1, 2], 3]], "outputs": [[1, 2, 3]]}, None),
        ({"fn_name": "add", "inputs": [[[1, 2], 3]], "outputs": [[[1, 2, 3]]]}, {}),
        ([{"type": "function_call", "fn_name": "add", "input": [[1, 2], 3], "output": [[1, 2, 3]]}], ""),
    ],
    ids=["livecodebench", "own name", "taco", "taco in lists", "primeintellect"],
)
def test_functions_are_tested_in_all_forms_of_the_data_set(tests: Any, metadata: Any) -> None:
    environment = problem(tests, metadata=metadata)
    method = (
        "```python\nclass Solution:\n    def add(self, a: List[int], b: int) -> List[int]:\n        return a + [b]\n```"
    )
    function = "```python\ndef add(a, b):\n    return (*a, b)\n```"
    assert worth(environment, method) == worth(environment, function) == 1.0
    assert worth(environment, function.replace("(*a, b)", "b")) == 0.0
    assert worth(environment, function.replace("add", "sum_")) == 0.0


@linux
@pytest.mark.parametrize(
    ("outputs", "returned", "reward"),
    [
        ([[5]], "5", 0.0),
        ([[5]], "[5]", 1.0),
        ([[5], [5, 5]], "[5] * n", 1.0),
        ([[[5]]], "[5]", 1.0),
        ([[[5]]], "[[5]]", 0.0),
        ([[1], [2], [3], [4], [5]], "n", 1.0),
        ([[1], [2], [3], [4], [5]], "[n]", 0.0),
        ([False], "0", 0.0),
        ([1], "True", 0.0),
    ],
)
def test_the_outputs_of_a_problem_are_in_lists_or_not(outputs: list[Any], returned: str, reward: float) -> None:
    inputs = [[number] for number in range(1, len(outputs) + 1)]
    environment = problem({"fn_name": "f", "inputs": inputs, "outputs": outputs})
    assert worth(environment, f"```python\ndef f(n):\n    return {returned}\n```") == reward
    tests = [
        {"type": "function_call", "fn_name": "f", "input": given, "output": output}
        for given, output in zip(inputs, outputs, strict=True)
    ]
    assert worth(problem(tests), f"```python\ndef f(n):\n    return {returned}\n```") == reward


@linux
def test_inputs_and_outputs_in_columns_are_tests_too() -> None:
    assert worth(problem({"inputs": ["1 2", ["5 5", ""]], "outputs": ["3", ["10"]]}), ADD) == 1.0


@linux
def test_a_wrong_program_gets_another_turn_and_hears_why() -> None:
    environment = problem(TESTS, max_turns=2)
    first = environment.step(SUB)
    assert (first.stop, first.reward) == (False, 0.0)
    (told,) = first.observation
    assert told["role"] == "user"
    assert told["content"].startswith(
        "Test 1 of 2 failed: for the input\n1 2\n\nit printed\n-1\n\nand expected is\n3\n"
    )
    last = environment.step(SUB)
    assert (last.stop, last.reward) == (True, 0.0)
    right = problem(TESTS, max_turns=2).step(ADD)
    assert (right.stop, right.reward) == (True, 1.0)


@linux
def test_what_is_cut_off_is_worth_what_the_recipe_says() -> None:
    assert worth(problem(TESTS), ADD, ended=False) == -0.1
    assert worth(problem(TESTS, context_overflow_reward=-0.7), ADD, ended=False) == -0.7


@linux
def test_the_time_limit_is_that_of_the_recipe() -> None:
    environment = problem(TESTS, timeout_seconds=1, max_turns=2)
    told = environment.step("```python\nimport time\ntime.sleep(30)\n```").observation
    assert told[0]["content"].startswith("Test 1 of 2 failed: it ran longer than 1 s.")


def test_other_sandboxes_and_rows_without_tests_are_refused() -> None:
    with pytest.raises(InputError, match=r"in bubblewrap, and options\.sandbox_backend is modal"):
        made("deepcoder", sandbox_backend="modal")
    with pytest.raises(InputError, match="there are no tests"):
        problem([])
    with pytest.raises(InputError, match=r"column tests\[0\]: no output: it has input"):
        problem([{"input": "1"}])
    with pytest.raises(InputError, match="column tests: expected JSON"):
        problem("[{")


def test_a_missing_sandbox_is_said_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "crucible_runtime.environments.sandbox.problems", lambda *, allow_unsandboxed: [f"none {allow_unsandboxed}"]
    )
    assert Deepcoder(Settings(options={}, allow_unsandboxed=True)).problems() == ["none True"]
    assert made("arithmetic").problems() == []


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ("3\n", "3", True),
        ("3", "4", False),
        ("1 2\n3", "1 2 \n3\n\n", True),
        ("1  2", "1 2", True),
        ("1\n2", "1 2", False),
        ("3.0", "3", True),
        ("0.1", "0.10", True),
        ("0.30000000000000004", "0.3", False),
        ("NaN", "nan", False),
        ("yes", "YES", False),
        ("", "", True),
        ("", "0", False),
        ("1_0", "10", False),
        ("١٠", "10", False),
        ("1e1", "10", True),
        ("1e999999999", "10", False),
        ("True", "1", False),
    ],
)
def test_outputs_are_compared_by_lines_and_words(found: str, wanted: str, same: bool) -> None:
    assert same_output(found, wanted) is same


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        (0, False, False),
        (True, 1, False),
        ([0, [1]], [False, [True]], False),
        ({"a": 1}, {"a": True}, False),
        (5, [5], False),
        ([5], [5], True),
        (1.0, 1, True),
        ("1", 1, False),
        (None, False, False),
        (False, False, True),
    ],
)
def test_values_are_the_same_with_their_types(found: Any, wanted: Any, same: bool) -> None:
    assert same_value(found, wanted) is same


@linux
def test_a_list_of_one_is_a_list_where_another_output_says_so() -> None:
    tests = {"fn_name": "f", "inputs": [[1], [2]], "outputs": [[5], [1, 2]]}
    assert worth(problem(tests), "```python\ndef f(x):\n    return [5] if x == 1 else [1, 2]\n```") == 1.0
    assert worth(problem(tests), "```python\ndef f(x):\n    return 5 if x == 1 else [1, 2]\n```") == 0.0


def test_the_last_fenced_block_is_the_program() -> None:
    assert fenced("```\na\n```\n```py\nb\n```") == "b\n"
    assert fenced("```python\nprint('```')\n```") == "print('```')\n"
    assert fenced("none") is None


@pytest.mark.parametrize("env", ["arithmetic", "gsm8k", "math", "deepmath", "polaris"])
@pytest.mark.parametrize(
    "answer", ["", "\x00", "\ud800", "\\boxed{", "\\boxed", "\\boxed{}", "}" * 1000, "\\boxed{" * 1000, "9" * 100_000]
)
def test_no_answer_raises(env: str, answer: str) -> None:
    row = {"x": 1, "y": 2} if env == "arithmetic" else {"problem": "1 + 2?", "answer": "3"}
    assert worth(made(env).environment(row), answer) <= 0.0


@linux
@pytest.mark.parametrize("program", ["", "\x00", "\ud800", "(" * 10_000, "1" * 10_000 + "\nprint(int('9' * 5000))"])
def test_no_program_raises(program: str) -> None:
    assert worth(problem(TESTS), f"```python\n{program}\n```") <= 0.0


def test_the_families_are_what_the_protocol_says() -> None:
    for name in ("arithmetic", "gsm8k", "math", "deepmath", "polaris", "deepcoder"):
        found = made(name)
        assert found.adapter == {"arithmetic": None, "math": "hendrycks_math"}.get(name, name)
        methods: list[Callable[..., Any]] = [found.environment, found.rows, found.problems]
        assert all(callable(method) for method in methods)
        assert name == "arithmetic" or list(found.rows(0)) == []

"""Mathematical answers through the real math-verify, on threads, within time, and whatever they say."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crucible_runtime.environments import family
from crucible_runtime.environments.grading import GRADERS, Grader

pytestmark = pytest.mark.engines

BOTH = [
    ("\\frac{2}{4}", "0.5", True),
    ("1/2", "\\frac12", True),
    ("x^2+2x+1", "(x+1)^2", True),
    ("\\sqrt{8}", "2\\sqrt{2}", True),
    ("3+4i", "4i+3", True),
    ("\\{1,2\\}", "\\{2,1\\}", True),
    ("(\\frac{1}{2}, 3)", "(0.5, 3)", True),
    ("(1,2)", "(2,1)", False),
    ("[0,1)", "[0,1]", False),
    ("\\pi", "3", False),
    ("x+1", "x+2", False),
    ("\\frac{", "1", False),
    ("\\text{Monday}", "\\text{Tuesday}", False),
    ("\\end{document}", "1", False),
]
VERIFIED = [("x=5", "5", True), ("3\\pi", "9.42477796", True)]


@pytest.fixture(scope="module", params=GRADERS)
def grader(request: pytest.FixtureRequest) -> Grader:
    return Grader(method=request.param, seconds=20)


@pytest.mark.parametrize(("found", "wanted", "equal"), BOTH)
def test_answers_are_compared(grader: Grader, found: str, wanted: str, equal: bool) -> None:
    assert grader.equal(found, wanted) is equal
    assert grader.equal(wanted, found) is equal


@pytest.mark.parametrize(("found", "wanted", "equal"), VERIFIED)
def test_math_verify_takes_more_for_equal(found: str, wanted: str, equal: bool) -> None:
    assert Grader(method="math_verify", seconds=20).equal(found, wanted) is equal
    assert Grader(method="sympy", seconds=20).equal(found, wanted) is not equal


def test_it_can_be_asked_from_many_threads(grader: Grader) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: grader.equal(f"\\frac{{{number}}}{{2}}", "\\frac{6}{4}"), range(16)))
    assert found == [number == 3 for number in range(16)]


HOSTILE = [
    ("10^{{10^{{{}}}}}", "72"),
    ("{}^{{9^{{9}}}}", "10^{{10^{{2}}}}"),
    ("x^{{20}}+(x+{})^{{20}}", "(x+1)^{{20}}"),
    ("2^{{{}^{{20^{{20}}}}}}", "2^{{10}}"),
    ("\\sin(\\sin(\\sin(\\sin(x+{}))))", "\\sin(\\sin x+1)"),
    ("\\int_0^{{{}}} \\sin(x) dx", "\\int_0^1 \\sin(x^2) dx"),
    ("{}!", "100!"),
]


@pytest.mark.parametrize(("answer", "wanted"), HOSTILE)
def test_a_batch_of_hostile_answers_costs_seconds(grader: Grader, answer: str, wanted: str) -> None:
    assert grader.equal("\\frac{2}{4}x", "\\frac{3}{6}x")  # the processes are up
    begin = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: grader.equal(answer.format(10**6 + n), wanted.format()), range(512)))
    assert not any(found)
    assert time.monotonic() - begin < 20


def test_an_answer_that_takes_too_long_is_wrong_and_the_next_ones_get_less_time(grader: Grader) -> None:
    short = Grader(method=grader.method, seconds=1)
    assert not short._asked([short.method, "10^{10^{10^{10}}}", "3"])
    assert short._limit == 0.5
    assert short._asked([short.method, "\\frac{2}{4}", "\\frac{3}{6}"])
    assert short._limit == 1


def test_an_answer_is_never_evaluated(grader: Grader, tmp_path: Path) -> None:
    for answer in (
        f"__import__('pathlib').Path('{tmp_path}/touched').touch()",
        f"\\text{{__import__('os').system('touch {tmp_path}/touched')}}",
        f"open('{tmp_path}/touched','w')",
    ):
        assert not grader.equal(answer, "x+1")
    assert not list(tmp_path.iterdir())


def test_the_environment_rewards_an_equal_answer() -> None:
    environment = family("math", options={"timeout_seconds": 20}).environment(
        {"problem": "Half?", "solution": "It is \\boxed{\\frac{1}{2}}."}
    )
    assert environment.step("Thus \\boxed{0.5}.").reward == 1.0
    assert environment.step("Thus \\boxed{\\frac{3}{6}}.").reward == 1.0
    assert environment.step("Thus \\boxed{\\frac{3}{5}}.").reward == 0.0
    assert family("math", options={}).problems() == []

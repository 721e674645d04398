"""Problems as people, programs and GitHub read them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from crucible_gen.diagnostics import report
from crucible_gen.diagnostics.output import ProblemsOutput, problem_outputs
from crucible_gen.diagnostics.problems import Place, Problem


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(text: str | bytes, line: int, column: int, width: int = 1, **more: str) -> list[str]:
    Path("f.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    problem = Problem(Place("f.yaml", line, column, width), "E0203", more.pop("message", "wrong"), **more)
    lines = report.text([problem], color=False).split("\n")
    assert lines[-3:] == ["", "1 problem; gen explain E0203 tells more", ""]
    return lines[:-3]


def test_a_problem_with_all_its_parts() -> None:
    assert shown("a: 1\nrate: -0.1\n", 2, 7, 4, hint="give more", about="The rate.") == [
        "f.yaml:2:7: error[E0203]: wrong",
        "  |",
        "2 | rate: -0.1",
        "  |       ^^^^",
        "  = The rate.",
        "  = help: give more",
    ]


def test_a_place_without_a_line_or_a_file_has_no_excerpt() -> None:
    problems = [Problem(Place("--only x"), "E0307", "none", "look"), Problem(Place("gone.yaml", 3, 1), "E0101", "gone")]
    assert report.text(problems, color=False) == (
        "--only x: error[E0307]: none\n = help: look\n\ngone.yaml:3:1: error[E0101]: gone\n\n"
        "2 problems in 2 files; gen explain E0307 tells more\n"
    )


def test_other_places_are_named() -> None:
    problem = Problem(Place("a"), "E0405", "twice", see=(("first here", Place("b", 2, 3)),))
    assert " = see: b:2:3: first here\n" in report.text([problem], color=False)


def test_the_gutter_is_as_wide_as_the_number() -> None:
    lines = shown("x\n" * 99 + "bad\n", 100, 1, 3)
    assert lines[1:] == ["    |", "100 | bad", "    | ^^^"]


@pytest.mark.parametrize(
    ("text", "column", "width", "line", "carets"),
    [
        ("日本: x\n", 5, 1, "日本: x", "      ^"),  # wide characters take two cells
        ("e\u0301: x\n", 5, 1, "e\u0301: x", "   ^"),  # an accent takes none
        ("\ta: x\n", 5, 1, "\ta: x", "\t   ^"),  # a tab stays one, so that both lines move alike
        ("日本: x\n", 1, 2, "日本: x", "^^^^"),
        ("a\u202eb: x\n", 3, 1, "a\\u{202E}b: x", "         ^"),  # what reorders is written out
        ("a\x1b[2Jb\n", 6, 1, "a\\u{1B}[2Jb", "          ^"),
        ("a: x\n", 9, 1, "a: x", "    ^"[:4] + "^"),  # past the end of the line
    ],
)
def test_the_caret_stands_below_what_is_seen(text: str, column: int, width: int, line: str, carets: str) -> None:
    lines = shown(text, 1, column, width)
    assert lines[2] == f"1 | {line}"
    assert lines[3].removeprefix("  | ") == carets


def test_a_long_line_is_shown_around_the_place() -> None:
    lines = shown("x" * 500 + "BAD" + "y" * 500, 1, 501, 3)
    excerpt, carets = lines[2].removeprefix("1 | "), lines[3].removeprefix("  | ")
    assert len(excerpt) == 160
    assert excerpt[carets.index("^") :].startswith("BAD")
    assert carets.count("^") == 3


def test_a_file_that_is_not_utf_8_and_one_with_a_mark_can_be_shown() -> None:
    assert shown(b"caf\xe9\n", 1, 4)[2] == "1 | caf\ufffd"
    assert shown(b"\xef\xbb\xbfid: x\n", 1, 1)[2] == "1 | id: x"
    assert shown(b"a\r\nb\r\nbad\r\n", 3, 1)[2] == "3 | bad"
    assert shown(b"a\rbad\r", 2, 1)[2] == "2 | bad"


def test_nothing_that_a_file_or_a_name_says_reaches_the_terminal_as_a_command() -> None:
    problem = Problem(Place("f\x1b[2J.yaml", 1, 1), "E0201", "bad \x07 \u202e", "do \x1b", "about \x9b")
    text = report.text([problem], color=False)
    assert text.isascii() and not set(text) & {"\x1b", "\x07", "\x9b"}


def test_colors_change_nothing_but_colors() -> None:
    Path("f.yaml").write_text("a: 1\n")
    problems = [Problem(Place("f.yaml", 1, 4), "E0203", "wrong", "fix")]
    colored = report.text(problems, color=True)
    plain = colored
    for code in ("\x1b[31;1m", "\x1b[33;1m", "\x1b[1m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert colored != plain == report.text(problems, color=False)


def test_warnings_are_yellow() -> None:
    problem = Problem(Place("f"), "E0201", "hm", severity="warning")
    assert "\x1b[33;1mwarning[E0201]" in report.text([problem], color=True)


def test_json_holds_everything_as_plain_values() -> None:
    problem = Problem(Place("ä.yaml", 1, 2), "E0405", "m", "h", "a", (("first", Place("b", 3, 4)),))
    (found,) = json.loads(ProblemsOutput(problems=problem_outputs([problem])).text())["problems"]
    assert found == {
        "code": "E0405",
        "severity": "error",
        "file": "ä.yaml",
        "line": 1,
        "column": 2,
        "message": "m",
        "hint": "h",
        "about": "a",
        "see": [{"message": "first", "file": "b", "line": 3, "column": 4}],
    }


def test_github_commands_escape_what_would_end_them() -> None:
    problems = [
        Problem(Place("a,b:c%.yaml", 2, 3), "E0201", "50% of\nlines", "fix: it"),
        Problem(Place("whole.yaml"), "E0104", "large", severity="warning"),
    ]
    assert report.github(problems) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=2,col=3,title=E0201::50%25 of%0Alines (fix: it)\n"
        "::warning file=whole.yaml,title=E0104::large\n"
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("setting", "environment", "stream", "expected"),
    [
        ("always", {"NO_COLOR": "1"}, io.StringIO(), True),
        ("never", {}, Terminal(), False),
        ("auto", {}, Terminal(), True),
        (None, {}, Terminal(), True),
        ("auto", {}, io.StringIO(), False),
        ("auto", {"NO_COLOR": "1"}, Terminal(), False),
        ("auto", {"NO_COLOR": ""}, Terminal(), True),
        ("auto", {"TERM": "dumb"}, Terminal(), False),
    ],
)
def test_when_there_are_colors(
    setting: str | None,
    environment: dict[str, str],
    stream: io.StringIO,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert report.wants_color(setting, stream) is expected

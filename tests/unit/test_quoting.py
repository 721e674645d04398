"""Hostile text through everything that gen prints, and that no other module prints or quotes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crucible_gen
import pytest
from command import MINIMAL, gen
from crucible_gen.diagnostics import Place, Problem, output, quoting, report
from hypothesis import given
from hypothesis import strategies as st

PACKAGE = Path(crucible_gen.__file__).parent
HOSTILE = "x\x1b[31m\x07\x9b\u202e\u2066\u200b\n::error file=x::pwn\r\n  ::stop-commands::y\n##[error]z\u2028\U000e0001"
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2028\u2029\U000e0001]")
_RUNNER = re.compile(r"^\s*::(?!(error|warning|notice) file=[^:]*::)|##\[", re.MULTILINE)


def safe(text: str) -> bool:
    """Whether neither a terminal nor a workflow runner obeys anything in a text but annotations of gen's own."""
    return not _OBEYED.search(text) and not _RUNNER.search(text)


texts = st.text() | st.just(HOSTILE) | st.text("\x1b\x07\x9b\u202e:#[] \n\r\ta", max_size=12)


@given(texts)
def test_what_is_printed_is_only_read(text: str) -> None:
    assert safe(quoting.printable(text))
    assert safe(quoting.printable(quoting.line(text)))
    assert "\n" not in quoting.line(text)
    written = json.dumps({text: [text]}, ensure_ascii=False, indent=2)
    assert safe(quoting.json_text(written))
    assert json.loads(quoting.json_text(written)) == {text: [text]}


@given(texts)
def test_a_problem_is_safe_in_every_format(text: str) -> None:
    place = Place(text, 0, 0)
    problem = Problem(place, "E0101", text, text, text, ((text, place),))
    assert safe(report.text([problem], color=False))
    assert safe(re.sub(r"\x1b\[[0-9;]*m", "", report.text([problem], color=True)))
    found = report.github([problem])
    assert safe(found)
    assert found.count("\n") == 1
    rendered = output.ProblemsOutput(problems=output.problem_outputs([problem])).text()
    assert safe(rendered)
    assert json.loads(rendered)["problems"][0]["message"] == text


# Every command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with names and texts that try to reach the terminal."""
    root = tmp_path / "p"
    folder = root / "recipes"
    folder.mkdir(parents=True)
    (root / "gen.yaml").write_text("recipes: [recipes]\n", "utf-8")
    description = json.dumps(HOSTILE[:-1])
    (folder / "a.yaml").write_text(f"id: a\ndescription: {description}\n{MINIMAL}  optimizer: adamm\n", "utf-8")
    assert gen([], root).code == 0
    stale = root / "generated/python/crucible_recipes/b.py"
    text = (stale.parent / "a.py").read_text("utf-8").replace("recipes/a.yaml", "recipes/b.yaml")
    (stale.parent / "a\n::error file=x::pwn\n\x1b[31m.py").write_text(text, "utf-8")
    return root


COMMANDS = (
    ["--check"],
    ["--diff"],
    ["--check", "--force"],
    ["-v"],
    ["settings"],
    ["resolve", "recipes/a.yaml"],
    ["schema", "recipe"],
    ["explain"],
    ["explain", HOSTILE],
    [HOSTILE],
    ["--only", HOSTILE],
    ["--profile", HOSTILE],
    [f"--{HOSTILE}"],
    ["--target", HOSTILE],
    ["--templates", HOSTILE],
    ["--schemas", HOSTILE],
    ["--out", HOSTILE],
    ["--format", HOSTILE],
    ["new", HOSTILE, "--type", "supervised"],
    ["contracts", "show", HOSTILE],
    ["contracts", "diff", HOSTILE, HOSTILE],
    ["verify", HOSTILE],
)


@pytest.mark.parametrize("format_", ["text", "json", "github"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: " ".join(each).encode("unicode_escape").decode()[:40])
def test_every_command_is_safe_to_watch(
    root: Path, arguments: list[str], format_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    main = not arguments[:1] or arguments[0].startswith("-") or arguments[0] == HOSTILE
    ran = gen([*arguments, *(["--format", format_] if main and "--format" not in arguments else [])], root)
    assert ran.code != 70, ran.both
    assert safe(ran.out), ran.out
    assert safe(ran.err), ran.err


def test_an_edited_file_is_safe_to_watch(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    path = root / "generated/ir/a.json"
    path.write_bytes(path.read_bytes() + HOSTILE.encode())
    for arguments in (["--check"], ["--diff"], [], ["--force"]):
        assert safe(gen(arguments, root).both)


@pytest.mark.parametrize("name", ["recipes/\x1b[31m.yaml", "recipes/a\n::error::x.yaml", "recipes/\u202e.json"])
def test_names_of_files_are_safe_to_watch(root: Path, name: str) -> None:
    (root / name).write_text("id: [\n", "utf-8")
    for format_ in ("text", "json", "github"):
        ran = gen(["--check", "--format", format_], root)
        assert ran.code == 1
        assert safe(ran.both)


# No other module prints or quotes

_PRINTS = {
    "stdout": {
        *("__main__.py", "diagnostics/report.py", "incremental/session.py", "cli/guard.py", "cli/generate.py"),
        *("conformance/process.py", "conformance/contracts/introspect.py", "conformance/verify/interpreters.py"),
        *("conformance/contracts/extract_elixir.py", "conformance/contracts/extract_python.py"),
        *("conformance/verify/command.py", "languages/elixir/schema_module.py", "languages/python/rules.py"),
    },
    "stderr": {
        *("__main__.py", "diagnostics/report.py", "incremental/session.py", "cli/guard.py", "cli/generate.py"),
        *("conformance/process.py", "conformance/contracts/introspect.py", "conformance/verify/interpreters.py"),
        *("conformance/contracts/extract_elixir.py", "conformance/contracts/extract_python.py"),
        *("conformance/verify/command.py", "conformance/verify/python_side.py", "conformance/contracts/commands.py"),
    },
    "print": set(),
    "echo": set(),
    "secho": set(),
    "shlex": {"diagnostics/quoting.py"},
}
"""Who names the streams: to ask whether they are terminals, to read those of programs, or to print as `say` does."""
_MARKS = re.compile(r"\x1b|^::|##\[|%0A")
_MARKED = ("diagnostics/quoting.py", "diagnostics/report.py", "conformance/contracts/elixir_values.py")
"""The last one has the escapes of Elixir source."""
_ESCAPES = {
    "Escaped": {
        *("diagnostics/quoting.py", "diagnostics/report.py", "diagnostics/json_text.py", "conformance/verify/text.py"),
    }
}
"""Who may say that a text is safe as it is."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text("utf-8"))


def named(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Import(names=[ast.alias(name=name)]):
            return name
    return ""


def test_only_the_sink_prints() -> None:
    for module, tree in modules():
        for node in ast.walk(tree):
            name = named(node)
            assert name not in _PRINTS or module in _PRINTS[name], f"{module}:{getattr(node, 'lineno', 0)} uses {name}"


def test_only_registered_modules_say_that_text_is_escaped() -> None:
    for module, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and named(node.func) in _ESCAPES:
                assert module in _ESCAPES[named(node.func)], f"{module}:{node.lineno}"


def test_only_the_modules_of_quoting_know_marks_of_terminals_and_workflows() -> None:
    for module, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _MARKS.search(node.value):
                assert module in _MARKED, f"{module}:{node.lineno}"


def test_what_stands_on_a_line_is_quoted_as_a_line() -> None:
    """In a call of `say` every value of an f-string is a number, a word of gen's own, or written by quoting."""
    safe_names = {
        "counts",
        "files",
        "verb",
        "kind",
        "command",
        "counted",
        "contents",
        "len",
        "line",
        "printable",
        "_project",
    }
    safe_names |= {"path", "error", "title", "id", "found", "kinds", "ljust"}
    for module, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and named(node.func) == "say":
                for value in (each for each in ast.walk(node) if isinstance(each, ast.FormattedValue)):
                    inner: Any = value.value
                    inner = inner.func if isinstance(inner, ast.Call) else inner
                    inner = inner.value if isinstance(inner, ast.Subscript) else inner
                    assert named(inner) in safe_names | {"_WRITTEN"}, (
                        f"{module}:{node.lineno}: {ast.unparse(value.value)}"
                    )

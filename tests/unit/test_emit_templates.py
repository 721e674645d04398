from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from crucible_gen.diagnostics.problems import Problem, Problems
from crucible_gen.languages.templates import Templates

NAME = "elixir/mix.exs.j2"


def problem(root: Path, text: bytes) -> Problem:
    """The one problem of a template of this text in place of a shipped one."""
    path = root / NAME
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    with pytest.raises(Problems) as caught:
        Templates(root).render(NAME, {"deps": ""})
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        (b"\n{{ 1/0 }}", "E0520", "2:1", "template: ZeroDivisionError: division by zero"),
        (b"{{ 'a' + 1 }}", "E0520", "1:1", "template: TypeError: "),
        (b"{{ dep }}", "E0520", "1:1", "template: 'dep' is undefined"),
        (b"\n\n{% if %}", "E0520", "3:1", "template: Expected an expression"),
        (b"{% include 'elixir/none.j2' %}", "E0520", "1:1", "template: there is no template elixir/none.j2"),
        (b"{% include '/etc/passwd' %}", "E0520", "1:1", "template: there is no template /etc/passwd"),
        (
            b"{% include 'elixir/../../README.md' %}",
            "E0520",
            "1:1",
            "template: there is no template elixir/../../README.md",
        ),
        (
            b"{{ ''.__class__.__mro__ }}",
            "E0520",
            "1:1",
            "template: access to attribute '__class__' of 'str' object is unsafe",
        ),
        (b"{{ cycler.__init__.__globals__.os }}", "E0520", "1:1", "template: access to attribute '__init__'"),
        (b"{% include '../README.md' %}", "E0520", "1:1", "template: there is no template ../README.md"),
        (b"{% include 'elixir/mix.exs.j2' %}", "E0520", "1:1", "template: RecursionError: "),
        (b"{{ deps }}\n x \xe4", "E0105", "2:4", "expected UTF-8, found the byte 0xE4"),
        (b"{% if deps %}\xff", "E0105", "1:14", "expected UTF-8, found the byte 0xFF"),
    ],
)
def test_mistakes_of_templates_are_problems_with_a_place(
    text: bytes, code: str, place: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = problem(tmp_path, text)
    assert (found.code, str(found.place)) == (code, f"{NAME}:{place}")
    assert found.message.startswith(message)


def test_a_mistake_of_ours_is_not_laid_at_a_template() -> None:
    templates = Templates(None)
    templates._skeletons["python/recipe.py.j2"] = None  # as for a template that jinja2 must render
    with pytest.raises(jinja2.UndefinedError):
        templates.render("python/recipe.py.j2", {})


def test_a_mark_of_the_encoding_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "elixir").mkdir()
    (tmp_path / NAME).write_bytes(b"\xef\xbb\xbf{{ deps }}\n")
    assert Templates(tmp_path).render(NAME, {"deps": "a"}) == "a\n"


def test_a_template_is_read_and_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elixir").mkdir()
    (tmp_path / NAME).write_text("{{ deps | upper }}\n")
    compiled: list[str] = []
    source = Templates._source
    monkeypatch.setattr(Templates, "_source", lambda self, name: compiled.append(name) or source(self, name))
    templates = Templates(tmp_path)
    assert [templates.render(NAME, {"deps": deps}) for deps in "ab"] == ["A\n", "B\n"]
    assert compiled == [NAME]

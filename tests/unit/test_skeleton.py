"""A simple template without jinja2 is what jinja2 makes of it."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from crucible_gen.languages import skeleton
from crucible_gen.schemas import shipped
from hypothesis import given
from hypothesis import strategies as st

ROOT = shipped("templates")
SHIPPED = sorted(ROOT.rglob("*.j2"))
NAMES = ("name", "other")
PIECES = st.sampled_from(
    [
        *(
            "{{ name }}",
            "{{other}}",
            "{% if name %}",
            "{% if other %}",
            "{% else %}",
            "{% endif %}",
            "{# a {{ note }} #}",
        ),
        *("\n", "\n\n", " ", "\t", "  text", "x", "}}", "%}", "é", "{", "}"),
    ]
)
VALUES = st.sampled_from(["", "text", "two\nlines", "{{ name }}", "{% if %}", "  "])


def by_jinja(text: str, holes: dict[str, str]) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(text).render(holes)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
@given(data=st.data())
def test_every_shipped_template_is_simple(path: Path, data: st.DataObject) -> None:
    text = path.read_text("utf-8")
    parts = skeleton.parts(text)
    assert parts is not None
    names = sorted(set(skeleton.names(parts)))
    holes = {name: data.draw(VALUES, label=name) for name in names}
    assert skeleton.fill(parts, holes) == by_jinja(text, holes)


@given(st.lists(PIECES, max_size=12).map("".join), st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_what_is_simple_is_what_jinja_makes_of_it(text: str, holes: dict[str, str]) -> None:
    parts = skeleton.parts(text)
    if parts is not None:
        assert skeleton.fill(parts, holes) == by_jinja(text, holes)


@pytest.mark.parametrize(
    "text",
    [
        "{{ name | upper }}",
        "{{- name }}",
        "{% for each in name %}{% endfor %}",
        "{% if name",
        "{% if name %}",
        "{% endif %}",
        "{% else %}",
        "{% if name %}{% else %}{% else %}{% endif %}",
        "{% if not name %}{% endif %}",
        "{# open",
        "a\r\nb",
    ],
)
def test_all_else_is_for_jinja(text: str) -> None:
    assert skeleton.parts(text) is None


def test_a_hole_that_is_not_given() -> None:
    parts = skeleton.parts("{{ name }}")
    assert parts is not None
    with pytest.raises(KeyError):
        skeleton.fill(parts, {})

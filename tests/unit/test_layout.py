from __future__ import annotations

import pytest
from crucible_gen.languages.layout import Bracket, Entry, Node, Page, Text


def leaf(text: str) -> Text:
    return Text(text, len(text))


def printed(node: Node, limit: int, *, column: int = 0, indent: int = 0, after: int = 0) -> str:
    page = Page(limit, 2)
    page.put(node, column, indent, after)
    return page.text()


ABC = Bracket("[", [leaf("a"), leaf("bb"), leaf("c")], "]")


def test_width_is_the_length_of_the_flat_text() -> None:
    assert ABC.width == len("[a, bb, c]")
    assert printed(ABC, 10) == "[a, bb, c]"


def test_a_bracket_breaks_as_soon_as_it_does_not_fit() -> None:
    assert printed(ABC, 9) == "[\n  a,\n  bb,\n  c\n]"


@pytest.mark.parametrize(("column", "after"), [(1, 0), (0, 1)])
def test_what_stands_before_and_behind_counts(column: int, after: int) -> None:
    assert "\n" not in printed(ABC, 11, column=column, after=after)
    assert "\n" in printed(ABC, 10, column=column, after=after)


def test_broken_lines_are_indented_from_the_line_not_from_the_bracket() -> None:
    assert printed(ABC, 4, column=6, indent=2) == "[\n    a,\n    bb,\n    c\n  ]"


def test_a_trailing_comma_only_when_broken() -> None:
    bracket = Bracket("f(", [leaf("a")], ")", comma=",")
    assert printed(bracket, 4) == "f(a)"
    assert printed(bracket, 3) == "f(\n  a,\n)"


def test_the_comma_behind_an_element_must_fit_too() -> None:
    inner = Bracket("[", [leaf("x"), leaf("y")], "]")
    assert printed(Bracket("[", [inner, leaf("z")], "]"), 9) == "[\n  [x, y],\n  z\n]"
    assert printed(Bracket("[", [inner, leaf("z")], "]"), 8) == "[\n  [\n    x,\n    y\n  ],\n  z\n]"
    assert printed(Bracket("[", [leaf("long long"), inner], "]"), 8) == "[\n  long long,\n  [x, y]\n]"


def test_an_entry_that_hangs_moves_a_text_below_its_key() -> None:
    entry = Entry("key:", 4, " ", leaf("value"), hangs=True)
    assert printed(entry, 10) == "key: value"
    assert printed(entry, 10, after=1) == "key:\n  value"
    assert printed(entry, 3) == "key:\n  value"


def test_an_entry_that_hangs_keeps_a_container_while_its_opening_fits() -> None:
    assert printed(Entry("key:", 4, " ", ABC, hangs=True), 8) == "key: [\n  a,\n  bb,\n  c\n]"
    long_key = Entry("a long key:", 11, " ", ABC, hangs=True)
    assert printed(long_key, 13) == "a long key: [\n  a,\n  bb,\n  c\n]"
    assert printed(long_key, 12) == "a long key:\n  [a, bb, c]"
    assert printed(long_key, 9) == "a long key:\n  [\n    a,\n    bb,\n    c\n  ]"


def test_an_entry_that_hangs_moves_a_call_below_its_key() -> None:
    call = Bracket("f(", [leaf("a"), leaf("b")], ")", container=False)
    assert printed(Entry("key:", 4, " ", call, hangs=True), 11) == "key:\n  f(a, b)"
    assert printed(Entry("key:", 4, " ", call, hangs=True), 12) == "key: f(a, b)"


def test_an_entry_that_does_not_hang_keeps_its_value() -> None:
    assert printed(Entry("key=", 4, "", leaf("value"), hangs=False), 5) == "key=value"
    assert printed(Entry("key=", 4, "", ABC, hangs=False), 9) == "key=[\n  a,\n  bb,\n  c\n]"


def test_the_work_is_linear() -> None:
    node: Node = leaf("x")
    for _ in range(250):
        node = Bracket("[", [node, leaf("y")], "]")
    counted = _Counting(20, 2)
    counted.put(node, 0, 0, 0)
    assert counted.puts <= 2 * 250 + 1


class _Counting(Page):
    puts = 0

    def put(self, node: Node, column: int, indent: int, after: int) -> None:
        self.puts += 1
        super().put(node, column, indent, after)

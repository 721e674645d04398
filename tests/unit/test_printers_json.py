from __future__ import annotations

import json as reader

import pytest
from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.languages.ir import printer


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.5, "0.5"),
        (0.001, "0.001"),
        (2.0e-4, "0.0002"),
        (1.5e-4, "1.5e-4"),
        (5.0e-5, "5.0e-5"),
        (0.00012345, "1.2345e-4"),
        (100.0, "100.0"),
        (1.0e3, "1.0e3"),
        (1.0e5, "1.0e5"),
        (1200.0, "1.2e3"),
        (123456.0, "123456.0"),
        (123.25, "123.25"),
        (9007199254740991.0, "9007199254740991.0"),
        (9007199254740992.0, "9.007199254740992e15"),
        (1e22, "1.0e22"),
        (1e-7, "1.0e-7"),
        (-2.5e-300, "-2.5e-300"),
        (5e-324, "5.0e-324"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
    ],
)
def test_floats(value: float, expected: str) -> None:
    assert printer.compact(value) == expected
    assert float(expected) == value


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (2**70, "1180591620717411303424"),
        ("é 日本 😀 \u2028 \x7f /", '"é 日本 😀 \u2028 \x7f /"'),
        ('"\\\b\t\n\f\r\0\x1f', r'"\"\\\b\t\n\f\r\u0000\u001F"'),
        (Symbol("linear"), '"linear"'),
        (Module("A.B"), '"Elixir.A.B"'),
        (Timestamp("2025-12-26T00:00:00Z"), '"2025-12-26T00:00:00Z"'),
        (List(()), "[]"),
        (Map(()), "{}"),
        (Keywords(()), "[]"),
        (Record("a", ()), "{}"),
        (Keywords((("b", 1), ("a", 2))), '{"a":2,"b":1}'),
        (Map((("b", 1), ("B", 2), ("é", 3), ("𝓍", 4), ("\uffff", 5))), '{"B":2,"b":1,"é":3,"\uffff":5,"𝓍":4}'),
        (Record("a", (("id", "x"), ("enabled", None))), '{"enabled":null,"id":"x"}'),
    ],
)
def test_compact(term: Term, expected: str) -> None:
    assert printer.compact(term) == expected


def test_pretty() -> None:
    term = Map((("b", List((1, Map(()), List(())))), ("a", Record("r", (("x", 2.0e-4), ("c", None))))))
    assert printer.pretty(term) == (
        '{\n  "a": {\n    "c": null,\n    "x": 0.0002\n  },\n  "b": [\n    1,\n    {},\n    []\n  ]\n}\n'
    )
    assert printer.pretty("x") == '"x"\n'


def test_a_term_that_occurs_again_at_another_depth_is_indented_for_that_depth() -> None:
    shared = Map((("x", 1),))
    term = Map((("a", shared), ("b", List((shared,))), ("c", shared)))
    printed = printer.pretty(term)
    assert printed == reader.dumps({"a": {"x": 1}, "b": [{"x": 1}], "c": {"x": 1}}, indent=2) + "\n"


@pytest.mark.parametrize("term", [Name("a"), Or(Name("a"), 1), Get(Name("a"), "b", 1)])
def test_names_have_no_value(term: Term) -> None:
    with pytest.raises(TypeError, match="has no value"):
        printer.compact(List((term,)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_json_for_what_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="not a number"):
        printer.pretty(value)

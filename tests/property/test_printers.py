"""Printed terms before real judges: the Elixir formatter and evaluator, black, Python, and JSON readers.

Elixir starts once a test and gets all its cases at once. `HYPOTHESIS_PROFILE=thorough` takes twenty times as many.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import black
import pytest
from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.languages import source
from crucible_gen.languages.elixir import printer as elixir
from crucible_gen.languages.elixir import text as elixir_text
from crucible_gen.languages.ir import printer as canonical
from crucible_gen.languages.python import printer as python
from hypothesis import strategies as st
from strategies import (
    CLASSES,
    PYTHON_FIELDS,
    RECORD_FIELDS,
    STRUCTS,
    ask_elixir,
    complete,
    examples,
    plain,
    programs,
    shown,
    terms,
    texts,
)

ELIXIR: dict[str, Any] = {"structs": STRUCTS, "shadowed": ("Config",)}
PYTHON: dict[str, Any] = {"classes": CLASSES, "names": {"training_config": "training"}}
MODE = black.Mode()

ELIXIR_PLACES = ("body", "assign", "element", "argument", "function")
PYTHON_PLACES = ("assign", "return", "element", "argument")

Placed = tuple[Term, int, int]
"""A term, the number of a place, and how many blocks deep it stands."""


def placed(terms_of: st.SearchStrategy[Term]) -> st.SearchStrategy[Placed]:
    return st.tuples(terms_of, st.integers(0, 19), st.integers(0, 12))


@pytest.fixture(scope="module")
def values() -> list[Placed]:
    """Terms that any language can evaluate."""
    return examples(placed(terms(PYTHON_FIELDS)), 300) + examples(placed(terms(RECORD_FIELDS)), 100)


@pytest.fixture(scope="module")
def readers() -> list[Placed]:
    """Terms that read variables."""
    return examples(placed(programs()), 200)


def in_elixir(term: Term, place: int, depth: int) -> str:
    """A program that has the printed term at some place, nested `depth` blocks deep."""
    column = 2 * depth
    pad = " " * column
    match ELIXIR_PLACES[place % len(ELIXIR_PLACES)]:
        case "body":
            body = elixir.text(term, column=column, **ELIXIR)
        case "assign":
            body = elixir.assign("x", term, column=column, **ELIXIR)
        case "element":
            inside = elixir.text(term, column=column + 2, after=1, **ELIXIR)
            body = f"[\n{pad}  {inside},\n{pad}  1\n{pad}]"
        case "argument":
            inside = elixir.text(term, column=column + 2, after=1, **ELIXIR)
            body = f"override!(\n{pad}  {inside},\n{pad}  overrides\n{pad})"
        case _:
            body = elixir.function("def f(a)", term, column=column, **ELIXIR)
    opening = "".join(f"{'  ' * level}if a do\n" for level in range(depth))
    closing = "".join(f"\n{'  ' * level}end" for level in reversed(range(depth)))
    return f"{opening}{pad}{body}{closing}"


def in_python(term: Term, place: int, depth: int) -> str:
    """The same in Python."""
    depth %= 8
    column = 4 * depth
    pad = " " * column
    match PYTHON_PLACES[place % len(PYTHON_PLACES)]:
        case "assign":
            body = python.assign("value", term, column=column, **PYTHON)
        case "return":
            body = python.assign("return", term, column=column, **PYTHON)
        case "element":
            inside = python.text(term, column=column + 4, after=1, **PYTHON)
            body = f"value = [\n{pad}    {inside},\n{pad}    1,\n{pad}]"
        case _:
            inside = python.text(term, column=column + 4, after=1, **PYTHON)
            body = f"override(\n{pad}    {inside},\n{pad}    overrides,\n{pad})"
    return "".join(f"{'    ' * level}if a:\n" for level in range(depth)) + f"{pad}{body}\n"


@pytest.mark.elixir
def test_elixir_is_a_fixed_point_of_the_formatter(values: list[Placed], readers: list[Placed], tmp_path: Path) -> None:
    sources = [in_elixir(*case) for case in values + readers]
    answers = ask_elixir([("format", source) for source in sources], tmp_path)
    for source_, answer in zip(sources, answers, strict=True):
        assert answer == source_


@pytest.mark.elixir
def test_elixir_evaluates_to_the_same_value_and_the_same_json(values: list[Placed], tmp_path: Path) -> None:
    sources = [elixir.text(term, column=2 * depth, **ELIXIR) for term, _, depth in values]
    answers = ask_elixir([(kind, source) for source in sources for kind in ("value", "json")], tmp_path)
    for (term, _, _), value, encoded in zip(values, answers[::2], answers[1::2], strict=True):
        assert value == shown(term)
        assert encoded == canonical.compact(complete(term))


def test_python_is_a_fixed_point_of_black(values: list[Placed], readers: list[Placed]) -> None:
    for case in [case for case in values + readers if not _has_odd_fields(case[0])]:
        source_ = in_python(*case)
        assert black.format_str(source_, mode=MODE) == source_


def test_python_evaluates_to_the_same_value(values: list[Placed]) -> None:
    for term, _, depth in values:
        if not _has_odd_fields(term):
            printed = python.text(term, column=4 * depth, **PYTHON)
            assert repr(_evaluated(printed)) == repr(plain(term))


def test_json_reads_back_and_pretty_says_the_same(values: list[Placed]) -> None:
    for term, _, _ in values:
        compact, pretty = canonical.compact(complete(term)), canonical.pretty(complete(term))
        value = json.loads(compact)
        assert repr(value) == repr(json.loads(pretty))
        assert pretty == f"{_indented(value)}\n"


def test_no_invisible_character_is_printed(values: list[Placed]) -> None:
    hidden = re.compile(f"[{source.INVISIBLE}]")
    for term, place, depth in values:
        printed = [in_elixir(term, place, depth), elixir.comment(str(term)), elixir.doc(str(term), 2)]
        if not _has_odd_fields(term):
            printed += [in_python(term, place, depth), python.comment(str(term)), python.docstring(str(term), 4)]
        for text in printed:
            assert not hidden.search(text.replace("\n", ""))


KINDS: list[Term] = [
    None, 7, 1_000_000, 2.0e-4, "text", "日本 e\u0301 😀", Symbol("linear"), Symbol("a b"), Module("A.B"),
    Timestamp("2025-12-26T00:00:00Z"), List(()), List((1, 2)), Map(()), Map((("a", 1),)),
    Map((("a", "b"),), symbols=False), Keywords(()), Keywords((("a", 1),)), Record("point", ()),
    Record("point", (("a", None),)), Name("training_config", ("id",)), Or(Name("training_config", ("no",)), 0),
    Or(Name("training_config", ("no",)), True), Or(Name("training_config", ("id",)), "a"),
    Get(Name("options"), "known", 1), Get(Name("options"), "known", List((1,))),
    Get(Name("options"), "known", Keywords((("b", 1),))),
]  # fmt: skip


def at_the_edge(limit: int, width: int) -> list[int]:
    """Lengths of a key that let a value of some width end around the limit of the line."""
    return [length for length in range(limit - width - 9, limit - width + 2) if length > 0] + [limit - 3, limit]


@pytest.mark.elixir
def test_every_kind_of_value_at_the_edge_of_a_line_of_elixir(tmp_path: Path) -> None:
    sources: list[str] = []
    for kind in KINDS:
        for length in at_the_edge(elixir_text.LINE, elixir_text.graphemes(elixir.text(kind, **ELIXIR))):
            name = "k" * length
            for entries in (((name, kind), ("b", 1)), (("b", 1), (name, kind))):
                for term in (Map(entries), Map(entries, symbols=False), Keywords(entries)):
                    sources.append(elixir.text(term, **ELIXIR))
            sources.append(elixir.assign(name, kind, **ELIXIR))
            sources.append(in_elixir(List((name, kind)), 0, 1))
    answers = ask_elixir([("format", source_) for source_ in sources], tmp_path)
    assert [pair for pair in zip(sources, answers, strict=True) if pair[0] != pair[1]] == []


def test_every_kind_of_value_at_the_edge_of_a_line_of_python() -> None:
    sources: list[str] = []
    for kind in KINDS:
        for length in at_the_edge(python.LINE, python.columns(python.text(kind, **PYTHON)))[::2]:
            name = "k" * length
            entries = ((name, kind), ("b", 1))
            sources.append(python.assign("x", List((Map(entries), kind, name)), **PYTHON))
            sources.append(python.assign(name, kind, **PYTHON))
            sources.append(in_python(kind, 1, 0))
    for source_ in sources:
        assert black.format_str(f"{source_.rstrip()}\n", mode=MODE) == f"{source_.rstrip()}\n"


FLOATS = [
    float(f"{sign}{digits}e{power}")
    for power in range(-330, 309)
    for sign, digits in (("", "1"), ("-", "2.5"), ("", "9.999999999999999"), ("", "1.2345"), ("-", "7.31"))
    if abs(float(f"{digits}e{power}")) != float("inf")
]


@pytest.mark.elixir
def test_floats_of_every_size(tmp_path: Path) -> None:
    everything = List(tuple(FLOATS))
    printed = elixir.text(everything)
    formatted, value, encoded = ask_elixir([(kind, printed) for kind in ("format", "value", "json")], tmp_path)
    assert formatted == printed
    assert value == shown(everything)
    assert encoded == canonical.compact(everything)
    in_python_too = python.assign("value", everything)
    assert black.format_str(f"{in_python_too}\n", mode=MODE) == f"{in_python_too}\n"
    assert repr(ast.literal_eval(python.text(everything))) == repr(FLOATS)


PUNCTUATION = [chr(code) for code in range(33, 127) if not chr(code).isalnum()]
NAMES = sorted(
    {chr(code) for code in range(32, 0x250)}
    | {f"{letter}{chr(code)}" for letter in "ab" for code in range(0xA0, 0x250)}
    | {first + second for first in PUNCTUATION for second in [*PUNCTUATION, "a", " "]}
    | {f"{name}{end}" for name in ("a", "A", "é", "nil", "9", "_", "a b") for end in ("?", "!", "@", "?a", "!?", "=")}
    | {"...", "..//", "<<>>", "%{}", "&&&", "|||", "<<<", "<<~", "~>>", "===", "!==", "+++", "---", "^^^", "<~>", "<|>"}
    | {
        "Elixir",
        "Elixir.A",
        "日本",
        "日本語 ",
        "ключ",
        "привет?",
        "한국어",
        "e\u0301",
        "ﬁ",
        "\U0001d4cd",
        "😀",
        "a😀",
        "👍🏽",
        "🇩🇪",
    }
    | {"x" * 255, "é" * 127, "\n" * 127, "日" * 84, "a " * 127, '"' * 42, "+" * 250, "\u0301" * 125, "\U0001e4ec" * 28}
)


@pytest.mark.elixir
def test_names_of_every_kind_keep_or_lose_their_quotes(tmp_path: Path) -> None:
    assert [name for name in NAMES if elixir.atom_problem(name)] == []
    cases: list[tuple[str, Term]] = [(f"key {name!r}", Map(((name, 1),))) for name in NAMES]
    cases += [(f"atom {name!r}", Symbol(name)) for name in NAMES]
    printed = [elixir.text(term) for _, term in cases]
    answers = ask_elixir([(kind, text) for text in printed for kind in ("format", "value")], tmp_path)
    wrong = [
        (what, text, formatted, value)
        for (what, term), text, formatted, value in zip(cases, printed, answers[::2], answers[1::2], strict=True)
        if formatted != text or value != shown(term)
    ]
    assert wrong == []


@pytest.mark.elixir
def test_graphemes_are_what_the_formatter_counts(tmp_path: Path) -> None:
    hidden = re.compile(f"[{source.INVISIBLE}]")
    seen = [chr(code) for code in range(32, 0x3000) if not hidden.match(chr(code))]
    seen += list("日本한국어ﾞ가😀👍🏽🇩🇪\ua9b4\uaa7b𝅘\U00011720\U0001f3fd")
    lines = [f"a{character}{other}b" for character in seen for other in ("", "🇩", "\u0301")]
    lines = [line for line in lines if all(unicodedata.category(character) != "Cn" for character in line)]
    (answer,) = ask_elixir([("length", "\n".join(lines))], tmp_path)
    assert [int(count) for count in answer.split(" ")] == [elixir_text.graphemes(line) for line in lines]


def test_columns_are_what_black_counts() -> None:
    from black.strings import str_width

    hidden = re.compile(f"[{source.INVISIBLE}]")
    seen = [chr(code) for code in [*range(32, 0xD7A4), *range(0xF900, 0x20100)] if not hidden.match(chr(code))]
    assigned = [character for character in seen if unicodedata.category(character) != "Cn"]
    assert [c for c in assigned if python.columns(c) != str_width(c)] == []


STORED: dict[str, Term] = {
    "none": None,
    "zero": 0,
    "no": False,
    "yes": True,
    "text": "",
    "list": List(()),
    "id": "m",
}
DEFAULTS: list[Term] = [True, False, 0, 7, 2.0e-4, "", "x", Symbol("auto"), List((1,)), Keywords((("a", 1),))]


def _fits(default: Term, stored: Term) -> bool:
    """Whether a field can have this default and hold this value: numbers, texts and booleans do not mix with others."""
    if isinstance(default, bool):
        return stored is None or isinstance(stored, bool)
    if isinstance(default, int | float):
        return stored is None or (isinstance(stored, int) and not isinstance(stored, bool))
    if isinstance(default, str | Symbol):
        return stored is None or isinstance(stored, str)
    return True


@pytest.mark.elixir
def test_a_default_stands_in_for_nil_and_nothing_else(tmp_path: Path) -> None:
    cases: list[tuple[Term, Term]] = []
    for default in DEFAULTS:
        for field, stored in STORED.items():
            if _fits(default, stored):
                expected = default if stored is None else stored
                cases.append((Or(Name("training_config", (field,)), default), expected))
        options = Name("options")
        cases += [(Get(options, "known", default), 7), (Get(options, "none", default), None)]
        cases.append((Get(options, "missing", default), default))
        cases.append((Get(Name("training_config", ("none",)), "missing", default), default))
    cases += [(Get(Name("options"), "known", None), 7), (Get(Name("options"), "missing", None), None)]
    answers = ask_elixir([("value", elixir.text(term, **ELIXIR)) for term, _ in cases], tmp_path)
    for (term, expected), answer in zip(cases, answers, strict=True):
        assert answer == shown(expected), elixir.text(term, **ELIXIR)
        printed = python.text(term, **PYTHON)
        assert repr(_evaluated(printed)) == repr(plain(expected)), printed


@pytest.mark.elixir
def test_docs_and_comments_hold_any_text(tmp_path: Path) -> None:
    paragraphs = st.lists(st.one_of(texts, texts, st.just(""), st.just("  - item"), st.just('"""')), max_size=5)
    found = examples(paragraphs.map("\n".join), 150)
    modules = [
        f'# {elixir.comment(text)}\ndefmodule A do\n  @moduledoc """\n  {elixir.doc(text, 2)}\n  """\nend'
        for text in found
    ]
    values_of = [f'"""\n{elixir.doc(text, 0)}\n"""' for text in found]
    empty = [not elixir.comment(text) or not elixir.doc(text, 2) for text in found]
    kept = [index for index, is_empty in enumerate(empty) if not is_empty]
    answers = ask_elixir(
        [(kind, case[index]) for index in kept for kind, case in (("format", modules), ("value", values_of))], tmp_path
    )
    for index, formatted, value in zip(kept, answers[::2], answers[1::2], strict=True):
        expected = "".join(f"{line}\n" for line in source.lines(found[index]))
        assert formatted == modules[index]
        assert value == shown(expected)


def test_docstrings_and_comments_hold_any_text() -> None:
    paragraphs = st.lists(st.one_of(texts, texts, st.just(""), st.just("  - item"), st.just('"""')), max_size=5)
    for text in examples(paragraphs.map("\n".join), 150):
        if not python.comment(text):
            continue
        module = f"# {python.comment(text)}\n{python.docstring(text, 0)}\n"
        nested = f"class A:\n    def f(self):\n        {python.docstring(text, 8)}\n"
        assert black.format_str(module, mode=MODE) == module
        assert black.format_str(nested, mode=MODE) == nested
        words = "".join(text.expandtabs().split())
        assert "".join((ast.get_docstring(ast.parse(module)) or "").split()) == words


def _evaluated(printed: str) -> object:
    """What a printed expression is in Python."""
    training = SimpleNamespace(**{field: plain(value) for field, value in STORED.items()})
    names = {"training": training, "options": {"known": 7, "none": None}, "Module": str}
    makers = {name: partial(lambda type_, **fields: (type_, fields), type_) for type_, name in CLASSES.items()}
    return eval(printed, names | makers)


def _indented(value: Any, indent: str = "\n") -> str:
    """Read JSON, written again: sorted keys, indented by two, with our numbers and strings."""
    inner = f"{indent}  "
    if isinstance(value, dict) and value:
        entries = [f"{canonical.string(key)}: {_indented(value[key], inner)}" for key in sorted(value)]
        return "{" + inner + f",{inner}".join(entries) + indent + "}"
    if isinstance(value, list) and value:
        return "[" + inner + f",{inner}".join(_indented(item, inner) for item in value) + indent + "]"
    if isinstance(value, float):
        return canonical.floating(value)
    return canonical.string(value) if isinstance(value, str) else json.dumps(value)


def _has_odd_fields(term: Term) -> bool:
    """Whether a record in this term has fields that no Python class can have."""
    match term:
        case Record(_, fields):
            return any(key not in PYTHON_FIELDS or _has_odd_fields(value) for key, value in fields)
        case Map(found) | Keywords(found):
            return any(_has_odd_fields(value) for _, value in found)
        case List(items):
            return any(_has_odd_fields(item) for item in items)
        case Or(_, default) | Get(_, _, default):
            return _has_odd_fields(default)
    return False

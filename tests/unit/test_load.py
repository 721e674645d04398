"""What `load` makes of files: values and places of good ones, code, place and words of each mistake."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crucible_gen.diagnostics.problems import Place, Problem, Problems
from crucible_gen.documents import load as load_module
from crucible_gen.documents.load import CODES, MAX_BYTES, load, parse
from crucible_gen.documents.scalars import MAX_DEPTH

SOURCES = ("load", "json_reader", "merge_conflicts", "scalars", "yaml_reader", "yaml_strict", "yaml_syntax")


def plain(text: str, file: str = "recipe.yaml") -> object:
    return parse(text.encode(), file).plain()


def problems(text: str | bytes, file: str = "recipe.yaml") -> tuple[Problem, ...]:
    with pytest.raises(Problems) as caught:
        parse(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"), file)
    return caught.value.problems


def only(text: str | bytes, file: str = "recipe.yaml") -> Problem:
    found = problems(text, file)
    assert len(found) == 1, found
    return found[0]


def places(text: str, *path: str | int, file: str = "recipe.yaml") -> tuple[int, int, int]:
    node = parse(text.encode(), file).get(*path)
    assert node is not None
    return node.place.line, node.place.column, node.place.width


# Values


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None),
        ("nULL", "nULL"), ("none", "none"), ("None", "None"),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False), ("tRUE", "tRUE"),
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("off", "off"), ("y", "y"), ("N", "N"),
        ("1", 1), ("+1", 1), ("-1", -1), ("0123", 123), ("0o17", 15), ("0x1F", 31), ("0o8", "0o8"), ("-0x1", "-0x1"),
        ("0b1", "0b1"), ("1_000", "1_000"), ("1:30", "1:30"), ("2025-01-01", "2025-01-01"),
        ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("0" * 9000 + "7", 7),
        ("1e-4", 1e-4), ("2.0e-4", 2e-4), (".5", 0.5), ("-.5", -0.5), ("+1.0", 1.0), ("1.", 1.0), ("1E3", 1000.0),
        (".", "."), ("1e", "1e"), ("e1", "e1"), ("+", "+"), ("-x", "-x"), ("1.2.3", "1.2.3"), ("٣", "٣"),
        ("१.5", "१.5"),
        ("<<", "<<"), ("=", "="), ("a b", "a b"), ("http://x:1/#y", "http://x:1/#y"), ("1, 2", "1, 2"),
        ("'1'", "1"), ('"no"', "no"), ('"\\u00e9\\/\\x41\\N"', "é/A\x85"), ('"\\U0001F600"', "😀"), ("''", ""),
        ("!!str 1", "1"), ("!!str", ""), ("! 1", "1"), ('!!int "12"', 12), ("!!int 0x10", 16), ("!!float 1", 1.0),
        ("!!float 0x10", 16.0), ("!!bool TRUE", True), ("!!null ''", None), ("!!null ~", None),
        ("!<tag:yaml.org,2002:int> 3", 3), ("!!s%74r 1", "1"), ("!!map {a: 1}", {"a": 1}), ("!!seq [1]", [1]),
        ("[what?, a-b, !!str 1,2]", ["what?", "a-b", "1", 2]), ("{a: , b}", {"a": None, "b": None}),
        ("[a: 1]", [{"a": 1}]), ("{a:1}", {"a:1": None}), ('{"a":1}', {"a": 1}),
        ("x\ty\t# c", "x\ty"), ("a\x85b", "a\x85b"), ("'a\u2028\u2029b'", "a\u2028\u2029b"),
        ("|\n  a\n   b\n", "a\n b\n"), (">-\n  a\n  b\n", "a b"), ("|+\n  a\n", "a\n\n"), ("|2-\n   a\n", " a"),
        ("x\n  y\n\n  z", "x y\nz"), ("'x\n  y'", "x y"), ('"x\\\n  y"', "xy"),
    ],
)  # fmt: skip
def test_a_yaml_value(written: str, value: object) -> None:
    assert repr(plain(f"key: {written}\n")) == repr({"key": value})


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_ends_change_neither_values_nor_places(ends: str) -> None:
    text = "é: 1\nlist:\n  - 'x\n    y'\n  - |\n    a\n    b\n  - last\n"
    node, other = parse(text.encode(), "r.yaml"), parse(text.replace("\n", ends).encode(), "r.yaml")
    assert repr(node) == repr(other)
    assert node.plain() == {"é": 1, "list": ["x y", "a\nb\n", "last"]}


def test_places_count_characters_after_wide_ones() -> None:
    text = "a: 😀 é\n\"ключ\": {'😀': [x, yy]}\n"
    assert places(text, "a") == (1, 4, 3)
    assert places(text, "ключ") == (2, 9, 1)
    assert places(text, "ключ", "😀", 1) == (2, 19, 2)
    node = parse(text.encode(), "r.yaml")
    assert isinstance(node.value, dict)
    key = node.value["ключ"].key
    assert (key.line, key.column, key.width) == (2, 1, 6)


def test_places_of_marked_and_long_scalars() -> None:
    text = "a: &x !!str  one\nb: !!str # c\n  two\nc: |+ # c\n  text\nd: 'x\n  y'\ne:\nf: first  \n  second\ng: *x\n"
    assert places(text, "a") == (1, 14, 3)
    assert places(text, "b") == (3, 3, 3)
    assert places(text, "c") == (4, 4, 2)
    assert places(text, "d") == (6, 4, 2)
    assert places(text, "e") == (8, 3, 1)
    assert places(text, "f") == (9, 4, 5)
    assert places(text, "g") == (1, 14, 3), "an alias stands where its anchor was written"


def test_the_place_of_nothing_at_the_end() -> None:
    assert places("---") == (1, 4, 1)
    assert places("? a", "a") == (1, 4, 1)


def test_old_line_breaks_are_characters() -> None:
    text = "a\x85b: 'c\u2028d'\nnext: \"\\N\ue000\\uE001\" # \u2029\n"
    assert plain(text) == {"a\x85b": "c\u2028d", "next": "\x85\ue000\ue001"}
    assert places(text, "next") == (2, 7, 11)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_file_is_none(text: str) -> None:
    assert parse(text.encode(), "r.yaml").value is None
    if "-" not in text and "#" not in text:
        assert parse(text.encode(), "r.json").value is None


def test_a_byte_order_mark_is_skipped() -> None:
    for file in ("r.yaml", "r.json"):
        node = parse(b'\xef\xbb\xbf{"a": 1}', file)
        assert node.plain() == {"a": 1}
        assert node.place.column == 1


def test_merge_keys() -> None:
    text = """\
one: &one {a: 1, b: 2}
two: &two {b: 3, c: 4}
plain: {<<: *one, b: 5}
after: {b: 6, <<: *two}
list: {<<: [*two, *one, {d: 7}], e: 8}
text: {"<<": *one}
"""
    found = plain(text)
    assert isinstance(found, dict)
    assert found["plain"] == {"a": 1, "b": 5}
    assert found["after"] == {"b": 6, "c": 4}
    assert found["list"] == {"b": 3, "c": 4, "a": 1, "d": 7, "e": 8}
    assert found["text"] == {"<<": {"a": 1, "b": 2}}
    assert places(text, "plain", "a") == (1, 15, 1)


def test_anchors_may_be_set_again() -> None:
    assert plain("- &a x\n- *a\n- &a y\n- {*a : z}\n") == ["x", "x", "y", {"y": "z"}]


# Mistakes in YAML


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ("a: b: c\n", "E0133", "1:5", 'quote the value: "b: c"'),
        ("- d: one two: 3 # x\n", "E0133", "1:13", 'the value of `d` holds `: `'),
        ('a: "b": c\n', "E0133", "1:7", "after the closing quote, found `:`"),
        ("[a:,b]", "E0133", "1:3", "a space after `:`"),
        ("a: 1\n  b: 2\n", "E0132", "2:3", "`b:` is indented by 2"),
        ("a:\n    b: 1\n  c: 2\n", "E0132", "3:3", "indented by 2, which fits nothing above it"),
        (" a: 1\nb: 2\n", "E0132", "2:1", "indented less than the first"),
        ("a:\n  - 1\n - 2\n", "E0132", "3:2", "indented by 1"),
        ("a:\n\tb: 1\n", "E0131", "2:1", "expected spaces as indentation, found a tab"),
        ("a:\n  b: 1\n \t c: 1\n", "E0131", "3:2", "found a tab"),
        ("a: 1\n\tb: 1\n\tc: 2\n\n\td: 3\n", "E0131", "2:1", "here and on 2 more lines"),
        ("\ta: 1\n", "E0131", "1:1", "found a tab"),
        ("- a\n-\tb\n", "E0131", "2:2", "expected a space, found a tab"),
        ("a: |\n\tb\n", "E0131", "2:1", "found a tab"),
        ("a: [1, 2\n", "E0134", "1:4", "`[` is never closed"),
        ("a: {b: [1, 2}\n", "E0134", "1:13", "expected `,` or `]`, found `}`"),
        ("a: {b: 1\nc: 2\n", "E0134", "1:4", "not closed before the key `c`"),
        ("a: [b\nc: 1\nd: 2\n", "E0134", "1:4", "not closed before the key `c`"),
        ("[a, , b]\n", "E0134", "1:5", "expected a value, found `, b]`"),
        ("a: ]\n", "E0134", "1:4", "`]` closes nothing"),
        ("a: [1]]\n", "E0134", "1:7", "`]` closes nothing"),
        ('a: "b", c\n', "E0134", "1:7", "only inside [ ] and { }"),
        ("a: 'b\nc: 1\n", "E0135", "1:4", "the quote ' is never closed"),
        ("a: 'b\n---\n'\n", "E0135", "1:4", "begins with ---"),
        ('a: "\\d"\n', "E0136", "1:5", "`\\d` is not an escape"),
        ('a: "\\x4"\n', "E0136", "1:5", "expected 2 hexadecimal digits"),
        ('a: "ab\\ud800"\n', "E0121", "1:7", "`\\ud800` is not a character"),
        ('a: "\\UFFFFFFFF"\n', "E0121", "1:5", "is not a character"),
        ("a: @x y\n", "E0137", "1:4", 'quote the value: "@x y"'),
        ("a: `x`\n", "E0137", "1:4", "a backtick"),
        ("a: %x\n", "E0137", "1:4", "cannot begin with `%`"),
        ("[| ]\n", "E0137", "1:2", "inside [ ] or { }"),
        ("a: ? b\n", "E0137", "1:4", "cannot begin with `? `"),
        ("a: 1\nb\nc: 2\n", "E0138", "2:1", "expected `key: value`, found `b`"),
        ("a: 1\nb:2\nc: 2\n", "E0138", "2:1", "put a space after the colon: b: 2"),
        ("a:\n  - 1\n  -2\n", "E0138", "3:3", "put a space after the dash: - 2"),
        (f"a: 1\n{'k' * 2000}: 1\n", "E0138", "2:1", "at most 1024 characters"),
        ('a: "x" y\n', "E0139", "1:8", "after the closing quote, found `y`"),
        ("a: 'it's'\n", "E0139", "1:8", "write '' for a '"),
        ('a: "x\nb: "y"\n', "E0139", "2:5", "close the quote on the line where it was opened"),
        ("[1] x\n", "E0139", "1:5", "after the closing `]`"),
        ("a: - b\n", "E0140", "1:4", "cannot begin on the line of its key"),
        ("a: 1\n- b\n", "E0140", "2:1", "expected a key here, found `- b`"),
        ("- a\nb: 1\n", "E0140", "2:1", "expected a list item"),
        ("[- a]\n", "E0140", "1:2", "cannot stand inside"),
        ("a: | x\n  y\n", "E0141", "1:4", "expected the end of the line after `|`, found `x`"),
        ("a: |0\n  y\n", "E0141", "1:4", "from 1 to 9"),
        ("a: *.txt\n", "E0142", "1:4", 'quote the value if it is text: "*.txt"'),
        ("a: & b\n", "E0142", "1:4", "`&` begins an anchor"),
        ("%FOO\n---\na: 1\n", "E0122", "1:1", "found `%FOO`"),
        ("%YAML 1.3\n---\na: 1\n", "E0122", "1:1", "YAML 1.2"),
        ("a: !e!x y\n", "E0116", "1:4", "the tag !e!x is not known"),
        ("a: &b !foo y\n", "E0116", "1:7", "the tag !foo is not known"),
        ("a: !!python/object/apply:os.system [x]\n", "E0116", "1:4", "is not known"),
        ("a: !!timestamp 2025-01-01\n", "E0116", "1:4", "!!timestamp"),
        ("a: !!int x\n", "E0117", "1:10", "the tag !!int, found `x`"),
        ("a: !!map x\n", "E0117", "1:4", "does not fit a scalar"),
        ("a: !!str [x]\n", "E0117", "1:4", "does not fit a list"),
        ("a: 1\n---\nb: 2\n", "E0110", "2:1", "found a second one"),
        ("a: *b\n", "E0118", "1:4", "expected an anchor &b"),
        ("base: &base 1\na: *bas\n", "E0118", "2:4", "did you mean base?"),
        ("a: &a [*a]\n", "E0119", "1:8", "inside the value that it names"),
        ("<<: 1\n", "E0120", "1:5", "a mapping or a list of mappings"),
        ("<<: [{}, x]\n", "E0120", "1:10", "a mapping or a list of mappings"),
        ("1: x\n", "E0112", "1:1", 'found the integer 1 quote it: "1"'),
        ("1.5: x\n", "E0112", "1:1", "found the float 1.5"),
        ("true: x\n", "E0112", "1:1", "found the boolean true"),
        ("null: x\n", "E0112", "1:1", "found null"),
        (": x\n", "E0133", "1:1", "expected a key before `:`"),
        ("? \n: x\n", "E0112", "1:2", "found nothing"),
        ("a: [\n", "E0134", "1:4", "`[` is never closed"),
        ("a: {b: [1,\n", "E0134", "1:8", "`[` is never closed"),
        ("a: {b:\n", "E0134", "1:4", "`{` is never closed"),
        ("? [a]\n: x\n", "E0113", "1:3", "found a list"),
        ("a: {{ x }}\n", "E0113", "1:5", "template"),
        ("a: .inf\n", "E0115", "1:4", "found .inf"),
        ("a: -.INF\n", "E0115", "1:4", "found -.INF"),
        ("a: .nan\n", "E0115", "1:4", "found .nan"),
        ("a: 1e400\n", "E0115", "1:4", "too large for a float"),
        ("a: 9223372036854775808\n", "E0114", "1:4", "does not fit 64 bits"),
        ("a: -9223372036854775809\n", "E0114", "1:4", "does not fit 64 bits"),
        (f"a: {'9' * 10000}\n", "E0114", "1:4", "does not fit 64 bits"),
        (f"a: 0x{'f' * 10000}\n", "E0114", "1:4", "does not fit 64 bits"),
    ],
)  # fmt: skip
def test_a_mistake_in_yaml(text: str, code: str, place: str, words: str) -> None:
    problem = only(text)
    assert (problem.code, str(problem.place)) == (code, f"recipe.yaml:{place}")
    assert words in f"{problem.message} {problem.hint}"
    assert problem.message
    assert "\n" not in problem.message + problem.hint


def test_line_numbers_of_mistakes_survive_every_line_end() -> None:
    for ends in ("\r\n", "\r"):
        for text in ("# é\na:\n\tb: 1\n", "# é\na: 1\n  b: 2\n", "# é\na: 1\nb: [\n", "# é\n\n a: 1\nb: 2\n"):
            assert str(only(text.replace("\n", ends)).place) == str(only(text).place)


def test_duplicate_keys_show_both_places() -> None:
    first, second = problems("a: 1\nb: 2\n'a': 3\nc: {d: 1, d: 2}\n")
    assert (first.code, str(first.place)) == ("E0111", "recipe.yaml:3:1")
    assert first.see == (("first", Place("recipe.yaml", 1, 1)),)
    assert (second.code, str(second.place)) == ("E0111", "recipe.yaml:4:11")
    assert only("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n").code == "E0111"


def test_an_unclosed_bracket_and_quote_show_where_they_were_opened() -> None:
    assert only("a: [1, 2}\n").see == (("opened here", Place("recipe.yaml", 1, 4)),)
    assert only('a: "x\nb: "y"\n').see == (("opened here", Place("recipe.yaml", 1, 4)),)


def test_every_problem_of_a_file_is_found_in_order() -> None:
    text = "z: .nan\na: 1\na: 2\n1: x\nb: *nope\nc: !foo x\nd: 1e999\ne: [\n"
    found = problems(text)
    assert [p.code for p in found] == ["E0115", "E0111", "E0112", "E0118", "E0116", "E0115", "E0134"]
    assert [p.place.line for p in found] == [1, 3, 4, 5, 6, 7, 8]


# Limits


@pytest.mark.parametrize(
    "text", ["[" * 10_000, "- " * 10_000, "{a: " * 10_000, "? " * 10_000, "{{" * 5_000, "[{" * 9_000]
)
def test_deep_nesting_is_refused(text: str) -> None:
    assert only(text).code == "E0108"


def test_nesting_up_to_the_limit_is_read() -> None:
    for file in ("r.yaml", "r.json"):
        assert parse(("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH).encode(), file).plain()
        assert only("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), file).code == "E0108"


def test_aliases_count_as_deep_as_what_they_name() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 300))
    problem = only(chain)
    assert (problem.code, problem.place.line) == ("E0108", MAX_DEPTH)
    flat = "a: &a x\nb: " + "[" * (MAX_DEPTH - 1) + "*a" + "]" * (MAX_DEPTH - 1) + "\n"
    assert parse(flat.encode(), "r.yaml").plain()


def test_alias_bombs_are_refused_fast() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40))
    begin = time.perf_counter()
    assert only(bomb).code == "E0109"
    merges = "a0: &a0 {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}\nl:\n" + "- {<<: *a0}\n" * 2000
    assert only(merges).code == "E0109"
    assert time.perf_counter() - begin < 5


def test_many_aliases_of_a_small_base_are_read() -> None:
    text = "base: &base {a: 1, b: 2}\nlist:\n" + "  - {<<: *base, c: 3}\n" * 5_000
    found = parse(text.encode(), "r.yaml").get("list", 4_999)
    assert found is not None
    assert found.plain() == {"a": 1, "b": 2, "c": 3}


def test_many_wrong_aliases_cost_no_minutes() -> None:
    text = "".join(f"- &anchor{i} x\n- *anchr{i}\n" for i in range(2_000))
    begin = time.perf_counter()
    assert len(problems(text)) == 2_000
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize("file", ["r.yaml", "r.json"])
def test_a_large_file_is_refused(file: str) -> None:
    problem = only(b"x" * (MAX_BYTES + 1), file)
    assert (problem.code, problem.place) == ("E0104", Place(file))


# Encodings


@pytest.mark.parametrize("file", ["r.yaml", "r.json"])
def test_a_byte_that_is_not_utf_8(file: str) -> None:
    problem = only("# é😀\r\na: x\xe9".encode("latin-1", "replace").replace(b"?", "😀".encode()), file)
    assert (problem.code, str(problem.place)) == ("E0105", f"{file}:1:3")
    problem = only("# é😀\r\na: ".encode() + b"\xe9\n", file)
    assert (problem.code, str(problem.place)) == ("E0105", f"{file}:2:4")
    assert "0xE9 (é in Latin-1)" in problem.message
    assert only(b"a: \xed\xa0\x80", file).code == "E0105"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("file", ["r.yaml", "r.json"])
def test_wide_encodings_are_named(encoding: str, file: str) -> None:
    problem = only("abc: def\n".encode(encoding), file)
    assert problem.code == "E0106"
    assert encoding[:6].upper() in problem.message


@pytest.mark.parametrize(
    "character", ["\0", "\x01", "\x07", "\x1b", "\x7f", "\x80", "\x9f", "\ufeff", "\ufffe", "\uffff"]
)
def test_forbidden_characters(character: str) -> None:
    for text in (f"# é\nab: '{character}'\n", f"# é\nab: x{character}\n", f"# é\nab: #{character}\n"):
        problem = only(text)
        assert (problem.code, str(problem.place)) == ("E0107", "recipe.yaml:2:6")
        assert f"U+{ord(character):04X}" in problem.message


# JSON


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ('{"a": 1,\n "a": 2}', "E0111", "2:2", "`a` stands twice"),
        ('{"a": NaN}', "E0115", "1:7", "found NaN"),
        ('{"a": -Infinity}', "E0115", "1:7", "found -Infinity"),
        ("[1e400]", "E0115", "1:2", "too large"),
        ("[9223372036854775808]", "E0114", "1:2", "64 bits"),
        ('["x\\ud800"]', "E0121", "1:4", "half of a pair"),
        ('["\\ude00\\ud83d"]', "E0121", "1:3", "half of a pair"),
        ('["a\tb"]', "E0107", "1:4", "write \\t"),
        ('["a\0b"]', "E0107", "1:4", "U+0000"),
        ('["\\x41"]', "E0136", "1:3", "`\\x` is not an escape"),
        ('["\\u12"]', "E0136", "1:3", "is not an escape"),
        ('["abc\n"]', "E0135", "1:2", "never closed"),
        ('["abc', "E0135", "1:2", "never closed"),
        ('{"a": [1, 2', "E0134", "1:7", "`[` is never closed"),
        ('{"a": 1', "E0134", "1:1", "`{` is never closed"),
        ("{", "E0134", "1:1", "`{` is never closed"),
        ("[1 2]", "E0152", "1:4", "expected `,` or `]`, found `2]`"),
        ("[1,]", "E0152", "1:4", "after the comma, found `]`"),
        ('{"a": 1,}', "E0152", "1:9", "after the comma, found `}`"),
        ('{"a" 1}', "E0152", "1:6", "expected `:` after the key"),
        ("{a: 1}", "E0153", "1:2", "a key in double quotes"),
        ("{1: 1}", "E0153", "1:2", "a key in double quotes"),
        ("['a']", "E0151", "1:2", "double quotes"),
        ("[01]", "E0151", "1:2", "no leading zero"),
        ("[+1]", "E0151", "1:2", "numbers as JSON does"),
        ("[1.]", "E0151", "1:2", "numbers as JSON does"),
        ("[.5]", "E0151", "1:2", "numbers as JSON does"),
        ("[-]", "E0151", "1:2", "numbers as JSON does"),
        ("[True]", "E0151", "1:2", "write true"),
        ("[None]", "E0151", "1:2", "write null"),
        ("[1, // x\n2]", "E0151", "1:5", "no comments"),
        ("[\u00a01]", "E0151", "1:2", "expected a JSON value"),
        ('{"a":', "E0151", "1:6", "found the end of the file"),
        ("[1]\r\n[2]", "E0154", "2:1", "expected the end of the file"),
    ],
)
def test_a_mistake_in_json(text: str, code: str, place: str, words: str) -> None:
    problem = next(iter(problems(text, "r.json")))
    assert (problem.code, str(problem.place)) == (code, f"r.json:{place}")
    assert words in f"{problem.message} {problem.hint}"


def test_json_values_and_places() -> None:
    text = '{"é": "😀", \t"b":\r\n[1, -0, 1.0, 1e2, "\\ud83d\\ude00\\/\\n\u2028\x7f\ufeff", true,\rnull]}'
    found = parse(text.encode(), "R.JSON")
    assert repr(found.plain()) == repr({"é": "😀", "b": [1, 0, 1.0, 100.0, "😀/\n\u2028\x7f\ufeff", True, None]})
    assert places(text, "é", file="r.json") == (1, 7, 3)
    assert places(text, "b", 4, file="r.json") == (2, 19, 21)
    assert places(text, "b", 6, file="r.json") == (3, 1, 4)


def test_every_problem_of_a_json_file_is_found() -> None:
    assert [p.code for p in problems('{"a": NaN, "a": "\\udc00",\n"b": 1e999, "c": [}', "r.json")] == [
        "E0115", "E0111", "E0121", "E0115", "E0151",
    ]  # fmt: skip


# Files


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: 1\n")
    node = load(tmp_path / "a.yaml", "recipes/a.yaml")
    assert node.plain() == {"a": 1}
    assert node.place == Place("recipes/a.yaml", 1, 1)


def unreadable(path: Path) -> Problem:
    with pytest.raises(Problems) as caught:
        load(path, "recipes/a.yaml")
    (problem,) = caught.value.problems
    assert problem.place == Place("recipes/a.yaml")
    return problem


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert unreadable(tmp_path / "missing.yaml").code == "E0101"
    (tmp_path / "file").write_text("x")
    assert unreadable(tmp_path / "file" / "a.yaml").code == "E0101"
    assert unreadable(Path("zero\0byte.yaml")).code == "E0101"
    assert unreadable(tmp_path).message == "expected a file, found a directory"
    assert unreadable(tmp_path / ("x" * 5000)).code == "E0103"
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    assert "loop" in unreadable(tmp_path / "loop.yaml").message
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    assert unreadable(tmp_path / "gone.yaml").code == "E0101"
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "a pipe" in unreadable(tmp_path / "pipe.yaml").message
    assert unreadable(Path("/dev/zero")).code == "E0102"
    with (tmp_path / "large.yaml").open("wb") as stream:
        stream.truncate(10 * MAX_BYTES)
    assert unreadable(tmp_path / "large.yaml").code == "E0104"


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(load_module.os, "open", refuse)
    (tmp_path / "a.yaml").write_text("a: 1\n")
    assert "permission denied" in unreadable(tmp_path / "a.yaml").message


# The module itself


def test_every_code_is_in_the_table_and_every_line_of_it_is_used() -> None:
    directory = Path(load_module.__file__).parent
    source = "".join((directory / f"{name}.py").read_text() for name in SOURCES)
    table, rest = source.split("CODES: dict", 1)[1].split("}\n", 1)
    assert set(re.findall(r'"(E\d{4})"', rest + source.split("CODES: dict", 1)[0])) == set(CODES)
    assert list(CODES) == sorted(CODES)
    assert table.count('"E') == len(CODES)


def test_importing_load_imports_no_yaml() -> None:
    code = "import sys, crucible_gen.documents.load; sys.exit('yaml' in sys.modules or 'json' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(load_module.__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_without_libyaml_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml._yaml", None)
    monkeypatch.delitem(sys.modules, "crucible_gen.documents.yaml_reader", raising=False)
    problem = only("a: 1")
    assert (problem.code, problem.place) == ("E0103", Place("recipe.yaml"))
    assert problem.hint == "install PyYAML from its wheel: pip install --force-reinstall --only-binary :all: pyyaml"
    assert parse(b'{"a": 1}', "recipe.json").plain() == {"a": 1}

"""Laws of `load` over random data, random text and random bytes.

What is written is what is read; every scalar's place points at its text; JSON is
what `json` says it is; and nothing but a Node or Problems ever comes out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml
from crucible_gen.diagnostics.problems import Place, Problem, Problems
from crucible_gen.documents.document import Node
from crucible_gen.documents.load import parse
from hypothesis import example, given, settings
from hypothesis import strategies as st

FILE = "recipe.yaml"
WORDS = (
    "no",
    "on",
    "y",
    "null",
    "~",
    "true",
    "1",
    "0123",
    "1_0",
    "1:30",
    "1e5",
    ".5",
    ".inf",
    "0x1f",
    "2025-01-01",
    "<<",
)

texts = st.one_of(
    st.text(max_size=12), st.sampled_from(WORDS), st.text("ab \t\n'\"\\:#-{}[],&*!|>%@`?é😀\x85\u2028", max_size=9)
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), texts
)
keys = texts.filter(lambda text: len(text.encode("utf-8", "replace")) < 100)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)

# Pieces of YAML: words, indicators and what tends to confuse scanners, to be joined at random.
PIECES = (
    "a", "b:", " ", "  ", "\n", "\n", "\n  ", "\t", ": ", "- ", "-", "[", "]", "{", "}", ",", "? ", "?", "&x ", "*x",
    "!!str ", "!!int ", "!", " #c", "'", '"', "\\", "|", "|-", ">", "|+2", ">1-", "@", "`", "%", "%YAML 1.1\n",
    "%TAG ! tag:x\n", "---", "--- ", "...", "\r\n", "\r", "1", "0.5", "~", "<<: ", "é", "\u2028", "\x85", "\\u00e9",
    "\\ud800", "\\UFFFFFFFF", "\\x4", "x y", "key: v", "!!map ", "!<tag:yaml.org,2002:str>", "!e!x", "!!s%74r ", "a: ",
    "b:", "  c: ", "\n- ", "#", "[a, b]",
)  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=16).map("".join)
JSON_PIECES = (
    "{", "}", "[", "]", ",", ":", '"a"', '"b"', '"', "1", "-0", "0.5", "1e5", "1E400", "-", "+", "01", ".", "true",
    "null", "False", "NaN",
    "-Infinity", " ", "\n", "\r\n", "\t", "\\", '"\\ud83d\\ude00"', '"\\ud83d"', '"\\n\\/"', "\u2028",
    "\x7f", "\ufeff", "\0", "99999999999999999999", "//", "'", '{"a": ', "[1, ", "é", '"\x01"',
)  # fmt: skip
json_pieces = st.lists(st.sampled_from(JSON_PIECES), max_size=10).map("".join)


SYNTAX = {"E0105", "E0106", "E0107", "E0134", "E0135", "E0136", "E0151", "E0152", "E0153", "E0154"}
"""What may be wrong with a text that is not JSON at all."""


def outcome(text: str | bytes, file: str = FILE) -> Node | tuple[Problem, ...]:
    try:
        return parse(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"), file)
    except Problems as raised:
        return raised.problems


def same(one: Any, other: Any) -> bool:
    """Equal values of equal types, in equal order: 1 is not 1.0, and -0.0 is not 0.0."""
    return repr(one) == repr(other)


def clean(value: Any) -> bool:
    """Whether UTF-8 can hold the value: hypothesis also makes lone surrogates."""
    return not re.search(r"[\ud800-\udfff]", json.dumps(value, ensure_ascii=False))


json_texts = st.one_of(
    json_pieces,
    values.filter(clean).map(json.dumps),
    st.tuples(values.filter(clean).map(json.dumps), st.integers(0, 30), json_pieces).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] :]
    ),
)
"""JSON, what looks like it, and JSON with something inserted."""


def modern(value: Any) -> bool:
    """Whether PyYAML writes the value as YAML 1.2 reads it: it still breaks lines at these three characters."""
    return clean(value) and not re.search(r"[\x85\u2028\u2029]", json.dumps(value, ensure_ascii=False))


class Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.2 takes for a number and YAML 1.1 does not, such as 0o7 and 1e5."""


def _represent(dumper: Dumper, text: str) -> yaml.ScalarNode:
    style = "'" if text[:1] in tuple("+-.0123456789") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _represent)


def written(value: Any, *, unicode: bool = True, flow: bool | None = None, ends: str = "\n", width: int = 10**6) -> str:
    text: str = yaml.dump(
        value,
        Dumper=Dumper,
        allow_unicode=unicode,
        default_flow_style=flow,
        sort_keys=False,
        line_break=ends,
        width=width,
    )
    return text


def scalars_of(node: Node) -> Iterator[tuple[Place, Any]]:
    """Every scalar and every key of a node, with its place."""
    if isinstance(node.value, dict):
        for key, entry in node.value.items():
            yield entry.key, key
            yield from scalars_of(entry.node)
    elif isinstance(node.value, tuple):
        for item in node.value:
            yield from scalars_of(item)
    else:
        yield node.place, node.value


def at(text: str, place: Place) -> str:
    """What a reader finds at a place."""
    line = re.split(r"\r\n|\r|\n", text)[place.line - 1]
    return line[place.column - 1 : place.column - 1 + place.width]


def quoted(value: Any) -> str:
    """A value as YAML in flow style, every scalar with a tag of its own and in quotes where that is possible."""
    if isinstance(value, dict):
        return "!!map {" + ", ".join(f"? {quoted(key)} : {quoted(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "!!seq [" + ", ".join(map(quoted, value)) + "]"
    names = {str: "str", bool: "bool", int: "int", float: "float", type(None): "null"}
    text = value if isinstance(value, str) else "null" if value is None else str(value).lower()
    return f"!!{names[type(value)]} {as_double_quoted(text)}"


def as_double_quoted(text: str) -> str:
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


@given(values.filter(clean), st.booleans(), st.sampled_from((None, 1)))
def test_json_reads_back(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    node = outcome(text, "recipe.json")
    assert isinstance(node, Node)
    assert same(node.plain(), value)
    for place, scalar in scalars_of(node):
        assert same(json.loads(at(text, place)), scalar)


@given(values.filter(clean), st.booleans(), st.sampled_from((None, 1)))
def test_json_is_yaml_but_for_what_yaml_forbids(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    node = outcome(text)
    if isinstance(node, Node):
        assert same(node.plain(), value)
    else:
        # Raw control characters, and pairs of surrogates, are where YAML says no.
        assert {problem.code for problem in node} <= {"E0107", "E0121"}
        assert re.search(r"[^\n\x20-\x7e\xa0-\uffff]|[\ufeff\ufffe\uffff]|\\ud[89ab]", text)


@given(
    values.filter(modern), st.booleans(), st.sampled_from((True, False, None)), st.sampled_from(("\n", "\r\n", "\r"))
)
def test_what_pyyaml_writes_reads_back(value: Any, unicode: bool, flow: bool | None, ends: str) -> None:
    node = outcome(written(value, unicode=unicode, flow=flow, ends=ends))
    assert isinstance(node, Node), node
    assert same(node.plain(), value)


@given(values.filter(clean))
def test_tags_and_escapes_read_back(value: Any) -> None:
    node = outcome(quoted(value))
    assert isinstance(node, Node), node
    assert same(node.plain(), value)


@given(values.filter(modern), st.booleans(), st.sampled_from(("\n", "\r\n", "\r")))
def test_every_yaml_place_points_at_its_text(value: Any, flow: bool, ends: str) -> None:
    text = written(value, flow=flow, ends=ends)
    node = outcome(text)
    assert isinstance(node, Node), node
    for place, scalar in scalars_of(node):
        found = at(text, place)
        if isinstance(scalar, str) and "\n" in scalar:
            assert found[0] in "'\"|>", "a text of several lines is never plain here"
        else:
            assert same(parse(found.encode(), FILE).plain(), scalar)


@given(
    st.one_of(st.binary(max_size=60), pieces.map(str.encode), st.text(max_size=40).map(lambda t: t.encode("utf-16")))
)
@example(b"<<: !!s%74r \xe2\x80\xa8 ")  # nothing after the tag but a line separator
def test_garbage_is_a_node_or_problems(data: bytes) -> None:
    for file in (FILE, "recipe.json"):
        found = outcome(data, file)
        if not isinstance(found, Node):
            assert list(found) == sorted(found)
            for problem in found:
                assert re.fullmatch(r"E01\d\d", problem.code)
                assert problem.place.file == file
                assert problem.place.width >= 1
                assert problem.message
                lines = re.split(r"\r\n|\r|\n", data.decode("utf-8-sig", "replace"))
                assert problem.place.line <= len(lines)
                if problem.place.line:
                    assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1
        else:
            json.dumps(found.plain(), allow_nan=False, ensure_ascii=False).encode()


@settings(max_examples=400)
@given(json_texts)
def test_json_is_what_json_says(text: str) -> None:
    mistakes: set[str] = set()

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            mistakes.add("E0111")
        return dict(found)

    def constant(_: str) -> None:
        mistakes.add("E0115")

    def floating(number: str) -> float:
        mistakes.update(["E0115"] if math.isinf(float(number)) else [])
        return float(number)

    def integer(digits: str) -> int:
        mistakes.update([] if -(2**63) <= int(digits) < 2**63 else ["E0114"])
        return int(digits)

    found = outcome(text, "recipe.json")
    codes = set() if isinstance(found, Node) else {problem.code for problem in found}
    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=constant, parse_float=floating, parse_int=integer
        )
    except ValueError:
        blank = not text.removeprefix("\ufeff").strip(" \t\r\n")
        assert blank or text.startswith("\ufeff") or not codes.isdisjoint(SYNTAX), (text, codes)
        return
    mistakes |= set() if clean(value) else {"E0121"}
    assert codes == mistakes
    if isinstance(found, Node):
        assert same(found.plain(), value)

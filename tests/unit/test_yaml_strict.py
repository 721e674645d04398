"""YAML that libyaml reads otherwise than YAML 1.2: the value of YAML 1.2, or refused by name."""

from __future__ import annotations

import pytest
from crucible_gen.diagnostics import Problem, Problems
from crucible_gen.documents import Plain, load


def value(text: str) -> Plain:
    return load.parse(text.encode(), "recipe.yaml").plain()


def only(text: str) -> Problem:
    with pytest.raises(Problems) as raised:
        value(text)
    (problem,) = raised.value.problems
    return problem


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        # A comment begins after a blank.
        ('a: "x"# c\n', "E0124", "1:7", "put a space before the `#`"),
        ("a: 'x'# c\n", "E0124", "1:7", 'found `\'# c`'),
        ("a: [x]# c\n", "E0124", "1:7", "blank"),
        ("a: {b: 1}# c\n", "E0124", "1:10", "blank"),
        ("a: [x,# c\n  y]\n", "E0124", "1:7", "blank"),
        ("a: [# c\n  y]\n", "E0124", "1:5", "blank"),
        ("a: ># c\n  x\n", "E0124", "1:5", "blank"),
        ("a: |-# c\n  x\n", "E0124", "1:6", "blank"),
        ("%YAML 1.2# c\n---\na: 1\n", "E0124", "1:10", "blank"),
        # Text within brackets that begins like an indicator.
        ("a: {?foo: 1}\n", "E0137", "1:5", 'quote it: "?foo"'),
        ("a: [?x]\n", "E0137", "1:5", 'quote it: "?x"'),
        ("a: [x,\n  ?y]\n", "E0137", "2:3", 'quote it: "?y"'),
        ("a: [-]\n", "E0137", "1:5", 'quote it: "-"'),
        ("a: [-, x]\n", "E0137", "1:5", 'quote it: "-"'),
        ("a: {b: -}\n", "E0137", "1:8", 'quote it: "-"'),
        # Names of anchors and aliases.
        ("a: &an:chor x\n", "E0142", "1:4", 'quote the value if it is text: "&an:chor x"'),
        ("a: &b x\n*b: y\n", "E0142", "2:1", "put a space before the colon: *b :"),
        # Lines that go on a value are indented more than what is around it.
        ("a: [x,\ny]\n", "E0132", "2:1", "indent it by at least 1"),
        ("a: {b: 1,\nc: 2}\n", "E0132", "2:1", "indent it by at least 1"),
        ("a:\n  b: [x,\n  y]\n", "E0132", "3:3", "indent it by at least 3"),
        ("- a: [x,\n  y]\n", "E0132", "2:3", "indent it by at least 3"),
        ("a: [x\ny]\n", "E0132", "2:1", "indented by 0"),
        ("a:\n  b: [x\n]\n", "E0132", "3:1", "indent it by at least 3"),
        ('a: "x\ny"\n', "E0132", "2:1", "indent it by at least 1"),
        ("a: 'x\ny'\n", "E0132", "2:1", "indent it by at least 1"),
        ('a: "x\r\ny"\r\n', "E0132", "2:1", "indent it by at least 1"),
        ('a: "x\n\ty"\n', "E0131", "2:1", "found a tab"),
        ("a: [\n\tx]\n", "E0131", "2:1", "found a tab"),
        ("a:\n|\n  x\n", "E0132", "2:1", "indent it by at least 1"),
        ("a:\n  b:\n  >\n   x\n", "E0132", "3:3", "indent it by at least 3"),
        ("a: >\n \n  \n   \n # c\n", "E0132", "4:1", "remove its spaces"),
    ],
)  # fmt: skip
def test_what_yaml_1_2_refuses_is_refused(text: str, code: str, place: str, words: str) -> None:
    problem = only(text)
    assert (problem.code, str(problem.place)) == (code, f"recipe.yaml:{place}")
    assert words in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: x#y\n", {"a": "x#y"}),
        ("a: '#1 and #2'\n", {"a": "#1 and #2"}),
        ("## heading\na: 1 # one\n", {"a": 1}),
        ("a: |\n  # kept\n  x#\n", {"a": "# kept\nx#\n"}),
        ("a: [ ? x ]\n", {"a": [{"x": None}]}),
        ("a: [? x : y]\n", {"a": [{"x": "y"}]}),
        ("a: ?x\nb: what?\n", {"a": "?x", "b": "what?"}),
        ("a: [-1, a-, --]\n", {"a": [-1, "a-", "--"]}),
        ("a: &b-c_1 x\nd: *b-c_1\n", {"a": "x", "d": "x"}),
        ("a: &b [x]\nc: [*b, *b]\n", {"a": ["x"], "c": [["x"], ["x"]]}),
        ("a: R&D: x\n", None),
        ("a: AT&T, 2 * 3: x\n", None),
        ("a: R&D@home\nb: 5*x%2\n", {"a": "R&D@home", "b": "5*x%2"}),
        ('"x\n\ty"\n', "x y"),
        ("[x,\ny]\n", ["x", "y"]),
        ("a: [\n  x,\n]\n", {"a": ["x"]}),  # YAML 1.2 would have the bracket indented
        ("a: [{\n  b: 1\n}, {\n  b: 2\n}]\n", {"a": [{"b": 1}, {"b": 2}]}),
        ("a: [x,\n# c\n  y]\n", {"a": ["x", "y"]}),
        ("a:\n- [x,\n y]\n", {"a": [["x", "y"]]}),
        ('a: "x\n\n  y"\n', {"a": "x\ny"}),
        ("a: |\n  x\n   ", {"a": "x\n \n"}),
        ("- |+\n   ", ["\n"]),
        ("a: |\n  x\n   \n", {"a": "x\n \n"}),
        ("a: |1\n  \n x\n", {"a": " \nx\n"}),
    ],
)
def test_what_looks_alike_keeps_its_value(text: str, expected: Plain) -> None:
    if expected is None:
        assert only(text).code == "E0133"
    else:
        assert value(text) == expected


def test_a_file_with_a_second_document_is_refused_for_that_alone() -> None:
    assert only('a: "x\n  y"\n---\n"\n').code == "E0110"


CONFLICT = """\
id: a
<<<<<<< HEAD
seed: 1
=======
seed: 2
>>>>>>> other
"""


@pytest.mark.parametrize("file", ["recipe.yaml", "recipe.json"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_merge_conflict_is_named_with_all_its_lines(file: str, end: str) -> None:
    with pytest.raises(Problems) as raised:
        load.parse(CONFLICT.replace("\n", end).encode(), file)
    (problem,) = raised.value.problems
    assert (problem.code, str(problem.place)) == ("E0123", f"{file}:2:1")
    assert problem.message == "found the merge-conflict marker `<<<<<<< HEAD`"
    assert [(place.line, why) for why, place in problem.see] == [
        (4, "the other version begins here"),
        (6, "the conflict ends here"),
    ]


def test_every_merge_conflict_is_named() -> None:
    with pytest.raises(Problems) as raised:
        value(CONFLICT * 2)
    assert [problem.place.line for problem in raised.value.problems] == [2, 8]


@pytest.mark.parametrize("text", ["a: |\n  <<<<<<< HEAD\n  x\n", "a: b\n# =======\n", 'a: "<<<<<<< HEAD"\n'])
def test_text_about_merge_conflicts_is_text(text: str) -> None:
    assert value(text)

from __future__ import annotations

import ast

import pytest
from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.languages.python import printer

CLASSES = {"experiment": "Experiment", "model_ref": "ModelRef"}
NAMES = {"training_config": "training"}
EPOCHS = Name("training_config", ("epochs",))


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (None, "None"),
        (True, "True"),
        (False, "False"),
        (-1, "-1"),
        (1_000_000, "1_000_000"),
        (2.0e-4, "2.0e-4"),
        (0.95, "0.95"),
        (1e6, "1.0e6"),
        ("abc", '"abc"'),
        ("it's", '"it\'s"'),
        ('say "no"', "'say \"no\"'"),
        ('it\'s "no"', "'it\\'s \"no\"'"),
        ("'a' \"b\"", '"\'a\' \\"b\\""'),
        ("a\\b\nc\t\x1b\x00", r'"a\\b\nc\t\x1b\x00"'),
        ("\u202e\u2028\U000e0041\xa0", r'"\u202e\u2028\U000e0041\xa0"'),
        ("日本 😀 é", '"日本 😀 é"'),
        (Symbol("linear"), '"linear"'),
        (Module("A.B"), 'Module("A.B")'),
        (Timestamp("2025-12-26T00:00:00Z"), '"2025-12-26T00:00:00Z"'),
        (Name("training_config", ("model_ref", "id")), "training.model_ref.id"),
        (List(()), "[]"),
        (List((1, None)), "[1, None]"),
        (Map(()), "{}"),
        (Map((("a b", 1), ("c", 2))), '{"a b": 1, "c": 2}'),
        (Map((("a", 1),), symbols=False), '{"a": 1}'),
        (Keywords((("a", 1),)), '{"a": 1}'),
        (Keywords(()), "[]"),
        (
            Record("model_ref", (("id", "m"), ("provider", Symbol("huggingface")))),
            'ModelRef(id="m", provider="huggingface")',
        ),
        (Record("experiment", ()), "Experiment()"),
        (Or(EPOCHS, 0), "training.epochs or 0"),
        (Or(EPOCHS, False), "training.epochs or False"),
        (Or(EPOCHS, 1), "1 if training.epochs is None else training.epochs"),
        (Or(EPOCHS, True), "True if training.epochs is None else training.epochs"),
        (Or(EPOCHS, 0.0), "0.0 if training.epochs is None else training.epochs"),
        (Or(EPOCHS, "adam"), '"adam" if training.epochs is None else training.epochs'),
        (Get(Name("options"), "lr_schedule", Symbol("linear")), 'options.get("lr_schedule", "linear")'),
        (Get(Name("options"), "a", None), 'options.get("a")'),
        (Get(Name("training_config", ("stop",)), "a", 1), '(training.stop or {}).get("a", 1)'),
    ],
)
def test_on_one_line(term: Term, expected: str) -> None:
    assert printer.text(term, classes=CLASSES, names=NAMES) == expected


def test_what_does_not_fit_has_one_element_a_line_and_a_trailing_comma() -> None:
    term = Record(
        "experiment",
        (
            ("model_ref", Record("model_ref", (("id", "x" * 70),))),
            ("tags", List(("a", "b"))),
            ("options", Map((("log_path", "y" * 80),))),
        ),
    )
    assert printer.text(term, column=4, classes=CLASSES) == (
        f'Experiment(\n        model_ref=ModelRef(\n            id="{"x" * 70}",\n        ),\n'
        f'        tags=["a", "b"],\n'
        f'        options={{\n            "log_path": "{"y" * 80}",\n        }},\n    )'
    )


@pytest.mark.parametrize(
    ("width", "column", "after", "fits"), [(88, 0, 0, True), (89, 0, 0, False), (88, 0, 1, False), (80, 8, 0, True)]
)
def test_eighty_eight_columns(width: int, column: int, after: int, fits: bool) -> None:
    printed = printer.text(List(("x" * (width - 4),)), column=column, after=after)
    assert ("\n" not in printed) is fits


def test_wide_characters_take_two_columns() -> None:
    assert "\n" not in printer.text(List(("日" * 42,)))
    assert "\n" in printer.text(List(("日" * 42 + "x",)))
    assert printer.columns("日本😀é") == 7


def test_a_call_and_a_conditional_break() -> None:
    key = "k" * 70
    get = Get(Name("options"), "lr_schedule", "linear")
    assert printer.text(Map(((key, get),))) == (
        f'{{\n    "{key}": options.get(\n        "lr_schedule",\n        "linear",\n    ),\n}}'
    )
    assert printer.text(Map(((key, Or(EPOCHS, 1)),)), names=NAMES) == (
        f'{{\n    "{key}": (\n        1 if training.epochs is None else training.epochs\n    ),\n}}'
    )
    assert printer.text(Map(((key, Or(EPOCHS, "x" * 60)),)), names=NAMES) == (
        f'{{\n    "{key}": (\n        "{"x" * 60}"\n        if training.epochs is None\n'
        "        else training.epochs\n    ),\n}"
    )
    assert printer.text(Map(((key, Or(EPOCHS, 0)),)), names=NAMES) == (
        f'{{\n    "{key}": training.epochs\n    or 0,\n}}'
    )


def test_assign() -> None:
    assert printer.assign("NAME", "sl_basic") == 'NAME = "sl_basic"'
    assert printer.assign("NAME", "x" * 79) == f'NAME = "{"x" * 79}"'
    assert printer.assign("NAME", "x" * 80) == f'NAME = (\n    "{"x" * 80}"\n)'
    assert printer.assign("NAME", "x" * 82) == f'NAME = (\n    "{"x" * 82}"\n)'
    assert printer.assign("NAME", "x" * 83) == f'NAME = "{"x" * 83}"'
    assert printer.assign("return", "x" * 76, column=4) == f'return (\n        "{"x" * 76}"\n    )'
    assert printer.assign("return", List(("x" * 80,)), column=4) == f'return [\n        "{"x" * 80}",\n    ]'
    assert printer.assign("x", Or(EPOCHS, "y" * 50), column=4, names=NAMES) == (
        f'x = (\n        "{"y" * 50}"\n        if training.epochs is None\n        else training.epochs\n    )'
    )
    assert printer.assign("x" * 70, Or(EPOCHS, 0), names=NAMES) == f"{'x' * 70} = (\n    training.epochs or 0\n)"
    assert printer.assign("x" * 70, EPOCHS, names=NAMES) == f"{'x' * 70} = training.epochs"
    assert printer.assign("x" * 75, EPOCHS, names=NAMES) == f"{'x' * 75} = (\n    training.epochs\n)"
    assert printer.assign("options", Name("training_config", ("options",)), names=NAMES) == "options = training.options"


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (float("nan"), "not a number"),
        (float("-inf"), "not a number"),
        (Record("unknown", ()), "no class is known for the record type unknown"),
        (Record("model_ref", (("a b", 1),)), "'a b' cannot be"),
        (Name("config", ("a b",)), "'a b' cannot be"),
    ],
)
def test_what_no_literal_can_say_is_refused(term: Term, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        printer.text(List((term,)), classes=CLASSES)


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("One line.", 0, '"""One line."""'),
        ("", 4, '""" """'),
        ("  One line. \n", 4, '"""One line."""'),
        ('"quoted"', 0, '""" "quoted" """'),
        ("back\\", 0, '"""back\\\\"""'),
        ('a """ b', 0, '"""a \\"\\"\\" b"""'),
        ('a""""', 0, '"""a\\"\\"\\"\\" """'),
        ("First.\n\n  - a\n    - b\n\n", 4, '"""First.\n\n    - a\n      - b\n    """'),
        ("First.\nsecond", 0, '"""First.\nsecond\n"""'),
        ("tab\there \x00 \u202e", 0, '"""tab     here \\x00 \\u202e"""'),
    ],
)
def test_docstring(text: str, column: int, expected: str) -> None:
    assert printer.docstring(text, column) == expected
    ast.parse(expected)


def test_comment() -> None:
    assert printer.comment("a\nb\n\n  c ") == "a b c"
    assert printer.comment("\u202edo\u2028 \\ \x00") == "\\u202edo\\u2028 \\ \\x00"

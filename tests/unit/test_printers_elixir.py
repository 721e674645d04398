from __future__ import annotations

import textwrap

import pytest
from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.languages.elixir import printer
from crucible_gen.languages.elixir.text import graphemes

STRUCTS = {
    "experiment": "CrucibleIR.Experiment",
    "backend_ref": "CrucibleIR.BackendRef",
    "stage_def": "CrucibleIR.StageDef",
}
EPOCHS = Name("training_config", ("epochs",))


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (None, "nil"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (9999, "9999"),
        (-32768, "-32_768"),
        (32768, "32_768"),
        (12345.5, "12_345.5"),
        (1234.5, "1234.5"),
        (99_999, "99_999"),
        (100_000, "100_000"),
        (-1_000_000, "-1_000_000"),
        (123456789012345678901234567890, "123_456_789_012_345_678_901_234_567_890"),
        (2.0e-4, "2.0e-4"),
        (1.5e-4, "1.5e-4"),
        (0.001, "0.001"),
        (0.95, "0.95"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (100.0, "100.0"),
        (123456.0, "123_456.0"),
        (999999.5, "999_999.5"),
        (1e6, "1.0e6"),
        (1e10, "1.0e10"),
        (1.0e-8, "1.0e-8"),
        (5e-324, "5.0e-324"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
        ("", '""'),
        ("abc", '"abc"'),
        ('a "b" \\ c', r'"a \"b\" \\ c"'),
        ("cost #{x} # {", r'"cost \#{x} # {"'),
        ("a\nb\tc\r\0\x1b\x7f", r'"a\nb\tc\r\0\u001B\u007F"'),
        ("héllo 日本 😀", '"héllo 日本 😀"'),
        ("a\u202eb\u2028c\u200d\ufeff\xa0d", r'"a\u202Eb\u2028c\u200D\uFEFF\u00A0d"'),
        ("\U000e0041", r'"\u{E0041}"'),
        ("\u0301a", r'"\u0301a"'),
        ("e\u0301", '"e\u0301"'),
        (Symbol("linear"), ":linear"),
        (Symbol("qwen3.5"), ':"qwen3.5"'),
        (Symbol("Foo"), ":Foo"),
        (Symbol("ok?"), ":ok?"),
        (Symbol("foo bar"), ':"foo bar"'),
        (Symbol(""), ':""'),
        (Symbol("größe"), ":größe"),
        (Symbol("日本"), ':"\\u65E5本"'),
        (Symbol("日本 語"), ':"日本 語"'),
        (Symbol(">="), ":>="),
        (Symbol("..//"), ':"\\u002E.//"'),
        (Symbol('a"b'), ':"a\\u0022b"'),
        (Symbol("Elixir"), ':"Elixir"'),
        (Module("CrucibleTrain.Stages.SupervisedTrain"), "CrucibleTrain.Stages.SupervisedTrain"),
        (Module("Foo.bar"), ':"Elixir.Foo.bar"'),
        (Module("Elixir.Foo"), ':"Elixir.Elixir.Foo"'),
        (Timestamp("2025-12-26T00:00:00Z"), "~U[2025-12-26 00:00:00Z]"),
        (Timestamp("2025-12-26T00:00:00.250Z"), "~U[2025-12-26 00:00:00.250Z]"),
        (Name("config"), "config"),
        (Name("training_config", ("model_ref", "id")), "training_config.model_ref.id"),
        (Name("config", ("foo bar", "Foo")), 'config."foo bar"."Foo"'),
        (List(()), "[]"),
        (List((1, "a", None)), '[1, "a", nil]'),
        (Map(()), "%{}"),
        (Map((), symbols=False), "%{}"),
        (Map((("a", 1), ("foo bar", 2), ("do", 3))), '%{a: 1, "foo bar": 2, do: 3}'),
        (Map((("a", 1), ('b"', 2)), symbols=False), r'%{"a" => 1, "b\"" => 2}'),
        (Keywords(()), "[]"),
        (Keywords((("a", 1), ("b", Keywords(())))), "[a: 1, b: []]"),
        (Record("backend_ref", (("id", Symbol("tinker")),)), "%CrucibleIR.BackendRef{id: :tinker}"),
        (Record("experiment", ()), "%CrucibleIR.Experiment{}"),
        (Or(EPOCHS, 0), "training_config.epochs || 0"),
        (Or(EPOCHS, 2.0e-4), "training_config.epochs || 2.0e-4"),
        (Or(EPOCHS, False), "training_config.epochs || false"),
        (Or(EPOCHS, True), "training_config.epochs != false"),
        (
            Or(EPOCHS, Symbol("auto")),
            "training_config.epochs || :auto",
        ),
        (Get(Name("options"), "lr_schedule", Symbol("linear")), "Map.get(options, :lr_schedule, :linear)"),
        (Get(Name("options"), "a", List((1,))), "Map.get(options, :a, [1])"),
        (Get(Name("options"), "a", None), "Map.get(options, :a)"),
        (Get(Name("training_config", ("stop",)), "a", 1), "Map.get(training_config.stop || %{}, :a, 1)"),
        (Get(Name("options"), "a", Keywords((("b", 1),))), "Map.get(options, :a, b: 1)"),
        (Get(Name("options"), "a", Keywords(())), "Map.get(options, :a, [])"),
    ],
)
def test_on_one_line(term: Term, expected: str) -> None:
    assert printer.text(term, structs=STRUCTS) == expected


def lines(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def test_a_pipeline_is_readable_from_top_to_bottom() -> None:
    options = Map(
        (
            ("training_config", Name("training_config")),
            ("ports", Name("config", ("ports",))),
            ("num_epochs", EPOCHS),
            ("save_every", Or(Name("training_config", ("checkpoint_every",)), 0)),
            ("lr_schedule", Get(Name("options"), "lr_schedule", Symbol("linear"))),
        )
    )
    stage = Record(
        "stage_def",
        (
            ("name", Symbol("supervised_train")),
            ("module", Module("CrucibleTrain.Stages.SupervisedTrain")),
            ("options", options),
        ),
    )
    deploy = Record("stage_def", (("name", Symbol("deploy")), ("options", Map((("target", Symbol("vllm")),)))))
    experiment = Record(
        "experiment",
        (
            ("id", Symbol("sl_basic")),
            ("backend", Record("backend_ref", (("id", Symbol("tinker")),))),
            ("pipeline", List((stage, deploy))),
            ("tags", List(())),
        ),
    )
    assert printer.text(experiment, column=4, structs=STRUCTS) == lines(
        """
        %CrucibleIR.Experiment{
              id: :sl_basic,
              backend: %CrucibleIR.BackendRef{id: :tinker},
              pipeline: [
                %CrucibleIR.StageDef{
                  name: :supervised_train,
                  module: CrucibleTrain.Stages.SupervisedTrain,
                  options: %{
                    training_config: training_config,
                    ports: config.ports,
                    num_epochs: training_config.epochs,
                    save_every: training_config.checkpoint_every || 0,
                    lr_schedule: Map.get(options, :lr_schedule, :linear)
                  }
                },
                %CrucibleIR.StageDef{name: :deploy, options: %{target: :vllm}}
              ],
              tags: []
            }
        """
    )


@pytest.mark.parametrize(
    ("width", "column", "after", "fits"),
    [(98, 0, 0, True), (99, 0, 0, False), (97, 0, 1, True), (98, 0, 1, False), (90, 8, 0, True), (91, 8, 0, False)],
)
def test_ninety_eight_columns(width: int, column: int, after: int, fits: bool) -> None:
    term = List(("x" * (width - 4),))
    printed = printer.text(term, column=column, after=after)
    assert ("\n" not in printed) is fits
    if not fits:
        pad = " " * column
        assert printed == f'[\n{pad}  "{"x" * (width - 4)}"\n{pad}]'


def test_a_long_text_moves_below_its_key_and_a_container_does_not() -> None:
    long = "x" * 95
    term = Map((("log_path", long), ("list", List((long,))), ("empty", Map(()))))
    assert printer.text(term) == f'%{{\n  log_path:\n    "{long}",\n  list: [\n    "{long}"\n  ],\n  empty: %{{}}\n}}'


def test_the_same_with_arrows() -> None:
    long = "x" * 95
    term = Map((("log path", long), ("list", List((long,)))), symbols=False)
    assert printer.text(term) == f'%{{\n  "log path" =>\n    "{long}",\n  "list" => [\n    "{long}"\n  ]\n}}'


def test_a_call_and_an_operation_move_below_their_key_first() -> None:
    key = "k" * 60
    get = Get(Name("options"), "lr_schedule", "linear")
    default = Or(Name("training_config", ("checkpoint_every",)), 0)
    assert printer.text(Map(((key, get), ("b", default), ("c" * 80, default)))) == (
        f'%{{\n  {key}:\n    Map.get(options, :lr_schedule, "linear"),\n'
        f"  b: training_config.checkpoint_every || 0,\n  {'c' * 80}:\n    training_config.checkpoint_every || 0\n}}"
    )
    very = Get(Name("options"), "x" * 60, "y" * 30)
    assert printer.text(Map((("a", very),))) == (
        f'%{{\n  a:\n    Map.get(\n      options,\n      :{"x" * 60},\n      "{"y" * 30}"\n    )\n}}'
    )


def test_a_long_default() -> None:
    name = Name("training_config", ("f" * 70,))
    assert printer.text(Or(name, 123456789012), column=4) == (f"training_config.{'f' * 70} ||\n      123_456_789_012")
    assert printer.text(Or(name, List(("x",))), column=0) == (
        f'if(\n  is_nil(training_config.{"f" * 70}),\n  do: ["x"],\n  else: training_config.{"f" * 70}\n)'
    )


def test_continuation_lines_follow_the_indentation_of_the_line() -> None:
    term = List(("x" * 50, "y" * 50))
    assert printer.text(term, column=20, indent=4) == f'[\n      "{"x" * 50}",\n      "{"y" * 50}"\n    ]'


def test_assign() -> None:
    assert printer.assign("options", Map(())) == "options = %{}"
    assert printer.assign("x", "y" * 98, column=4) == f'x =\n      "{"y" * 98}"'
    assert printer.assign("x", List(("y" * 98,)), column=4) == f'x = [\n      "{"y" * 98}"\n    ]'
    assert printer.assign("tc", Name("training_config"), names={"training_config": "config"}) == "tc = config"


def test_function() -> None:
    assert printer.function("def name", "sl_basic") == 'def name, do: "sl_basic"'
    assert printer.function("def description", "x" * 69) == f'def description, do: "{"x" * 69}"'
    assert printer.function("def description", "x" * 74) == f'def description do\n    "{"x" * 74}"\n  end'
    assert printer.function("def e", Map((("a", "x" * 86), ("b", 1)))) == (
        f'def e do\n    %{{\n      a: "{"x" * 86}",\n      b: 1\n    }}\n  end'
    )


def test_names_are_renamed_and_shadowed_modules_written_in_full() -> None:
    term = List((Name("training_config", ("id",)), Get(Name("options"), "a", 1), Module("Config.A"), Module("B")))
    printed = printer.text(term, names={"training_config": "tc", "options": "opts"}, shadowed={"Config"})
    assert printed == "[tc.id, Map.get(opts, :a, 1), Elixir.Config.A, B]"


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (float("nan"), "not a number"),
        (float("inf"), "not a number"),
        (Record("unknown", ()), "no struct is known for the record type unknown"),
        (Timestamp("2025-12-26T00:00:00Z] |> exit()"), "is not a moment in UTC"),
        (Timestamp("2025-12-26T00:00:00+01:00"), "is not a moment in UTC"),
        (Timestamp("2025-12-26"), "is not a moment in UTC"),
        (Timestamp("２025-12-26T00:00:00Z"), "is not a moment in UTC"),
    ],
)
def test_what_no_literal_can_say_is_refused(term: Term, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        printer.text(List((term,)), structs=STRUCTS)


def test_pieces() -> None:
    assert printer.string('a"#{b}') == r'"a\"\#{b}"'
    assert printer.atom("linear") == ":linear"
    assert printer.atom("nil") == "nil"
    assert printer.key("learning_rate") == "learning_rate: "
    assert printer.key("nil") == "nil: "
    assert printer.key("foo bar") == '"foo bar": '
    assert printer.alias("A.B1") == "A.B1"
    assert printer.alias("A.B", {"A"}) == "Elixir.A.B"
    assert printer.alias("A b") == ':"Elixir.A b"'
    assert printer.alias("A.#{x}") == ':"Elixir.A.\\#{x}"'


def test_doc() -> None:
    assert printer.doc("One line.", 2) == "One line."
    assert printer.doc("\n\nFirst.  \n\n  - item\n\n", 4) == "First.\n\n      - item"
    assert printer.doc('a """ b #{c} \\ \u202e \x00', 2) == r"a \"\"\" b \#{c} \\ " + "\\u202E \\0"
    assert printer.doc('"""""', 2) == '\\"' * 5
    assert printer.doc("a\r\nb\rc", 0) == "a\nb\nc"
    assert printer.doc("", 2) == ""


def test_comment() -> None:
    assert printer.comment("a\nb\n\n  c ") == "a b c"
    assert printer.comment("\u202edo\u2028#{x}\x00") == "\\u202Edo\\u2028#{x}\\0"


@pytest.mark.parametrize(
    ("text", "count"),
    [("abc", 3), ("é", 1), ("e\u0301", 1), ("日本", 2), ("👍🏽", 1), ("🇩🇪🇫🇷🇬", 3), ("กำ", 1), ("က\u102b", 2), ("", 0)],
)
def test_graphemes(text: str, count: int) -> None:
    assert graphemes(text) == count


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("linear", None),
        ("", None),
        ("\0", None),
        ("x" * 255, None),
        ("x" * 256, "have at most 255 bytes in source, found 256"),
        ("é" * 127, None),
        ("é" * 128, "have at most 255 bytes in source, found 256"),
        ("日" * 84, None),
        ("日" * 85, "have at most 255 bytes in source, found 258"),
        ("\n" * 127, None),
        ("\n" * 128, "have at most 255 bytes in source, found 256"),
        ("nil", "be another name than nil, which is a value of its own in Elixir"),
        ("true", "be another name than true, which is a value of its own in Elixir"),
        ("\ud800", "be valid Unicode, found half of a surrogate pair"),
    ],
)
def test_what_cannot_be_an_atom(name: str, problem: str | None) -> None:
    assert printer.atom_problem(name) == problem

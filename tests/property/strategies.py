"""Hypothesis strategies for terms, and the judges that say what printed terms mean."""

from __future__ import annotations

import base64
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from crucible_gen.ir.terms import Get, Keywords, List, Map, Module, Name, Or, Record, Symbol, Term, Timestamp
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
JUDGE = Path(__file__).with_name("judge.exs")

STRUCTS = {"point": "Judge.Point", "training_config": "Judge.Training.ConfigurationWithAVeryLongName"}
CLASSES = {"point": "Point", "training_config": "TrainingConfigurationWithAVeryLongName"}
RECORD_FIELDS = ("a", "b", "ok?", "learning_rate", "foo bar", "options")
PYTHON_FIELDS = ("a", "b", "learning_rate", "options")

_PIECES = """
    " ' \\ \"\"\" \'\'\' #{ # { } é ß e\u0301 \u0301 日本 한국어 ᄒ ก็ नमस्ते ကျွန်ုပ် שלום 😀 👍🏽 🇩🇪 ~U[ ${x} %s -- */
    <%=x%> \0 \x7f \u200b \u202e \u2066 \ufeff \ufe0f \U000e0041 \ue000 👨\u200d👩\u200d👧 ❤\ufe0f
"""
_AWKWARD = [*_PIECES.split(), " ", "\n", "\r\n", "\t", "\x1b", "\x85", "\xa0", "\u2028"]

_ODD_WORDS = r"""
    qwen3.5 meta-llama/Llama-3.1-8B Foo foo@bar ok? run! foo?bar a!b @ @a 9lives _ é größe Ŀ ŉ ß? 日本 ключ nil true do
    end fn when + .. ..// -> => :: <<>> %{} {} && >= ! \ \\ " #{x} a"b 😀 a😀 😀? Elixir Elixir.Foo . $ a+b 𝓍
"""
_ODD_NAMES = [*_ODD_WORDS.split(), "", " ", "foo bar", "日本 語", "a\nb", "\0", "\u202e", "a\u0301"]

plain_characters = st.sampled_from("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789_-./ ")
characters = st.characters(exclude_categories=["Cs"])
short_texts = st.lists(st.one_of(plain_characters, st.sampled_from(_AWKWARD), characters), max_size=6).map("".join)
long_texts = st.lists(st.one_of(st.text("abcdefghij ", min_size=5, max_size=30), short_texts), max_size=8).map("".join)
exact_texts = st.integers(0, 110).map(lambda size: "x" * size)
lines_of_text = st.lists(
    st.one_of(
        st.text("abc defgh", max_size=60),
        short_texts,
        st.just(""),
        st.lists(st.sampled_from(["word", "longer", "a", '"quoted"', "#{x}"]), max_size=30).map(" ".join),
    ),
    min_size=1,
    max_size=6,
)
many_lines = st.builds(
    lambda lines, end: "\n".join(lines) + end, lines_of_text, st.sampled_from(["", "", "\n", " ", "\n\n"])
)
texts = st.one_of(short_texts, long_texts, exact_texts, many_lines)

words = st.from_regex(r"[a-z][a-z0-9_]{0,14}", fullmatch=True)
exact_words = st.integers(1, 100).map(lambda size: "k" * size)
odd_names = st.sampled_from(_ODD_NAMES)
atom_names = st.one_of(words, words, exact_words, odd_names, short_texts)
symbols = atom_names.map(lambda name: Symbol(f"{name}_" if name in ("nil", "true", "false") else name))
modules = st.sampled_from(
    ["CrucibleTrain.Stages.SupervisedTrain", "Foo", "Foo.bar", "Elixir.Foo", "É.A", "A b", "A.", "Config.X"]
).map(Module)
timestamps = st.sampled_from(["2025-12-26T00:00:00Z", "1999-01-31T23:59:59.123456Z", "2024-02-29T12:00:00.5Z"]).map(
    Timestamp
)
integers = st.one_of(
    st.integers(-1000, 1000), st.integers(), st.sampled_from([99_999, 100_000, -100_000, 2**53, 2**64, -(10**40)])
)
floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(lambda digits, power: float(f"{digits}e{power}"), st.integers(-9999, 9999), st.integers(-320, 300)),
    st.sampled_from(
        [0.0, -0.0, 1.0e-4, 2.0e-4, 0.001, 0.95, 1.0e-8, 123456.0, 1e5, 1e6, 1e16, 5e-324, 1.7976931348623157e308]
    ),
)
scalars: st.SearchStrategy[Term] = st.one_of(
    st.none(), st.booleans(), integers, floats, texts, texts, symbols, modules, timestamps
)


def entries(keys: st.SearchStrategy[str], values: st.SearchStrategy[Term], size: int) -> st.SearchStrategy[Any]:
    """Entries of a map with keys that differ."""
    return st.lists(st.tuples(keys, values), max_size=size).map(lambda found: tuple(dict(found).items()))


def containers(fields: tuple[str, ...]) -> Callable[[st.SearchStrategy[Term]], st.SearchStrategy[Term]]:
    """Values to containers of such values; records have these fields."""

    def around(values: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        record_fields = entries(st.sampled_from(fields), values, 5)
        return st.one_of(
            st.lists(values, max_size=8).map(lambda items: List(tuple(items))),
            entries(atom_names, values, 6).map(lambda found: Map(found)),
            entries(texts, values, 5).map(lambda found: Map(found, symbols=False)),
            entries(atom_names, values, 5).map(Keywords),
            st.builds(Record, st.sampled_from(sorted(STRUCTS)), record_fields),
        )

    return around


@st.composite
def terms(draw: st.DrawFn, fields: tuple[str, ...] = RECORD_FIELDS) -> Term:
    """Terms that are values: scalars and nested containers."""
    return draw(_values(fields))


@cache
def _values(fields: tuple[str, ...]) -> st.SearchStrategy[Term]:
    nested = st.recursive(scalars, containers(fields), max_leaves=25)
    return st.one_of(scalars, containers(fields)(nested), containers(fields)(nested))


variables = st.sampled_from(
    [("none",), ("zero",), ("no",), ("yes",), ("text",), ("id",), ("model_ref", "none"), ("list",)]
).map(lambda path: Name("training_config", path))
defaults = st.one_of(scalars.map(lambda value: 0 if value is None else value), containers(RECORD_FIELDS)(scalars))


@st.composite
def programs(draw: st.DrawFn) -> Term:
    """Terms that read names."""
    return draw(_programs())


@cache
def _programs() -> st.SearchStrategy[Term]:
    maps = st.sampled_from([Name("options"), Name("options"), Name("training_config", ("none",))])
    option = st.builds(Get, maps, st.one_of(st.sampled_from(["known", "none"]), words), st.none() | defaults)
    reads: st.SearchStrategy[Term] = st.one_of(variables, st.builds(Or, variables, defaults), option)
    around = containers(PYTHON_FIELDS)
    values = around(st.one_of(reads, reads, scalars))
    return st.one_of(reads, values, around(values))


def examples(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """A batch of examples, the same in each run; twenty times as many in the profile `thorough`."""
    found: list[Any] = []

    @settings(
        max_examples=count * (20 if THOROUGH else 1),
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def complete(term: Term) -> Term:
    """A value with every field of its records, as JSON wants it."""
    match term:
        case Record(type_, fields):
            every = dict.fromkeys(RECORD_FIELDS) | {key: complete(value) for key, value in fields}
            return Record(type_, tuple(every.items()))
        case List(items):
            return List(tuple(complete(item) for item in items))
        case Keywords(found):
            return Keywords(tuple((key, complete(value)) for key, value in found))
        case Map(found, is_symbols):
            return Map(tuple((key, complete(value)) for key, value in found), is_symbols)
    return term


def plain(term: Term) -> object:
    """A value as Python has it; a record is its type and its fields."""
    match term:
        case Symbol(text) | Module(text) | Timestamp(text):
            return text
        case List(items):
            return [plain(item) for item in items]
        case Keywords(()):
            return []
        case Record(type_, fields):
            return type_, {key: plain(value) for key, value in fields}
        case Keywords(found) | Map(found):
            return {key: plain(value) for key, value in found}
    return term


def ask_elixir(cases: Iterable[tuple[str, str]], directory: Path) -> list[str]:
    """Pairs of kind and source to what `judge.exs` answers, with one start of Elixir; fails where there is none."""
    elixir = shutil.which("elixir")
    assert elixir is not None, "these tests need Elixir: install it, or deselect them with -m 'not elixir'"
    asked, answered = directory / "cases", directory / "answers"
    lines = [f"{kind}\t{base64.b64encode(source.encode()).decode()}\n" for kind, source in cases]
    asked.write_text("".join(lines), encoding="utf-8")
    command = [elixir, "--erl", "+fnu", str(JUDGE), str(asked), str(answered)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    answers = [base64.b64decode(line).decode() for line in answered.read_text(encoding="utf-8").splitlines()]
    assert len(answers) == len(lines)
    return answers


def shown(term: Term) -> str:
    """A value as `Judge.show/1` writes it."""
    match term:
        case None:
            return "n"
        case bool():
            return f"b{str(term).lower()}"
        case int():
            return f"i{term}"
        case float():
            return f"f{struct.pack('>d', term).hex().upper()}"
        case str():
            return f"s{_hex(term)}"
        case Symbol(name):
            return f"a{_hex(name)}"
        case Module(name):
            return f"a{_hex(f'Elixir.{name}')}"
        case Timestamp(text):
            return f"t{text}"
        case List(items):
            return f"[{','.join(map(shown, items))}]"
        case Keywords(found):
            return "[" + ",".join(f"(a{_hex(key)},{shown(value)})" for key, value in found) + "]"
        case Record(type_, fields):
            complete = dict.fromkeys(RECORD_FIELDS) | dict(fields)
            return f"ra{_hex(f'Elixir.{STRUCTS[type_]}')}{shown(Map(tuple(complete.items())))}"
        case Map(found, is_symbols):
            letter = "a" if is_symbols else "s"
            return "{" + ",".join(sorted(f"{letter}{_hex(key)}:{shown(value)}" for key, value in found)) + "}"
    raise AssertionError(f"{term!r} is not a value")


def _hex(text: str) -> str:
    return text.encode().hex().upper()

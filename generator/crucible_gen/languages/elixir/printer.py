"""Term to Elixir source, exactly as the Elixir formatter (line length 98) would leave it.

Where a template has a hole, it says the column that the hole stands at; the text's first line is not indented, the
others are. The surprising rule: a container that breaks has a newline behind its opening bracket, which the formatter
always keeps, so breaking early is safe and breaking late is not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from crucible_gen.ir import terms
from crucible_gen.ir.terms import Get, Keywords, List, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.languages import source
from crucible_gen.languages.elixir.text import (
    LINE,
    SPECIAL,
    SPECIAL_IN_DOC,
    STEP,
    WIDEST,
    Heredoc,
    code,
    graphemes,
    has_lines,
    spell,
    spell_in_name,
)
from crucible_gen.languages.layout import Bracket, Entry, Node, Page, Text

_NOTHING: Mapping[str, str] = MappingProxyType({})

_LATIN = "À-ÖØ-öø-ıĴ-ľŁ-ňŊ-ž"
"""Letters outside ASCII that identifiers may hold in every Elixir; for others the choice of quotes varies."""

GROUPED: Final = 10_000
"""The least number whose digits Credo wants in groups of three; the formatter groups them from 100_000 on."""

LONGEST_ATOM: Final = 255
_BARE = re.compile(rf"[A-Za-z_{_LATIN}][A-Za-z0-9_@{_LATIN}]*[?!]?")
_VARIABLE = re.compile(r"[a-z_][A-Za-z0-9_]*[?!]?")
_ALIAS = re.compile(r"[A-Z][A-Za-z0-9_]*(\.[A-Z][A-Za-z0-9_]*)*")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(\.\d{1,6})?Z)", re.ASCII)
_PLAIN = re.compile(r"\S+(?: \S+)*\n?|\S+(?: \S+)*\n(?:(?: *\S+(?: \S+)*)?\n)* *\S+(?: \S+)*\n?")
"""Lines without white space at their ends, of words with one space between them, and no empty ones around them."""
_QUOTED = re.compile(r'[\x00-\x20"-/:->\[-^`{-\x7f]')  # ASCII that is no part of a bare atom
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_OPERATOR = re.compile(r"[!-/:-@\[\\\]^`{-~]+")
_OPERATORS = frozenset(
    ["+", "-", "*", "/", "<", ">", "<=", ">=", "==", "!=", "&&", "||", "!", "<>", "++", "--", "|>", "=~"]
)


def text(
    term: Term,
    *,
    column: int = 0,
    indent: int | None = None,
    after: int = 0,
    structs: Mapping[str, str] = _NOTHING,
    names: Mapping[str, str] = _NOTHING,
    shadowed: Collection[str] = (),
) -> str:
    """A term to an Elixir expression that starts at `column` (0-based) of its line: a body, an argument, an element.

    `indent` is the indentation of that line (`column` where left out), `after` the number of characters that follow the
    expression, a comma say. `structs` maps record types to struct modules, `names` variables to other variables;
    `shadowed` are first segments of modules that mean something else in the file (`Config`, where a module `Config` is
    nested). Raises ValueError for what no literal can say (NaN, a malformed timestamp, a record type without a struct).
    """
    page = Page(LINE, STEP)
    page.put(_Tree(structs, names, shadowed).node(term), column, column if indent is None else indent, after)
    return page.text()


def assign(
    target: str,
    term: Term,
    *,
    column: int = 0,
    structs: Mapping[str, str] = _NOTHING,
    names: Mapping[str, str] = _NOTHING,
    shadowed: Collection[str] = (),
) -> str:
    """A variable and a term to the statement `target = term` at `column`; see `text` for the rest."""
    page = Page(LINE, STEP)
    value = _Tree(structs, names, shadowed).node(term)
    page.put(Entry(f"{target} =", len(target) + 2, " ", value, hangs=True), column, column, 0)
    return page.text()


def function(
    head: str,
    term: Term,
    *,
    column: int = 2,
    structs: Mapping[str, str] = _NOTHING,
    names: Mapping[str, str] = _NOTHING,
    shadowed: Collection[str] = (),
) -> str:
    """A head (`def name`) and a term to a function: `def name, do: term`, or with a block if that is too long."""
    body = _Tree(structs, names, shadowed).node(term)
    page = Page(LINE, STEP)
    if column + len(head) + len(", do: ") + body.width <= LINE:
        page.pieces.append(f"{head}, do: ")
        body.flat(page.pieces)
    else:
        page.pieces.append(f"{head} do")
        page.line(column + STEP)
        page.put(body, column + STEP, column + STEP, 0)
        page.line(column)
        page.pieces.append("end")
    return page.text()


def attribute(name: str, text: str, column: int = 2) -> str:
    """A name and text to a module attribute at `column`: a heredoc where it has lines or is too long for one.

    In the heredoc a backslash at the end of a line says that the text goes on without a newline.
    """
    line = f"@{name} {string(text)}"
    fits = "\n" not in text and column + graphemes(line) <= LINE
    if fits or not _PLAIN.fullmatch(text):
        return line
    page = Page(LINE, STEP)
    page.pieces.append(f"@{name} ")
    Heredoc(text).broken(page, column, column, 0)
    return page.text()


@lru_cache(source.KEPT)
def string(text: str) -> str:
    """Text to a string literal on one line."""
    return f'"{source.escape(text, SPECIAL, spell)}"'


def atom(name: str) -> str:
    """A name to an atom literal: `:linear`, `:"foo bar"`; `nil`, `true` and `false` are what they are in Elixir."""
    if name in ("nil", "true", "false"):
        return name
    return f":{_bare_or_quoted(name)}"


def key(name: str) -> str:
    """A name to a keyword key with the space behind it: `linear: `, `"foo bar": `."""
    return f"{_bare_or_quoted(name)}: "


def alias(name: str, shadowed: Collection[str] = ()) -> str:
    """A module name to an alias, in full where its first segment is shadowed, or to `:"Elixir.a b"` if it is none."""
    first = name.partition(".")[0]
    if first == "Elixir" or not _ALIAS.fullmatch(name):
        return f":{_quoted(f'Elixir.{name}')}"
    return f"Elixir.{name}" if first in shadowed else name


def doc(text: str, column: int) -> str:
    """Text to the body of a heredoc at `column`, its first line not indented, without a newline at the end.

    Whitespace at the ends of lines and empty lines around the text are dropped.
    """
    indent = " " * column
    found = [source.escape(line, SPECIAL_IN_DOC, spell) for line in source.lines(text)]
    return "\n".join([line and (indent + line if number else line) for number, line in enumerate(found)])


def comment(text: str) -> str:
    """Text to what can stand behind `# `: one line, without characters that Elixir refuses in comments."""
    return source.comment(text, spell)


class _Tree:
    """Makes nodes of terms, with what the file calls structs and variables."""

    __slots__ = ("names", "shadowed", "structs")

    def __init__(self, structs: Mapping[str, str], names: Mapping[str, str], shadowed: Collection[str]) -> None:
        self.structs = structs
        self.names = names
        self.shadowed = shadowed

    def node(self, term: Term) -> Node:
        """A term to its node."""
        match term:
            case str():
                return _leaf(string(term))
            case None:
                return _leaf("nil")
            case True:
                return _leaf("true")
            case False:
                return _leaf("false")
            case int():
                return _leaf(source.integer(term, GROUPED))
            case float():
                return _leaf(source.floating(term, GROUPED))
            case Symbol(name):
                return _leaf(atom(name))
            case Module(name):
                return _leaf(alias(name, self.shadowed))
            case Timestamp(text):
                return _leaf(_timestamp(text))
            case Name():
                return _leaf(self.variable(term))
            case Or():
                return self.default(term)
            case Get():
                return self.get(term)
            case List(items):
                return _container("[", [self.value(item) for item in items], "]")
            case Keywords(entries):
                return _container("[", self.entries(entries), "]")
            case Record(type_, fields):
                if type_ not in self.structs:
                    raise ValueError(f"no struct is known for the record type {type_}")
                return _container(f"%{alias(self.structs[type_], self.shadowed)}{{", self.entries(fields), "}")
            case terms.Map(entries, symbols):
                return _container("%{", self.entries(entries) if symbols else self.arrows(entries), "}")

    def value(self, term: Term) -> Node:
        """A term in a container to its node: text that has lines, or is too long for one, to a heredoc."""
        return (
            Heredoc(term, WIDEST if "\n" in term.strip("\n") else LINE)
            if isinstance(term, str) and has_lines(term)
            else self.node(term)
        )

    def entries(self, entries: tuple[tuple[str, Term], ...]) -> list[Node]:
        """Entries with atoms as keys: `key: value`."""
        return [_entry(f"{_bare_or_quoted(name)}:", self.value(value)) for name, value in entries]

    def arrows(self, entries: tuple[tuple[str, Term], ...]) -> list[Node]:
        """Entries with strings as keys: `"key" => value`."""
        return [_entry(f"{string(name)} =>", self.value(value)) for name, value in entries]

    def variable(self, name: Name) -> str:
        """A variable and the fields read from it."""
        path = [step if _VARIABLE.fullmatch(step) else _quoted(step) for step in name.path]
        return ".".join([self.names.get(name.variable, name.variable), *path])

    def get(self, term: Get) -> Node:
        """`Map.get(name, :key, default)`; keywords that are the last argument of a call have no brackets."""
        found = self.variable(term.name)
        items: list[Node] = [_leaf(f"{found} || %{{}}" if term.name.path else found), _leaf(atom(term.key))]
        if isinstance(term.default, Keywords) and term.default.entries:
            items += self.entries(term.default.entries)
        elif term.default is not None:
            items.append(self.node(term.default))
        return Bracket("Map.get(", items, ")", container=False)

    def default(self, term: Or) -> Node:
        """`name || default` where false cannot be meant; elsewhere a form that replaces nil alone.

        False falls through `||`. That is right for a default of false, and a number or a text stands where no boolean
        can; a default of true must not replace false (`name != false`), and for the rest only nil counts as absent.
        """
        name = self.variable(term.name)
        default = term.default
        if default is True:
            return _Operation(name, "!=", _leaf("false"))
        if isinstance(default, int | float | str | Symbol):
            return _Operation(name, "||", self.node(default))
        test = Bracket("is_nil(", [_leaf(name)], ")", container=False)
        branches = [_entry("do:", self.node(default)), _entry("else:", _leaf(name))]
        return Bracket("if(", [test, *branches], ")", container=False)


class _Operation(Node):
    """A name, an operator and a value; the operator stays at the end of the line, the value goes one step deeper."""

    __slots__ = ("left", "right")

    def __init__(self, name: str, operator: str, right: Node) -> None:
        self.left = f"{name} {operator}"
        self.right = right
        self.width = len(self.left) + 1 + right.width

    def flat(self, pieces: list[str]) -> None:
        """Prints `name operator value`."""
        pieces.append(f"{self.left} ")
        self.right.flat(pieces)

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints the value below the name."""
        inner = indent + page.step
        page.pieces.append(self.left)
        page.line(inner)
        page.put(self.right, inner, inner, after)


class _Empty(Text):
    """An empty list or struct: behind a key the formatter takes it for a container and overlooks the comma after it."""

    __slots__ = ()

    @property
    def head(self) -> int:
        """All of it."""
        return self.width


def _leaf(text: str) -> Text:
    """Finished text to a node."""
    return Text(text, len(text) if text.isascii() else graphemes(text))


def _entry(key: str, value: Node) -> Entry:
    """A finished key, without the space behind it, and a value to a node."""
    return Entry(key, len(key) if key.isascii() else graphemes(key), " ", value, hangs=True)


def _container(opening: str, items: list[Node], closing: str) -> Node:
    """A list, map or struct; an empty one never breaks."""
    if items:
        return Bracket(opening, items, closing)
    return _leaf("%{}") if opening == "%{" else _Empty(opening + closing, len(opening) + len(closing))


def _timestamp(text: str) -> str:
    """ISO 8601 text in UTC to a sigil; raises ValueError for other text, which could be code."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a moment in UTC such as 2025-12-26T00:00:00Z")
    return f"~U[{found[1]} {found[2]}]"


@lru_cache(source.KEPT)  # recipes say the same names again and again
def atom_problem(name: str) -> str | None:
    """Why `name` cannot be an Elixir atom that stands for itself (what follows "must" in a message), or None.

    `nil`, `true` and `false` are atoms too, but as values they mean nothing, yes and no. Elixir counts the bytes of an
    atom, and its formatter those of the source, so an escape counts as the characters that it is written with.
    """
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "be valid Unicode, found half of a surrogate pair"
    if name in ("nil", "true", "false"):
        return f"be another name than {name}, which is a value of its own in Elixir"
    length = len(_bare_or_quoted(name).strip('"').encode())
    return f"have at most {LONGEST_ATOM} bytes in source, found {length}" if length > LONGEST_ATOM else None


@lru_cache(source.KEPT)
def _bare_or_quoted(name: str) -> str:
    """A name as it stands in an atom or a key: with quotes exactly where the formatter leaves them."""
    if (_BARE.fullmatch(name) and name != "Elixir") or name in _OPERATORS:
        return name
    return _quoted(name)


def _quoted(name: str) -> str:
    """A name in quotes that the formatter does not remove.

    It does where the name would be an operator or a Unicode identifier. It looks at the source, not at the value, so
    one escape keeps the quotes; not more, because it refuses atoms of more than 255 bytes of source.
    """
    if _OPERATOR.fullmatch(name):
        return f'"{code(name[0])}{source.escape(name[1:], SPECIAL, spell_in_name)}"'
    inside = source.escape(name, SPECIAL, spell_in_name)
    if not inside.isascii() and not _QUOTED.search(inside):
        inside = _FOREIGN.sub(lambda match: code(match[0]), inside, count=1)
    return f'"{inside}"'

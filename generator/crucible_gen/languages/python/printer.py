"""Term to Python source, exactly as black (line length 88) would leave it.

Where a template has a hole, it says the column that the hole stands at; the text's first line is not indented, the
others are. The surprising rule: a bracket that breaks ends in a trailing comma, which black takes as a wish to keep it
broken, so breaking early is safe and breaking late is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from crucible_gen.ir import terms
from crucible_gen.ir.terms import Get, Keywords, List, Module, Name, Or, Record, Symbol, Term, Timestamp
from crucible_gen.languages import source
from crucible_gen.languages.layout import Bracket, Entry, Node, Page, Text

LINE: Final = 88
STEP: Final = 4

_NOTHING: Mapping[str, str] = MappingProxyType({})

_SPECIAL = source.Special(r"\\")
_SPECIAL_IN_DOCSTRING = source.Special(r"\\", '"{3,}')
_SPELLED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_WIDE: Final = source.Characters("""
    231A 231C 2329 232B 23E9 23ED 23F0 23F1 23F3 23F4 25FD 25FF 2614 2616 2630 2638 2648 2654 267F 2680 268A 2690
    2693 2694 26A1 26A2 26AA 26AC 26BD 26BF 26C4 26C6 26CE 26CF 26D4 26D5 26EA 26EB 26F2 26F4 26F5 26F6 26FA 26FB
    26FD 26FE 2705 2706 270A 270C 2728 2729 274C 274D 274E 274F 2753 2756 2757 2758 2795 2798 27B0 27B1 27BF 27C0
    2B1B 2B1D 2B50 2B51 2B55 2B56 2E80 302A 3030 303F 3041 3097 309B 3248 3250 A4C7 AC00 D7A4 F900 FB00 FE10 FE1A
    FE30 FE6C FF01 FF61 FFE0 FFE7 16FE0 16FE4 16FF2 18DF3 1AFF0 1B2FC 1D300 1D377 1F004 1F005 1F0CF 1F0D0 1F18E
    1F18F 1F191 1F19B 1F200 1F321 1F32D 1F336 1F337 1F37D 1F37E 1F394 1F3A0 1F3CB 1F3CF 1F3D4 1F3E0 1F3F1 1F3F4
    1F3F5 1F3F8 1F3FB 1F400 1F43F 1F440 1F441 1F442 1F4FD 1F4FF 1F53E 1F54B 1F54F 1F550 1F568 1F57A 1F57B 1F595
    1F597 1F5A4 1F5A5 1F5FB 1F650 1F680 1F6C6 1F6CC 1F6CD 1F6D0 1F6D3 1F6D5 1F6E0 1F6EB 1F6ED 1F6F4 1F6FD 1F7E0
    1F7F1 1F90C 1F93B 1F93C 1F946 1F947 1FA00 1FA70 1FAF9 20000 3FFFE
""")
"""Those that take two columns in Unicode 17."""


def text(
    term: Term,
    *,
    column: int = 0,
    indent: int | None = None,
    after: int = 0,
    classes: Mapping[str, str] = _NOTHING,
    names: Mapping[str, str] = _NOTHING,
) -> str:
    """A term to a Python expression inside brackets (an argument, an element) that starts at `column` (0-based).

    `indent` is the indentation of that line (`column` where left out), `after` the number of characters that follow the
    expression, a comma say. `classes` maps record types to class names, `names` variables to other variables. Raises
    ValueError for what no literal can say (NaN, a record type without a class). For a whole statement see `assign`.
    """
    page = Page(LINE, STEP)
    page.put(_Tree(classes, names).node(term), column, column if indent is None else indent, after)
    return page.text()


def assign(
    target: str,
    term: Term,
    *,
    column: int = 0,
    classes: Mapping[str, str] = _NOTHING,
    names: Mapping[str, str] = _NOTHING,
) -> str:
    """A target and a term to a statement at `column`: `target = term`, or `return term` where the target is `return`.

    What has no brackets to break is put into parentheses where it then fits; attributes are in any case.
    """
    page = Page(LINE, STEP)
    value = _Tree(classes, names).node(term)
    start = target if target == "return" else f"{target} ="
    page.pieces.append(f"{start} ")
    beside = column + len(start) + 1
    below = column + STEP
    dotted = isinstance(term, Name) and bool(term.path)
    if isinstance(value, Text) and beside + value.width > LINE and (dotted or below + value.width <= LINE):
        page.pieces.append("(")
        page.line(below)
        page.pieces.append(value.text)
        page.line(column)
        page.pieces.append(")")
    elif isinstance(value, _Operation) and beside + value.width > LINE:
        value.wrapped(page, column)
    else:
        page.put(value, beside, column, 0)
    return page.text()


@lru_cache(source.KEPT)
def string(text: str) -> str:
    """Text to a string literal on one line, in double quotes, or in single quotes where that escapes fewer."""
    inside = source.escape(text, _SPECIAL, _spell)
    if '"' not in inside:
        return f'"{inside}"'
    if inside.count('"') > inside.count("'"):
        return "'" + inside.replace("'", "\\'") + "'"
    return '"' + inside.replace('"', '\\"') + '"'


def docstring(text: str, column: int) -> str:
    """Text to a docstring at `column`, quotes included, its first line not indented.

    One line stays one line; more end with the quotes on a line of their own. Common indentation of the lines after the
    first is dropped, as black does.
    """
    found = [source.escape(line.expandtabs(), _SPECIAL_IN_DOCSTRING, _spell) for line in source.lines(text)]
    if not found:
        return '""" """'
    first, *rest = found
    first = first.lstrip()
    lead = " " if first.startswith('"') else ""
    if not rest:
        return f'"""{lead}{first}{" " if first.endswith(chr(34)) else ""}"""'
    margin = min(len(line) - len(line.lstrip()) for line in rest if line)
    indent = " " * column
    return "\n".join([f'"""{lead}{first}', *[line and indent + line[margin:] for line in rest], f'{indent}"""'])


def comment(text: str) -> str:
    """Text to what can stand behind `# `: one line, without characters that no reader sees."""
    return source.comment(text, _spell)


class _Tree:
    """Makes nodes of terms, with what the file calls classes and variables."""

    __slots__ = ("classes", "names")

    def __init__(self, classes: Mapping[str, str], names: Mapping[str, str]) -> None:
        self.classes = classes
        self.names = names

    def node(self, term: Term) -> Node:
        """A term to its node."""
        match term:
            case str():
                return _leaf(string(term))
            case None:
                return _leaf("None")
            case True:
                return _leaf("True")
            case False:
                return _leaf("False")
            case int():
                return _leaf(source.integer(term))
            case float():
                return _leaf(source.floating(term))
            case Symbol(value) | Timestamp(value):
                return _leaf(string(value))
            case Module(value):
                return _bracket("Module(", [_leaf(string(value))], ")")
            case Name():
                return _leaf(self.variable(term))
            case Or():
                return self.default(term)
            case Get(name, key, default):
                arguments = [_leaf(string(key)), *([self.node(default)] if default is not None else [])]
                if name.path:
                    return _Lookup(f"{self.variable(name)} or {{}}", arguments)
                return _bracket(f"{self.variable(name)}.get(", arguments, ")")
            case List(items):
                return _bracket("[", [self.node(item) for item in items], "]")
            case Keywords(()):
                return _leaf("[]")
            case Record(type_, fields):
                if type_ not in self.classes:
                    raise ValueError(f"no class is known for the record type {type_}")
                named = [_entry(f"{_identifier(field)}=", "", self.node(value)) for field, value in fields]
                return _bracket(f"{self.classes[type_]}(", named, ")")
            case terms.Map(entries) | Keywords(entries):
                return _bracket("{", [_entry(f"{string(key)}:", " ", self.node(value)) for key, value in entries], "}")

    def variable(self, name: Name) -> str:
        """A variable and the attributes read from it."""
        return ".".join([self.names.get(name.variable, name.variable), *[_identifier(step) for step in name.path]])

    def default(self, term: Or) -> Node:
        """`name or default` where the default is zero or false, elsewhere a form that replaces None alone.

        `or` also replaces zero and false, which is right only if the default is just that.
        """
        name = self.variable(term.name)
        default = term.default
        if isinstance(default, int) and not default:
            return _Operation([("", _leaf(name)), ("or ", self.node(default))], wraps=False)
        test = _Operation([("", _leaf(name)), ("is ", _leaf("None"))], wraps=False)
        return _Operation([("", self.node(default)), ("if ", test), ("else ", _leaf(name))], wraps=True)


class _Lookup(Bracket):
    """`(map or {}).get(...)`, whose first parentheses break too where the line would be too long with them."""

    __slots__ = ("map",)

    def __init__(self, found: str, arguments: list[Node]) -> None:
        super().__init__(f"({found}).get(", arguments, ")", comma=",")
        self.map = found

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints one argument a line, and the map on a line of its own if need be."""
        if column + len(self.opening) <= page.limit:
            super().broken(page, column, indent, after)
            return
        page.pieces.append("(")
        page.line(indent + page.step)
        page.pieces.append(self.map)
        page.line(indent)
        Bracket(").get(", self.items, self.closing, comma=self.comma).broken(page, indent, indent, after)


class _Operation(Node):
    """Operands with a word in front of each but the first, which go on lines of their own when they do not fit on one.

    A conditional then gets parentheses; `or` needs them only as a statement.
    """

    __slots__ = ("parts", "wraps")

    def __init__(self, parts: list[tuple[str, Node]], *, wraps: bool) -> None:
        self.parts = parts
        self.wraps = wraps
        self.width = sum([len(word) + node.width for word, node in parts]) + len(parts) - 1

    def flat(self, pieces: list[str]) -> None:
        """Prints the operands on one line."""
        for number, (word, node) in enumerate(self.parts):
            pieces.append(f" {word}" if number else word)
            node.flat(pieces)

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints the operands below each other."""
        if self.wraps:
            self.wrapped(page, indent)
        else:
            self.stacked(page, column, indent, after)

    def wrapped(self, page: Page, indent: int) -> None:
        """Prints the operands in parentheses."""
        inner = indent + page.step
        page.pieces.append("(")
        page.line(inner)
        if inner + self.width <= page.limit:
            self.flat(page.pieces)
        else:
            self.stacked(page, inner, inner, 0)
        page.line(indent)
        page.pieces.append(")")

    def stacked(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints one operand a line."""
        last = len(self.parts) - 1
        for number, (word, node) in enumerate(self.parts):
            if number:
                page.line(indent)
            page.pieces.append(word)
            start = indent if number else column
            page.put(node, start + len(word), indent, after if number == last else 0)


def _leaf(text: str) -> Text:
    """Finished text to a node."""
    return Text(text, len(text) if text.isascii() else columns(text))


def _entry(key: str, gap: str, value: Node) -> Node:
    """A finished key and a value to a node; black never moves a value away from its key."""
    return Entry(key, len(key) if key.isascii() else columns(key), gap, value, hangs=False)


def _bracket(opening: str, items: list[Node], closing: str) -> Node:
    """A list, dict or call; an empty one never breaks."""
    return Bracket(opening, items, closing, comma=",") if items else _leaf(opening + closing)


def columns(text: str) -> int:
    """How many columns of a terminal text takes, as black counts them: East Asian wide characters take two."""
    return sum([1 + (character in _WIDE) for character in text])


def _identifier(name: str) -> str:
    """A field name as it is; raises ValueError where Python could not read it back as one."""
    if not name.isidentifier():
        raise ValueError(f"{name!r} cannot be an attribute or an argument in Python")
    return name


def _spell(found: str) -> str:
    """Characters that cannot stand in source to their escape."""
    if found[0] == '"':
        return '\\"' * len(found)
    return _SPELLED.get(found) or _code(found)


def _code(character: str) -> str:
    """A character to its escape by number, in lower case as black wants it."""
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

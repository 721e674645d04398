"""JSON text in, a `Node` out, strictly by RFC 8259, with the line and column of every value.

YAML's parser could read most JSON, but folds lines and blanks in strings, limits keys, and knows no surrogate pairs.
The surprising rule: a number with a fraction or an exponent is a float, all others are integers and must fit 64 bits.
"""

from __future__ import annotations

import re

from crucible_gen.diagnostics import Place, Problem, Problems
from crucible_gen.documents.document import Entry, Node
from crucible_gen.documents.places import line_from, moved
from crucible_gen.documents.scalars import MAX_DEPTH, Refused, floating, integer, not_finite, shorten

_BLANKS = re.compile(r"[ \t\r\n]*").match
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?").match
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*').match
# One escape a match: a group that repeats would cost memory, or, possessive, match a half escape before Python 3.11.5.
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*').match
_ESCAPES = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORD = re.compile(r"-?[A-Za-z_][A-Za-z0-9_]*|[-+.0-9][-+.0-9A-Za-z_]*").match
_CONSTANTS: dict[str, bool | None] = {"null": None, "true": True, "false": False}
_NOT_FINITE = frozenset(("NaN", "Infinity", "-Infinity"))
_REPLACEMENT = "\ufffd"


def read_json(text: str, file: str) -> Node:
    """The text of a JSON file to its Node; a file of blanks is a Node with the value None, as in YAML.

    Raises Problems: everything that is wrong, sorted by place; after a syntax error nothing further is looked at.
    """
    reader = _Reader(text, file)
    node = reader.document()
    if reader.problems:
        raise Problems(sorted(reader.problems))
    return node


class _Reader:
    """Walks the text once; `at` is the next character, in line `line`, which begins at `start`."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.at = 0
        self.line = 1
        self.start = 0
        self.problems: list[Problem] = []

    def document(self) -> Node:
        if self.blanks() == "":
            return Node(None, Place(self.file, 1, 1))
        node = self.value(1)
        if self.blanks():
            raise self.stop("E0154", f"expected the end of the file, found {self.found()}", "a file holds one value")
        return node

    def blanks(self) -> str:
        """Passes blanks; the character after them, or the empty string at the end."""
        end = _BLANKS(self.text, self.at).end()  # type: ignore[union-attr]
        if end > self.at:
            line, column = moved(self.line, self.at - self.start + 1, self.text[self.at : end])
            self.line, self.start, self.at = line, end - column + 1, end
        return self.text[end : end + 1]

    def place(self, width: int = 1) -> Place:
        return Place(self.file, self.line, self.at - self.start + 1, width)

    def value(self, depth: int) -> Node:
        """The value that begins here."""
        character = self.text[self.at : self.at + 1]
        if character == '"':
            return Node(*self.string())
        if character == "{" or character == "[":
            place = self.place()
            if depth > MAX_DEPTH:
                raise self.stop("E0108", f"values are nested more than {MAX_DEPTH} levels deep", "nest less")
            self.at += 1
            return Node(self.object(place, depth + 1) if character == "{" else self.array(place, depth + 1), place)
        found = _NUMBER(self.text, self.at)
        word = _WORD(self.text, self.at)
        if found and word and found.end() == word.end():
            return self.number(found)
        if word and word.group() in _CONSTANTS:
            place = self.place(len(word.group()))
            self.at = word.end()
            return Node(_CONSTANTS[word.group()], place, word.group())
        return self.no_value(word.group() if word else "")

    def object(self, opened: Place, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        if self.blanks() == "}":
            self.at += 1
            return entries
        while True:
            if self.text[self.at : self.at + 1] != '"':
                raise self.no_key(opened, bool(entries))
            key, place = self.string()
            if self.blanks() != ":":
                raise self.stop("E0152", f"expected `:` after the key, found {self.found()}", "write `: ` and a value")
            self.at += 1
            self.blanks()
            node = self.value(depth)
            if key in entries:
                message = f"the key `{shorten(key)}` stands twice in this object"
                see = (("first", entries[key].key),)
                self.problems.append(Problem(place, "E0111", message, "keep one of them", see=see))
            else:
                entries[key] = Entry(place, node)
            if self.ends("}", opened):
                return entries

    def array(self, opened: Place, depth: int) -> tuple[Node, ...]:
        items: list[Node] = []
        if self.blanks() == "]":
            self.at += 1
            return ()
        while True:
            if items and self.text[self.at : self.at + 1] == "]":
                raise self.stop("E0152", "expected a value after the comma, found `]`", "remove the comma before it")
            items.append(self.value(depth))
            if self.ends("]", opened):
                return tuple(items)

    def ends(self, closer: str, opened: Place) -> bool:
        """Passes the comma or the bracket after an entry; whether it was the bracket."""
        character = self.blanks()
        if character == ",":
            self.at += 1
            self.blanks()
            return False
        if character == closer:
            self.at += 1
            return True
        opener = "{" if closer == "}" else "["
        if not character:
            raise self.unclosed(opened, opener, closer)
        hint = f"put a comma before it, or close the `{opener}`"
        message = f"expected `,` or `{closer}`, found {self.found()}"
        raise self.stop("E0152", message, hint, ("opened here", opened))

    def string(self) -> tuple[str, Place]:
        """The string that begins here, and its place."""
        begin = self.at + 1
        end = _PLAIN(self.text, begin).end()  # type: ignore[union-attr]
        while escape := _ESCAPE(self.text, end):
            end = escape.end()
        if self.text[end : end + 1] != '"':
            raise self.broken_string(end)
        place = self.place(end + 1 - self.at)
        text = self.text[begin:end]
        if "\\" in text:
            text = _ESCAPES.sub(lambda escape: self.unescaped(escape, begin), text)
        self.at = end + 1
        return text, place

    def unescaped(self, escape: re.Match[str], begin: int) -> str:
        written = escape.group()
        if len(written) == 12:
            return chr(0x10000 + ((int(written[2:6], 16) & 0x3FF) << 10) + (int(written[8:], 16) & 0x3FF))
        if len(written) == 2:
            return _LETTERS.get(written[1], written[1])
        code = int(written[2:], 16)
        if not 0xD800 <= code < 0xE000:
            return chr(code)
        place = Place(self.file, self.line, begin + escape.start() - self.start + 1, len(written))
        message = f"`{written}` is not a character, but half of a pair"
        self.problems.append(Problem(place, "E0121", message, "write both halves, or the character itself"))
        return _REPLACEMENT

    def number(self, found: re.Match[str]) -> Node:
        place = self.place(found.end() - self.at)
        self.at = found.end()
        value = floating(found[0]) if found[1] or found[2] else integer(found[0])
        return self.refused(place, value) if isinstance(value, Refused) else Node(value, place, found[0])

    def refused(self, place: Place, refused: Refused) -> Node:
        """A problem that does not end the reading, and a node in place of the value."""
        self.problems.append(Problem(place, refused.code, refused.message, refused.hint))
        return Node(None, place)

    def found(self) -> str:
        """What stands here, for a message."""
        if self.at >= len(self.text.rstrip()):
            return "the end of the file"
        return f"`{shorten(line_from(self.text, self.at), 30)}`"

    def stop(self, code: str, message: str, hint: str, *see: tuple[str, Place], width: int = 1) -> Problems:
        """What to raise where the text cannot be read further: all problems so far, and this one, here."""
        return Problems(sorted([*self.problems, Problem(self.place(width), code, message, hint, see=see)]))

    def unclosed(self, opened: Place, opener: str, closer: str) -> Problems:
        last = Problem(opened, "E0134", f"`{opener}` is never closed", f"close it with `{closer}`")
        return Problems(sorted([*self.problems, last]))

    def no_value(self, word: str) -> Node:
        """A value that is none: not finite, with a problem, so that reading goes on.

        Raises Problems: anything else.
        """
        width = len(word) or 1
        if word in _NOT_FINITE:
            place = self.place(width)
            self.at += width
            return self.refused(place, not_finite(word))
        hint = "write a string in double quotes, a number, true, false, null, [ ] or { }"
        if word.lower() in ("true", "false", "null", "none"):
            hint = f"write {'null' if word.lower() == 'none' else word.lower()}"
        elif self.text[self.at : self.at + 1] == "'":
            hint = 'write strings in double quotes: "..."'
        elif self.text.startswith(("//", "/*", "#"), self.at):
            hint = "JSON has no comments; remove it, or make the file .yaml"
        elif word[:1] in ("+", ".", "-") or word[:1].isdigit():
            hint = "write numbers as JSON does: no leading zero or plus, and digits around the point"
        found = f"`{shorten(word)}`" if word else self.found()
        raise self.stop("E0151", f"expected a JSON value, found {found}", hint, width=width)

    def no_key(self, opened: Place, after_comma: bool) -> Problems:
        character = self.text[self.at : self.at + 1]
        if not character:
            return self.unclosed(opened, "{", "}")
        if character == "}" and after_comma:
            return self.stop("E0152", "expected a key after the comma, found `}`", "remove the comma before it")
        hint = "JSON has no comments" if character in "/#" else 'write the key in double quotes: "key": value'
        return self.stop("E0153", f"expected a key in double quotes, found {self.found()}", hint)

    def broken_string(self, end: int) -> Problems:
        """What to raise for a string that cannot go on at `end`."""
        character = self.text[end : end + 1]
        if character in ("", "\n", "\r"):
            width = len(line_from(self.text, self.at))
            return self.stop("E0135", 'the quote " is never closed on its line', 'close it with "', width=width)
        self.at = end
        if character == "\\":
            written = self.text[end : end + (6 if self.text[end + 1 : end + 2] == "u" else 2)]
            hint = "write \\\\ for a backslash, and \\u with 4 hexadecimal digits"
            return self.stop("E0136", f"`{shorten(written)}` is not an escape", hint, width=2)
        name = "a tab" if character == "\t" else f"the control character U+{ord(character):04X}"
        written = "\\t" if character == "\t" else f"\\u{ord(character):04x}"
        return self.stop("E0107", f"found {name} in a string", f"write {written}")

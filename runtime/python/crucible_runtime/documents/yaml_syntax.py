# A copy of generator/crucible_gen/documents/yaml_syntax.py, made by `make structs`: change that file, not this one.
"""A syntax error of PyYAML in, a Problem out that says where, what was expected, what was found and how to mend it.

libyaml names the rule that was broken; the reader needs the mistake that broke it, and that is found in the text around
the error. The surprising rule: the place is where the mistake was made, not where the parser noticed it; an unclosed
bracket is shown where it was opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from yaml.error import Mark, MarkedYAMLError

from crucible_runtime.documents.diagnostics import Place, Problem
from crucible_runtime.documents.places import line_before, line_from, place_at
from crucible_runtime.documents.scalars import quoting, shorten

_TAB_INDENT = re.compile(r"(?m)^ *\t[ \t]*(?=[^\s#])")
_NO_SPACE = re.compile(r"([^\s:]+):(\S.*)").fullmatch
_KEY = re.compile(r" *([\w.-]+): ").match
_COMMENT = re.compile(r"[ \t]+#")
_FLOW_END = re.compile(r"[,\[\]{}]")
_MAX_KEY = 1024  # libyaml's limit for a key without `?`


def syntax_problem(error: MarkedYAMLError, text: str, file: str, inside: Mark | None) -> Problem:
    """What the error of either of PyYAML's parsers means, in the file's `text`; `inside` began the values around it."""
    at = min(error.problem_mark.index if error.problem_mark else 0, len(text))
    since = min(error.context_mark.index if error.context_mark else at, len(text))
    mistake = _Mistake(text, file, at, since, error.context or "", error.problem or "", inside)
    for phrases, explain in _EXPLANATIONS:
        if any(phrase in mistake.problem or phrase in mistake.context for phrase in phrases):
            return explain(mistake)
    return mistake.report("E0143", f"this is not YAML: {mistake.problem}", "")


class _Mistake(NamedTuple):
    """What a parser says: an error at offset `at`, in something that began at offset `since`."""

    text: str
    file: str
    at: int
    since: int
    context: str
    problem: str
    inside: Mark | None

    def place(self, offset: int, width: int = 1) -> Place:
        return place_at(self.text, offset, self.file, width)

    def report(
        self,
        code: str,
        message: str,
        hint: str,
        *,
        at: int | None = None,
        width: int = 1,
        see: tuple[str, int] | None = None,
    ) -> Problem:
        """A Problem at offset `at`, or at the error; `see` is another offset that matters, and why."""
        where = self.place(self.at if at is None else at, width)
        return Problem(where, code, message, hint, see=((see[0], self.place(see[1])),) if see else ())

    def at_end(self) -> bool:
        return self.at >= len(self.text.rstrip())

    def character(self, offset: int | None = None) -> str:
        offset = self.at if offset is None else offset
        return self.text[offset : offset + 1]

    def found(self) -> str:
        """What stands at the error, for a message."""
        if self.at_end():
            return "the end of the file"
        rest = line_from(self.text, self.at)
        return f"`{shorten(rest, 30)}`" if rest else "the end of the line"

    def value(self, offset: int) -> str:
        """What stands from `offset` to the end of that line, or of that value where brackets are around it."""
        written = _COMMENT.split(line_from(self.text, offset), 1)[0]
        if self.inside and self.character(self.inside.index) in ("[", "{"):
            written = _FLOW_END.split(written, 1)[0]
        return written.strip()

    def before(self) -> str:
        """The line of the error, up to the error."""
        return line_before(self.text, self.at)

    def begins_line(self) -> bool:
        return not self.before().strip(" \t")

    def indent(self, offset: int) -> int:
        """How many characters stand before `offset` on its line."""
        return len(line_before(self.text, offset))


def _tab(mistake: _Mistake) -> Problem | None:
    """The tab that explains the error, if one does."""
    line = mistake.at - len(mistake.before())
    indents = list(_TAB_INDENT.finditer(mistake.text.replace("\r", "\n"), line))
    if indents and indents[0].start() == line:
        first = mistake.text.index("\t", line)
        others = [mistake.place(mistake.text.index("\t", indent.start())) for indent in indents[1:4]]
        more = f", here and on {len(indents) - 1} more lines" if indents[1:] else ""
        return Problem(
            mistake.place(first),
            "E0131",
            f"expected spaces as indentation, found a tab{more}",
            "replace each tab with two spaces",
            see=tuple(("another tab", place) for place in others),
        )
    if mistake.character() == "\t":
        return mistake.report("E0131", "expected a space, found a tab", "replace the tab with a space")
    return None


def _cannot_start(mistake: _Mistake) -> Problem:
    if tab := _tab(mistake):
        return tab
    character = mistake.character()
    if character in ("|", ">"):
        hint = "write the text in quotes, or take it out of the brackets"
        return mistake.report("E0137", f"`{character}` cannot begin a value inside [ ] or {{ }}", hint)
    name = "a backtick" if character == "`" else f"`{character}`"
    hint = quoting("the value", mistake.value(mistake.at))
    return mistake.report("E0137", f"an unquoted value cannot begin with {name}", hint)


def _stray_colon(mistake: _Mistake) -> Problem:
    if tab := _tab(mistake):
        return tab
    before = mistake.before()
    key, colon, value = (before + line_from(mistake.text, mistake.at)).partition(": ")
    indent = len(key) - len(key.lstrip(" "))
    key, value = re.sub(r"^ *(?:- +)*", "", key).rstrip(), value.strip()
    if colon and before.rstrip(" \t").find(": ") >= 0:
        if value[:1] in ("'", '"'):
            message = "expected the end of the line after the closing quote, found `:`"
            return mistake.report("E0133", message, "quote all of the value")
        message = f"the value of `{shorten(key)}` holds `: `, which would begin another key"
        begins = mistake.at - len(before) + before.index(": ") + 2
        return mistake.report("E0133", message, quoting("the value", mistake.value(begins)))
    if indent and not before.lstrip(" ").startswith("- "):
        at, width = mistake.at - len(before.lstrip(" ")), len(before.strip())
        message = f"`{shorten(before)}:` is indented by {indent}, as if it went on the value above it"
        return mistake.report("E0132", message, "indent it like the keys that it belongs to", at=at, width=width)
    return mistake.report("E0133", "expected a value, found `:`", "quote the text that holds the colon")


def _stray_item(mistake: _Mistake) -> Problem:
    hint = f"begin a line of its own with {mistake.found()}, or quote it if it is text"
    return mistake.report("E0140", "a list item cannot begin on the line of its key", hint)


def _stray_question(mistake: _Mistake) -> Problem:
    hint = quoting("it if it is text", mistake.value(mistake.at))
    return mistake.report("E0137", "an unquoted value cannot begin with `? `", hint)


def _no_colon(mistake: _Mistake) -> Problem:
    line = line_from(mistake.text, mistake.since)
    if mistake.at - mistake.since > _MAX_KEY and len(line) > _MAX_KEY:
        message = f"expected a key of at most {_MAX_KEY} characters on one line"
        return mistake.report("E0138", message, "shorten the key", at=mistake.since, width=len(line))
    if glued := _NO_SPACE(line):
        hint = f"put a space after the colon: {glued[1]}: {shorten(glued[2])}"
    elif line[:1] == "-":
        hint = f"put a space after the dash: - {shorten(line[1:])}"
    elif line[:1] in ("'", '"') and line[:1] not in line[1:]:
        hint = "close the quote on the same line"
    else:
        hint = f"write `{shorten(line)}: ` with a value, or indent the line if it goes on the value above it"
    return mistake.report(
        "E0138", f"expected `key: value`, found `{shorten(line)}`", hint, at=mistake.since, width=len(line)
    )


def _block(mistake: _Mistake) -> Problem:
    """Something that is neither the next entry of a block mapping or list nor its end."""
    if tab := _tab(mistake):
        return tab
    mapping = "mapping" in mistake.context
    entry = "a key" if mapping else "a list item, `- `,"
    if not mistake.begins_line():
        return _trailing(mistake)
    if mistake.character() in ("]", "}", ","):
        return _stray_bracket(mistake)
    if mistake.character() == ":":
        return mistake.report("E0133", "expected a key before `:`, found none", "write the key, or quote the text")
    indent, expected = mistake.indent(mistake.at), mistake.indent(mistake.since)
    see = ("the mapping begins here" if mapping else "the list begins here", mistake.since)
    if indent != expected:
        message = f"the line is indented by {indent}, which fits nothing above it; the {'keys' if mapping else 'list'}"
        message += f" around it {'are' if mapping else 'is'} indented by {expected}"
        hint = f"indent it by {expected}, or like the lines that it belongs to"
        return mistake.report("E0132", message, hint, see=see)
    hint = "indent the list below its key" if mapping else "indent the key below its `- `, or begin the line with `- `"
    return mistake.report("E0140", f"expected {entry} here, found {mistake.found()}", hint, see=see)


def _trailing(mistake: _Mistake) -> Problem:
    """Text after a value that had already ended."""
    if mistake.character() in ("]", "}", ","):
        return _stray_bracket(mistake)
    before = mistake.before().rstrip()
    last, see = before[-1:], None
    after, hint = "the value", "remove it, or quote the whole value"
    if last in ("]", "}"):
        after = f"the closing `{last}`"
    elif last in ("'", '"') and before.count(last) % 2:
        opened = mistake.text.rfind(last, 0, mistake.at - len(mistake.before()) + len(before) - 1)
        after, hint, see = (
            "the closing quote",
            "close the quote on the line where it was opened",
            ("opened here", opened),
        )
    elif last in ("'", '"'):
        after, hint = "the closing quote", "write '' for a ' in it" if last == "'" else 'write \\" for a " in it'
    message = f"expected the end of the line after {after}, found {mistake.found()}"
    return mistake.report("E0139", message, hint, see=see if see and see[1] >= 0 else None)


def _stray_bracket(mistake: _Mistake) -> Problem:
    character = mistake.character()
    if character == ",":
        return mistake.report("E0134", "`,` separates values only inside [ ] and { }", "remove it, or quote the value")
    opener = "[" if character == "]" else "{"
    return mistake.report("E0134", f"`{character}` closes nothing", f"remove it, or open it with `{opener}`")


def _flow(mistake: _Mistake) -> Problem:
    """A bracket that was opened at `since`, and something in it that is no entry."""
    opener = mistake.character(mistake.since)
    closer = "}" if opener == "{" else "]"
    line = mistake.at - len(mistake.before())
    next_key = _KEY(mistake.text, line)
    if mistake.at_end():
        return _unclosed(mistake, mistake.since)
    if next_key and mistake.since < line and mistake.character() not in ("]", "}"):
        message = f"`{opener}` is not closed before the key `{shorten(next_key[1])}`"
        see = ("the next key", next_key.start(1))
        return mistake.report("E0134", message, f"close it with `{closer}`", at=mistake.since, see=see)
    hint = f"put a comma before it, or close the `{opener}`; quote a text that holds any of [ ] {{ }} ,"
    message = f"expected `,` or `{closer}`, found {mistake.found()}"
    return mistake.report("E0134", message, hint, see=("opened here", mistake.since))


def _unclosed(mistake: _Mistake, opened: int) -> Problem:
    opener = mistake.character(opened)
    hint = f"close it with `{'}' if opener == '{' else ']'}`"
    return mistake.report("E0134", f"`{opener}` is never closed", hint, at=opened)


def _glued_colon(mistake: _Mistake) -> Problem:
    message = f"expected a space after `:`, found {mistake.found()}"
    return mistake.report("E0133", message, "put a space after the colon, or quote the text that holds it")


def _no_content(mistake: _Mistake) -> Problem:
    if tab := _tab(mistake):
        return tab
    character = mistake.character()
    if mistake.at_end() and mistake.inside and mistake.character(mistake.inside.index) in ("[", "{"):
        return _unclosed(mistake, mistake.inside.index)
    if "flow" not in mistake.context and character in ("]", "}", ","):
        return _stray_bracket(mistake)
    if character == "-" and not mistake.text.startswith("---", mistake.at):
        return mistake.report("E0140", "a `- ` item cannot stand inside [ ] or { }", "separate the values with commas")
    return mistake.report("E0134", f"expected a value, found {mistake.found()}", "write the value that is missing")


def _after_document(mistake: _Mistake) -> Problem:
    if tab := _tab(mistake):
        return tab
    if not mistake.begins_line():
        return _trailing(mistake)
    if mistake.character() in ("]", "}", ","):
        return _stray_bracket(mistake)
    first = re.search(r"(?m)^(?!---)[ ]*[^\s#%]", mistake.text.replace("\r", "\n"))
    if first and mistake.indent(first.end() - 1) > mistake.indent(mistake.at):
        hint = "give all keys of a mapping the same indentation"
        message = f"the line is indented less than the first one, by {mistake.indent(mistake.at)}"
        return mistake.report("E0132", message, hint)
    message = f"expected the end of the file, found {mistake.found()}"
    return mistake.report("E0139", message, "a file holds one value; remove the rest, or indent it")


def _quote_open(mistake: _Mistake) -> Problem:
    quote = mistake.character(mistake.since)
    width = len(line_from(mistake.text, mistake.since))
    if "document" in mistake.problem:
        message = f"the text in {quote} reaches a line that begins with --- or ..."
        return mistake.report(
            "E0135", message, f"close it with {quote}, or indent that line", at=mistake.since, width=width
        )
    hint = f"close it with {quote}"
    return mistake.report("E0135", f"the quote {quote} is never closed", hint, at=mistake.since, width=width)


def _escape(mistake: _Mistake) -> Problem:
    at = max(mistake.text.rfind("\\", mistake.since, mistake.at + 1), mistake.since)
    letter = mistake.character(at + 1)
    digits = {"x": 2, "u": 4, "U": 8}.get(letter)
    if digits is None:
        written = f"\\{letter}" if letter.isprintable() else "\\"
        hint = "write \\\\ for a backslash, or quote the text with '"
        return mistake.report("E0136", f"`{written}` is not an escape", hint, at=at, width=2)
    written = mistake.text[at : at + 2 + digits]
    if re.fullmatch(r"\\.[0-9a-fA-F]+", written) and len(written) == digits + 2:
        hint = "write the character itself, or \\U and its 8 digits"
        return mistake.report("E0121", f"`{written}` is not a character", hint, at=at, width=len(written))
    message = f"expected {digits} hexadecimal digits after `\\{letter}`, found {_printable(written[2:])}"
    return mistake.report("E0136", message, "write all digits, or \\\\ for a backslash", at=at, width=2)


def _block_text(mistake: _Mistake) -> Problem:
    if "tab" in mistake.problem:
        return mistake.report("E0131", "expected spaces as indentation, found a tab", "replace the tab with spaces")
    header = line_from(mistake.text, mistake.since)
    hint = f"begin the text on the next line; quote the value if it is text that begins with `{header[:1]}`"
    message = f"expected the end of the line after `{header[:1]}`, found {mistake.found()}"
    if "0" in header[:3]:
        message, hint = "expected an indentation from 1 to 9 after the sign, found 0", "remove the 0"
    return mistake.report("E0141", message, hint, at=mistake.since, width=len(header))


def _name(mistake: _Mistake) -> Problem:
    sign = mistake.character(mistake.since)
    kind = {"*": "an alias", "&": "an anchor"}.get(sign, "a tag")
    written = mistake.value(mistake.since)
    hint = quoting("the value if it is text", written)
    message = f"`{sign}` begins {kind}, and `{shorten(written)}` is no name of one"
    return mistake.report("E0142", message, hint, at=mistake.since, width=len(written))


def _unknown_tag(mistake: _Mistake) -> Problem:
    written = line_from(mistake.text, mistake.at).split(" ")[0]
    return mistake.report("E0116", f"the tag {shorten(written)} is not known", "remove the tag", width=len(written))


def _directive(mistake: _Mistake) -> Problem:
    line = line_from(mistake.text, mistake.at - len(mistake.before()))
    hint = "remove the line; only `%YAML 1.2` and `%TAG` are understood"
    message = f"expected a directive of YAML 1.2, found `{shorten(line)}`"
    return mistake.report("E0122", message, hint, at=mistake.at - len(mistake.before()), width=len(line))


def _printable(text: str) -> str:
    return f"`{shorten(text)}`" if text.strip() else "none"


# The first line that fits decides; the phrases are those of libyaml and of the pure Python parser.
_EXPLANATIONS: tuple[tuple[tuple[str, ...], Callable[[_Mistake], Problem]], ...] = (
    (("cannot start any token", "violates indentation"), _cannot_start),
    (("mapping values are not allowed",), _stray_colon),
    (("sequence entries are not allowed",), _stray_item),
    (("mapping keys are not allowed",), _stray_question),
    (("scanning a simple key",), _no_colon),
    (("unexpected end of stream", "unexpected document"), _quote_open),
    (("quoted scalar",), _escape),
    (("block scalar",), _block_text),
    (("scanning an anchor", "scanning an alias"), _name),
    (("undefined tag handle",), _unknown_tag),
    (("expected <document start>", "expected '<document start>'"), _after_document),
    (("a directive", "%YAML", "%TAG", "tag directive", "incompatible", "duplicate", "version"), _directive),
    (("a tag",), _name),
    (("node content",), _no_content),
    (("block mapping", "block collection", "block sequence"), _block),
    (("flow sequence", "flow mapping"), _flow),
    (("unexpected ':'",), _glued_colon),
)

"""What libyaml reads although YAML 1.2 refuses it, or reads as another value: each is a problem with its place.

`suspicious` looks at the text for the few shapes that this concerns, and almost no file has one; `differences` walks the
tokens of a file that does. One document that YAML 1.2 refuses is accepted: a closing bracket may be indented like the
key that its collection belongs to, as every reader in use has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError
from yaml.tokens import (
    AliasToken,
    AnchorToken,
    BlockEndToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    KeyToken,
    ScalarToken,
    StreamEndToken,
)

from crucible_gen.diagnostics import Problem
from crucible_gen.documents.places import line_before, line_from, place_at
from crucible_gen.documents.scalars import quoting, shorten

# Each begins with one character, which a search skips to; what must stand before it is looked at afterwards. They are
# compiled when they are first needed.
_GLUED_COMMENT = r"#(?<=[^\s#]#)"
_GLUED_QUESTION = r"\?(?<=[\s\[{,:]\?)\S"
_LONE_DASH = r"-(?<=[\s\[{,:]-)(?=\s*[,\]}])"
_ANCHOR = r"&[\w-]*[?:%@`]"
_ALIAS = r"\*[\w-]*[?:%@`]"
_BLANK_LINE = r"\n +[\r\n]|\r +[\r\n]"

_BLOCK_HEADER = re.compile(r"[|>]([-+0-9]*)").match
_LINE = re.compile(r"\r\n|\r|\n")
_FLOW_STARTS = (FlowMappingStartToken, FlowSequenceStartToken)
_FLOW_ENDS = (FlowMappingEndToken, FlowSequenceEndToken)
_BLOCK_STARTS = (BlockMappingStartToken, BlockSequenceStartToken)


def suspicious(text: str) -> bool:
    """Whether the text has a shape that libyaml may read otherwise than YAML 1.2, apart from values of several lines."""
    return bool(
        ("#" in text and re.search(_GLUED_COMMENT, text))
        or ("?" in text and re.search(_GLUED_QUESTION, text))
        or ("-" in text and re.search(_LONE_DASH, text))
        or ("&" in text and re.search(_ANCHOR, text))
        or ("*" in text and re.search(_ALIAS, text))
        or ((" \n" in text or " \r" in text) and re.search(_BLANK_LINE, text))
    )


def differences(parsed: str, text: str, file: str) -> list[Problem]:
    """Every place of a file where libyaml and YAML 1.2 differ; `parsed` is what libyaml was given for `text`.

    Its first document is one that libyaml can read.
    """
    found: list[Problem] = []
    with suppress(MarkedYAMLError):  # in a document after the first, which is a problem already
        found.extend(_Walk(parsed, text, file).problems())
    return found


def comment_at(text: str) -> int | None:
    """Where the first comment of a YAML text begins, or None; of a text that is no YAML, of what comes before the error."""
    if "#" not in text:
        return None
    next_token: Any = CParser(text).get_token
    passed = 0
    with suppress(MarkedYAMLError):
        while (token := next_token()) is not None:
            at = text.find("#", passed, token.start_mark.index)
            if at >= 0:
                return at
            passed = max(passed, token.end_mark.index)
    return None


class _Walk:
    """Walks the tokens of a text with the blocks and brackets that are open at each of them."""

    def __init__(self, parsed: str, text: str, file: str) -> None:
        self.parsed = parsed
        self.text = text
        self.file = file
        self.blocks: list[int] = []  # the indentation of each open block
        self.brackets = 0
        self.passed = 0  # where the last token ended

    def problems(self) -> Iterator[Problem]:
        next_token: Any = CParser(self.parsed).get_token
        question: Any = None
        while True:
            token = next_token()
            kind = token.__class__
            yield from self.gap(token.start_mark.index)
            if question is not None:
                yield self.question(question, token)
            question = token if kind is KeyToken and self.is_glued(token) else None
            yield from self.token(token)
            self.passed = max(self.passed, token.end_mark.index)
            if kind is StreamEndToken:
                return

    def token(self, token: Any) -> Iterator[Problem]:
        kind = token.__class__
        if kind in _BLOCK_STARTS:
            self.blocks.append(token.start_mark.column)
        elif kind is BlockEndToken:
            self.blocks.pop()
        elif self.brackets and token.end_mark.index > token.start_mark.index:
            yield from self.indentation(token.start_mark.index, closes=kind in _FLOW_ENDS)
        if kind in _FLOW_STARTS:
            self.brackets += 1
        elif kind in _FLOW_ENDS:
            self.brackets -= 1
        elif kind is AnchorToken or kind is AliasToken:
            yield from self.name(token)
        elif kind is ScalarToken:
            yield from self.scalar(token)

    def report(self, at: int, code: str, message: str, hint: str, width: int = 1) -> Problem:
        return Problem(place_at(self.text, at, self.file, width), code, message, hint)

    def gap(self, end: int) -> Iterator[Problem]:
        """What stands between two tokens is blanks and comments."""
        before = self.parsed[self.passed - 1 : self.passed]
        if self.parsed[self.passed : min(end, self.passed + 1)] == "#" and not before.isspace():
            yield self.comment(self.passed)

    def comment(self, at: int) -> Problem:
        message = f"a comment begins with a blank before its `#`, found `{shorten(line_from(self.text, at - 1))}`"
        return self.report(at, "E0124", message, "put a space before the `#`")

    def is_glued(self, token: Any) -> bool:
        """Whether a token is a `?` with text right behind it, which YAML 1.2 takes for the beginning of that text."""
        at = token.start_mark.index
        return self.brackets > 0 and self.parsed[at : at + 1] == "?" and not self.parsed[at + 1 : at + 2].isspace()

    def question(self, question: Any, after: Any) -> Problem:
        at = question.start_mark.index
        if after.__class__ is ScalarToken and after.plain:
            written = self.text[at : after.end_mark.index]
            hint = quoting("it", written)
        else:
            written, hint = "?", "put a space after the `?`, or quote it if it is text"
        return self.report(
            at, "E0137", "inside [ ] and { } an unquoted value cannot begin with `?`", hint, len(written)
        )

    def name(self, token: Any) -> Iterator[Problem]:
        """The names of anchors and aliases end with a blank or a bracket; libyaml ends them at other marks too."""
        at, end = token.start_mark.index, token.end_mark.index
        if self.parsed[end : end + 1] not in tuple("?:%@`"):
            return
        written = line_from(self.text, at)
        sign, rest = written[:1], self.text[end : end + 1]
        kind = "an anchor" if sign == "&" else "an alias"
        hint = quoting("the value if it is text", written)
        if sign == "*" and rest == ":":
            hint = f"put a space before the colon: {shorten(self.text[at:end])} :"
        message = f"expected a blank after {kind}, found `{rest}`: its name is letters, digits, `_` and `-`"
        yield self.report(at, "E0142", message, hint, end + 1 - at)

    def scalar(self, token: Any) -> Iterator[Problem]:
        at, end = token.start_mark.index, token.end_mark.index
        if token.style in ("|", ">"):
            yield from self.block_text(at)
        elif self.brackets or not token.plain:
            yield from self.later_lines(at, end, quoted=not token.plain)
        if self.brackets and token.plain and token.value == "-":
            hint = 'quote it: "-"'
            yield self.report(at, "E0137", "inside [ ] and { } a value cannot be an unquoted `-`", hint)

    def later_lines(self, at: int, end: int, *, quoted: bool) -> Iterator[Problem]:
        """The lines after the first of a text that goes over several."""
        for line in _LINE.finditer(self.parsed, at, end):
            written = self.parsed[line.end() : end].split("\n", 1)[0].split("\r", 1)[0]
            # A line of blanks is an empty one; in quotes, only where they are spaces.
            if written.strip(" ") if quoted else written.strip():
                first = line.end() + len(written) - len(written.lstrip(" \t"))
                yield from self.indentation(first)

    def indentation(self, at: int, *, closes: bool = False) -> Iterator[Problem]:
        """What begins a line within brackets or quotes is indented more than the block around them."""
        before = line_before(self.parsed, at)
        if before.strip():
            return
        around = self.blocks[-1] if self.blocks else -1
        spaces = len(before) - len(before.lstrip(" "))
        if spaces > around or (closes and spaces == around):
            return
        if "\t" in before:
            message = "expected spaces as indentation, found a tab"
            yield self.report(at - len(before) + spaces, "E0131", message, "replace each tab with two spaces")
            return
        message = f"the line goes on the value above it, and is indented by {spaces}"
        yield self.report(at, "E0132", message, f"indent it by at least {around + 1}")

    def block_text(self, at: int) -> Iterator[Problem]:
        """The header of a block of text, and the empty lines before its first line."""
        header = _BLOCK_HEADER(self.parsed, at)
        assert header is not None
        if self.parsed[header.end() : header.end() + 1] == "#":
            yield self.comment(header.end())
        yield from self.indentation(at)
        if any(character.isdigit() for character in header[1]):
            return
        around = self.blocks[-1] if self.blocks else -1
        longest, where = 0, 0
        for line in _LINE.finditer(self.parsed, at):
            rest = line_from(self.parsed, line.end())
            spaces = _spaces(self.parsed, line.end())
            if rest:
                if around < len(rest) - len(rest.lstrip(" ")) < longest:
                    message = "this empty line has more spaces than the first line of the text below it"
                    yield self.report(where, "E0132", message, "remove its spaces", longest)
                return
            if spaces > longest:
                longest, where = spaces, line.end()


def _spaces(text: str, at: int) -> int:
    """How many spaces stand in `text` from `at` on."""
    end = at
    while text[end : end + 1] == " ":
        end += 1
    return end - at

"""Text in, the events of libyaml out, where PyYAML was built without libyaml.

PyYAML's own parser is stricter than libyaml about tabs, `?` and tags, and more lenient about escapes and directives.
These overrides close the differences, so that a recipe means the same on every machine. They follow libyaml's rules,
and the tests compare the two on random text. It is about twenty times slower.
"""

# ruff: noqa: D102 -- the methods keep what the methods that they replace promise
# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from yaml.error import Mark
from yaml.events import ScalarEvent
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken, TagToken

_END = "\0 \t\r\n"
_BLOCK_WORD = re.compile(r"(?:[^\0 \t\r\n:]|:(?![\0 \t\r\n]))+").match
_FLOW_WORD = re.compile(r"(?:[^\0 \t\r\n:,\[\]{}]|:(?![\0 \t\r\n,?\[\]{}]))+").match
_BLANKS = re.compile(r"[ \t\r\n]*").match
_LINE_BREAK = re.compile(r"\r\n?|\n")
_DOCUMENT = re.compile(r"(?:---|\.\.\.)[\0 \t\r\n]").match
_HEADER = re.compile(r"([-+]?)([0-9]?)([-+]?)").match
_URI = r"(?:[\w;/?:@&=+$.!~*'()-]|%[0-9a-fA-F]{2})"
_TAG = re.compile(rf"!<((?:{_URI}|[,\[\]])+)>|(!(?:[\w-]*!)?)({_URI}*)", re.ASCII).match
_SURROGATE = re.compile(r"[\ud800-\udfff]").search
_BEFORE_SURROGATE = re.compile(r"(?:[^\\]|\\(?!u[dD][89a-fA-F]|U0000[dD][89a-fA-F])[\s\S])*").match
_MAX_VERSION_DIGITS = 9


class PureParser(Reader, Scanner, Parser):
    """PyYAML's pure parser, brought in line with libyaml."""

    def __init__(self, text: str) -> None:
        """A parser of `text`, before its first event."""
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        while True:
            blanks = " \t" if self.flow_level or not self.allow_simple_key else " "
            while self.peek() in blanks:
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0\r\n":
                    self.forward()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> ScalarToken:
        start = end = self.get_mark()
        chunks: list[str] = []
        between, broken = "", False
        while not (self.column == 0 and _DOCUMENT(self.buffer, self.pointer)) and self.peek() != "#":
            word = (_FLOW_WORD if self.flow_level else _BLOCK_WORD)(self.buffer, self.pointer)
            if word:
                chunks += (between, word.group())
                broken = False
                self.forward(len(word.group()))
                end = self.get_mark()
            if self.flow_level and self.peek() == ":" and self.peek(1) in ",?[]{}":
                raise ScannerError("while scanning a plain scalar", start, "found unexpected ':'", self.get_mark())
            if self.peek() not in " \t\r\n":
                break
            between, broken = self._blanks_in_plain(start)
            if not self.flow_level and self.column <= self.indent:
                break
        if broken:
            self.allow_simple_key = True
        return ScalarToken("".join(chunks), True, start, end)

    def _blanks_in_plain(self, start: Mark) -> tuple[str, bool]:
        """Passes the blanks between two words; what stands for them in the value, and whether a line ended."""
        blanks: str = _BLANKS(self.buffer, self.pointer).group()  # type: ignore[union-attr]
        breaks = 0
        for character in blanks:
            if breaks and character == "\t" and self.column <= self.indent:
                problem = "found a tab character that violates indentation"
                raise ScannerError("while scanning a plain scalar", start, problem, self.get_mark())
            self.forward()
            breaks = breaks or character in "\r\n"
        lines = len(_LINE_BREAK.findall(blanks))
        return (blanks, False) if not lines else ("\n" * (lines - 1) or " ", True)

    def scan_block_scalar_indicators(self, start_mark: Mark) -> tuple[bool | None, int | None]:
        before, digit, after = _HEADER(self.buffer, self.pointer).groups()  # type: ignore[union-attr]
        if before and after:
            after = ""
        self.forward(len(before + digit + after))
        if digit == "0":
            problem = "found an indentation indicator equal to 0"
            raise ScannerError("while scanning a block scalar", start_mark, problem, self.get_mark())
        return {"+": True, "-": False}.get(before or after), int(digit) if digit else None

    def scan_block_scalar_ignored_line(self, start_mark: Mark) -> None:
        while self.peek() in " \t":
            self.forward()
        super().scan_block_scalar_ignored_line(start_mark)

    def scan_block_scalar_indentation(self) -> Any:
        found = super().scan_block_scalar_indentation()
        self._refuse_tab()
        return found

    def scan_block_scalar_breaks(self, indent: int) -> Any:
        found = super().scan_block_scalar_breaks(indent)
        if self.column < indent:
            self._refuse_tab()
        return found

    def _refuse_tab(self) -> None:
        if self.peek() == "\t":
            problem = "found a tab character where an indentation space is expected"
            raise ScannerError("while scanning a block scalar", self.get_mark(), problem, self.get_mark())

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Mark) -> Any:
        begin, problem = self.pointer, "found invalid Unicode character escape code"
        try:
            chunks = super().scan_flow_scalar_non_spaces(double, start_mark)
        except (OverflowError, ValueError):
            raise ScannerError("while parsing a quoted scalar", start_mark, problem, self.get_mark()) from None
        if double and any(map(_SURROGATE, chunks)):
            offset = _BEFORE_SURROGATE(self.buffer, begin).end()  # type: ignore[union-attr]
            mark = Mark("", self.index - self.pointer + offset, 0, 0, None, 0)
            raise ScannerError("while parsing a quoted scalar", start_mark, problem, mark)
        return chunks

    def scan_tag(self) -> TagToken:
        start = self.get_mark()
        found = _TAG(self.buffer, self.pointer)
        if not found:
            raise ScannerError("while scanning a tag", start, "did not find the expected '>'", start)
        self.forward(len(found.group()))
        verbatim, handle, suffix = found.groups()
        if self.peek() not in _END and not (self.flow_level and self.peek() == ","):
            problem = "did not find expected whitespace or line break"
            raise ScannerError("while scanning a tag", start, problem, self.get_mark())
        if handle and handle != "!" and not suffix:
            raise ScannerError("while parsing a tag", start, "did not find expected tag URI", self.get_mark())
        if verbatim or handle == "!":
            handle, suffix = ("!", suffix) if suffix else (None, verbatim or "!")
        try:
            suffix = unquote(suffix, errors="strict")
        except UnicodeDecodeError:
            raise ScannerError("while parsing a tag", start, "found an incorrect octet", start) from None
        return TagToken((handle, suffix), start, self.get_mark())

    def parse_flow_mapping_value(self) -> Any:
        return self._before_next_token(super().parse_flow_mapping_value())

    def parse_flow_sequence_entry_mapping_value(self) -> Any:
        return self._before_next_token(super().parse_flow_sequence_entry_mapping_value())

    def _before_next_token(self, event: Any) -> Any:
        """A value that is missing stands before the token that follows, not after the colon."""
        if isinstance(event, ScalarEvent) and event.start_mark is event.end_mark:
            mark = self.peek_token().start_mark
            return ScalarEvent(None, None, event.implicit, "", mark, mark)
        return event

    def scan_directive_name(self, start_mark: Mark) -> Any:
        name = super().scan_directive_name(start_mark)
        if name not in ("YAML", "TAG"):
            problem = "found unknown directive name"
            raise ScannerError("while scanning a directive", start_mark, problem, self.get_mark())
        return name

    def scan_yaml_directive_number(self, start_mark: Mark) -> Any:
        if self.prefix(_MAX_VERSION_DIGITS + 1).isdecimal():
            problem = "found extremely long version number"
            raise ScannerError("while scanning a %YAML directive", start_mark, problem, self.get_mark())
        return super().scan_yaml_directive_number(start_mark)

    def scan_yaml_directive_value(self, start_mark: Mark) -> Any:
        version = super().scan_yaml_directive_value(start_mark)
        if version not in ((1, 1), (1, 2)):
            raise ScannerError(None, None, "found incompatible YAML document", start_mark)
        return version

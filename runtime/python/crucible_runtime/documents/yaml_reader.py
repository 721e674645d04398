# A copy of generator/crucible_gen/documents/yaml_reader.py, made by `make structs`: change that file, not this one.
"""YAML text in, a `Node` out: PyYAML's events composed into values with places, under the core schema of YAML 1.2.

libyaml finds the events; what they mean is decided here. The surprising rules: a mapping's keys are text and stand
once; `<<` merges mappings, and keys of one's own win; an alias stands where its anchor was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from crucible_runtime.documents.diagnostics import Place, Problem, Problems, did_you_mean
from crucible_runtime.documents.document import Entry, Node
from crucible_runtime.documents.places import line_before, line_from, moved, place_at
from crucible_runtime.documents.scalars import (
    MAX_DEPTH,
    SCALAR_TAGS,
    Refused,
    Scalar,
    plain_scalar,
    quoting,
    shorten,
    tagged_scalar,
)
from crucible_runtime.documents.yaml_strict import differences, suspicious

MAX_ALIASED = 1_000_000
"""More nodes than this may not come from aliases: a few lines could otherwise stand for billions."""

MAX_NAMES = 100
"""With more anchors than this, a wrong alias gets no suggestion: comparing all with all would take minutes."""

# Said by what is forbidden: a class that reaches to the end of Unicode costs milliseconds to compile.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]").search
# PyYAML ends a line at these, as YAML 1.1 did; in YAML 1.2 they are characters like any other.
_OLD_BREAKS = "\x85\u2028\u2029"
_ESCAPE = re.compile(r"\\[uU]([0-9a-fA-F]{4})([0-9a-fA-F]{4})?").finditer
_PROPERTIES = re.compile(r"(?:(?:&[\w-]+|!<[^>\s]*>|![^\s,\[\]{}]*)(?:\s+(?:#[^\r\n]*\s*)*)?)*").match
_TAG = re.compile(r"!(?:<[^>\s]*>|[^\s,\[\]{}]*)").search
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*").match
_COLLECTION_TAGS = {
    MappingStartEvent: (None, "!", "tag:yaml.org,2002:map"),
    SequenceStartEvent: (None, "!", "tag:yaml.org,2002:seq"),
}
_TAG_PREFIX = "tag:yaml.org,2002:"
_TOO_DEEP = "exceeded maximum nesting depth"
"""What libyaml says at a depth of its own, which some releases have."""
_KNOWN_TAGS = {*SCALAR_TAGS, *(tag for tags in _COLLECTION_TAGS.values() for tag in tags)}


def read_yaml(text: str, file: str) -> Node:
    """The text of a YAML file to its Node.

    Raises Problems: everything that is wrong, sorted by place; after a syntax error nothing further is looked at.
    """
    if bad := _FORBIDDEN(text):
        raise Problems([_forbidden(text, bad.start(), file)])
    text_for_parser, restore = (text, None) if text.isascii() else _hide_old_breaks(text)
    if text.endswith(" ") and text.rstrip(" ")[-1:] in ("\n", "\r"):
        text_for_parser += "\n"  # without it, libyaml drops the last line of a block of text that is all spaces
    composer = _Composer(_events(text_for_parser), text, file, restore)
    try:
        try:
            node = composer.document()
        except MarkedYAMLError as error:
            if error.problem != _TOO_DEEP or error.problem_mark is None:
                raise
            # libyaml reads ahead of its events: what comes before its own limit is enough to reach ours.
            composer = _Composer(_events(text_for_parser[: error.problem_mark.index]), text, file, restore)
            node = composer.document()
    except MarkedYAMLError as error:
        from crucible_runtime.documents.yaml_syntax import syntax_problem

        composer.problems.append(syntax_problem(error, text, file, composer.inside))
        node = None
    if node is not None and (composer.over_lines or suspicious(text)):
        composer.problems += differences(text_for_parser, text, file)
    if node is None or composer.problems:
        raise Problems(sorted(composer.problems))
    return node


def _events(text: str) -> Callable[[], Any]:
    return CParser(text).get_event


def _hide_old_breaks(text: str) -> tuple[str, dict[int, str] | None]:
    """`text` with stand-ins for _OLD_BREAKS, and the table that brings them back; stand-ins occur nowhere in `text`."""
    used = set(text)
    if used.isdisjoint(_OLD_BREAKS):
        return text, None
    for escape in _ESCAPE(text):
        used.update(chr(int(code, 16)) for code in (escape[1], escape.expand(r"\1\2")) if int(code, 16) < 0x110000)
    private = chain(range(0xE000, 0xF900), range(0x10000, 0x110000))
    free: Iterator[str] = (chr(code) for code in private if chr(code) not in used)
    stand_ins = dict(zip(_OLD_BREAKS, free, strict=False))
    return text.translate({ord(old): new for old, new in stand_ins.items()}), {
        ord(new): old for old, new in stand_ins.items()
    }


def _forbidden(text: str, offset: int, file: str) -> Problem:
    character = text[offset]
    name = {"\0": "a zero byte", "\ufeff": "a byte order mark inside the file"}.get(character, "a control character")
    return Problem(
        place_at(text, offset, file),
        "E0107",
        f"found {name}, U+{ord(character):04X}, which may not stand in YAML",
        f'remove it, or write it in double quotes as "\\u{ord(character):04x}"',
    )


class _Anchored(NamedTuple):
    """What an anchor names: the node, how many nodes it is, and how many levels deep."""

    node: Node
    size: int
    height: int


class _Composer:
    """Pulls the events of one document and builds its Node; `problems` are those that do not end the work."""

    def __init__(self, next_event: Callable[[], Any], text: str, file: str, restore: dict[int, str] | None) -> None:
        self.next = next_event
        self.text = text
        self.file = file
        self.restore = restore
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Anchored | None] = {}  # None: its value has not ended yet
        self.size = 0  # nodes so far, those of aliases included
        self.aliased = 0
        self.deepest = 0
        self.ended: Any = None  # the event that ended the last collection
        self.over_lines = False  # whether quotes or brackets go over several lines, or a block of text begins one
        self.inside: Any = None  # after a syntax error, where the collection around it began

    def document(self) -> Node:
        """The only document of the stream."""
        self.next()
        if self.next().__class__ is StreamEndEvent:
            return Node(None, Place(self.file, 1, 1))
        node = self.node(self.next(), 1)
        self.next()
        if (event := self.next()).__class__ is DocumentStartEvent:
            self.report(
                self.mark(event), "E0110", "expected one document, found a second one", "make it a file of its own"
            )
        return node

    def node(self, event: Any, depth: int) -> Node:
        """The node that begins with `event`, `depth` levels deep."""
        if event.__class__ is AliasEvent:
            return self.alias(event, depth)
        self.size += 1
        if event.anchor is None:
            return self.bare(event, depth)
        size, deepest = self.size, self.deepest
        self.deepest = depth - 1  # a scalar is no level
        self.anchors[event.anchor] = None
        node = self.bare(event, depth)
        self.anchors[event.anchor] = _Anchored(node, self.size - size + 1, self.deepest - depth)
        self.deepest = max(deepest, self.deepest)
        return node

    def alias(self, event: Any, depth: int) -> Node:
        """The node that an alias names; its size and depth count as if it had been written again."""
        name = event.anchor
        anchored = self.anchors.get(name)
        if anchored is None:
            place = self.mark(event, len(name) + 1)
            if name in self.anchors:
                self.report(place, "E0119", f"the alias *{name} stands inside the value that it names", "write it out")
            else:
                known = did_you_mean(name, self.anchors) if len(self.anchors) < MAX_NAMES else ""
                self.report(place, "E0118", f"expected an anchor &{name} before this alias, found none", known)
            return Node(None, place)
        self.size += anchored.size
        self.aliased += anchored.size
        if self.aliased > MAX_ALIASED:
            message = f"the aliases of this file stand for more than {MAX_ALIASED} values"
            self.stop(event, "E0109", message, "repeat less")
        self.descend(event, depth + anchored.height)
        return anchored.node

    def bare(self, event: Any, depth: int) -> Node:
        """A node, whatever its anchor."""
        kind = event.__class__
        if kind is ScalarEvent:
            place = self.scalar_place(event)
            value = self.scalar(event, place)
            return Node(value, place) if value.__class__ is str else Node(value, place, self.written(event))
        self.descend(event, depth)
        if event.tag not in _COLLECTION_TAGS[kind]:
            self.wrong_tag(event, "a mapping" if kind is MappingStartEvent else "a list")
        place = self.mark(event)
        try:
            node = Node(self.mapping(depth + 1) if kind is MappingStartEvent else self.sequence(depth + 1), place)
        except MarkedYAMLError:
            self.inside = self.inside or event.start_mark
            raise
        if event.flow_style and self.ended.end_mark.line > event.start_mark.line:
            self.over_lines = True
        return node

    def sequence(self, depth: int) -> tuple[Node, ...]:
        items = []
        while (event := self.next()).__class__ is not SequenceEndEvent:
            items.append(self.node(event, depth))
        self.ended = event
        return tuple(items)

    def mapping(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        inherited: set[str] = set()
        merge: Place | None = None
        while (event := self.next()).__class__ is not MappingEndEvent:
            if event.__class__ is ScalarEvent and event.value == "<<" and not event.style and event.tag is None:
                place = self.scalar_place(event)
                merged = self.merged(self.next(), depth)
                if merge:
                    self.duplicate("<<", place, merge, "give one `<<` a list: `<<: [*first, *second]`")
                    continue
                merge = place
                added = {name: entry for name, entry in merged.items() if name not in entries}
                entries.update(added)
                inherited.update(added)
                continue
            key, place = self.key(event, depth)
            node = self.node(self.next(), depth)
            if key is None:
                continue
            if key not in entries or key in inherited:
                entries[key] = Entry(place, node)
                inherited.discard(key)
            else:
                self.duplicate(key, place, entries[key].key, "keep one of them")
        self.ended = event
        return entries

    def merged(self, event: Any, depth: int) -> dict[str, Entry]:
        """What the value of a `<<` adds to its mapping; of a list, the first mapping that has a key gives it."""
        problems = len(self.problems)
        node = self.node(event, depth)
        entries: dict[str, Entry] = {}
        for item in node.value if isinstance(node.value, tuple) else (node,):
            if isinstance(item.value, dict):
                for name, entry in item.value.items():
                    entries.setdefault(name, entry)
            elif len(self.problems) == problems:
                message = "`<<` expects a mapping or a list of mappings"
                self.report(item.place, "E0120", message, "name the anchor of a mapping: `<<: *base`")
        return entries

    def key(self, event: Any, depth: int) -> tuple[str | None, Place]:
        """The text of a key and its place; None, with a problem, for what is no text."""
        problems = len(self.problems)
        node = self.node(event, depth)
        if isinstance(node.value, str):
            if isinstance(event, AliasEvent):  # a key stands where it is used
                return node.value, self.mark(event, len(event.anchor or "") + 1)
            return node.value, node.place
        if len(self.problems) > problems:
            return None, node.place
        if isinstance(node.value, dict | tuple):
            kind = "a mapping" if isinstance(node.value, dict) else "a list"
            hint = "quote the whole value if it is text, such as a template with {{ }}"
            self.report(node.place, "E0113", f"expected text as a key, found {kind}", hint)
        else:
            written = shorten(getattr(event, "value", ""))
            kind = {bool: "the boolean ", int: "the integer ", float: "the float "}.get(type(node.value), "")
            hint = quoting("it", event.value) if written else "write the key before the colon"
            self.report(node.place, "E0112", f"expected text as a key, found {kind}{written or 'nothing'}", hint)
        return None, node.place

    def scalar(self, event: Any, place: Place) -> Scalar:
        text: str = event.value
        if self.restore:
            text = text.translate(self.restore)
        value: Scalar | Refused = text
        if event.tag is None:
            value = text if event.style else plain_scalar(text)
        elif event.tag in SCALAR_TAGS:
            value = tagged_scalar(event.tag, text)
        elif event.tag != "!":
            self.wrong_tag(event, "a scalar")
        if isinstance(value, Refused):
            self.report(place, value.code, value.message, value.hint)
            return None
        return value

    def wrong_tag(self, event: Any, found: str) -> None:
        name = event.tag.replace(_TAG_PREFIX, "!!")
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        written = _TAG(self.text, event.start_mark.index)
        width = 1
        if written:
            line, column = moved(line, column, self.text[event.start_mark.index : written.start()])
            width = len(written.group())
        if event.tag in _KNOWN_TAGS:
            code, message = "E0117", f"the tag {name} does not fit {found}"
        else:
            code, message = "E0116", f"the tag {shorten(name)} is not known"
        self.report(
            Place(self.file, line, column, width), code, message, "remove the tag, or quote the value if `!` is text"
        )

    def scalar_place(self, event: Any) -> Place:
        """Where the text of a scalar begins, and how much of it stands on that line."""
        start, end = event.start_mark, event.end_mark
        line, column, offset = start.line + 1, start.column + 1, start.index
        if offset >= len(self.text):
            # Nothing, at the end: libyaml ends the last line also where no line break does.
            return place_at(self.text, offset, self.file)
        if (event.tag is not None or event.anchor is not None) and (event.value or event.style):
            begin = _PROPERTIES(self.text, offset).end()  # type: ignore[union-attr]
            line, column = moved(line, column, self.text[offset:begin])
            offset = begin
        if event.style and event.style in "|>":
            self.over_lines = self.over_lines or not line_before(self.text, offset).strip()
            width = len(_BLOCK_HEADER(self.text, offset).group())  # type: ignore[union-attr]
        elif end.line + 1 == line:
            width = end.index - offset
        else:
            width = len(line_from(self.text, offset))
            self.over_lines = self.over_lines or bool(event.style)
        return Place(self.file, line, column, max(width, 1))

    def written(self, event: Any) -> str:
        """How the file has a scalar that is no text, with the tag that it may have."""
        tag = f"{event.tag.replace(_TAG_PREFIX, '!!')} " if event.tag else ""
        return f"{tag}{event.value}"

    def mark(self, event: Any, width: int = 1) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1, width)

    def report(self, place: Place, code: str, message: str, hint: str, *see: tuple[str, Place]) -> None:
        self.problems.append(Problem(place, code, message, hint, see=see))

    def duplicate(self, key: str, place: Place, first: Place, hint: str) -> None:
        self.report(place, "E0111", f"the key `{shorten(key)}` stands twice in this mapping", hint, ("first", first))

    def descend(self, event: Any, depth: int) -> None:
        if depth > self.deepest:
            self.deepest = depth
            if depth > MAX_DEPTH:
                self.stop(event, "E0108", f"values are nested more than {MAX_DEPTH} levels deep", "nest less")

    def stop(self, event: Any, code: str, message: str, hint: str) -> None:
        """Ends the work with all problems so far.

        Raises Problems.
        """
        self.report(self.mark(event), code, message, hint)
        raise Problems(sorted(self.problems))

"""A small document algebra: a tree of nodes to lines of a given width.

A node knows its width on one line. `Page.put` prints it flat if that fits, and otherwise asks it to break; a bracket
that breaks puts one element on a line. Widths are computed once, when a node is made, and each text is printed once, so
the work is linear in the size of the tree. The surprising rule: a node is told how many characters follow it (`after`,
a comma say), because they must fit too.
"""

from __future__ import annotations

from collections.abc import Sequence


class Page:
    """Where nodes are printed: a line width, the indentation of one level, and the pieces of text so far."""

    __slots__ = ("limit", "pieces", "step")

    def __init__(self, limit: int, step: int) -> None:
        """Begins an empty page."""
        self.limit = limit
        self.step = step
        self.pieces: list[str] = []

    def put(self, node: Node, column: int, indent: int, after: int) -> None:
        """Prints a node that starts at `column` of a line with this indentation, with `after` characters behind it."""
        if column + node.width + after <= self.limit:
            node.flat(self.pieces)
        else:
            node.broken(self, column, indent, after)

    def line(self, indent: int) -> None:
        """Begins a new line."""
        self.pieces.append("\n" + " " * indent)

    def text(self) -> str:
        """All that was printed."""
        return "".join(self.pieces)


class Node:
    """A part of a document: its width on one line, and how it prints on one line or on several."""

    __slots__ = ("width",)

    width: int

    @property
    def head(self) -> int:
        """The width of what must fit behind a key for the node to break there; 0 if it always moves below the key."""
        return 0

    def flat(self, pieces: list[str]) -> None:
        """Prints itself on one line."""
        raise NotImplementedError

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints itself on several lines."""
        raise NotImplementedError


class Text(Node):
    """Text that is never broken."""

    __slots__ = ("text",)

    def __init__(self, text: str, width: int) -> None:
        """Takes finished text and its width."""
        self.text = text
        self.width = width

    def flat(self, pieces: list[str]) -> None:
        """Prints the text."""
        pieces.append(self.text)

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints the text, too long as it is."""
        page.pieces.append(self.text)


class Bracket(Node):
    """Elements between an opening and a closing text: all on one line, or one on each.

    `comma` is put behind the last element when the bracket breaks. A `container` stays on the line of its key.
    """

    __slots__ = ("closing", "comma", "container", "items", "opening")

    def __init__(
        self, opening: str, items: Sequence[Node], closing: str, *, comma: str = "", container: bool = True
    ) -> None:
        """Takes the opening and closing texts, in ASCII, and the elements."""
        self.opening = opening
        self.items = items
        self.closing = closing
        self.comma = comma
        self.container = container
        self.width = len(opening) + sum([item.width for item in items]) + 2 * (len(items) - 1) + len(closing)

    @property
    def head(self) -> int:
        """The width of the opening text of a container."""
        return len(self.opening) if self.container else 0

    def flat(self, pieces: list[str]) -> None:
        """Prints the elements with commas between them."""
        pieces.append(self.opening)
        for number, item in enumerate(self.items):
            if number:
                pieces.append(", ")
            item.flat(pieces)
        pieces.append(self.closing)

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints one element a line, one step deeper than the line that the bracket started on."""
        inner = indent + page.step
        last = len(self.items) - 1
        page.pieces.append(self.opening)
        for number, item in enumerate(self.items):
            comma = "," if number < last else self.comma
            page.line(inner)
            page.put(item, inner, inner, len(comma))
            page.pieces.append(comma)
        page.line(indent)
        page.pieces.append(self.closing)


class Entry(Node):
    """A key and its value: `key: value`, `key=value`.

    `gap` stands between them on one line. Where `hangs`, a value that does not fit moves to the next line, one step
    deeper, except a container whose opening fits: it breaks where it stands.
    """

    __slots__ = ("gap", "hangs", "key", "key_width", "value")

    def __init__(self, key: str, key_width: int, gap: str, value: Node, *, hangs: bool) -> None:
        """Takes a finished key, without the gap, and its width."""
        self.key = key
        self.key_width = key_width
        self.gap = gap
        self.value = value
        self.hangs = hangs
        self.width = key_width + len(gap) + value.width

    def flat(self, pieces: list[str]) -> None:
        """Prints key and value on one line."""
        pieces.append(self.key + self.gap)
        self.value.flat(pieces)

    def broken(self, page: Page, column: int, indent: int, after: int) -> None:
        """Prints the key, and its value beside it or below it."""
        start = column + self.key_width + len(self.gap)
        if self.hangs and not 0 < self.value.head <= page.limit - start:
            page.pieces.append(self.key)
            page.line(indent + page.step)
            page.put(self.value, indent + page.step, indent + page.step, after)
        else:
            page.pieces.append(self.key + self.gap)
            self.value.broken(page, start, indent, after)

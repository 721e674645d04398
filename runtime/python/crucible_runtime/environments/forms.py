"""The form in which a mathematical answer is written: what it is made of, and whether that is all that the reference has.

An expression that still has to be computed, such as `48+48/2` where the reference is `72`, is a task and not an answer,
however equal the two are. So an answer may be made only of what its reference is made of: roots where that has a root,
fractions where it is no integer, and so on. Only LaTeX of a few hundred tokens is read, so that reading takes no time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import isqrt

LONGEST = 400
"""Tokens of an answer that is read; a longer one is compared letter by letter alone."""
DEEPEST = 30
"""Parts in parts of an answer that is read."""
DIGITS = 300
"""Digits of a number that is read."""
EXPONENT = 5
"""The largest number in an exponent where the reference has no larger one."""
SIZE = 10_000
"""Digits of the numbers that computing with an answer may make."""

_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+|\\[a-zA-Z]+|\\[^a-zA-Z]|[^\s]", re.ASCII)
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_RELATIONS = (
    "=",
    "<",
    ">",
    "\\le",
    "\\leq",
    "\\ge",
    "\\geq",
    "\\ne",
    "\\neq",
    "\\in",
    "\\approx",
    "\\to",
    "\\equiv",
    ":",
)
_UNIONS = ("\\cup", "\\cap", "\\setminus")
_SIGNS = ("+", "-", "\\pm", "\\mp")
_TIMES = ("\\cdot", "\\times", "*")
_OVER = ("/", "\\div")
_OPEN = {
    "(": ")]",
    "[": ")]",
    "\\{": "\\}",
    "|": "|",
    "\\lfloor": "\\rfloor",
    "\\lceil": "\\rceil",
    "\\langle": "\\rangle",
}
_CLOSE = (")", "]", "}", "\\}", "|", "\\rfloor", "\\rceil", "\\rangle", "\\end")
_FRACTIONS = ("\\frac", "\\cfrac")


class UnreadableError(ValueError):
    """A text that is no expression which is read here."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression: its kind, its own text, and its parts."""

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()

    @property
    def tree(self) -> Iterator[Node]:
        """This part and all parts in it."""
        yield self
        for part in self.parts:
            yield from part.tree


@dataclass(frozen=True, slots=True)
class Form:
    """An expression that was read: `made_of` names its constructs, `brackets` are the outermost ones with their count."""

    node: Node
    tokens: int
    made_of: frozenset[str]
    brackets: tuple[str, int]
    value: Fraction | None = field(default=None)
    """The value of an answer that is one number: an integer, a decimal, a fraction or a mixed number."""


def read(text: str) -> Form:
    """The form of an answer; raises UnreadableError."""
    tokens = _TOKEN.findall(text)
    if not tokens or len(tokens) > LONGEST:
        raise UnreadableError(f"{len(tokens)} tokens")
    node = _Reader(tokens).whole()
    if node.kind == "list" and node.text == "\\{\\}" and len(node.parts) > 1:
        node = Node("list", "", node.parts)  # several solutions are a set, with braces or without
    brackets = (node.text, len(node.parts)) if node.kind == "list" else ("", 1)
    return Form(node, len(tokens), frozenset(_made_of(node)), brackets, _value(node))


def joined(text: str) -> str:
    """A text without its spaces, but for those that keep a command from a letter, and a number from a digit, after it."""
    kept = []
    for sign, after in pairwise([*_TOKEN.findall(text), ""]):
        command = _COMMAND.fullmatch(sign) and after[:1].isalpha()
        number = sign[-1].isdigit() and after[:1].isdigit()
        kept.append(sign + " " * bool(command or number))
    return "".join(kept)


def answers(found: Form, wanted: Form) -> bool:
    """Whether `found` is written as an answer where `wanted` is the reference: of nothing that the reference lacks."""
    allowed = set(wanted.made_of)
    if wanted.value is None or wanted.value.denominator != 1:
        decimal = any("." in part.text for part in wanted.node.tree if part.kind == "number")
        allowed |= {"fraction"} if decimal or wanted.value is not None else set()
        allowed |= {"\\pi"} if decimal and wanted.value is not None else set()
    if "sum" in allowed and any(part.kind == "symbol" for part in wanted.node.tree):
        allowed.add("power")  # a polynomial, with its brackets multiplied out or not
    return found.made_of <= allowed and _sized(found, wanted)


def computable(form: Form) -> bool:
    """Whether computing with an expression makes no numbers of more than SIZE digits, as `10^{10^{10}}` does."""
    return _size(form.node) <= SIZE


def same_commands(found: str, wanted: str) -> bool:
    """For a reference that cannot be read: whether an answer has no command and no sign that the reference lacks."""
    theirs, ours = ({each for each in _TOKEN.findall(text) if not each[0].isalnum()} for text in (found, wanted))
    return theirs <= ours and len(found) <= 4 * len(wanted)


def _sized(found: Form, wanted: Form) -> bool:
    """Whether an answer is about as large as the reference, so that computing with the two takes no time."""
    if found.value is not None:
        # No number is the answer where there is an unknown in it, or a word: 0 is not false.
        return not any(
            part.kind == "symbol" and part.text.isalpha() and part.text not in "ei" for part in wanted.node.tree
        )
    theirs, ours = ([part.text for part in form.node.tree if part.kind == "number"] for form in (found, wanted))
    longest = max(map(len, ours), default=0)
    powers, most = _powers(found.node), _powers(wanted.node)
    named, known = (Counter(part.text for part in form.node.tree if part.text[:1] == "\\") for form in (found, wanted))
    return (
        found.tokens <= 3 * wanted.tokens + 20
        and all(len(number) <= longest + 5 for number in theirs)
        and all(count <= known[name] + 1 for name, count in named.items())
        and powers[0] <= max(most[0], 1)
        and powers[1] <= max(most[1], Fraction(EXPONENT))
    )


def _powers(node: Node) -> tuple[int, Fraction]:
    """How many powers are in each other at most, and the largest number in an exponent."""
    inner = [_powers(part) for part in node.parts]
    depth: int = max((each[0] for each in inner), default=0)
    largest: Fraction = max((each[1] for each in inner), default=Fraction(0))
    if node.kind != "power":
        return depth, largest
    raised = [Fraction(part.text) for part in node.parts[1].tree if part.kind == "number"]
    return depth + 1, max([largest, *raised])


def _size(node: Node) -> float:
    """At most how many digits the parts of an expression have when they are computed; a symbol counts as one."""
    parts = list(map(_size, node.parts))
    if node.kind == "number":
        return float(len(node.text))
    if node.kind in ("power", "factorial"):
        return parts[0] * float(10 ** min(int(parts[-1]), 300))
    return max(1.0, sum(parts))


def _made_of(node: Node) -> Iterator[str]:
    """The names of the constructs in an expression. Numbers and signs are no constructs: any answer may have them."""
    match node.kind:
        case "symbol":
            yield node.text
        case "sum":
            yield "sum"
            if sum(map(_closed, node.parts)) > 1:
                yield "sum of numbers"
            if max(Counter(map(_symbolic, node.parts)).values()) > 1:
                yield "sum of like terms"
        case "product":
            if sum(map(_closed, node.parts)) > 1:
                yield "product of numbers"
        case "mixed":
            yield "fraction"
            return
        case "minus":
            if node.parts[0].kind == "minus":
                yield "minus of minus"
        case "root":
            yield "root of a square" if _is_square(node) else "root"
        case "power":
            yield "power of numbers" if all(map(_closed, node.parts)) else "power"
        case "list":
            yield f"{node.text} with {len(node.parts)}"
        case "relation" | "call":
            yield node.text
        case "fraction" | "index" | "factorial":
            yield node.kind
    for part in node.parts:
        yield from _made_of(part)


def _closed(node: Node) -> bool:
    """Whether a part has numbers alone, with no symbol, root or function in it."""
    return all(part.kind in ("number", "minus", "sum", "product", "fraction", "mixed", "power") for part in node.tree)


def _is_square(node: Node) -> bool:
    """Whether a square root is that of a square, so that it is a task."""
    value = _value(node.parts[0])
    if value is None or value < 0 or len(node.parts) > 1:
        return False
    return all(isqrt(part) ** 2 == part for part in value.as_integer_ratio())


def _symbolic(node: Node) -> str:
    """A term without its coefficient; two terms that are alike in it could be added up."""
    while node.kind == "minus":
        (node,) = node.parts
    if node.kind == "fraction" and _closed(node.parts[1]):
        return _symbolic(node.parts[0])
    parts = node.parts if node.kind == "product" else (node,)
    return repr(sorted(map(repr, (part for part in parts if not _closed(part)))))


def _value(node: Node) -> Fraction | None:
    match node.kind:
        case "number":
            return Fraction(node.text)
        case "minus":
            inner = _value(node.parts[0])
            return None if inner is None else -inner
        case "fraction" | "mixed":
            numbers = [_value(part) for part in node.parts]
            if any(number is None for number in numbers) or not numbers[-1]:
                return None
            whole, above, below = [Fraction(0), *numbers] if len(numbers) == 2 else numbers
            assert whole is not None and above is not None and below is not None
            return whole + above / below
    return None


class _Reader:
    """Reads tokens by recursive descent: relation, union, sum, product, power, atom."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        """All tokens as one expression; several with commas between them are a list without brackets."""
        items = self._items()
        if self._next is not None:
            raise UnreadableError(f"{self._next} at token {self._at}")
        return items[0] if len(items) == 1 else Node("list", "", tuple(items))

    @property
    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, wanted: str | None = None) -> str:
        sign = self._next
        if sign is None or wanted not in (None, sign):
            raise UnreadableError(f"expected {wanted or 'more'}, found {sign} at token {self._at}")
        self._at += 1
        return sign

    def _items(self) -> list[Node]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UnreadableError("too deep")
        found = [self._relation()]
        while self._next in (",", ";"):
            self._take()
            found.append(self._relation())
        self._depth -= 1
        return found

    def _relation(self) -> Node:
        return self._infix(_RELATIONS, "relation", lambda: self._infix(_UNIONS, "call", self._sum))

    def _infix(self, operators: Sequence[str], kind: str, part: Callable[[], Node]) -> Node:
        left = part()
        while self._next in operators:
            left = Node(kind, self._take(), (left, part()))
        return left

    def _sum(self) -> Node:
        terms = [self._signed()]
        while self._next in _SIGNS:
            terms.append(self._signed())
        return terms[0] if len(terms) == 1 else Node("sum", "", tuple(terms))

    def _signed(self) -> Node:
        minus = False
        sign = ""
        if self._next in _SIGNS:
            sign = self._take()
            minus = sign == "-"
        term = self._product()
        if sign.startswith("\\"):
            return Node("call", sign, (term,))
        return Node("minus", "", (term,)) if minus else term

    def _product(self) -> Node:
        factors = [self._power()]
        beside = True
        while (sign := self._next) is not None:
            if sign in _OVER:
                self._take()
                factors = [Node("fraction", "", (_product(factors), self._power()))]
            elif sign in _TIMES:
                self._take()
                factors.append(self._power())
                beside = False
            elif sign in _CLOSE or sign in (",", ";", *_SIGNS, *_RELATIONS, *_UNIONS):
                break
            else:
                following = self._power()
                mixed = beside and len(factors) == 1 and _mixed(factors[0], following)
                factors = [mixed] if mixed else [*factors, following]
        return _product(factors)

    def _power(self) -> Node:
        base = self._atom()
        while (sign := self._next) in ("^", "_", "!", "'"):
            self._take()
            if sign == "^":
                base = Node("power", "", (base, self._argument()))
            elif sign == "_":
                base = Node("index", "", (base, self._argument()))
            else:
                base = Node("factorial" if sign == "!" else "call", sign or "", (base,))
        return base

    def _atom(self) -> Node:
        sign = self._take()
        if sign[0].isascii() and (sign[0].isdigit() or sign[0] == "."):
            if len(sign) > DIGITS:
                raise UnreadableError("a number of more digits than is read")
            return Node("number", sign)
        if sign == "{":
            return self._closing("}", sign)
        if sign in _OPEN:
            return self._closing(_OPEN[sign], sign)
        if sign in _FRACTIONS:
            return Node("fraction", "", (self._argument(), self._argument()))
        if sign == "\\sqrt":
            return self._root()
        if sign == "\\begin":
            return self._environment()
        if sign.isalpha() and sign.isascii():
            return Node("symbol", sign)
        if sign[0] == "\\" and sign[1:].isalpha() and sign not in _CLOSE:
            return Node("symbol", sign)
        raise UnreadableError(f"{sign} at token {self._at}")

    def _argument(self) -> Node:
        """What a command or `^` takes: a group, or one sign; of a number its first digit alone, as in LaTeX."""
        sign = self._next
        if sign is not None and sign[0].isdigit() and len(sign) > 1:
            # Nobody means 2^1 0 by 2^10, and graders differ: it is no answer.
            raise UnreadableError(f"{sign} without braces")
        self._depth += 1
        if self._depth > DEEPEST:
            raise UnreadableError("too deep")
        found = self._atom()
        self._depth -= 1
        return found

    def _closing(self, closes: str, opened: str) -> Node:
        if opened == "|":
            raise UnreadableError("| has two meanings")
        items = self._items()
        sign = self._take()
        fits = sign in closes if len(closes) == 2 and not closes.startswith("\\") else sign == closes
        if not fits:
            raise UnreadableError(f"{sign} for {opened}")
        # Round brackets and braces of LaTeX around one expression only hold it together.
        if len(items) == 1 and (opened, sign) in (("(", ")"), ("{", "}")):
            return items[0]
        return Node("list", opened + sign, tuple(items))

    def _root(self) -> Node:
        degree = None
        if self._next == "[":
            self._take()
            degree = self._sum()
            self._take("]")
        inner = self._argument()
        return Node("root", "", (inner,) if degree is None else (inner, degree))

    def _environment(self) -> Node:
        """A matrix or cases: cells between & and \\\\."""
        name = self._braced()
        cells, rows = [self._relation()], 1
        while self._next in ("&", "\\\\"):
            rows += self._take() == "\\\\"
            cells.append(self._relation())
        self._take("\\end")
        if self._braced() != name:
            raise UnreadableError(f"\\begin{{{name}}} has another end")
        return Node("list", f"{name} of {rows}", tuple(cells))

    def _braced(self) -> str:
        self._take("{")
        letters = []
        while self._next != "}":
            letters.append(self._take())
        self._take("}")
        return "".join(letters)


def _product(factors: Sequence[Node]) -> Node:
    return factors[0] if len(factors) == 1 else Node("product", "", tuple(factors))


def _mixed(whole: Node, part: Node) -> Node | None:
    """`3\\frac{1}{2}` as one number; None where the two are no such pair."""
    if whole.kind != "number" or "." in whole.text or part.kind != "fraction":
        return None
    if any(each.kind != "number" or "." in each.text for each in part.parts):
        return None
    above, below = (int(each.text) for each in part.parts)
    return Node("mixed", "", (whole, *part.parts)) if above < below else None

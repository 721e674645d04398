"""The type of a live value in generated Elixir: a typespec without a call, a macro or anything that is no type."""

from __future__ import annotations

import re

from crucible_gen.diagnostics import did_you_mean

BUILT_IN = frozenset(
    {
        "any",
        "arity",
        "as_boolean",
        "atom",
        "binary",
        "bitstring",
        "boolean",
        "byte",
        "char",
        "charlist",
        "float",
        "fun",
        "function",
        "identifier",
        "integer",
        "iodata",
        "iolist",
        "keyword",
        "list",
        "map",
        "maybe_improper_list",
        "mfa",
        "module",
        "neg_integer",
        "no_return",
        "node",
        "non_neg_integer",
        "none",
        "nonempty_binary",
        "nonempty_bitstring",
        "nonempty_charlist",
        "nonempty_list",
        "number",
        "pid",
        "port",
        "pos_integer",
        "reference",
        "struct",
        "term",
        "timeout",
        "tuple",
    }
)
"""The types that need no module."""

_TOKEN = re.compile(
    r"\s*(?:(?P<alias>[A-Z][A-Za-z0-9_]*(?:\.[A-Z][A-Za-z0-9_]*)*)|(?P<name>[a-z_][A-Za-z0-9_]*[?!]?)"
    r"|(?P<atom>:[a-z_][A-Za-z0-9_]*[?!]?)|(?P<number>-?[0-9]+)|(?P<sign>->|=>|\.\.\.|\.\.|%\{|[\[\](){}|,.:]))"
)
_DEEPEST = 50


def problem(text: str) -> tuple[str, str] | None:
    """Why a text is no type, and the fix; None where it is one."""
    try:
        reader = _Reader(text)
        reader.type(0)
        reader.end()
    except ValueError as error:
        return f"expected a type of Elixir, found {text!r}", str(error) or "write a type such as `String.t() | nil`"
    return None


class _Reader:
    """Reads a type from its tokens; every method raises ValueError where the next tokens are no such thing."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        position, text = 0, text.rstrip(" ")
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or "\n" in found[0] or "\r" in found[0]:
                raise ValueError
            self._tokens.append((str(found.lastgroup), found[0].strip()))
            position = found.end()

    def end(self) -> None:
        """Nothing follows."""
        if self._at < len(self._tokens):
            raise ValueError

    def type(self, depth: int) -> None:
        """A type, or several with `|` between them."""
        if depth > _DEEPEST:
            raise ValueError
        self._single(depth)
        while self._take("|"):
            self._single(depth)

    def _single(self, depth: int) -> None:
        kind, text = self._next()
        match kind, text:
            case "atom", _:
                return
            case "number", _:
                if self._take("..") and self._next()[0] != "number":
                    raise ValueError
            case "name", "nil" | "true" | "false":
                return
            case "name", _:
                if text not in BUILT_IN:
                    raise ValueError(f"there is no type {text}; {did_you_mean(text, BUILT_IN)}".rstrip("; "))
                self._arguments(depth)
            case "alias", _:
                self._must(".")
                if self._next()[0] != "name":
                    raise ValueError
                self._arguments(depth)
            case "sign", "[":
                if not self._take("]"):
                    self._pairs_or_types("]", depth)
            case "sign", "{":
                if not self._take("}"):
                    self._pairs_or_types("}", depth)
            case "sign", "%{":
                if not self._take("}"):
                    self._pairs_or_types("}", depth)
            case "sign", "(":
                self._function(depth)
            case _:
                raise ValueError

    def _function(self, depth: int) -> None:
        """What follows `(`: a function, or a type in brackets."""
        if not self._take("->"):
            if self._take("..."):
                self._must("->")
            else:
                self.type(depth + 1)
                while self._take(","):
                    self.type(depth + 1)
                if self._take(")"):
                    return
                self._must("->")
        self.type(depth + 1)
        self._must(")")

    def _arguments(self, depth: int) -> None:
        self._must("(")
        if not self._take(")"):
            self.type(depth + 1)
            while self._take(","):
                self.type(depth + 1)
            self._must(")")

    def _pairs_or_types(self, closing: str, depth: int) -> None:
        """What stands in a list, a tuple or a map: types, `name: type` and `type => type`."""
        while True:
            if self._take("..."):
                pass
            elif self._is_key():
                self._at += 2
                self.type(depth + 1)
            else:
                if not self._word("optional", depth) and not self._word("required", depth):
                    self.type(depth + 1)
                if self._take("=>"):
                    self.type(depth + 1)
            if self._take(closing):
                return
            self._must(",")

    def _word(self, word: str, depth: int) -> bool:
        if self._tokens[self._at : self._at + 1] != [("name", word)]:
            return False
        self._at += 1
        self._arguments(depth)
        return True

    def _is_key(self) -> bool:
        pair = self._tokens[self._at : self._at + 2]
        return len(pair) == 2 and pair[0][0] == "name" and pair[1] == ("sign", ":")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise ValueError
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, sign: str) -> bool:
        if self._tokens[self._at : self._at + 1] == [("sign", sign)]:
            self._at += 1
            return True
        return False

    def _must(self, sign: str) -> None:
        if not self._take(sign):
            raise ValueError

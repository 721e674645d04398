"""The type of a live value in generated Python: an expression of names that a generated module has, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from crucible_gen.diagnostics import did_you_mean

ABSTRACT = frozenset({"Callable", "Iterable", "Iterator", "Mapping", "Sequence"})
"""Names that a module imports from `collections.abc` where a type needs them."""
BUILT_IN = frozenset(
    {"bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple", "type"}
)
KNOWN = frozenset({"Any", "Path", "Ports"}) | ABSTRACT | BUILT_IN
_EXAMPLE = "write a type such as `str | None` or `Mapping[str, Any]`"


def problem(text: str) -> tuple[str, str] | None:
    """Why a text is no type that a generated module can have, and the fix; None where it is one."""
    try:
        if not text.isascii() or not text.isprintable():
            raise SyntaxError
        tree = ast.parse(text, mode="eval").body
        unknown = [name for name in _names(tree, inner=False) if name not in KNOWN]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"expected a type of Python, found {text!r}", _EXAMPLE
    if not unknown:
        return None
    near = did_you_mean(unknown[0], KNOWN) or f"known: {', '.join(sorted(KNOWN))}"
    return f"a generated module has no {unknown[0]}, which the type {text!r} names", near


def names(text: str) -> set[str]:
    """The names in a type that has no problem."""
    return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}


def _names(node: ast.expr, *, inner: bool) -> Iterator[str]:
    """The names in a type; `inner` within brackets, where lists and `...` are allowed too. Raises SyntaxError."""
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Constant(value=None):
            return
        case ast.Constant(value=value) if inner and value is ...:
            return
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _names(left, inner=False)
            yield from _names(right, inner=False)
        case ast.Subscript(value=ast.Name(id=name), slice=inside):
            yield name
            for part in inside.elts if isinstance(inside, ast.Tuple) else [inside]:
                yield from _names(part, inner=True)
        case ast.List(elts=parts) if inner:
            for part in parts:
                yield from _names(part, inner=False)
        case _:
            raise SyntaxError

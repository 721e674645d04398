"""The program of the processes that `grading` starts: `[5.0, "sympy", found, wanted]` in, `true`, `false` or `late` out.

Only LaTeX is read: the other forms that math-verify knows are read by evaluating them, and the text was written by a
model.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import repeat
from typing import Any

MEMORY = 4 << 30
"""Bytes that a comparison may take; more is a wrong answer."""
DIGITS = 30
"""Digits with which two expressions are computed."""
EXACT, NEAR = 1e-20, 1e-4
"""How far apart two values are at most, of their size: the same, and what math-verify may round to the same."""
POINTS = ((0.7351, 2.3719, 1.6183, 3.1279), (1.9173, 0.4271, 2.7193, 0.8837), (-1.3719, -0.5813, -2.1397, -0.9241))
"""Values for the symbols of two expressions that are equal only if they are at each of these."""


class Late(BaseException):
    """A comparison has taken all of its time."""


def by_math_verify(found: str, wanted: str) -> bool:
    """Whether math-verify takes `found` for `wanted`."""
    from math_verify import LatexExtractionConfig, parse, verify

    kinds = [LatexExtractionConfig()]
    gold, answer = (parse(f"\\boxed{{{text}}}", kinds, parsing_timeout=None) for text in (wanted, found))
    sympy = import_module("sympy")
    left, right = (each[0] if each else None for each in (gold, answer))
    if isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr) and not _alike(sympy, left, right, NEAR):
        return False
    return bool(verify(gold, answer, timeout_seconds=None))


def by_sympy(found: str, wanted: str) -> bool:
    """Whether sympy computes the same for the two; of tuples and intervals, for each part."""
    read = import_module("latex2sympy2_extended").latex2sympy
    return _same(import_module("sympy"), read(found), read(wanted))


def _same(sympy: Any, left: Any, right: Any) -> bool:
    truths = [isinstance(each, bool | sympy.logic.boolalg.BooleanAtom) for each in (left, right)]
    if truths[0] != truths[1]:
        return False
    if left == right:
        return True
    if isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr):
        return _alike(sympy, left, right, EXACT)
    parts = [getattr(each, "args", ()) for each in (left, right)]
    same_form = type(left) is type(right) and len(parts[0]) == len(parts[1]) > 0
    return same_form and all(map(_same, repeat(sympy), *parts))


def _alike(sympy: Any, left: Any, right: Any, near: float) -> bool:
    """Whether two expressions have the same value at several points: quicker, and surer to end, than simplifying."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if len(symbols) > len(POINTS[0]):
        return bool(sympy.expand(left - right) == 0)
    compared = 0
    for point in POINTS if symbols else POINTS[:1]:
        at = dict(zip(symbols, map(sympy.Rational, map(str, point)), strict=False))
        one, other = (sympy.N(each.xreplace(at), DIGITS) for each in (left, right))
        if not (one.is_number and other.is_number and one.is_finite and other.is_finite):
            continue
        if abs(one - other) > near * max(1, abs(one), abs(other)):
            return False
        compared += 1
    return compared > 0


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises Late in the block after that time."""

    def stop(number: int, frame: object) -> None:
        raise Late

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Answers until standard input ends."""
    logging.disable(logging.CRITICAL)
    import_module("math_verify")  # so that "ready" is said after the slow part
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    methods = {"math_verify": by_math_verify, "sympy": by_sympy}
    print("ready", flush=True)
    for line in sys.stdin:
        seconds, method, found, wanted = json.loads(line)
        try:
            with limited(seconds):
                told = "true" if methods[method](found, wanted) else "false"
        except Late:
            told = "late"
        except Exception:  # noqa: BLE001 - what cannot be read or compared is not equal
            told = "false"
        print(told, flush=True)


if __name__ == "__main__":
    main()

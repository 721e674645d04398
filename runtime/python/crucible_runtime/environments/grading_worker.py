"""The program of the process that `grading` starts: it answers `["sympy", found, wanted]` with `true` or `false`.

Only LaTeX is read: the other forms that math-verify knows are read by evaluating them, and the text was written by a
model.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from importlib import import_module
from itertools import repeat
from typing import Any

MEMORY = 4 << 30
"""Bytes that a comparison may take; more is a wrong answer."""


def by_math_verify(found: str, wanted: str) -> bool:
    """Whether math-verify takes `found` for `wanted`."""
    from math_verify import LatexExtractionConfig, parse, verify

    kinds = [LatexExtractionConfig()]
    gold, answer = (parse(f"\\boxed{{{text}}}", kinds, parsing_timeout=None) for text in (wanted, found))
    return bool(verify(gold, answer, timeout_seconds=None))


def by_sympy(found: str, wanted: str) -> bool:
    """Whether the difference of the two is 0, as sympy simplifies it; of tuples and intervals, that of each part."""
    read = import_module("latex2sympy2_extended").latex2sympy
    return _same(import_module("sympy"), read(found), read(wanted))


def _same(sympy: Any, left: Any, right: Any) -> bool:
    if left == right:
        return True
    if isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr):
        return bool(sympy.simplify(left - right) == 0)
    parts = [getattr(each, "args", ()) for each in (left, right)]
    same_form = type(left) is type(right) and len(parts[0]) == len(parts[1]) > 0
    return same_form and all(map(_same, repeat(sympy), *parts))


def main() -> None:
    """Answers until standard input ends."""
    logging.disable(logging.CRITICAL)
    import_module("math_verify")  # so that "ready" is said after the slow part
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    methods = {"math_verify": by_math_verify, "sympy": by_sympy}
    print("ready", flush=True)
    for line in sys.stdin:
        method, found, wanted = json.loads(line)
        try:
            equal = methods[method](found, wanted)
        except Exception:  # noqa: BLE001 - what cannot be read or compared is not equal
            equal = False
        print("true" if equal else "false", flush=True)


if __name__ == "__main__":
    main()

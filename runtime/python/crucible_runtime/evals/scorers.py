"""How answers are scored.

The scorers are those of `TinkexCookbook.Eval.Runner`, character for character: its `String.trim/1` and
`String.downcase/1` are not Python's `strip` and `lower`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from crucible_runtime.evaluation import ScorerName

# Unicode's White_Space, which is what Elixir trims; Python's own set has U+001C to U+001F as well.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def exact_match(output: str, target: str) -> float:
    """1.0 where output and target are equal without the white space around them, else 0.0."""
    return float(output.strip(_SPACE) == target.strip(_SPACE))


def contains(output: str, target: str) -> float:
    """1.0 where the output has the target in it as it stands, white space and all, else 0.0."""
    return float(target in output)


def case_insensitive(output: str, target: str) -> float:
    """1.0 where output and target are equal in lower case, without the white space around them, else 0.0."""
    return float(_lower(output.strip(_SPACE)) == _lower(target.strip(_SPACE)))


def meaningless(scorer: str, target: str) -> str:
    """Why a target makes every answer right with a scorer; empty where it tells answers apart."""
    if scorer == "contains" and not target.strip(_SPACE):
        return f"the target {target!r} is in nearly every answer; with scorer contains a target is some text"
    return ""


def _lower(text: str) -> str:
    """Lower case letter by letter: `str.lower` on a whole text turns a sigma at a word's end into another letter."""
    return text.lower() if text.isascii() else "".join(map(str.lower, text))


SCORERS: Mapping[ScorerName, Callable[[str, str], float]] = MappingProxyType(
    {"exact_match": exact_match, "contains": contains, "case_insensitive": case_insensitive}
)


# What the runner cuts off an answer: each of these at most once, in this order, at the end.
_STOP_TOKENS = tuple(re.compile(re.escape(token) + "$") for token in ("<|eot_id|>", "<|end_of_text|>", "<|im_end|>"))


def clean(text: str) -> str:
    """An answer without the stop tokens at its end and the white space around it."""
    for token in _STOP_TOKENS:
        text = token.sub("", text)
    return text.strip(_SPACE)

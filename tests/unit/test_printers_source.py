"""What characters do is written down in source.py, so that every Python prints alike; this Python's own data judge."""

from __future__ import annotations

import re
import unicodedata

from crucible_gen.languages import source

JOINING_LETTERS = set("\u0e33\u0eb3\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


def test_marks_join_and_nothing_else_does() -> None:
    spelled = re.compile(f"[{source.INVISIBLE}]")
    assigned = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) != "Cn"]
    seen = [character for character in assigned if not spelled.match(character)]
    marks = {character for character in seen if unicodedata.category(character).startswith("M")}
    joining = {character for character in seen if source.joins(character)}
    assert marks - joining == set(), (
        "Unicode has new marks: add them to INVISIBLE, since older systems do not know them"
    )
    assert joining - marks == JOINING_LETTERS


def test_marks_that_only_later_systems_know_are_spelled_out() -> None:
    for character in "\u0cf3\u0ece\u0897\U00011f00\U0001e4ec\U00016d67":
        assert (
            source.escape(f"a{character}", source.Special(), lambda found: f"<{ord(found):x}>")
            == f"a<{ord(character):x}>"
        )

"""Lines that git leaves in a file where two changes could not be merged: never meant, whatever the file holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crucible_gen.diagnostics import Problem
from crucible_gen.documents.places import place_at

_MARKER = r"(?m)^(?:<{7}|>{7}|={7})(?= |\r?$)[^\r\n]*"
_MEANINGS = {"=": "the other version begins here", ">": "the conflict ends here"}


def conflicts(text: str, file: str) -> list[Problem]:
    """A problem for each conflict whose markers stand in the text of a file, with the places of all its markers."""
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return []
    return list(_found(text, file))


def _found(text: str, file: str) -> Iterator[Problem]:
    markers: list[re.Match[str]] = []
    for marker in re.finditer(_MARKER, text.replace("\r\n", " \n").replace("\r", "\n")):
        sign = marker[0][0]
        if sign == "<" and markers:
            yield _conflict(markers, text, file)
            markers = []
        if sign != "=" or markers:
            markers.append(marker)
        if sign == ">":
            yield _conflict(markers, text, file)
            markers = []
    if markers:
        yield _conflict(markers, text, file)


def _conflict(markers: list[re.Match[str]], text: str, file: str) -> Problem:
    first, *others = markers
    written = first[0].rstrip()
    see = tuple(
        (_MEANINGS.get(each[0][0], "another marker"), place_at(text, each.start(), file, len(each[0].rstrip())))
        for each in others
    )
    hint = "keep the lines of one version, and remove the others and the markers <<<<<<<, ======= and >>>>>>>"
    place = place_at(text, first.start(), file, len(written))
    return Problem(place, "E0123", f"found the merge-conflict marker `{written}`", hint, see=see)

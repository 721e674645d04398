"""What the `gen contracts` commands print for people: counts, and the changes between two releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from crucible_gen.conformance.contracts.changes import Change, Kind
from crucible_gen.conformance.contracts.contract import Contract

_WORDS: dict[Kind, str] = {
    "structs": "struct", "stages": "stage", "ports": "port", "behaviours": "behaviour", "classes": "class",
    "entry_points": "entry point",
}  # fmt: skip
"""The word for one of each kind."""


def counted(number: int, word: str) -> str:
    """A number with a word in singular or plural."""
    plural = f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"


def contents(contract: Contract) -> str:
    """How many structs, stages and so on a contract has."""
    counts = [(len(contract.data.get(kind, ())), word) for kind, word in _WORDS.items()]
    return ", ".join(counted(count, word) for count, word in counts if count) or "nothing"


def change_lines(
    contracts: tuple[Contract, Contract], recipes: Mapping[Change, list[str]], files: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """The changes between two contracts, those that can break what runs marked, with the recipes each concerns.

    `recipes` are the ids of recipes by change; `files` the generated files of each of these recipes.
    """
    old, new = contracts
    if not recipes:
        yield f"{old.name} and {new.name} offer the same"
        return
    breaking = sum(change.breaks for change in recipes)
    yield f"{old.name} -> {new.name}: {counted(len(recipes), 'change')}, {breaking} of them can break what runs"
    owner = None
    for change, ids in recipes.items():
        if (change.kind, change.owner) != owner:
            owner = (change.kind, change.owner)
            yield f"\n{_WORDS[change.kind]} {change.owner}"
        subject = f"{change.field} " if change.field else ""
        concerns = f"  [{', '.join(ids)}]" if ids else ""
        yield f"  {'!' if change.breaks else ' '} {subject}{change.text}{concerns}"
    if files:
        yield f"\ntouches {counted(len(files), 'recipe')}: {', '.join(files)}"
        yield from (f"  {path}" for path in sorted(path for paths in files.values() for path in paths))

"""Which recipes a problem of a fragment reaches: whoever mends it has to know what else changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from crucible_gen.diagnostics import Place, Problem

_REACHES = "this recipe extends it"
_SHOWN = 5
"""So many recipes are named; of more, the number is."""


def marked(problems: Iterable[Problem], recipe: Place) -> list[Problem]:
    """The problems of a recipe; each that is in another file says that it reaches the recipe."""
    return [
        problem if problem.place.file == recipe.file else problem._replace(see=(*problem.see, (_REACHES, recipe)))
        for problem in problems
    ]


def joined(problems: Iterable[Problem], fragments: Collection[str] = ()) -> list[Problem]:
    """The problems, each once and in order of place, with all recipes that it reaches; `fragments` are no recipes."""
    found: dict[Problem, set[Place]] = {}
    for problem in problems:
        reached = [place for why, place in problem.see if why == _REACHES and place.file not in fragments]
        bare = problem._replace(see=tuple(each for each in problem.see if each[0] != _REACHES))
        found.setdefault(bare, set()).update(reached)
    return sorted(_told(problem, sorted(reached)) for problem, reached in found.items())


def _told(problem: Problem, reached: Sequence[Place]) -> Problem:
    if not reached:
        return problem
    count = f" (in {len(reached)} recipes)" if len(reached) > 1 else ""
    see = (*problem.see, *((_REACHES, place) for place in reached[:_SHOWN]))
    return problem._replace(message=f"{problem.message}{count}", see=see)

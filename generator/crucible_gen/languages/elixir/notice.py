"""What a run of `gen` says of recipes whose stages have known defects in released Elixir packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crucible_gen.ir import defects

_NAMED = 10
"""So many recipes are named; `gen verify` names them all."""


def text(stopped: Mapping[str, Sequence[str]]) -> str:
    """Recipes by id, each with the defects that stop its pipeline, as one line; empty where there are none."""
    if not stopped:
        return ""
    ids = sorted({id_ for found in stopped.values() for id_ in found})
    recipes = sorted(stopped)
    shown = ", ".join(recipes[:_NAMED]) + (f" and {len(recipes) - _NAMED} more" if len(recipes) > _NAMED else "")
    packages = ", ".join(sorted({defects.defects()[id_].package for id_ in ids}))
    return (
        f"note: in Elixir, run/3 runs stand-ins for stages of {shown}: known defects of {packages}, {', '.join(ids)}; "
        f"gen explain {ids[0]} tells more"
    )

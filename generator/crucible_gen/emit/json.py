"""An experiment in, its canonical JSON out: `ir/<recipe>.json`, every field, sorted keys, indented for reviewers."""

from __future__ import annotations

from collections.abc import Iterable

from crucible_gen.emit.templates import Templates
from crucible_gen.lower import Experiment, concrete
from crucible_gen.printers import json
from crucible_gen.schema import Schemas


class Json:
    """The target `ir`; it has no files that recipes share."""

    def __init__(self, schemas: Schemas, templates: Templates) -> None:
        """JSON needs no templates."""
        self._schemas = schemas

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[tuple[str, str]]:
        """The experiment that both languages build when the caller supplies nothing."""
        yield f"{stem}.json", json.pretty(concrete(experiment, self._schemas))

    def shared(self, wraps: bool) -> Iterable[tuple[str, str]]:
        """Nothing."""
        return ()

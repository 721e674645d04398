"""The canonical JSON of an experiment: `ir/<recipe>.json`, every field, sorted keys, indented for reviewers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crucible_gen.ir.lower import Experiment, concrete
from crucible_gen.languages.ir import printer
from crucible_gen.languages.language import Body
from crucible_gen.schemas import Schemas


class Json:
    """Prints the experiment that both languages build when the caller supplies nothing; recipes share no files."""

    def __init__(self, schemas: Schemas) -> None:
        """Takes the schemas, which have the default of every field."""
        self._schemas = schemas

    provenance: Sequence[str] = ()

    def recipe(self, experiment: Experiment, stem: str) -> Iterable[Body]:
        """The one file of a recipe."""
        yield Body(f"{stem}.json", printer.pretty(concrete(experiment, self._schemas)))

    def shared(self) -> Iterable[Body]:
        """Nothing."""
        return ()

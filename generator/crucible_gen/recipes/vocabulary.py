"""The schemas that the recipes of a run are held to: the shipped ones and the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crucible_gen.documents import Validator
from crucible_gen.languages import Language, registry
from crucible_gen.recipes.advice import Advice
from crucible_gen.schemas import Schemas, bundle


def load(paths: Sequence[Path] = (), languages: Sequence[Language] | None = None) -> Schemas:
    """The shipped schemas with those in `paths`, files or directories. Raises Problems for what is wrong in them.

    `languages` are those whose runs stages must fit, the built-in ones where left out.
    """
    schemas = Schemas.load()
    if not paths:
        return schemas
    from crucible_gen.schemas import third_party

    wanted = registry.built_in() if languages is None else languages
    reserved = frozenset(name for language in wanted for name in language.run_values)
    types = {language.name: language.type_problem for language in wanted}
    return third_party.extend(schemas, paths, reserved, types)


def validator(schemas: Schemas) -> Validator:
    """What checks recipes against these schemas, and knows where a misplaced field belongs."""
    return Validator(bundle.bundle(schemas), advise=Advice(schemas))

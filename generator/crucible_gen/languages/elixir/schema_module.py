"""The module of the Elixir runtime that is printed from the schemas, as the runtime itself has it.

    python -m crucible_gen.languages.elixir.schema_module > runtime/elixir/lib/crucible_runtime/recipe/schema.ex

A generated project has its own, which also knows the stages of third parties.
"""

from __future__ import annotations

from crucible_gen.languages.elixir import emitter, runtime
from crucible_gen.languages.templates import Templates
from crucible_gen.schemas import Schemas

_NOTE = "# Printed from the schemas by `make structs`: change those, not this file.\n"


def text(schemas: Schemas) -> str:
    """The module `CrucibleRuntime.Recipe.Schema` for the shipped schemas."""
    holes = emitter.tables(schemas) | {"runtime": runtime.NAMESPACE}
    return _NOTE + Templates(None).render(emitter.SCHEMA_TEMPLATE, holes)


if __name__ == "__main__":
    import sys

    sys.stdout.write(text(Schemas.load()))

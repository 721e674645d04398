"""The module of the Elixir runtime that is printed from the schemas, as the runtime itself has it.

    python -m crucible_gen.emit.elixir_schema > runtime/elixir/lib/crucible_runtime/recipe/schema.ex

A generated project has its own, which also knows the stages of third parties.
"""

from __future__ import annotations

from crucible_gen import elixir_runtime
from crucible_gen.emit import elixir
from crucible_gen.emit.templates import Templates
from crucible_gen.schema import Schemas

_NOTE = "# Printed from the schemas by `make structs`: change those, not this file.\n"


def text(schemas: Schemas) -> str:
    """The module `CrucibleRuntime.Recipe.Schema` for the shipped schemas."""
    module = Templates(None).render(elixir.SCHEMA_TEMPLATE, elixir.tables(schemas))
    return _NOTE + module.replace(elixir.NAMESPACE, elixir_runtime.NAMESPACE)


if __name__ == "__main__":
    import sys

    from crucible_gen import schema

    sys.stdout.write(text(schema.load()))

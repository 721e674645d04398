"""The keywords of our own (`x-...`) in schema files, as far as code must know them; `meta.schema.json` describes all.

The keywords that begin with the name of a language say what the struct is called there, or, for the language in which
the IR is defined, which type a value has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from crucible_gen.schemas.shapes import Kind

STRUCT = "x-elixir-struct"
"""The name of the IR's struct; a schema with it describes one."""
TYPE = "x-elixir-type"
"""The type of a value in the IR, where JSON has no such type."""

KINDS: Mapping[str, Kind] = {
    "atom": "symbol",
    "module": "module",
    "float": "float",
    "timestamp": "timestamp",
    "map": "map",
    "text_map": "text_map",
    "keyword": "keywords",
}
"""The values of TYPE, and the kinds of terms that they become."""

REFINES = (
    *("description", "default", "x-from", "x-inject", "x-define", "x-no-effect", "x-plausible", "x-no-engine"),
    "x-plugin",
)
"""The keywords that may stand beside a `$ref`, and say more of the value there."""

STRUCT_NAME = re.compile(r"x-(\w+)-(?:struct|class)").fullmatch
"""Which language a keyword names a struct in."""

EDITOR_KEY = "$schema"
"""The key by which a JSON file tells editors where its schema is: no part of what a recipe says."""

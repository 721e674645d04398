"""Files that people write, as data that knows where each of its values stands; and what a JSON Schema says of it.

`load` reads YAML and JSON into a `Node`; `Validator` turns what a schema refuses into problems with places.
"""

from __future__ import annotations

from crucible_gen.documents.boundary import Boundary
from crucible_gen.documents.digests import content, digest
from crucible_gen.documents.document import Entry, Node, Plain
from crucible_gen.documents.scalars import shorten
from crucible_gen.documents.validate import Validator
from crucible_gen.documents.walk import below

__all__ = [
    "Boundary",
    "Entry",
    "Node",
    "Plain",
    "Validator",
    "below",
    "content",
    "digest",
    "load",
    "merge_conflicts",
    "shorten",
]

"""Writes `crucible_runtime/documents` from `crucible_gen/documents`: overrides are read by the reader of recipes.

The runtime is installed without the generator, so that it has a copy of the modules that read YAML and JSON. Only what
they import is renamed.

    python -m crucible_gen.languages.python.reader runtime/python/crucible_runtime/documents
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import crucible_gen

_MODULES = (
    *("document", "json_reader", "load", "merge_conflicts", "places", "scalars"),
    *("yaml_reader", "yaml_strict", "yaml_syntax"),
)
_RENAMED = (
    (r"crucible_gen\.diagnostics(?:\.problems)?\b", "crucible_runtime.documents.diagnostics"),
    (r"crucible_gen\.documents\b", "crucible_runtime.documents"),
)


def files() -> Iterator[tuple[str, str]]:
    """The name and the text of each module that the runtime has a copy of."""
    package = Path(crucible_gen.__file__).parent
    sources = {"diagnostics": "diagnostics/problems.py", **{name: f"documents/{name}.py" for name in _MODULES}}
    for name, source in sources.items():
        text = (package / source).read_text("utf-8")
        for pattern, new in _RENAMED:
            text = re.sub(pattern, new, text)
        header = (
            f"# A copy of generator/crucible_gen/{source}, made by `make structs`: change that file, not this one.\n"
        )
        yield f"{name}.py", header + text


if __name__ == "__main__":
    for name, text in files():
        Path(sys.argv[1], name).write_text(text, "utf-8")

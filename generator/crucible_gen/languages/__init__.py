"""The languages that recipes are written in for: what differs between them, and how each prints an experiment.

`registry` knows every language by the name of its target. A built-in one is a package here; others are entry points of
installed packages. Everything that differs between two languages is in its `Language` record.
"""

from __future__ import annotations

from crucible_gen.languages.language import Body, Language, Naming, Printer, Project

__all__ = [
    "Body",
    "Language",
    "Naming",
    "Printer",
    "Project",
    "emit",
    "layout",
    "registry",
    "source",
    "structs",
    "templates",
]

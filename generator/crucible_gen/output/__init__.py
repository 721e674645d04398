"""Files that should be, what is on the disk, and how the one becomes the other.

`headers` and `provenance` say where a file comes from, `plan` compares, `diff` shows and `write` does it. `manifest`
names the generator that wrote a directory.
"""

from __future__ import annotations

from crucible_gen.output.files import File

__all__ = ["File", "diff", "headers", "manifest", "plan", "provenance", "stale", "survey", "write"]

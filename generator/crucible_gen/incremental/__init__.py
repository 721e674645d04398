"""Everything that makes a run short, behind one `Session`; nothing else knows how.

Without this package's answers `gen` does the same, only slower. `workers` spreads work over processes.
"""

from __future__ import annotations

from crucible_gen.incremental.session import Session, off

__all__ = ["Session", "off", "workers"]

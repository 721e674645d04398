"""The intermediate representation: experiments as terms that every language can print.

`lower` makes one of a resolved recipe, `stages` puts its stages in order, `defects` knows what released packages do
wrong.
"""

from __future__ import annotations

__all__ = ["defects", "lower", "stages", "terms"]

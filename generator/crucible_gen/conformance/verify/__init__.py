"""Verification: prove what was generated for a set of recipes against the packages that a user really has.

The Elixir and the Python script report plain facts and know nothing of what should be; what should be is computed here,
from the recipes.
"""

from crucible_gen.conformance.verify.command import VerifyRequest, verify

__all__ = ["VerifyRequest", "output", "verify"]

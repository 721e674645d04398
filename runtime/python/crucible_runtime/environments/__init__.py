"""The problems of reinforcement learning: what a model is asked, and what its answer is worth.

A family is an entry point of `crucible_runtime.environments`, under the name that `options.env` takes. It is made once
for a run and makes one environment for each problem. Both engines use the same ones. A bad answer never raises,
whatever it says or does: it is worth what a wrong one is worth.
"""

from __future__ import annotations

from crucible_runtime.interface.environments import Environment, Family, Outcome, Settings
from crucible_runtime.plugins import ENVIRONMENTS, family

__all__ = ["ENVIRONMENTS", "Environment", "Family", "Outcome", "Settings", "family"]

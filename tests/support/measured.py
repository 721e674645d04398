"""What engines measure that says nothing of a divergence."""

from __future__ import annotations

import re

NEUTRAL = re.compile(
    r"learning_rate|(^|/)lr$|accurac|epoch|^step$|^stage$|progress|batch|length|count|num|tokens|ratio|frac|_std$|/std$"
    r"|correct|format|turns|frequency|completions|truncat|stop/|state_path|step|episodes|logits"
)
"""Names of rates, counts, shares and lengths, which are finite whatever the weights are,
and of logits, which a model may mask."""

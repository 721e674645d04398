"""What `--smoke` changes, and the model and data that it is tried on: a run of a recipe in a minute.

Everything is made on the spot, from fixed seeds and without a download: a Qwen3 of about 107,000 random weights, a
tokenizer that is trained on the tiny data, and a few rows for every type of recipe. The code that runs is the one of a
full run. A model whose training is to raise a reward is taught a little before, as random weights never earn one.
"""

from __future__ import annotations

from crucible_runtime.smoke.data import rows
from crucible_runtime.smoke.models import model
from crucible_runtime.smoke.names import ENVIRONMENTS, MODEL, PROVIDER, STUDENT, TEACHER
from crucible_runtime.smoke.overrides import overrides

__all__ = ["ENVIRONMENTS", "MODEL", "PROVIDER", "STUDENT", "TEACHER", "model", "overrides", "rows"]

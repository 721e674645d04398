"""The names of what a smoke run makes on the spot."""

from __future__ import annotations

PROVIDER = "generated"
"""The provider of a model_ref and of a dataset_ref that are made on the spot."""
MODEL = "tiny"
"""The model of random weights; `tiny-<env>` has been taught the shape of that environment's answers."""
TEACHER = "tiny-teacher"
"""The teacher of distillation: it knows the answers to the tiny questions, and the language of the tiny texts."""
STUDENT = "tiny-student"
"""The student of on-policy distillation: it answers the tiny questions now and then."""

ENVIRONMENTS = ("arithmetic", "gsm8k", "math", "polaris", "deepmath", "deepcoder")
"""The environments that there is tiny data for, and a tiny model that has been taught."""

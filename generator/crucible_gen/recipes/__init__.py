"""Recipes: where they are found, what they extend, the settings that hold for them, and what can be wrong with them."""

from __future__ import annotations

__all__ = ["discover", "ids", "reach", "resolve", "rules", "settings", "vocabulary", "warnings"]

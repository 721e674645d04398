"""Recipes in, Elixir experiments, Python runners and canonical JSON out.

The flow is one page: see `build`. Every module is a verb or the data between two verbs; imports go only to lower layers
(`tests/unit/test_layers.py` reads them).
"""

"""YAML and JSON files as data that knows where each of its values stands, read as the generator reads recipes.

All modules but this one are copies of those of the generator, so that a value means the same in a recipe and in what
overrides it.
"""

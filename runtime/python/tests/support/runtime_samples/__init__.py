"""Recipes as the generator writes them, made by hand: the runtime is tested with these."""

"""The engines that come with the runtime, and the table that says what each field of a recipe becomes in them.

Each engine is a package here and an entry point of `crucible_runtime.engines`; another one is a package of its own.
"""

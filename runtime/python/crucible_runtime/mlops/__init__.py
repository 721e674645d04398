"""What follows training: registering the model, rendering how it is served and serving it, and exporting feedback.

Each stage here is an entry point of `crucible_runtime.stages`, under the name of its Elixir module. What a stage needs
besides the standard library is imported inside it; where that is missing, it raises AdapterMissingError.
"""

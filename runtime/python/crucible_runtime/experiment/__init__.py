"""An experiment and its training configuration: canonical JSON, overrides, and what each recipe type asks of a run."""

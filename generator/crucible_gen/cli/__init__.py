"""The command line: arguments, commands, exit codes and what is printed; no logic of its own."""

__all__ = ["app", "arguments", "guard"]

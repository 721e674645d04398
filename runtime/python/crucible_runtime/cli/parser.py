"""The parser of a command line, whose complaints are as safe to print as everything else."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import NoReturn

from crucible_runtime.quoting import one_line, printable
from crucible_runtime.secrets import scrub


class Parser(ArgumentParser):
    """A parser that takes no abbreviations and shows no text as the caller or a recipe wrote it."""

    def __init__(self, prog: str, description: str) -> None:
        """`prog` is how the command is called, `description` what its help begins with."""
        text = printable(one_line(description))
        # argparse formats only a description that holds the name of the program.
        text = text.replace("%", "%%") if "%(prog)" in text else text
        super().__init__(prog=printable(prog), description=text, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Ends the process with code 2, after the usage and `message`."""
        super().error(printable(scrub(one_line(message))))

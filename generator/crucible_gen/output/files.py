"""What the languages give and the plan takes: outputs as data."""

from __future__ import annotations


class File:
    """One output: posix path relative to the output directory, its bytes, its recipe (None where recipes share it).

    The bytes are made once, for the plan passes them on: ten thousand recipes would not fit twice.
    """

    __slots__ = ("data", "path", "recipe")

    def __init__(self, path: str, text: str, recipe: str | None) -> None:
        """Takes the text of the file."""
        self.path = path
        self.data = text.encode()
        self.recipe = recipe

    @property
    def text(self) -> str:
        """The text of the file."""
        return self.data.decode()

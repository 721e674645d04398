"""What can go wrong in a run; every message is complete, so that a command line prints it and nothing else."""

from __future__ import annotations

from collections.abc import Iterable


class CrucibleError(Exception):
    """The one class to catch: everything that this package raises on purpose is one of these."""


class InputError(CrucibleError):
    """A command line argument or a configuration file that cannot be used."""


class OverrideError(CrucibleError):
    """Overrides that do not fit the training configuration; `problems` are all of them, in the overrides' order."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Takes at least one problem, each a whole sentence."""
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


class CanonicalError(CrucibleError):
    """A value that JSON cannot hold; the message names the path that leads to it."""


class PortError(CrucibleError):
    """A port without a usable adapter, or an adapter's own failure."""


class EngineMissingError(CrucibleError):
    """A training stage was reached, and no engine is there to train."""


class AdapterMissingError(CrucibleError):
    """A stage was reached, and nothing installed or supplied runs its module."""


class PipelineError(CrucibleError):
    """A run function that does not follow its experiment: a stage left out, added, or out of order."""


class StageError(CrucibleError):
    """A stage that failed: `stage` is its name, `__cause__` what it raised."""

    def __init__(self, stage: str, cause: Exception) -> None:
        """Takes the stage's name and what it raised; a cause that is no CrucibleError is shown with its type."""
        self.stage = stage
        text = str(cause) or type(cause).__name__
        known = isinstance(cause, CrucibleError)
        super().__init__(f"stage {stage}: {text}" if known else f"stage {stage}: {type(cause).__name__}: {text}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The part of a message that follows an unknown `name`: the nearest known one, and all that are known."""
    import difflib

    names = list(known)
    if not names:
        return "none is known here"
    folded = {candidate.lower().replace("-", "_"): candidate for candidate in names}
    near = difflib.get_close_matches(name.lower().replace("-", "_"), list(folded), n=1)
    guess = f"did you mean {folded[near[0]]}? " if near else ""
    return f"{guess}Known: {', '.join(names)}"

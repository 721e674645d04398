"""What can go wrong in a run; every message is complete, so that a command line prints it and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from errno import EDQUOT, ENOSPC
from os import PathLike


class CrucibleError(Exception):
    """The one class to catch: everything that this package raises on purpose is one of these."""


class InputError(CrucibleError):
    """A command line argument or a configuration file that cannot be used."""


class InterfaceError(CrucibleError):
    """Generated code and this runtime do not fit each other; the message says which of them is older, and what to do."""


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
        super().__init__(f"stage {stage}: {_said(cause)}")


class Terminated(KeyboardInterrupt):
    """The process was asked to end with SIGTERM; as with Ctrl-C, the run stops and can be gone on with."""


class UnsupportedError(CrucibleError):
    """A recipe that the engine cannot honour; `problems` are all reasons, found before anything is loaded."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Takes at least one problem, each a whole sentence."""
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


class PreflightError(CrucibleError):
    """A run that could not come to its end, refused before anything is loaded; the message has every reason."""


class FolderError(CrucibleError):
    """A directory of a run that cannot be read or written; `__cause__` is what the system said."""

    def __init__(self, path: PathLike[str], cause: OSError) -> None:
        """Takes the path and what the system said of it."""
        full = cause.errno in (ENOSPC, EDQUOT)
        hint = "; make room, and then go on with --resume" if full else ""
        super().__init__(f"{path}: {cause.strerror or cause}{hint}")


def _said(cause: Exception) -> str:
    """What a message tells of an exception: the words of ours as they are, others with their type."""
    text = str(cause) or type(cause).__name__
    match cause:
        case CrucibleError():
            return text
        case MemoryError():
            return "there is not enough memory" + (f": {text}" if str(cause) else "")
        case OSError(strerror=str(reason), filename=str(path)):
            return f"{path}: {reason}"
        case _ if str(cause):
            return f"{type(cause).__name__}: {text}"
    return text


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


class RegistryError(CrucibleError):
    """The registry of models does not answer, or does not take what it was given."""


class DuplicateConfigError(RegistryError):
    """A training configuration that is registered already; `uri` is the version that has it."""

    def __init__(self, message: str, uri: str) -> None:
        """Takes the whole sentence, and the version as messages name it."""
        self.uri = uri
        super().__init__(message)


class DeployError(CrucibleError):
    """A deployment that cannot be rendered or carried out."""


class SandboxError(CrucibleError):
    """Programs that a model wrote cannot run here: there is no sandbox, and nobody allowed to do without."""


class EngineError(CrucibleError):
    """A training that cannot go on for want of something outside the recipe: a model, a hub, a GPU, memory."""


class DivergenceError(CrucibleError):
    """A training that has diverged: its loss, reward, gradient or weights are no finite numbers any more."""

    def __init__(
        self, what: str, step: int | None = None, learning_rate: float | None = None, *, checkpoint: str | None = None
    ) -> None:
        """Takes what is not finite in words, the step (from 1) at which that was seen, and the rate of learning.

        checkpoint: the last one that a finite step has followed, to start a new run from
        """
        self.what, self.step, self.learning_rate = what, step, learning_rate
        at = f" at step {step}" if step is not None else ""
        than = f" than {learning_rate:g}" if learning_rate is not None else ""
        super().__init__(
            f"training diverged{at}: {what}. Nothing after that is saved or registered; checkpoints from before are kept. "
            f"Take a smaller training_config.learning_rate{than}, or set training_config.gradient_clipping"
            + (
                f", in a new run, and start from the last good checkpoint with "
                f"training_config.options.load_checkpoint_path={checkpoint}"
                if checkpoint
                else ""
            )
        )

    def after(self, checkpoint: str | None) -> DivergenceError:
        """The same error, which names the last good checkpoint."""
        return DivergenceError(self.what, self.step, self.learning_rate, checkpoint=checkpoint)

"""How a run ends: its result and report, and what its error tells of how to go on."""

from __future__ import annotations

import traceback

from crucible_runtime import report, runs
from crucible_runtime.errors import CrucibleError, DivergenceError, FolderError, StageError
from crucible_runtime.rundir.folder import REPORT, RESULT, Folder


def finished(folder: Folder) -> None:
    """Writes result and report of a run that ended well."""
    if folder.main:
        folder.log("the run has finished")
        _concluded(folder, state="finished")


def ended(folder: Folder, error: BaseException) -> None:
    """Writes result and report of a run that did not end well, and tells with `error` how to go on."""
    if not folder.main:
        return
    interrupted = isinstance(error, KeyboardInterrupt)
    stage = error.stage if isinstance(error, StageError) else None
    message = None if interrupted else str(error) or type(error).__name__
    again = isinstance(error.__cause__, DivergenceError)  # it would diverge at the same step
    further = "" if again else f"; go on with --resume --log-path {folder.shown}"
    error.add_note(f"what is done is kept in {folder.shown}{further}")
    try:
        _concluded(folder, state="interrupted" if interrupted else "failed", error=message, stage=stage)
        folder.log("interrupted" if interrupted else _trace(error))
    except FolderError as failure:
        error.add_note(f"not all of that could be written down: {failure}")


def _concluded(folder: Folder, *, state: str, error: str | None = None, stage: str | None = None) -> None:
    run = runs.read(folder.path, {"state": state, "error": error, "stage": stage})
    folder.write_json(RESULT, runs.result(run))
    folder.write_exact(REPORT, report.page(run))


def _trace(error: BaseException) -> str:
    """Where the error comes from: of a stage, what the stage raised."""
    cause = error.__cause__ if isinstance(error, StageError) and error.__cause__ is not None else error
    known = isinstance(cause, CrucibleError)
    return str(error) if known else "".join(traceback.format_exception(cause)).rstrip()

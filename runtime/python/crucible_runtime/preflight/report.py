"""What all checks of a run found: as text, as JSON, and as the one error that keeps it from beginning."""

from __future__ import annotations

import json
from dataclasses import dataclass

from crucible_runtime.errors import AdapterMissingError, EngineMissingError, PreflightError, UnsupportedError
from crucible_runtime.interface.preflight import State
from crucible_runtime.interface.stages import Engine

ENGINE_PACKAGES, PACKAGES, RECIPE = "packages of the engine", "packages", "recipe"
"""The checks whose problems have an error of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one check of one part of a run found: `asked` is the part, such as `stage deploy`."""

    asked: str
    check: str
    state: State
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What all checks found, in the order in which they were asked; `engine` is the engine of the run."""

    engine: Engine | None
    lines: tuple[Line, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps the run from its end, each once."""
        return tuple(dict.fromkeys(line.message for line in self.lines if line.state == "problem"))

    @property
    def refuses(self) -> bool:
        """Whether the engine cannot honor the recipe: then it has no plan of its own."""
        return any(line.check == RECIPE for line in self.lines if line.state == "problem")

    def raise_problems(self) -> None:
        """Raises the error of the first kind of problem that there is, with the sentences of all of them.

        EngineMissingError and AdapterMissingError for packages that are not installed, UnsupportedError for what the
        engine cannot honor, else PreflightError.
        """
        if not self.problems:
            return
        found = {line.check for line in self.lines if line.state == "problem"}
        text = "\n".join(self.problems)
        if ENGINE_PACKAGES in found:
            raise EngineMissingError(text)
        if PACKAGES in found:
            raise AdapterMissingError(text)
        if RECIPE in found:
            raise UnsupportedError(self.problems)
        raise PreflightError(text)

    def text(self) -> str:
        """A line for each check."""
        width = max((len(f"{line.asked}: {line.check}") for line in self.lines), default=0)
        return "".join(_shown(line, width) for line in self.lines)

    def unchecked(self) -> str:
        """A line for each check that could not be made; empty where all were."""
        return "".join(
            f"  {line.asked}: {line.check}: {line.message}\n" for line in self.lines if line.state == "not checked"
        )

    def json(self) -> str:
        """The same as JSON: `state` of the whole, and the checks."""
        states = [line.state for line in self.lines]
        whole = next((state for state in ("problem", "not checked") if state in states), "ok")
        checks = [
            {"asked": line.asked, "check": line.check, "state": line.state, "message": line.message}
            for line in self.lines
        ]
        return json.dumps({"state": whole, "checks": checks}, indent=2, ensure_ascii=False) + "\n"


def _shown(line: Line, width: int) -> str:
    head = f"{line.asked}: {line.check}"
    return f"{head:<{width}}  {line.state}" + (f": {line.message}" if line.message else "") + "\n"

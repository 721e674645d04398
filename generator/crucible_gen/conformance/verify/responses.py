"""What the Elixir and the Python process hand back, as checked data; reading raises ValueError for anything else."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class _Response(BaseModel):
    """A whole response: nothing but the fields of the model may stand in it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Facts(BaseModel):
    """A part of a response; what is not used is left out of the model."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


def _names(value: object) -> list[str]:
    """A list of names; the scripts write a keyword list as an object."""
    if not isinstance(value, list | dict):
        raise ValueError("expected a list of names")
    return [str(name) for name in value]


def _entries(value: object) -> object:
    """An object; the scripts write an empty keyword list as an empty array."""
    return {} if value == [] else value


_Names = Annotated[list[str], BeforeValidator(_names)]
_Texts = Annotated[dict[str, str], BeforeValidator(_entries)]


class CanonicalJson(_Response):
    """The canonical JSON of one experiment, or why there is none."""

    text: str | None = Field(alias="json")
    error: str | None


class PythonResponse(_Response):
    """The version of Python, and of each recipe its JSON: as it is, then with each set of overrides."""

    python: str
    recipes: dict[str, list[CanonicalJson]]


class Diagnostic(_Facts):
    """A warning or error of the Elixir compiler; line 0 means unknown."""

    file: str
    line: int
    text: str
    severity: Literal["warning", "error"]


class Outcome(_Facts):
    """How a run ended: well (`error` is then the error of the last step, if any), with an error, or by an exception."""

    status: Literal["ok", "error", "raised"]
    error: str | bool | None = None
    stage: object = None
    reason: str = ""
    exception: str = ""
    function: str | None = None
    message: str = ""


class PipelineStage(_Facts):
    """A stage of an experiment: the keys of its options, and those that the module describes (None: it does not)."""

    name: str
    module: str
    loaded: bool
    keys: _Names
    described: _Names | None


class RefusedOptions(_Facts):
    """The options that a stage refuses with KeyError, and whether it refuses every unknown one."""

    refused: _Names
    strict: bool


class ClientCalls(_Facts):
    """What the training client saw: the learning rate of every step."""

    rates: list[Any]


class TrainingRun(_Facts):
    """A run of the training stages; `seen` is None where the experiment could not be built."""

    outcome: Outcome
    seen: ClientCalls | None


class FailingRun(_Facts):
    """A run with a client of which a call fails (`fail` names it); None for the client that does not fail."""

    fail: str | None
    outcome: Outcome


class PipelineRun(_Facts):
    """A run of the whole pipeline, and one without the training stages; `not_run` says why stages were left out."""

    outcome: Outcome
    rest: Outcome
    evaluated: bool
    evaluates: bool
    not_run: _Texts


class Effect(_Facts):
    """Whether an option changes what the client sees: called through ports, and called directly."""

    ports: bool
    direct: bool


class RecipeFacts(_Facts):
    """The facts about one recipe in Elixir; those of runs are None where nothing was run."""

    built: Outcome
    valid: list[str]
    jsons: list[CanonicalJson]
    jason: str | None
    pipeline: list[PipelineStage]
    refused: dict[str, RefusedOptions]
    plain: TrainingRun | None = None
    rates: list[TrainingRun] | None = None
    failures: list[FailingRun] | None = None
    whole: PipelineRun | None = None
    effects: dict[str, dict[str, Effect]] | None = None


class ElixirResponse(_Response):
    """The version of Elixir, the modules that it lacks, and otherwise the facts of each recipe that compiles."""

    elixir: str
    missing: list[str]
    diagnostics: list[Diagnostic] = []
    recipes: dict[str, RecipeFacts] = {}
    probes: dict[str, str] = {}

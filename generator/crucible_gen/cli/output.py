"""Models of what the main command and `gen settings` print with `--format json`. Importing them imports pydantic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from pydantic import Field, create_model

from crucible_gen.diagnostics.output import OutputModel, ProblemOutput
from crucible_gen.recipes import settings

Difference: TypeAlias = Literal["missing", "changed", "left over", "edited by hand"]


class GenerateOutput(OutputModel, title="Generate"):
    """The output of `gen PATH...` where everything was written."""

    summary: str = Field(description="How many recipes and files there are, and how many files changed, in one line.")
    problems: list[ProblemOutput] = Field(description="Empty: a run that finds problems prints nothing but them.")


class DifferingFile(OutputModel):
    """A generated file that is not what the recipes say."""

    file: str = Field(description="The file, relative to the working directory where it is below or near it.")
    kind: Difference = Field(description="How the file differs from what `gen` would write.")


class CheckOutput(OutputModel, title="Check"):
    """The output of `gen --check PATH...` where the recipes have no problems."""

    differ: list[DifferingFile] = Field(description="Every file that `gen` would write or delete, in order of path.")
    problems: list[ProblemOutput] = Field(description="What is in the way of writing, in order of place.")

    @classmethod
    def of(cls, differences: Iterable[tuple[str, Difference]], problems: list[ProblemOutput]) -> CheckOutput:
        """The model for files, each with how it differs, and problems."""
        return cls(differ=[DifferingFile(file=file, kind=kind) for file, kind in differences], problems=problems)


class SettingOutput(OutputModel):
    """The value of a setting, and where it comes from."""

    value: object = Field(description="The value, of the type that `gen schema settings` states for the setting.")
    origin: str = Field(alias="from", description="`default`, or the place in the settings file, such as gen.yaml:2:1.")


class _Settings(OutputModel, title="Settings"):
    """The base of the model of all settings."""


def settings_model() -> type[OutputModel]:
    """The model of the output of `gen settings`: a field for each setting, with the description from its schema."""
    fields: dict[str, Any] = {
        name: (SettingOutput, Field(title=name, description=schema["description"]))
        for name, schema in settings.schema()["properties"].items()
    }
    doc = "The output of `gen settings`: every setting by name."
    return create_model("SettingsOutput", __base__=_Settings, __doc__=doc, **fields)


def settings_output(values: Mapping[str, settings.Setting]) -> OutputModel:
    """The output for these settings."""
    return settings_model().model_validate(
        {name: {"value": item.value, "from": item.origin} for name, item in values.items()}
    )

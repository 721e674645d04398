"""Checks of what a stage says of itself, and of the form in which it takes its options."""

from __future__ import annotations

from collections.abc import Iterator

from crucible_gen.conformance.contracts.subject import StageSubject
from crucible_gen.diagnostics import Problem

CODES = {
    "E0822": "a stage describes an option that it does not take",
    "E0823": "a stage cannot be asked what it takes",
    "E0824": "a stage takes its options in another form",
    "E0825": "a stage has another name",
}
"""What each code of this step means, in a line."""

_FORMS = {"map": "a map", "keyword": "a keyword list"}


def description(subject: StageSubject) -> Iterator[Problem]:
    """Whether `describe/1` answers."""
    if not subject.stage.is_described:
        yield subject.problem(
            "E0823",
            f"describe/1 of {subject.module} in {subject.release}: {subject.stage.describe}",
            "rely on the schema",
            at=subject.keyword("x-stage", "module"),
            fact=subject.stage_fact("describe"),
            severity="warning",
        )


def name(subject: StageSubject) -> Iterator[Problem]:
    """The stage's own name."""
    ours, theirs = subject.document["x-stage"]["name"], subject.stage.name
    if subject.stage.is_described and theirs is not None and theirs != ours:
        yield subject.problem(
            "E0825",
            f"{subject.module} calls itself {theirs} in {subject.release}, and {ours} here",
            "give x-stage.name the stage's own name, if nobody looks for the old one in results",
            at=subject.keyword("x-stage", "name"),
            fact=subject.stage_fact("name"),
            severity="warning",
        )


def described_options_that_raise(subject: StageSubject) -> Iterator[Problem]:
    """Options that the stage describes and then refuses; an error where the schema has one."""
    raising = subject.stage.raises
    if not raising:
        return
    ours = [option for option in raising if option in subject.properties]
    hint = f"remove {', '.join(ours)} from the schema" if ours else "keep them out of recipes, as the schema does"
    at = subject.keyword("x-stage", "module")
    if ours:
        at = at._replace(place=subject.property(ours[0]).place)
    yield subject.problem(
        "E0822",
        f"{subject.module} describes {', '.join(raising)} in {subject.release}, and raises KeyError when it gets one",
        hint,
        at=at,
        fact=subject.stage_fact("raises"),
        severity="error" if ours else "warning",
    )


def form_of_options(subject: StageSubject) -> Iterator[Problem]:
    """Whether the stage takes a map or a keyword list."""
    takes = subject.stage.takes
    if takes is not None and takes != subject.document["x-stage"].get("options", "map"):
        yield subject.problem(
            "E0824",
            f"{subject.module} takes its options as {_FORMS[takes]} in {subject.release}",
            f'write "options": "{takes}" in x-stage',
            at=subject.keyword("x-stage", "options"),
            fact=subject.stage_fact("takes"),
        )

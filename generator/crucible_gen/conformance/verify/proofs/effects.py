"""Options that a stage accepts without any effect on what the training client sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crucible_gen.conformance.verify.proofs.evidence import CaseEvidence
from crucible_gen.conformance.verify.responses import Effect
from crucible_gen.diagnostics import Place, Problem

CODES = {
    "E0911": "an option has no effect",
    "E0912": "an option is said to have no effect, and has one",
}
"""What each code of this step means, in a line."""


def effect_findings(evidence: CaseEvidence) -> Iterator[Problem]:
    """The findings about the options of a recipe; what did not train at all says nothing of its options."""
    facts = evidence.facts
    if facts is None or not any(run.seen and run.seen.rates for run in facts.rates or ()):
        return
    for name, effects in (facts.effects or {}).items():
        yield from _stage_findings(evidence, name, effects)


def _stage_findings(evidence: CaseEvidence, name: str, effects: Mapping[str, Effect]) -> Iterator[Problem]:
    stage, shared = evidence.case.stages[name], evidence.shared
    assert stage is not None
    release = shared.packages.release(stage.info.package)
    properties = shared.schemas.documents[stage.key]["properties"]
    for option, effect in effects.items():
        declared = release in properties[option].get("x-no-effect", ())
        problem = effect_problem(f"{stage.info.module} of {release}", option, effect, declared)
        if problem is not None:
            yield problem._replace(place=Place(f"schemas/{stage.key}"))


def effect_problem(stage: str, option: str, effect: Effect, declared: bool) -> Problem | None:
    """What is wrong with an option's effect; `declared` says that its schema says that it has none."""
    where = Place("schemas")
    if not effect.direct:
        hint = "" if declared else "add the release to x-no-effect of the option in its schema"
        message = f"{stage} accepts {option} and does not use it"
        return Problem(where, "E0911", message, hint=hint, severity="notice" if declared else "warning")
    if not effect.ports:
        message = f"{stage} gives {option} to a training_client only, not through ports"
        return Problem(where, "E0911", message, severity="notice")
    if declared:
        message = f"{stage} uses {option}, and its schema says that it has no effect"
        return Problem(where, "E0912", message, hint="take the release out of x-no-effect", severity="warning")
    return None

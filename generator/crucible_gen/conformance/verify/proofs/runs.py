"""The proofs that need a run: learning rates, a failing client, and the whole pipeline.

A run that fails in the way of a known defect makes the proof `known`, not `failed`.
"""

from __future__ import annotations

from crucible_gen.conformance.verify import expectations
from crucible_gen.conformance.verify.expectations import Config
from crucible_gen.conformance.verify.proofs.evidence import NO_ELIXIR, NOT_COMPILED, OK, CaseEvidence, first_line, proof
from crucible_gen.conformance.verify.report import Proof
from crucible_gen.conformance.verify.responses import Outcome, TrainingRun
from crucible_gen.ir.defects import Defect


def plain_runs(evidence: CaseEvidence) -> Proof:
    """Whether the packages' own stages train to their end in the pipeline runner alone, with no stand-ins."""
    facts = evidence.facts
    if facts is None or facts.plain is None:
        return _not_run(evidence)
    reason = _failed_run(evidence, facts.plain)
    if isinstance(reason, Defect):
        return _known(reason)
    return OK if reason is None else Proof("failed", (reason,))


def client_sees_rates(evidence: CaseEvidence) -> Proof:
    """Whether the training client of the facade saw the learning rates of the recipe, without and with overrides."""
    facts = evidence.facts
    if facts is None or facts.rates is None:
        return _not_run(evidence)
    failures: list[str] = []
    known: list[Defect] = []
    for overrides, run in zip(evidence.case.runs, facts.rates, strict=True):
        label = "with overrides: " if overrides else ""
        for reason in (_failed_run(evidence, run), _other_rates(evidence, overrides, run)):
            if isinstance(reason, Defect):
                known.append(reason)
            elif reason is not None:
                failures.append(f"{label}{reason}")
    if not failures and known:
        return _known(known[0])
    return proof(list(dict.fromkeys(failures)))


def _failed_run(evidence: CaseEvidence, run: TrainingRun) -> str | Defect | None:
    """Why a run did not end well, or the known defect that ends it."""
    defect = _raising_defect(evidence, run.outcome)
    if defect is not None:
        return defect
    return _ended(run.outcome) if run.outcome.status != "ok" or run.outcome.error else None


def _other_rates(evidence: CaseEvidence, overrides: Config, run: TrainingRun) -> str | Defect | None:
    """How the rates that the client saw differ, or the known defect that explains them."""
    if run.seen is None:
        return None
    seen, case = run.seen.rates, evidence.case
    difference = expectations.difference(case.expected(overrides).rates, seen)
    if difference is None:
        return None
    schedule = (case.merged(overrides).get("options") or {}).get("lr_schedule")
    for defect in evidence.defects:
        if defect.rates is None or schedule == defect.rates.says_not:
            continue
        if expectations.difference(case.expected(overrides, defect.rates.sees).rates, seen) is None:
            return defect
    return difference


def failure_is_reported(evidence: CaseEvidence) -> Proof:
    """Whether the run fails when a call of the training client does."""
    facts = evidence.facts
    if facts is None or facts.failures is None:
        return _not_run(evidence)
    sound, *failing = facts.failures
    if sound.outcome.status != "ok":
        defect = _raising_defect(evidence, sound.outcome)
        if defect is not None:
            return _known(defect)
        return Proof("failed", (f"a client that does not fail: {_ended(sound.outcome)}",))
    return proof([f"{each.fail} fails, and the run is a success" for each in failing if each.outcome.status == "ok"])


def pipeline_runs(evidence: CaseEvidence) -> Proof:
    """Whether the whole pipeline runs, and the stages behind the training where a known defect ends that."""
    facts = evidence.facts
    if facts is None or facts.whole is None:
        return _not_run(evidence)
    whole = facts.whole
    skipped = [f"{name}: {reason}" for name, reason in whole.not_run.items()]
    if whole.evaluates and not whole.evaluated:
        skipped.append("the evaluation: tinkex_cookbook is not among the compiled packages")
    if whole.outcome.status != "ok":
        defect = _raising_defect(evidence, whole.outcome)
        if defect is None:
            return Proof("failed", (_ended(whole.outcome),))
        if whole.rest.status != "ok":
            return Proof("failed", (f"the stages behind the training: {_ended(whole.rest)}",))
        return _known(defect)
    return Proof("not run", tuple(skipped)) if skipped else OK


def _not_run(evidence: CaseEvidence) -> Proof:
    """Why nothing was run."""
    if evidence.facts is not None:
        return Proof("failed", (f"the experiment cannot be built: {_ended(evidence.facts.built)}",))
    return NO_ELIXIR if evidence.shared.elixir is None else NOT_COMPILED


def _known(defect: Defect) -> Proof:
    return Proof("known", (f"{defect.id}: {defect.title}",), defect.id)


def _raising_defect(evidence: CaseEvidence, outcome: Outcome) -> Defect | None:
    """The known defect of a stage of this recipe that ends a run like this."""
    raised = (outcome.exception, outcome.function)
    return next((defect for defect in evidence.defects if defect.raises == raised), None)


def _ended(outcome: Outcome) -> str:
    """How a run ended, in words."""
    match outcome.status:
        case "ok":
            return f"the last step failed: {outcome.error}" if outcome.error else "it ended well"
        case "error":
            stage = f"{outcome.stage} " if outcome.stage else ""
            return f"{stage}answered {first_line(outcome.reason)}"
    at = f" in {outcome.function}" if outcome.function else ""
    return f"{outcome.exception}{at}: {first_line(outcome.message)}"

"""The proofs that need no run: compiler warnings, validation, canonical JSON, overrides and options."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crucible_gen.conformance.verify.proofs.evidence import NO_ELIXIR, CaseEvidence, first_line, proof
from crucible_gen.conformance.verify.report import Proof
from crucible_gen.conformance.verify.responses import Diagnostic
from crucible_gen.diagnostics import shown

_MISSING = object()
"""A value that stands only on the other side."""

_COMPACT = re.compile(r'("(?:[^"\\]++|\\.)*+")|\s+')
"""A string, which stays, or whitespace around it, which does not."""


def compiles(evidence: CaseEvidence) -> Proof:
    """Whether the recipe's file and the shared ones compile without a warning."""
    shared = evidence.shared
    if shared.elixir is None:
        return NO_ELIXIR
    own = {str(shared.files.own[evidence.case.id]), *map(str, shared.files.shared)}
    concerning = [each for each in shared.elixir.diagnostics if each.file in own or each.file not in shared.all_files]
    return proof([f"{_where(each)}: {each.severity}: {first_line(each.text)}" for each in concerning])


def _where(diagnostic: Diagnostic) -> str:
    place = shown(Path(diagnostic.file))
    return f"{place}:{diagnostic.line}" if diagnostic.line else place


def is_valid(evidence: CaseEvidence) -> Proof:
    """Whether the package's own validation accepts the experiment."""
    return evidence.no_facts if evidence.facts is None else proof(evidence.facts.valid)


def has_one_json(evidence: CaseEvidence) -> Proof:
    """Whether Elixir, Python and the committed file have the same canonical JSON."""
    path = evidence.shared.out / "ir" / f"{evidence.case.stem}.json"
    if not os.path.isfile(path):
        return Proof("failed", (f"{shown(path)} is not there",))
    committed = _COMPACT.sub(r"\1", path.read_text("utf-8", "replace"))
    python, facts = evidence.python[0], evidence.facts
    texts = {"generated/ir": committed, "Python": python.text}
    failures = [f"Python: {python.error}"] if python.error else []
    if facts is not None:
        elixir = facts.jsons[0]
        texts |= {"Elixir": elixir.text, "Jason": facts.jason}
        failures += [f"Elixir: {elixir.error}"] if elixir.error else []
    return proof([*failures, *_differences(texts, committed, "generated/ir")])


def has_one_json_for_overrides(evidence: CaseEvidence) -> Proof:
    """Whether Elixir and Python have the same canonical JSON for each set of overrides."""
    if evidence.facts is None:
        return evidence.no_facts
    failures: list[str] = []
    for elixir, python in zip(evidence.facts.jsons[1:], evidence.python[1:], strict=True):
        failures += [f"Elixir: {elixir.error}"] if elixir.error else []
        failures += [f"Python: {python.error}"] if python.error else []
        if elixir.text and python.text:
            failures += _differences({"Python": python.text}, elixir.text, "Elixir")
    return proof(failures)


def options_are_taken(evidence: CaseEvidence) -> Proof:
    """Whether each stage takes the options that it is given, as far as that is known."""
    facts = evidence.facts
    if facts is None:
        return evidence.no_facts
    failures: list[str] = []
    unknown: list[str] = []
    for stage in facts.pipeline:
        refused = facts.refused.get(stage.name)
        if not stage.loaded:
            unknown.append(f"{stage.module} is not among the compiled packages")
        elif refused is not None and (refused.refused or refused.strict):
            failures += [f"{stage.module} does not take {key}" for key in refused.refused]
        elif (taken := _taken_options(evidence, stage.module, stage.described)) is None:
            unknown.append(f"nothing is known of what {stage.module} takes")
        else:
            failures += [f"{stage.module} does not take {key}" for key in stage.keys if key not in taken]
    if not failures and unknown:
        return Proof("not run", tuple(unknown))
    return proof(failures)


def _taken_options(evidence: CaseEvidence, module: str, described: Sequence[str] | None) -> set[str] | None:
    """What a stage takes, as it describes itself and as its contract has it; None where nobody knows."""
    shared = evidence.shared
    contract = shared.packages.stages.get(module)
    taken = {*contract.options_read, *contract.struct.by_name} if contract is not None else set()
    if not taken and described is None:
        return None
    schema = next((stage for stage in shared.schemas.stages.values() if stage.info.module == module), None)
    if schema is not None and (contract is None or contract.escapes):
        # What it hands on as a whole is read elsewhere; then, and without a contract, the schema has to do.
        taken |= set(schema.shape.properties)
    return taken | set(described or ())


# Differences of JSON texts --------------------------------------------------------------------------------------------


def _differences(texts: Mapping[str, str | None], wanted: str, name: str) -> Iterator[str]:
    """The first difference of each text from the wanted one, whose source is `name`."""
    for source, text in texts.items():
        if text is not None and text != wanted:
            path, one, other = _first_difference(json.loads(wanted), json.loads(text), "experiment")
            yield f"{path} is {_short(one)} in {name}, and {_short(other)} in {source}"


def _first_difference(one: Any, other: Any, path: str) -> tuple[str, Any, Any]:
    """The path of the first part in which two JSON values differ, with both parts."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            if key not in one or key not in other or repr(one[key]) != repr(other[key]):
                return _first_difference(one.get(key, _MISSING), other.get(key, _MISSING), f"{path}.{key}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            if repr(first) != repr(second):
                return _first_difference(first, second, f"{path}[{index}]")
    return path, one, other


def _short(value: Any) -> str:
    if value is _MISSING:
        return "missing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."

"""Facts from both languages in, proofs out: what the packages answered, held against what the recipes say.

A run that fails in the way that a known defect fails is `known`, not `failed`; a defect that is known and no longer
shows is a finding of its own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from crucible_gen.conformance.verify import numbers
from crucible_gen.conformance.verify.proofs import RUN, STATIC, Known, Proof, Report, Row
from crucible_gen.conformance.verify.question import Asked, Files
from crucible_gen.defects import Defect, defects
from crucible_gen.problems import Place, Problem
from crucible_gen.schema import Schemas
from crucible_gen.settings import shown

CODES = {
    "E0910": "a proof failed",
    "E0911": "an option has no effect",
    "E0912": "an option is said to have no effect, and has one",
    "E0913": "a known defect has gone",
}
"""What each code of this step means, in a line."""

Facts: TypeAlias = Mapping[str, Any]

_OK = Proof("ok")
_MISSING = object()
_NO_ELIXIR = Proof("not run", ("there is no Elixir",))
_COMPACT = re.compile(r'("(?:[^"\\]++|\\.)*+")|\s+')


@dataclass(frozen=True)
class Judge:
    """What the judgement rests on: facts of both languages (None: that one could not be asked) and where files are."""

    schemas: Schemas
    out: Path
    files: Files
    releases: Mapping[str, str]
    python: Facts
    elixir: Facts | None
    contracts: Mapping[str, Facts] = field(default_factory=dict)
    run: bool = False

    def report(self, recipes: Sequence[Asked], problems: Iterable[Problem]) -> Report:
        """The proofs of these recipes, and what else was found."""
        rows = tuple(Row(recipe.id, recipe.file, dict(self._proofs(recipe))) for recipe in recipes)
        known = tuple(self._known(recipes, rows)) if self.run and self.elixir is not None else ()
        findings = [*self._effects(recipes), *(gone(each) for each in known if each.state == "gone")]
        columns = (*STATIC, *(RUN if self.run else ()))
        return Report(rows, known, tuple(findings), tuple(problems), self.releases, columns)

    def _proofs(self, recipe: Asked) -> Iterator[tuple[str, Proof]]:
        facts = self.elixir["recipes"].get(recipe.id) if self.elixir is not None else None
        python = self.python["recipes"][recipe.id]
        yield "compile", self._compile(recipe)
        yield "valid", _NO_ELIXIR if self.elixir is None else self._valid(facts)
        yield "json", self._json(recipe, facts, python)
        yield "overrides", self._overrides(facts, python)
        yield "options", self._options(recipe, facts)
        if self.run:
            for name, proof in (("rates", self._rates), ("failure", self._failure), ("pipeline", self._pipeline)):
                yield name, _without(facts, self.elixir) or proof(recipe, facts or {})

    # Proofs without a run ---------------------------------------------------------------------------------------------

    def _compile(self, recipe: Asked) -> Proof:
        if self.elixir is None:
            return _NO_ELIXIR
        mine = {str(self.files.own[recipe.id]), *map(str, self.files.shared)}
        said = [each for each in self.elixir["said"] if each["file"] in mine or each["file"] not in self._all_files]
        return _proof(f"{_where(each)}: {each['severity']}: {_first_line(each['text'])}" for each in said)

    @property
    def _all_files(self) -> set[str]:
        return {*map(str, self.files.own.values()), *map(str, self.files.shared)}

    def _valid(self, facts: Facts | None) -> Proof:
        if facts is None:
            return Proof("not run", ("it does not compile",))
        return _proof(facts["valid"])

    def _json(self, recipe: Asked, facts: Facts | None, python: Sequence[Facts]) -> Proof:
        path = self.out / "ir" / f"{recipe.id}.json"
        if not os.path.isfile(path):
            return Proof("failed", (f"{shown(path)} is not there",))
        committed = _COMPACT.sub(r"\1", path.read_text("utf-8", "replace"))
        found = {"generated/ir": committed, "Python": python[0]["json"]}
        wrong = [f"Python: {python[0]['error']}"] if python[0]["error"] else []
        if facts is not None:
            elixir = facts["jsons"][0]
            found["Elixir"] = elixir["json"]
            wrong += [f"Elixir: {elixir['error']}"] if elixir["error"] else []
            if facts["jason"] is not None:
                found["Jason"] = facts["jason"]
        return _proof([*wrong, *_differences(found, committed, "generated/ir")])

    def _overrides(self, facts: Facts | None, python: Sequence[Facts]) -> Proof:
        if facts is None:
            return _NO_ELIXIR if self.elixir is None else Proof("not run", ("it does not compile",))
        wrong: list[str] = []
        for elixir, other in zip(facts["jsons"][1:], python[1:], strict=True):
            wrong += [f"Elixir: {elixir['error']}"] if elixir["error"] else []
            wrong += [f"Python: {other['error']}"] if other["error"] else []
            if elixir["json"] and other["json"]:
                wrong += _differences({"Python": other["json"]}, elixir["json"], "Elixir")
        return _proof(wrong)

    def _options(self, recipe: Asked, facts: Facts | None) -> Proof:
        if facts is None:
            return _NO_ELIXIR if self.elixir is None else Proof("not run", ("it does not compile",))
        wrong, unknown = [], []
        for stage in facts["pipeline"]:
            module = stage["module"]
            if not stage["loaded"]:
                unknown.append(f"{module} is not among the compiled packages")
                continue
            told = facts["refused"].get(stage["name"])
            if told is not None and (told["refused"] or told["strict"]):
                wrong += [f"{module} does not take {key}" for key in told["refused"]]
                continue
            taken = self._taken(module, stage["described"])
            if taken is None:
                unknown.append(f"nothing is known of what {module} takes")
            else:
                wrong += [f"{module} does not take {key}" for key in stage["keys"] if key not in taken]
        return Proof("failed", tuple(wrong)) if wrong else Proof("not run", tuple(unknown)) if unknown else _OK

    def _taken(self, module: str, described: Sequence[str] | None) -> set[str] | None:
        """What a stage takes, as it describes itself and as its contract has it; None where nobody knows."""
        contract = self.contracts.get(module, {})
        read = {str(name) for name in contract.get("options_read", ())}
        read |= {str(each["name"]) for each in (contract.get("options_struct") or {}).get("fields", ())}
        if not read and described is None:
            return None
        own = next((stage for stage in self.schemas.stages.values() if stage.info.module == module), None)
        if own is not None and (not contract or contract.get("escapes")):
            # What it hands on as a whole is read elsewhere; then, and without a contract, the schema has to do.
            read |= set(own.shape.properties)
        return read | set(described or ())

    # Proofs with a run ------------------------------------------------------------------------------------------------

    def _rates(self, recipe: Asked, facts: Facts) -> Proof:
        wrong: list[str] = []
        met: list[Defect] = []
        for overrides, run in zip(recipe.runs, facts["rates"], strict=True):
            config = numbers.merged(recipe.config, overrides)
            label = "with overrides: " if overrides else ""
            outcome = run["outcome"]
            defect = self._raised(recipe, outcome)
            if defect is not None:
                met.append(defect)
            elif outcome["status"] != "ok" or outcome["error"]:
                wrong.append(f"{label}{_ended(outcome)}")
            if run["seen"] is None:
                continue
            wanted = numbers.expected(recipe.type, config)
            if difference := numbers.difference(wanted.rates, run["seen"]["rates"]):
                defect = self._other_rates(recipe, config, run["seen"]["rates"])
                if defect is None:
                    wrong.append(f"{label}{difference}")
                else:
                    met.append(defect)
        return Proof("failed", tuple(dict.fromkeys(wrong))) if wrong else _known(met) or _OK

    def _failure(self, recipe: Asked, facts: Facts) -> Proof:
        sound, *failing = facts["failures"]
        if sound["outcome"]["status"] != "ok":
            defect = self._raised(recipe, sound["outcome"])
            if defect is not None:
                return _known([defect]) or _OK
            return Proof("failed", (f"a client that does not fail: {_ended(sound['outcome'])}",))
        wrong = [
            f"{each['fail']} fails, and the run is a success" for each in failing if each["outcome"]["status"] == "ok"
        ]
        return _proof(wrong)

    def _pipeline(self, recipe: Asked, facts: Facts) -> Proof:
        whole = facts["whole"]
        skipped = [f"{name}: {reason}" for name, reason in dict(whole["not_run"] or ()).items()]
        if whole["evaluates"] and not whole["evaluated"]:
            skipped.append("the evaluation: tinkex_cookbook is not among the compiled packages")
        if whole["outcome"]["status"] != "ok":
            defect = self._raised(recipe, whole["outcome"])
            if defect is None:
                return Proof("failed", (_ended(whole["outcome"]),))
            if whole["rest"]["status"] != "ok":
                return Proof("failed", (f"the stages behind the training: {_ended(whole['rest'])}",))
            return _known([defect]) or _OK
        return Proof("not run", tuple(skipped)) if skipped else _OK

    # Known defects ----------------------------------------------------------------------------------------------------

    def _raised(self, recipe: Asked, outcome: Facts) -> Defect | None:
        """The known defect of a stage of this recipe that ends a run like this."""
        for defect in self._touching([recipe]):
            if defect.raises is not None and all(outcome.get(key) == value for key, value in defect.raises.items()):
                return defect
        return None

    def _other_rates(self, recipe: Asked, config: Facts, seen: Sequence[Any]) -> Defect | None:
        for defect in self._touching([recipe]):
            if defect.rates is None or (config.get("options") or {}).get("lr_schedule") == defect.rates["says_not"]:
                continue
            if numbers.difference(numbers.expected(recipe.type, config, defect.rates["sees"]).rates, seen) is None:
                return defect
        return None

    def _touching(self, recipes: Sequence[Asked]) -> Iterator[Defect]:
        """The defects of these packages that stages of these recipes have."""
        modules = {module for recipe in recipes for module in recipe.modules.values()}
        for defect in defects().values():
            stages = {*defect.stages, *_wrapped(defect)}
            if defect.covers(self.releases.get(defect.package, "")) and (not stages or modules & stages):
                yield defect

    def _known(self, recipes: Sequence[Asked], rows: Sequence[Row]) -> Iterator[Known]:
        assert self.elixir is not None
        for defect in self._touching(recipes):
            stopped = tuple(row.id for row in rows if any(proof.defect == defect.id for proof in row.proofs.values()))
            wrapped = tuple(
                recipe.id for recipe in recipes if not set(recipe.modules.values()).isdisjoint(_wrapped(defect))
            )
            state = self.elixir.get("probes", {}).get(defect.id, "nothing asked for it")
            package = f"{defect.package} {self.releases[defect.package]}"
            yield Known(defect.id, defect.title, package, "shown" if stopped else state, stopped, wrapped)

    # Options without effect -------------------------------------------------------------------------------------------

    def _effects(self, recipes: Sequence[Asked]) -> Iterator[Problem]:
        for recipe in recipes if self.elixir is not None else ():
            facts = (self.elixir or {})["recipes"].get(recipe.id) or {}
            trained = any(run["seen"] and run["seen"]["rates"] for run in facts.get("rates", ()))
            # What did not train at all says nothing of its options.
            for name, options in dict(facts.get("effects") or {}).items() if trained else ():
                yield from self._without_effect(recipe, name, dict(options or {}))

    def _without_effect(self, recipe: Asked, name: str, options: Facts) -> Iterator[Problem]:
        stage = recipe.stages[name]
        assert stage is not None
        release = self._release(stage.info.package)
        properties = self.schemas.documents[stage.key]["properties"]
        for option, effect in options.items():
            said = release in properties[option].get("x-no-effect", ())
            problem = effect_problem(f"{stage.info.module} of {release}", option, effect, said)
            if problem is not None:
                yield problem._replace(place=Place(f"schemas/{stage.key}"))

    def _release(self, package: str | None) -> str:
        name = (package or "").partition(" ")[0]
        return f"{name}@{self.releases.get(name, '')}"


def effect_problem(stage: str, option: str, effect: Facts, said: bool) -> Problem | None:
    """What is odd of an option's effect through ports and on a direct client; `said`: its schema says it has none."""
    where = Place("schemas")
    if not effect["direct"]:
        hint = "" if said else "add the release to x-no-effect of the option in its schema"
        message = f"{stage} accepts {option} and does not use it"
        return Problem(where, "E0911", message, hint=hint, severity="notice" if said else "warning")
    if not effect["ports"]:
        message = f"{stage} gives {option} to a training_client only, not through ports"
        return Problem(where, "E0911", message, severity="notice")
    if said:
        message = f"{stage} uses {option}, and its schema says that it has no effect"
        return Problem(where, "E0912", message, hint="take the release out of x-no-effect", severity="warning")
    return None


def gone(known: Known) -> Problem:
    """That a defect which is known no longer shows."""
    compat = defects()[known.id].compat
    hint = f"take {compat} out of compat" if known.wrapped and compat else ""
    message = f"{known.id} has gone from {known.package} (it was: {known.title})"
    return Problem(Place(known.package.partition(" ")[0]), "E0913", message, hint=hint, severity="warning")


def _wrapped(defect: Defect) -> set[str]:
    """The wrapper stages that stand in for the ones with the defect."""
    return set(defect.wrapper["modules"].values()) if defect.wrapper is not None else set()


def _known(met: Sequence[Defect]) -> Proof | None:
    return Proof("known", (f"{met[0].id}: {met[0].title}",), met[0].id) if met else None


def _proof(wrong: Iterable[str]) -> Proof:
    found = tuple(wrong)
    return Proof("failed", found) if found else _OK


def _without(facts: Facts | None, elixir: Facts | None) -> Proof | None:
    """Why nothing was run, or None where something was."""
    if elixir is None:
        return _NO_ELIXIR
    if facts is None:
        return Proof("not run", ("it does not compile",))
    if "rates" not in facts:
        return Proof("failed", (f"the experiment cannot be built: {_ended(facts['built'])}",))
    return None


def _ended(outcome: Facts) -> str:
    """How a run ended, in words."""
    match outcome["status"]:
        case "ok" if outcome.get("error"):
            return f"the last step failed: {outcome['error']}"
        case "ok":
            return "it ended well"
        case "error":
            stage = f"{outcome['stage']} " if outcome.get("stage") else ""
            return f"{stage}answered {_first_line(outcome['reason'])}"
    at = f" in {outcome['function']}" if outcome.get("function") else ""
    return f"{outcome['exception']}{at}: {_first_line(outcome['message'])}"


def _differences(found: Mapping[str, str | None], wanted: str, name: str) -> Iterator[str]:
    for who, text in found.items():
        if text is not None and text != wanted:
            path, one, other = _first_difference(json.loads(wanted), json.loads(text), "experiment")
            yield f"{path} is {_short(one)} in {name}, and {_short(other)} in {who}"


def _first_difference(one: Any, other: Any, path: str) -> tuple[str, Any, Any]:
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


def _where(said: Facts) -> str:
    place = shown(Path(said["file"]))
    return f"{place}:{said['line']}" if said["line"] else place


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else ""
    return line if len(line) <= 200 else line[:197] + "..."

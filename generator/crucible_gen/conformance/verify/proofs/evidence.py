"""What a verification rests on: the responses of both languages, and what is known of the packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from crucible_gen.conformance.contracts import Stage as StageContract
from crucible_gen.conformance.verify.generated import GeneratedFiles
from crucible_gen.conformance.verify.recipe_case import RecipeCase
from crucible_gen.conformance.verify.report import Proof
from crucible_gen.conformance.verify.responses import CanonicalJson, ElixirResponse, PythonResponse, RecipeFacts
from crucible_gen.ir.defects import Defect, defects
from crucible_gen.schemas import Schemas

OK = Proof("ok")
NO_ELIXIR = Proof("not run", ("there is no Elixir",))
NOT_COMPILED = Proof("not run", ("it does not compile",))


@dataclass(frozen=True)
class Packages:
    """The compiled packages: their releases by name, and what contracts say of their stages, by module."""

    releases: Mapping[str, str]
    stages: Mapping[str, StageContract]

    def release(self, package: str | None) -> str:
        """`crucible_train@0.3.0` for the package that a stage's schema names, which may be followed by a range."""
        name = (package or "").partition(" ")[0]
        return f"{name}@{self.releases.get(name, '')}"


@dataclass(frozen=True)
class Evidence:
    """Everything that the proofs of all recipes share.

    `out` is the output directory; `elixir` is None where there is no Elixir; `run` says that recipes were run.
    """

    schemas: Schemas
    out: Path
    files: GeneratedFiles
    packages: Packages
    python: PythonResponse
    elixir: ElixirResponse | None
    run: bool = False

    @cached_property
    def all_files(self) -> frozenset[str]:
        """The paths of all generated Elixir files."""
        return frozenset({*map(str, self.files.own.values()), *map(str, self.files.shared)})

    def of(self, case: RecipeCase) -> CaseEvidence:
        """The evidence about one recipe."""
        facts = self.elixir.recipes.get(case.id) if self.elixir is not None else None
        return CaseEvidence(self, case, facts, self.python.recipes[case.id])

    def defects_of(self, modules: frozenset[str]) -> Iterator[Defect]:
        """The known defects of these packages that one of these stages has."""
        for defect in defects().values():
            covered = defect.covers(self.packages.releases.get(defect.package, ""))
            if covered and (not defect.stages or not modules.isdisjoint(defect.stages)):
                yield defect


@dataclass(frozen=True)
class CaseEvidence:
    """The evidence about one recipe: its facts in Elixir (None: it does not compile), and its JSON in Python."""

    shared: Evidence
    case: RecipeCase
    facts: RecipeFacts | None
    python: list[CanonicalJson]

    @property
    def no_facts(self) -> Proof:
        """Why there are no facts in Elixir."""
        return NO_ELIXIR if self.shared.elixir is None else NOT_COMPILED

    @property
    def defects(self) -> Iterator[Defect]:
        """The known defects that a stage of this recipe has."""
        return self.shared.defects_of(frozenset(self.case.modules.values()))


def proof(failures: list[str]) -> Proof:
    """A proof that failed for these reasons, or holds without one."""
    return Proof("failed", tuple(failures)) if failures else OK


def first_line(text: str) -> str:
    """The first line of a text that is not blank, at most 200 characters of it."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= 200 else line[:197] + "..."

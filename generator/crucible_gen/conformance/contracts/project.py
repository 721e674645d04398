"""The project that a `gen contracts` command runs in: its settings, schemas, contracts and recipes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from crucible_gen import factory, results
from crucible_gen.conformance.contracts import contract as contract_files
from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.impact import Use, uses
from crucible_gen.diagnostics import shown
from crucible_gen.ir import lower
from crucible_gen.languages import emit, registry
from crucible_gen.output.plan import Plan
from crucible_gen.output.survey import Action, Kind, Stamp
from crucible_gen.recipes import ids, settings, vocabulary
from crucible_gen.recipes.settings import Settings
from crucible_gen.schemas import Schemas


class RecipeUses(NamedTuple):
    """By recipe: the structs and stages that its experiment uses, and the paths of the files generated from it."""

    uses: Mapping[str, Sequence[Use]]
    files: Mapping[str, Sequence[str]]


class Project(NamedTuple):
    """The settings of a project, and the schemas with those of the project in place."""

    settings: Settings
    schemas: Schemas

    @classmethod
    def find(cls) -> Project:
        """The project around the working directory. Raises Problems for settings or schemas that are wrong."""
        found = settings.find(Path.cwd(), {})
        return cls(found, vocabulary.load(results.requested(found, []).schemas))

    @property
    def contract_folders(self) -> list[Path]:
        """Where contracts are looked for, in order."""
        return contract_files.folders(self.settings.root)

    def contract(self, name: str) -> Contract:
        """The contract that a name or a path means. Raises Problems where none does."""
        return contract_files.find(name, self.contract_folders)

    def chosen_contracts(self, paths: Sequence[Path], against: Sequence[str]) -> dict[str, Contract]:
        """By package, the contract to compare with: those named, else the newest in `paths`, else the newest known.

        Of a Python package the release that the runtime is written for is taken, unless another one is named: which
        one runs is decided by the environment, not by the files of the project.
        """
        if against:
            return {contract.package: contract for contract in map(self.contract, against)}
        if paths:
            return contract_files.newest(contract for path in paths for contract in contract_files.folder(path))
        known = (contract for folder in self.contract_folders for contract in contract_files.folder(folder))
        chosen = contract_files.newest(known)
        for package, baseline in self.baselines().items():
            if baseline.language == "python":
                chosen[package] = baseline
        return dict(sorted(chosen.items()))

    def baselines(self) -> dict[str, Contract]:
        """By package, the contract of the release that our schemas or our runtime were written for, where it is known.

        The shipped one, if there is one: what lies in the project may be what somebody has just pulled.
        """
        documents = self.schemas.documents.values()
        names = {str(document["x-contract"]) for document in documents if "x-contract" in document}
        names |= {f"{name}@{package.written_for}" for name, package in contract_files.python_packages().items()}
        baselines: dict[str, Contract] = {}
        for name in sorted(names):
            package, _, version = name.partition("@")
            for folder in reversed(self.contract_folders):
                path = folder / f"{package}-{version}.json"
                if os.path.isfile(path):
                    baselines[package] = contract_files.read(path)
                    break
        return baselines

    def recipe_uses(self) -> RecipeUses:
        """What each recipe of the settings uses. Raises Problems for recipes that are wrong."""
        paths = [self.settings.base("recipes") / path for path in self.settings.texts("recipes")]
        if not paths:
            return RecipeUses({}, {})
        request = results.requested(self.settings, paths)._replace(targets=registry.BUILT_IN, profile=None)
        wanted = emit.Wanted(request.root, request.out, request.targets, options=request.options, places=request.places)
        emitter = emit.Emitter(self.schemas, wanted)
        used: dict[str, Sequence[Use]] = {}
        files: dict[str, Sequence[str]] = {}
        for recipe in factory.read(request, self.schemas):
            experiment = lower.lower(recipe.node, self.schemas)
            used[recipe.id] = uses(experiment, self.schemas)
            sources = [(each.path, each.digest) for each in recipe.sources]
            emitted = emitter.recipe(experiment, sources, ids.stem(recipe.id))
            files[recipe.id] = [f"{shown(request.out)}/{file.path}" for file in emitted]
        return RecipeUses(used, files)


def plan_files(folder: Path, texts: Mapping[Path, bytes]) -> Plan:
    """A plan that creates or updates these files; equal ones are kept."""
    return Plan(folder, tuple(_action(folder, path, new) for path, new in sorted(texts.items())), ())


def _action(folder: Path, path: Path, new: bytes) -> Action:
    name = Path(os.path.relpath(path, folder)).as_posix()
    if not os.path.isfile(path):
        return Action("create", name, new=new)
    old = path.read_bytes()
    kind: Kind = "keep" if old == new else "update"
    return Action(kind, name, old=old, new=new, stamp=Stamp.of(path.stat()))

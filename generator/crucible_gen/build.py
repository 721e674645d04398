"""The whole program on one page: recipe files in, output files and problems out. Nothing here touches the disk but to read.

    find -> load -> resolve -> validate -> rules -> lower -> emit

Every problem of every recipe is collected; files are made only when there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crucible_gen import defects, emit, extend, find, lower, rules, schema
from crucible_gen.advise import Advice
from crucible_gen.bundle import bundle
from crucible_gen.problems import Place, Problem, Problems, did_you_mean
from crucible_gen.resolve import Reader, Recipe
from crucible_gen.validate import Validator

if TYPE_CHECKING:
    from crucible_gen.files import File
    from crucible_gen.schema import Schemas

CODES = {
    "E0304": "no recipe has the profile",
    "E0307": "no recipe has the id that --only names",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked for. Paths are absolute or relative to the working directory.

    `root` is the project root, which paths in outputs are relative to; `only` are recipe ids; `targets` are of
    `emit.TARGETS`; `compat` are releases whose known defects the generated project works around.
    """

    paths: Sequence[Path]
    root: Path
    out: Path
    targets: Sequence[str] = ("elixir", "python", "ir")
    only: Sequence[str] = ()
    profile: str | None = None
    schemas: Sequence[Path] = ()
    templates: Path | None = None
    compat: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run: either files, or problems in order of place."""

    recipes: int
    files: tuple[File, ...] = ()
    problems: tuple[Problem, ...] = ()
    stopped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The recipes that known defects stop from running, with the ids of those defects."""


def build(request: Request) -> Result:
    """Every file that the request asks for, or every problem that is in the way."""
    try:
        schemas = extend.extend(schema.load(), request.schemas)
        recipes = read(request, schemas)
        emitter = emit.Emitter(schemas, request.root, request.templates, request.profile, request.compat)
        files: list[File] = []
        stopped: dict[str, tuple[str, ...]] = {}
        for recipe in recipes:
            experiment = lower.lower(recipe, schemas, request.compat)
            files += emitter.recipe(recipe, experiment, request.targets)
            found = defects.stopping((stage.module for stage in experiment.stages), schemas.releases)
            stopped |= {recipe.id: tuple(defect.id for defect in found)} if found else {}
        files += emitter.shared(request.targets)
        return Result(len(recipes), tuple(sorted(files, key=lambda file: file.path)), stopped=stopped)
    except Problems as error:
        return Result(0, problems=tuple(sorted(set(error.problems))))


def read(request: Request, schemas: Schemas) -> list[Recipe]:
    """The valid recipes that the request names, sorted by id. Raises Problems with all that is wrong in any of them."""
    problems: list[Problem] = list(rules.compat((release, Place("compat")) for release in request.compat))
    sources = find.recipes(request.paths, request.out, problems)
    reader, validator = Reader(schemas), Validator(bundle(schemas), advise=Advice(schemas))
    recipes: list[Recipe] = []
    for source in sources:
        try:
            recipes.append(reader.recipe(source, request.profile))
        except Problems as error:
            problems += error.problems
    recipes = [recipe for recipe in recipes if not reader.is_fragment(recipe.source)]
    for recipe in recipes:
        found = validator.check(recipe.written, rules.identity(recipe))
        for _, variant in recipe.variants:
            found += validator.check(variant, found)
        problems += found or rules.check(recipe, schemas)
    problems += rules.check_all(recipes)
    problems += profile_problems(recipes, request.profile)
    chosen = _chosen(recipes, request.only, problems)
    if problems:
        raise Problems(problems)
    return sorted(chosen, key=lambda recipe: recipe.id)


def _chosen(recipes: Sequence[Recipe], only: Sequence[str], problems: list[Problem]) -> list[Recipe]:
    if not only:
        return list(recipes)
    ids = {recipe.text("id") or "": recipe for recipe in recipes}
    for name in only:
        if name not in ids:
            hint = did_you_mean(name, ids) or f"recipes here: {', '.join(sorted(ids))}"
            problems.append(Problem(Place(f"--only {name}"), "E0307", f"no recipe has the id {name}", hint=hint))
    return [ids[name] for name in dict.fromkeys(only) if name in ids]


def profile_problems(recipes: Iterable[Recipe], profile: str | None) -> list[Problem]:
    """What is wrong with a profile that is asked for: that none of the recipes has it."""
    if profile is None:
        return []
    known = sorted({name for recipe in recipes for name, _ in recipe.variants})
    if profile in known:
        return []
    hint = did_you_mean(profile, known) or (f"profiles here: {', '.join(known)}" if known else "no recipe has profiles")
    return [Problem(Place(f"--profile {profile}"), "E0304", f"no recipe has the profile {profile}", hint=hint)]

"""The whole program on one page: recipe files in, output files and problems out. Nothing here touches the disk but to read.

    find -> load -> resolve -> validate -> rules -> lower -> emit

Every problem of every recipe is collected; files are made only when there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from crucible_gen import defects, emit, extend, find, lower, manifest, names, rules, schema, workers
from crucible_gen.advise import Advice
from crucible_gen.bundle import bundle
from crucible_gen.made import Known, Made, Request, Result
from crucible_gen.problems import Place, Problem, Problems, did_you_mean
from crucible_gen.resolve import Reader, Recipe
from crucible_gen.validate import Validator

if TYPE_CHECKING:
    from crucible_gen.files import File
    from crucible_gen.lower import Experiment
    from crucible_gen.schema import Schemas

__all__ = ["Known", "Made", "Request", "Result", "build", "profile_problems", "read"]

_T = TypeVar("_T")

CODES = {
    "E0304": "no recipe has the profile",
    "E0307": "no recipe has the id that --only names",
}


_NOTHING = Known()
_CHUNK = 100
"""So many recipes take longer than to start a worker."""


def build(request: Request, known: Known = _NOTHING) -> Result:
    """Every file that the request asks for and that is not `known`, or every problem that is in the way."""
    problems: list[Problem] = list(rules.compat((release, Place("compat")) for release in request.compat))
    workshop = Workshop(request)
    try:
        made = _made(find.files(request.paths, request.out, problems), workshop, known, problems)
        problems += _between(list(made.values()), request, known)
        chosen = _chosen({each.id: each for each in made.values()}, request.only, problems) or [*made.values()]
        if problems:
            raise Problems(problems)
        wraps = any(each.wraps for each in chosen)
        shared = known.shared if known.shared and known.shared.wraps == wraps else workshop.shared(wraps)
    except Problems as error:
        return Result(0, problems=tuple(sorted(set(error.problems))))
    files = [file for each in (*chosen, shared) for file in each.files]
    stopped = {each.id: each.stopped for each in sorted(chosen, key=lambda each: each.id) if each.stopped}
    return Result(len(chosen), tuple(sorted(files, key=lambda file: file.path)), (), stopped, made, shared)


def again(workshop: Workshop, before: Mapping[str, Made]) -> tuple[dict[str, Made], tuple[File, ...]] | None:
    """Some recipes made anew, by the paths of their files, and their outputs.

    None where one is not valid, or shows another face than before: then all recipes have to be looked at.
    """
    made, problems, _ = workshop.make_all(list(before))
    if problems or any(each.problems or each.face != before[path].face for path, each in made.items()):
        return None
    return made, tuple(sorted((file for each in made.values() for file in each.files), key=lambda file: file.path))


def _made(files: Sequence[str], workshop: Workshop, known: Known, problems: list[Problem]) -> dict[str, Made]:
    """What comes of each recipe file, by its path; a file that others extend and that has no id is none."""
    unknown = [path for path in files if path not in known.made]
    made = {path: known.made[path] for path in files if path in known.made}
    extended = {base for each in made.values() for base, _ in each.sources[1:]}
    if unknown:
        _ = workshop.tools  # before there are workers, and so that what is wrong with them is raised here
    for new, wrong, bases in workers.spread(workshop.make_all, workers.chunks(unknown, _CHUNK)):
        made |= new
        problems += wrong
        extended |= bases
    return {path: made[path] for path in files if path in made and (made[path].id or path not in extended)}


def _between(made: Sequence[Made], request: Request, known: Known) -> Iterable[Problem]:
    """The problems of each recipe, and those that none has alone."""
    for each in made:
        yield from each.problems
    ids = [each.id for each in made if each.id]
    if len(set(ids)) < len(ids) or not known.ids.issuperset(ids):
        yield from names.collisions([(each.id, each.place) for each in made if each.id])
    yield from profile_problems((each.profiles for each in made), request.profile)


class Workshop:
    """What recipes are made with, fetched when the first recipe asks for it."""

    def __init__(self, request: Request) -> None:
        """Takes what the run is asked for."""
        self.request = request

    @cached_property
    def tools(self) -> tuple[Schemas, Reader, Validator, emit.Emitter]:
        """Schemas, and what reads, validates and prints recipes. Raises Problems for schemas or templates of one's own."""
        asked = self.request
        schemas = extend.extend(schema.load(), asked.schemas)
        emitter = emit.Emitter(schemas, asked.root, asked.templates, asked.profile, asked.compat, asked.elixir_runtime)
        return schemas, Reader(schemas), _validator(schemas), emitter

    def make_all(self, files: Sequence[str]) -> tuple[dict[str, Made], list[Problem], set[str]]:
        """Recipe files to what comes of each, what is wrong with the others, and the files that any of them extends.

        Each step is done for all of them before the next one is: code runs faster that ran just before.
        """
        asked = self.request
        schemas, reader, _, _ = self.tools
        recipes: dict[str, Recipe] = {}
        problems: list[Problem] = []
        for path in files:
            try:
                recipes[path] = reader.recipe(find.source(path), asked.profile)
            except Problems as error:
                problems += error.problems
        made = {path: self._checked(recipe) for path, recipe in recipes.items()}
        valid = [path for path, each in made.items() if not each.problems and (not asked.only or each.id in asked.only)]
        experiments = {path: lower.lower(recipes[path], schemas, asked.compat) for path in valid}
        made |= {path: self._printed(made[path], recipes[path], experiments[path]) for path in valid}
        return made, problems, set(map(str, reader.extended))

    def _checked(self, recipe: Recipe) -> Made:
        """What others see of a recipe, and what is wrong in it."""
        schemas, _, validator, _ = self.tools
        return Made(
            recipe.text("id") or "",
            sources=tuple((str(each.path), each.digest) for each in recipe.sources),
            profiles=tuple(name for name, _ in recipe.variants),
            place=rules.id_place(recipe),
            problems=tuple(_problems(recipe, validator, schemas)),
        )

    def _printed(self, made: Made, recipe: Recipe, experiment: Experiment) -> Made:
        """The recipe with its outputs."""
        schemas, _, _, emitter = self.tools
        try:
            files = tuple(emitter.recipe(recipe, experiment, self.request.targets))
        except Problems as error:  # of a template: the same for every recipe
            return made._replace(problems=error.problems)
        found = defects.stopping((stage.module for stage in experiment.stages), schemas.releases)
        stopped = tuple(defect.id for defect in found)
        outputs = tuple(file.path for file in files)
        return made._replace(stopped=stopped, wraps=emit.wraps(experiment), outputs=outputs, files=files)

    def shared(self, wraps: bool) -> Made:
        """What all recipes share; `wraps` says whether any of them names a wrapper stage."""
        files = tuple(self.tools[3].shared(self.request.targets, wraps=wraps))
        if self.request.whole:
            files += (manifest.file(self.request.targets),)
        return Made("", wraps=wraps, outputs=tuple(file.path for file in files), files=files)


def read(request: Request, schemas: Schemas) -> list[Recipe]:
    """The valid recipes that the request names, sorted by id. Raises Problems with all that is wrong in any of them."""
    problems: list[Problem] = list(rules.compat((release, Place("compat")) for release in request.compat))
    sources = find.recipes(request.paths, request.out, problems)
    reader, validator = Reader(schemas), _validator(schemas)
    recipes: list[Recipe] = []
    for source in sources:
        try:
            recipes.append(reader.recipe(source, request.profile))
        except Problems as error:
            problems += error.problems
    recipes = [recipe for recipe in recipes if not reader.is_fragment(recipe.source)]
    for recipe in recipes:
        problems += _problems(recipe, validator, schemas)
    problems += rules.check_all(recipes)
    problems += profile_problems(([name for name, _ in recipe.variants] for recipe in recipes), request.profile)
    chosen = _chosen({recipe.text("id") or "": recipe for recipe in recipes}, request.only, problems) or recipes
    if problems:
        raise Problems(problems)
    return sorted(chosen, key=lambda recipe: recipe.id)


def _validator(schemas: Schemas) -> Validator:
    return Validator(bundle(schemas), advise=Advice(schemas))


def _problems(recipe: Recipe, validator: Validator, schemas: Schemas) -> list[Problem]:
    """What is wrong with a recipe, as it is written and under each of its profiles."""
    found = validator.check(recipe.written, rules.identity(recipe))
    for _, variant in recipe.variants:
        found += validator.check(variant, found)
    return found or rules.check(recipe, schemas)


def _chosen(by_id: Mapping[str, _T], only: Sequence[str], problems: list[Problem]) -> list[_T]:
    """Those that `--only` names; an id that none has is added to `problems`."""
    for name in only:
        if name not in by_id:
            hint = did_you_mean(name, by_id) or f"recipes here: {', '.join(sorted(by_id))}"
            problems.append(Problem(Place(f"--only {name}"), "E0307", f"no recipe has the id {name}", hint=hint))
    return [by_id[name] for name in dict.fromkeys(only) if name in by_id]


def profile_problems(profiles: Iterable[Iterable[str]], profile: str | None) -> list[Problem]:
    """What is wrong with a profile that is asked for: that none of the recipes, whose profiles are given, has it."""
    if profile is None:
        return []
    known = sorted({name for names in profiles for name in names})
    if profile in known:
        return []
    hint = did_you_mean(profile, known) or (f"profiles here: {', '.join(known)}" if known else "no recipe has profiles")
    return [Problem(Place(f"--profile {profile}"), "E0304", f"no recipe has the profile {profile}", hint=hint)]

"""Recipe files become products: load, resolve, validate, lower, emit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from crucible_gen.diagnostics import Place, Problem, Problems, did_you_mean
from crucible_gen.ir import defects, lower
from crucible_gen.languages import emit, registry
from crucible_gen.output import manifest
from crucible_gen.recipes import discover, ids, reach, resolve, rules, vocabulary, warnings
from crucible_gen.results import Product, Request

if TYPE_CHECKING:
    from crucible_gen.documents import Validator
    from crucible_gen.ir.lower import Experiment
    from crucible_gen.languages import Language
    from crucible_gen.recipes.resolve import Reader, Recipe
    from crucible_gen.schemas import Schemas

_T = TypeVar("_T")

CODES = {
    "E0304": "no recipe has the profile",
    "E0307": "no recipe has the id that --only names",
}


_LACKS = ("E0202", "E0208")
"""Codes of problems of fields that are not there, which have the place of the mapping around them."""


class Factory:
    """Makes products of recipe files; what that needs is fetched when the first recipe asks for it."""

    def __init__(self, request: Request) -> None:
        """Takes what the run is asked for."""
        self.request = request

    @cached_property
    def schemas(self) -> Schemas:
        """What recipes are held to. Raises Problems for schemas of the user."""
        return vocabulary.load(self.request.schemas, self.languages)

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """The languages that recipes must be possible in: the built-in ones, and those that the run asks for."""
        return languages(self.request)

    @cached_property
    def reader(self) -> Reader:
        """What loads and resolves recipes."""
        return resolve.Reader(self.schemas, boundary=self.request.boundary)

    @cached_property
    def validator(self) -> Validator:
        """What checks recipes against their schema."""
        return vocabulary.validator(self.schemas)

    @cached_property
    def checker(self) -> warnings.Checker:
        """What finds the warnings of valid recipes."""
        run = any(registry.get(target).engines for target in self.request.targets)
        return warnings.Checker(self.schemas, engines_run=run)

    @cached_property
    def emitter(self) -> emit.Emitter:
        """What prints experiments. Raises Problems for templates of the user."""
        asked = self.request
        wanted = emit.Wanted(
            asked.root,
            asked.out,
            asked.targets,
            asked.templates,
            asked.profile,
            asked.options,
            asked.places,
        )
        return emit.Emitter(self.schemas, wanted)

    def prepare(self) -> None:
        """Fetches everything, so that worker processes start with it, and that what is wrong with it is raised here."""
        _ = self.schemas, self.reader, self.validator, self.checker, self.emitter

    def make(self, files: Sequence[str]) -> tuple[dict[str, Product], list[Problem], set[str]]:
        """Recipe files to products, with the problems of files that give none, and the files that any of them extends.

        Each step is done for all of them before the next one is: code runs faster that ran just before.
        """
        asked = self.request
        self.prepare()
        recipes: dict[str, Recipe] = {}
        problems: list[Problem] = []
        for path in files:
            source = discover.source(path)
            try:
                recipes[path] = self.reader.recipe(source, asked.profile)  # load, resolve
            except Problems as error:
                problems += reach.marked(error.problems, Place(source.name))
        products = {path: self._validated(recipe) for path, recipe in recipes.items()}  # validate
        valid = [
            path for path, each in products.items() if not each.problems and (not asked.only or each.id in asked.only)
        ]
        experiments = {path: lower.lower(recipes[path].node, self.schemas) for path in valid}  # lower
        products |= {path: self._emitted(products[path], recipes[path], experiments[path]) for path in valid}  # emit
        return products, problems, set(map(str, self.reader.extended))

    def remake(self, files: Sequence[str]) -> dict[str, Product] | None:
        """Some recipe files made again; None where one is not valid, since then all recipes have to be looked at."""
        products, problems, _ = self.make(files)
        return None if problems or any(each.problems for each in products.values()) else products

    def shared(self) -> Product:
        """The files that all recipes share."""
        files = tuple(self.emitter.shared())
        if self.request.whole:
            files += (manifest.file(self.request.targets, registry.shipped_folders()),)
        return Product("", outputs=tuple(file.path for file in files), files=files)

    def _validated(self, recipe: Recipe) -> Product:
        """What others see of a recipe, what is wrong in it, and of a valid one what is probably not meant."""
        problems = tuple(_problems(recipe, self.validator, self.schemas, self.languages))
        return Product(
            recipe.text("id") or "",
            sources=tuple((str(each.path), each.digest) for each in recipe.sources),
            profiles=tuple(name for name, _ in recipe.variants),
            place=rules.id_place(recipe),
            problems=problems,
            warnings=() if problems else self.checker.check(recipe),
        )

    def _emitted(self, product: Product, recipe: Recipe, experiment: Experiment) -> Product:
        """The product with its files."""
        sources = [(each.path, each.digest) for each in recipe.sources]
        try:
            files = tuple(self.emitter.recipe(experiment, sources, ids.stem(experiment.id)))
        except Problems as error:  # of a template: the same for every recipe
            return product._replace(problems=error.problems)
        found = defects.stopping((stage.module for stage in experiment.stages), self.schemas.releases)
        return product._replace(
            stopped=tuple(defect.id for defect in found),
            outputs=tuple(file.path for file in files),
            files=files,
        )


def read(request: Request, schemas: Schemas) -> list[Recipe]:
    """The valid recipes that the request names, sorted by id. Raises Problems with all that is wrong in any of them."""
    problems: list[Problem] = []
    sources = discover.recipes(request.paths, request.out, problems)
    reader, validator = resolve.Reader(schemas, boundary=request.boundary), vocabulary.validator(schemas)
    recipes: list[Recipe] = []
    for source in sources:
        try:
            recipes.append(reader.recipe(source, request.profile))
        except Problems as error:
            problems += reach.marked(error.problems, Place(source.name))
    recipes = [recipe for recipe in recipes if not reader.is_fragment(recipe.source)]
    wanted = languages(request)
    for recipe in recipes:
        problems += _problems(recipe, validator, schemas, wanted)
    problems += rules.check_all(recipes, wanted)
    problems += profile_problems(([name for name, _ in recipe.variants] for recipe in recipes), request.profile)
    named = chosen({recipe.text("id") or "": recipe for recipe in recipes}, request.only, problems) or recipes
    if problems:
        raise Problems(reach.joined(problems, {source.name for source in sources if reader.is_fragment(source)}))
    return sorted(named, key=lambda recipe: recipe.id)


def languages(request: Request) -> tuple[Language, ...]:
    """The built-in languages, and those of the targets that are installed besides, under their settings."""
    others = (registry.get(target) for target in request.targets if target not in registry.BUILT_IN)
    return tuple(each.under(request.options.get(each.name, {})) for each in (*registry.built_in(), *others))


def profile_problems(profiles: Iterable[Iterable[str]], profile: str | None) -> list[Problem]:
    """The problem of a profile that is asked for and that no recipe, whose profiles are given, has."""
    if profile is None:
        return []
    known = sorted({name for names in profiles for name in names})
    if profile in known:
        return []
    hint = did_you_mean(profile, known) or (f"profiles here: {', '.join(known)}" if known else "no recipe has profiles")
    return [Problem(Place(f"--profile {profile}"), "E0304", f"no recipe has the profile {profile}", hint=hint)]


def _problems(recipe: Recipe, validator: Validator, schemas: Schemas, wanted: Sequence[Language]) -> list[Problem]:
    """What is wrong with a recipe, as it is written and under each of its profiles."""
    found = validator.check(recipe.written, rules.identity(recipe, wanted))
    lacks = {(problem.code, problem.message) for problem in found if problem.code in _LACKS}
    for _, variant in recipe.variants:
        known = set(found)
        # What the recipe lacks, its variants lack too, and there it has another place: that of the profile.
        found += [
            each
            for each in validator.check(variant, found)
            if each not in known and (each.code, each.message) not in lacks
        ]
    return reach.marked(found or rules.check(recipe, schemas, wanted), rules.id_place(recipe))


def chosen(by_id: Mapping[str, _T], only: Sequence[str], problems: list[Problem]) -> list[_T]:
    """Those that `--only` names; an id that none has is added to `problems`."""
    for name in only:
        if name not in by_id:
            hint = did_you_mean(name, by_id) or f"recipes here: {', '.join(sorted(by_id))}"
            problems.append(Problem(Place(f"--only {name}"), "E0307", f"no recipe has the id {name}", hint=hint))
    return [by_id[name] for name in dict.fromkeys(only) if name in by_id]

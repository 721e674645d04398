"""What is wrong with a recipe although its schema accepts it.

Names must be possible in every language, stages must stand in an order that runs, and ids must be unique.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from crucible_gen.diagnostics import Place, Problem
from crucible_gen.documents import Node
from crucible_gen.ir import stages
from crucible_gen.ir.lower import utc
from crucible_gen.languages import Language
from crucible_gen.recipes import ids
from crucible_gen.recipes.resolve import Recipe
from crucible_gen.schemas import ANY, Schemas, Shape

CODES = {
    "E0411": "the id of a recipe is not the stem of its file",
    "E0412": "a stage stands before one that it needs",
    "E0413": "two stages of a pipeline have one name",
    "E0414": "two evaluation tasks or samples have one name",
    "E0415": "a text is no moment in time",
    "E0416": "a text cannot be an atom",
    "E0417": "a whole number does not fit 64 bits",
    "E0441": "a target that is in every answer",
}


def check(recipe: Recipe, schemas: Schemas, languages: Sequence[Language]) -> list[Problem]:
    """Every problem of one recipe that its schema accepts, in order of place."""
    problems: list[Problem] = []
    for node in (recipe.node, *(variant for _, variant in recipe.variants)):
        problems += _stages(node, recipe.type, schemas)
        problems += _evaluation(node)
        problems += _Values(languages).of_recipe(node, schemas)
    return sorted(set(problems))


def identity(recipe: Recipe, languages: Sequence[Language]) -> list[Problem]:
    """What is wrong with the id of any recipe, valid or not: at most one problem, and none where the id is no text."""
    id_ = recipe.text("id")
    if id_ is None:
        return []
    place = id_place(recipe)
    stem = PurePosixPath(recipe.source.name).stem
    problems = ids.id_problems(id_, place, languages)
    if id_ != stem and not problems:
        message = f"id must be {stem}, the file's name without its ending, found {id_}"
        return [Problem(place, "E0411", message, hint=f"write id: {stem}, or rename the file")]
    if id_ == stem:  # another id alone would be another one than the file's
        return [each._replace(hint=f"{each.hint} (the file takes the same name)") for each in problems]
    return problems


def check_all(recipes: Iterable[Recipe], languages: Sequence[Language]) -> list[Problem]:
    """The problems of recipes that are right alone but collide: one id, one module or one file name for two."""
    return ids.collisions([(recipe.id, id_place(recipe)) for recipe in recipes if recipe.text("id")], languages)


def id_place(recipe: Recipe) -> Place:
    """Where the id stands, or the recipe that has none."""
    node = recipe.node.get("id")
    return node.place if node is not None else recipe.node.place


def _stages(node: Node, type_: str, schemas: Schemas) -> Iterator[Problem]:
    earlier: dict[str, Place] = {}
    kinds: set[str] = set()
    steps = stages.steps(node, type_, schemas)
    for step in steps:
        if step.name in earlier:
            message = f"stage {step.name} stands twice in this pipeline"
            hint = "give one of them another name: {stage: ..., name: ...}"
            yield Problem(step.place, "E0413", message, hint=hint, see=(("first here", earlier[step.name]),))
        for needed in step.stage.info.requires if step.stage is not None else ():
            if needed not in kinds:
                later = any(other.stage is not None and other.stage.info.name == needed for other in steps)
                message = f"stage {step.name} needs {needed} before it"
                hint = f"move {needed} in front of it" if later else f"add {_how(needed, schemas)}"
                yield Problem(step.place, "E0412", message, hint=hint)
        earlier.setdefault(step.name, step.place)
        if step.stage is not None:
            kinds.add(step.stage.info.name)


def _how(name: str, schemas: Schemas) -> str:
    """How a recipe asks for a stage: its key under mlops, or an entry of stages."""
    for key, stage in schemas.mlops.items():
        if stage.info.name == name:
            return f"mlops.{key}"
    return f"{{stage: {name}}} to stages"


def _evaluation(node: Node) -> Iterator[Problem]:
    tasks = node.get("evaluation", "tasks")
    yield from _unique(tasks, "name", "task")
    for task in _list(tasks):
        yield from _unique(task.get("samples"), "id", "sample")
        yield from _meaningless(task)


def _meaningless(task: Node) -> Iterator[Problem]:
    """A problem for each target that is in nearly every answer, so that the scorer finds all of them right."""
    scorer = task.get("scorer")
    if scorer is None or scorer.value != "contains":
        return
    for sample in _list(task.get("samples")):
        target = sample.get("target")
        if target is not None and isinstance(target.value, str) and not target.value.strip():
            message = "scorer contains finds every answer right: the target is blank"
            yield Problem(
                target.place, "E0441", message, hint="write what a right answer contains, or remove the sample"
            )


def _unique(items: Node | None, key: str, what: str) -> Iterator[Problem]:
    seen: dict[object, Place] = {}
    for number, item in enumerate(_list(items), 1):
        named = item.get(key)
        name = named.value if named is not None else str(number)
        place = named.place if named is not None else item.place
        if isinstance(name, str) and name in seen:
            message = f"{what} {name} stands twice"
            hint = f"give each {what} its own {key}"
            yield Problem(place, "E0414", message, hint=hint, see=(("first here", seen[name]),))
        seen.setdefault(name, place)


def _list(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()


class _Values:
    """What a value may be: a moment that exists, a name that every language can write, a whole number of 64 bits."""

    def __init__(self, languages: Sequence[Language]) -> None:
        self._languages = languages

    def of_recipe(self, node: Node, schemas: Schemas) -> Iterator[Problem]:
        """The problems of a whole recipe, where a listed stage says itself what its options are."""
        shape = schemas.recipe(schemas.kind_of(node))
        for key, inner in shape.properties.items():
            value = node.get(key)
            if value is not None and key != "stages":
                yield from self.of(value, inner)
        for place, listed in shape.properties["stages"].properties.items():
            item = listed.items or ANY
            for entry in _list(node.get("stages", place)):
                name = entry.get("stage")
                stage = schemas.stages.get(str(name.value)) if name is not None else None
                options = {"options": stage.shape} if stage is not None else {}
                yield from self.of(entry, item._replace(properties={**item.properties, **options}))

    def of(self, node: Node, shape: Shape) -> Iterator[Problem]:
        """The problems of one value and of all below it."""
        value = node.value
        if isinstance(value, dict):
            symbols = shape.kind != "text_map"
            for key, entry in value.items():
                if symbols:
                    yield from self._symbol(key, entry.key)
                yield from self.of(entry.node, shape.properties.get(key, ANY if symbols else shape))
        elif isinstance(value, tuple):
            for item in value:
                yield from self.of(item, shape.items or (shape if shape.kind == "text_map" else ANY))
        elif isinstance(value, float):  # JSON Schema counts 1.0e+300 as a whole number
            if shape.kind == "integer" and not -(2.0**63) <= value < 2.0**63:
                message = f"expected a whole number of 64 bits, found {value}"
                yield Problem(node.place, "E0417", message, hint="write a smaller number")
        elif isinstance(value, str):
            if shape.kind == "timestamp":
                yield from _moment(value, node.place)
            elif shape.kind == "symbol":
                yield from self._symbol(value, node.place)

    def _symbol(self, name: str, place: Place) -> Iterator[Problem]:
        for language in self._languages:
            if message := language.naming.symbol_problem(name):
                yield Problem(place, "E0416", message, hint="write another name")


def _moment(text: str, place: Place) -> Iterator[Problem]:
    try:
        utc(text)
    except (ValueError, OverflowError):
        message = f"expected a moment in time with its offset from UTC, found {text}"
        yield Problem(place, "E0415", message, hint="write it as in 2026-01-31T12:00:00Z")

"""The schema files of a user: stages of their own, beside the shipped ones.

Such a stage is one schema file: no Python is written for it. Every mistake in such a file is a Problem with its place,
as in a recipe.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from crucible_gen.diagnostics import Place, Problem, Problems, shown, unreadable
from crucible_gen.documents import Node, Validator, below, load
from crucible_gen.schemas.bundle import bundle
from crucible_gen.schemas.catalog import META, Schemas
from crucible_gen.schemas.shapes import Raw
from crucible_gen.schemas.shipped import shipped

TypeProblem: TypeAlias = Callable[[str], tuple[str, str] | None]
"""Why a text is no type of a language, and the fix; None where it is one."""

CODES = {
    "E0501": "a schema file is not what the meta-schema allows",
    "E0505": "the schemas setting names nothing that can be read",
}


def extend(
    schemas: Schemas,
    paths: Sequence[Path],
    reserved: frozenset[str] = frozenset(),
    types: Mapping[str, TypeProblem] = MappingProxyType({}),
) -> Schemas:
    """The schemas with those in `paths` (files, or directories of `*.schema.json`). Raises Problems.

    `reserved` are names that no live value of a stage can have, because every run has a value of that name;
    `types` tell of each language why a text is no type of it.
    """
    if not paths:
        return schemas
    meta = Validator(json.loads((shipped("schemas") / META).read_text("utf-8")), "E0501")
    problems: list[Problem] = []
    nodes: dict[str, Node] = {}
    files = _files(paths, problems)
    for file, key in _keys(files).items():
        try:
            nodes[key] = node = load.load(file, shown(file))
        except Problems as error:
            problems += error.problems
            continue
        problems += meta.check(node)
    if problems:
        raise Problems(sorted(problems))
    documents: dict[str, Any] = {key: node.plain() for key, node in nodes.items()}
    extended = Schemas({**schemas.documents, **documents}, nodes)
    if problems := [*_taken(extended, reserved), *_types(extended, types), *_defaults(extended, bundle(extended))]:
        raise Problems(sorted(problems))
    return extended


def _taken(schemas: Schemas, reserved: frozenset[str]) -> Iterator[Problem]:
    """The problems of live values under a name that means something else already."""
    for stage in schemas.stages.values():
        if (node := schemas.places.get(stage.key)) is None:
            continue
        for name in sorted(reserved & stage.injected.keys()):
            found = node.get("properties", name)
            message = f"every run has a {name} of its own, which a live value of a stage cannot be"
            hint = f"name it after its stage, such as {stage.info.name}_{name}"
            yield Problem(found.place if found is not None else node.place, "E0501", message, hint=hint)


def _types(schemas: Schemas, types: Mapping[str, TypeProblem]) -> Iterator[Problem]:
    """The problems of types of live values, which stand in generated code as they are."""
    for stage in schemas.stages.values():
        node = schemas.places.get(stage.key)
        for name, inject in stage.injected.items() if node is not None else ():
            for language, text in inject.types.items():
                said = node.get("properties", name, "x-inject", language) if node is not None else None
                problem = types[language](text) if language in types else None
                if not text.isprintable():
                    problem = (
                        f"expected a type on one line, found {text!r}",
                        "write it without line ends and control characters",
                    )
                if said is not None and problem is not None:
                    yield Problem(said.place, "E0501", f"x-inject.{language}: {problem[0]}", hint=problem[1])


def _defaults(schemas: Schemas, bundled: Raw) -> Iterator[Problem]:
    """The problems of defaults that their own schemas refuse: they would be printed unseen."""
    options = {
        rule["if"]["properties"]["stage"]["const"]: rule["then"]["properties"]["options"]["$ref"]
        for rule in bundled["$defs"]["stage_entry"]["allOf"]
    }
    for name, stage in schemas.stages.items():
        node = schemas.places.get(stage.key)
        for option, shape in stage.shape.properties.items() if node is not None and name in options else ():
            said = node.get("properties", option) if node is not None and shape.default is not None else None
            if said is not None:
                default = {"$ref": f"{options[name]}/properties/{option}"}
                part = {"$defs": bundled["$defs"], "properties": {"default": default}}
                yield from Validator(part, "E0501").check(said)


def _files(paths: Sequence[Path], problems: list[Problem]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        hint = "name a directory of *.schema.json files, or such a file"
        try:
            found = [path] if os.path.isfile(path) else below(path, ".schema.json")
        except OSError as error:
            problems.append(unreadable(error, "E0505", "there is no such file or directory", hint))
            continue
        if not found:
            problems.append(Problem(Place(shown(path)), "E0505", "no schema files are here", hint=hint))
        files += found
    return files


def _keys(files: Sequence[Path]) -> dict[Path, str]:
    """The key of each file: how the files lie to each other, whatever lies above; no shipped schema has such a key."""
    absolute = [Path(os.path.normpath(file.absolute())) for file in files]
    above = os.path.commonpath([file.parent for file in absolute]) if files else ""
    return {file: f"own/{file.relative_to(above).as_posix()}" for file in absolute}

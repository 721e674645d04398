"""The stages of a resolved recipe in their order: before, training, MLOps, after, and evaluation where it is a stage.

A stage that is off (`enabled: false`) is left out here, because a pipeline runner runs it anyway.
"""

from __future__ import annotations

from typing import NamedTuple

from crucible_gen.diagnostics import Place
from crucible_gen.documents import Node
from crucible_gen.schemas import Schemas, Stage


class Step(NamedTuple):
    """One stage of a recipe's pipeline: its name there, what its schema says, and the options that the recipe gives.

    `stage` is None for an evaluation stage, which no schema describes: `module` names it then.
    """

    name: str
    stage: Stage | None
    options: Node | None
    place: Place
    module: str


def steps(node: Node, type_: str, schemas: Schemas) -> list[Step]:
    """The steps of a recipe that its schema accepts; a stage that no schema describes is passed over."""
    found: list[Step] = []
    found += _listed(node.get("stages", "before"), schemas)
    if (training := schemas.types.get(type_)) is not None:
        config = node.get("training_config") or node
        found.append(Step(training.info.name, training, None, config.place, training.info.module))
    for key, stage in schemas.mlops.items():
        options = node.get("mlops", key)
        if options is not None:
            found.append(Step(stage.info.name, stage, options, options.place, stage.info.module))
    found += _listed(node.get("stages", "after"), schemas)
    evaluation = node.get("evaluation")
    if evaluation is not None and _text(evaluation, "as") == "stage":
        module = _text(evaluation, "module") or ""
        found.append(Step(_text(evaluation, "name") or "evaluation", None, evaluation, evaluation.place, module))
    return found


def _listed(entries: Node | None, schemas: Schemas) -> list[Step]:
    found: list[Step] = []
    for entry in entries.value if entries is not None and isinstance(entries.value, tuple) else ():
        stage = schemas.stages.get(_text(entry, "stage") or "")
        enabled = entry.get("enabled")
        if stage is None or (enabled is not None and enabled.value is False):
            continue
        name = _text(entry, "name") or stage.info.name
        found.append(Step(name, stage, entry.get("options"), entry.place, stage.info.module))
    return found


def _text(node: Node, key: str) -> str | None:
    value = node.get(key)
    return value.value if value is not None and isinstance(value.value, str) else None

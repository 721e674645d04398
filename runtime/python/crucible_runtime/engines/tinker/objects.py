"""Makes the objects of tinker_cookbook from a tree of Nodes.

Before anything is made, each class is held to its Node: a field that the installed version has and the tree does not
set would train with a default of that version, and one that it no longer has would be lost. Either ends the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

from crucible_runtime.engines.tinker.tree import OLDEST, Choice, Node, nodes
from crucible_runtime.errors import UnsupportedError
from crucible_runtime.installation.distribution import install_command

PACKAGE = "tinker-cookbook"


def version() -> str:
    """The installed version of tinker_cookbook, or the oldest one that is known where none is installed."""
    try:
        return installed_version(PACKAGE)
    except PackageNotFoundError:
        return OLDEST


def made(tree: Node, version: str) -> Any:
    """The objects of a tree; raises UnsupportedError with every field that the installed classes have otherwise."""
    if problems := differences(tree, version):
        raise UnsupportedError(problems)
    return _make(tree, version)


def differences(tree: Node, version: str) -> list[str]:
    """Each field that a class of the installed version and its Node do not both have, as a sentence."""
    found: dict[str, None] = {}
    for node in nodes(tree):
        try:
            real = set(_fields(imported(node.class_)))
        except (ImportError, AttributeError) as error:
            found[f"tinker_cookbook {version} has no {node.class_}: {error}; {_instead()}"] = None
            continue
        ours = set(node.at(version))
        for name in sorted(real - ours):
            sentence = f"{node.class_} of tinker_cookbook {version} has a field {name}, which is not set here, so that"
            found[f"{sentence} its default would be trained with; {_instead()}"] = None
        for name in sorted(ours - real):
            found[f"{node.class_} of tinker_cookbook {version} has no field {name}; {_instead()}"] = None
    return list(found)


def imported(name: str) -> Any:
    """What `module:Name` names; raises ImportError and AttributeError."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _instead() -> str:
    return f"install a version that is known: {install_command('tinker')}"


def _fields(class_: Any) -> Iterable[str]:
    if dataclasses.is_dataclass(class_):
        return [field.name for field in dataclasses.fields(class_)]
    import chz

    names: Iterable[str] = chz.chz_fields(class_)
    return names


def _make(value: Any, version: str) -> Any:
    match value:
        case Node():
            return imported(value.class_)(**{name: _make(inner, version) for name, inner in value.at(version).items()})
        case Choice():
            return imported(value.class_)(value.value)
        case list():
            return [_make(inner, version) for inner in value]
    return value
